/*-------------------------------------------------------------------------
 *
 * analyse.c
 *		What is wrong with a lifecycle, found out before it is applied.
 *
 * A lifecycle is a graph: states with one owner each, transitions between
 * them.  Everything here is proved on that graph, for all rows at once; the
 * relation is asked only about the types that expressions speak of, and may
 * be absent.  Unknown names are the catalog's business, so names that are not
 * there are passed over.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/expression.h"
#include "catalog/pg_type.h"
#include "catalog/spine_catalog.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/nodes.h"
#include "optimizer/optimizer.h"
#include "ownership/analyse.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* Marks of a search: not reached, and where it began; else an edge. */
#define NOT_REACHED (-2)
#define START (-1)

/* How many states at either end of a long way a message names. */
#define WAY_ENDS 6

/* A transition between two known states. */
typedef struct Edge
{
	const SpecTransition *transition;
	int			from;
	int			to;
} Edge;

/* One lifecycle under analysis. */
typedef struct Analysis
{
	const SpecDataset *dataset;
	const SpecLifecycle *lifecycle;
	Relation	rel; /* or NULL */
	const Place *place; /* of the lifecycle */
	Findings   *findings;
	int			nstates;
	SpecState **states;
	int			nedges;
	Edge	   *edges; /* sorted by the state that they leave */
	int		   *first; /* per state: where its edges begin; one more */
	List	   *keys; /* of char *: key columns, as far as they are known */
} Analysis;

/* ---- small helpers ---- */

static bool
has_text(const List *texts, const char *text)
{
	ListCell   *lc;

	foreach (lc, texts)
		if (strcmp(lfirst(lc), text) == 0)
			return true;
	return false;
}

/* Names for a message: "a", "b". */
static char *
join_texts(const List *texts)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach (lc, texts)
		appendStringInfo(&buf, "%s\"%s\"", buf.len ? ", " : "",
						 (char *) lfirst(lc));
	return buf.data;
}

static int
state_index(const Analysis *a, const char *name)
{
	for (int i = 0; i < a->nstates; i++)
		if (strcmp(a->states[i]->name, name) == 0)
			return i;
	return -1;
}

/* Is the first path the second, or one above it? */
static bool
is_prefix(const List *prefix, const List *path)
{
	ListCell   *lc;

	if (list_length(prefix) > list_length(path))
		return false;
	foreach (lc, prefix)
		if (strcmp(lfirst(lc), list_nth(path, foreach_current_index(lc))) != 0)
			return false;
	return true;
}

/* The parts of an attribute or path; one part if it cannot be split. */
static List *
path_of(const char *name)
{
	List	   *parts = asset_key_parts(name);

	return parts != NIL ? parts : list_make1(unconstify(char *, name));
}

/* What only the guard or nobody changes; NULL if the column is ordinary. */
static const char *
why_closed(const Analysis *a, const char *column)
{
	const SpecLifecycle *lifecycle = a->lifecycle;

	if (lifecycle->governing && strcmp(column, lifecycle->governing) == 0)
		return "changes by transitions alone";
	if (lifecycle->version && strcmp(column, lifecycle->version) == 0)
		return "is the version attribute";
	if (lifecycle->entered_at && strcmp(column, lifecycle->entered_at) == 0)
		return "is kept by the guard";
	if (has_text(a->keys, column))
		return "belongs to the key";
	return NULL;
}

/* ---- building the graph ---- */

/* Order of edges: by the state that they leave, then the one they enter. */
static int
compare_edges(const void *a, const void *b)
{
	const Edge *left = a;
	const Edge *right = b;

	if (left->from != right->from)
		return left->from < right->from ? -1 : 1;
	return (left->to > right->to) - (left->to < right->to);
}

/* Sort the edges and note where those of each state begin. */
static void
index_edges(Analysis *a)
{
	int			e = 0;

	qsort(a->edges, a->nedges, sizeof(Edge), compare_edges);
	a->first = palloc(sizeof(int) * (a->nstates + 1));
	for (int state = 0; state <= a->nstates; state++)
	{
		while (e < a->nedges && a->edges[e].from < state)
			e++;
		a->first[state] = e;
	}
}

static void
build_graph(Analysis *a)
{
	ListCell   *lc;

	a->states =
		palloc0(sizeof(SpecState *) * list_length(a->lifecycle->states));
	foreach (lc, a->lifecycle->states)
		a->states[a->nstates++] = lfirst(lc);

	a->edges = palloc0(sizeof(Edge) * list_length(a->lifecycle->transitions));
	foreach (lc, a->lifecycle->transitions)
	{
		const SpecTransition *transition = lfirst(lc);
		Edge	   *edge = &a->edges[a->nedges];

		edge->transition = transition;
		edge->from = state_index(a, transition->from);
		edge->to = state_index(a, transition->to);
		if (edge->from >= 0 && edge->to >= 0)
			a->nedges++;
	}
	index_edges(a);
}

/*
 * Search from states that are marked START on: every state that can be
 * reached gets the edge by which it was reached first.
 */
static void
search(const Analysis *a, int *marks)
{
	int		   *queue = palloc(sizeof(int) * Max(a->nstates, 1));
	int			head = 0;
	int			tail = 0;

	for (int i = 0; i < a->nstates; i++)
		if (marks[i] == START)
			queue[tail++] = i;
	while (head < tail)
	{
		int			state = queue[head++];

		CHECK_FOR_INTERRUPTS();
		for (int e = a->first[state]; e < a->first[state + 1]; e++)
		{
			if (marks[a->edges[e].to] != NOT_REACHED)
				continue;
			marks[a->edges[e].to] = e;
			queue[tail++] = a->edges[e].to;
		}
	}
	pfree(queue);
}

/* Marks for a search that begins at one state, or nowhere yet (-1). */
static int *
new_marks(const Analysis *a, int start)
{
	int		   *marks = palloc(sizeof(int) * Max(a->nstates, 1));

	for (int i = 0; i < a->nstates; i++)
		marks[i] = i == start ? START : NOT_REACHED;
	return marks;
}

/*
 * How a search came to a state: "paid -> refunded -> cart".  The middle of a
 * long way is left out.
 */
static char *
way_to(const Analysis *a, const int *marks, int state)
{
	List	   *way = list_make1_int(state);
	StringInfoData buf;
	int			n;

	while (marks[state] >= 0)
	{
		state = a->edges[marks[state]].from;
		way = lappend_int(way, state);
	}

	n = list_length(way);
	initStringInfo(&buf);
	for (int i = n - 1; i >= 0; i--)
	{
		if (i < n - WAY_ENDS && i >= WAY_ENDS)
		{
			appendStringInfo(&buf, "%d more -> ", i - WAY_ENDS + 1);
			i = WAY_ENDS - 1;
		}
		appendStringInfo(&buf, "%s%s", a->states[list_nth_int(way, i)]->name,
						 i > 0 ? " -> " : "");
	}
	list_free(way);
	return buf.data;
}

/* ---- transitions ---- */

/* A transition's name must be two known, different states. */
static void
check_transition_name(const Analysis *a, const SpecTransition *transition,
					  const char *name, const Place *place)
{
	if (transition == NULL)
		finding_add(a->findings, FINDING_ERROR, "bad_transition", place,
					"Write \"from -> to\".", "\"%s\" does not name two states",
					name);
	else if (spec_state(a->lifecycle, transition->from) == NULL)
		finding_add(a->findings, FINDING_ERROR, "bad_transition", place, NULL,
					"transition \"%s\" leaves unknown state \"%s\"", name,
					transition->from);
	else if (spec_state(a->lifecycle, transition->to) == NULL)
		finding_add(a->findings, FINDING_ERROR, "bad_transition", place, NULL,
					"transition \"%s\" leads to unknown state \"%s\"", name,
					transition->to);
	else if (strcmp(transition->from, transition->to) == 0)
		finding_add(
			a->findings, FINDING_WARNING, "self_loop", place,
			"A state that does not change is no transition; its guard and handoffs never run.",
			"transition \"%s\" leads nowhere", name);
}

static const SpecTransition *
find_transition(const Analysis *a, const char *name)
{
	ListCell   *lc;

	foreach (lc, a->lifecycle->transitions)
	{
		const SpecTransition *transition = lfirst(lc);

		if (strcmp(transition->name, name) == 0)
			return transition;
	}
	return NULL;
}

/* The model leaves out what has no arrow, so look at the names themselves. */
static void
check_transition_names(const Analysis *a)
{
	const JsonbContainer *map;
	Place		section = place_member(a->place, "transitions");
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	map = jb_get_object(jb_get_object(a->dataset->definition, "lifecycle"),
						"transitions");
	if (map == NULL)
		return;
	jb_walk(&cursor, map);
	while (jb_next_member(&cursor, &key, &value))
	{
		char	   *name = jb_text(&key);
		Place		place = place_member(&section, name);

		check_transition_name(a, find_transition(a, name), name, &place);
	}
}

/* What with_write names must be ordinary columns. */
static void
check_with_write(const Analysis *a, const SpecTransition *transition,
				 const Place *place)
{
	Place		list = place_member(place, "with_write");
	ListCell   *lc;

	foreach (lc, transition->with_write)
	{
		Place		here = place_element(&list, foreach_current_index(lc));
		const char *reason = why_closed(a, lfirst(lc));

		if (reason != NULL)
			finding_add(a->findings, FINDING_ERROR, "not_writable", &here,
						NULL, "\"%s\" %s", (char *) lfirst(lc), reason);
	}
}

/* The expression and the function of a guard must be sound. */
static void
check_guard(const Analysis *a, const SpecTransition *transition,
			const Place *place)
{
	Place		guard = place_member(place, "guard");
	Place		expression = place_member(&guard, "expression");
	Place		function = place_member(&guard, "function");
	const JsonbContainer *definition;
	bool		is_text;

	if (a->rel == NULL)
		return;
	definition =
		jb_get_object(jb_get_object(a->dataset->definition, "lifecycle"),
					  "transitions");
	is_text = jb_get_text(jb_get_object(definition, transition->name),
						  "guard") != NULL;

	if (transition->guard != NULL)
		(void) expression_check(transition->guard, a->rel, EXPRESSION_OLD_NEW,
								is_text ? &guard : &expression, a->findings,
								NULL);
	if (transition->guard_function != NULL)
		(void) function_check(transition->guard_function, a->rel, BOOLOID,
							  false, &function, a->findings, NULL);
}

/* ---- who may write what ---- */

/* Would parties that a rule names write?  Their names, or NULL if none. */
static char *
writers(const List *parties)
{
	return parties == NIL ? NULL : join_texts(parties);
}

/*
 * Who may change an attribute, or anything at, above or below a path, in a
 * state; NULL if nobody.  The most specific name decides, as in the guard.
 */
static char *
who_writes(const Analysis *a, const SpecState *state, List *path)
{
	const SpecWrite *best = NULL;
	const SpecWrite *star = NULL;
	ListCell   *lc;

	foreach (lc, state->write)
	{
		const SpecWrite *write = lfirst(lc);

		if (write->path == NIL)
			star = write;
		else if (list_length(write->path) > list_length(path))
		{
			if (is_prefix(path, write->path) && write->parties != NIL)
				return writers(write->parties);
		}
		else if (is_prefix(write->path, path) &&
				 (best == NULL ||
				  list_length(write->path) > list_length(best->path)))
			best = write;
	}

	if (best != NULL)
		return writers(best->parties);
	if (why_closed(a, linitial(path)) != NULL)
		return NULL;
	if (star != NULL)
		return writers(star->parties);
	return state->locked ? NULL : pstrdup("everybody");
}

/* May one party set a column when it inserts in a state? */
static bool
party_writes(const SpecState *state, const char *column, const char *party)
{
	const SpecWrite *star = NULL;
	ListCell   *lc;

	foreach (lc, state->write)
	{
		const SpecWrite *write = lfirst(lc);

		if (write->path == NIL)
			star = write;
		else if (list_length(write->path) == 1 &&
				 strcmp(linitial(write->path), column) == 0)
			return has_text(write->parties, party);
	}
	return star != NULL ? has_text(star->parties, party) : !state->locked;
}

/* ---- handoffs ---- */

/* Who may write a child in a state of its parent; NULL if nobody. */
static char *
who_writes_child(const Analysis *a, const char *child, const char *state,
				 bool *is_child)
{
	ListCell   *lc;
	ListCell   *rule;

	*is_child = false;
	foreach (lc, a->lifecycle->children)
	{
		const SpecChild *spec = lfirst(lc);

		if (strcmp(spec->name, child) != 0)
			continue;
		*is_child = true;
		foreach (rule, spec->write)
		{
			const SpecWrite *write = lfirst(rule);

			if (strcmp(write->name, state) == 0)
				return writers(write->parties);
		}
	}
	return NULL;
}

/* What a handoff freezes must be closed in the state that is entered. */
static void
check_freeze(const Analysis *a, const SpecTransition *transition,
			 const SpecHandoff *handoff, const Place *place)
{
	const SpecState *to = spec_state(a->lifecycle, transition->to);
	ListCell   *lc;

	if (to == NULL)
		return;
	foreach (lc, handoff->attributes)
	{
		const char *name = lfirst(lc);
		Place		here = place_element(place, foreach_current_index(lc));
		bool		is_child;
		char	   *who = who_writes_child(a, name, to->name, &is_child);

		if (!is_child)
			who = who_writes(a, to, path_of(name));
		if (who != NULL)
			finding_add(
				a->findings, FINDING_ERROR, "freeze_open", &here, NULL,
				"\"%s\" is frozen on the way into \"%s\", where %s may write it",
				name, to->name, who);
	}
}

static void
check_handoffs(const Analysis *a, const SpecTransition *transition,
			   const Place *place)
{
	Place		list = place_member(place, "handoff");
	ListCell   *lc;

	foreach (lc, transition->handoffs)
	{
		const SpecHandoff *handoff = lfirst(lc);
		Place		element = place_element(&list, foreach_current_index(lc));
		Place		here;

		if (handoff->kind == HANDOFF_FREEZE)
		{
			here = place_member(&element, "freeze");
			check_freeze(a, transition, handoff, &here);
		}
		else if (handoff->kind == HANDOFF_CALL && a->rel != NULL &&
				 handoff->name != NULL)
		{
			here = place_member(&element, "call");
			(void) function_check(handoff->name, a->rel, VOIDOID, true, &here,
								  a->findings, NULL);
		}
	}
}

static void
check_transitions(const Analysis *a)
{
	Place		section = place_member(a->place, "transitions");
	ListCell   *lc;

	check_transition_names(a);
	foreach (lc, a->lifecycle->transitions)
	{
		const SpecTransition *transition = lfirst(lc);
		Place		place = place_member(&section, transition->name);

		CHECK_FOR_INTERRUPTS();
		check_with_write(a, transition, &place);
		check_guard(a, transition, &place);
		check_handoffs(a, transition, &place);
	}
}

/* ---- states ---- */

static bool
has_exit(const Analysis *a, int state)
{
	for (int e = a->first[state]; e < a->first[state + 1]; e++)
		if (a->edges[e].to != state)
			return true;
	return false;
}

/* Owner, entry and exit of one state. */
static void
check_state(const Analysis *a, int index, bool reached, const Place *place)
{
	const SpecState *state = a->states[index];
	bool		leaves = has_exit(a, index);

	if (state->owner == NULL && !state->terminal)
		finding_add(a->findings, FINDING_ERROR, "state_without_owner", place,
					"Name its one owner, or mark it terminal.",
					"state \"%s\" has no owner", state->name);
	if (!reached)
		finding_add(a->findings, FINDING_WARNING, "unreachable_state", place,
					NULL,
					"no transition leads from an initial state to \"%s\"",
					state->name);
	if (!leaves && !state->terminal)
		finding_add(a->findings, FINDING_WARNING, "dead_end", place,
					"Add a transition, or mark it terminal.",
					"no transition leads out of state \"%s\"", state->name);
	if (leaves && state->terminal)
		finding_add(a->findings, FINDING_ERROR, "terminal_with_exit", place,
					NULL, "a transition leads out of terminal state \"%s\"",
					state->name);
	if (state->has_insert && !state->initial && state->insert != NIL)
		finding_add(a->findings, FINDING_WARNING, "insert_not_initial", place,
					"Mark the state initial, or leave out \"insert\".",
					"rows cannot be inserted in state \"%s\"", state->name);
}

/* The rules of a state may not name what nobody writes by rule. */
static void
check_writes(const Analysis *a, const SpecState *state, const Place *place)
{
	Place		section = place_member(place, "write");
	ListCell   *lc;

	foreach (lc, state->write)
	{
		const SpecWrite *write = lfirst(lc);
		Place		here = place_member(&section, write->name);
		const char *reason;

		if (write->path == NIL)
			continue;
		reason = why_closed(a, linitial(write->path));
		if (reason != NULL)
			finding_add(a->findings, FINDING_ERROR, "not_writable", &here,
						NULL, "\"%s\" %s", (char *) linitial(write->path),
						reason);
	}
}

/* Is the party named by a transition out of the state? */
static bool
leads_out(const Analysis *a, int state, const char *party)
{
	for (int e = a->first[state]; e < a->first[state + 1]; e++)
		if (has_text(a->edges[e].transition->by, party))
			return true;
	return false;
}

/*
 * The summary of who leads out of a state must agree with the transitions:
 * missing names are errors, names without an edge blocks nothing.
 */
static void
check_summary(const Analysis *a, int index, const Place *place)
{
	const SpecState *state = a->states[index];
	Place		section = place_member(place, "transition");
	ListCell   *lc;

	if (!state->has_transition)
		return;
	for (int e = a->first[index]; e < a->first[index + 1]; e++)
	{
		foreach (lc, a->edges[e].transition->by)
			if (!has_text(state->transition, lfirst(lc)))
				finding_add(
					a->findings, FINDING_ERROR, "transition_summary", &section,
					NULL,
					"\"%s\" makes transition \"%s\" but is not named here",
					(char *) lfirst(lc), a->edges[e].transition->name);
	}
	foreach (lc, state->transition)
	{
		Place		here = place_element(&section, foreach_current_index(lc));

		if (!leads_out(a, index, lfirst(lc)))
			finding_add(a->findings, FINDING_WARNING,
						"transitioner_without_edge", &here, NULL,
						"no transition out of \"%s\" is made by \"%s\"",
						state->name, (char *) lfirst(lc));
	}
}

/* Name states that come back, and who owns them the second time. */
static void
check_loop(const Analysis *a, int index, const Place *place)
{
	const SpecState *state = a->states[index];
	int		   *marks = new_marks(a, index);

	search(a, marks);
	for (int e = 0; e < a->nedges; e++)
	{
		if (a->edges[e].to != index || a->edges[e].from == index ||
			marks[a->edges[e].from] == NOT_REACHED)
			continue;
		finding_add(
			a->findings, FINDING_INFO, "re_entered", place, NULL,
			"state \"%s\" can be entered again (%s -> %s); \"%s\" owns it then too",
			state->name, way_to(a, marks, a->edges[e].from), state->name,
			state->owner ? state->owner : "nobody");
		break;
	}
	pfree(marks);
}

static void
check_states(const Analysis *a)
{
	Place		section = place_member(a->place, "states");
	int		   *marks = new_marks(a, -1);
	bool		any = false;

	for (int i = 0; i < a->nstates; i++)
		if (a->states[i]->initial)
		{
			marks[i] = START;
			any = true;
		}
	search(a, marks);

	if (!any)
		finding_add(
			a->findings, FINDING_ERROR, "no_initial_state", &section,
			"Mark the states in which rows may be inserted as initial.",
			"no state is initial");
	for (int i = 0; i < a->nstates; i++)
	{
		Place		place = place_member(&section, a->states[i]->name);

		CHECK_FOR_INTERRUPTS();
		check_state(a, i, !any || marks[i] != NOT_REACHED, &place);
		check_writes(a, a->states[i], &place);
		check_summary(a, i, &place);
		check_loop(a, i, &place);
	}
}

/* ---- invariants ---- */

/* Tell that a frozen attribute is open again in a state, and how so. */
static void
refute(const Analysis *a, const char *name, const char *from, const char *way,
	   const char *where, const char *who, const Place *place)
{
	bool		moved = strcmp(way, from) != 0;

	finding_add(a->findings, FINDING_ERROR, "frozen_reopened", place, NULL,
				"\"%s\" is frozen from \"%s\" on, but %s%s%s lets %s write it",
				name, from, moved ? way : "", moved ? " re-opens it: " : "",
				where, who);
}

/* Is the column set by a transition out of the state? */
static void
refute_by_edges(const Analysis *a, int state, const char *name,
				const SpecInvariant *invariant, const char *way,
				const Place *place)
{
	const char *column = linitial(path_of(name));

	for (int e = a->first[state]; e < a->first[state + 1]; e++)
	{
		const SpecTransition *transition = a->edges[e].transition;

		if (has_text(transition->with_write, column))
			refute(a, name, invariant->from, way,
				   psprintf("transition \"%s\"", transition->name),
				   join_texts(transition->by), place);
	}
}

/*
 * Prove that an attribute never changes from a state on: nobody may write it
 * in any state that can be reached from there, itself included.
 */
static void
prove_frozen(const Analysis *a, const SpecInvariant *invariant,
			 const char *name, const Place *place)
{
	int			start = state_index(a, invariant->from);
	int		   *marks;

	if (start < 0)
		return;
	if (a->lifecycle->governing && strcmp(name, a->lifecycle->governing) == 0)
	{
		finding_add(a->findings, FINDING_ERROR, "bad_invariant", place,
					"Mark states terminal instead.",
					"the governing attribute changes by transitions alone");
		return;
	}

	marks = new_marks(a, start);
	search(a, marks);
	for (int i = 0; i < a->nstates; i++)
	{
		char	   *way;
		char	   *who;

		if (marks[i] == NOT_REACHED)
			continue;
		way = way_to(a, marks, i);
		who = who_writes(a, a->states[i], path_of(name));
		if (who != NULL)
			refute(a, name, invariant->from, way,
				   psprintf("state \"%s\"", a->states[i]->name), who, place);
		refute_by_edges(a, i, name, invariant, way, place);
	}
	pfree(marks);
}

/* An invariant is of exactly one sort, and whole. */
static bool
invariant_is_whole(const SpecInvariant *invariant)
{
	int sorts = (invariant->frozen != NIL) + (invariant->not_null != NIL) +
		(invariant->check != NULL);

	return sorts == 1 &&
		(invariant->frozen != NIL) == (invariant->from != NULL) &&
		(invariant->except_in == NIL || invariant->not_null != NIL);
}

static void
check_invariants(const Analysis *a)
{
	Place		section = place_member(a->place, "invariants");
	ListCell   *lc;
	ListCell   *name;

	foreach (lc, a->lifecycle->invariants)
	{
		const SpecInvariant *invariant = lfirst(lc);
		Place		place = place_member(&section, invariant->name);
		Place		frozen = place_member(&place, "frozen");
		Place		check = place_member(&place, "check");

		if (!invariant_is_whole(invariant))
		{
			finding_add(a->findings, FINDING_ERROR, "bad_invariant", &place,
						NULL,
						"an invariant is one of: \"frozen\" with \"from\", "
						"\"not_null\" perhaps with \"except_in\", \"check\"");
			continue;
		}
		foreach (name, invariant->frozen)
		{
			Place here = place_element(&frozen, foreach_current_index(name));

			prove_frozen(a, invariant, lfirst(name), &here);
		}
		if (invariant->check != NULL && a->rel != NULL)
			(void) expression_check(invariant->check, a->rel, EXPRESSION_CHECK,
									&check, a->findings, NULL);
	}
}

/* ---- defaults ---- */

/* May the default of a column differ from one evaluation to the next? */
static bool
has_volatile_default(Relation rel, Form_pg_attribute column)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;

	if (column->attisdropped || column->attgenerated != '\0')
		return false;
	if (column->attidentity != '\0')
		return true;
	for (int i = 0; constr != NULL && i < constr->num_defval; i++)
		if (constr->defval[i].adnum == column->attnum)
			return contain_volatile_functions(
				stringToNode(constr->defval[i].adbin));
	return false;
}

/* A party that inserts in some state but may not write the column, or NULL. */
static const char *
barred_inserter(const Analysis *a, const char *column)
{
	for (int i = 0; i < a->nstates; i++)
	{
		ListCell   *lc;

		if (!a->states[i]->initial)
			continue;
		foreach (lc, a->states[i]->insert)
			if (!party_writes(a->states[i], column, lfirst(lc)))
				return lfirst(lc);
	}
	return NULL;
}

/*
 * Warn of defaults that an inserter cannot rely on: the guard allows a value
 * that is the default, and cannot tell if that differs each time.
 */
static void
check_defaults(const Analysis *a)
{
	for (int i = 0; i < RelationGetDescr(a->rel)->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(RelationGetDescr(a->rel), i);
		const char *name = NameStr(column->attname);
		const char *party;

		if (!has_volatile_default(a->rel, column) ||
			why_closed(a, name) != NULL)
			continue;
		party = barred_inserter(a, name);
		if (party != NULL)
			finding_add(
				a->findings, FINDING_WARNING, "volatile_default", a->place,
				"Let every inserter write the column.",
				"column \"%s\" has a volatile default, so \"%s\", which may not write it, cannot insert",
				name, party);
	}
}

/* ---- all of it ---- */

/* CatalogCheckHook: findings about a dataset's lifecycle. */
static void
analyse_dataset(const SpecDataset *dataset, Relation rel,
				const JsonbContainer *doc, const Place *place,
				Findings *findings)
{
	Place		lifecycle = place_member(place, "lifecycle");
	Analysis	a = {0};

	if (dataset->lifecycle == NULL)
		return;
	a.dataset = dataset;
	a.lifecycle = dataset->lifecycle;
	a.rel = rel;
	a.place = &lifecycle;
	a.findings = findings;
	a.keys = spec_key_columns(dataset, rel);
	build_graph(&a);

	check_states(&a);
	check_transitions(&a);
	check_invariants(&a);
	if (rel != NULL)
		check_defaults(&a);
}

void
analyse_init(void)
{
	catalog_register_check(analyse_dataset);
}
