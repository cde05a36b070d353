/*-------------------------------------------------------------------------
 *
 * lint.c
 *		What could be better about a JSON Schema that is valid.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/json/json_schema.h"

#include <string.h>

/* ---- unknown keywords ---- */

/* Names longer than these are not compared. */
#define MOST_NAME 32

/* How many letters must be changed to make one name the other. */
static int
distance(const char *a, const char *b)
{
	int			row[MOST_NAME + 1];
	int			n = (int) strlen(b);

	for (int j = 0; j <= n; j++)
		row[j] = j;
	for (int i = 0; a[i] != '\0'; i++)
	{
		int			corner = row[0];

		row[0] = i + 1;
		for (int j = 0; j < n; j++)
		{
			int			best = corner + (a[i] != b[j]);

			corner = row[j + 1];
			if (row[j + 1] + 1 < best)
				best = row[j + 1] + 1;
			if (row[j] + 1 < best)
				best = row[j] + 1;
			row[j + 1] = best;
		}
	}
	return row[n];
}

/* The keyword that was meant, or NULL. */
static const char *
near_keyword(const JsonNode *name)
{
	if (name->length < 3 || name->length > MOST_NAME)
		return NULL;
	for (int i = 1; i < K_COUNT; i++)
		if (strlen(js_keywords[i].name) > 3 &&
			distance(name->text, js_keywords[i].name) <=
				(name->length > 6 ? 2 : 1))
			return js_keywords[i].name;
	return NULL;
}

/* Keywords that mean something, but nothing that is compared. */
static bool
is_annotation(const JsonNode *name)
{
	static const char *const names[] = {
		"$vocabulary", "contentEncoding", "contentMediaType", "contentSchema",
		"deprecated",  "readOnly",		  "writeOnly",		  "example",
	};

	if (name->length > 1 && name->text[0] == 'x' && name->text[1] == '-')
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_is(name, names[i]))
			return true;
	return false;
}

static void
lint_unknown(Engine *engine, const JsNode *node, SchemaLints *lints)
{
	for (int i = 0; i < node->json->count; i++)
	{
		const JsonNode *name = node->json->names[i];
		const char *meant;

		engine_tick(engine);
		if (js_keyword(name) != K_NONE || is_annotation(name))
			continue;
		meant = near_keyword(name);
		if (meant != NULL)
			lint_add(engine, lints, "unknown_keyword", "warning",
					 json_pointer(engine, js_path(engine, node), name->text,
								  name->length),
					 name->line,
					 "keyword \"%s\" is unknown; perhaps \"%s\" is meant",
					 name->text, meant);
	}
}

/* ---- nodes ---- */

static bool
is_combined(const JsNode *node)
{
	static const JsKeyword keywords[] = {
		K_REF,	  K_DYNAMIC_REF, K_RECURSIVE_REF, K_ENUM, K_CONST,
		K_ALL_OF, K_ANY_OF,		 K_ONE_OF,		  K_NOT,  K_IF,
	};

	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (node->at[keywords[i]] != 0)
			return true;
	return false;
}

static void
add(Engine *engine, SchemaLints *lints, const char *rule, const char *severity,
	const JsNode *node, const char *message)
{
	lint_add(engine, lints, rule, severity, js_path(engine, node),
			 node->json->line, "%s", message);
}

/* Is a node the schema of a property or the root: data of its own? */
static bool
is_subject(const JsNode *node)
{
	return node->up == NULL ||
		(node->step != NULL && strcmp(node->step, "/properties") == 0);
}

static void
lint_node(Engine *engine, const JsNode *node, SchemaLints *lints)
{
	const JsonNode *type = js_json(node, K_TYPE);

	lint_unknown(engine, node, lints);
	if (is_subject(node) && type == NULL && !is_combined(node))
		add(engine, lints, "no_type", "warning", node,
			"values of any type are valid");
	if (js_key(node, K_PROPERTIES) != NULL &&
		node->at[K_ADDITIONAL_PROPERTIES] == 0 &&
		node->at[K_UNEVALUATED_PROPERTIES] == 0)
		add(engine, lints, "additional_properties_unspecified", "info", node,
			"\"additionalProperties\" is not given, so any others are valid");
	if (is_subject(node) && node->at[K_DESCRIPTION] == 0 &&
		node->at[K_TITLE] == 0 && node->at[K_REF] == 0)
		add(engine, lints, "no_description", "info", node,
			"there is neither a title nor a description");
}

static void
lint_definitions(Engine *engine, const JsNode *node, JsKeyword keyword,
				 SchemaLints *lints)
{
	const JsKey *key = js_key(node, keyword);

	for (int i = 0; key != NULL && i < key->count; i++)
		if (!key->nodes[i]->used && key->nodes[i]->at[K_ID] == 0 &&
			key->nodes[i]->at[K_ANCHOR] == 0)
			add(engine, lints, "unused_definition", "warning", key->nodes[i],
				"no reference leads here");
}

void
js_lint(Engine *engine, const Schema *schema, SchemaLints *lints)
{
	if (js_json(schema->root, K_SCHEMA) == NULL)
		add(engine, lints, "no_schema_keyword", "warning", schema->root,
			"\"$schema\" does not say which draft this is");
	for (int i = 0; i < schema->count; i++)
	{
		const JsNode *node = schema->nodes[i];

		engine_tick(engine);
		if (node->json == NULL || node->json->kind != JSON_OBJECT ||
			node->document != schema->root->document)
			continue;
		lint_node(engine, node, lints);
		lint_definitions(engine, node, K_DEFS, lints);
		lint_definitions(engine, node, K_DEFINITIONS, lints);
	}
}
