/*-------------------------------------------------------------------------
 *
 * refs.c
 *		Where the references of a JSON Schema lead.
 *
 * A reference is a URI of a resource (a document given by name, or an $id),
 * and behind # a JSON pointer or an anchor.  Nothing is fetched: what is not
 * there is an error, but for the meta-schemas, which are known by their URI
 * alone.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/json/json_schema.h"

#include <string.h>

/* ---- URIs ---- */

/* Length of "scheme:" in front, or 0. */
static size_t
scheme_length(const char *uri)
{
	size_t		i = 0;

	while ((uri[i] >= 'a' && uri[i] <= 'z') ||
		   (uri[i] >= 'A' && uri[i] <= 'Z') ||
		   (i > 0 &&
			((uri[i] >= '0' && uri[i] <= '9') || uri[i] == '+' ||
			 uri[i] == '-' || uri[i] == '.')))
		i++;
	return i > 0 && uri[i] == ':' ? i + 1 : 0;
}

/* Length of scheme and authority in front, or 0. */
static size_t
authority_length(const char *uri)
{
	size_t		i = scheme_length(uri);

	if (i == 0 || strncmp(uri + i, "//", 2) != 0)
		return i;
	i += 2;
	while (uri[i] != '\0' && uri[i] != '/')
		i++;
	return i;
}

/* The part of a reference in front of #, as a URI of its own. */
const char *
js_resolve_uri(Engine *engine, const char *base, const JsonNode *reference)
{
	const char *text = reference->text;
	const char *hash = strchr(text, '#');
	size_t		length = hash != NULL ? (size_t) (hash - text) : strlen(text);
	const char *uri = engine_copy(engine, text, length);
	const char *slash = strrchr(base, '/');
	size_t		kept = authority_length(base);

	if (length == 0)
		return base;
	if (scheme_length(uri) > 0)
		return uri;
	if (uri[0] != '/' && slash != NULL && slash + 1 > base + kept)
		kept = (size_t) (slash - base) + 1;
	while (strncmp(uri, "./", 2) == 0)
		uri += 2;
	while (strncmp(uri, "../", 3) == 0)
	{
		uri += 3;
		if (kept > authority_length(base) + 1)
			for (kept--;
				 kept > authority_length(base) && base[kept - 1] != '/';)
				kept--;
	}
	return engine_print(engine, "%.*s%s", (int) kept, base, uri);
}

/* ---- pointers ---- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decode %XX in place; returns the length. */
static size_t
decode_percent(char *text, size_t length)
{
	size_t		to = 0;

	for (size_t i = 0; i < length; i++)
	{
		if (text[i] == '%' && i + 2 < length && hex_digit(text[i + 1]) >= 0 &&
			hex_digit(text[i + 2]) >= 0)
		{
			text[to++] =
				(char) (hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
			i += 2;
		}
		else
			text[to++] = text[i];
	}
	text[to] = '\0';
	return to;
}

/* Decode ~0 and ~1 in place; returns the length. */
static size_t
decode_step(char *step, size_t length)
{
	size_t		to = 0;

	for (size_t i = 0; i < length; i++)
	{
		char		c = step[i];

		if (c == '~' && i + 1 < length && step[i + 1] == '0')
			i++;
		else if (c == '~' && i + 1 < length && step[i + 1] == '1')
		{
			c = '/';
			i++;
		}
		step[to++] = c;
	}
	return to;
}

/* The element of an array by the digits of its number, or NULL. */
static const JsonNode *
element(const JsonNode *array, const char *digits, size_t length)
{
	long		index = 0;

	if (length == 0 || length > 8 || (length > 1 && digits[0] == '0'))
		return NULL;
	for (size_t i = 0; i < length; i++)
	{
		if (digits[i] < '0' || digits[i] > '9')
			return NULL;
		index = index * 10 + (digits[i] - '0');
	}
	return index < array->count ? array->items[index] : NULL;
}

/* What a pointer, of which percents are decoded, leads to; or NULL. */
static const JsonNode *
follow_pointer(Engine *engine, const JsonNode *json, const char *pointer,
			   size_t length)
{
	const char *end = pointer + length;

	while (json != NULL && pointer < end)
	{
		const char *next = ++pointer;
		char	   *step;
		size_t		size;

		engine_tick(engine);
		while (next < end && *next != '/')
			next++;
		step = engine_copy(engine, pointer, (size_t) (next - pointer));
		size = decode_step(step, (size_t) (next - pointer));
		if (json->kind == JSON_ARRAY)
			json = element(json, step, size);
		else
			json = json_get_n(json, step, size);
		pointer = next;
	}
	return json;
}

/* ---- references ---- */

static void
fail_reference(Engine *engine, const JsNode *node, JsKeyword keyword)
{
	const JsonNode *json = js_json(node, keyword);
	SchemaPlace place =
		js_place(engine, node, json, js_key_path(engine, node, keyword));

	engine_fail(engine, &place, "reference \"%s\" leads nowhere", json->text);
}

/* The resource that a reference names, or NULL. */
static JsResource *
find_resource(Engine *engine, const Schema *schema, const JsNode *node,
			  const JsonNode *reference)
{
	const char *hash = strchr(reference->text, '#');
	size_t		length = hash != NULL ? (size_t) (hash - reference->text) :
										strlen(reference->text);
	const char *uri;
	JsResource *found;

	if (length == 0)
		return node->resource;
	uri = js_resolve_uri(engine, node->resource->uri, reference);
	found = map_get(schema->resources, uri, strlen(uri));
	if (found == NULL)
		found = map_get(schema->resources, reference->text, length);
	return found;
}

static bool
is_meta_schema(const JsonNode *reference)
{
	return strstr(reference->text, "://json-schema.org/") != NULL;
}

/* A schema of which only the URI is known. */
static JsNode *
opaque_node(Engine *engine, Schema *schema, const JsNode *node,
			const JsonNode *reference)
{
	JsNode *made = js_add_node(engine, schema, NULL, node, node->document,
							   node->resource);

	made->opaque = reference->text;
	made->step = "/$ref";
	made->real = made;
	return made;
}

/* What is behind # in a resource, or NULL. */
static JsNode *
find_fragment(Engine *engine, Schema *schema, JsResource *resource,
			  const JsonNode *reference)
{
	const char *hash = strchr(reference->text, '#');
	char	   *fragment = engine_copy(engine, hash != NULL ? hash + 1 : "",
								   hash != NULL ? strlen(hash + 1) : 0);
	size_t		length = decode_percent(fragment, strlen(fragment));
	const JsonNode *json = resource->root;

	if (length > 0 && fragment[0] != '/')
		return map_get(resource->anchors, fragment, length);
	json = follow_pointer(engine, json, fragment, length);
	if (json == NULL)
		return NULL;
	return js_node_of(engine, schema, json, resource, fragment);
}

static void
resolve_key(Engine *engine, Schema *schema, JsNode *node, JsKeyword keyword)
{
	const JsonNode *reference = js_json(node, keyword);
	JsResource *resource;
	JsNode	   *target = NULL;

	if (reference == NULL)
		return;
	resource = find_resource(engine, schema, node, reference);
	if (resource != NULL)
		target = find_fragment(engine, schema, resource, reference);
	else if (is_meta_schema(reference))
		target = opaque_node(engine, schema, node, reference);
	if (target == NULL)
		fail_reference(engine, node, keyword);
	target->used = true;
	node->targets[node->ntargets++] = target;
}

/* ---- what nodes are, once references are known ---- */

/* Is a reference all that a node says? */
static bool
only_refers(const JsNode *node)
{
	int			constraints = 0;

	if (node->ntargets != 1)
		return false;
	if (node->document->lone_refs && node->at[K_REF] != 0)
		return true;
	for (int i = 0; i < node->nkeys; i++)
		constraints += js_keywords[node->keys[i].keyword].constrains;
	return constraints == 1;
}

/* Follow references that stand alone; a circle of them demands nothing. */
static void
set_real(Engine *engine, const Schema *schema, JsNode *node)
{
	JsNode	   *real = node;
	int			steps = 0;

	while (only_refers(real))
	{
		engine_tick(engine);
		if (real->targets[0]->real != real->targets[0])
			real = real->targets[0]->real;
		else
			real = real->targets[0];
		if (++steps > schema->count)
		{
			real = schema->anything;
			break;
		}
	}
	node->real = real;
}

static void
set_truth(Engine *engine, JsNode *node)
{
	bool		constrains = node->opaque != NULL;

	for (int i = 0; i < node->nkeys; i++)
		constrains |= !js_demands_nothing(engine, &node->keys[i]);
	node->nothing = node->json != NULL && node->json->kind == JSON_FALSE;
	node->anything = !node->nothing && !constrains;
}

void
js_resolve(Engine *engine, Schema *schema)
{
	/* Nodes may be added at the end meanwhile. */
	for (int i = 0; i < schema->count; i++)
	{
		engine_tick(engine);
		resolve_key(engine, schema, schema->nodes[i], K_REF);
		if (schema->nodes[i]->document == NULL)
			continue;
		resolve_key(engine, schema, schema->nodes[i], K_DYNAMIC_REF);
		resolve_key(engine, schema, schema->nodes[i], K_RECURSIVE_REF);
	}
	for (int i = 0; i < schema->count; i++)
	{
		set_truth(engine, schema->nodes[i]);
		set_real(engine, schema, schema->nodes[i]);
	}
}
