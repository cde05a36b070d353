/*-------------------------------------------------------------------------
 *
 * rights_diff.c
 *		What two revisions allow and deny differently, right by right.
 *
 * Exact by enumeration: each state, action and target that either revision
 * knows is compared, party by party, as sets of bits.  Nothing is said about
 * rights that are the same.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/listing.h"
#include "catalog/rights_diff.h"
#include "catalog/rights_table.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(spine_diff_rights);

#define ALLOWED "allowed"
#define DENIED "denied"

/* Two versions of one table under comparison. */
typedef struct Comparison
{
	const RightsWanted *wanted;
	const RightsAxes *axes;
	const RightsSide *before;
	const RightsSide *after;
	const char *state; /* the one being compared, or NULL */
} Comparison;

/* ---- telling ---- */

/* Tell about a party whose right was one thing and is another. */
static void
tell(const Comparison *c, int party, const char *action, const char *target,
	 const char *before, const char *after)
{
	bool		had = strcmp(before, DENIED) != 0;
	bool		has = strcmp(after, DENIED) != 0;
	RightChange change = {0};

	change.dataset = c->axes->dataset;
	change.party = party < c->axes->nparties ? c->axes->parties[party] : NULL;
	change.state = c->state;
	change.action = action;
	change.target = target;
	change.change = had && has ? "condition" : has ? ALLOWED : DENIED;
	change.before = c->before->present ? before : NULL;
	change.after = c->after->present ? after : NULL;
	c->wanted->visit(c->wanted->arg, &change);
}

/*
 * Compare two sets of parties; what the right is called on either side where
 * it is given.
 */
static void
compare_sets(const Comparison *c, const char *action, const char *target,
			 const uint64 *before, const char *before_text,
			 const uint64 *after, const char *after_text)
{
	bool		same = strcmp(before_text, after_text) == 0;

	for (int word = 0; word < c->axes->nwords; word++)
	{
		uint64		differ = before[word] ^ after[word];

		if (!same)
			differ |= before[word];
		for (int bit = 0; differ != 0; bit++, differ >>= 1)
			if (differ & 1)
				tell(c, word * 64 + bit, action, target,
					 before[word] >> bit & 1 ? before_text : DENIED,
					 after[word] >> bit & 1 ? after_text : DENIED);
	}
}

static void
compare_plain(const Comparison *c, const char *action, const char *target,
			  const uint64 *before, const uint64 *after)
{
	compare_sets(c, action, target, before, ALLOWED, after, ALLOWED);
}

/* ---- columns, and what may be set along with a transition ---- */

/* The transitions out of a state that let their parties set a column. */
static List *
edges_with(const RightsSide *side, int state, const char *column)
{
	List	   *edges = NIL;
	ListCell   *lc;

	if (!side->present || side->plain || side->child != NULL)
		return NIL;
	foreach (lc, side->edges[state])
	{
		SpecTransition *edge = lfirst(lc);

		if (strcmp(edge->from, edge->to) != 0 &&
			names_have(edge->with_write, column))
			edges = lappend(edges, edge);
	}
	return edges;
}

/* What a party may do with a column, in words. */
static const char *
write_text(const RightsAxes *axes, const uint64 *set, const List *edges,
		   int party)
{
	StringInfoData buf;
	ListCell   *lc;

	if (rights_has(set, party))
		return ALLOWED;
	if (party == axes->nparties)
		return DENIED;
	initStringInfo(&buf);
	foreach (lc, edges)
	{
		const SpecTransition *edge = lfirst(lc);

		if (names_have(edge->by, axes->parties[party]))
			appendStringInfo(&buf, "%s-> %s", buf.len > 0 ? ", " : "with ",
							 edge->to);
	}
	return buf.len > 0 ? buf.data : DENIED;
}

/* Compare a column party by party, since transitions speak of it. */
static void
compare_with(const Comparison *c, int column, const uint64 *before,
			 const List *old_edges, const uint64 *after, const List *new_edges)
{
	for (int party = 0; party <= c->axes->nparties; party++)
	{
		const char *was = write_text(c->axes, before, old_edges, party);
		const char *is = write_text(c->axes, after, new_edges, party);

		if (strcmp(was, is) != 0)
			tell(c, party, "write", asset_key_quote(c->axes->columns[column]),
				 was, is);
	}
}

/* Where one side has no lifecycle, the other's transitions say it all. */
static bool
is_governing(const Comparison *c, int column)
{
	bool		before = c->before->governing == column;
	bool		after = c->after->governing == column;

	return (before && (after || c->after->plain)) ||
		(after && c->before->plain);
}

static void
compare_columns(const Comparison *c, int state, const RightsRow *before,
				const RightsRow *after)
{
	for (int i = 0; i < c->axes->ncolumns; i++)
	{
		const uint64 *was = before->write + (Size) i * c->axes->nwords;
		const uint64 *is = after->write + (Size) i * c->axes->nwords;
		const char *column = c->axes->columns[i];
		List	   *old_edges = edges_with(c->before, state, column);
		List	   *new_edges = edges_with(c->after, state, column);

		if (is_governing(c, i))
			continue;
		if (old_edges != NIL || new_edges != NIL)
			compare_with(c, i, was, old_edges, is, new_edges);
		else
			compare_plain(c, "write", asset_key_quote(column), was, is);
	}
	for (int i = 0; i < c->axes->npaths; i++)
		compare_plain(c, "write", c->axes->paths[i].name,
					  before->path + (Size) i * c->axes->nwords,
					  after->path + (Size) i * c->axes->nwords);
}

/* ---- transitions ---- */

/* A guard in words; two that say the same are the same. */
static const char *
edge_text(const SpecTransition *edge)
{
	StringInfoData buf;
	const char *glue = "guard ";
	ListCell   *lc;

	if (edge == NULL || !transition_guarded(edge))
		return ALLOWED;
	initStringInfo(&buf);
	if (edge->guard != NULL)
	{
		appendStringInfo(&buf, "%s%s", glue, edge->guard);
		glue = "; ";
	}
	foreach (lc, edge->guard_children)
	{
		const SpecChildCount *count = lfirst(lc);

		appendStringInfo(&buf, "%s%s >= %d", glue, count->child, count->least);
		glue = "; ";
	}
	if (edge->guard_function != NULL)
		appendStringInfo(&buf, "%sfunction %s", glue, edge->guard_function);
	return buf.data;
}

static void
compare_transitions(const Comparison *c, int state, const RightsRow *before,
					const RightsRow *after)
{
	for (int to = 0; to < c->axes->nstates; to++)
	{
		bool		plain = c->before->plain != c->after->plain;

		if (to == state || c->axes->states[to] == NULL ||
			(!plain && before->edge[to] == NULL && after->edge[to] == NULL))
			continue;
		compare_sets(c, "transition", psprintf("-> %s", c->axes->states[to]),
					 before->move + (Size) to * c->axes->nwords,
					 edge_text(before->edge[to]),
					 after->move + (Size) to * c->axes->nwords,
					 edge_text(after->edge[to]));
	}
}

/* ---- one table ---- */

static void
compare_state(Comparison *c, int state)
{
	RightsRow  *before = rights_row(c->axes, c->before, state);
	RightsRow  *after = rights_row(c->axes, c->after, state);

	c->state = c->axes->states[state];
	compare_plain(c, "insert", NULL, before->insert, after->insert);
	compare_plain(c, "delete", NULL, before->remove, after->remove);
	compare_columns(c, state, before, after);
	compare_transitions(c, state, before, after);
}

/* The dataset's own table, or a child's; either version may lack it. */
static void
compare_table(const RightsWanted *wanted, const SpecDataset *before,
			  const SpecDataset *after, const char *child)
{
	Comparison	c = {0};
	MemoryContext scratch;

	c.wanted = wanted;
	c.axes = rights_axes(before, after, child);
	c.before = rights_side(c.axes, before);
	c.after = rights_side(c.axes, after);
	if (wanted->common && !(c.before->present && c.after->present))
		return;
	scratch = AllocSetContextCreate(CurrentMemoryContext, "spine rights",
									ALLOCSET_DEFAULT_SIZES);
	for (int state = 0; state < c.axes->nstates; state++)
	{
		MemoryContext old = MemoryContextSwitchTo(scratch);

		CHECK_FOR_INTERRUPTS();
		compare_state(&c, state);
		MemoryContextSwitchTo(old);
		MemoryContextReset(scratch);
	}
	c.state = NULL;
	compare_plain(&c, "truncate", NULL, rights_truncate(c.axes, c.before),
				  rights_truncate(c.axes, c.after));
	MemoryContextDelete(scratch);
}

/* The names of a version's child tables, behind those that are there. */
static List *
add_children(List *names, const SpecDataset *spec)
{
	ListCell   *lc;

	if (spec == NULL || spec->lifecycle == NULL)
		return names;
	foreach (lc, spec->lifecycle->children)
		names = names_add(names, ((SpecChild *) lfirst(lc))->name);
	return names;
}

static void
compare_dataset(const RightsWanted *wanted, const SpecDataset *before,
				const SpecDataset *after)
{
	ListCell   *lc;

	if (wanted->common && (before == NULL || after == NULL))
		return;
	compare_table(wanted, before, after, NULL);
	foreach (lc, add_children(add_children(NIL, before), after))
		compare_table(wanted, before, after, lfirst(lc));
}

/* ---- documents ---- */

static SpecDataset *
read_dataset(const Pairs *context, const JsonbValue *context_side,
			 const Pairs *dataset, const JsonbValue *dataset_side)
{
	if (value_object(dataset_side) == NULL)
		return NULL;
	return spec_dataset_read(jb_text(&context->key),
							 value_object(context_side),
							 jb_text(&dataset->key),
							 value_object(dataset_side));
}

/* Does a member of a context stay as it is? */
static bool
same_member(const Pairs *context, const char *key)
{
	JsonbValue	before;
	JsonbValue	after;
	bool		had = jb_get(value_object(context->before), key, &before);
	bool		has = jb_get(value_object(context->after), key, &after);

	return values_equal(had ? &before : NULL, has ? &after : NULL);
}

/* Do equal definitions in this context mean the same? */
static bool
same_owner(const Pairs *context)
{
	return same_member(context, "owner") &&
		same_member(context, "owner_state") &&
		same_member(context, "interim_owner");
}

/* The datasets of one context; true if the wanted one is among them. */
static bool
compare_context(const RightsWanted *wanted, const Pairs *context)
{
	bool		same = same_owner(context);
	bool		found = false;
	Pairs		pairs;

	pairs_begin(&pairs,
				jb_get_object(value_object(context->before), "datasets"),
				jb_get_object(value_object(context->after), "datasets"));
	while (pairs_next(&pairs))
	{
		char	   *key =
			asset_key(jb_text(&context->key), jb_text(&pairs.key), NULL);

		CHECK_FOR_INTERRUPTS();
		if (wanted->dataset != NULL && strcmp(wanted->dataset, key) != 0)
			continue;
		found = true;
		if (same && values_equal(pairs.before, pairs.after))
			continue;
		compare_dataset(wanted,
						read_dataset(context, context->before, &pairs,
									 pairs.before),
						read_dataset(context, context->after, &pairs,
									 pairs.after));
	}
	return found;
}

bool
documents_diff_rights(const JsonbContainer *before,
					  const JsonbContainer *after, const RightsWanted *wanted)
{
	bool		found = false;
	Pairs		pairs;

	pairs_begin(&pairs, jb_get_object(before, "contexts"),
				jb_get_object(after, "contexts"));
	while (pairs_next(&pairs))
		found |= compare_context(wanted, &pairs);
	return found;
}

/* ---- as steps of spine.diff ---- */

/* Where the steps are kept. */
typedef struct StepList
{
	MemoryContext mcxt;
	List	   *steps;
} StepList;

/* What held or holds, as a document; NULL where nothing does. */
static Jsonb *
right_document(const RightChange *change, const char *right)
{
	JsonbParseState *state = NULL;

	if (right == NULL || strcmp(right, DENIED) == 0)
		return NULL;
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_text(&state, "action", change->action);
	if (change->party != NULL)
		jb_push_text(&state, "party", change->party);
	jb_push_text(&state, "right", right);
	if (change->state != NULL)
		jb_push_text(&state, "state", change->state);
	if (change->target != NULL)
		jb_push_text(&state, "target", change->target);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* A right more is to be looked at; one less may refuse what works today. */
static Risk
right_risk(const RightChange *change)
{
	bool		more = strcmp(change->change, ALLOWED) == 0 ||
		(strcmp(change->change, "condition") == 0 &&
		 strcmp(change->after, ALLOWED) == 0);

	return more ? RISK_REVIEW : RISK_BREAKING;
}

/* RightVisit: append it as a step. */
static void
append_step(void *arg, const RightChange *change)
{
	StepList   *list = arg;
	MemoryContext old = MemoryContextSwitchTo(list->mcxt);
	PlanStep   *step = palloc0(sizeof(PlanStep));

	step->kind = "right";
	step->key = psprintf("%s:%s:%s:%s%s%s", change->dataset,
						 change->state ? change->state : "*",
						 change->party ? change->party : "*", change->action,
						 change->target ? " " : "",
						 change->target ? change->target : "");
	step->before = right_document(change, change->before);
	step->after = right_document(change, change->after);
	step->action = step->before == NULL ? "create" :
		step->after == NULL				? "delete" :
										  "update";
	step->risk = risk_name(right_risk(change));
	list->steps = lappend(list->steps, step);
	MemoryContextSwitchTo(old);
}

List *
document_right_steps(const JsonbContainer *before, const JsonbContainer *after)
{
	StepList	list = {CurrentMemoryContext, NIL};
	RightsWanted wanted = {NULL, true, append_step, &list};

	(void) documents_diff_rights(before, after, &wanted);
	return list.steps;
}

/* ---- spine.diff_rights ---- */

/* RightVisit: a row of the result. */
static void
put_change(void *arg, const RightChange *change)
{
	ReturnSetInfo *result = arg;
	const char	  *texts[] = {change->dataset, change->party,  change->state,
							  change->action,  change->target, change->change,
							  change->before,  change->after};
	Datum		values[lengthof(texts)];
	bool		nulls[lengthof(texts)];

	for (size_t i = 0; i < lengthof(texts); i++)
	{
		nulls[i] = texts[i] == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(texts[i]);
	}
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* spine.diff_rights(a, b, dataset) */
Datum
spine_diff_rights(PG_FUNCTION_ARGS)
{
	RightsWanted wanted = {0};
	Jsonb	   *before;
	Jsonb	   *after;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	before = existing_document(PG_GETARG_INT64(0));
	after = existing_document(PG_GETARG_INT64(1));
	wanted.visit = put_change;
	wanted.arg = fcinfo->resultinfo;
	if (!PG_ARGISNULL(2))
		wanted.dataset = text_to_cstring(PG_GETARG_TEXT_PP(2));

	if (!documents_diff_rights(&before->root, &after->root, &wanted) &&
		wanted.dataset != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("neither revision has a dataset \"%s\"",
						wanted.dataset),
				 errhint("A dataset's key is context.dataset.")));
	return (Datum) 0;
}
