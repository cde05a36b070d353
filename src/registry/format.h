/*-------------------------------------------------------------------------
 *
 * format.h
 *		A schema format, as the registry sees it.
 *
 * The registry knows no format by name but through this table of functions; a
 * new format is a directory and a line in formats.c.  What an engine finds are
 * typed differences with paths: levels, semantic versions, messages and lint
 * are views of them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REGISTRY_FORMAT_H
#define REGISTRY_FORMAT_H

#include "registry/engine.h"

/* A schema that another one names, with its whole text. */
typedef struct SchemaReference
{
	const char *name;
	const char *text;
	size_t		length;
} SchemaReference;

/* A parsed schema; each format has its own. */
typedef struct Schema Schema;

/* What a difference breaks, as bits. */
typedef enum SchemaBreaks
{
	BREAKS_NOTHING = 0,
	BREAKS_BACKWARD = 1,	/* the new schema does not read old data */
	BREAKS_FORWARD = 2,		/* the old schema does not read new data */
	/* Protobuf's further levels */
	BREAKS_WIRE = 4,
	BREAKS_WIRE_JSON = 8,
	BREAKS_PACKAGE = 16,
	BREAKS_FILE = 32
} SchemaBreaks;

/* One difference between two schemas. */
typedef struct SchemaDifference
{
	const char *kind;		/* upper snake case, a literal: FIELD_REMOVED */
	const char *path;		/* JSON pointer, or # and a qualified name */
	unsigned	breaks;		/* SchemaBreaks */
	bool		text_only;	/* documentation: nothing that data shows */
	const char *message;	/* what it means, as a primary message */
	struct SchemaDifference *next;
} SchemaDifference;

/* Differences in the order in which they were found. */
typedef struct SchemaDifferences
{
	SchemaDifference *first;
	SchemaDifference *last;
	int			count;
} SchemaDifferences;

/* What lint has to say. */
typedef struct SchemaLint
{
	const char *rule;		/* lower snake case, a literal */
	const char *severity;	/* error, warning or info */
	const char *path;
	int			line;		/* 0: unknown */
	const char *message;
	struct SchemaLint *next;
} SchemaLint;

typedef struct SchemaLints
{
	SchemaLint *first;
	SchemaLint *last;
	int			count;
} SchemaLints;

/* How differences are judged. */
typedef struct SchemaPolicy
{
	bool		lenient;	/* JSON Schema: Confluent's lenient policy */
	/* Names of properties that must not come back (JSON, Protobuf). */
	const char *const *reserved_old;
	int			nreserved_old;
	const char *const *reserved_new;
	int			nreserved_new;
} SchemaPolicy;

typedef struct SchemaFormat
{
	const char *name;		/* AVRO, PROTOBUF, JSON, TABLE */

	/* Parse, with what it refers to; invalid text is engine_fail'ed. */
	Schema *(*parse)(Engine *engine, const char *text, size_t length,
					 const SchemaReference *references, int nreferences);

	/* The canonical form: equal for schemas that mean the same. */
	char *(*canonical)(Engine *engine, const Schema *schema);

	/*
	 * What tells versions apart, where the canonical form leaves out what
	 * readers need or people wrote; NULL: the canonical form does.
	 */
	char *(*identity)(Engine *engine, const Schema *schema);

	/* All differences, in both directions at once. */
	void (*diff)(Engine *engine, const Schema *old, const Schema *new,
				 const SchemaPolicy *policy, SchemaDifferences *differences);

	/*
	 * Which of the bits wanted do they break?  The same as the differences
	 * tell, but without telling why; NULL: from the differences.
	 */
	unsigned (*breaks)(Engine *engine, const Schema *old, const Schema *new,
					   const SchemaPolicy *policy, unsigned wanted);

	/*
	 * A copy in another engine's memory that has what breaks looks at, and as
	 * little else as it can; NULL: schemas of this format are not kept.
	 */
	Schema *(*keep)(Engine *engine, const Schema *schema);

	void (*lint)(Engine *engine, const Schema *schema, SchemaLints *lints);
} SchemaFormat;

extern const SchemaFormat avro_format;
extern const SchemaFormat protobuf_format;
extern const SchemaFormat json_schema_format;
extern const SchemaFormat table_format;

/* ---- in formats.c: for the registry ---- */

/* The format of a name, in any case; NULL if there is none. */
extern const SchemaFormat *format_find(const char *name);

extern char	   *format_identity(Engine *engine, const SchemaFormat *format,
								const Schema *schema);
extern unsigned format_breaks(Engine *engine, const SchemaFormat *format,
							  const Schema *old, const Schema *new,
							  const SchemaPolicy *policy, unsigned wanted);

/* ---- in findings.c: for the engines ---- */

/* Add a difference; path and message are copied by nobody. */
extern void difference_add(Engine *engine, SchemaDifferences *differences,
						   const char *kind, unsigned breaks, const char *path,
						   const char *format, ...) ENGINE_PRINTF(6, 7);
/* The same for one that only documentation shows. */
extern void difference_add_text(Engine *engine, SchemaDifferences *differences,
								const char *kind, const char *path,
								const char *format, ...) ENGINE_PRINTF(5, 6);
extern void lint_add(Engine *engine, SchemaLints *lints, const char *rule,
					 const char *severity, const char *path, int line,
					 const char *format, ...) ENGINE_PRINTF(7, 8);

#endif /* REGISTRY_FORMAT_H */
