/*-------------------------------------------------------------------------
 *
 * compare_array.c
 *		Arrays of two JSON Schemas.
 *
 * All drafts say the same in their own words: schemas of the first items, one
 * by one, and a schema of all that follow.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/json/json_schema.h"

/* What a node says of items. */
typedef struct Tuple
{
	JsNode	   *node;
	const JsKey *first;		/* NULL: none are told one by one */
	int			count;
	JsNode	   *rest;
	JsKeyword	keyword;	/* which says so; K_NONE: none */
} Tuple;

static Tuple
tuple_of(JsNode *node, JsNode *anything)
{
	Tuple		tuple = {0};
	const JsKey *items = js_key(node, K_ITEMS);
	bool		listed = items != NULL && items->json->kind == JSON_ARRAY;

	tuple.node = node;
	tuple.first = listed ? items : js_key(node, K_PREFIX_ITEMS);
	tuple.count = tuple.first != NULL ? tuple.first->count : 0;
	if (listed)
		tuple.keyword = K_ADDITIONAL_ITEMS;
	else if (items != NULL)
		tuple.keyword = K_ITEMS;
	if (tuple.keyword == K_NONE || js_key(node, tuple.keyword) == NULL)
		tuple.keyword = K_UNEVALUATED_ITEMS;
	tuple.rest = js_schema_of(node, tuple.keyword);
	if (tuple.rest == NULL)
	{
		tuple.keyword = K_NONE;
		tuple.rest = anything;
	}
	return tuple;
}

static const char *
lone_kind(const Tuple *model, bool removed, bool good, const JsNode *schema)
{
	if (model->rest->real->anything)
		return removed ? "ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL" :
			schema->real->anything ?
						 "ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL" :
						 "ITEM_ADDED_TO_OPEN_CONTENT_MODEL";
	if (model->rest->real->nothing)
		return !removed ? "ITEM_ADDED_TO_CLOSED_CONTENT_MODEL" :
			schema->real->nothing ?
						  "ITEM_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL" :
						  "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL";
	if (removed)
		return good ?
			"ITEM_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL" :
			"ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL";
	return good ? "ITEM_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL" :
				  "ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL";
}

/* An item that only one side tells, against what the other says of the rest. */
static void
compare_lone(JsComparison *c, const Tuple *old, const Tuple *new, int index,
			 bool removed)
{
	const Tuple *model = removed ? new : old;
	JsNode	   *schema = (removed ? old : new)->first->nodes[index];
	bool		fits = js_accepts(c, removed, schema, model->rest);
	bool		serves = js_accepts(c, !removed, model->rest, schema);
	unsigned	breaks = BREAKS_NOTHING;

	if (!fits)
		breaks |= removed ? BREAKS_BACKWARD : BREAKS_FORWARD;
	if (!serves)
		breaks |= removed ? BREAKS_FORWARD : BREAKS_BACKWARD;
	if (c->policy->lenient)
		breaks = BREAKS_NOTHING;
	js_report(c, lone_kind(model, removed, removed ? fits : serves, schema),
			  js_relevant(c, old->node, new->node, T_ARRAY, breaks), schema,
			  K_NONE, "item %d was %s", index, removed ? "removed" : "added");
}

static const char *
rest_kind(JsKeyword keyword, const JsNode *before, const JsNode *after)
{
	bool		plain = keyword != K_UNEVALUATED_ITEMS;

	if (after->real->nothing)
		return plain ? "ADDITIONAL_ITEMS_REMOVED" :
					   "UNEVALUATED_ITEMS_REMOVED";
	if (before->real->nothing)
		return plain ? "ADDITIONAL_ITEMS_ADDED" : "UNEVALUATED_ITEMS_ADDED";
	if (after->real->anything)
		return plain ? "ADDITIONAL_ITEMS_EXTENDED" :
					   "UNEVALUATED_ITEMS_EXTENDED";
	return plain ? "ADDITIONAL_ITEMS_NARROWED" : "UNEVALUATED_ITEMS_NARROWED";
}

static void
compare_rest(JsComparison *c, const Tuple *old, const Tuple *new)
{
	const Tuple *told = new->keyword != K_NONE ? new : old;
	unsigned	relevant =
		js_relevant(c, old->node, new->node, T_ARRAY, BREAKS_BOTH);
	unsigned	breaks;
	bool		plain = old->count == 0 && new->count == 0 &&
		told->keyword != K_UNEVALUATED_ITEMS;
	bool both = !old->rest->real->anything && !new->rest->real->anything &&
		!old->rest->real->nothing && !new->rest->real->nothing;

	if (told->keyword == K_NONE)
		return;
	if (plain || both)
	{
		if (plain || !c->policy->lenient)
			js_walk_masked(c, old->rest, new->rest, relevant);
		return;
	}
	breaks = js_breaks(c, old->rest, new->rest) & relevant;
	if (js_breaks(c, old->rest, new->rest) == 0)
		return;
	if (c->policy->lenient)
		breaks = 0;
	js_report(c, rest_kind(told->keyword, old->rest, new->rest), breaks,
			  told->node, told->keyword, "what may follow changed");
}

static bool
is_true(const JsonNode *node)
{
	return node != NULL && node->kind == JSON_TRUE;
}

static void
compare_unique(JsComparison *c, JsNode *old, JsNode *new)
{
	bool		before = is_true(js_json(old, K_UNIQUE_ITEMS));
	bool		after = is_true(js_json(new, K_UNIQUE_ITEMS));

	if (before == after)
		return;
	js_report(c, after ? "UNIQUE_ITEMS_ADDED" : "UNIQUE_ITEMS_REMOVED",
			  js_relevant(c, old, new, T_ARRAY,
						  after ? BREAKS_BACKWARD : BREAKS_FORWARD),
			  after ? new : old, K_UNIQUE_ITEMS, "items must %s be unique",
			  after ? "now" : "no more");
}

/* ---- contains ---- */

/* Is there nothing that must be contained? */
static bool
needs_none(JsComparison *c, const JsNode *node)
{
	const JsonNode *least = js_json(node, K_MIN_CONTAINS);

	return least != NULL &&
		decimal_compare(c->engine, least->text, least->length, "0", 1) == 0;
}

/* The least number of items that are contained, one without a keyword. */
static int
compare_least(JsComparison *c, const JsNode *a, const JsNode *b)
{
	const JsonNode *x = js_json(a, K_MIN_CONTAINS);
	const JsonNode *y = js_json(b, K_MIN_CONTAINS);

	return decimal_compare(c->engine, x != NULL ? x->text : "1",
						   x != NULL ? x->length : 1,
						   y != NULL ? y->text : "1",
						   y != NULL ? y->length : 1);
}

/* Do arrays of one node contain what the other wants? */
static bool
contains_enough(JsComparison *c, bool from_old, JsNode *from, JsNode *to)
{
	JsNode	   *given = js_schema_of(from, K_CONTAINS);
	JsNode	   *wanted = js_schema_of(to, K_CONTAINS);
	const JsonNode *had = js_json(from, K_MAX_CONTAINS);
	const JsonNode *most = js_json(to, K_MAX_CONTAINS);

	if (wanted == NULL || (needs_none(c, to) && most == NULL))
		return true;
	if (given == NULL)
		return false;
	if (!needs_none(c, to) &&
		(compare_least(c, from, to) < 0 ||
		 !js_accepts(c, from_old, given, wanted)))
		return false;
	return most == NULL ||
		(had != NULL &&
		 decimal_compare(c->engine, had->text, had->length, most->text,
						 most->length) <= 0 &&
		 js_accepts(c, !from_old, wanted, given));
}

static void
compare_contains(JsComparison *c, JsNode *old, JsNode *new)
{
	JsNode	   *before = js_schema_of(old, K_CONTAINS);
	JsNode	   *after = js_schema_of(new, K_CONTAINS);
	unsigned	breaks = 0;

	if (before == NULL && after == NULL)
		return;
	if (!contains_enough(c, true, old, new))
		breaks |= BREAKS_BACKWARD;
	if (!contains_enough(c, false, new, old))
		breaks |= BREAKS_FORWARD;
	if (breaks == 0 && before != NULL && after != NULL)
		return;
	js_report(c,
			  before == NULL	? "CONTAINS_ADDED" :
				  after == NULL ? "CONTAINS_REMOVED" :
								  "CONTAINS_CHANGED",
			  js_relevant(c, old, new, T_ARRAY, breaks),
			  after != NULL ? new : old, K_CONTAINS,
			  "what arrays must contain changed");
}

void
js_compare_array(JsComparison *c, JsNode *old, JsNode *new)
{
	static const char *const most[] = {"MAX_ITEMS_ADDED", "MAX_ITEMS_REMOVED",
									   "MAX_ITEMS_INCREASED",
									   "MAX_ITEMS_DECREASED"};
	static const char *const least[] = {"MIN_ITEMS_ADDED", "MIN_ITEMS_REMOVED",
										"MIN_ITEMS_INCREASED",
										"MIN_ITEMS_DECREASED"};
	Tuple		before = tuple_of(old, c->old->anything);
	Tuple		after = tuple_of(new, c->new->anything);
	unsigned	relevant = js_relevant(c, old, new, T_ARRAY, BREAKS_BOTH);

	js_compare_count(c, old, new, K_MAX_ITEMS, T_ARRAY, true, most);
	js_compare_count(c, old, new, K_MIN_ITEMS, T_ARRAY, false, least);
	compare_unique(c, old, new);
	compare_contains(c, old, new);
	for (int i = 0; i < before.count || i < after.count; i++)
	{
		engine_tick(c->engine);
		if (js_done(c))
			return;
		if (i < before.count && i < after.count)
			js_walk_masked(c, before.first->nodes[i], after.first->nodes[i],
						   relevant);
		else
			compare_lone(c, &before, &after, i, i < before.count);
	}
	compare_rest(c, &before, &after);
	js_compare_evaluated(c, old, new, K_UNEVALUATED_ITEMS, T_ARRAY,
						 "UNEVALUATED_ITEMS_CHANGED");
}
