/*-------------------------------------------------------------------------
 *
 * odcs_export.c
 *		A dataset as an Open Data Contract.
 *
 * The contract that a dataset was imported from comes back as it was.  For
 * any other dataset one is made, valid under v3.1.0 of the standard: types,
 * keys and references of the real table, words of the document, and what the
 * standard has no word for under customProperties spine.*.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/relation.h"
#include "catalog/odcs.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "catalog/validate.h"
#include "commands/comment.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"

PG_FUNCTION_INFO_V1(spine_export_odcs);

/* A dataset being exported. */
typedef struct Export
{
	const JsonbContainer *doc; /* the accepted document */
	const char *context_name;
	const JsonbContainer *context;
	const char *name;
	const JsonbContainer *dataset;
	const char *owner;	/* party, or NULL */
	Relation	rel;	/* its table, or NULL */
	List	   *key;	/* of char *: key columns */
	List	   *foreign; /* of ForeignKeyCacheInfo */
} Export;

/* Attributes by their parts, as the nested properties that they become. */
typedef struct Property
{
	const char *name;
	const JsonbContainer *definition; /* of the attribute, or NULL */
	AttrNumber	attnum;	  /* of a column, else 0 */
	List	   *children; /* of Property */
	HTAB	   *by_name;  /* of children, or NULL */
} Property;

/* ---- building ---- */

/* The members of an attribute and of a dataset that the standard has words
 * for; every other one becomes a custom property. */
static const char *const attribute_words[] = {"description", "classification",
											  "tags", "links", NULL};
static const char *const dataset_words[] = {"description", "tags",
											"links",	   "owner",
											"steward",	   "consumers",
											"relation",	   "contract",
											"attributes",  NULL};

static void
begin(JsonbParseState **state, JsonbIteratorToken token)
{
	(void) pushJsonbValue(state, token, NULL);
}

/* Add a member that is an integer. */
static void
push_int(JsonbParseState **state, const char *key, int64 number)
{
	JsonbValue	value;

	value.type = jbvNumeric;
	value.val.numeric = int64_to_numeric(number);
	jb_push_value(state, key, &value);
}

/* Add a member if there is text. */
static void
push_some_text(JsonbParseState **state, const char *key, const char *text)
{
	if (text != NULL)
		jb_push_text(state, key, text);
}

/* Add one custom property. */
static void
push_custom(JsonbParseState **state, const char *name, JsonbValue *value)
{
	begin(state, WJB_BEGIN_OBJECT);
	jb_push_text(state, "property", psprintf("spine.%s", name));
	jb_push_value(state, "value", value);
	begin(state, WJB_END_OBJECT);
}

/* Add the members that the standard has no word for. */
static void
push_custom_properties(JsonbParseState **state, const JsonbContainer *object,
					   const char *const *words)
{
	bool		open = false;
	Pairs		pairs;

	pairs_begin(&pairs, object, NULL);
	while (pairs_next(&pairs))
	{
		bool		known = false;

		for (const char *const *word = words; *word; word++)
			known |= key_is(&pairs.key, *word);
		if (known)
			continue;
		if (!open)
		{
			jb_push_key(state, "customProperties");
			begin(state, WJB_BEGIN_ARRAY);
			open = true;
		}
		push_custom(state, jb_text(&pairs.key), pairs.before);
	}
	if (open)
		begin(state, WJB_END_ARRAY);
}

/* Add the tags: those of the scheme "tag" bare, the others whole. */
static void
push_tags(JsonbParseState **state, const JsonbContainer *object)
{
	static const char prefix[] = ODCS_TAG_SCHEME ":";
	List	   *tags = jb_get_texts(object, "tags");
	ListCell   *lc;

	if (tags == NIL)
		return;
	jb_push_key(state, "tags");
	begin(state, WJB_BEGIN_ARRAY);
	foreach (lc, tags)
	{
		char	   *tag = lfirst(lc);
		JsonbValue	value;

		if (strncmp(tag, prefix, strlen(prefix)) == 0 &&
			strchr(tag + strlen(prefix), ':') == NULL)
			tag += strlen(prefix);
		value = text_value(tag);
		(void) pushJsonbValue(state, WJB_ELEM, &value);
	}
	begin(state, WJB_END_ARRAY);
}

/* Add links as authoritative definitions. */
static void
push_links(JsonbParseState **state, const JsonbContainer *object)
{
	const JsonbContainer *links = jb_get_object(object, "links");
	Pairs		pairs;

	if (links == NULL || JsonContainerSize(links) == 0)
		return;
	jb_push_key(state, "authoritativeDefinitions");
	begin(state, WJB_BEGIN_ARRAY);
	pairs_begin(&pairs, links, NULL);
	while (pairs_next(&pairs))
	{
		begin(state, WJB_BEGIN_OBJECT);
		jb_push_text(state, "type", jb_text(&pairs.key));
		jb_push_value(state, "url", pairs.before);
		begin(state, WJB_END_OBJECT);
	}
	begin(state, WJB_END_ARRAY);
}

/* ---- types ---- */

/* The standard's logical type of a type. */
static const char *
logical_type(Oid type)
{
	type = getBaseType(type);
	if (OidIsValid(get_element_type(type)))
		return "array";
	switch (type)
	{
		case BOOLOID:
			return "boolean";
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case OIDOID:
			return "integer";
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
		case CASHOID:
			return "number";
		case DATEOID:
			return "date";
		case TIMEOID:
		case TIMETZOID:
			return "time";
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return "timestamp";
		case JSONOID:
		case JSONBOID:
			return "object";
		default:
			break;
	}
	return type_is_rowtype(type) ? "object" : "string";
}

/* The format of the standard that a numeric type has; NULL if none. */
static const char *
numeric_format(Oid type)
{
	switch (type)
	{
		case INT2OID:
			return "i16";
		case INT4OID:
			return "i32";
		case INT8OID:
			return "i64";
		case OIDOID:
			return "u32";
		case FLOAT4OID:
			return "f32";
		case FLOAT8OID:
			return "f64";
		default:
			return NULL;
	}
}

/* Add what a type says beyond its name. */
static void
push_type_options(JsonbParseState **state, Oid type, int32 typmod)
{
	const char *format;

	type = getBaseTypeAndTypmod(type, &typmod);
	format = numeric_format(type);
	if (format == NULL && type != TIMESTAMPOID && type != TIMESTAMPTZOID &&
		((type != VARCHAROID && type != BPCHAROID) || typmod < VARHDRSZ))
		return;
	jb_push_key(state, "logicalTypeOptions");
	begin(state, WJB_BEGIN_OBJECT);
	if (format != NULL)
		jb_push_text(state, "format", format);
	else if (type == TIMESTAMPOID || type == TIMESTAMPTZOID)
		jb_push_bool(state, "timezone", type == TIMESTAMPTZOID);
	else
		push_int(state, "maxLength", typmod - VARHDRSZ);
	begin(state, WJB_END_OBJECT);
}

/* Add what is known of a type, and of its elements. */
static void
push_type(JsonbParseState **state, Oid type, int32 typmod)
{
	Oid			element = get_element_type(getBaseType(type));

	jb_push_text(state, "logicalType", logical_type(type));
	jb_push_text(state, "physicalType",
				 format_type_with_typemod(type, typmod));
	push_type_options(state, type, typmod);
	if (!OidIsValid(element))
		return;
	jb_push_key(state, "items");
	begin(state, WJB_BEGIN_OBJECT);
	push_type(state, element, -1);
	begin(state, WJB_END_OBJECT);
}

/* ---- references ---- */

/* Can the name stand in a reference "table.column"? */
static bool
is_reference_part(const char *name)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";

	return name[0] != '\0' && strchr(letters, name[0]) != NULL &&
		strspn(name,
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
			   "0123456789") == strlen(name);
}

/* "table.column" of a column that is referred to; NULL if it has no such
 * name. */
static char *
reference_to(const char *table, Oid relid, AttrNumber attnum)
{
	char	   *column = get_attname(relid, attnum, true);

	if (table == NULL || column == NULL || !is_reference_part(table) ||
		!is_reference_part(column))
		return NULL;
	return psprintf("%s.%s", table, column);
}

/* Can a foreign key be told in the standard's words? */
static bool
is_tellable(const Export *export, const ForeignKeyCacheInfo *fk)
{
	char	   *table = get_rel_name(fk->confrelid);

	for (int i = 0; i < fk->nkeys; i++)
		if (reference_to(table, fk->confrelid, fk->confkey[i]) == NULL ||
			(fk->nkeys > 1 &&
			 reference_to(export->name, fk->conrelid, fk->conkey[i]) == NULL))
			return false;
	return true;
}

/* Add the references of one column. */
static void
push_column_references(JsonbParseState **state, const Export *export,
					   AttrNumber attnum)
{
	bool		open = false;
	ListCell   *lc;

	foreach (lc, export->foreign)
	{
		const ForeignKeyCacheInfo *fk = lfirst(lc);

		if (fk->nkeys != 1 || fk->conkey[0] != attnum ||
			!is_tellable(export, fk))
			continue;
		if (!open)
		{
			jb_push_key(state, "relationships");
			begin(state, WJB_BEGIN_ARRAY);
			open = true;
		}
		begin(state, WJB_BEGIN_OBJECT);
		jb_push_text(state, "type", "foreignKey");
		jb_push_text(state, "to",
					 reference_to(get_rel_name(fk->confrelid), fk->confrelid,
								  fk->confkey[0]));
		begin(state, WJB_END_OBJECT);
	}
	if (open)
		begin(state, WJB_END_ARRAY);
}

/* Add one side of a reference over several columns. */
static void
push_reference_side(JsonbParseState **state, const char *side,
					const char *table, Oid relid, const AttrNumber *columns,
					int count)
{
	jb_push_key(state, side);
	begin(state, WJB_BEGIN_ARRAY);
	for (int i = 0; i < count; i++)
	{
		JsonbValue value = text_value(reference_to(table, relid, columns[i]));

		(void) pushJsonbValue(state, WJB_ELEM, &value);
	}
	begin(state, WJB_END_ARRAY);
}

/* Add the references over several columns. */
static void
push_table_references(JsonbParseState **state, const Export *export)
{
	bool		open = false;
	ListCell   *lc;

	foreach (lc, export->foreign)
	{
		const ForeignKeyCacheInfo *fk = lfirst(lc);

		if (fk->nkeys < 2 || !is_tellable(export, fk))
			continue;
		if (!open)
		{
			jb_push_key(state, "relationships");
			begin(state, WJB_BEGIN_ARRAY);
			open = true;
		}
		begin(state, WJB_BEGIN_OBJECT);
		jb_push_text(state, "type", "foreignKey");
		push_reference_side(state, "from", export->name, fk->conrelid,
							fk->conkey, fk->nkeys);
		push_reference_side(state, "to", get_rel_name(fk->confrelid),
							fk->confrelid, fk->confkey, fk->nkeys);
		begin(state, WJB_END_OBJECT);
	}
	if (open)
		begin(state, WJB_END_ARRAY);
}

/* ---- properties ---- */

/* The child of a node under a name, made if it is not there. */
static Property *
node_child(Property *node, const char *name)
{
	Property	   *child;
	NameEntry  *entry;
	bool		found;

	if (node->by_name == NULL)
		node->by_name = names_new();
	entry = names_enter(node->by_name, name, (int) strlen(name), &found);
	if (found)
		return (Property *) entry->first;
	child = palloc0(sizeof(Property));
	child->name = name;
	entry->first = (char *) child;
	node->children = lappend(node->children, child);
	return child;
}

/* All properties of the dataset: the table's columns in their order, then
 * what else the document names. */
static Property *
property_tree(const Export *export)
{
	Property	   *root = palloc0(sizeof(Property));
	Pairs		pairs;
	ListCell   *lc;

	for (int i = 0; export->rel != NULL && i < export->rel->rd_att->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(export->rel->rd_att, i);

		if (!column->attisdropped)
			node_child(root, pstrdup(NameStr(column->attname)))->attnum =
				column->attnum;
	}
	pairs_begin(&pairs, jb_get_object(export->dataset, "attributes"), NULL);
	while (pairs_next(&pairs))
	{
		List	   *parts = asset_key_parts(jb_text(&pairs.key));
		Property	   *node = root;

		if (parts == NIL)
			parts = list_make1(jb_text(&pairs.key));
		foreach (lc, parts)
			node = node_child(node, lfirst(lc));
		node->definition = value_object(pairs.before);
	}
	return root;
}

/* The place of a column in the key, from 1 on; 0 if it is not in it. */
static int
key_position(const Export *export, const char *column)
{
	int			position = 1;
	ListCell   *lc;

	foreach (lc, export->key)
	{
		if (strcmp(lfirst(lc), column) == 0)
			return position;
		position++;
	}
	return 0;
}

/* Add what the table says of a column. */
static void
push_column(JsonbParseState **state, const Export *export,
			const Property	 *node)
{
	Form_pg_attribute column =
		TupleDescAttr(export->rel->rd_att, node->attnum - 1);
	int			position = key_position(export, node->name);

	push_type(state, column->atttypid, column->atttypmod);
	jb_push_bool(state, "required", column->attnotnull);
	if (position > 0)
	{
		jb_push_bool(state, "primaryKey", true);
		push_int(state, "primaryKeyPosition", position);
	}
	push_column_references(state, export, node->attnum);
}

/* The classification of a property: its own, its dataset's, its context's. */
static char *
property_classification(const Export *export, const Property *node)
{
	const JsonbContainer *const levels[] = {node->definition, export->dataset,
											export->context};

	for (size_t i = 0; i < lengthof(levels); i++)
	{
		char	   *found = jb_get_text(levels[i], "classification");

		if (found != NULL)
			return found;
	}
	return NULL;
}

/* Is a property called critical by its tags? */
static bool
is_critical(const JsonbContainer *attribute)
{
	ListCell   *lc;

	foreach (lc, jb_get_texts(attribute, "tags"))
		if (strcmp(lfirst(lc), ODCS_CRITICAL) == 0)
			return true;
	return false;
}

static void push_properties(JsonbParseState **state, const Export *export,
							const Property *node);

/* Add one property, and those below it. */
static void
push_property(JsonbParseState **state, const Export *export,
			  const Property   *node)
{
	char	   *description = jb_get_text(node->definition, "description");

	if (description == NULL && node->attnum > 0)
		description = GetComment(RelationGetRelid(export->rel),
								 RelationRelationId, node->attnum);
	begin(state, WJB_BEGIN_OBJECT);
	jb_push_text(state, "name", node->name);
	push_some_text(state, "description", description);
	push_some_text(state, "classification",
				   property_classification(export, node));
	push_tags(state, node->definition);
	push_links(state, node->definition);
	if (is_critical(node->definition))
		jb_push_bool(state, "criticalDataElement", true);
	if (node->attnum > 0)
		push_column(state, export, node);
	else if (node->children != NIL)
		jb_push_text(state, "logicalType", "object");
	push_custom_properties(state, node->definition, attribute_words);
	push_properties(state, export, node);
	begin(state, WJB_END_OBJECT);
}

/* May the standard have properties below this one? */
static bool
has_properties(const Export *export, const Property *node)
{
	if (node->children == NIL || node->attnum <= 0)
		return node->children != NIL;
	return strcmp(logical_type(
					  TupleDescAttr(export->rel->rd_att, node->attnum - 1)
						  ->atttypid),
				  "object") == 0;
}

/* Add the properties below a node. */
static void
push_properties(JsonbParseState **state, const Export *export,
				const Property *node)
{
	ListCell   *lc;

	check_stack_depth();
	if (!has_properties(export, node))
		return;
	jb_push_key(state, "properties");
	begin(state, WJB_BEGIN_ARRAY);
	foreach (lc, node->children)
		push_property(state, export, lfirst(lc));
	begin(state, WJB_END_ARRAY);
}

/* ---- the other sections ---- */

/* Add one team member. */
static void
push_member(JsonbParseState **state, const Export *export, const char *party,
			const char *role)
{
	const JsonbContainer *entry =
		jb_get_object(jb_get_object(export->doc, "parties"), party);

	begin(state, WJB_BEGIN_OBJECT);
	jb_push_text(state, "username", party);
	jb_push_text(state, "role", role);
	push_some_text(state, "description", jb_get_text(entry, "description"));
	begin(state, WJB_END_OBJECT);
}

/* Add owner and steward as the team. */
static void
push_team(JsonbParseState **state, const Export *export)
{
	char	   *steward = jb_get_text(export->dataset, "steward");

	if (steward == NULL)
		steward = jb_get_text(export->context, "steward");
	if (export->owner == NULL && steward == NULL)
		return;
	jb_push_key(state, "team");
	begin(state, WJB_BEGIN_OBJECT);
	jb_push_key(state, "members");
	begin(state, WJB_BEGIN_ARRAY);
	if (export->owner != NULL)
		push_member(state, export, export->owner, "owner");
	if (steward != NULL)
		push_member(state, export, steward, "data steward");
	begin(state, WJB_END_ARRAY);
	begin(state, WJB_END_OBJECT);
}

/* Add one role: a party that may read or write. */
static void
push_role(JsonbParseState **state, const JsonbValue *party,
		  const JsonbContainer *entry, const char *access)
{
	begin(state, WJB_BEGIN_OBJECT);
	jb_push_text(state, "role", jb_text(party));
	jb_push_text(state, "access", access);
	push_some_text(state, "description", jb_get_text(entry, "description"));
	begin(state, WJB_END_OBJECT);
}

/* Add the producers, which are a map or a list. */
static void
push_producers(JsonbParseState **state, const Export *export)
{
	ListCell   *lc;
	Pairs		pairs;

	pairs_begin(&pairs, jb_get_object(export->dataset, "producers"), NULL);
	while (pairs_next(&pairs))
		push_role(state, &pairs.key, value_object(pairs.before), "write");
	foreach (lc, jb_get_texts(export->dataset, "producers"))
	{
		JsonbValue	party = text_value(lfirst(lc));

		push_role(state, &party, NULL, "write");
	}
}

/* Add consumers and producers as roles. */
static void
push_roles(JsonbParseState **state, const Export *export)
{
	Pairs		pairs;

	jb_push_key(state, "roles");
	begin(state, WJB_BEGIN_ARRAY);
	pairs_begin(&pairs, jb_get_object(export->dataset, "consumers"), NULL);
	while (pairs_next(&pairs))
		push_role(state, &pairs.key, value_object(pairs.before), "read");
	push_producers(state, export);
	begin(state, WJB_END_ARRAY);
}

/* Add the store of the source of truth as a server. */
static void
push_servers(JsonbParseState **state, const Export *export)
{
	char *name = jb_get_text(jb_get_object(export->dataset, "sot"), "store");
	const JsonbContainer *store =
		jb_get_object(jb_get_object(export->doc, "stores"), name ? name : "");

	if (store == NULL)
		return;
	jb_push_key(state, "servers");
	begin(state, WJB_BEGIN_ARRAY);
	begin(state, WJB_BEGIN_OBJECT);
	jb_push_text(state, "server", name);
	jb_push_text(state, "type", "custom");
	push_some_text(state, "description", jb_get_text(store, "description"));
	push_some_text(state, "region", jb_get_text(store, "region"));
	push_some_text(state, "host", jb_get_text(store, "endpoint"));
	if (export->rel != NULL)
		jb_push_text(state, "schema",
					 get_namespace_name(RelationGetNamespace(export->rel)));
	jb_push_key(state, "customProperties");
	begin(state, WJB_BEGIN_ARRAY);
	{
		JsonbValue	kind = text_value(jb_get_text(store, "kind"));

		push_custom(state, "kind", &kind);
	}
	begin(state, WJB_END_ARRAY);
	begin(state, WJB_END_OBJECT);
	begin(state, WJB_END_ARRAY);
}

/* Add a duration: a number and its unit where it has but one, else as it is. */
static void
push_duration(JsonbParseState **state, const char *keep)
{
	static const char date_units[] = "YMWD";
	static const char *const date_names[] = {"y", "month", "w", "d"};
	static const char time_units[] = "HMS";
	static const char *const time_names[] = {"h", "min", "s"};
	bool		time = strncmp(keep, "PT", 2) == 0;
	const char *number = keep + (time ? 2 : 1);
	size_t		len = strspn(number, "0123456789");
	const char *unit;

	unit = len > 0 && number[len] != '\0' && number[len + 1] == '\0' ?
		strchr(time ? time_units : date_units, number[len]) :
		NULL;
	if (unit == NULL)
	{
		jb_push_text(state, "value", keep);
		jb_push_text(state, "unit", "ISO 8601");
		return;
	}
	push_int(state, "value", strtol(number, NULL, 10));
	jb_push_text(state, "unit",
				 time ? time_names[unit - time_units] :
						date_names[unit - date_units]);
}

/* Add the retention as service levels. */
static void
push_sla(JsonbParseState **state, const Export *export)
{
	const JsonbContainer *retention =
		jb_get_object(export->dataset, "retention");
	Pairs		pairs;

	if (retention == NULL || JsonContainerSize(retention) == 0)
		return;
	jb_push_key(state, "slaProperties");
	begin(state, WJB_BEGIN_ARRAY);
	pairs_begin(&pairs, retention, NULL);
	while (pairs_next(&pairs))
	{
		const JsonbContainer *entry = value_object(pairs.before);
		char	   *clock = jb_get_text(entry, "clock");

		begin(state, WJB_BEGIN_OBJECT);
		jb_push_text(state, "property", "retention");
		push_duration(state, jb_get_text(entry, "keep"));
		jb_push_text(state, "element",
					 clock ? psprintf("%s.%s", export->name, clock) :
							 export->name);
		push_some_text(state, "description",
					   jb_get_text(entry, "description"));
		begin(state, WJB_END_OBJECT);
	}
	begin(state, WJB_END_ARRAY);
}

/* Add how the owner is reached. */
static void
push_support(JsonbParseState **state, const Export *export)
{
	const JsonbContainer *contact = NULL;
	Pairs		pairs;

	if (export->owner != NULL)
		contact =
			jb_get_object(jb_get_object(jb_get_object(export->doc, "parties"),
										export->owner),
						  "contact");
	if (contact == NULL || JsonContainerSize(contact) == 0)
		return;
	jb_push_key(state, "support");
	begin(state, WJB_BEGIN_ARRAY);
	pairs_begin(&pairs, contact, NULL);
	while (pairs_next(&pairs))
	{
		begin(state, WJB_BEGIN_OBJECT);
		jb_push_text(state, "channel", jb_text(&pairs.key));
		jb_push_value(state, "url", pairs.before);
		begin(state, WJB_END_OBJECT);
	}
	begin(state, WJB_END_ARRAY);
}

/* Add the dataset as the one object of the schema. */
static void
push_schema(JsonbParseState **state, const Export *export)
{
	char	   *relation = jb_get_text(export->dataset, "relation");

	jb_push_key(state, "schema");
	begin(state, WJB_BEGIN_ARRAY);
	begin(state, WJB_BEGIN_OBJECT);
	jb_push_text(state, "name", export->name);
	jb_push_text(state, "logicalType", "object");
	if (relation != NULL)
	{
		jb_push_text(state, "physicalName", relation);
		jb_push_text(state, "physicalType", "table");
	}
	push_some_text(state, "description",
				   jb_get_text(export->dataset, "description"));
	push_tags(state, export->dataset);
	push_links(state, export->dataset);
	push_table_references(state, export);
	push_properties(state, export, property_tree(export));
	push_custom_properties(state, export->dataset, dataset_words);
	begin(state, WJB_END_OBJECT);
	begin(state, WJB_END_ARRAY);
}

/* The whole contract. */
static Jsonb *
build_contract(const Export *export, const char *key, int64 rev)
{
	JsonbParseState *state = NULL;
	char	   *purpose = jb_get_text(export->dataset, "description");

	begin(&state, WJB_BEGIN_OBJECT);
	jb_push_text(&state, "kind", "DataContract");
	jb_push_text(&state, "apiVersion", "v3.1.0");
	jb_push_text(&state, "id", key);
	jb_push_text(&state, "name", export->name);
	jb_push_text(&state, "version", psprintf("1.0." INT64_FORMAT, rev));
	jb_push_text(&state, "status", "active");
	jb_push_text(&state, "domain", export->context_name);
	if (purpose != NULL)
	{
		jb_push_key(&state, "description");
		begin(&state, WJB_BEGIN_OBJECT);
		jb_push_text(&state, "purpose", purpose);
		begin(&state, WJB_END_OBJECT);
	}
	push_schema(&state, export);
	push_servers(&state, export);
	push_team(&state, export);
	push_roles(&state, export);
	push_sla(&state, export);
	push_support(&state, export);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* ---- spine.export_odcs ---- */

/* Raise that there is no such dataset. */
static void
unknown_dataset(const char *key)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("dataset \"%s\" is not in the document", key),
			 errhint("A dataset is named context.dataset, as in "
					 "spine.asset.")));
}

/* Find a dataset in the document by its key. */
static void
find_dataset(Export *export, const char *key)
{
	List	   *parts = asset_key_parts(key);

	if (list_length(parts) != 2)
		unknown_dataset(key);
	export->context_name = linitial(parts);
	export->name = lsecond(parts);
	export->context = jb_get_object(jb_get_object(export->doc, "contexts"),
									export->context_name);
	export->dataset = jb_get_object(jb_get_object(export->context, "datasets"),
									export->name);
	if (export->dataset == NULL)
		unknown_dataset(key);
}

/* Open the dataset's table, if it is here, and read what is said of it. */
static void
open_table(Export *export, const Jsonb *document)
{
	SpecDataset *spec;
	Oid			relid;

	spec = spec_dataset_read(export->context_name, export->context,
							 export->name, export->dataset);
	export->owner = spec->owner;
	if (dataset_is_local(export->dataset,
						 document_local_store(&document->root)))
	{
		relid = spec_relation_oid(spec->relation);
		if (OidIsValid(relid))
			export->rel = try_relation_open(relid, AccessShareLock);
	}
	export->key = spec_key_columns(spec, export->rel);
	if (export->rel != NULL)
		export->foreign = copyObject(RelationGetFKeyList(export->rel));
}

/* The revision that last changed a dataset. */
static int64
dataset_revision(const char *key, int64 newest)
{
	CatalogDataset *known = catalog_dataset(key);

	return known != NULL ? known->rev : newest;
}

/* spine.export_odcs(dataset): see docs/odcs.md. */
Datum
spine_export_odcs(PG_FUNCTION_ARGS)
{
	char	   *key = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Export		export = {0};
	Jsonb	   *document;
	Jsonb	   *contract;
	JsonbValue	value;
	char	   *id;
	int64		rev;

	document = document_newest(&rev);
	export.doc = &document->root;
	find_dataset(&export, key);
	id = jb_get_text(export.dataset, "contract");
	if (id != NULL &&
		jb_get(jb_get_object(export.doc, "contracts"), id, &value))
		PG_RETURN_JSONB_P(value_document(&value));

	key = asset_key(export.context_name, export.name, NULL);
	open_table(&export, document);
	contract = build_contract(&export, key, dataset_revision(key, rev));
	if (export.rel != NULL)
		relation_close(export.rel, AccessShareLock);
	PG_RETURN_JSONB_P(contract);
}
