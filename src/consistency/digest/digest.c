/*-------------------------------------------------------------------------
 *
 * digest.c
 *		spine.digest: what the rows of a relation add up to.
 *
 * Tables of the heap are walked page by page; whatever else can be selected
 * from, and rows that a filter chooses, go through a query of the caller's.
 * Both ways need SELECT, and refuse a relation whose row security hides rows
 * from the caller: a digest of what he happens to see would prove nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/relation.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "catalog/spine_catalog.h"
#include "consistency/digest/digest.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

PG_FUNCTION_INFO_V1(spine_digest);

/* More buckets than this cost more than they tell. */
#define MAX_BUCKETS 1048576

/* ---- what may be asked ---- */

static void
check_relkind(Relation rel)
{
	switch (rel->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_MATVIEW:
		case RELKIND_FOREIGN_TABLE:
		case RELKIND_VIEW:
			return;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("\"%s\" has no rows to digest",
							RelationGetRelationName(rel)),
					 errhint("Name a table, a materialized view, a foreign "
							 "table or a view.")));
	}
}

static void
check_column_right(Relation rel, const char *column)
{
	AttrNumber	attnum = get_attnum(RelationGetRelid(rel), column);

	if (attnum <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist",
						column, RelationGetRelationName(rel))));
	if (pg_attribute_aclcheck(RelationGetRelid(rel), attnum, GetUserId(),
							  ACL_SELECT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV,
					   get_relkind_objtype(rel->rd_rel->relkind),
					   RelationGetRelationName(rel));
}

/* SELECT on the whole relation, or on each column that is read. */
static void
check_rights(const Digest *digest)
{
	ListCell   *lc;

	if (check_enable_rls(RelationGetRelid(digest->rel), InvalidOid, true) ==
		RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot digest \"%s\": row security applies to you",
						RelationGetRelationName(digest->rel)),
				 errdetail(
					 "The digest would be of the rows that you happen to "
					 "see."),
				 errhint("Ask a role that sees all rows.")));
	if (pg_class_aclcheck(RelationGetRelid(digest->rel), GetUserId(),
						  ACL_SELECT) == ACLCHECK_OK)
	{
		/* The names may still be wrong. */
		foreach (lc, digest->columns)
			if (get_attnum(RelationGetRelid(digest->rel), lfirst(lc)) <= 0)
				check_column_right(digest->rel, lfirst(lc));
		return;
	}
	foreach (lc, digest->columns)
		check_column_right(digest->rel, lfirst(lc));
	if (digest->nbuckets > 1)
		foreach (lc, digest->key)
			check_column_right(digest->rel, lfirst(lc));
}

/* Whether columns have a canonical form must not depend on there being rows. */
static void
check_types(const Digest *digest)
{
	ListCell   *lc;

	foreach (lc, digest->columns)
	{
		AttrNumber	attnum =
			get_attnum(RelationGetRelid(digest->rel), lfirst(lc));

		(void) canonical_type(get_atttype(RelationGetRelid(digest->rel),
										  attnum),
							  lfirst(lc));
	}
}

/* All columns that are there, in their order. */
static List *
all_columns(Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);
	List	   *columns = NIL;

	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped)
			columns =
				lappend(columns,
						pstrdup(NameStr(TupleDescAttr(desc, i)->attname)));
	return columns;
}

static List *
columns_of_array(ArrayType *array)
{
	List	   *columns = NIL;
	Datum	   *names;
	bool	   *nulls;
	int			n;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls,
					  &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("name of a column must not be null")));
		columns = lappend(columns, TextDatumGetCString(names[i]));
	}
	if (columns == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("list of columns must not be empty")));
	/* Fields are counted in 16 bits. */
	if (n > MaxHeapAttributeNumber)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_COLUMNS),
				 errmsg("list of columns must not be longer than %d",
						MaxHeapAttributeNumber)));
	return columns;
}

/* ---- by the pages ---- */

bool
digest_walkable(const Digest *digest)
{
	ListCell   *lc;

	foreach (lc, digest->tree)
	{
		Relation	rel = table_open(lfirst_oid(lc), NoLock);
		bool		walkable = walk_possible(rel) ||
			rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;

		table_close(rel, NoLock);
		if (!walkable)
			return false;
	}
	return true;
}

/* ---- by a query ---- */

/* Say of a syntax error where it is in the filter, not in the outer query. */
static void
filter_error(void *arg)
{
	const char *query = arg;
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(query);
	}
}

/* Parse a filter as what it will stand for in a query. */
static List *
parse_filter(const char *filter)
{
	char	   *query = psprintf("SELECT %s\n", filter);
	ErrorContextCallback context = {error_context_stack, filter_error, query};
	List	   *statements;

	error_context_stack = &context;
	statements = raw_parser(query, RAW_PARSE_DEFAULT);
	error_context_stack = context.previous;
	return statements;
}

/*
 * Is the text one expression and nothing behind it?  It runs as the caller,
 * so this guards him from surprises, not us from him.
 */
static void
check_filter(const char *filter)
{
	List	   *statements = parse_filter(filter);
	SelectStmt *select = NULL;

	if (list_length(statements) == 1 &&
		IsA(linitial_node(RawStmt, statements)->stmt, SelectStmt))
		select = (SelectStmt *) linitial_node(RawStmt, statements)->stmt;
	if (select == NULL || list_length(select->targetList) != 1 ||
		select->fromClause != NIL || select->whereClause != NULL ||
		select->groupClause != NIL || select->havingClause != NULL ||
		select->windowClause != NIL || select->sortClause != NIL ||
		select->limitOffset != NULL || select->limitCount != NULL ||
		select->lockingClause != NIL || select->distinctClause != NIL ||
		select->intoClause != NULL || select->withClause != NULL ||
		select->op != SETOP_NONE ||
		linitial_node(ResTarget, select->targetList)->name != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("filter must be a single expression")));
}

static void
append_columns(StringInfo sql, const List *columns)
{
	ListCell   *lc;

	foreach (lc, columns)
		appendStringInfo(sql, "%sr.%s", lc == list_head(columns) ? "" : ", ",
						 quote_identifier(lfirst(lc)));
}

static char *
digest_query(const Digest *digest)
{
	StringInfoData sql;

	initStringInfo(&sql);
	if (digest->nbuckets > 1)
	{
		appendStringInfo(&sql, "SELECT spine.digest_bucket(%d, ",
						 digest->nbuckets);
		append_columns(&sql, digest->key ? digest->key : digest->columns);
		appendStringInfoString(&sql, ")");
	}
	else
		appendStringInfoString(&sql, "SELECT 0");
	appendStringInfoString(&sql, ", pg_catalog.count(*), spine.digest_agg(");
	append_columns(&sql, digest->columns);
	appendStringInfo(&sql, ") FROM %s r",
					 quote_qualified_identifier(
						 get_namespace_name(RelationGetNamespace(digest->rel)),
						 RelationGetRelationName(digest->rel)));
	if (digest->filter != NULL)
		appendStringInfo(&sql, " WHERE (%s\n)", digest->filter);
	if (digest->nbuckets > 1)
		appendStringInfoString(&sql, " GROUP BY 1");
	return sql.data;
}

/* Read 32 hex digits back into a number. */
static Hash128
read_digest(const char *digits)
{
	Hash128		hash;
	char		half[DIGEST_DIGITS / 2 + 1];

	strlcpy(half, digits, sizeof(half));
	hash.high = strtoull(half, NULL, 16);
	hash.low = strtoull(digits + DIGEST_DIGITS / 2, NULL, 16);
	return hash;
}

/*
 * Whatever the query reads, views and the filter's own subqueries included:
 * row security that would hide rows from the caller is an error.
 */
static void
refuse_row_security(void)
{
	(void) set_config_option("row_security", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

void
digest_by_query(const Digest *digest)
{
	int			settings;

	if (digest->filter != NULL)
		check_filter(digest->filter);
	settings = NewGUCNestLevel();
	refuse_row_security();
	SPI_connect();
	if (SPI_execute(digest_query(digest), true, 0) != SPI_OK_SELECT)
		/* cannot happen */
		elog(ERROR, "could not digest by a query");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		int bucket = DatumGetInt32(SPI_getbinval(row, desc, 1, &isnull));

		digest->buckets[bucket].rows =
			DatumGetInt64(SPI_getbinval(row, desc, 2, &isnull));
		digest->buckets[bucket].sum = read_digest(SPI_getvalue(row, desc, 3));
	}
	SPI_finish();
	AtEOXact_GUC(false, settings);
}

/* ---- the function ---- */

void
digest_open(Digest *digest, FunctionCallInfo fcinfo, int nbuckets)
{
	Oid			relid = PG_GETARG_OID(0);

	digest->nbuckets = nbuckets;
	digest->buckets =
		palloc_extended(sizeof(Bucket) * nbuckets, MCXT_ALLOC_ZERO);
	digest->rel = relation_open(relid, AccessShareLock);
	check_relkind(digest->rel);
	digest->tree = find_all_inheritors(relid, AccessShareLock, NULL);
	digest->columns = PG_ARGISNULL(1) ?
		all_columns(digest->rel) :
		columns_of_array(PG_GETARG_ARRAYTYPE_P(1));
	digest->key = relation_primary_key(digest->rel);
	check_rights(digest);
	check_types(digest);
}

int
digest_bucket_argument(FunctionCallInfo fcinfo, int n)
{
	int			nbuckets;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("relation and number of buckets must not be null")));
	nbuckets = PG_GETARG_INT32(n);
	if (nbuckets < 1 || nbuckets > MAX_BUCKETS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of buckets must be from 1 to %d",
						MAX_BUCKETS)));
	return nbuckets;
}

void
digest_return(FunctionCallInfo fcinfo, const Digest *digest)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	for (int i = 0; i < digest->nbuckets; i++)
	{
		char		digits[DIGEST_DIGITS + 1];
		bool		nulls[3] = {false};
		Datum		values[3];

		hash128_print(digest->buckets[i].sum, digits);
		values[0] = Int32GetDatum(i);
		values[1] = Int64GetDatum(digest->buckets[i].rows);
		values[2] = CStringGetTextDatum(digits);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
}

/* spine.digest(relation, columns, filter, buckets): see docs/canonical.md. */
Datum
spine_digest(PG_FUNCTION_ARGS)
{
	int			nbuckets = digest_bucket_argument(fcinfo, 3);
	Digest		digest = {0};

	InitMaterializedSRF(fcinfo, 0);
	digest_open(&digest, fcinfo, nbuckets);
	if (!PG_ARGISNULL(2))
		digest.filter = text_to_cstring(PG_GETARG_TEXT_PP(2));
	if (digest.filter == NULL && digest_walkable(&digest))
		walk_tables(digest.tree, digest.columns, digest.key, digest.buckets,
					digest.nbuckets);
	else
		digest_by_query(&digest);
	digest_return(fcinfo, &digest);
	relation_close(digest.rel, NoLock);
	return (Datum) 0;
}
