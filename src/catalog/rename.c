/*-------------------------------------------------------------------------
 *
 * rename.c
 *		Documents that follow renames of tables, columns and schemas.
 *
 * A rename changes no rule, only what the rules are called by.  So it writes a
 * revision of its own, in the transaction that renames: the table of the
 * format says which strings of a document name a relation or a column, and
 * these alone are rewritten; in expressions the column references are.  What
 * comes out is judged like any document, and a rename that a rule cannot
 * follow is refused.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/expression.h"
#include "base/rights.h"
#include "catalog/catalog_internal.h"
#include "catalog/format.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

/* The document that is being rewritten, and where the walk stands in it. */
typedef struct Renaming
{
	/* fixed */
	const JsonbContainer *doc;
	const char *local_store;
	const List *renames;	/* of CatalogRename */
	const char *schema;		/* that was renamed, or NULL */
	const char *new_schema;

	/* of the dataset and the child around */
	const CatalogRename *table;
	const CatalogRename *child;
	const JsonbContainer *children; /* names that freeze may mean */
	bool		local;		/* is the dataset here? */
	bool		elsewhere;	/* is it in another store? */

	/* result */
	JsonbParseState *state;
	JsonbValue *result;
	bool		changed;
} Renaming;

/* ---- names ---- */

/* The rename of the relation that a document calls so; NULL if there is none. */
static const CatalogRename *
rename_of(const Renaming *renaming, const char *relation)
{
	List	   *parts;
	ListCell   *lc;

	if (relation == NULL ||
		!SplitIdentifierString(pstrdup(relation), '.', &parts) ||
		list_length(parts) != 2)
		return NULL;
	foreach (lc, renaming->renames)
	{
		const CatalogRename *rename = lfirst(lc);

		if (strcmp(rename->schema, linitial(parts)) == 0 &&
			strcmp(rename->name, lsecond(parts)) == 0)
			return rename;
	}
	return NULL;
}

/* The rename of the table of a dataset that lives here. */
static const CatalogRename *
rename_of_dataset(const Renaming *renaming, const JsonbContainer *dataset)
{
	if (!dataset_is_local(dataset, renaming->local_store))
		return NULL;
	return rename_of(renaming, jb_get_text(dataset, "relation"));
}

/* The same for a dataset that an entry of another section names by its key. */
static const CatalogRename *
rename_of_key(const Renaming *renaming, const char *key)
{
	List	   *parts = key ? asset_key_parts(key) : NIL;
	const JsonbContainer *context;

	if (list_length(parts) != 2)
		return NULL;
	context = jb_get_object(jb_get_object(renaming->doc, "contexts"),
							linitial(parts));
	return rename_of_dataset(renaming,
							 jb_get_object(jb_get_object(context, "datasets"),
										   lsecond(parts)));
}

/* What a column of the table is called now. */
static const char *
new_column(const CatalogRename *table, const char *column)
{
	ListCell   *old;
	ListCell   *new;

	if (table != NULL)
		forboth (old, table->columns, new, table->new_columns)
			if (strcmp(lfirst(old), column) == 0)
				return lfirst(new);
	return column;
}

/* A path whose first part is the column; what follows stays as written. */
static const char *
new_path(const CatalogRename *table, const char *path)
{
	List	   *parts = table ? asset_key_parts(path) : NIL;
	const char *column;
	const char *rest;

	if (parts == NIL)
		return path;
	column = new_column(table, linitial(parts));
	if (column == linitial(parts))
		return path;
	rest = path + strlen(asset_key_quote(linitial(parts)));
	/* The part may stand in quotes that it does not need. */
	if (*path == '"' && *asset_key_quote(linitial(parts)) != '"')
		rest += 2;
	return psprintf("%s%s", asset_key_quote(column), rest);
}

/* An expression or a function's text with the new names of what it
 * qualifies: functions, and the row types of tables. */
static const char *
new_qualified(const Renaming *renaming, const char *text)
{
	ListCell   *lc;

	if (renaming->elsewhere)
		return text;
	foreach (lc, renaming->renames)
	{
		const CatalogRename *rename = lfirst(lc);

		text = qualified_rename(text, rename->schema, rename->name,
								rename->new_schema, rename->new_name);
	}
	if (renaming->schema != NULL)
		text = qualified_rename(text, renaming->schema, NULL,
								renaming->new_schema, NULL);
	return text;
}

/* An expression with the new names of the columns. */
static const char *
new_expression(const CatalogRename *table, const char *text,
			   ExpressionScope scope)
{
	ListCell   *old;
	ListCell   *new;

	if (table != NULL)
		forboth (old, table->columns, new, table->new_columns)
			text = expression_rename(text, scope, lfirst(old), lfirst(new));
	return text;
}

/* A relation's new name as a document spells it. */
static const char *
new_relation(const Renaming *renaming, const char *relation)
{
	const CatalogRename *rename =
		renaming->local ? rename_of(renaming, relation) : NULL;

	if (rename == NULL ||
		(strcmp(rename->schema, rename->new_schema) == 0 &&
		 strcmp(rename->name, rename->new_name) == 0))
		return relation;
	return quote_qualified_identifier(rename->new_schema, rename->new_name);
}

/* ---- strings ---- */

/* Is the member one of these? */
static bool
is_one_of(const char *member, const char *const *members)
{
	for (; member != NULL && *members != NULL; members++)
		if (strcmp(member, *members) == 0)
			return true;
	return false;
}

/* A string whose shape refers to nothing, by the member it stands in. */
static const char *
new_plain(const Renaming *renaming, const char *member, const char *text)
{
	static const char *const rows[] = {"predicate", "filter", "columns",
									   "check", NULL};
	static const char *const pairs[] = {"guard", "expression", NULL};
	static const char *const columns[] = {"clock", "subject", NULL};
	static const char *const functions[] = {"function", "call", "handler",
											"probe", NULL};

	if (is_one_of(member, functions))
		return new_qualified(renaming, text);
	if (is_one_of(member, rows))
		return new_qualified(renaming,
							 new_expression(renaming->table, text,
											EXPRESSION_CHECK));
	if (is_one_of(member, pairs))
		return new_qualified(renaming,
							 new_expression(renaming->table, text,
											EXPRESSION_OLD_NEW));
	if (is_one_of(member, columns))
		return new_column(renaming->table, text);
	if (is_one_of(member, (const char *const[]){"attribute", NULL}))
		return new_path(renaming->table, text);
	if (is_one_of(member, (const char *const[]){"via", NULL}))
		return new_column(renaming->child, text);
	if (is_one_of(member, (const char *const[]){"schemas", NULL}) &&
		renaming->schema != NULL && strcmp(text, renaming->schema) == 0)
		return renaming->new_schema;
	return text;
}

/* What a string of the document says after the rename. */
static const char *
new_text(const Renaming *renaming, const Shape *shape, const char *member,
		 const char *text)
{
	JsonbValue	child;

	switch (shape->ref)
	{
		case REF_RELATION:
			return new_relation(renaming, text);
		case REF_COLUMN:
		case REF_SET:
			return new_column(renaming->table, text);
		case REF_FREEZE:
			if (jb_get(renaming->children, text, &child))
				return text;
			return new_path(renaming->table, text);
		case REF_ATTRIBUTE:
		case REF_WRITE:
			return new_path(renaming->table, text);
		case REF_NONE:
			return new_plain(renaming, member, text);
		default:
			return text;
	}
}

/* The string as a value; notes whether it changed. */
static JsonbValue
rewrite_text(Renaming *renaming, const Shape *shape, const char *member,
			 const JsonbValue *value)
{
	char	   *text = jb_text(value);
	const char *now = new_text(renaming, shape, member, text);

	if (strcmp(text, now) == 0)
		return *value;
	renaming->changed = true;
	return text_value(now);
}

/* ---- the walk ---- */

static void rewrite_value(Renaming *renaming, const Shape *shape,
						  const char *member, JsonbIteratorToken token,
						  const JsonbValue *value);

/* Look at what a container is before it is gone into. */
static void
enter(Renaming *renaming, const Shape *shape, const JsonbContainer *container)
{
	if (shape == &format_dataset)
	{
		renaming->local = dataset_is_local(container, renaming->local_store);
		renaming->elsewhere = !renaming->local;
		renaming->table = rename_of_dataset(renaming, container);
		renaming->children =
			jb_get_object(jb_get_object(container, "lifecycle"), "children");
	}
	else if (shape->kind == SHAPE_OBJECT && shape->name != NULL &&
			 strcmp(shape->name, "child") == 0)
		renaming->child = renaming->local ?
			rename_of(renaming, jb_get_text(container, "relation")) :
			NULL;
	else if (shape->kind == SHAPE_OBJECT && renaming->table == NULL)
		renaming->table =
			rename_of_key(renaming, jb_get_text(container, "dataset"));
}

/* Rewrite the members of an object or a map. */
static void
rewrite_members(Renaming *renaming, const Shape *shape, const char *member,
				const JsonbContainer *container)
{
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	jb_walk(&cursor, container);
	while (jb_next_member(&cursor, &key, &value))
	{
		const Field *field;
		JsonbValue	name = key;

		if (shape->kind == SHAPE_MAP)
			name = rewrite_text(renaming, shape->key, NULL, &key);
		(void) pushJsonbValue(&renaming->state, WJB_KEY, &name);
		if (shape->kind == SHAPE_MAP)
		{
			rewrite_value(renaming, shape->item, member, WJB_VALUE, &value);
			continue;
		}
		field = format_field(shape, key.val.string.val, key.val.string.len);
		rewrite_value(renaming, field ? field->shape : NULL,
					  field ? field->name : NULL, WJB_VALUE, &value);
	}
}

/* Rewrite an object, a map or a list. */
static void
rewrite_container(Renaming *renaming, const Shape *shape, const char *member,
				  const JsonbValue *value)
{
	const JsonbContainer *container = value->val.binary.data;
	bool		list = shape->kind == SHAPE_LIST;
	Renaming	around = *renaming;
	JbCursor	cursor;
	JsonbValue	element;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	enter(renaming, shape, container);
	(void) pushJsonbValue(&renaming->state,
						  list ? WJB_BEGIN_ARRAY : WJB_BEGIN_OBJECT, NULL);
	if (list)
	{
		jb_walk(&cursor, container);
		while (jb_next_element(&cursor, &element))
			rewrite_value(renaming, shape->item, member, WJB_ELEM, &element);
	}
	else
		rewrite_members(renaming, shape, member, container);
	renaming->result =
		pushJsonbValue(&renaming->state, list ? WJB_END_ARRAY : WJB_END_OBJECT,
					   NULL);

	renaming->table = around.table;
	renaming->child = around.child;
	renaming->children = around.children;
	renaming->local = around.local;
	renaming->elsewhere = around.elsewhere;
}

/* Rewrite one value; what the format does not know is copied. */
static void
rewrite_value(Renaming *renaming, const Shape *shape, const char *member,
			  JsonbIteratorToken token, const JsonbValue *value)
{
	JsonbValue	copy = *value;

	if (shape != NULL)
		shape = format_choose(shape, value);
	if (shape != NULL && value->type == jbvBinary &&
		(shape->kind == SHAPE_OBJECT || shape->kind == SHAPE_MAP ||
		 shape->kind == SHAPE_LIST) &&
		jb_is_array(value) == (shape->kind == SHAPE_LIST))
	{
		rewrite_container(renaming, shape, member, value);
		return;
	}
	if (shape != NULL && value->type == jbvString)
		copy = rewrite_text(renaming, shape, member, value);
	(void) pushJsonbValue(&renaming->state, token, &copy);
}

/* The document after the renames; NULL if it names nothing of them. */
static Jsonb *
renamed_document(const Jsonb *document, Renaming *renaming)
{
	JsonbValue	value = document_value(document);

	renaming->doc = &document->root;
	renaming->local_store = document_local_store(&document->root);
	rewrite_value(renaming, &format_document, NULL, WJB_VALUE, &value);
	return renaming->changed ? JsonbValueToJsonb(renaming->result) : NULL;
}

/* ---- the revision ---- */

/* Refuse a rename that a rule cannot follow. */
static void
judge_renamed(const Jsonb *renamed, const Jsonb *accepted)
{
	Findings   *findings = findings_new();
	ListCell   *lc;

	document_check(&renamed->root, &accepted->root, findings);
	foreach (lc, findings->items)
	{
		const Finding *finding = lfirst(lc);

		if (finding->severity == FINDING_ERROR)
			ereport(
				ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the document cannot follow the rename"),
				 errdetail("%s: %s.", finding->pointer, finding->message),
				 errhint(
					 "Apply a document whose rules do not name it, rename, "
					 "and apply the rules with the new name.")));
	}
}

/* What the revision's message says. */
static char *
rename_message(const Renaming *renaming)
{
	StringInfoData text;
	ListCell   *lc;

	initStringInfo(&text);
	appendStringInfoString(&text, "rename of ");
	if (renaming->schema != NULL)
	{
		appendStringInfo(&text, "schema %s to %s", renaming->schema,
						 renaming->new_schema);
		return text.data;
	}
	foreach (lc, renaming->renames)
	{
		const CatalogRename *rename = lfirst(lc);
		ListCell   *old;
		ListCell   *new;

		if (foreach_current_index(lc) > 0)
			appendStringInfoString(&text, ", ");
		appendStringInfo(&text, "%s.%s", rename->schema, rename->name);
		if (strcmp(rename->name, rename->new_name) != 0 ||
			strcmp(rename->schema, rename->new_schema) != 0)
			appendStringInfo(&text, " to %s.%s", rename->new_schema,
							 rename->new_name);
		forboth (old, rename->columns, new, rename->new_columns)
			appendStringInfo(&text, ", column %s to %s", (char *) lfirst(old),
							 (char *) lfirst(new));
	}
	return text.data;
}

/*
 * A projection takes new pins of the functions as they are.  Who renames a
 * schema need not be who may accept changed functions: then the pins of before
 * stay.
 */
static void
keep_pins(const Jsonb *current, const Jsonb *renamed, const List *old_pins,
		  int64 rev)
{
	List	   *changes = NIL;
	ListCell   *lc;
	ListCell   *pins;
	List	   *datasets = document_datasets(&renamed->root);

	forboth (lc, document_datasets(&current->root), pins, old_pins)
	{
		SpecDataset *spec = list_nth(datasets, foreach_current_index(lc));
		Oid			 relid =
			 spec->local ? spec_relation_oid(spec->relation) : InvalidOid;
		PinChange  *change;

		if (lfirst(pins) == NIL || !OidIsValid(relid) ||
			is_spine_admin(GetUserId()) ||
			relation_owned_by(relid, GetUserId()))
			continue;
		change = palloc0(sizeof(PinChange));
		change->dataset = spec;
		change->relid = relid;
		change->after = lfirst(pins);
		changes = lappend(changes, change);
	}
	projection_repin(changes, rev);
}

/* The pins of every dataset, in the order of document_datasets. */
static List *
pins_of_all(const Jsonb *document)
{
	List	   *all = NIL;
	ListCell   *lc;

	foreach (lc, document_datasets(&document->root))
		all = lappend(all, catalog_pins(((SpecDataset *) lfirst(lc))->key));
	return all;
}

int64
catalog_follow_renames(const List *renames, const char *schema,
					   const char *new_schema)
{
	Renaming	renaming = {0};
	Jsonb	   *current;
	Jsonb	   *followed;
	Jsonb	   *renamed;
	List	   *pins;
	int64		rev;

	renaming.renames = renames;
	renaming.schema = schema;
	renaming.new_schema = new_schema;
	revision_lock();
	current = document_newest(&rev);
	followed = document_follow(current);
	renamed = renamed_document(followed, &renaming);
	if (renamed == NULL)
		return 0;

	judge_renamed(renamed, followed);
	pins = pins_of_all(current);
	projection_insert_revision(current, rev, renamed,
							   rename_message(&renaming));
	keep_pins(current, renamed, pins, rev + 1);
	return rev + 1;
}
