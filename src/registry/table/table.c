/*-------------------------------------------------------------------------
 *
 * table.c
 *		The TABLE engine: shapes of relations, and how columns differ.
 *
 * Columns are matched by name.  Their positions tell two things that names do
 * not: a column that lies where another one was is that one renamed, and a
 * column that lies further back than it did was dropped and made again, so its
 * values are gone.  (A restored dump moves columns forward only.)
 *
 *-------------------------------------------------------------------------
 */
#include "registry/table/table.h"

#include <string.h>

/* ---- reading ---- */

const char *
table_text(const JsonNode *object, const char *name)
{
	const JsonNode *member = json_get(object, name);

	return member != NULL && member->kind == JSON_STRING ? member->text : NULL;
}

bool
table_flag(const JsonNode *object, const char *name)
{
	const JsonNode *member = json_get(object, name);

	return member != NULL && member->kind == JSON_TRUE;
}

/* Where a node stands, for errors. */
static SchemaPlace
place_of(const JsonNode *node, const char *path)
{
	SchemaPlace place = {0};

	place.line = node->line;
	place.column = node->column;
	place.path = path;
	return place;
}

static void
require_object(Engine *engine, const JsonNode *node, const char *path)
{
	SchemaPlace place = place_of(node, path);

	if (node->kind != JSON_OBJECT)
		engine_fail(engine, &place, "must be an object, not %s",
					json_kind_name(node));
}

/* A member that must be there as a string. */
static void
require_text(Engine *engine, const JsonNode *object, const char *name,
			 const char *path)
{
	SchemaPlace place = place_of(object, path);

	if (table_text(object, name) == NULL)
		engine_fail(engine, &place, "lacks \"%s\", a string", name);
}

/* Check a type and what it holds. */
static void
check_type(Engine *engine, const JsonNode *type, const char *path)
{
	static const char *const inner[] = {"base", "element"};
	const JsonNode *attributes;

	require_object(engine, type, path);
	require_text(engine, type, "name", path);
	for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++)
	{
		const JsonNode *node = json_get(type, inner[i]);

		if (node != NULL)
			check_type(engine, node,
					   json_pointer(engine, path, inner[i], strlen(inner[i])));
	}
	attributes = json_get(type, "attributes");
	if (attributes == NULL)
		return;
	path = json_pointer(engine, path, "attributes", 10);
	require_object(engine, attributes, path);
	for (int i = 0; i < attributes->count; i++)
	{
		const JsonNode *name = attributes->names[i];
		const char *at = json_pointer(engine, path, name->text, name->length);
		const JsonNode *of = json_get(attributes->items[i], "type");

		require_object(engine, attributes->items[i], at);
		check_type(engine, of != NULL ? of : attributes->items[i], at);
	}
}

static void
check_columns(Engine *engine, const JsonNode *columns)
{
	for (int i = 0; i < columns->count; i++)
	{
		const JsonNode *name = columns->names[i];
		const JsonNode *column = columns->items[i];
		const char *path =
			json_pointer(engine, "/columns", name->text, name->length);
		SchemaPlace place = place_of(column, path);

		engine_tick(engine);
		require_object(engine, column, path);
		if (json_get(column, "type") == NULL)
			engine_fail(engine, &place, "lacks \"type\", an object");
		check_type(engine, json_get(column, "type"),
				   json_pointer(engine, path, "type", 4));
	}
}

static Schema *
table_parse(Engine *engine, const char *text, size_t length,
			const SchemaReference *references, int nreferences)
{
	Schema	   *schema = engine_alloc(engine, sizeof(Schema));
	const JsonNode *columns;
	SchemaPlace place;

	schema->root = json_parse(engine, text, length, NULL);
	place = place_of(schema->root, "");
	require_object(engine, schema->root, "");
	columns = json_get(schema->root, "columns");
	if (columns == NULL)
		engine_fail(engine, &place, "lacks \"columns\", an object");
	require_object(engine, columns, "/columns");
	check_columns(engine, columns);
	return schema;
}

/* ---- positions ---- */

/* Where a column lies; 0 if it does not say. */
static int64_t
position_of(const JsonNode *column)
{
	const JsonNode *position = json_get(column, "position");
	int64_t		value = 0;
	bool		fits = false;

	if (position != NULL && position->kind == JSON_NUMBER &&
		decimal_is_integer(position->text, position->length, &value, &fits) &&
		fits)
		return value;
	return 0;
}

/* The column at a position, or NULL; *name receives its name. */
static const JsonNode *
column_at(const JsonNode *columns, int64_t position, const JsonNode **name)
{
	for (int i = 0; position > 0 && i < columns->count; i++)
		if (position_of(columns->items[i]) == position)
		{
			*name = columns->names[i];
			return columns->items[i];
		}
	return NULL;
}

/* ---- canonical form ---- */

/* How many columns lie in front of this one, and it. */
static int
rank_of(const JsonNode *columns, const JsonNode *column)
{
	int			rank = 1;

	for (int i = 0; i < columns->count; i++)
		if (position_of(columns->items[i]) < position_of(column))
			rank++;
	return rank;
}

/* A copy of a column whose position counts only the columns that are there. */
static JsonNode *
with_rank(Engine *engine, const JsonNode *columns, const JsonNode *column)
{
	JsonNode   *copy = engine_alloc(engine, sizeof(JsonNode));

	*copy = *column;
	copy->items =
		engine_alloc(engine,
					 sizeof(JsonNode *) * (size_t) (column->count + 1));
	for (int i = 0; i < column->count; i++)
	{
		copy->items[i] = column->items[i];
		if (json_is(column->names[i], "position"))
		{
			JsonNode   *rank = engine_alloc(engine, sizeof(JsonNode));

			rank->kind = JSON_NUMBER;
			rank->text = engine_print(engine, "%d", rank_of(columns, column));
			rank->length = strlen(rank->text);
			copy->items[i] = rank;
		}
	}
	return copy;
}

/* Sorted, without white space; gaps of dropped columns do not show. */
static char *
table_canonical(Engine *engine, const Schema *schema)
{
	JsonNode   *root = engine_alloc(engine, sizeof(JsonNode));
	EngineText	text;

	*root = *schema->root;
	root->items =
		engine_alloc(engine, sizeof(JsonNode *) * (size_t) (root->count + 1));
	for (int i = 0; i < root->count; i++)
	{
		const JsonNode *member = schema->root->items[i];
		JsonNode   *columns;

		root->items[i] = schema->root->items[i];
		if (!json_is(root->names[i], "columns"))
			continue;
		columns = engine_alloc(engine, sizeof(JsonNode));
		*columns = *member;
		columns->items =
			engine_alloc(engine,
						 sizeof(JsonNode *) * (size_t) (member->count + 1));
		for (int j = 0; j < member->count; j++)
		{
			engine_tick(engine);
			columns->items[j] = with_rank(engine, member, member->items[j]);
		}
		root->items[i] = columns;
	}
	text_begin(&text, engine);
	json_write(&text, root, true);
	return text.data;
}

/* ---- columns ---- */

/* Does a row get a value for the column where the writer gives none? */
static bool
fills_itself(const JsonNode *column)
{
	return json_get(column, "default") != NULL ||
		json_get(column, "generated") != NULL ||
		json_get(column, "identity") != NULL;
}

static void
diff_not_null(TableDiff *diff, const char *path, const JsonNode *old,
			  const JsonNode *new)
{
	bool		before = table_flag(old, "not_null");
	bool		after = table_flag(new, "not_null");

	if (before == after || (before && diff->to_view))
		return;
	path = json_pointer(diff->engine, path, "not_null", 8);
	if (after)
		difference_add(diff->engine, diff->out, "NOT_NULL_ADDED",
					   BREAKS_BACKWARD, path,
					   "old rows and old programs may have no value here");
	else
		difference_add(diff->engine, diff->out, "NOT_NULL_REMOVED",
					   BREAKS_FORWARD, path,
					   "old programs do not expect NULL here");
}

/* One of default, generated, identity: which text says so before and after. */
static bool
member_changed(const JsonNode *old, const JsonNode *new, const char *name,
			   const char **before, const char **after)
{
	*before = table_text(old, name);
	*after = table_text(new, name);
	if (*before == NULL || *after == NULL)
		return *before != *after;
	return strcmp(*before, *after) != 0;
}

static void
diff_default(TableDiff *diff, const char *path, const JsonNode *old,
			 const JsonNode *new)
{
	const char *before;
	const char *after;

	if (!member_changed(old, new, "default", &before, &after) ||
		(before && after == NULL && diff->to_view))
		return;
	path = json_pointer(diff->engine, path, "default", 7);
	if (before == NULL)
		difference_add(diff->engine, diff->out, "DEFAULT_ADDED",
					   BREAKS_NOTHING, path, "the column has a default now");
	else if (after != NULL)
		difference_add(diff->engine, diff->out, "DEFAULT_CHANGED",
					   BREAKS_NOTHING, path, "the default is another one");
	else
		difference_add(diff->engine, diff->out, "DEFAULT_REMOVED",
					   table_flag(new, "not_null") && !fills_itself(new) ?
						   BREAKS_BACKWARD :
						   BREAKS_NOTHING,
					   path,
					   "programs that leave the column out get no value");
}

static void
diff_generated(TableDiff *diff, const char *path, const JsonNode *old,
			   const JsonNode *new)
{
	const char *before;
	const char *after;

	if (!member_changed(old, new, "generated", &before, &after) ||
		(before && after == NULL && diff->to_view))
		return;
	path = json_pointer(diff->engine, path, "generated", 9);
	if (before == NULL)
		difference_add(diff->engine, diff->out, "GENERATED_ADDED",
					   BREAKS_FORWARD, path,
					   "old programs that write the column fail");
	else if (after == NULL)
		difference_add(diff->engine, diff->out, "GENERATED_REMOVED",
					   BREAKS_BACKWARD, path,
					   "old programs leave the column without a value");
	else
		difference_add(diff->engine, diff->out, "GENERATED_CHANGED",
					   BREAKS_NOTHING, path,
					   "the value is computed otherwise");
}

static void
diff_identity(TableDiff *diff, const char *path, const JsonNode *old,
			  const JsonNode *new)
{
	const char *before;
	const char *after;

	if (!member_changed(old, new, "identity", &before, &after) ||
		(before && after == NULL && diff->to_view))
		return;
	path = json_pointer(diff->engine, path, "identity", 8);
	if (after != NULL && strcmp(after, "always") == 0)
		difference_add(diff->engine, diff->out, "IDENTITY_ALWAYS",
					   BREAKS_FORWARD, path,
					   "old programs that give the value themselves fail");
	else if (after == NULL)
		difference_add(diff->engine, diff->out, "IDENTITY_REMOVED",
					   fills_itself(new) ? BREAKS_NOTHING : BREAKS_BACKWARD,
					   path, "programs that leave the column out fail");
	else
		difference_add(diff->engine, diff->out, "IDENTITY_BY_DEFAULT",
					   BREAKS_NOTHING, path,
					   "the value is given where the writer gives none");
}

static void
diff_collation(TableDiff *diff, const char *path, const JsonNode *old,
			   const JsonNode *new)
{
	const char *before;
	const char *after;

	if (member_changed(old, new, "collation", &before, &after))
		difference_add(diff->engine, diff->out, "COLLATION_CHANGED",
					   BREAKS_NOTHING,
					   json_pointer(diff->engine, path, "collation", 9),
					   "texts compare and sort otherwise");
}

/* A column that both have by this name. */
static void
diff_column(TableDiff *diff, const char *path, const JsonNode *old,
			const JsonNode *new)
{
	if (position_of(new) > position_of(old) && position_of(old) > 0)
		difference_add(
			diff->engine, diff->out, "COLUMN_RECREATED", BREAKS_BOTH, path,
			"the column was dropped and made again: its values are gone");
	table_diff_types(diff, json_pointer(diff->engine, path, "type", 4),
					 json_get(old, "type"), json_get(new, "type"));
	diff_not_null(diff, path, old, new);
	diff_default(diff, path, old, new);
	diff_generated(diff, path, old, new);
	diff_identity(diff, path, old, new);
	diff_collation(diff, path, old, new);
}

/* The path of a column. */
static const char *
column_path(TableDiff *diff, const JsonNode *name)
{
	return json_pointer(diff->engine, "/columns", name->text, name->length);
}

/*
 * A column that is gone.  Where another name lies at its place it was renamed;
 * a view has positions of its own.
 */
static void
column_gone(TableDiff *diff, const JsonNode *old_columns,
			const JsonNode *new_columns, const JsonNode *name,
			const JsonNode *column)
{
	const JsonNode *new_name = NULL;
	const JsonNode *moved = diff->to_view ?
		NULL :
		column_at(new_columns, position_of(column), &new_name);

	if (moved != NULL && json_get(old_columns, new_name->text) == NULL)
	{
		difference_add(
			diff->engine, diff->out, "COLUMN_RENAMED", BREAKS_BOTH,
			column_path(diff, name),
			"the column is called \"%s\" now: old programs do not find it",
			new_name->text);
		diff_column(diff, column_path(diff, name), column, moved);
		return;
	}
	difference_add(diff->engine, diff->out, "COLUMN_REMOVED", BREAKS_FORWARD,
				   column_path(diff, name),
				   "old programs read and write a column that is gone");
}

/* A column that is new, unless it is another one's new name. */
static void
column_came(TableDiff *diff, const JsonNode *old_columns,
			const JsonNode *new_columns, const JsonNode *name,
			const JsonNode *column)
{
	const JsonNode *old_name = NULL;
	const JsonNode *was = diff->to_view ?
		NULL :
		column_at(old_columns, position_of(column), &old_name);

	if (was != NULL && json_get(new_columns, old_name->text) == NULL)
		return;
	if (table_flag(column, "not_null") && !fills_itself(column))
		difference_add(
			diff->engine, diff->out, "REQUIRED_COLUMN_ADDED", BREAKS_BOTH,
			column_path(diff, name),
			"old rows have no value for it, and old programs give none");
	else
		difference_add(diff->engine, diff->out, "COLUMN_ADDED", BREAKS_NOTHING,
					   column_path(diff, name), "old programs do not see it");
}

static void
diff_columns(TableDiff *diff)
{
	const JsonNode *old = json_get(diff->old, "columns");
	const JsonNode *new = json_get(diff->new, "columns");

	for (int i = 0; i < old->count; i++)
	{
		const JsonNode *now = json_get(new, old->names[i]->text);

		engine_tick(diff->engine);
		if (now != NULL)
			diff_column(diff, column_path(diff, old->names[i]), old->items[i],
						now);
		else
			column_gone(diff, old, new, old->names[i], old->items[i]);
	}
	for (int i = 0; i < new->count; i++)
		if (json_get(old, new->names[i]->text) == NULL)
			column_came(diff, old, new, new->names[i], new->items[i]);
}

/* ---- the relation ---- */

static bool
is_view(const JsonNode *root)
{
	return json_is(json_get(root, "kind"), "view");
}

static void
diff_kind(TableDiff *diff)
{
	const char *before;
	const char *after;

	if (member_changed(diff->old, diff->new, "kind", &before, &after))
		difference_add(diff->engine, diff->out, "KIND_CHANGED", BREAKS_NOTHING,
					   "/kind", "it is a %s now",
					   after != NULL ? after : "relation");
	if (member_changed(diff->old, diff->new, "query", &before, &after) &&
		before != NULL && after != NULL)
		difference_add(diff->engine, diff->out, "QUERY_CHANGED",
					   BREAKS_NOTHING, "/query",
					   "the same columns come from another query");
}

static void
table_diff(Engine *engine, const Schema *old, const Schema *new,
		   const SchemaPolicy *policy, SchemaDifferences *differences)
{
	TableDiff	diff = {0};

	diff.engine = engine;
	diff.out = differences;
	diff.old = old->root;
	diff.new = new->root;
	diff.to_view = is_view(new->root) && !is_view(old->root);
	diff_kind(&diff);
	diff_columns(&diff);
	if (!diff.to_view)
		table_diff_constraints(&diff);
	table_diff_rules(&diff);
}

const SchemaFormat table_format = {
	.name = "TABLE",
	.parse = table_parse,
	.canonical = table_canonical,
	.diff = table_diff,
	.lint = table_lint,
};
