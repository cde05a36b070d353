/*-------------------------------------------------------------------------
 *
 * escalate.c
 *		Refused writes that somebody is told of: non_owner "escalate".
 *
 * The refusal itself rolls back whatever the writer does, so the alert is
 * raised by the job that writes refused attempts down, in its transaction.
 * There is one alert for each actor, rule and dataset; it is settled once
 * somebody has acknowledged it, and the next attempt raises another.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "audit/spine_audit.h"
#include "base/job.h"
#include "ownership/alert.h"
#include "ownership/own_tables.h"
#include "ownership/settle.h"

/* Is the denial one that the dataset wants to be told of? */
bool
is_escalated(const Attempt *attempt, const Denial *denial)
{
	const SpecLifecycle *lifecycle =
		attempt->judgement.matrix->spec->lifecycle;

	return lifecycle != NULL && lifecycle->non_owner == NON_OWNER_ESCALATE &&
		denial->sqlstate == ERRCODE_INSUFFICIENT_PRIVILEGE;
}

/* {"escalate": true} */
Datum
escalation_detail(void)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_bool(&state, "escalate", true);
	return JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/* Who is told: the owner of the row's state, else of the dataset. */
static List *
parties_told(const char *asset, const char *state_name)
{
	List	   *parts = asset_key_parts(asset);
	CatalogDataset *dataset = NULL;
	SpecState  *state = NULL;

	if (list_length(parts) >= 2)
		dataset =
			catalog_dataset(asset_key(linitial(parts), lsecond(parts), NULL));
	if (dataset == NULL)
		return NIL;
	if (state_name != NULL && dataset->spec->lifecycle != NULL)
		state = spec_state(dataset->spec->lifecycle, state_name);
	if (state != NULL && state->owner != NULL)
		return list_make1(unconstify(char *, state->owner));
	return dataset->spec->standing ?
		list_make1(unconstify(char *, dataset->spec->standing)) :
		NIL;
}

/* DeniedWrittenHook: raise an alert for an attempt that is to be told. */
static void
escalate(const DeniedWritten *attempt)
{
	AlertEvent	event = {0};
	JsonbParseState *state = NULL;

	if (attempt->detail == 0 ||
		!jb_get_bool(&DatumGetJsonbP(attempt->detail)->root, "escalate",
					 false))
		return;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_text(&state, "actor", attempt->actor);
	jb_push_text(&state, "action", attempt->action);
	event.kind = "escalated_write";
	event.dataset = attempt->dataset;
	event.rule = psprintf("%s by %s", attempt->rule ? attempt->rule : "none",
						  attempt->actor);
	event.state = attempt->from_state;
	event.parties = parties_told(attempt->dataset, attempt->from_state);
	event.detail = JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
	alert_raise(&event);
}

/* Job: an escalated write that somebody has seen to is over. */
static bool
settle_escalations(void)
{
	(void) own_query("UPDATE spine.alert"
					 " SET resolved_at = pg_catalog.clock_timestamp()"
					 " WHERE kind OPERATOR(pg_catalog.=) 'escalated_write'"
					 " AND resolved_at IS NULL"
					 " AND acknowledged_at IS NOT NULL",
					 0, NULL, NULL, NULL, true);
	return false;
}

void
escalate_init(void)
{
	static const Job job =
		{.name = "escalations",
		 .description =
			 "Settles alerts of escalated writes that were acknowledged.",
		 .every = 60,
		 .work = settle_escalations};

	denied_written_hook = escalate;
	job_register(&job);
}
