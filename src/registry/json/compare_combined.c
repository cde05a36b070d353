/*-------------------------------------------------------------------------
 *
 * compare_combined.c
 *		allOf, anyOf, oneOf, not and if of two JSON Schemas.
 *
 * The branches of anyOf and oneOf are matched: each branch of the one that
 * writes with another one of the reader that accepts what it accepts, as many
 * as can be.  oneOf is taken as if no value fitted two branches.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/json/json_schema.h"

#include <string.h>

/* ---- matching ---- */

typedef struct Matching
{
	JsComparison *c;
	bool		from_old;
	const JsKey *from;
	const JsKey *to;
	int		   *taken;		/* by branch of to: which of from, or -1 */
	bool	   *tried;		/* by branch of to */
} Matching;

/* Find a place for a branch, moving others if need be (Kuhn). */
static bool
find_place(Matching *m, int branch)
{
	for (int i = 0; i < m->to->count; i++)
	{
		/* The branch of the same number first: there are not fewer. */
		int			place = i == 0 ? branch : i <= branch ? i - 1 : i;

		engine_tick(m->c->engine);
		if (m->tried[place] ||
			!js_accepts(m->c, m->from_old, m->from->nodes[branch],
						m->to->nodes[place]))
			continue;
		m->tried[place] = true;
		if (m->taken[place] < 0 || find_place(m, m->taken[place]))
		{
			m->taken[place] = branch;
			return true;
		}
	}
	return false;
}

/* Does each branch of a list get one of the other's for itself? */
static bool
all_match(JsComparison *c, bool from_old, const JsKey *from, const JsKey *to)
{
	Matching	m = {c, from_old, from, to, NULL, NULL};

	if (from->count > to->count)
		return false;
	m.taken = engine_alloc(c->engine, sizeof(int) * (size_t) to->count);
	m.tried = engine_alloc(c->engine, sizeof(bool) * (size_t) to->count);
	for (int i = 0; i < to->count; i++)
		m.taken[i] = -1;
	for (int i = 0; i < from->count; i++)
	{
		memset(m.tried, 0, sizeof(bool) * (size_t) to->count);
		if (!find_place(&m, i))
			return false;
	}
	return true;
}

/* ---- anyOf and oneOf ---- */

static bool
has_sum(const JsNode *node)
{
	return node->at[K_ANY_OF] != 0 || node->at[K_ONE_OF] != 0;
}

/* Is what a node accepts accepted by a reader's anyOf or oneOf? */
static bool
sum_accepts(JsComparison *c, bool from_old, JsNode *from, JsNode *to,
			JsKeyword keyword)
{
	const JsKey *branches = js_key(to, keyword);
	const JsKey *given = js_key(from, keyword);

	if (branches == NULL)
		return true;
	if (given == NULL && keyword == K_ANY_OF)
		given = js_key(from, K_ONE_OF);
	if (given != NULL && all_match(c, from_old, given, branches))
		return true;
	if (has_sum(from))
		return false;
	for (int i = 0; i < branches->count; i++)
		if (js_accepts(c, from_old, from, branches->nodes[i]))
			return true;
	return false;
}

static const char *
sum_kind(const JsKey *before, const JsKey *after, unsigned breaks)
{
	if (before == NULL || after == NULL)
		return breaks == BREAKS_FORWARD ? "COMBINED_TYPE_EXTENDED" :
			breaks == BREAKS_BACKWARD	? "COMBINED_TYPE_NARROWED" :
										  "COMBINED_TYPE_CHANGED";
	if (before->count < after->count && (breaks & BREAKS_BACKWARD) == 0)
		return "SUM_TYPE_EXTENDED";
	if (before->count > after->count && (breaks & BREAKS_FORWARD) == 0)
		return "SUM_TYPE_NARROWED";
	return "COMBINED_TYPE_SUBSCHEMAS_CHANGED";
}

/* Tell what changed in branches of the same number. */
static void
tell_branches(JsComparison *c, const JsKey *before, const JsKey *after,
			  unsigned breaks)
{
	if (c->differences == NULL || before == NULL || after == NULL ||
		before->count != after->count)
		return;
	for (int i = 0; i < before->count; i++)
		js_walk_masked(c, before->nodes[i], after->nodes[i], breaks);
}

static void
compare_sum(JsComparison *c, JsNode *old, JsNode *new, JsKeyword keyword)
{
	const JsKey *before = js_key(old, keyword);
	const JsKey *after = js_key(new, keyword);
	unsigned	breaks = 0;

	if (before == NULL && after == NULL)
		return;
	if (!sum_accepts(c, true, old, new, keyword))
		breaks |= BREAKS_BACKWARD;
	if (!sum_accepts(c, false, new, old, keyword))
		breaks |= BREAKS_FORWARD;
	if (breaks != 0 || before == NULL || after == NULL ||
		before->count != after->count)
		js_report(c, sum_kind(before, after, breaks), breaks,
				  after != NULL ? new : old, keyword,
				  "branches of \"%s\" changed", js_keywords[keyword].name);
	tell_branches(c, before, after, breaks);
}

/* ---- allOf and references beside other keywords ---- */

/* All that must hold besides: branches of allOf, and where references lead. */
typedef struct Parts
{
	JsNode	  **nodes;
	int			count;
} Parts;

static Parts
parts_of(JsComparison *c, const JsNode *node)
{
	const JsKey *all = js_key(node, K_ALL_OF);
	int			branches = all != NULL ? all->count : 0;
	Parts		parts = {NULL, 0};

	if (branches + node->ntargets == 0)
		return parts;
	parts.nodes =
		engine_alloc(c->engine,
					 sizeof(JsNode *) * (size_t) (branches + node->ntargets));
	for (int i = 0; i < node->ntargets; i++)
		parts.nodes[parts.count++] = node->targets[i];
	for (int i = 0; i < branches; i++)
		parts.nodes[parts.count++] = all->nodes[i];
	return parts;
}

/* Is a part of the reader's demanded by the writer in some way? */
static bool
part_holds(JsComparison *c, bool from_old, JsNode *from, const Parts *given,
		   JsNode *part, int index)
{
	if (index < given->count &&
		js_accepts(c, from_old, given->nodes[index], part))
		return true;
	for (int i = 0; i < given->count; i++)
		if (i != index && js_accepts(c, from_old, given->nodes[i], part))
			return true;
	return js_accepts(c, from_old, from, part);
}

static bool
parts_hold(JsComparison *c, bool from_old, JsNode *from, const Parts *given,
		   const Parts *wanted)
{
	for (int i = 0; i < wanted->count; i++)
	{
		engine_tick(c->engine);
		if (!part_holds(c, from_old, from, given, wanted->nodes[i], i))
			return false;
	}
	return true;
}

static void
compare_parts(JsComparison *c, JsNode *old, JsNode *new)
{
	Parts		before = parts_of(c, old);
	Parts		after = parts_of(c, new);
	unsigned	breaks = 0;
	JsKeyword	keyword =
		new->at[K_ALL_OF] != 0 || old->at[K_ALL_OF] != 0 ? K_ALL_OF : K_REF;

	if (before.count == 0 && after.count == 0)
		return;
	if (!parts_hold(c, true, old, &before, &after))
		breaks |= BREAKS_BACKWARD;
	if (!parts_hold(c, false, new, &after, &before))
		breaks |= BREAKS_FORWARD;
	if (breaks != 0 || before.count != after.count)
		js_report(c,
				  before.count > after.count ?
					  "PRODUCT_TYPE_NARROWED" :
					  before.count < after.count ?
					  "PRODUCT_TYPE_EXTENDED" :
					  "COMBINED_TYPE_SUBSCHEMAS_CHANGED",
				  breaks, new->at[keyword] != 0 ? new : old, keyword,
				  "what must hold besides changed");
	for (int i = 0; c->differences != NULL && before.count == after.count &&
		 i < before.count;
		 i++)
		js_walk_masked(c, before.nodes[i], after.nodes[i], breaks);
}

/* ---- not and if ---- */

static void
compare_not(JsComparison *c, JsNode *old, JsNode *new)
{
	JsNode	   *before = js_schema_of(old, K_NOT);
	JsNode	   *after = js_schema_of(new, K_NOT);

	if (before != NULL && after != NULL)
	{
		unsigned	breaks = js_breaks(c, before, after);

		if (breaks == 0)
			return;
		js_report(c,
				  breaks == BREAKS_FORWARD		? "NOT_TYPE_EXTENDED" :
					  breaks == BREAKS_BACKWARD ? "NOT_TYPE_NARROWED" :
												  "NOT_TYPE_CHANGED",
				  BREAKS_NOTHING, new, K_NOT, "what must not be changed");
		js_walk_swapped(c, before, after);
	}
	else if (after != NULL && !after->real->nothing)
		js_report(c, "NOT_TYPE_ADDED", BREAKS_BACKWARD, new, K_NOT,
				  "values are excluded now");
	else if (before != NULL && !before->real->nothing)
		js_report(c, "NOT_TYPE_REMOVED", BREAKS_FORWARD, old, K_NOT,
				  "values are excluded no more");
}

/* Does an if demand anything? */
static bool
has_condition(const JsNode *node)
{
	const JsNode *then = js_schema_of(node, K_THEN);
	const JsNode *otherwise = js_schema_of(node, K_ELSE);

	return node->at[K_IF] != 0 &&
		((then != NULL && !then->real->anything) ||
		 (otherwise != NULL && !otherwise->real->anything));
}

/* What a branch of both ifs breaks; one that is not there demands nothing. */
static unsigned
branch_breaks(JsComparison *c, const JsNode *old, const JsNode *new,
			  JsKeyword keyword)
{
	JsNode	   *before = js_schema_of(old, keyword);
	JsNode	   *after = js_schema_of(new, keyword);

	return js_breaks(c, before != NULL ? before : c->old->anything,
					 after != NULL ? after : c->new->anything);
}

static void
compare_conditions(JsComparison *c, JsNode *old, JsNode *new)
{
	bool		before = has_condition(old);
	bool		after = has_condition(new);
	unsigned	breaks;

	if (!before && !after)
		return;
	if (!after)
		breaks = BREAKS_FORWARD;
	else if (!before)
		breaks = BREAKS_BACKWARD;
	else if (branch_breaks(c, old, new, K_IF) != 0)
		breaks = BREAKS_BOTH;
	else
		breaks = branch_breaks(c, old, new, K_THEN) |
			branch_breaks(c, old, new, K_ELSE);
	if (breaks != 0)
		js_report(c,
				  !after	 ? "CONDITION_REMOVED" :
					  !before ? "CONDITION_ADDED" :
								"CONDITION_CHANGED",
				  breaks, after ? new : old, K_IF,
				  "what is demanded under a condition changed");
}

void
js_compare_combined(JsComparison *c, JsNode *old, JsNode *new)
{
	compare_not(c, old, new);
	compare_conditions(c, old, new);
	if (js_done(c))
		return;
	compare_sum(c, old, new, K_ANY_OF);
	if (js_done(c))
		return;
	compare_sum(c, old, new, K_ONE_OF);
	if (js_done(c))
		return;
	compare_parts(c, old, new);
}

/* ---- other ways ---- */

/* Is what a writer accepts accepted for one of its parts alone? */
static bool
part_suffices(JsComparison *c, bool from_old, JsNode *from, JsNode *to)
{
	Parts		parts = parts_of(c, from);

	for (int i = 0; i < parts.count; i++)
		if (js_accepts(c, from_old, parts.nodes[i], to))
			return true;
	return false;
}

/* Is each branch of a writer's anyOf or oneOf accepted as a whole? */
static bool
branches_suffice(JsComparison *c, bool from_old, JsNode *from, JsNode *to)
{
	static const JsKeyword keywords[] = {K_ANY_OF, K_ONE_OF};

	if (has_sum(to))
		return false;
	for (int i = 0; i < 2; i++)
	{
		const JsKey *key = js_key(from, keywords[i]);
		bool		all = key != NULL;

		for (int j = 0; all && j < key->count; j++)
			all = js_accepts(c, from_old, key->nodes[j], to);
		if (all)
			return true;
	}
	return false;
}

unsigned
js_other_ways(JsComparison *c, JsNode *old, JsNode *new, unsigned wanted)
{
	unsigned	ways = 0;

	if (old->json == NULL || new->json == NULL)
		return 0;
	if ((wanted & BREAKS_BACKWARD) != 0 &&
		(part_suffices(c, true, old, new) ||
		 branches_suffice(c, true, old, new)))
		ways |= BREAKS_BACKWARD;
	if ((wanted & BREAKS_FORWARD) != 0 &&
		(part_suffices(c, false, new, old) ||
		 branches_suffice(c, false, new, old)))
		ways |= BREAKS_FORWARD;
	return ways;
}
