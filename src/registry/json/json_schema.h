/*-------------------------------------------------------------------------
 *
 * json_schema.h
 *		A parsed JSON Schema, for the files of the JSON Schema engine.
 *
 * A schema is a graph of nodes, one for each object or boolean that is a
 * schema; $ref leads from one to another, also into other documents.  A node
 * is what all of its keywords demand together.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REGISTRY_JSON_JSON_SCHEMA_H
#define REGISTRY_JSON_JSON_SCHEMA_H

#include "registry/format.h"
#include "registry/json_tree.h"

typedef enum JsKeyword
{
	K_NONE,
	K_ID,
	K_OLD_ID,
	K_SCHEMA,
	K_ANCHOR,
	K_DYNAMIC_ANCHOR,
	K_RECURSIVE_ANCHOR,
	K_REF,
	K_DYNAMIC_REF,
	K_RECURSIVE_REF,
	K_DEFS,
	K_DEFINITIONS,
	K_COMMENT,
	K_TITLE,
	K_DESCRIPTION,
	K_DEFAULT,
	K_EXAMPLES,
	K_FORMAT,
	K_TYPE,
	K_ENUM,
	K_CONST,
	K_MAX_LENGTH,
	K_MIN_LENGTH,
	K_PATTERN,
	K_MAXIMUM,
	K_MINIMUM,
	K_EXCLUSIVE_MAXIMUM,
	K_EXCLUSIVE_MINIMUM,
	K_MULTIPLE_OF,
	K_MAX_ITEMS,
	K_MIN_ITEMS,
	K_UNIQUE_ITEMS,
	K_ITEMS,
	K_PREFIX_ITEMS,
	K_ADDITIONAL_ITEMS,
	K_UNEVALUATED_ITEMS,
	K_CONTAINS,
	K_MAX_CONTAINS,
	K_MIN_CONTAINS,
	K_MAX_PROPERTIES,
	K_MIN_PROPERTIES,
	K_REQUIRED,
	K_PROPERTIES,
	K_PATTERN_PROPERTIES,
	K_ADDITIONAL_PROPERTIES,
	K_UNEVALUATED_PROPERTIES,
	K_PROPERTY_NAMES,
	K_DEPENDENCIES,
	K_DEPENDENT_REQUIRED,
	K_DEPENDENT_SCHEMAS,
	K_ALL_OF,
	K_ANY_OF,
	K_ONE_OF,
	K_NOT,
	K_IF,
	K_THEN,
	K_ELSE,
	K_COUNT
} JsKeyword;

/* What the value of a keyword must be. */
typedef enum JsValueKind
{
	V_ANY,
	V_STRING,
	V_BOOLEAN,
	V_COUNT,				/* a whole number, not negative */
	V_NUMBER,
	V_POSITIVE,
	V_LIMIT,				/* a number, or in draft 4 a boolean */
	V_PATTERN,
	V_STRINGS,				/* different from one another */
	V_ENUM,
	V_TYPE,
	V_SCHEMA,
	V_SCHEMAS,				/* an array of them, not empty */
	V_ITEMS,				/* a schema, or an array of them */
	V_SCHEMA_MAP,
	V_PATTERN_MAP,			/* the names are patterns */
	V_STRINGS_MAP,
	V_DEPENDENCIES			/* schemas or lists of strings by name */
} JsValueKind;

typedef struct JsKeywordInfo
{
	const char *name;
	JsValueKind value;
	bool		constrains;	/* makes documents invalid */
} JsKeywordInfo;

/* Kinds of values, as bits. */
#define T_NULL 1u
#define T_BOOLEAN 2u
#define T_INTEGER 4u
#define T_FRACTION 8u
#define T_NUMBER (T_INTEGER | T_FRACTION)
#define T_STRING 16u
#define T_ARRAY 32u
#define T_OBJECT 64u
#define T_ALL 127u

typedef struct JsNode JsNode;

/* A text with schemas in it. */
typedef struct JsDocument
{
	const char *reference;	/* its name; NULL: the schema itself */
	JsonNode   *root;
	bool		lone_refs;	/* up to draft 7, $ref stands alone */
} JsDocument;

/* A schema that others are found in by JSON pointers. */
typedef struct JsResource
{
	const char *uri;		/* without fragment; may be empty */
	JsDocument *document;
	const JsonNode *root;
	EngineMap  *anchors;	/* name to node */
} JsResource;

/* A keyword of a node. */
typedef struct JsKey
{
	JsKeyword	keyword;
	const JsonNode *json;	/* its value */
	JsNode	  **nodes;		/* the schemas in it; NULL where there is none */
	int			count;
	EngineMap  *index;		/* of many by name: number + 1 */
} JsKey;

struct JsNode
{
	int			number;		/* in its schema */
	const JsonNode *json;	/* NULL: made up */
	JsDocument *document;
	JsResource *resource;
	const JsNode *up;		/* what it stands in; NULL: a root */
	const char *step;		/* the keyword between */
	const JsonNode *name;	/* the name behind that, or NULL */
	int			index;		/* or the number, or -1 */
	unsigned char at[K_COUNT];	/* which of keys + 1; 0: none */
	JsKey	   *keys;
	int			nkeys;
	JsNode	   *targets[3]; /* of references */
	int			ntargets;
	const char *opaque;		/* the URI of a schema that is only known by it */
	JsNode	   *real;		/* where lone references lead; maybe itself */
	bool		anything;	/* every value is valid */
	bool		nothing;	/* no value is */
	bool		typing;		/* its types are being worked out */
	bool		typed;		/* they are known */
	bool		used;		/* a reference leads here */
	unsigned	types;		/* T_ bits */
	EngineMap  *values;		/* of enum and const, once needed */
	EngineMap  *required;	/* names that must be there, once needed */
};

struct Schema
{
	JsNode	   *root;
	JsNode	  **nodes;
	int			count;
	int			room;
	JsNode	   *anything;
	EngineMap  *by_json;	/* address of the JSON to node */
	EngineMap  *resources;	/* by URI */
};

/* ---- keyword.c ---- */

extern const JsKeywordInfo js_keywords[K_COUNT];
extern JsKeyword js_keyword(const JsonNode *name);
/* The T_ bits of a type's name; 0: there is none. */
extern unsigned js_type_bits(const JsonNode *name);
/* Check a value that holds no schemas. */
extern void js_check_value(Engine *engine, const JsNode *node,
						   JsKeyword keyword, const JsonNode *value);
extern bool js_demands_nothing(Engine *engine, const JsKey *key);

/* ---- parse.c ---- */

extern Schema *js_parse(Engine *engine, const char *text, size_t length,
						const SchemaReference *references, int nreferences);
extern JsNode *js_add_node(Engine *engine, Schema *schema,
						   const JsonNode *json, const JsNode *up,
						   JsDocument *document, JsResource *resource);
/* The node of a schema's JSON; what was no schema so far becomes one. */
extern JsNode *js_node_of(Engine *engine, Schema *schema, const JsonNode *json,
						  JsResource *resource, const char *path);
extern const JsKey *js_key(const JsNode *node, JsKeyword keyword);
extern const JsonNode *js_json(const JsNode *node, JsKeyword keyword);
/* The only schema of a keyword, or NULL. */
extern JsNode *js_schema_of(const JsNode *node, JsKeyword keyword);
/* The schema of a name in a keyword, or NULL. */
extern JsNode *js_named(const JsKey *key, const JsonNode *name);
extern const char *js_path(Engine *engine, const JsNode *node);
extern const char *js_key_path(Engine *engine, const JsNode *node,
							   JsKeyword keyword);
extern SchemaPlace js_place(Engine *engine, const JsNode *node,
							const JsonNode *json, const char *path);

/* ---- refs.c ---- */

extern const char *js_resolve_uri(Engine *engine, const char *base,
								  const JsonNode *reference);
extern void js_resolve(Engine *engine, Schema *schema);

/* ---- pattern.c ---- */

typedef enum JsMatch
{
	MATCH_NO,
	MATCH_MAYBE,			/* the pattern is beyond us */
	MATCH_YES
} JsMatch;

/* What is wrong with a pattern, or NULL. */
extern const char *js_pattern_error(const char *text, size_t length);
extern JsMatch	   js_matches(Engine *engine, const JsonNode *pattern,
							  const JsonNode *name);

/* ---- canonical.c ---- */

/* A number as digits without zeros at the end, and an exponent. */
extern void js_write_number(EngineText *text, const JsonNode *number);
/* A value with sorted members and such numbers. */
extern void js_write_value(EngineText *text, const JsonNode *value);
extern char *js_canonical(Engine *engine, const Schema *schema);
extern char *js_identity(Engine *engine, const Schema *schema);

/* ---- compare.c ---- */

/* Two nodes, and what is known of them. */
typedef struct JsPair
{
	JsNode	   *old;
	JsNode	   *new;
	unsigned	breaks;		/* at least */
	int			round;		/* in which they were looked at last */
	bool		open;		/* being looked at */
	bool		leaned;		/* what was known was used while open */
	bool		final;		/* breaks is exact */
	bool		told[2];	/* differences were told, plainly or swapped */
	unsigned	told_breaks[2];	/* with which bits */
} JsPair;

typedef struct JsComparison
{
	Engine	   *engine;
	const SchemaPolicy *policy;
	const Schema *old;
	const Schema *new;
	JsPair	  **pairs;		/* a hash table */
	size_t		room;
	size_t		count;
	JsPair	  **trail;		/* pairs of this round */
	size_t		ntrail;
	size_t		trail_room;
	int			round;
	bool		again;		/* another round is needed */
	unsigned	found;		/* what the pair at hand breaks so far */
	SchemaDifferences *differences; /* NULL: only judging */
	unsigned	mask;		/* bits that differences may tell */
	bool		swapped;	/* inside of "not" */
	bool		only_breaks;	/* the rest was told before */
} JsComparison;

#define BREAKS_BOTH ((unsigned) (BREAKS_BACKWARD | BREAKS_FORWARD))

/* What a pair breaks. */
extern unsigned js_breaks(JsComparison *c, JsNode *old, JsNode *new);
/* The same for two nodes of which the first is of the new schema if swapped. */
extern bool js_accepts(JsComparison *c, bool from_old, JsNode *from,
					   JsNode *to);
/* Children that must hold: their differences are those of the pair. */
extern void js_walk(JsComparison *c, JsNode *old, JsNode *new);
extern void js_walk_masked(JsComparison *c, JsNode *old, JsNode *new,
						   unsigned mask);
extern void js_walk_swapped(JsComparison *c, JsNode *old, JsNode *new);
/* Judging, and all that can break is broken? */
extern bool js_done(const JsComparison *c);
extern void js_report(JsComparison *c, const char *kind, unsigned breaks,
					  const JsNode *at, JsKeyword keyword, const char *format,
					  ...) ENGINE_PRINTF(6, 7);
extern void js_report_text(JsComparison *c, const char *kind, const JsNode *at,
						   JsKeyword keyword, const char *format, ...)
	ENGINE_PRINTF(5, 6);
/* Bits of rules that hold for values of these types alone. */
extern unsigned js_relevant(JsComparison *c, JsNode *old, JsNode *new,
							unsigned types, unsigned breaks);
extern unsigned js_types(Engine *engine, JsNode *node);

extern void		js_diff(Engine *engine, const Schema *old, const Schema *new,
						const SchemaPolicy *policy,
						SchemaDifferences  *differences);
extern unsigned js_verdict(Engine *engine, const Schema *old,
						   const Schema *new, const SchemaPolicy *policy,
						   unsigned wanted);

/* ---- compare_values.c, compare_object.c, compare_array.c,
 * compare_combined.c ---- */

extern void js_compare_values(JsComparison *c, JsNode *old, JsNode *new);
extern void js_compare_object(JsComparison *c, JsNode *old, JsNode *new);
extern void js_compare_array(JsComparison *c, JsNode *old, JsNode *new);
extern void js_compare_combined(JsComparison *c, JsNode *old, JsNode *new);
extern void js_compare_count(JsComparison *c, JsNode *old, JsNode *new,
							 JsKeyword keyword, unsigned types, bool upper,
							 const char *const *kinds);
/* What unevaluatedProperties or unevaluatedItems are left with. */
extern void js_compare_evaluated(JsComparison *c, JsNode *old, JsNode *new,
								 JsKeyword keyword, unsigned types,
								 const char *kind);
/* Which directions hold by other ways than keyword by keyword? */
extern unsigned js_other_ways(JsComparison *c, JsNode *old, JsNode *new,
							  unsigned wanted);

/* ---- lint.c ---- */

extern void js_lint(Engine *engine, const Schema *schema, SchemaLints *lints);

#endif /* REGISTRY_JSON_JSON_SCHEMA_H */
