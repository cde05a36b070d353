/*-------------------------------------------------------------------------
 *
 * compare_values.c
 *		Types, bounds, patterns and lists of values of two JSON Schemas.
 *
 * Bounds are compared by what they are worth, exactly; that one has no bound
 * is a bound beyond all numbers.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/json/json_schema.h"

#include <string.h>

/* ---- annotations ---- */

static bool
same_value(JsComparison *c, const JsonNode *a, const JsonNode *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return json_equal(c->engine, a, b);
}

static void
compare_annotations(JsComparison *c, JsNode *old, JsNode *new)
{
	static const struct
	{
		JsKeyword	keyword;
		const char *kind;
	} texts[] = {
		{K_TITLE, "TITLE_CHANGED"},
		{K_DESCRIPTION, "DESCRIPTION_CHANGED"},
		{K_COMMENT, "COMMENT_CHANGED"},
		{K_EXAMPLES, "EXAMPLES_CHANGED"},
	};
	static const struct
	{
		JsKeyword	keyword;
		const char *kind;
	} others[] = {
		{K_ID, "ID_CHANGED"},
		{K_SCHEMA, "DRAFT_CHANGED"},
		{K_DEFAULT, "DEFAULT_CHANGED"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!same_value(c, js_json(old, texts[i].keyword),
						js_json(new, texts[i].keyword)))
			js_report_text(c, texts[i].kind, new, texts[i].keyword,
						   "\"%s\" changed",
						   js_keywords[texts[i].keyword].name);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!same_value(c, js_json(old, others[i].keyword),
						js_json(new, others[i].keyword)))
			js_report(c, others[i].kind, BREAKS_NOTHING, new,
					  others[i].keyword, "\"%s\" changed",
					  js_keywords[others[i].keyword].name);
}

/* ---- types ---- */

/* The names of types, for people. */
static const char *
type_names(JsComparison *c, unsigned types)
{
	static const struct
	{
		unsigned	bits;
		const char *name;
	} names[] = {
		{T_NUMBER, "number"},	{T_INTEGER, "integer"}, {T_STRING, "string"},
		{T_BOOLEAN, "boolean"}, {T_NULL, "null"},		{T_OBJECT, "object"},
		{T_ARRAY, "array"},		{T_FRACTION, "number"},
	};
	EngineText	text;

	if (types == T_ALL || types == 0)
		return types == 0 ? "none" : "any";
	text_begin(&text, c->engine);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		if ((types & names[i].bits) != names[i].bits)
			continue;
		types &= ~names[i].bits;
		text_print(&text, "%s%s", text.length > 0 ? ", " : "", names[i].name);
	}
	return text.data;
}

static void
compare_types(JsComparison *c, JsNode *old, JsNode *new)
{
	unsigned	before = js_types(c->engine, old);
	unsigned	after = js_types(c->engine, new);
	unsigned	breaks = 0;

	if ((before & ~after) != 0)
		breaks |= BREAKS_BACKWARD;
	if ((after & ~before) != 0)
		breaks |= BREAKS_FORWARD;
	if (breaks == 0)
		return;
	js_report(c,
			  breaks == BREAKS_BOTH		   ? "TYPE_CHANGED" :
				  breaks == BREAKS_FORWARD ? "TYPE_EXTENDED" :
											 "TYPE_NARROWED",
			  breaks, new, K_TYPE, "type %s became %s", type_names(c, before),
			  type_names(c, after));
}

/* ---- counts ---- */

static int
compare_numbers(JsComparison *c, const JsonNode *a, const JsonNode *b)
{
	return decimal_compare(c->engine, a->text, a->length, b->text, b->length);
}

/* A least count of nothing is none. */
static const JsonNode *
count_of(JsComparison *c, const JsNode *node, JsKeyword keyword, bool upper)
{
	const JsonNode *count = js_json(node, keyword);

	if (!upper && count != NULL &&
		decimal_compare(c->engine, count->text, count->length, "0", 1) == 0)
		return NULL;
	return count;
}

/* Kinds: added, removed, increased, decreased. */
void
js_compare_count(JsComparison *c, JsNode *old, JsNode *new, JsKeyword keyword,
				 unsigned types, bool upper, const char *const *kinds)
{
	const JsonNode *before = count_of(c, old, keyword, upper);
	const JsonNode *after = count_of(c, new, keyword, upper);
	const char *name = js_keywords[keyword].name;
	int			order;

	if (before == NULL && after == NULL)
		return;
	if (before == NULL)
		js_report(c, kinds[0],
				  js_relevant(c, old, new, types, BREAKS_BACKWARD), new,
				  keyword, "\"%s\" %s was added", name, after->text);
	else if (after == NULL)
		js_report(c, kinds[1], js_relevant(c, old, new, types, BREAKS_FORWARD),
				  old, keyword, "\"%s\" %s was removed", name, before->text);
	else if ((order = compare_numbers(c, before, after)) != 0)
		js_report(c, order < 0 ? kinds[2] : kinds[3],
				  js_relevant(c, old, new, types,
							  (order < 0) == upper ? BREAKS_FORWARD :
													 BREAKS_BACKWARD),
				  new, keyword, "\"%s\" went from %s to %s", name,
				  before->text, after->text);
}

/* ---- bounds of numbers ---- */

typedef struct Bound
{
	const JsonNode *value;	/* NULL: there is none */
	bool		exclusive;
} Bound;

/* The stricter of two keywords; draft 4 has a flag instead. */
static Bound
bound_of(JsComparison *c, const JsNode *node, bool upper)
{
	const JsonNode *plain = js_json(node, upper ? K_MAXIMUM : K_MINIMUM);
	const JsonNode *other =
		js_json(node, upper ? K_EXCLUSIVE_MAXIMUM : K_EXCLUSIVE_MINIMUM);
	Bound		bound = {plain, false};
	int			order;

	if (other == NULL || other->kind == JSON_FALSE)
		return bound;
	if (other->kind == JSON_TRUE)
	{
		bound.exclusive = true;
		return bound;
	}
	order = plain == NULL ? 0 : compare_numbers(c, other, plain);
	if (order == 0 || (order < 0) == upper)
	{
		bound.value = other;
		bound.exclusive = true;
	}
	return bound;
}

/* How much more the second allows: -1, 0, 1; both are there. */
static int
compare_bounds(JsComparison *c, const Bound *a, const Bound *b, bool upper)
{
	int			order = compare_numbers(c, b->value, a->value);

	if (order == 0)
		return (int) a->exclusive - (int) b->exclusive;
	return upper ? order : -order;
}

static void
compare_bound(JsComparison *c, JsNode *old, JsNode *new, bool upper)
{
	static const char *const kinds[4][4] = {
		{"MINIMUM_ADDED", "MINIMUM_REMOVED", "MINIMUM_INCREASED",
		 "MINIMUM_DECREASED"},
		{"EXCLUSIVE_MINIMUM_ADDED", "EXCLUSIVE_MINIMUM_REMOVED",
		 "EXCLUSIVE_MINIMUM_INCREASED", "EXCLUSIVE_MINIMUM_DECREASED"},
		{"MAXIMUM_ADDED", "MAXIMUM_REMOVED", "MAXIMUM_INCREASED",
		 "MAXIMUM_DECREASED"},
		{"EXCLUSIVE_MAXIMUM_ADDED", "EXCLUSIVE_MAXIMUM_REMOVED",
		 "EXCLUSIVE_MAXIMUM_INCREASED", "EXCLUSIVE_MAXIMUM_DECREASED"},
	};
	Bound		before = bound_of(c, old, upper);
	Bound		after = bound_of(c, new, upper);
	bool exclusive = after.value != NULL ? after.exclusive : before.exclusive;
	const char *const *names;
	JsKeyword	keyword = upper ? K_MAXIMUM : K_MINIMUM;
	int			more;

	if (before.value == NULL && after.value == NULL)
		return;
	if (exclusive)
		keyword = upper ? K_EXCLUSIVE_MAXIMUM : K_EXCLUSIVE_MINIMUM;
	names = kinds[2 * upper + exclusive];
	if (before.value == NULL)
		js_report(c, names[0],
				  js_relevant(c, old, new, T_NUMBER, BREAKS_BACKWARD), new,
				  keyword, "bound %s was added", after.value->text);
	else if (after.value == NULL)
		js_report(c, names[1],
				  js_relevant(c, old, new, T_NUMBER, BREAKS_FORWARD), old,
				  keyword, "bound %s was removed", before.value->text);
	else if ((more = compare_bounds(c, &before, &after, upper)) != 0)
		js_report(c, (more > 0) == upper ? names[2] : names[3],
				  js_relevant(c, old, new, T_NUMBER,
							  more > 0 ? BREAKS_FORWARD : BREAKS_BACKWARD),
				  new, keyword, "bound went from %s%s to %s%s",
				  before.exclusive ? "exclusive " : "", before.value->text,
				  after.exclusive ? "exclusive " : "", after.value->text);
}

static bool
is_multiple(JsComparison *c, const JsonNode *a, const JsonNode *b)
{
	return decimal_is_multiple(c->engine, a->text, a->length, b->text,
							   b->length);
}

static void
compare_multiple(JsComparison *c, JsNode *old, JsNode *new)
{
	const JsonNode *before = js_json(old, K_MULTIPLE_OF);
	const JsonNode *after = js_json(new, K_MULTIPLE_OF);
	unsigned	breaks = 0;

	if (before == NULL && after == NULL)
		return;
	if (before == NULL || (after != NULL && !is_multiple(c, before, after)))
		breaks |= BREAKS_BACKWARD;
	if (after == NULL || (before != NULL && !is_multiple(c, after, before)))
		breaks |= BREAKS_FORWARD;
	/* All whole numbers are multiples of what divides 1. */
	if (before == NULL && js_types(c->engine, old) == T_INTEGER &&
		decimal_is_multiple(c->engine, "1", 1, after->text, after->length))
		breaks &= ~(unsigned) BREAKS_BACKWARD;
	if (after == NULL && js_types(c->engine, new) == T_INTEGER &&
		decimal_is_multiple(c->engine, "1", 1, before->text, before->length))
		breaks &= ~(unsigned) BREAKS_FORWARD;
	if (breaks == 0 && before != NULL && after != NULL)
		return;
	js_report(c,
			  before == NULL				? "MULTIPLE_OF_ADDED" :
				  after == NULL				? "MULTIPLE_OF_REMOVED" :
				  breaks == BREAKS_FORWARD	? "MULTIPLE_OF_REDUCED" :
				  breaks == BREAKS_BACKWARD ? "MULTIPLE_OF_EXPANDED" :
											  "MULTIPLE_OF_CHANGED",
			  js_relevant(c, old, new, T_NUMBER, breaks),
			  after != NULL ? new : old, K_MULTIPLE_OF,
			  "\"multipleOf\" changed");
}

/* ---- texts ---- */

/* Keywords whose values are the same or not. */
static void
compare_text(JsComparison *c, JsNode *old, JsNode *new, JsKeyword keyword,
			 const char *const *kinds, unsigned types)
{
	const JsonNode *before = js_json(old, keyword);
	const JsonNode *after = js_json(new, keyword);
	const char *name = js_keywords[keyword].name;

	if (same_value(c, before, after))
		return;
	if (before == NULL)
		js_report(c, kinds[0],
				  js_relevant(c, old, new, types, BREAKS_BACKWARD), new,
				  keyword, "\"%s\" was added", name);
	else if (after == NULL)
		js_report(c, kinds[1], js_relevant(c, old, new, types, BREAKS_FORWARD),
				  old, keyword, "\"%s\" was removed", name);
	else
		js_report(c, kinds[2], js_relevant(c, old, new, types, BREAKS_BOTH),
				  new, keyword, "\"%s\" changed", name);
}

/* ---- lists of values ---- */

/* The values that enum and const allow together, by their text. */
static EngineMap *
values_of(JsComparison *c, JsNode *node)
{
	const JsonNode *list = js_json(node, K_ENUM);
	const JsonNode *only = js_json(node, K_CONST);
	EngineText	text;

	if (node->values != NULL || (list == NULL && only == NULL))
		return node->values;
	node->values = map_new(c->engine);
	for (int i = 0; i < (only != NULL ? 1 : list->count); i++)
	{
		engine_tick(c->engine);
		text_begin(&text, c->engine);
		js_write_value(&text, only != NULL ? only : list->items[i]);
		map_set(node->values, text.data, text.length, node);
	}
	return node->values;
}

/* Are all values of one node in those of the other? */
static bool
has_values(JsComparison *c, const JsNode *from, const EngineMap *in)
{
	const JsonNode *list = js_json(from, K_ENUM);
	const JsonNode *only = js_json(from, K_CONST);
	EngineText	text;

	for (int i = 0; i < (only != NULL ? 1 : list->count); i++)
	{
		engine_tick(c->engine);
		text_begin(&text, c->engine);
		js_write_value(&text, only != NULL ? only : list->items[i]);
		if (map_get(in, text.data, text.length) == NULL)
			return false;
	}
	return true;
}

static void
compare_value_lists(JsComparison *c, JsNode *old, JsNode *new)
{
	EngineMap  *before = values_of(c, old);
	EngineMap  *after = values_of(c, new);
	bool		consts = (before == NULL || old->at[K_CONST] != 0) &&
		(after == NULL || new->at[K_CONST] != 0);
	JsKeyword	keyword = consts ? K_CONST : K_ENUM;
	unsigned	breaks = 0;

	if (before == NULL && after == NULL)
		return;
	if (before == NULL || (after != NULL && !has_values(c, old, after)))
		breaks |= BREAKS_BACKWARD;
	if (after == NULL || (before != NULL && !has_values(c, new, before)))
		breaks |= BREAKS_FORWARD;
	if (breaks == 0)
		return;
	if (before == NULL)
		js_report(c, consts ? "CONST_ADDED" : "ENUM_ARRAY_ADDED", breaks, new,
				  keyword, "values are listed now");
	else if (after == NULL)
		js_report(c, consts ? "CONST_REMOVED" : "ENUM_ARRAY_REMOVED", breaks,
				  old, keyword, "values are listed no more");
	else
		js_report(c,
				  consts						? "CONST_CHANGED" :
					  breaks == BREAKS_FORWARD	? "ENUM_ARRAY_EXTENDED" :
					  breaks == BREAKS_BACKWARD ? "ENUM_ARRAY_NARROWED" :
												  "ENUM_ARRAY_CHANGED",
				  breaks, new, new->at[K_ENUM] != 0 ? K_ENUM : keyword,
				  "listed values changed");
}

void
js_compare_values(JsComparison *c, JsNode *old, JsNode *new)
{
	static const char *const max_length[] = {"MAX_LENGTH_ADDED",
											 "MAX_LENGTH_REMOVED",
											 "MAX_LENGTH_INCREASED",
											 "MAX_LENGTH_DECREASED"};
	static const char *const min_length[] = {"MIN_LENGTH_ADDED",
											 "MIN_LENGTH_REMOVED",
											 "MIN_LENGTH_INCREASED",
											 "MIN_LENGTH_DECREASED"};
	static const char *const pattern[] = {"PATTERN_ADDED", "PATTERN_REMOVED",
										  "PATTERN_CHANGED"};
	static const char *const format[] = {"FORMAT_ADDED", "FORMAT_REMOVED",
										 "FORMAT_CHANGED"};

	if (c->differences != NULL && !c->only_breaks)
		compare_annotations(c, old, new);
	if (old->anything || new->anything || old->nothing || new->nothing)
		return;
	compare_types(c, old, new);
	if (js_done(c))
		return;
	compare_value_lists(c, old, new);
	js_compare_count(c, old, new, K_MAX_LENGTH, T_STRING, true, max_length);
	js_compare_count(c, old, new, K_MIN_LENGTH, T_STRING, false, min_length);
	compare_text(c, old, new, K_PATTERN, pattern, T_STRING);
	compare_text(c, old, new, K_FORMAT, format, T_ALL);
	compare_bound(c, old, new, true);
	compare_bound(c, old, new, false);
	compare_multiple(c, old, new);
}
