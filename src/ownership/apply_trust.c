/*-------------------------------------------------------------------------
 *
 * apply_trust.c
 *		Changes of logical replication that were judged upstream.
 *
 * A trusted subscription speaks for its publisher, and for nobody else: what
 * triggers, defaults and index expressions of the tables here write while its
 * worker applies a change is judged as ever.  The worker itself writes with at
 * most its own frame on the stack of error contexts (that of applying a
 * change, or that of the COPY of an initial synchronisation) and below no
 * trigger, while code of others runs its queries below frames of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/rights.h"
#include "catalog/pg_subscription.h"
#include "ownership/settle.h"
#include "replication/logicalworker.h"
#include "replication/worker_internal.h"
#include "utils/fmgrprotos.h"

/* To be asked from a trigger of the row in question. */
bool
written_by_apply(void)
{
	return IsLogicalWorker() &&
		(error_context_stack == NULL ||
		 error_context_stack->previous == NULL) &&
		DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, (Datum) 0)) == 1;
}

/*
 * Names of subscriptions are free for the taking where one is dropped, so who
 * owns it must be a superuser or spine_admin.
 */
bool
apply_is_trusted(const SpecDataset *spec)
{
	ListCell   *lc;

	if (likely(spec->trusted == NIL) || !written_by_apply() ||
		MySubscription == NULL || !is_spine_admin(MySubscription->owner))
		return false;
	foreach (lc, spec->trusted)
		if (strcmp(lfirst(lc), MySubscription->name) == 0)
			return true;
	return false;
}
