/*-------------------------------------------------------------------------
 *
 * fallback.c
 *		The fallback of an owner who has not acted in time.
 *
 * A row that has stood in a state for longer than contention.fallback_after
 * may be written by the fallback of the state's owner as if it were that
 * owner.  One step only: the fallback of a fallback has no part in it.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/pg_type.h"
#include "nodes/value.h"
#include "ownership/own_tables.h"
#include "ownership/settle.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

/* The fallback that the document names for a party; NULL if none. */
static char *
fallback_of(const char *party)
{
	MemoryContext caller = CurrentMemoryContext;
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(party)};
	char	   *fallback = NULL;
	ActAs		before = own_begin();

	if (own_query("SELECT definition OPERATOR(pg_catalog.->>) 'fallback'"
				  " FROM spine.party WHERE party OPERATOR(pg_catalog.=) $1",
				  1, types, values, NULL, false) == 1)
		fallback = own_text(caller, 0, 1);
	own_end(&before);
	return fallback;
}

/* When spine.state_entry says that the row came to its state; false if it
 * does not. */
static bool
recorded_entry(const Attempt *attempt, TimestampTz *entered)
{
	const Judgement *judgement = &attempt->judgement;
	const Matrix *matrix = judgement->matrix;
	Oid			types[] = {TEXTOID, JSONBOID, TEXTOID};
	Datum		values[3];
	bool		isnull = true;
	ActAs		before;

	/* The key as handoff.c writes it. */
	values[0] = matrix->key_label;
	values[1] = row_shape_json(matrix->shape, judgement->old, matrix->keys);
	values[2] = matrix->states[attempt->from].label;
	before = own_begin();
	if (own_query("SELECT entered_at FROM spine.state_entry"
				  " WHERE dataset OPERATOR(pg_catalog.=) $1"
				  " AND key OPERATOR(pg_catalog.=) $2"
				  " AND state OPERATOR(pg_catalog.=) $3",
				  3, types, values, NULL, false) == 1)
		*entered = DatumGetTimestampTz(own_plain(0, 1, &isnull));
	own_end(&before);
	return !isnull;
}

/* When the row came to its state; false if nothing tells. */
static bool
entry_time(const Attempt *attempt, TimestampTz *entered)
{
	const Matrix *matrix = attempt->judgement.matrix;
	bool		isnull;
	Datum		value;

	if (matrix->entered_at == 0)
		return recorded_entry(attempt, entered);
	value = heap_getattr(attempt->judgement.old, matrix->entered_at,
						 matrix->desc, &isnull);
	*entered = isnull ? 0 : DatumGetTimestampTz(value);
	return !isnull;
}

/* Has the owner of the row's state had its time? */
static bool
time_is_over(const Attempt *attempt)
{
	const SpecLifecycle *lifecycle =
		attempt->judgement.matrix->spec->lifecycle;
	TimestampTz entered = 0;
	Datum		patience;
	Datum		deadline;

	if (!entry_time(attempt, &entered))
		return false;
	patience =
		DirectFunctionCall3(interval_in,
							CStringGetDatum(lifecycle->fallback_after),
							ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	deadline = DirectFunctionCall2(timestamptz_pl_interval,
								   TimestampTzGetDatum(entered), patience);
	return DatumGetTimestampTz(deadline) < GetCurrentTimestamp();
}

MatrixUser *
fallback_user(const Attempt *attempt, const char **owner)
{
	const Judgement *judgement = &attempt->judgement;
	const Matrix *matrix = judgement->matrix;
	const SpecLifecycle *lifecycle = matrix->spec->lifecycle;
	char	   *fallback;

	if (lifecycle == NULL || lifecycle->fallback_after == NULL ||
		matrix->parent != NULL || judgement->old == NULL ||
		attempt->from == STATE_UNKNOWN)
		return NULL;
	*owner = matrix->states[attempt->from].owner;
	if (*owner == NULL || matrix_user_has(matrix, judgement->user, *owner))
		return NULL;
	fallback = fallback_of(*owner);
	if (fallback == NULL ||
		!acts_for(judgement->user->userid, catalog_party_role(fallback)) ||
		!time_is_over(attempt))
		return NULL;
	return matrix_user_with(matrix, judgement->user, *owner);
}

/* {"name": "value"} as a datum. */
static Datum
detail_of(const char *name, const char *value)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_text(&state, name, value);
	return JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

bool
fallback_concedes(const Attempt *attempt, const Denial *denial,
				  Concession *concession)
{
	Attempt		again = *attempt;
	const char *owner;

	again.judgement.user = fallback_user(attempt, &owner);
	if (again.judgement.user == NULL || attempt_judge(&again) != NULL)
		return false;
	concession->detail = detail_of("fallback_for", owner);
	concession->party = CStringGetTextDatum(owner);
	return true;
}

/* ---- findings ---- */

/* Owners of states who have nobody to step in, each once. */
static void
check_owners(const SpecLifecycle *lifecycle, const JsonbContainer *parties,
			 const Place *place, Findings *findings)
{
	List	   *told = NIL;
	ListCell   *lc;

	foreach (lc, lifecycle->states)
	{
		const SpecState *state = lfirst(lc);
		String	   *owner;

		if (state->owner == NULL || state->terminal ||
			jb_get_text(jb_get_object(parties, state->owner), "fallback") !=
				NULL)
			continue;
		owner = makeString(pstrdup(state->owner));
		if (list_member(told, owner))
			continue;
		told = lappend(told, owner);
		finding_add(findings, FINDING_WARNING, "no_fallback", place,
					"Name a \"fallback\" of the party.",
					"party \"%s\", which owns state \"%s\", has no fallback",
					state->owner, state->name);
	}
}

/* CatalogCheckHook: can a fallback step in where one is to? */
static void
check_fallbacks(const SpecDataset *dataset, Relation rel,
				const JsonbContainer *doc, const Place *place,
				Findings *findings)
{
	Place		lifecycle = place_member(place, "lifecycle");
	Place		contention = place_member(&lifecycle, "contention");
	Place		here = place_member(&contention, "fallback_after");

	if (dataset->lifecycle == NULL ||
		dataset->lifecycle->fallback_after == NULL)
		return;
	check_owners(dataset->lifecycle, jb_get_object(doc, "parties"), &here,
				 findings);
	if (dataset->lifecycle->entered_at == NULL)
		finding_add(findings, FINDING_INFO, "fallback_by_state_entry", &here,
					"Name an attribute in \"entered_at\" to count from it.",
					"the time is counted from the row's last transition; "
					"rows without one have no fallback");
}

void
fallback_init(void)
{
	catalog_register_check(check_fallbacks);
}
