/*-------------------------------------------------------------------------
 *
 * odcs_dataset.c
 *		A schema object of an Open Data Contract as a dataset.
 *
 * Finds its table, and says of columns only what the table has: an attribute
 * without a column, or a table without a key, could not be governed.  What is
 * left out is noted.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/relation.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/format.h"
#include "catalog/namespace.h"
#include "catalog/odcs.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "catalog/validate.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* ---- tags and terms ---- */

/* Is a tag of the contract one of ours, "scheme:term"? */
static bool
is_term(const char *tag)
{
	const char *colon = strchr(tag, ':');

	return colon != NULL && strncmp(colon, "://", 3) != 0 &&
		format_string_matches(SHAPE_SCHEME, tag, (int) (colon - tag)) &&
		odcs_usable_name(colon + 1);
}

/* A tag of the contract as one of the document's; NULL if it cannot be. */
static char *
project_tag(OdcsContract *contract, char *tag, const Place *place)
{
	if (!is_term(tag))
		tag = psprintf("%s:%s", ODCS_TAG_SCHEME, tag);
	if (!is_term(tag) || !odcs_usable_name(tag))
	{
		odcs_note(contract, "unusable_tag", place, "tag cannot be a name");
		return NULL;
	}
	odcs_need_term(contract, tag);
	return tag;
}

/* Add the tags of an object to a list that is being built, each once. */
static void
push_tags(OdcsContract *contract, JsonbParseState **state, HTAB *seen,
		  const JsonbContainer *object, const Place *place)
{
	Place		here = place_member(place, "tags");
	int			index = 0;
	ListCell   *lc;

	foreach (lc, jb_get_texts(object, "tags"))
	{
		Place		there = place_element(&here, index++);
		char	   *tag = project_tag(contract, lfirst(lc), &there);
		JsonbValue	value;
		bool		found;

		if (tag == NULL)
			continue;
		(void) names_enter(seen, tag, (int) strlen(tag), &found);
		value = text_value(tag);
		if (!found)
			(void) pushJsonbValue(state, WJB_ELEM, &value);
	}
}

/* Add "tags" to an object that is being built; above may be NULL. */
static void
project_tags(OdcsContract *contract, JsonbParseState **state,
			 const JsonbContainer *object, const JsonbContainer *above,
			 const Place *place)
{
	JsonbParseState *list = NULL;
	JsonbValue *tags;
	JsonbValue	critical = text_value(ODCS_CRITICAL);
	HTAB	   *seen = names_new();

	(void) pushJsonbValue(&list, WJB_BEGIN_ARRAY, NULL);
	push_tags(contract, &list, seen, object, place);
	if (above != NULL)
		push_tags(contract, &list, seen, above, NULL);
	if (jb_get_bool(object, "criticalDataElement", false))
	{
		odcs_need_term(contract, ODCS_CRITICAL);
		(void) pushJsonbValue(&list, WJB_ELEM, &critical);
	}
	tags = pushJsonbValue(&list, WJB_END_ARRAY, NULL);
	if (tags->val.array.nElems > 0)
	{
		Jsonb	   *array = JsonbValueToJsonb(tags);

		odcs_push_document(state, "tags", array);
	}
	hash_destroy(seen);
}

/* Add "classification", if the property has one. */
static void
project_classification(OdcsContract *contract, JsonbParseState **state,
					   const JsonbContainer *object, const Place *place)
{
	Place		here = place_member(place, "classification");
	char	   *classification = jb_get_text(object, "classification");

	if (classification == NULL || classification[0] == '\0')
		return;
	if (!odcs_usable_name(classification))
	{
		odcs_note(contract, "unusable_term", &here,
				  "classification cannot be a name");
		return;
	}
	odcs_need_term(contract, psprintf("classification:%s", classification));
	jb_push_text(state, "classification", classification);
}

/* Order of "scheme:term": by scheme. */
static int
compare_terms(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

/* The terms that were needed and that the document lacks, sorted. */
static List *
missing_terms(const OdcsContract *contract)
{
	const JsonbContainer *terms = jb_get_object(contract->spine, "terms");
	HASH_SEQ_STATUS seq;
	NameEntry  *entry;
	List	   *missing = NIL;

	hash_seq_init(&seq, contract->tags);
	while ((entry = hash_seq_search(&seq)) != NULL)
	{
		char	   *tag = pnstrdup(entry->text, entry->len);
		char	   *colon = strchr(tag, ':');
		JsonbValue	value;

		if (!jb_get(jb_get_object(terms, pnstrdup(tag, colon - tag)),
					colon + 1, &value))
			missing = lappend(missing, tag);
	}
	list_sort(missing, compare_terms);
	return missing;
}

Jsonb *
odcs_terms(const OdcsContract *contract)
{
	JsonbParseState *sections = odcs_object_begin();
	JsonbParseState *codes = NULL;
	Jsonb	   *empty = odcs_object_end(odcs_object_begin());
	List	   *missing = missing_terms(contract);
	ListCell   *lc;
	char	   *scheme = NULL;

	foreach (lc, missing)
	{
		char	   *tag = lfirst(lc);
		char	   *colon = strchr(tag, ':');

		*colon = '\0';
		if (scheme == NULL || strcmp(scheme, tag) != 0)
		{
			if (scheme != NULL)
				odcs_push_document(&sections, scheme, odcs_object_end(codes));
			scheme = tag;
			codes = odcs_object_begin();
		}
		odcs_push_document(&codes, colon + 1, empty);
	}
	if (scheme == NULL)
		return NULL;
	odcs_push_document(&sections, scheme, odcs_object_end(codes));
	return odcs_object_end(sections);
}

char *
odcs_relation_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(
										  get_rel_namespace(relid)),
									  get_rel_name(relid));
}

/* ---- tables ---- */

/* A table that can be governed, by names as written or in lower case. */
static Oid
find_table(const char *schema, const char *name)
{
	Oid			relid = InvalidOid;
	Oid			nspid = InvalidOid;

	if (schema == NULL || name == NULL || strlen(schema) >= NAMEDATALEN ||
		strlen(name) >= NAMEDATALEN)
		return InvalidOid;
	nspid = get_namespace_oid(schema, true);
	if (!OidIsValid(nspid))
		nspid = get_namespace_oid(asc_tolower(schema, strlen(schema)), true);
	if (OidIsValid(nspid))
		relid = get_relname_relid(name, nspid);
	if (OidIsValid(nspid) && !OidIsValid(relid))
		relid = get_relname_relid(asc_tolower(name, strlen(name)), nspid);
	return relid;
}

/* Can the document govern the relation? */
static bool
is_governable(Oid relid)
{
	char		kind;

	if (!OidIsValid(relid) || relid < FirstNormalObjectId)
		return false;
	kind = get_rel_relkind(relid);
	return (kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE) &&
		get_rel_persistence(relid) != RELPERSISTENCE_TEMP &&
		!OidIsValid(getExtensionOfObject(RelationRelationId, relid));
}

/* The last two parts of "catalog.schema.table", without their quotes. */
static List *
physical_parts(const char *physical)
{
	List	   *parts = asset_key_parts(physical);

	while (list_length(parts) > 2)
		parts = list_delete_first(parts);
	return parts;
}

/* A table without a schema: where the servers say, then where the context
 * says, then in public. */
static Oid
find_bare_table(const OdcsContract *contract, const char *context,
				const char *name)
{
	const JsonbContainer *servers = jb_get_array(contract->doc, "servers");
	const JsonbContainer *entry =
		jb_get_object(jb_get_object(contract->spine, "contexts"), context);
	List	   *schemas = NIL;
	ListCell   *lc;
	JbCursor	cursor;
	JsonbValue	value;

	if (servers != NULL)
		jb_walk(&cursor, servers);
	while (servers != NULL && jb_next_element(&cursor, &value))
	{
		char *schema = jb_get_text(value_object(&value), "schema");

		if (odcs_is_postgres(value_object(&value)) && schema != NULL)
			schemas = lappend(schemas, schema);
	}
	schemas = list_concat(schemas, jb_get_texts(entry, "schemas"));
	schemas = lappend(schemas, "public");
	foreach (lc, schemas)
	{
		Oid			relid = find_table(lfirst(lc), name);

		if (is_governable(relid))
			return relid;
	}
	return InvalidOid;
}

/* The columns that the contract calls the primary key, in its order. */
static List *
contract_key(const JsonbContainer *object, Oid relid)
{
	const JsonbContainer *properties = jb_get_array(object, "properties");
	List	   *columns = NIL;
	JbCursor	cursor;
	JsonbValue	value;

	if (properties == NULL)
		return NIL;
	jb_walk(&cursor, properties);
	while (jb_next_element(&cursor, &value))
	{
		const JsonbContainer *property = value_object(&value);
		char	   *name = jb_get_text(property, "physicalName");

		if (!jb_get_bool(property, "primaryKey", false))
			continue;
		if (name == NULL || get_attnum(relid, name) <= 0)
			name = jb_get_text(property, "name");
		if (get_attnum(relid, name) <= 0)
			return NIL;
		columns = lappend(columns, name);
	}
	return columns;
}

/* Does a table have a primary key? */
static bool
has_primary_key(Oid relid)
{
	Relation	rel = try_relation_open(relid, AccessShareLock);
	bool		has = rel != NULL && relation_primary_key(rel) != NIL;

	if (rel != NULL)
		relation_close(rel, AccessShareLock);
	return has;
}

Oid
odcs_table(const OdcsContract *contract, const JsonbContainer *object,
		   const char *context, const Place *place)
{
	char	   *name = jb_get_text(object, "physicalName");
	List	   *parts;
	Oid			relid;

	if (name == NULL)
		name = jb_get_text(object, "name");
	parts = physical_parts(name);
	if (list_length(parts) == 2)
		relid = find_table(linitial(parts), lsecond(parts));
	else
		relid = find_bare_table(contract, context,
								parts != NIL ? linitial(parts) : name);
	if (!is_governable(relid))
		return InvalidOid;
	if (has_primary_key(relid) || contract_key(object, relid) != NIL)
		return relid;
	odcs_note(contract, "no_key", place,
			  "table \"%s\" has no primary key, and the contract names none",
			  odcs_relation_name(relid));
	return InvalidOid;
}

/* ---- attributes ---- */

/* Where attributes go while they are projected. */
typedef struct AttributeWalk
{
	OdcsContract *contract;
	JsonbParseState *attributes;
	Oid			relid; /* of the table; InvalidOid: logical */
} AttributeWalk;

static void project_properties(AttributeWalk		*walk,
							   const JsonbContainer *object, const char *above,
							   const Place *place);

/* The column that a property is; NULL if the table has none. */
static char *
property_column(Oid relid, const JsonbContainer *property)
{
	static const char *const members[] = {"physicalName", "name"};

	for (size_t i = 0; i < lengthof(members); i++)
	{
		char	   *name = jb_get_text(property, members[i]);

		if (name != NULL && strlen(name) < NAMEDATALEN &&
			get_attnum(relid, name) > 0)
			return name;
		name = name != NULL ? asc_tolower(name, strlen(name)) : NULL;
		if (name != NULL && strlen(name) < NAMEDATALEN &&
			get_attnum(relid, name) > 0)
			return name;
	}
	return NULL;
}

/* Is a column of type jsonb, so that there are paths below it? */
static bool
is_jsonb_column(Oid relid, const char *column)
{
	AttrNumber	attnum = get_attnum(relid, column);

	return attnum > 0 && getBaseType(get_atttype(relid, attnum)) == JSONBOID;
}

/* The name of a property's attribute; NULL, with a note, if it has none. */
static char *
attribute_name(AttributeWalk *walk, const JsonbContainer *property,
			   const char *above, const Place *place)
{
	char	   *name = jb_get_text(property, "name");

	if (above == NULL && OidIsValid(walk->relid))
	{
		name = property_column(walk->relid, property);
		if (name == NULL)
		{
			odcs_note(walk->contract, "no_column", place,
					  "table \"%s\" has no such column",
					  odcs_relation_name(walk->relid));
			return NULL;
		}
	}
	name = asset_key_quote(name);
	if (above != NULL)
		name = psprintf("%s.%s", above, name);
	if (odcs_usable_name(name))
		return name;
	odcs_note(walk->contract, "unusable_attribute", place,
			  "name cannot be an attribute's");
	return NULL;
}

/* Project a property, and what is below it. */
static void
project_property(AttributeWalk *walk, const JsonbContainer *property,
				 const char *above, const Place *place)
{
	JsonbParseState *attribute = odcs_object_begin();
	char	   *name = attribute_name(walk, property, above, place);
	Jsonb	   *entry;

	if (name == NULL)
		return;
	(void) odcs_copy_text(&attribute, "description", property, "description");
	project_classification(walk->contract, &attribute, property, place);
	project_tags(walk->contract, &attribute, property, NULL, place);
	entry = odcs_object_end(attribute);
	if (JB_ROOT_COUNT(entry) > 0 || !OidIsValid(walk->relid))
		odcs_push_document(&walk->attributes, name, entry);

	if (jb_get_array(property, "properties") == NULL)
		return;
	if (above == NULL && OidIsValid(walk->relid) &&
		!is_jsonb_column(walk->relid, property_column(walk->relid, property)))
		odcs_note(walk->contract, "not_jsonb", place,
				  "there are no attributes below a column that is not jsonb");
	else
		project_properties(walk, property, name, place);
}

/* Project the properties of an object or of a property. */
static void
project_properties(AttributeWalk *walk, const JsonbContainer *object,
				   const char *above, const Place *place)
{
	const JsonbContainer *properties = jb_get_array(object, "properties");
	Place		here = place_member(place, "properties");
	JbCursor	cursor;
	JsonbValue	value;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (properties == NULL)
		return;
	jb_walk(&cursor, properties);
	while (jb_next_element(&cursor, &value))
	{
		Place		there = place_element(&here, cursor.index);

		project_property(walk, value_object(&value), above, &there);
	}
}

/* ---- datasets ---- */

/* Add the retention that speaks of this object. */
static void
project_retention(OdcsContract *contract, JsonbParseState **dataset,
				  const JsonbContainer *object, Oid relid)
{
	JsonbParseState *entries = odcs_object_begin();
	Place		place = place_member(NULL, "slaProperties");
	char	   *name = jb_get_text(object, "name");
	char	   *physical = jb_get_text(object, "physicalName");
	Jsonb	   *all;
	int			count = 0;
	ListCell   *lc;

	foreach (lc, contract->retentions)
	{
		const OdcsRetention *retention = lfirst(lc);
		JsonbParseState *entry;

		if (retention->object != NULL &&
			strcmp(retention->object, name) != 0 &&
			(physical == NULL || strcmp(retention->object, physical) != 0))
			continue;
		entry = odcs_object_begin();
		jb_push_text(&entry, "keep", retention->keep);
		if (retention->description != NULL)
			jb_push_text(&entry, "description", retention->description);
		if (odcs_usable_name(retention->clock) &&
			(!OidIsValid(relid) || get_attnum(relid, retention->clock) > 0))
			jb_push_text(&entry, "clock", retention->clock);
		else if (retention->clock != NULL)
			odcs_note(contract, "no_column", &place,
					  "retention counts from what is no column of \"%s\"",
					  OidIsValid(relid) ? odcs_relation_name(relid) : name);
		count++;
		odcs_push_document(&entries,
						   count == 1 ? "contract" :
										psprintf("contract-%d", count),
						   odcs_object_end(entry));
	}
	all = odcs_object_end(entries);
	if (JB_ROOT_COUNT(all) > 0)
		odcs_push_document(dataset, "retention", all);
}

/* Name the key of a table that has no primary key. */
static void
project_key(JsonbParseState **dataset, const JsonbContainer *object, Oid relid)
{
	ListCell   *lc;

	if (!OidIsValid(relid) || has_primary_key(relid))
		return;
	jb_push_key(dataset, "key");
	(void) pushJsonbValue(dataset, WJB_BEGIN_ARRAY, NULL);
	foreach (lc, contract_key(object, relid))
	{
		JsonbValue	column = text_value(lfirst(lc));

		(void) pushJsonbValue(dataset, WJB_ELEM, &column);
	}
	(void) pushJsonbValue(dataset, WJB_END_ARRAY, NULL);
}

Jsonb *
odcs_dataset(OdcsContract *contract, const JsonbContainer *object, Oid relid,
			 const char *relation, const Place *place)
{
	AttributeWalk walk = {contract, odcs_object_begin(), relid};
	JsonbParseState *dataset = odcs_object_begin();
	Jsonb	   *attributes;

	if (!odcs_copy_text(&dataset, "description", object, "description"))
		(void) odcs_copy_text(&dataset, "description",
							  jb_get_object(contract->doc, "description"),
							  "purpose");
	if (relation != NULL)
		jb_push_text(&dataset, "relation", relation);
	if (contract->owner != NULL)
		jb_push_text(&dataset, "owner", contract->owner);
	if (contract->steward != NULL)
		jb_push_text(&dataset, "steward", contract->steward);
	project_tags(contract, &dataset, object, contract->doc, place);
	if (JB_ROOT_COUNT(contract->consumers) > 0)
		odcs_push_document(&dataset, "consumers", contract->consumers);
	project_key(&dataset, object, relid);
	project_retention(contract, &dataset, object, relid);
	project_properties(&walk, object, NULL, place);
	attributes = odcs_object_end(walk.attributes);
	if (JB_ROOT_COUNT(attributes) > 0)
		odcs_push_document(&dataset, "attributes", attributes);
	return odcs_object_end(dataset);
}
