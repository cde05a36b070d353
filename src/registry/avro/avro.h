/*-------------------------------------------------------------------------
 *
 * avro.h
 *		A parsed Avro schema, for the files of the Avro engine.
 *
 * A named type is one structure however often it is used, so schemas are
 * graphs; everything else is a tree below the names.  The JSON that a type
 * was read from stays with it, for what only people and tools look at.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REGISTRY_AVRO_H
#define REGISTRY_AVRO_H

#include "registry/format.h"
#include "registry/json_tree.h"

typedef enum AvroKind
{
	AVRO_NULL,
	AVRO_BOOLEAN,
	AVRO_INT,
	AVRO_LONG,
	AVRO_FLOAT,
	AVRO_DOUBLE,
	AVRO_BYTES,
	AVRO_STRING,
	/* the last of the primitive ones is above */
	AVRO_ARRAY,
	AVRO_MAP,
	AVRO_UNION,
	/* those that have names are below */
	AVRO_RECORD,
	AVRO_ENUM,
	AVRO_FIXED
} AvroKind;

#define AVRO_PRIMITIVES AVRO_ARRAY

/* A place in a schema: a chain of steps, most of it on the stack of a walk. */
typedef struct AvroSpot
{
	const struct AvroSpot *up;
	const char *step;	/* a member, or the path so far where up is NULL */
	int			index;	/* an element of it, or -1 */
	bool		kept;	/* is it in the engine's memory, up to the root? */
} AvroSpot;

/* A name with its namespace. */
typedef struct AvroName
{
	const char *full;		/* ends with a NUL */
	size_t		length;
	const char *base;		/* within full, behind the last dot */
	size_t		base_length;
} AvroName;

typedef struct AvroType AvroType;
typedef struct AvroNamed AvroNamed;

struct AvroType
{
	AvroKind	kind;
	const JsonNode *json;	/* its object or array; NULL: a primitive's name */
	AvroNamed  *named;		/* what a record, enum or fixed has, else NULL */
	const AvroType *items;	/* of an array, or the values of a map */
	/* union */
	const AvroType **branches;
	int			nbranches;
	/* union with many branches; else NULL */
	EngineMap  *by_full;	/* full name to index + 1 */
	EngineMap  *by_any;		/* base names and aliases to AvroBranchLink */
};

/* A branch that has a name, and the next one that has it. */
typedef struct AvroBranchLink
{
	int			branch;
	struct AvroBranchLink *next;
} AvroBranchLink;

/* What is known about a field's default. */
typedef enum AvroDefaultState
{
	DEFAULT_UNKNOWN,
	DEFAULT_ENTERED,	/* being looked at */
	DEFAULT_GOOD
} AvroDefaultState;

typedef struct AvroField
{
	const JsonNode *name;
	const JsonNode *json;	/* the whole object */
	const AvroType *type;
	const JsonNode *default_value; /* NULL: none */
	const JsonNode *aliases;	   /* array of strings, or NULL */
	AvroDefaultState default_state;
} AvroField;

/* What only types with a name have. */
struct AvroNamed
{
	AvroName	name;
	int			number;		/* in the order of definition, from 0 */
	const AvroType *type;	/* which it belongs to */
	const AvroSpot *spot;	/* where it is defined */
	const char *reference;	/* the reference that defines it, or NULL */
	AvroName   *aliases;
	int			naliases;
	/* record */
	AvroField  *fields;
	int			nfields;
	EngineMap  *field_map;	/* with many fields: name to index + 1 */
	/* enum */
	JsonNode *const *symbols;
	int			nsymbols;
	EngineMap  *symbol_map; /* symbol to index + 1 */
	const JsonNode *symbol_default;
	/* fixed */
	int64_t		size;
};

struct Schema
{
	const AvroType *root;
	const JsonNode *json;
	AvroNamed **named;		/* those of references come first */
	int			nnamed;
	int			nreferenced;	/* how many are of references */
};

/* ---- in parse.c ---- */

extern const char *avro_kind_name(AvroKind kind);
/* A primitive type without attributes. */
extern const AvroType *avro_plain_type(AvroKind kind);
/* Make the maps of a union with many branches. */
extern void avro_index_union(Engine *engine, AvroType *type);
/* The name of a type in messages. */
extern const char *avro_type_name(const AvroType *type);
/* The index of a record's field, or -1. */
extern int		   avro_field_index(const AvroNamed *record, const char *name,
									size_t length);
extern bool		   avro_has_symbol(const AvroNamed *enumeration,
								   const JsonNode  *symbol);
extern const char *avro_spot_path(Engine *engine, const AvroSpot *spot);
extern bool avro_is_name(const char *text, size_t length);

extern Schema *avro_parse(Engine *engine, const char *text, size_t length,
						  const SchemaReference *references, int nreferences);

/* ---- in keep.c ---- */

extern Schema *avro_keep(Engine *engine, const Schema *schema);

/* ---- in defaults.c ---- */

/* Is a JSON value one of a type? */
typedef struct AvroDefaults AvroDefaults;
extern AvroDefaults *avro_defaults_new(Engine *engine);
extern bool avro_value_fits(AvroDefaults *defaults, const AvroType *type,
							const JsonNode *value);

/* Would the default of a field, filled with those of what it leaves out,
 * contain itself? */
extern bool avro_default_is_endless(AvroDefaults *defaults, AvroField *field);

/* ---- in canonical.c ---- */

extern char *avro_canonical(Engine *engine, const Schema *schema);
extern char *avro_identity(Engine *engine, const Schema *schema);

/* ---- in resolve.c ---- */

/* Pairs of a reader's and a writer's type that were judged. */
typedef struct AvroResolver AvroResolver;
extern AvroResolver *avro_resolver_new(Engine *engine);
/* Does the reader read whatever the writer writes? */
extern bool avro_reads(AvroResolver *resolver, const AvroType *reader,
					   const AvroType *writer);
extern bool avro_promotes(AvroKind reader, AvroKind writer);
extern bool avro_names_match(const AvroNamed *reader, const AvroNamed *writer);
/* The writer's field that a field of the reader reads, or -1; hint is where it
 * may be. */
extern int avro_match_field(const AvroNamed *reader, int field,
							const AvroNamed *writer, int hint);
/* The branch of a union that has a type's full name, or its kind; or -1. */
extern int avro_same_branch(const AvroType *reader, const AvroType *writer);

/* A walk over the branches of a reader's union whose names match that of a
 * type of the writer's, and whose kind is the same. */
typedef struct AvroCandidates
{
	const AvroType *reader;
	const AvroType *writer;
	int			next;		/* of a union without maps */
	bool		by_full;	/* is link of the writer's full name? */
	const AvroBranchLink *link;
} AvroCandidates;

extern void avro_candidates(AvroCandidates *candidates, const AvroType *reader,
							const AvroType *writer);
/* The index of the next one, or -1. */
extern int avro_next_candidate(AvroCandidates *candidates);
/* Are there so many, or more? */
extern bool avro_has_candidates(const AvroType *reader, const AvroType *writer,
								int count);

extern unsigned avro_breaks(Engine *engine, const Schema *old,
							const Schema *new, const SchemaPolicy *policy,
							unsigned wanted);

/* ---- in differences.c ---- */

extern void avro_diff(Engine *engine, const Schema *old, const Schema *new,
					  const SchemaPolicy *policy,
					  SchemaDifferences *differences);

/* ---- in lint.c ---- */

extern void avro_lint(Engine *engine, const Schema *schema,
					  SchemaLints *lints);

#endif /* REGISTRY_AVRO_H */
