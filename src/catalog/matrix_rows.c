/*-------------------------------------------------------------------------
 *
 * matrix_rows.c
 *		The rights matrix of a dataset as rows, for the view spine.matrix.
 *
 * Rows are read off the same model that the guard compiles its matrix from;
 * what has no row is refused.  A party of NULL is everybody who holds the
 * table privilege, a state of NULL is every state.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/listing.h"
#include "funcapi.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(spine_rights);

/* Where the rows go, and what they share. */
typedef struct Rows
{
	ReturnSetInfo *result;
	const char *asset;
	const char *state; /* NULL: whatever the state */
} Rows;

/* Add one row; NULL is null. */
static void
add_row(const Rows *rows, const char *party, const char *action,
		const char *target, const char *condition)
{
	const char *texts[] = {rows->asset, rows->state, party,
						   action,		target,		 condition};
	Datum		values[lengthof(texts)];
	bool		nulls[lengthof(texts)];

	for (size_t i = 0; i < lengthof(texts); i++)
	{
		nulls[i] = texts[i] == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(texts[i]);
	}
	tuplestore_putvalues(rows->result->setResult, rows->result->setDesc,
						 values, nulls);
}

/* Add a row for each party. */
static void
add_rows(const Rows *rows, const List *parties, const char *action,
		 const char *target, const char *condition)
{
	ListCell   *lc;

	foreach (lc, parties)
		add_row(rows, lfirst(lc), action, target, condition);
}

/* Who may write what in a state. */
static void
add_writes(const Rows *rows, const SpecState *state)
{
	bool		star = false;
	ListCell   *lc;

	foreach (lc, state->write)
	{
		const SpecWrite *write = lfirst(lc);

		star = star || write->path == NIL;
		add_rows(rows, write->parties, "write", write->name, NULL);
	}
	if (!state->locked && !star)
		add_row(rows, NULL, "write", "*", NULL);
}

/* What the transitions out of a state allow. */
static void
add_transitions(const Rows *rows, const SpecLifecycle *lifecycle)
{
	ListCell   *lc;
	ListCell   *name;

	foreach (lc, lifecycle->transitions)
	{
		const SpecTransition *transition = lfirst(lc);
		char	   *target = psprintf("-> %s", transition->to);

		if (strcmp(transition->from, rows->state) != 0)
			continue;
		add_rows(rows, transition->by, "transition", target,
				 transition_guarded(transition) ? "guard" : NULL);
		foreach (name, transition->with_write)
			add_rows(rows, transition->by, "write", lfirst(name), target);
	}
}

/* Everything about one state; definition is the document's. */
static void
add_state(Rows *rows, const SpecLifecycle *lifecycle, const SpecState *state,
		  const JsonbContainer *definition)
{
	rows->state = state->name;
	if (state->initial)
		add_rows(rows, state->insert, "insert", NULL, NULL);
	add_rows(rows, state->remove, "delete", NULL, NULL);
	add_writes(rows, state);
	add_transitions(rows, lifecycle);
	if (jb_get_array(definition, "read") != NULL)
		add_rows(rows, jb_get_texts(definition, "read"), "read", "*", NULL);
	else
		add_row(rows, NULL, "read", "*", NULL);
}

/* Insert, delete and write of everything. */
static void
add_full_rights(const Rows *rows, const List *parties)
{
	add_rows(rows, parties, "insert", NULL, NULL);
	add_rows(rows, parties, "delete", NULL, NULL);
	add_rows(rows, parties, "write", "*", NULL);
}

/* A child table, by the states of its parent. */
static void
add_child(const Rows *parent, const SpecChild *child)
{
	Rows		rows = *parent;
	ListCell   *lc;

	rows.asset =
		psprintf("%s.%s", parent->asset, asset_key_quote(child->name));
	foreach (lc, child->write)
	{
		const SpecWrite *write = lfirst(lc);

		rows.state = write->name;
		add_full_rights(&rows, write->parties);
	}
}

/* All states and child tables. */
static void
add_lifecycle(Rows *rows, const SpecDataset *dataset)
{
	const JsonbContainer *states =
		jb_get_object(jb_get_object(dataset->definition, "lifecycle"),
					  "states");
	ListCell   *lc;

	foreach (lc, dataset->lifecycle->states)
	{
		const SpecState *state = lfirst(lc);

		add_state(rows, dataset->lifecycle, state,
				  jb_get_object(states, state->name));
	}
	foreach (lc, dataset->lifecycle->children)
		add_child(rows, lfirst(lc));
	rows->state = NULL;
}

/* Who reads, as declared, but for those who do everything anyway. */
static void
add_consumers(const Rows *rows, const SpecDataset *dataset,
			  const List *writers)
{
	ListCell   *lc;

	foreach (lc,
			 members_sorted(jb_get_object(dataset->definition, "consumers")))
	{
		const Member *member = lfirst(lc);
		List	   *attributes =
			jb_get_texts(value_object(&member->value), "attributes");
		ListCell   *name;

		if (names_have(writers, member->name))
			continue;
		if (attributes == NIL)
			add_row(rows, member->name, "read", "*", NULL);
		foreach (name, attributes)
			add_row(rows, member->name, "read", lfirst(name), NULL);
	}
}

/*
 * A dataset without a lifecycle: its owner and its producers do everything.
 * Returns them.
 */
static List *
add_plain(const Rows *rows, const SpecDataset *dataset)
{
	List	   *parties = names_add(NIL, dataset->standing);
	ListCell   *lc;

	foreach (lc, dataset->producers)
		parties = names_add(parties, lfirst(lc));
	add_full_rights(rows, parties);
	add_rows(rows, parties, "read", "*", NULL);
	return parties;
}

/* spine.rights(dataset, definition, standing owner): see docs/views.md. */
Datum
spine_rights(PG_FUNCTION_ARGS)
{
	Rows		rows = {0};
	SpecDataset *dataset;
	Jsonb	   *definition;
	List	   *writers = NIL;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;

	rows.result = (ReturnSetInfo *) fcinfo->resultinfo;
	rows.asset = text_to_cstring(PG_GETARG_TEXT_PP(0));
	definition = PG_GETARG_JSONB_P(1);
	dataset = spec_dataset_read("", NULL, "", &definition->root);
	dataset->standing =
		PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));

	if (dataset->lifecycle != NULL)
		add_lifecycle(&rows, dataset);
	else
		writers = add_plain(&rows, dataset);
	add_consumers(&rows, dataset, writers);
	return (Datum) 0;
}
