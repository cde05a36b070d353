/*-------------------------------------------------------------------------
 *
 * json_equal.c
 *		When two JSON values are the same value.
 *
 * Numbers are compared by what they are worth, members in any order.  Includes
 * no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/json_tree.h"

#include <string.h>

static bool
same_text(const JsonNode *a, const JsonNode *b)
{
	return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

static bool
same_elements(Engine *engine, const JsonNode *a, const JsonNode *b)
{
	for (int i = 0; i < a->count; i++)
		if (!json_equal(engine, a->items[i], b->items[i]))
			return false;
	return true;
}

/* Both have as many members, each once: so a's must all be in b. */
static bool
same_members(Engine *engine, const JsonNode *a, const JsonNode *b)
{
	for (int i = 0; i < a->count; i++)
	{
		const JsonNode *other =
			json_get_n(b, a->names[i]->text, a->names[i]->length);

		if (other == NULL || !json_equal(engine, a->items[i], other))
			return false;
	}
	return true;
}

bool
json_equal(Engine *engine, const JsonNode *a, const JsonNode *b)
{
	SchemaPlace place = {0};
	bool		same = true;

	if (a->kind != b->kind || a->count != b->count)
		return false;
	place.line = a->line;
	place.column = a->column;
	engine_down(engine, &place);
	engine_tick(engine);
	switch (a->kind)
	{
		case JSON_NULL:
		case JSON_FALSE:
		case JSON_TRUE:
			break;
		case JSON_NUMBER:
			same = decimal_compare(engine, a->text, a->length, b->text,
								   b->length) == 0;
			break;
		case JSON_STRING:
			same = same_text(a, b);
			break;
		case JSON_ARRAY:
			same = same_elements(engine, a, b);
			break;
		case JSON_OBJECT:
			same = same_members(engine, a, b);
			break;
	}
	engine_up(engine);
	return same;
}
