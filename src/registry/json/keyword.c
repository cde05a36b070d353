/*-------------------------------------------------------------------------
 *
 * keyword.c
 *		The keywords of JSON Schema, and what their values must be.
 *
 * All drafts from 4 to 2020-12 together; a keyword that a draft does not know
 * is taken as what the others mean by it.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/json/json_schema.h"

#include <string.h>

const JsKeywordInfo js_keywords[K_COUNT] = {
	[K_NONE] = {"", V_ANY, false},
	[K_ID] = {"$id", V_STRING, false},
	[K_OLD_ID] = {"id", V_ANY, false},
	[K_SCHEMA] = {"$schema", V_STRING, false},
	[K_ANCHOR] = {"$anchor", V_STRING, false},
	[K_DYNAMIC_ANCHOR] = {"$dynamicAnchor", V_STRING, false},
	[K_RECURSIVE_ANCHOR] = {"$recursiveAnchor", V_BOOLEAN, false},
	[K_REF] = {"$ref", V_STRING, true},
	[K_DYNAMIC_REF] = {"$dynamicRef", V_STRING, true},
	[K_RECURSIVE_REF] = {"$recursiveRef", V_STRING, true},
	[K_DEFS] = {"$defs", V_SCHEMA_MAP, false},
	[K_DEFINITIONS] = {"definitions", V_SCHEMA_MAP, false},
	[K_COMMENT] = {"$comment", V_STRING, false},
	[K_TITLE] = {"title", V_STRING, false},
	[K_DESCRIPTION] = {"description", V_STRING, false},
	[K_DEFAULT] = {"default", V_ANY, false},
	[K_EXAMPLES] = {"examples", V_ANY, false},
	[K_FORMAT] = {"format", V_STRING, true},
	[K_TYPE] = {"type", V_TYPE, true},
	[K_ENUM] = {"enum", V_ENUM, true},
	[K_CONST] = {"const", V_ANY, true},
	[K_MAX_LENGTH] = {"maxLength", V_COUNT, true},
	[K_MIN_LENGTH] = {"minLength", V_COUNT, true},
	[K_PATTERN] = {"pattern", V_PATTERN, true},
	[K_MAXIMUM] = {"maximum", V_NUMBER, true},
	[K_MINIMUM] = {"minimum", V_NUMBER, true},
	[K_EXCLUSIVE_MAXIMUM] = {"exclusiveMaximum", V_LIMIT, true},
	[K_EXCLUSIVE_MINIMUM] = {"exclusiveMinimum", V_LIMIT, true},
	[K_MULTIPLE_OF] = {"multipleOf", V_POSITIVE, true},
	[K_MAX_ITEMS] = {"maxItems", V_COUNT, true},
	[K_MIN_ITEMS] = {"minItems", V_COUNT, true},
	[K_UNIQUE_ITEMS] = {"uniqueItems", V_BOOLEAN, true},
	[K_ITEMS] = {"items", V_ITEMS, true},
	[K_PREFIX_ITEMS] = {"prefixItems", V_SCHEMAS, true},
	[K_ADDITIONAL_ITEMS] = {"additionalItems", V_SCHEMA, true},
	[K_UNEVALUATED_ITEMS] = {"unevaluatedItems", V_SCHEMA, true},
	[K_CONTAINS] = {"contains", V_SCHEMA, true},
	[K_MAX_CONTAINS] = {"maxContains", V_COUNT, true},
	[K_MIN_CONTAINS] = {"minContains", V_COUNT, true},
	[K_MAX_PROPERTIES] = {"maxProperties", V_COUNT, true},
	[K_MIN_PROPERTIES] = {"minProperties", V_COUNT, true},
	[K_REQUIRED] = {"required", V_STRINGS, true},
	[K_PROPERTIES] = {"properties", V_SCHEMA_MAP, true},
	[K_PATTERN_PROPERTIES] = {"patternProperties", V_PATTERN_MAP, true},
	[K_ADDITIONAL_PROPERTIES] = {"additionalProperties", V_SCHEMA, true},
	[K_UNEVALUATED_PROPERTIES] = {"unevaluatedProperties", V_SCHEMA, true},
	[K_PROPERTY_NAMES] = {"propertyNames", V_SCHEMA, true},
	[K_DEPENDENCIES] = {"dependencies", V_DEPENDENCIES, true},
	[K_DEPENDENT_REQUIRED] = {"dependentRequired", V_STRINGS_MAP, true},
	[K_DEPENDENT_SCHEMAS] = {"dependentSchemas", V_SCHEMA_MAP, true},
	[K_ALL_OF] = {"allOf", V_SCHEMAS, true},
	[K_ANY_OF] = {"anyOf", V_SCHEMAS, true},
	[K_ONE_OF] = {"oneOf", V_SCHEMAS, true},
	[K_NOT] = {"not", V_SCHEMA, true},
	[K_IF] = {"if", V_SCHEMA, true},
	[K_THEN] = {"then", V_SCHEMA, true},
	[K_ELSE] = {"else", V_SCHEMA, true},
};

JsKeyword
js_keyword(const JsonNode *name)
{
	for (int i = 1; i < K_COUNT; i++)
		if (js_keywords[i].name[0] == name->text[0] &&
			json_is(name, js_keywords[i].name))
			return (JsKeyword) i;
	return K_NONE;
}

unsigned
js_type_bits(const JsonNode *name)
{
	static const struct
	{
		const char *name;
		unsigned	bits;
	} types[] = {
		{"null", T_NULL},	  {"boolean", T_BOOLEAN}, {"integer", T_INTEGER},
		{"number", T_NUMBER}, {"string", T_STRING},	  {"array", T_ARRAY},
		{"object", T_OBJECT},
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (json_is(name, types[i].name))
			return types[i].bits;
	return 0;
}

/* A value that is not what its keyword wants. */
static void
fail_value(Engine *engine, const JsNode *node, JsKeyword keyword,
		   const JsonNode *value, const char *want)
{
	SchemaPlace place =
		js_place(engine, node, value, js_key_path(engine, node, keyword));

	engine_fail(engine, &place, "\"%s\" must be %s", js_keywords[keyword].name,
				want);
}

/* A string in a place where all must be different. */
static void
check_string(Engine *engine, const JsNode *node, JsKeyword keyword,
			 const JsonNode *value, EngineMap *seen)
{
	SchemaPlace place =
		js_place(engine, node, value, js_key_path(engine, node, keyword));

	if (value->kind != JSON_STRING)
		fail_value(engine, node, keyword, value, "an array of strings");
	if (map_set(seen, value->text, value->length, (void *) value) != NULL)
		engine_fail(engine, &place, "\"%s\" has \"%s\" twice",
					js_keywords[keyword].name, value->text);
}

static void
check_strings(Engine *engine, const JsNode *node, JsKeyword keyword,
			  const JsonNode *value)
{
	EngineMap  *seen;

	if (value->kind != JSON_ARRAY)
		fail_value(engine, node, keyword, value,
				   keyword == K_REQUIRED ? "an array of strings" :
										   "an object of arrays of strings");
	seen = map_new(engine);
	for (int i = 0; i < value->count; i++)
	{
		engine_tick(engine);
		check_string(engine, node, keyword, value->items[i], seen);
	}
}

static void
check_type(Engine *engine, const JsNode *node, const JsonNode *value)
{
	EngineMap  *seen = map_new(engine);

	if (value->kind == JSON_STRING && js_type_bits(value) != 0)
		return;
	if (value->kind != JSON_ARRAY || value->count == 0)
		fail_value(engine, node, K_TYPE, value,
				   "the name of a type or an array of them");
	for (int i = 0; i < value->count; i++)
	{
		check_string(engine, node, K_TYPE, value->items[i], seen);
		if (js_type_bits(value->items[i]) == 0)
			fail_value(engine, node, K_TYPE, value->items[i],
					   "the name of a type or an array of them");
	}
}

static bool
is_whole(const JsonNode *value)
{
	int64_t		whole;
	bool		fits;

	return value->kind == JSON_NUMBER &&
		decimal_is_integer(value->text, value->length, &whole, &fits);
}

static int
compare_zero(Engine *engine, const JsonNode *value)
{
	return decimal_compare(engine, value->text, value->length, "0", 1);
}

static void
check_pattern(Engine *engine, const JsNode *node, JsKeyword keyword,
			  const JsonNode *pattern)
{
	const char *error = js_pattern_error(pattern->text, pattern->length);
	SchemaPlace place =
		js_place(engine, node, pattern, js_key_path(engine, node, keyword));

	if (error != NULL)
		engine_fail(engine, &place, "pattern \"%s\" %s", pattern->text, error);
}

/* Objects whose members hold schemas or strings. */
static void
check_map(Engine *engine, const JsNode *node, JsKeyword keyword,
		  const JsonNode *value)
{
	JsValueKind kind = js_keywords[keyword].value;

	if (value->kind != JSON_OBJECT)
		fail_value(engine, node, keyword, value, "an object");
	for (int i = 0; i < value->count; i++)
	{
		engine_tick(engine);
		if (kind == V_PATTERN_MAP)
			check_pattern(engine, node, keyword, value->names[i]);
		if (kind == V_STRINGS_MAP ||
			(kind == V_DEPENDENCIES && value->items[i]->kind == JSON_ARRAY))
			check_strings(engine, node, keyword, value->items[i]);
	}
}

void
js_check_value(Engine *engine, const JsNode *node, JsKeyword keyword,
			   const JsonNode *value)
{
	const char *want = NULL;
	bool is_bool = value->kind == JSON_TRUE || value->kind == JSON_FALSE;

	switch (js_keywords[keyword].value)
	{
		case V_ANY:
		case V_SCHEMA:
			break;
		case V_STRING:
			want = value->kind == JSON_STRING ? NULL : "a string";
			break;
		case V_PATTERN:
			if (value->kind == JSON_STRING)
				check_pattern(engine, node, keyword, value);
			else
				want = "a string";
			break;
		case V_BOOLEAN:
			want = is_bool ? NULL : "true or false";
			break;
		case V_COUNT:
			if (!is_whole(value) || compare_zero(engine, value) < 0)
				want = "a whole number that is not negative";
			break;
		case V_NUMBER:
			want = value->kind == JSON_NUMBER ? NULL : "a number";
			break;
		case V_LIMIT:
			if (value->kind != JSON_NUMBER && !is_bool)
				want = "a number, or in draft 4 true or false";
			break;
		case V_POSITIVE:
			if (value->kind != JSON_NUMBER || compare_zero(engine, value) <= 0)
				want = "a number above 0";
			break;
		case V_STRINGS:
			check_strings(engine, node, keyword, value);
			break;
		case V_ENUM:
			want = value->kind == JSON_ARRAY ? NULL : "an array";
			break;
		case V_TYPE:
			check_type(engine, node, value);
			break;
		case V_SCHEMAS:
			if (value->kind != JSON_ARRAY || value->count == 0)
				want = "an array of schemas that is not empty";
			break;
		case V_ITEMS:
			break;
		case V_SCHEMA_MAP:
		case V_PATTERN_MAP:
		case V_STRINGS_MAP:
		case V_DEPENDENCIES:
			check_map(engine, node, keyword, value);
			break;
	}
	if (want != NULL)
		fail_value(engine, node, keyword, value, want);
}

/* Does a keyword of a value like this make no document invalid? */
bool
js_demands_nothing(Engine *engine, const JsKey *key)
{
	switch (key->keyword)
	{
		case K_UNIQUE_ITEMS:
			return key->json->kind == JSON_FALSE;
		case K_MIN_LENGTH:
		case K_MIN_ITEMS:
		case K_MIN_PROPERTIES:
			return compare_zero(engine, key->json) == 0;
		case K_REQUIRED:
			return key->json->count == 0;
		default:
			return !js_keywords[key->keyword].constrains;
	}
}
