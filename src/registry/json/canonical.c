/*-------------------------------------------------------------------------
 *
 * canonical.c
 *		Two forms of a JSON Schema: one without what only people read, and one
 *		that tells versions apart.
 *
 * In both, members are sorted and numbers are written in one way; in the first,
 * titles, descriptions and comments are left out, the order of sets does not
 * matter, and what demands nothing is not there.  References stay as they are:
 * what they lead to is in the form as well.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/json/json_schema.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Exponents beyond this are left as they are written. */
#define MOST_EXPONENT INT64_C(1000000000000)

/* ---- values ---- */

/* The exponent of a number's text; false if it is beyond all bounds. */
static bool
read_exponent(const char *text, int64_t *exponent)
{
	const char *e = strpbrk(text, "eE");

	*exponent = e == NULL ? 0 : strtoll(e + 1, NULL, 10);
	return *exponent > -MOST_EXPONENT && *exponent < MOST_EXPONENT;
}

void
js_write_number(EngineText *text, const JsonNode *number)
{
	const char *c = number->text + (number->text[0] == '-');
	size_t		first = text->length;
	size_t		zeros = 0;
	int64_t		exponent;
	bool		fraction = false;

	if (!read_exponent(number->text, &exponent))
	{
		text_add(text, number->text, number->length);
		return;
	}
	if (number->text[0] == '-')
		text_add(text, "-", 1);
	for (; *c != '\0' && *c != 'e' && *c != 'E'; c++)
	{
		if (*c == '.')
		{
			fraction = true;
			continue;
		}
		exponent -= fraction;
		/* Zeros in front say nothing; those behind go to the exponent. */
		if (*c == '0' &&
			(text->length == first || text->data[text->length - 1] == '-'))
			continue;
		text_add(text, c, 1);
		zeros = *c == '0' ? zeros + 1 : 0;
	}
	text->length -= zeros;
	text->data[text->length] = '\0';
	exponent += (int64_t) zeros;
	if (text->length == first || text->data[text->length - 1] == '-')
	{
		text->length = first;
		text->data[first] = '\0';
		text_add(text, "0", 1);
	}
	else if (exponent > 0 && exponent <= 20)
		text_add(text, "00000000000000000000", (size_t) exponent);
	else if (exponent != 0)
		text_print(text, "e%" PRId64, exponent);
}

static void
write_array(EngineText *text, const JsonNode *value)
{
	text_add(text, "[", 1);
	for (int i = 0; i < value->count; i++)
	{
		if (i > 0)
			text_add(text, ",", 1);
		js_write_value(text, value->items[i]);
	}
	text_add(text, "]", 1);
}

static void
write_object(EngineText *text, const JsonNode *value)
{
	const int  *order = json_order(text->engine, value);

	text_add(text, "{", 1);
	for (int i = 0; i < value->count; i++)
	{
		const JsonNode *name = value->names[order[i]];

		if (i > 0)
			text_add(text, ",", 1);
		json_write_string(text, name->text, name->length);
		text_add(text, ":", 1);
		js_write_value(text, value->items[order[i]]);
	}
	text_add(text, "}", 1);
}

void
js_write_value(EngineText *text, const JsonNode *value)
{
	engine_down(text->engine, NULL);
	engine_tick(text->engine);
	if (value->kind == JSON_NUMBER)
		js_write_number(text, value);
	else if (value->kind == JSON_ARRAY)
		write_array(text, value);
	else if (value->kind == JSON_OBJECT)
		write_object(text, value);
	else
		json_write(text, value, true);
	engine_up(text->engine);
}

/* ---- the canonical form ---- */

static void write_node(EngineText *text, const JsNode *node);

/* Does a keyword say nothing that data shows? */
static bool
says_nothing(Engine *engine, const JsKey *key)
{
	return key->keyword == K_TITLE || key->keyword == K_DESCRIPTION ||
		key->keyword == K_COMMENT ||
		(js_keywords[key->keyword].constrains &&
		 js_demands_nothing(engine, key));
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* The elements of an array of which the order does not matter, each once. */
static void
write_set(EngineText *text, const JsonNode *value)
{
	size_t		size = sizeof(char *) * ((size_t) value->count + 1);
	char	  **texts = engine_alloc(text->engine, size);
	bool		some = false;

	for (int i = 0; i < value->count; i++)
	{
		EngineText	one;

		engine_tick(text->engine);
		text_begin(&one, text->engine);
		js_write_value(&one, value->items[i]);
		texts[i] = one.data;
	}
	qsort(texts, (size_t) value->count, sizeof(char *), compare_texts);
	text_add(text, "[", 1);
	for (int i = 0; i < value->count; i++)
	{
		if (i > 0 && strcmp(texts[i], texts[i - 1]) == 0)
			continue;
		if (some)
			text_add(text, ",", 1);
		text_add_string(text, texts[i]);
		some = true;
	}
	text_add(text, "]", 1);
}

/* The schemas of a keyword by name. */
static void
write_map(EngineText *text, const JsKey *key)
{
	const int  *order = json_order(text->engine, key->json);

	text_add(text, "{", 1);
	for (int i = 0; i < key->count; i++)
	{
		const JsonNode *name = key->json->names[order[i]];

		if (i > 0)
			text_add(text, ",", 1);
		json_write_string(text, name->text, name->length);
		text_add(text, ":", 1);
		if (key->nodes[order[i]] != NULL)
			write_node(text, key->nodes[order[i]]);
		else
			write_set(text, key->json->items[order[i]]);
	}
	text_add(text, "}", 1);
}

static void
write_list(EngineText *text, const JsKey *key)
{
	text_add(text, "[", 1);
	for (int i = 0; i < key->count; i++)
	{
		if (i > 0)
			text_add(text, ",", 1);
		write_node(text, key->nodes[i]);
	}
	text_add(text, "]", 1);
}

static void
write_key(EngineText *text, const JsKey *key)
{
	const JsonNode *json = key->json;

	if (key->nodes != NULL)
	{
		if (json->kind == JSON_ARRAY)
			write_list(text, key);
		else if (js_keywords[key->keyword].value == V_SCHEMA ||
				 js_keywords[key->keyword].value == V_ITEMS)
			write_node(text, key->nodes[0]);
		else
			write_map(text, key);
	}
	else if (key->keyword == K_TYPE && json->kind == JSON_ARRAY &&
			 json->count == 1)
		js_write_value(text, json->items[0]);
	else if (json->kind == JSON_ARRAY &&
			 (key->keyword == K_TYPE || key->keyword == K_ENUM ||
			  key->keyword == K_REQUIRED))
		write_set(text, json);
	else
		js_write_value(text, json);
}

static void
write_node(EngineText *text, const JsNode *node)
{
	const JsonNode *json = node->json;
	const int  *order;
	size_t		begin = text->length;

	engine_tick(text->engine);
	if (json->kind != JSON_OBJECT)
	{
		json_write(text, json, true);
		return;
	}
	engine_down(text->engine, NULL);
	order = json_order(text->engine, json);
	for (int i = 0; i < json->count; i++)
	{
		const JsonNode *name = json->names[order[i]];
		const JsKey *key = js_key(node, js_keyword(name));

		if (key != NULL && says_nothing(text->engine, key))
			continue;
		text_add(text, text->length == begin ? "{" : ",", 1);
		json_write_string(text, name->text, name->length);
		text_add(text, ":", 1);
		if (key != NULL)
			write_key(text, key);
		else
			js_write_value(text, json->items[order[i]]);
	}
	if (text->length == begin)
		text_add_string(text, "true");
	else
		text_add(text, "}", 1);
	engine_up(text->engine);
}

char *
js_canonical(Engine *engine, const Schema *schema)
{
	EngineText	text;

	text_begin(&text, engine);
	write_node(&text, schema->root);
	return text.data;
}

char *
js_identity(Engine *engine, const Schema *schema)
{
	EngineText	text;

	text_begin(&text, engine);
	js_write_value(&text, schema->root->json);
	return text.data;
}
