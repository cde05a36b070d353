/*-------------------------------------------------------------------------
 *
 * lint.c
 *		The TABLE engine: what a shape will be sorry for.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/table/table.h"

#include <ctype.h>
#include <string.h>

/* A type that has a better one, by its name. */
typedef struct WorseType
{
	const char *name;		/* the type's name begins so */
	const char *rule;
	const char *severity;
	const char *message;
} WorseType;

static const WorseType worse_types[] = {
	{"timestamp without time zone", "timestamp_without_zone", "warning",
	 "says no moment: timestamp with time zone does"},
	{"timestamp(", "timestamp_without_zone", "warning",
	 "says no moment: timestamp with time zone does"},
	{"time with time zone", "time_with_zone", "warning",
	 "has a zone but no day to apply it to"},
	{"character(", "fixed_length_text", "warning",
	 "pads with blanks: text with a check does not"},
	{"money", "money_type", "warning",
	 "depends on lc_monetary: numeric does not"},
	{"json", "json_text", "info", "is text that is parsed anew: jsonb is not"},
};

static bool
begins(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static bool
is_worse(const char *type, const WorseType *worse)
{
	if (strcmp(worse->name, "timestamp(") == 0)
		return begins(type, worse->name) &&
			strstr(type, "without time zone") != NULL;
	if (worse->name[strlen(worse->name) - 1] == '(')
		return begins(type, worse->name);
	return strcmp(type, worse->name) == 0;
}

static void
lint_type(Engine *engine, SchemaLints *lints, const char *path,
		  const JsonNode *type)
{
	const char *name = table_text(type, "name");

	for (size_t i = 0; i < sizeof(worse_types) / sizeof(worse_types[0]); i++)
		if (is_worse(name, &worse_types[i]))
		{
			lint_add(engine, lints, worse_types[i].rule,
					 worse_types[i].severity, path, type->line, "type %s %s",
					 name, worse_types[i].message);
			return;
		}
}

/* A name that must be written in double quotes everywhere. */
static bool
needs_quotes(const JsonNode *name)
{
	for (size_t i = 0; i < name->length; i++)
	{
		unsigned char c = (unsigned char) name->text[i];

		if (!(islower(c) || c == '_' || c >= 0x80 || (i > 0 && isdigit(c))))
			return true;
	}
	return false;
}

static void
lint_columns(Engine *engine, const JsonNode *columns, SchemaLints *lints)
{
	for (int i = 0; i < columns->count; i++)
	{
		const JsonNode *name = columns->names[i];
		const char *path =
			json_pointer(engine, "/columns", name->text, name->length);

		engine_tick(engine);
		if (needs_quotes(name))
			lint_add(engine, lints, "quoted_name", "info", path, name->line,
					 "name \"%s\" must be written in double quotes",
					 name->text);
		lint_type(engine, lints, path, json_get(columns->items[i], "type"));
	}
}

static void
lint_constraints(Engine *engine, const JsonNode *root, SchemaLints *lints)
{
	const JsonNode *constraints = json_get(root, "constraints");
	bool		key = false;

	for (int i = 0; constraints != NULL && i < constraints->count; i++)
	{
		const JsonNode *name = constraints->names[i];
		const char *definition =
			table_text(constraints->items[i], "definition");

		key |= json_is(json_get(constraints->items[i], "kind"), "primary key");
		if (definition != NULL && strstr(definition, " NOT VALID") != NULL)
			lint_add(engine, lints, "not_validated", "warning",
					 json_pointer(engine, "/constraints", name->text,
								  name->length),
					 name->line, "old rows may not obey \"%s\"", name->text);
	}
	if (!key &&
		(json_is(json_get(root, "kind"), "table") ||
		 json_is(json_get(root, "kind"), "partitioned table")))
		lint_add(engine, lints, "no_primary_key", "warning", "", root->line,
				 "rows cannot be told apart: there is no primary key");
}

void
table_lint(Engine *engine, const Schema *schema, SchemaLints *lints)
{
	lint_columns(engine, json_get(schema->root, "columns"), lints);
	lint_constraints(engine, schema->root, lints);
}
