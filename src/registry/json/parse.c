/*-------------------------------------------------------------------------
 *
 * parse.c
 *		From JSON to the nodes of a JSON Schema.
 *
 * Each text is read once; references between nodes are resolved when all of
 * them are there (refs.c).  A node is known by the JSON that it is.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/json/json_schema.h"

#include <string.h>

/* Names of more than these are found by a map. */
#define MOST_LINEAR 8

static JsNode *parse_node(Engine *engine, Schema *schema, const JsonNode *json,
						  JsNode *node);

/* ---- asking nodes ---- */

const JsKey *
js_key(const JsNode *node, JsKeyword keyword)
{
	return node->at[keyword] == 0 ? NULL : &node->keys[node->at[keyword] - 1];
}

const JsonNode *
js_json(const JsNode *node, JsKeyword keyword)
{
	const JsKey *key = js_key(node, keyword);

	return key == NULL ? NULL : key->json;
}

JsNode *
js_schema_of(const JsNode *node, JsKeyword keyword)
{
	const JsKey *key = js_key(node, keyword);

	return key == NULL || key->count != 1 || key->json->kind == JSON_ARRAY ?
		NULL :
		key->nodes[0];
}

JsNode *
js_named(const JsKey *key, const JsonNode *name)
{
	if (key == NULL)
		return NULL;
	if (key->index != NULL)
	{
		uintptr_t	found =
			(uintptr_t) map_get(key->index, name->text, name->length);

		return found == 0 ? NULL : key->nodes[found - 1];
	}
	for (int i = 0; i < key->count; i++)
		if (key->json->names[i]->length == name->length &&
			memcmp(key->json->names[i]->text, name->text, name->length) == 0)
			return key->nodes[i];
	return NULL;
}

/* The pointer to a node, behind what leads to its document. */
static void
put_path(EngineText *text, const JsNode *node)
{
	const JsNode **ups;
	int			depth = 0;

	for (const JsNode *up = node; up != NULL; up = up->up)
		depth++;
	ups = engine_alloc(text->engine, sizeof(JsNode *) * (size_t) depth);
	for (int i = depth - 1; i >= 0; i--, node = node->up)
		ups[i] = node;
	for (int i = 0; i < depth; i++)
	{
		if (ups[i]->step != NULL)
			text_add_string(text, ups[i]->step);
		if (ups[i]->name != NULL)
			text_add_string(text,
							json_pointer(text->engine, "", ups[i]->name->text,
										 ups[i]->name->length));
		else if (ups[i]->index >= 0)
			text_print(text, "/%d", ups[i]->index);
	}
}

const char *
js_path(Engine *engine, const JsNode *node)
{
	return js_key_path(engine, node, K_NONE);
}

const char *
js_key_path(Engine *engine, const JsNode *node, JsKeyword keyword)
{
	EngineText	text;

	text_begin(&text, engine);
	if (node->document != NULL && node->document->reference != NULL)
		text_print(&text, "%s#", node->document->reference);
	put_path(&text, node);
	if (keyword != K_NONE)
		text_print(&text, "/%s", js_keywords[keyword].name);
	return text.data;
}

SchemaPlace
js_place(Engine *engine, const JsNode *node, const JsonNode *json,
		 const char *path)
{
	SchemaPlace place = {0};

	(void) engine;
	place.line = json->line;
	place.column = json->column;
	place.path = path;
	if (node->document != NULL && node->document->reference != NULL)
	{
		place.reference = node->document->reference;
		/* The path begins with it. */
		if (path != NULL)
			place.path = path + strlen(place.reference) + 1;
	}
	return place;
}

/* ---- making nodes ---- */

JsNode *
js_add_node(Engine *engine, Schema *schema, const JsonNode *json,
			const JsNode *up, JsDocument *document, JsResource *resource)
{
	JsNode	   *node = engine_alloc(engine, sizeof(JsNode));

	if (schema->count == schema->room)
	{
		int			room = schema->room * 2 + 16;
		JsNode	  **nodes =
			engine_alloc(engine, sizeof(JsNode *) * (size_t) room);

		if (schema->count > 0)
			memcpy(nodes, schema->nodes,
				   sizeof(JsNode *) * (size_t) schema->count);
		schema->nodes = nodes;
		schema->room = room;
	}
	node->number = schema->count;
	node->json = json;
	node->up = up;
	node->document = document;
	node->resource = resource;
	node->index = -1;
	schema->nodes[schema->count++] = node;
	if (json != NULL)
		map_set(schema->by_json, (const char *) &node->json,
				sizeof(node->json), node);
	return node;
}

/* A schema inside of a node. */
static JsNode *
parse_child(Engine *engine, Schema *schema, const JsNode *up,
			JsKeyword keyword, const JsonNode *json, const JsonNode *name,
			int index)
{
	JsNode	   *node =
		js_add_node(engine, schema, json, up, up->document, up->resource);

	node->step = engine_print(engine, "/%s", js_keywords[keyword].name);
	node->name = name;
	node->index = index;
	return parse_node(engine, schema, json, node);
}

/* The schemas in an array or in an object's members. */
static void
parse_children(Engine *engine, Schema *schema, JsNode *node, JsKey *key)
{
	const JsonNode *json = key->json;
	bool		named = json->kind == JSON_OBJECT;

	key->count = json->count;
	key->nodes =
		engine_alloc(engine, sizeof(JsNode *) * ((size_t) json->count + 1));
	if (named && json->count > MOST_LINEAR)
		key->index = map_new_for(engine, (size_t) json->count);
	for (int i = 0; i < json->count; i++)
	{
		const JsonNode *name = named ? json->names[i] : NULL;

		engine_tick(engine);
		if (key->index != NULL)
			map_set(key->index, name->text, name->length,
					(void *) (uintptr_t) (i + 1));
		/* Of dependencies, those that are lists of names. */
		if (key->keyword == K_DEPENDENCIES &&
			json->items[i]->kind == JSON_ARRAY)
			continue;
		key->nodes[i] = parse_child(engine, schema, node, key->keyword,
									json->items[i], name, named ? -1 : i);
	}
}

static void
parse_key(Engine *engine, Schema *schema, JsNode *node, JsKey *key)
{
	js_check_value(engine, node, key->keyword, key->json);
	switch (js_keywords[key->keyword].value)
	{
		case V_ITEMS:
		case V_SCHEMA:
			if (key->json->kind == JSON_ARRAY && key->keyword == K_ITEMS)
			{
				parse_children(engine, schema, node, key);
				break;
			}
			key->count = 1;
			key->nodes = engine_alloc(engine, sizeof(JsNode *));
			key->nodes[0] = parse_child(engine, schema, node, key->keyword,
										key->json, NULL, -1);
			break;
		case V_SCHEMAS:
		case V_SCHEMA_MAP:
		case V_PATTERN_MAP:
		case V_DEPENDENCIES:
			parse_children(engine, schema, node, key);
			break;
		default:
			break;
	}
}

/* A resource of its own, and its anchors. */
static void
begin_resource(Engine *engine, Schema *schema, JsNode *node, const char *uri)
{
	JsResource *resource = engine_alloc(engine, sizeof(JsResource));

	resource->uri = uri;
	resource->document = node->document;
	resource->root = node->json;
	resource->anchors = map_new(engine);
	node->resource = resource;
	if (map_get(schema->resources, uri, strlen(uri)) == NULL)
		map_set(schema->resources, uri, strlen(uri), resource);
}

static void
add_anchor(JsNode *node, const char *name, size_t length)
{
	map_set(node->resource->anchors, name, length, node);
}

/* What $id, or id of draft 4, says. */
static void
parse_id(Engine *engine, Schema *schema, JsNode *node)
{
	const JsonNode *id = json_get(node->json, "$id");
	const JsonNode *ref = json_get(node->json, "$ref");

	if (id == NULL)
		id = json_get(node->json, "id");
	if (id == NULL || id->kind != JSON_STRING || id->length == 0 ||
		(ref != NULL && node->document->lone_refs))
		return;
	if (id->text[0] == '#')
		add_anchor(node, id->text + 1, id->length - 1);
	else
		begin_resource(engine, schema, node,
					   js_resolve_uri(engine, node->resource->uri, id));
}

static void
parse_anchors(JsNode *node)
{
	static const char *const names[] = {"$anchor", "$dynamicAnchor"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		const JsonNode *anchor = json_get(node->json, names[i]);

		if (anchor != NULL && anchor->kind == JSON_STRING)
			add_anchor(node, anchor->text, anchor->length);
	}
}

/* The keywords of a node, those that are known. */
static void
list_keys(Engine *engine, JsNode *node)
{
	const JsonNode *json = node->json;

	node->keys =
		engine_alloc(engine, sizeof(JsKey) * ((size_t) json->count + 1));
	for (int i = 0; i < json->count; i++)
	{
		JsKeyword	keyword = js_keyword(json->names[i]);

		if (keyword == K_NONE)
			continue;
		node->keys[node->nkeys].keyword = keyword;
		node->keys[node->nkeys].json = json->items[i];
		node->at[keyword] = (unsigned char) ++node->nkeys;
	}
}

static JsNode *
parse_node(Engine *engine, Schema *schema, const JsonNode *json, JsNode *node)
{
	SchemaPlace place = js_place(engine, node, json, NULL);

	node->real = node;
	engine_tick(engine);
	if (json->kind == JSON_TRUE || json->kind == JSON_FALSE)
		return node;
	if (json->kind != JSON_OBJECT)
	{
		place = js_place(engine, node, json, js_path(engine, node));
		engine_fail(engine, &place,
					"a schema must be an object, true or false, not %s",
					json_kind_name(json));
	}
	engine_down(engine, &place);
	parse_id(engine, schema, node);
	parse_anchors(node);
	list_keys(engine, node);
	for (int i = 0; i < node->nkeys; i++)
		parse_key(engine, schema, node, &node->keys[i]);
	engine_up(engine);
	return node;
}

JsNode *
js_node_of(Engine *engine, Schema *schema, const JsonNode *json,
		   JsResource *resource, const char *path)
{
	JsNode	   *node =
		map_get(schema->by_json, (const char *) &json, sizeof(json));

	if (node != NULL)
		return node;
	node =
		js_add_node(engine, schema, json, NULL, resource->document, resource);
	node->step = path;
	return parse_node(engine, schema, json, node);
}

/* ---- documents ---- */

/* Does $schema name a draft in which $ref stands alone? */
static bool
has_lone_refs(const JsonNode *root)
{
	const JsonNode *draft = json_get(root, "$schema");

	return draft != NULL && draft->kind == JSON_STRING &&
		(strstr(draft->text, "draft-03") != NULL ||
		 strstr(draft->text, "draft-04") != NULL ||
		 strstr(draft->text, "draft-06") != NULL ||
		 strstr(draft->text, "draft-07") != NULL);
}

static JsNode *
parse_document(Engine *engine, Schema *schema, const char *text, size_t length,
			   const char *reference)
{
	JsDocument *document = engine_alloc(engine, sizeof(JsDocument));
	JsNode	   *node;

	document->reference = reference;
	document->root = json_parse(engine, text, length, reference);
	document->lone_refs = has_lone_refs(document->root);
	node = js_add_node(engine, schema, document->root, NULL, document, NULL);
	begin_resource(engine, schema, node, reference != NULL ? reference : "");
	return parse_node(engine, schema, document->root, node);
}

Schema *
js_parse(Engine *engine, const char *text, size_t length,
		 const SchemaReference *references, int nreferences)
{
	Schema	   *schema = engine_alloc(engine, sizeof(Schema));

	schema->by_json = map_new(engine);
	schema->resources = map_new(engine);
	schema->anything = js_add_node(engine, schema, NULL, NULL, NULL, NULL);
	schema->anything->real = schema->anything;
	schema->root = parse_document(engine, schema, text, length, NULL);
	for (int i = 0; i < nreferences; i++)
		(void) parse_document(engine, schema, references[i].text,
							  references[i].length, references[i].name);
	js_resolve(engine, schema);
	return schema;
}
