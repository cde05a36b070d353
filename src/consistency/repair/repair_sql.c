/*-------------------------------------------------------------------------
 *
 * repair_sql.c
 *		The statements that repair a copy, one for each row.
 *
 * Values stand in a statement as literals in the text form of their type, so
 * that what a dry run shows is what is run.  Every name, operator and type is
 * qualified: it means the same under any search_path, such as that of the
 * copy's triggers, which is left alone.
 *
 * Invariant: a statement that changes or deletes a row repeats in its WHERE
 * what the row was seen to be.  Under READ COMMITTED the server evaluates that
 * again for a row that another transaction has changed meanwhile, so none is
 * written that is not as it was seen.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/genam.h"
#include "catalog/pg_operator.h"
#include "consistency/repair/repair_internal.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/* What the text form of a value depends on, and the form that loses nothing. */
static const struct
{
	const char *name;
	const char *value;
} value_settings[] = {
	{"DateStyle", "ISO, YMD"},	   {"IntervalStyle", "postgres"},
	{"TimeZone", "UTC"},		   {"extra_float_digits", "1"},
	{"bytea_output", "hex"},	   {"lc_monetary", "C"},
	{"xmlbinary", "base64"},	   {"xmloption", "content"},
};

int
repair_pin_values(void)
{
	int			level = NewGUCNestLevel();

	for (int i = 0; i < (int) lengthof(value_settings); i++)
		(void) set_config_option(value_settings[i].name,
								 value_settings[i].value, PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
								 false);
	return level;
}

static const char *const action_names[] = {"insert", "update", "delete"};

const char *
repair_action_name(RepairAction action)
{
	return action_names[action];
}

RepairAction
repair_action_of(const char *name)
{
	for (int i = 0; i < (int) lengthof(action_names); i++)
		if (strcmp(action_names[i], name) == 0)
			return (RepairAction) i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a repair is an insert, update or delete")));
}

/* ---- the relation ---- */

char *
repair_table_name(Relation rel)
{
	return quote_qualified_identifier(get_namespace_name(
										  RelationGetNamespace(rel)),
									  RelationGetRelationName(rel));
}

bool
repair_has_places(Relation rel)
{
	return rel->rd_rel->relkind == RELKIND_RELATION ||
		rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
}

static Form_pg_attribute
find_attribute(Relation rel, const char *column)
{
	AttrNumber	attnum = get_attnum(RelationGetRelid(rel), column);

	if (attnum <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist",
						column, RelationGetRelationName(rel))));
	return TupleDescAttr(RelationGetDescr(rel), attnum - 1);
}

bool
repair_is_writable(Relation rel, const char *column)
{
	return find_attribute(rel, column)->attgenerated == '\0';
}

static bool
names_column(List *names, const char *name)
{
	ListCell   *lc;

	foreach (lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

/* Are all columns of a unique index among these? */
static bool
is_unique_on(Relation index, Relation rel, List *key)
{
	Form_pg_index form = index->rd_index;

	if (!form->indisunique || !form->indisvalid ||
		RelationGetIndexPredicate(index) != NIL ||
		RelationGetIndexExpressions(index) != NIL)
		return false;
	for (int i = 0; i < form->indnkeyatts; i++)
	{
		Form_pg_attribute att =
			TupleDescAttr(RelationGetDescr(rel), form->indkey.values[i] - 1);

		if (!names_column(key, NameStr(att->attname)))
			return false;
	}
	return true;
}

bool
repair_key_is_unique(Relation rel, List *key)
{
	bool		unique = false;
	ListCell   *lc;

	foreach (lc, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		unique = unique || is_unique_on(index, rel, key);
		index_close(index, AccessShareLock);
	}
	return unique;
}

bool
repair_by_place(const RepairRequest *request)
{
	return repair_has_places(request->rel) &&
		!repair_key_is_unique(request->rel, request->key);
}

/* ---- expressions over a row ---- */

static char *
column_of_row(const char *column)
{
	return psprintf("row_.%s", quote_identifier(column));
}

char *
repair_digest(const RepairRequest *request)
{
	List	   *fields = NIL;
	ListCell   *lc;

	foreach (lc, request->columns)
		fields = lappend(fields, column_of_row(lfirst(lc)));
	return fields_digest(fields);
}

/* Generated columns are left out: nobody writes them. */
char *
repair_image(const RepairRequest *request)
{
	TupleDesc	desc = RelationGetDescr(request->rel);
	StringInfoData names;
	StringInfoData values;

	initStringInfo(&names);
	initStringInfo(&values);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		char	   *column;

		if (att->attisdropped || att->attgenerated != '\0')
			continue;
		column = column_of_row(NameStr(att->attname));
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
						 quote_literal_cstr(NameStr(att->attname)));
		appendStringInfo(&values,
						 "%sCASE WHEN %s IS DISTINCT FROM NULL"
						 " THEN pg_catalog.format('%%s', %s) END",
						 values.len > 0 ? ", " : "", column, column);
	}
	return psprintf("pg_catalog.jsonb_object(ARRAY[%s]::pg_catalog.text[],"
					" ARRAY[%s]::pg_catalog.text[])",
					names.data, values.data);
}

char *
repair_guard(const RepairRequest *request)
{
	if (request->by_image)
		return psprintf("(%s)::pg_catalog.text", repair_image(request));
	return repair_digest(request);
}

/* ---- conditions ---- */

/* The type as a cast names it that must not change the value. */
static char *
type_name(Oid type)
{
	return format_type_extended(type, -1,
								FORMAT_TYPE_TYPEMOD_GIVEN |
									FORMAT_TYPE_FORCE_QUALIFY);
}

char *
repair_operator_name(Oid operator_oid)
{
	HeapTuple tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator_oid));
	Form_pg_operator form;
	char	   *name;

	if (!HeapTupleIsValid(tuple))
		/* cannot happen */
		elog(ERROR, "no operator %u", operator_oid);
	form = (Form_pg_operator) GETSTRUCT(tuple);
	name = psprintf("OPERATOR(%s.%s)",
					quote_identifier(get_namespace_name(form->oprnamespace)),
					NameStr(form->oprname));
	ReleaseSysCache(tuple);
	return name;
}

/* The type's own notion of equality; by its text where it has none. */
static char *
equals(Relation rel, const char *column, const char *value)
{
	char	   *name = column_of_row(column);
	Oid			type = find_attribute(rel, column)->atttypid;
	Oid			equal;

	if (value == NULL)
		return psprintf("%s IS NOT DISTINCT FROM NULL", name);
	equal = lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;
	if (!OidIsValid(equal))
		return psprintf("pg_catalog.format('%%s', %s)"
						" OPERATOR(pg_catalog.=) %s",
						name, quote_literal_cstr(value));
	return psprintf("%s %s %s::%s", name, repair_operator_name(equal),
					quote_literal_cstr(value), type_name(type));
}

char *
repair_key_condition(const RepairRequest *request, const RepairOp *op)
{
	StringInfoData sql;
	ListCell   *column;
	ListCell   *value;

	initStringInfo(&sql);
	forboth (column, request->key, value, op->key_values)
		appendStringInfo(&sql, "%s%s", sql.len > 0 ? " AND " : "",
						 equals(request->rel, lfirst(column), lfirst(value)));
	return sql.data;
}

char *
repair_at(const RepairPlace *place)
{
	char	   *table =
		quote_qualified_identifier(get_namespace_name(
									   get_rel_namespace(place->table)),
								   get_rel_name(place->table));

	return psprintf("row_.tableoid OPERATOR(pg_catalog.=)"
					" %s::pg_catalog.regclass AND row_.ctid"
					" OPERATOR(pg_catalog.=) %s::pg_catalog.tid",
					quote_literal_cstr(table),
					quote_literal_cstr(place->ctid));
}

char *
repair_where(const RepairRequest *request, const RepairOp *op,
			 const RepairPlace *place)
{
	char *where = place ? repair_at(place) : repair_key_condition(request, op);

	return psprintf("%s AND %s OPERATOR(pg_catalog.=) %s", where,
					repair_guard(request), quote_literal_cstr(op->seen));
}

/* ---- statements ---- */

/*
 * A literal without a cast takes the column's type as an assignment does:
 * a value that does not fit is an error, not cut off.
 */
static char *
literal(const char *value)
{
	return value == NULL ? "NULL" : quote_literal_cstr(value);
}

/* An insert does nothing where a row of the same key is there. */
static char *
insert_statement(const RepairRequest *request, const RepairOp *op)
{
	StringInfoData names;
	StringInfoData values;
	ListCell   *column;
	ListCell   *value;

	initStringInfo(&names);
	initStringInfo(&values);
	forboth (column, op->columns, value, op->values)
	{
		if (!repair_is_writable(request->rel, lfirst(column)))
			continue;
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
						 quote_identifier(lfirst(column)));
		appendStringInfo(&values, "%s%s", values.len > 0 ? ", " : "",
						 literal(lfirst(value)));
	}
	return psprintf("INSERT INTO %s AS row_ (%s) OVERRIDING SYSTEM VALUE"
					" SELECT %s%s",
					repair_table_name(request->rel), names.data, values.data,
					request->by_place ?
						"" :
						psprintf(" WHERE NOT EXISTS (SELECT FROM %s row_"
								 " WHERE %s)",
								 repair_table_name(request->rel),
								 repair_key_condition(request, op)));
}

static char *
update_statement(const RepairRequest *request, const RepairOp *op,
				 const RepairPlace *place)
{
	StringInfoData set;
	ListCell   *column;
	ListCell   *value;

	initStringInfo(&set);
	forboth (column, op->columns, value, op->values)
		if (repair_is_writable(request->rel, lfirst(column)))
			appendStringInfo(&set, "%s%s = %s", set.len > 0 ? ", " : "",
							 quote_identifier(lfirst(column)),
							 literal(lfirst(value)));
	if (set.len == 0)
		return NULL;
	return psprintf("UPDATE %s AS row_ SET %s WHERE %s",
					repair_table_name(request->rel), set.data,
					repair_where(request, op, place));
}

char *
repair_statement(const RepairRequest *request, const RepairOp *op,
				 const RepairPlace *place)
{
	switch (op->action)
	{
		case REPAIR_INSERT:
			return insert_statement(request, op);
		case REPAIR_UPDATE:
			return update_statement(request, op, place);
		case REPAIR_DELETE:
			return psprintf("DELETE FROM %s AS row_ WHERE %s",
							repair_table_name(request->rel),
							repair_where(request, op, place));
	}
	return NULL;				/* cannot happen */
}
