/*-------------------------------------------------------------------------
 *
 * rights_table.c
 *		Who may do what, of two versions of one dataset, state by state.
 *
 * Read off the same model that the guard compiles its matrix from, without
 * the table having to be there: an old revision may speak of one that is
 * gone.  Then its columns are those that the document names, and "*" for the
 * rest of them.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/relation.h"
#include "catalog/listing.h"
#include "catalog/rights_table.h"
#include "common/hashfn.h"
#include "utils/rel.h"

#define ANY_ELEMENT "[*]"
#define REMAINDER "*"

/* ---- parties ---- */

static uint32
name_hash(const char *name)
{
	return hash_bytes((const unsigned char *) name, (int) strlen(name));
}

/* The slot of a name: its own, or the free one where it belongs. */
static int *
party_slot(const RightsAxes *axes, const char *name)
{
	for (uint32 i = name_hash(name);; i++)
	{
		int		   *slot = &axes->slots[i & axes->mask];

		if (*slot < 0 || strcmp(axes->parties[*slot], name) == 0)
			return slot;
	}
}

static void
set_add(uint64 *words, int party)
{
	words[party / 64] |= UINT64CONST(1) << (party % 64);
}

static void
set_add_all(const RightsAxes *axes, uint64 *words)
{
	for (int i = 0; i <= axes->nparties; i++)
		set_add(words, i);
}

static uint64 *
sets_new(const RightsAxes *axes, int n)
{
	return palloc0(sizeof(uint64) * axes->nwords * Max(n, 1));
}

/* The n-th of several sets. */
static uint64 *
set_at(const RightsAxes *axes, uint64 *sets, int n)
{
	return sets + (Size) n * axes->nwords;
}

static void
set_copy(const RightsAxes *axes, uint64 *to, const uint64 *from)
{
	memcpy(to, from, sizeof(uint64) * axes->nwords);
}

void
rights_add_parties(const RightsAxes *axes, const List *names, uint64 *words)
{
	ListCell   *lc;

	foreach (lc, names)
	{
		int			party = *party_slot(axes, lfirst(lc));

		if (party >= 0)
			set_add(words, party);
	}
}

/* Make room for twice as many parties. */
static void
grow_parties(RightsAxes *axes)
{
	uint32		nslots = (axes->mask + 1) * 2;

	axes->mask = nslots - 1;
	axes->slots = repalloc(axes->slots, sizeof(int) * nslots);
	axes->parties = repalloc(axes->parties, sizeof(char *) * nslots);
	memset(axes->slots, -1, sizeof(int) * nslots);
	for (int i = 0; i < axes->nparties; i++)
		*party_slot(axes, axes->parties[i]) = i;
}

/* Enter a party, if it is not there yet. */
static void
axis_add_party(RightsAxes *axes, const char *name)
{
	int		   *slot;

	if (name == NULL)
		return;
	slot = party_slot(axes, name);
	if (*slot >= 0)
		return;
	*slot = axes->nparties;
	axes->parties[axes->nparties++] = name;
	if ((uint32) axes->nparties * 4 > axes->mask)
		grow_parties(axes);
}

static void
axis_add_parties(RightsAxes *axes, const List *names)
{
	ListCell   *lc;

	foreach (lc, names)
		axis_add_party(axes, lfirst(lc));
}

static void
axis_add_writers(RightsAxes *axes, const List *writes)
{
	ListCell   *lc;

	foreach (lc, writes)
		axis_add_parties(axes, ((SpecWrite *) lfirst(lc))->parties);
}

/* Enter all that spec_dataset_parties names, by hash: there may be many. */
static void
add_parties_of(RightsAxes *axes, const SpecDataset *spec)
{
	ListCell   *lc;

	if (spec == NULL)
		return;
	axis_add_party(axes, spec->standing);
	axis_add_parties(axes, spec->producers);
	if (spec->lifecycle == NULL)
		return;
	foreach (lc, spec->lifecycle->states)
	{
		const SpecState *state = lfirst(lc);

		axis_add_party(axes, state->owner);
		axis_add_parties(axes, state->insert);
		axis_add_parties(axes, state->remove);
		axis_add_writers(axes, state->write);
		axis_add_parties(axes, state->transition);
	}
	foreach (lc, spec->lifecycle->transitions)
		axis_add_parties(axes, ((SpecTransition *) lfirst(lc))->by);
	foreach (lc, spec->lifecycle->children)
		axis_add_writers(axes, ((SpecChild *) lfirst(lc))->write);
}

static void
make_parties(RightsAxes *axes, const SpecDataset *before,
			 const SpecDataset *after)
{
	axes->mask = 63;
	axes->slots = palloc(sizeof(int) * 64);
	axes->parties = palloc(sizeof(char *) * 64);
	memset(axes->slots, -1, sizeof(int) * 64);
	add_parties_of(axes, before);
	add_parties_of(axes, after);
	axes->nwords = axes->nparties / 64 + 1;
}

/* ---- names on an axis ---- */

/* A list of names as an array. */
static const char **
names_array(const List *names, int *n)
{
	const char **array = palloc(sizeof(char *) * (list_length(names) + 1));
	ListCell   *lc;

	*n = 0;
	foreach (lc, names)
		array[(*n)++] = lfirst(lc);
	return array;
}

static int
position(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (names[i] != NULL && strcmp(names[i], name) == 0)
			return i;
	return -1;
}

/* ---- states ---- */

static List *
add_states(List *names, const SpecDataset *spec)
{
	ListCell   *lc;

	if (spec == NULL || spec->lifecycle == NULL)
		return names;
	foreach (lc, spec->lifecycle->states)
		names = names_add(names, ((SpecState *) lfirst(lc))->name);
	return names;
}

static void
make_states(RightsAxes *axes, const SpecDataset *before,
			const SpecDataset *after)
{
	List	   *names = add_states(add_states(NIL, before), after);

	if (names == NIL)
		names = list_make1(NULL);
	axes->states = names_array(names, &axes->nstates);
}

/* ---- columns ---- */

static const SpecChild *
child_of(const SpecDataset *spec, const char *name)
{
	ListCell   *lc;

	if (spec == NULL || spec->lifecycle == NULL)
		return NULL;
	foreach (lc, spec->lifecycle->children)
		if (strcmp(((SpecChild *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

/* The table that the axes are about, open; NULL if it is not there. */
static Relation
open_table(const SpecDataset *spec, const char *child)
{
	const SpecChild *table = child ? child_of(spec, child) : NULL;
	const char		*name = child ? (table ? table->relation : NULL) :
			 spec				  ? spec->relation :
									NULL;
	Oid			relid = spec_relation_oid(name);

	return OidIsValid(relid) ? try_relation_open(relid, AccessShareLock) :
							   NULL;
}

static void
close_table(Relation rel)
{
	if (rel != NULL)
		relation_close(rel, AccessShareLock);
}

/* The columns that a statement can set. */
static List *
table_columns(Relation rel)
{
	List	   *names = NIL;

	for (int i = 0; i < RelationGetDescr(rel)->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(RelationGetDescr(rel), i);

		if (!column->attisdropped && column->attgenerated == '\0')
			names = lappend(names, pstrdup(NameStr(column->attname)));
	}
	return names;
}

static List *
add_write_columns(List *names, const List *writes)
{
	ListCell   *lc;

	foreach (lc, writes)
	{
		const SpecWrite *write = lfirst(lc);

		if (write->path != NIL)
			names = names_add(names, linitial(write->path));
	}
	return names;
}

static List *
add_names(List *names, const List *more)
{
	ListCell   *lc;

	foreach (lc, more)
		names = names_add(names, lfirst(lc));
	return names;
}

/* The columns that a version's document names. */
static List *
named_columns(const SpecDataset *spec)
{
	const SpecLifecycle *lifecycle = spec->lifecycle;
	List	   *names = add_names(NIL, spec->key_columns);
	ListCell   *lc;

	foreach (lc, members_sorted(jb_get_object(spec->definition, "attributes")))
	{
		List	   *parts = asset_key_parts(((Member *) lfirst(lc))->name);

		if (parts != NIL)
			names = names_add(names, linitial(parts));
	}
	if (lifecycle == NULL)
		return names;
	names = names_add(names, lifecycle->governing);
	names = names_add(names, lifecycle->entered_at);
	names = names_add(names, lifecycle->version);
	foreach (lc, lifecycle->states)
		names = add_write_columns(names, ((SpecState *) lfirst(lc))->write);
	foreach (lc, lifecycle->transitions)
		names = add_names(names, ((SpecTransition *) lfirst(lc))->with_write);
	return names;
}

/* Is the table of the axes governed in this version? */
static bool
is_governed(const SpecDataset *spec, const char *child)
{
	return spec != NULL && (child == NULL || child_of(spec, child) != NULL);
}

/* Enter a version's columns; *known: does its table say which there are? */
static List *
add_columns(List *names, const SpecDataset *spec, const char *child,
			bool *known)
{
	Relation	rel;

	if (!is_governed(spec, child))
		return names;
	rel = open_table(spec, child);
	if (rel != NULL)
	{
		names = add_names(names, table_columns(rel));
		*known = true;
	}
	else if (child == NULL)
		names = add_names(names, named_columns(spec));
	close_table(rel);
	return names;
}

static void
make_columns(RightsAxes *axes, const SpecDataset *before,
			 const SpecDataset *after)
{
	bool		known = false;
	List	   *names = add_columns(NIL, before, axes->child, &known);

	names = add_columns(names, after, axes->child, &known);
	if (!known)
		names = names_add(names, REMAINDER);
	axes->columns = names_array(names, &axes->ncolumns);
}

/* ---- paths ---- */

static bool
has_path(const RightsAxes *axes, const char *name)
{
	for (int i = 0; i < axes->npaths; i++)
		if (strcmp(axes->paths[i].name, name) == 0)
			return true;
	return false;
}

static void
add_paths(RightsAxes *axes, const List *writes)
{
	ListCell   *lc;

	foreach (lc, writes)
	{
		const SpecWrite *write = lfirst(lc);
		RightsPath *path;
		int			column;

		if (list_length(write->path) < 2 || has_path(axes, write->name))
			continue;
		column =
			position(axes->columns, axes->ncolumns, linitial(write->path));
		if (column < 0)
			continue;
		axes->paths = axes->npaths == 0 ?
			palloc(sizeof(RightsPath)) :
			repalloc(axes->paths, sizeof(RightsPath) * (axes->npaths + 1));
		path = &axes->paths[axes->npaths++];
		path->name = write->name;
		path->parts = write->path;
		path->column = column;
	}
}

static void
make_paths(RightsAxes *axes, const SpecDataset *spec)
{
	ListCell   *lc;

	if (spec == NULL || spec->lifecycle == NULL || axes->child != NULL)
		return;
	foreach (lc, spec->lifecycle->states)
		add_paths(axes, ((SpecState *) lfirst(lc))->write);
}

RightsAxes *
rights_axes(const SpecDataset *before, const SpecDataset *after,
			const char *child)
{
	RightsAxes *axes = palloc0(sizeof(RightsAxes));

	axes->dataset = before ? before->key : after->key;
	axes->child = child;
	if (child != NULL)
		axes->dataset =
			psprintf("%s.%s", axes->dataset, asset_key_quote(child));
	make_parties(axes, before, after);
	make_states(axes, before, after);
	make_columns(axes, before, after);
	make_paths(axes, before);
	make_paths(axes, after);
	return axes;
}

/* ---- one version ---- */

/* Which columns has the table, and which does nobody write as such? */
static void
side_columns(const RightsAxes *axes, RightsSide *side)
{
	const SpecLifecycle *lifecycle = side->spec->lifecycle;
	Relation	rel = open_table(side->spec, axes->child);
	List	   *keys = spec_key_columns(side->spec, rel);
	List	   *known = rel ? table_columns(rel) : NIL;

	for (int i = 0; i < axes->ncolumns; i++)
	{
		const char *name = axes->columns[i];

		side->has_column[i] = rel == NULL || names_have(known, name);
		if (side->plain || axes->child != NULL)
			continue;
		side->closed[i] = names_have(keys, name) ||
			(lifecycle->governing &&
			 strcmp(name, lifecycle->governing) == 0) ||
			(lifecycle->entered_at &&
			 strcmp(name, lifecycle->entered_at) == 0);
		if (lifecycle->version && strcmp(name, lifecycle->version) == 0)
			side->open_column = i;
		if (lifecycle->governing && strcmp(name, lifecycle->governing) == 0)
			side->governing = i;
	}
	close_table(rel);
}

static void
side_states(const RightsAxes *axes, RightsSide *side)
{
	ListCell   *lc;

	for (int i = 0; i < axes->nstates; i++)
		side->states[i] = spec_state(side->spec->lifecycle, axes->states[i]);
	foreach (lc, side->spec->lifecycle->transitions)
	{
		SpecTransition *transition = lfirst(lc);
		int from = position(axes->states, axes->nstates, transition->from);

		if (from >= 0)
			side->edges[from] = lappend(side->edges[from], transition);
	}
}

RightsSide *
rights_side(const RightsAxes *axes, const SpecDataset *spec)
{
	RightsSide *side = palloc0(sizeof(RightsSide));

	side->spec = spec;
	side->open_column = -1;
	side->governing = -1;
	side->present = is_governed(spec, axes->child);
	if (!side->present)
		return side;
	side->child = axes->child ? child_of(spec, axes->child) : NULL;
	side->plain = spec->lifecycle == NULL;
	side->has_column = palloc0(sizeof(bool) * (axes->ncolumns + 1));
	side->closed = palloc0(sizeof(bool) * (axes->ncolumns + 1));
	side->states = palloc0(sizeof(SpecState *) * axes->nstates);
	side->edges = palloc0(sizeof(List *) * axes->nstates);
	side->writers = sets_new(axes, 1);
	side_columns(axes, side);
	if (side->plain)
	{
		rights_add_parties(axes, names_add(NIL, spec->standing),
						   side->writers);
		rights_add_parties(axes, spec->producers, side->writers);
	}
	else
		side_states(axes, side);
	return side;
}

/* ---- the rights in one state ---- */

/* All columns and paths to one set of parties. */
static void
open_all(const RightsAxes *axes, const RightsSide *side, RightsRow *row,
		 const uint64 *set)
{
	for (int i = 0; i < axes->ncolumns; i++)
		if (side->has_column[i])
			set_copy(axes, set_at(axes, row->write, i), set);
	for (int i = 0; i < axes->npaths; i++)
		if (side->has_column[axes->paths[i].column])
			set_copy(axes, set_at(axes, row->path, i), set);
}

/* Insert, delete and write of everything. */
static void
open_rows(const RightsAxes *axes, const RightsSide *side, RightsRow *row,
		  const uint64 *set)
{
	set_copy(axes, row->insert, set);
	set_copy(axes, row->remove, set);
	open_all(axes, side, row, set);
}

/* Without a lifecycle a state is a value like any other. */
static void
fill_plain(const RightsAxes *axes, const RightsSide *side, RightsRow *row)
{
	open_rows(axes, side, row, side->writers);
	for (int i = 0; i < axes->nstates; i++)
		set_copy(axes, set_at(axes, row->move, i), side->writers);
}

/* A child's rows, by the state of the parent. */
static void
fill_child(const RightsAxes *axes, const RightsSide *side, RightsRow *row,
		   const char *state)
{
	ListCell   *lc;

	foreach (lc, side->child->write)
	{
		const SpecWrite *write = lfirst(lc);
		uint64	   *set;

		if (strcmp(write->name, state) != 0)
			continue;
		set = sets_new(axes, 1);
		rights_add_parties(axes, write->parties, set);
		open_rows(axes, side, row, set);
	}
}

/* Does one part of a rule's path stand for a part of another path? */
static bool
part_covers(const char *rule, const char *part)
{
	if (strcmp(rule, part) == 0)
		return true;
	return strcmp(rule, ANY_ELEMENT) == 0 && part[0] != '\0' &&
		strspn(part, "0123456789") == strlen(part);
}

/* Does a rule lead to the path, or to a place above it? */
static bool
rule_covers(const SpecWrite *rule, const List *parts)
{
	ListCell   *lc;

	if (list_length(rule->path) > list_length(parts))
		return false;
	foreach (lc, rule->path)
		if (!part_covers(lfirst(lc),
						 list_nth(parts, foreach_current_index(lc))))
			return false;
	return true;
}

/* Of two rules that cover the same path: is the first more specific? */
static bool
more_specific(const SpecWrite *rule, const SpecWrite *other)
{
	ListCell   *a;
	ListCell   *b;

	if (list_length(rule->path) != list_length(other->path))
		return list_length(rule->path) > list_length(other->path);
	forboth (a, rule->path, b, other->path)
	{
		bool		any = strcmp(lfirst(a), ANY_ELEMENT) == 0;

		if (any != (strcmp(lfirst(b), ANY_ELEMENT) == 0))
			return !any;
	}
	return false;
}

/* Paths: the most specific rule of the state, else what holds for the column. */
static void
fill_paths(const RightsAxes *axes, const RightsSide *side,
		   const SpecState *state, RightsRow *row)
{
	for (int i = 0; i < axes->npaths; i++)
	{
		const RightsPath *path = &axes->paths[i];
		uint64	   *set = set_at(axes, row->path, i);
		const SpecWrite *best = NULL;
		ListCell   *lc;

		if (!side->has_column[path->column] || side->closed[path->column])
			continue;
		foreach (lc, state->write)
		{
			const SpecWrite *rule = lfirst(lc);

			if (list_length(rule->path) > 1 &&
				rule_covers(rule, path->parts) &&
				(best == NULL || more_specific(rule, best)))
				best = rule;
		}
		if (best != NULL)
			rights_add_parties(axes, best->parties, set);
		else
			set_copy(axes, set, set_at(axes, row->write, path->column));
	}
}

/* Columns: those that rules name, then what * or the lack of a lock opens. */
static void
fill_columns(const RightsAxes *axes, const RightsSide *side,
			 const SpecState *state, RightsRow *row)
{
	bool	   *named = palloc0(sizeof(bool) * (axes->ncolumns + 1));
	uint64	   *rest = sets_new(axes, 1);
	const SpecWrite *star = NULL;
	ListCell   *lc;

	foreach (lc, state->write)
	{
		const SpecWrite *write = lfirst(lc);
		int			column;

		if (write->path == NIL)
			star = write;
		if (list_length(write->path) != 1)
			continue;
		column =
			position(axes->columns, axes->ncolumns, linitial(write->path));
		if (column < 0)
			continue;
		named[column] = true;
		rights_add_parties(axes, write->parties,
						   set_at(axes, row->write, column));
	}
	if (star != NULL)
		rights_add_parties(axes, star->parties, rest);
	else if (!state->locked)
		set_add_all(axes, rest);
	for (int i = 0; i < axes->ncolumns; i++)
	{
		uint64	   *set = set_at(axes, row->write, i);

		if (!side->has_column[i] || side->closed[i])
			memset(set, 0, sizeof(uint64) * axes->nwords);
		else if (i == side->open_column)
			set_add_all(axes, set);
		else if (!named[i])
			set_copy(axes, set, rest);
	}
}

static void
fill_edges(const RightsAxes *axes, const RightsSide *side, RightsRow *row,
		   int state)
{
	ListCell   *lc;

	foreach (lc, side->edges[state])
	{
		const SpecTransition *edge = lfirst(lc);
		int			to = position(axes->states, axes->nstates, edge->to);

		if (to < 0 || to == state)
			continue;
		row->edge[to] = edge;
		rights_add_parties(axes, edge->by, set_at(axes, row->move, to));
	}
}

RightsRow *
rights_row(const RightsAxes *axes, const RightsSide *side, int number)
{
	RightsRow  *row = palloc0(sizeof(RightsRow));
	const SpecState *state;

	row->insert = sets_new(axes, 1);
	row->remove = sets_new(axes, 1);
	row->write = sets_new(axes, axes->ncolumns);
	row->path = sets_new(axes, axes->npaths);
	row->edge = palloc0(sizeof(SpecTransition *) * axes->nstates);
	row->move = sets_new(axes, axes->nstates);
	if (!side->present)
		return row;
	if (side->plain)
	{
		fill_plain(axes, side, row);
		return row;
	}
	state = side->states[number];
	if (state == NULL)
		return row;
	if (side->child != NULL)
	{
		fill_child(axes, side, row, state->name);
		return row;
	}
	if (state->initial)
		rights_add_parties(axes, state->insert, row->insert);
	rights_add_parties(axes, state->remove, row->remove);
	fill_columns(axes, side, state, row);
	fill_paths(axes, side, state, row);
	fill_edges(axes, side, row, number);
	return row;
}

uint64 *
rights_truncate(const RightsAxes *axes, const RightsSide *side)
{
	uint64	   *set = sets_new(axes, 1);

	if (side->present && side->plain)
		set_copy(axes, set, side->writers);
	return set;
}
