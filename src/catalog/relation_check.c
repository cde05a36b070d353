/*-------------------------------------------------------------------------
 *
 * relation_check.c
 *		A dataset against its relation: does the table have what the document
 *		speaks of, in types that the guard can work with?
 *
 * Reads catalogs only: no default, no expression and no cast is evaluated,
 * so anybody's table can be looked at.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/format.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "catalog/validate.h"
#include "mb/pg_wchar.h"
#include "nodes/nodes.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* One dataset under check. */
typedef struct Check
{
	const SpecDataset *dataset;
	Relation	rel;
	const Place *place;		/* of the dataset */
	const Place *lifecycle; /* of its lifecycle */
	Findings   *findings;
	FindingSeverity severity; /* of what keeps the guard from working */
} Check;

/* ---- columns ---- */

/* A column by name; NULL if there is none, or only a dropped one. */
static Form_pg_attribute
find_column(Relation rel, const char *name)
{
	AttrNumber	attnum = get_attnum(RelationGetRelid(rel), name);

	if (attnum <= 0)
		return NULL;
	return TupleDescAttr(RelationGetDescr(rel), attnum - 1);
}

static void
unknown_column(const Check *check, const char *name, const Place *place)
{
	finding_add(check->findings, check->severity, "unknown_attribute", place,
				NULL, "column \"%s\" of relation \"%s\" does not exist", name,
				check->dataset->relation);
}

static void
refuse_generated(const Check *check, Form_pg_attribute column,
				 const Place *place)
{
	if (column->attgenerated != '\0')
		finding_add(check->findings, check->severity, "generated_column",
					place, "Name the columns that it is computed from.",
					"column \"%s\" is generated", NameStr(column->attname));
}

/* Check a reference to a column, or to a path below one. */
static void
check_attribute(const Check *check, FormatRef ref, const char *name,
				const Place *place)
{
	List	   *parts = NIL;
	Form_pg_attribute column;

	if (ref == REF_COLUMN || ref == REF_SET)
		parts = list_make1(unconstify(char *, name));
	else
		parts = asset_key_parts(name);
	if (parts == NIL)
	{
		finding_add(check->findings, check->severity, "bad_path", place,
					"Parts that hold a dot stand in double quotes.",
					"\"%s\" is not an attribute or a path", name);
		return;
	}
	column = find_column(check->rel, linitial(parts));
	if (column == NULL)
	{
		unknown_column(check, linitial(parts), place);
		return;
	}
	if (ref == REF_WRITE || ref == REF_SET)
		refuse_generated(check, column, place);
	if (list_length(parts) > 1 && getBaseType(column->atttypid) != JSONBOID)
		finding_add(
			check->findings, check->severity, "not_jsonb", place, NULL,
			"path \"%s\" lies below column \"%s\", whose type is %s, not jsonb",
			name, NameStr(column->attname), format_type_be(column->atttypid));
}

/* Is this name of a frozen thing a child's? */
static bool
is_child(const Check *check, const char *name)
{
	ListCell   *lc;

	if (check->dataset->lifecycle == NULL)
		return false;
	foreach (lc, check->dataset->lifecycle->children)
		if (strcmp(((SpecChild *) lfirst(lc))->name, name) == 0)
			return true;
	return false;
}

/* FormatVisit: check every name of a column in the dataset. */
static bool
visit_name(void *arg, const Shape *shape, const JsonbValue *value,
		   const Place *place)
{
	const Check *check = arg;
	char	   *name;

	if (value->type != jbvString)
		return true;
	switch (shape->ref)
	{
		case REF_COLUMN:
		case REF_ATTRIBUTE:
		case REF_SET:
		case REF_WRITE:
		case REF_FREEZE:
			break;
		default:
			return true;
	}

	name = jb_text(value);
	if (shape->ref == REF_WRITE && strcmp(name, "*") == 0)
		return true;
	if (shape->ref == REF_FREEZE && is_child(check, name))
		return true;
	check_attribute(check, shape->ref, name, place);
	return true;
}

/* ---- the relation itself ---- */

/* Why a relation cannot be governed; NULL if it can. */
static const char *
unfit(Relation rel)
{
	if (rel->rd_rel->relkind != RELKIND_RELATION &&
		rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		return "is not a table";
	if (RelationGetRelid(rel) < FirstNormalObjectId)
		return "is a system catalog";
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		return "is temporary";
	if (OidIsValid(
			getExtensionOfObject(RelationRelationId, RelationGetRelid(rel))))
		return "belongs to an extension";
	return NULL;
}

/* Open a relation that can be governed; NULL, with a finding, if not. */
static Relation
open_relation(const char *name, FindingSeverity severity, const Place *place,
			  Findings *findings)
{
	Oid			relid = spec_relation_oid(name);
	Relation	rel = NULL;
	const char *reason;

	if (OidIsValid(relid))
		rel = try_relation_open(relid, AccessShareLock);
	if (rel == NULL)
	{
		finding_add(findings, severity, "unknown_relation", place, NULL,
					"relation \"%s\" does not exist", name);
		return NULL;
	}
	reason = unfit(rel);
	if (reason == NULL)
		return rel;
	finding_add(findings, severity, "bad_relation", place,
				"Tables and partitioned tables can be governed.", "\"%s\" %s",
				name, reason);
	relation_close(rel, AccessShareLock);
	return NULL;
}

/* Do datasets govern this relation by its own name? */
static bool
is_governed(Oid relid, HTAB *governed)
{
	NameEntry	key = {NULL, 0, NULL};

	key.text = quote_qualified_identifier(get_namespace_name(
											  get_rel_namespace(relid)),
										  get_rel_name(relid));
	key.len = (int) strlen(key.text);
	return hash_search(governed, &key, HASH_FIND, NULL) != NULL;
}

/* No other dataset may govern an ancestor or a partition of the relation. */
static void
check_partitions(const Check *check, HTAB *governed, const Place *place)
{
	Oid			relid = RelationGetRelid(check->rel);
	List	   *related = NIL;
	ListCell   *lc;

	if (hash_get_num_entries(governed) < 2)
		return;
	if (check->rel->rd_rel->relispartition)
		related = get_partition_ancestors(relid);
	if (check->rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		related =
			list_concat(related, find_all_inheritors(relid, NoLock, NULL));
	foreach (lc, related)
		if (lfirst_oid(lc) != relid && is_governed(lfirst_oid(lc), governed))
			finding_add(check->findings, FINDING_ERROR, "relation_conflict",
						place, "Govern the partitioned table alone.",
						"relation \"%s\" is a partition or an ancestor of "
						"\"%s\", which is governed too",
						check->dataset->relation,
						get_rel_name(lfirst_oid(lc)));
}

/* ---- the key ---- */

/* The primary key's columns in its own order (List of Form_pg_attribute). */
static List *
primary_key(Relation rel)
{
	List	   *columns = NIL;
	ListCell   *lc;

	foreach (lc, relation_primary_key(rel))
		columns = lappend(columns, find_column(rel, lfirst(lc)));
	return columns;
}

/* Is a unique index made of just these columns, in any order? */
static bool
index_is_unique_on(Oid indexid, List *columns)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(indexid));
	Form_pg_index index;
	bool		same;

	if (!HeapTupleIsValid(tuple))
		return false;
	index = (Form_pg_index) GETSTRUCT(tuple);
	same = index->indisunique && index->indimmediate && index->indisvalid &&
		index->indnkeyatts == list_length(columns) &&
		heap_attisnull(tuple, Anum_pg_index_indpred, NULL);
	for (int i = 0; same && i < index->indnkeyatts; i++)
	{
		bool		found = false;
		ListCell   *lc;

		foreach (lc, columns)
			found |= ((Form_pg_attribute) lfirst(lc))->attnum ==
				index->indkey.values[i];
		same = found;
	}
	ReleaseSysCache(tuple);
	return same;
}

static bool
is_unique_on(Relation rel, List *columns)
{
	ListCell   *lc;

	foreach (lc, RelationGetIndexList(rel))
		if (index_is_unique_on(lfirst_oid(lc), columns))
			return true;
	return false;
}

/* The key's columns (List of Form_pg_attribute); NIL if it is not sound. */
static List *
check_key(const Check *check)
{
	Place		place = place_member(check->place, "key");
	List	   *columns = NIL;
	ListCell   *lc;

	if (check->dataset->key_columns == NIL)
	{
		columns = primary_key(check->rel);
		if (columns == NIL)
			finding_add(
				check->findings, check->severity, "no_key", check->place,
				"Give the table a primary key, or name the columns in \"key\".",
				"relation \"%s\" has no primary key",
				check->dataset->relation);
		return columns;
	}

	foreach (lc, check->dataset->key_columns)
	{
		Form_pg_attribute column = find_column(check->rel, lfirst(lc));

		if (column == NULL)
			return NIL;
		columns = lappend(columns, column);
	}
	if (!is_unique_on(check->rel, columns))
		finding_add(check->findings, FINDING_WARNING, "key_not_unique", &place,
					"Add a unique index on just these columns.",
					"no unique index proves that the key is one");
	return columns;
}

/* ---- states ---- */

static bool
is_enum(Oid type)
{
	return get_typtype(type) == TYPTYPE_ENUM;
}

static bool
is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

static bool
is_string(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID ||
		type == NAMEOID;
}

static bool
has_label(Oid type, const char *label)
{
	return strlen(label) < NAMEDATALEN &&
		SearchSysCacheExists2(ENUMTYPOIDNAME, ObjectIdGetDatum(type),
							  CStringGetDatum(label));
}

/* Does a text say an integer of a type, in its usual spelling? */
static bool
says_integer(Oid type, const char *text)
{
	char	   *end;
	int64		number;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno != 0 || *end != '\0' ||
		strcmp(psprintf(INT64_FORMAT, number), text) != 0)
		return false;
	if (type == INT2OID)
		return number >= PG_INT16_MIN && number <= PG_INT16_MAX;
	return type == INT8OID ||
		(number >= PG_INT32_MIN && number <= PG_INT32_MAX);
}

/* Why a type has no value of that name; NULL if it has. */
static const char *
no_state_value(Oid type, int32 typmod, const char *name)
{
	if (is_enum(type))
		return has_label(type, name) ? NULL : "is not a label of the enum";
	if (is_integer(type))
		return says_integer(type, name) ?
			NULL :
			"is not an integer in its usual spelling and range";
	if (type == BOOLOID)
		return strcmp(name, "true") == 0 || strcmp(name, "false") == 0 ?
			NULL :
			"is neither true nor false";
	if (type == NAMEOID)
		return strlen(name) < NAMEDATALEN ? NULL : "is too long for a name";
	if (type != TEXTOID && typmod >= (int32) VARHDRSZ &&
		pg_mbstrlen(name) > typmod - (int32) VARHDRSZ)
		return "is too long for the column";
	return NULL;
}

/* Warn of labels of an enum that no state names. */
static void
check_labels(const Check *check, Oid type, const Place *place)
{
	CatCList *labels =
		SearchSysCacheList1(ENUMTYPOIDNAME, ObjectIdGetDatum(type));

	for (int i = 0; i < labels->n_members; i++)
	{
		HeapTuple	tuple = &labels->members[i]->tuple;
		char	   *label =
			pstrdup(NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel));

		if (spec_state(check->dataset->lifecycle, label) == NULL)
			finding_add(check->findings, FINDING_WARNING,
						"label_without_state", place,
						"Rows with this value cannot be changed by anybody.",
						"label \"%s\" of type %s is not a state", label,
						format_type_be(type));
	}
	ReleaseCatCacheList(labels);
}

/* Each state must be a value of the governing column's type. */
static void
check_states(const Check *check, Form_pg_attribute column)
{
	Place		states = place_member(check->lifecycle, "states");
	int32		typmod = column->atttypmod;
	Oid			type = getBaseTypeAndTypmod(column->atttypid, &typmod);
	ListCell   *lc;

	foreach (lc, check->dataset->lifecycle->states)
	{
		const SpecState *state = lfirst(lc);
		Place		place = place_member(&states, state->name);
		const char *reason = no_state_value(type, typmod, state->name);

		if (reason != NULL)
			finding_add(check->findings, check->severity, "bad_state_value",
						&place, NULL, "state \"%s\" %s", state->name, reason);
	}
	if (is_enum(type))
		check_labels(check, type, &states);
}

static void
check_governing(const Check *check)
{
	Place		place = place_member(check->lifecycle, "governing");
	const char *name = check->dataset->lifecycle->governing;
	Form_pg_attribute column;
	Oid			type;

	if (name == NULL)
		return;
	column = find_column(check->rel, name);
	if (column == NULL)
		return;

	refuse_generated(check, column, &place);
	type = getBaseType(column->atttypid);
	if (!is_enum(type) && !is_string(type) && !is_integer(type) &&
		type != BOOLOID)
	{
		finding_add(
			check->findings, check->severity, "bad_governing_type", &place,
			"Use an enum, a string, an integer, a boolean, or a domain over one.",
			"column \"%s\" of type %s cannot hold a state", name,
			format_type_be(column->atttypid));
		return;
	}
	if (!column->attnotnull)
		finding_add(check->findings, FINDING_WARNING, "nullable_governing",
					&place,
					"A row without a state cannot be changed by anybody.",
					"column \"%s\" may be null", name);
	check_states(check, column);
}

/* ---- columns that the guard keeps ---- */

/* The default of a column as a tree; NULL if it has none. */
static Node *
column_default(Relation rel, AttrNumber attnum)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;

	if (constr == NULL)
		return NULL;
	for (int i = 0; i < constr->num_defval; i++)
		if (constr->defval[i].adnum == attnum)
			return stringToNode(constr->defval[i].adbin);
	return NULL;
}

static void
check_entered_at(const Check *check)
{
	Place		place = place_member(check->lifecycle, "entered_at");
	const char *name = check->dataset->lifecycle->entered_at;
	Form_pg_attribute column;
	Node	   *value;

	if (name == NULL || (column = find_column(check->rel, name)) == NULL)
		return;

	refuse_generated(check, column, &place);
	if (getBaseType(column->atttypid) != TIMESTAMPTZOID)
		finding_add(check->findings, check->severity, "bad_entered_at", &place,
					NULL, "column \"%s\" is of type %s, not timestamptz", name,
					format_type_be(column->atttypid));
	value = column_default(check->rel, column->attnum);
	if (column->attgenerated == '\0' &&
		(value == NULL || contain_volatile_functions(value)))
		finding_add(check->findings, check->severity, "bad_entered_at", &place,
					"Set its default to now().",
					"column \"%s\" has no default, or a volatile one", name);
}

static void
check_version(const Check *check)
{
	Place		contention = place_member(check->lifecycle, "contention");
	Place		version = place_member(&contention, "version");
	Place		place = place_member(&version, "attribute");
	const SpecLifecycle *lifecycle = check->dataset->lifecycle;
	Form_pg_attribute column;
	Node	   *value;

	if (lifecycle->version == NULL ||
		(column = find_column(check->rel, lifecycle->version)) == NULL)
		return;

	refuse_generated(check, column, &place);
	if (!is_integer(getBaseType(column->atttypid)))
		finding_add(check->findings, check->severity, "bad_version", &place,
					NULL, "column \"%s\" is of type %s, not an integer",
					lifecycle->version, format_type_be(column->atttypid));
	value = column_default(check->rel, column->attnum);
	if (lifecycle->version_mode == VERSION_AUTO &&
		column->attgenerated == '\0' &&
		(value == NULL || contain_mutable_functions(value)))
		finding_add(check->findings, check->severity, "bad_version", &place,
					"Set its default to a constant such as 1.",
					"column \"%s\" has no constant default",
					lifecycle->version);
	if (!column->attnotnull)
		finding_add(check->findings, FINDING_WARNING, "nullable_version",
					&place, NULL, "column \"%s\" may be null",
					lifecycle->version);
}

/* ---- children ---- */

/* The columns of a child must match the parent's key, one by one. */
static void
check_via(const Check *check, const SpecChild *child, Relation rel, List *key,
		  const Place *at)
{
	Place		via = place_member(at, "via");
	ListCell   *lc;

	if (key != NIL && list_length(key) != list_length(child->via))
		finding_add(check->findings, check->severity, "via_mismatch", &via,
					NULL, "%d columns, but the parent's key has %d",
					list_length(child->via), list_length(key));
	foreach (lc, child->via)
	{
		Place		place = place_element(&via, foreach_current_index(lc));
		Form_pg_attribute column = find_column(rel, lfirst(lc));
		Form_pg_attribute parent = NULL;

		if (foreach_current_index(lc) < list_length(key))
			parent = list_nth(key, foreach_current_index(lc));
		if (column == NULL)
			finding_add(check->findings, check->severity, "unknown_attribute",
						&place, NULL,
						"column \"%s\" of relation \"%s\" does not exist",
						(char *) lfirst(lc), child->relation);
		else if (parent != NULL && column->atttypid != parent->atttypid)
			finding_add(
				check->findings, check->severity, "via_mismatch", &place, NULL,
				"column \"%s\" is of type %s, the parent's \"%s\" of type %s",
				NameStr(column->attname), format_type_be(column->atttypid),
				NameStr(parent->attname), format_type_be(parent->atttypid));
	}
}

static void
check_child(const Check *check, const SpecChild *child, List *key,
			const Place *at)
{
	Place		place = place_member(at, "relation");
	JsonbValue	value;
	Relation	rel;

	if (find_column(check->rel, child->name) != NULL ||
		jb_get(jb_get_object(check->dataset->definition, "attributes"),
			   child->name, &value))
		finding_add(check->findings, FINDING_ERROR, "child_name_taken", at,
					NULL, "child \"%s\" is named like an attribute",
					child->name);

	if (child->relation == NULL)
		return;
	rel = open_relation(child->relation, check->severity, &place,
						check->findings);
	if (rel == NULL)
		return;
	check_via(check, child, rel, key, at);
	relation_close(rel, AccessShareLock);
}

static void
check_children(const Check *check, List *key)
{
	Place		children = place_member(check->lifecycle, "children");
	ListCell   *lc;

	foreach (lc, check->dataset->lifecycle->children)
	{
		const SpecChild *child = lfirst(lc);
		Place		place = place_member(&children, child->name);

		check_child(check, child, key, &place);
	}
}

/* ---- all of it ---- */

Relation
check_relation(const SpecDataset *dataset, HTAB *governed, const Place *place,
			   Findings *findings)
{
	Place		at = place_member(place, "relation");
	Place		lifecycle = place_member(place, "lifecycle");
	Check check = {dataset, NULL, place, &lifecycle, findings, FINDING_ERROR};
	List	   *key;

	if (dataset->enforcement == ENFORCEMENT_OFF)
		check.severity = FINDING_WARNING;
	if (relation_spelling(dataset->relation) == NULL)
		return NULL;
	check.rel =
		open_relation(dataset->relation, check.severity, &at, findings);
	if (check.rel == NULL)
		return NULL;

	check_partitions(&check, governed, &at);
	format_walk(&format_dataset, dataset->definition, place, visit_name,
				&check);
	key = check_key(&check);
	if (dataset->lifecycle == NULL)
		return check.rel;

	check_governing(&check);
	check_entered_at(&check);
	check_version(&check);
	check_children(&check, key);
	return check.rel;
}
