/*-------------------------------------------------------------------------
 *
 * listing.c
 *		The document in the order that people read.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/listing.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(spine_names);

/* ---- looking up ---- */

/* Raise that the key names nothing. */
static void
unknown_key(const char *key)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("\"%s\" is not in the document", key),
			 errhint("A key is a context or context.dataset, as in "
					 "spine.asset.")));
}

SpecDataset *
found_dataset(const Found *found, const Member *member)
{
	const JsonbContainer *definition = value_object(&member->value);
	SpecDataset *dataset;

	dataset = spec_dataset_read(found->context_name, found->context,
								member->name, definition);
	dataset->local =
		dataset_is_local(definition, document_local_store(found->document));
	return dataset;
}

void
found_by_key(const char *key, Found *found)
{
	List	   *parts = asset_key_parts(key);
	int64		rev;
	Member		member;

	memset(found, 0, sizeof(*found));
	found->document = &document_newest(&rev)->root;
	if (parts == NIL || list_length(parts) > 2)
		unknown_key(key);

	found->context_name = linitial(parts);
	found->context = jb_get_object(jb_get_object(found->document, "contexts"),
								   found->context_name);
	if (found->context == NULL)
		unknown_key(key);
	if (list_length(parts) == 1)
		return;

	member.name = lsecond(parts);
	if (!jb_get(jb_get_object(found->context, "datasets"), member.name,
				&member.value) ||
		value_object(&member.value) == NULL)
		unknown_key(key);
	found->dataset_name = member.name;
	found->dataset = found_dataset(found, &member);
}

/* ---- names ---- */

static int
compare_members(const ListCell *a, const ListCell *b)
{
	return strcmp(((const Member *) lfirst(a))->name,
				  ((const Member *) lfirst(b))->name);
}

static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

List *
members_sorted(const JsonbContainer *map)
{
	List	   *members = NIL;
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	if (map == NULL)
		return NIL;

	jb_walk(&cursor, map);
	while (jb_next_member(&cursor, &key, &value))
	{
		Member	   *member = palloc(sizeof(Member));

		member->name = jb_text(&key);
		member->value = value;
		members = lappend(members, member);
	}
	list_sort(members, compare_members);
	return members;
}

void
names_sort(List *names)
{
	list_sort(names, compare_names);
}

bool
names_have(const List *names, const char *name)
{
	ListCell   *lc;

	foreach (lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

List *
names_add(List *names, const char *name)
{
	if (name == NULL || names_have(names, name))
		return names;
	return lappend(names, unconstify(char *, name));
}

char *
names_join(const List *names, const char *between)
{
	StringInfoData out;
	ListCell   *lc;

	initStringInfo(&out);
	foreach (lc, names)
		appendStringInfo(&out, "%s%s", out.len > 0 ? between : "",
						 (const char *) lfirst(lc));
	return out.data;
}

/* ---- lifecycles ---- */

static int
compare_states(const ListCell *a, const ListCell *b)
{
	return strcmp(((const SpecState *) lfirst(a))->name,
				  ((const SpecState *) lfirst(b))->name);
}

int
state_position(const List *states, const char *name)
{
	ListCell   *lc;

	foreach (lc, states)
		if (strcmp(((const SpecState *) lfirst(lc))->name, name) == 0)
			return foreach_current_index(lc);
	return -1;
}

/* The states that transitions lead to from a state, by name. */
static List *
next_states(const SpecLifecycle *lifecycle, const SpecState *from)
{
	List	   *next = NIL;
	ListCell   *lc;

	foreach (lc, lifecycle->transitions)
	{
		const SpecTransition *transition = lfirst(lc);
		SpecState  *to;

		if (strcmp(transition->from, from->name) != 0)
			continue;
		to = spec_state(lifecycle, transition->to);
		if (to != NULL)
			next = list_append_unique_ptr(next, to);
	}
	list_sort(next, compare_states);
	return next;
}

List *
states_in_order(const SpecLifecycle *lifecycle)
{
	List	   *sorted = list_copy(lifecycle->states);
	List	   *states = NIL;
	ListCell   *lc;

	list_sort(sorted, compare_states);
	foreach (lc, sorted)
		if (((const SpecState *) lfirst(lc))->initial)
			states = lappend(states, lfirst(lc));

	/* The list grows while it is walked: nearest states come first. */
	for (int i = 0; i < list_length(states); i++)
	{
		CHECK_FOR_INTERRUPTS();
		states = list_concat_unique_ptr(states,
										next_states(lifecycle,
													list_nth(states, i)));
	}
	return list_concat_unique_ptr(states, sorted);
}

/* A transition and the places of its states. */
typedef struct Edge
{
	int			from;
	int			to;
	SpecTransition *transition;
} Edge;

static int
compare_edges(const ListCell *a, const ListCell *b)
{
	const Edge *left = lfirst(a);
	const Edge *right = lfirst(b);

	return left->from != right->from ? left->from - right->from :
									   left->to - right->to;
}

List *
transitions_in_order(const SpecLifecycle *lifecycle, const List *states)
{
	List	   *edges = NIL;
	List	   *transitions = NIL;
	ListCell   *lc;

	foreach (lc, lifecycle->transitions)
	{
		Edge	   *edge = palloc(sizeof(Edge));

		edge->transition = lfirst(lc);
		edge->from = state_position(states, edge->transition->from);
		edge->to = state_position(states, edge->transition->to);
		if (edge->from >= 0 && edge->to >= 0)
			edges = lappend(edges, edge);
	}
	list_sort(edges, compare_edges);
	foreach (lc, edges)
		transitions =
			lappend(transitions, ((const Edge *) lfirst(lc))->transition);
	return transitions;
}

bool
transition_guarded(const SpecTransition *transition)
{
	return transition->guard != NULL || transition->guard_function != NULL ||
		transition->guard_children != NIL;
}

char *
handoff_text(const SpecHandoff *handoff)
{
	static const char *const verbs[] = {
		[HANDOFF_SNAPSHOT] = "snapshot", [HANDOFF_NOTIFY] = "notify",
		[HANDOFF_EMIT] = "emit",		 [HANDOFF_FREEZE] = "freeze",
		[HANDOFF_CALL] = "call",
	};
	const char *object =
		handoff->name ? handoff->name : names_join(handoff->attributes, ", ");

	return psprintf("%s %s", verbs[handoff->kind], object);
}

/* ---- for SQL ---- */

/* spine.names(list_or_map): see docs/views.md. */
Datum
spine_names(PG_FUNCTION_ARGS)
{
	Jsonb	   *part = PG_GETARG_JSONB_P(0);
	List	   *names = NIL;
	Datum	   *texts;
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	jb_walk(&cursor, &part->root);
	if (JB_ROOT_IS_OBJECT(part))
		while (jb_next_member(&cursor, &key, &value))
			names = lappend(names, jb_text(&key));
	else if (!JB_ROOT_IS_SCALAR(part))
		while (jb_next_element(&cursor, &value))
			if (value.type == jbvString)
				names = lappend(names, jb_text(&value));
	names_sort(names);

	texts = palloc(sizeof(Datum) * (list_length(names) + 1));
	for (int i = 0; i < list_length(names); i++)
		texts[i] = CStringGetTextDatum(list_nth(names, i));
	PG_RETURN_ARRAYTYPE_P(construct_array(texts, list_length(names), TEXTOID,
										  -1, false, TYPALIGN_INT));
}
