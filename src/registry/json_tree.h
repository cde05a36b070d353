/*-------------------------------------------------------------------------
 *
 * json_tree.h
 *		JSON text as a tree that remembers where everything stands.
 *
 * Numbers keep their text, since schemas compare them exactly; members keep
 * their order.  RFC 8259, UTF-8; members that are there twice are refused.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REGISTRY_JSON_TREE_H
#define REGISTRY_JSON_TREE_H

#include "registry/engine.h"

typedef enum JsonKind
{
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
} JsonKind;

typedef struct JsonNode JsonNode;

struct JsonNode
{
	JsonKind	kind;
	int			line;		/* where it begins, from 1 */
	int			column;
	/* string: decoded, may hold NULs; number: as written.  A NUL ends it. */
	const char *text;
	size_t		length;
	/* array and object: its children in their order */
	int			count;
	JsonNode  **items;
	const JsonNode **names;	/* object: strings, one for each item */
	EngineMap  *members;	/* object with many members: name to index + 1 */
};

/* Parse a whole text; what is not JSON is engine_fail'ed. */
extern JsonNode *json_parse(Engine *engine, const char *text, size_t length,
							const char *reference);

/* The member of an object, or NULL (also if it is no object). */
extern JsonNode *json_get(const JsonNode *object, const char *name);
extern JsonNode *json_get_n(const JsonNode *object, const char *name,
							size_t length);

/* Is it a string of exactly this text? */
extern bool json_is(const JsonNode *node, const char *text);

/* What kind of value it is, for messages: "string", "object". */
extern const char *json_kind_name(const JsonNode *node);

/* Are two values equal?  Numbers by value, members in any order. */
extern bool json_equal(Engine *engine, const JsonNode *a, const JsonNode *b);

/* The members of an object in the order of their names: indexes. */
extern const int *json_order(Engine *engine, const JsonNode *object);

/* Append a value; sorted: members by name, without white space. */
extern void json_write(EngineText *text, const JsonNode *node, bool sorted);

/* Append a string in quotes, with what must be escaped. */
extern void json_write_string(EngineText *text, const char *data,
							  size_t length);

/* A JSON pointer: up with a name or an index behind it. */
extern const char *json_pointer(Engine *engine, const char *up,
								const char *name, size_t length);
extern const char *json_pointer_index(Engine *engine, const char *up,
									  int index);

/* ---- numbers (in decimal.c) ---- */

/* Compare two JSON numbers exactly: -1, 0, 1. */
extern int decimal_compare(Engine *engine, const char *a, size_t alen,
						   const char *b, size_t blen);

/* Is a an integer multiple of b (b not zero), exactly? */
extern bool decimal_is_multiple(Engine *engine, const char *a, size_t alen,
								const char *b, size_t blen);

/* Is it a whole number?  *value receives it if it has at most 18 digits; else
 * *fits is false. */
extern bool decimal_is_integer(const char *text, size_t length, int64_t *value,
							   bool *fits);

#endif /* REGISTRY_JSON_TREE_H */
