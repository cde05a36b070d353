/*-------------------------------------------------------------------------
 *
 * table.h
 *		What the files of the TABLE engine share.
 *
 *		table.c		parse, canonical form, differences of columns
 *		type.c		differences of types
 *		rules.c		differences of constraints and row security
 *		lint.c		lint
 *
 * A TABLE schema is the JSON of spine.table_schema.  In terms of levels,
 * backward means that old rows and what old programs write are good for new
 * programs, forward that old programs go on reading and writing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REGISTRY_TABLE_H
#define REGISTRY_TABLE_H

#include "registry/format.h"
#include "registry/json_tree.h"

/* What breaks for both sides. */
#define BREAKS_BOTH (BREAKS_BACKWARD | BREAKS_FORWARD)

struct Schema
{
	const JsonNode *root;
};

/* One comparison. */
typedef struct TableDiff
{
	Engine	   *engine;
	SchemaDifferences *out;
	const JsonNode *old;
	const JsonNode *new;
	bool		to_view;	/* a table became a view, which has its columns
							 * and promises nothing of its own */
} TableDiff;

/* The text of a member, or NULL. */
extern const char *table_text(const JsonNode *object, const char *name);
/* Is the member there and true? */
extern bool table_flag(const JsonNode *object, const char *name);

/* ---- in type.c ---- */

/* Differences of two types (objects of spine.type_shape) at a path. */
extern void table_diff_types(TableDiff *diff, const char *path,
							 const JsonNode *old, const JsonNode *new);

/* ---- in rules.c ---- */

extern void table_diff_constraints(TableDiff *diff);
/* Row security, partitioning, replica identity. */
extern void table_diff_rules(TableDiff *diff);

/* ---- in lint.c ---- */

extern void table_lint(Engine *engine, const Schema *schema,
					   SchemaLints *lints);

#endif /* REGISTRY_TABLE_H */
