/*-------------------------------------------------------------------------
 *
 * children.c
 *		Tables governed by their parent's state: counting children, and
 *		finding a child's parent.
 *
 * A transition holds the parent's row lock while it counts; a child write
 * takes FOR SHARE on the parent row, which that lock conflicts with.  So
 * either the count sees the child or the child sees the new state.  Both read
 * with the latest snapshot, at every isolation level.
 *
 * The queries run as the owner of the table that they read, past its row
 * security as the server's own foreign-key queries do: what a guard sees does
 * not depend on who writes.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/table.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "ownership/judge.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* Act as a table's owner, past row security, until child_query_end. */
typedef struct OwnerSection
{
	Oid			userid;
	int			secctx;
} OwnerSection;

static OwnerSection
owner_section_begin(Oid relid)
{
	OwnerSection before;
	Relation	rel = table_open(relid, AccessShareLock);

	GetUserIdAndSecContext(&before.userid, &before.secctx);
	SetUserIdAndSecContext(rel->rd_rel->relowner,
						   before.secctx | SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_NOFORCE_RLS);
	table_close(rel, NoLock);
	return before;
}

static void
owner_section_end(const OwnerSection *before)
{
	SetUserIdAndSecContext(before->userid, before->secctx);
}

static const char *
qualified_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(
										  get_rel_namespace(relid)),
									  get_rel_name(relid));
}

/* WHERE column = $n for each name; the operator is pg_catalog's own. */
static void
append_conditions(StringInfo sql, const List *columns)
{
	ListCell   *lc;

	foreach (lc, columns)
		appendStringInfo(sql, "%s%s OPERATOR(pg_catalog.=) $%d",
						 foreach_current_index(lc) == 0 ? " WHERE " : " AND ",
						 quote_identifier(lfirst(lc)),
						 foreach_current_index(lc) + 1);
}

/* Run a query with the latest snapshot; SPI is connected. */
static void
query_latest(const char *sql, int nargs, Oid *types, Datum *values,
			 const char *nulls, long limit)
{
	SPIPlanPtr	plan = SPI_prepare(sql, nargs, types);

	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\"", sql);	/* cannot happen */
	PushActiveSnapshot(GetLatestSnapshot());
	SPI_execute_snapshot(plan, values, nulls, GetActiveSnapshot(),
						 InvalidSnapshot, false, false, limit);
	PopActiveSnapshot();
	SPI_freeplan(plan);
}

/* The columns that hold a row's key, by the names given. */
static int
key_values(const Matrix *matrix, HeapTuple row, const List *names, Oid *types,
		   Datum *values, char *nulls)
{
	ListCell   *lc;

	foreach (lc, names)
	{
		int			i = foreach_current_index(lc);
		bool		isnull = true;

		values[i] = (Datum) 0;
		types[i] = UNKNOWNOID;
		for (int c = 0; c < matrix->natts; c++)
		{
			Form_pg_attribute att = TupleDescAttr(matrix->desc, c);

			if (att->attisdropped ||
				strcmp(NameStr(att->attname), lfirst(lc)) != 0)
				continue;
			values[i] = heap_getattr(row, c + 1, matrix->desc, &isnull);
			types[i] = att->atttypid;
		}
		nulls[i] = isnull ? 'n' : ' ';
	}
	return list_length(names);
}

bool
children_at_least(Matrix *matrix, Relation rel, HeapTuple row,
				  const MatrixCount *count)
{
	Oid			child = spec_relation_oid(count->spec->relation);
	List	   *key = matrix->key_columns;
	Oid			types[INDEX_MAX_KEYS];
	Datum		values[INDEX_MAX_KEYS];
	char		nulls[INDEX_MAX_KEYS];
	StringInfoData sql;
	OwnerSection before;
	bool		enough;
	int			nkeys;

	if (!OidIsValid(child) || list_length(key) > INDEX_MAX_KEYS ||
		list_length(key) != list_length(count->spec->via))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("children \"%s\" of \"%s\" cannot be counted",
						count->child, matrix->key),
				 errdetail(
					 "The relation \"%s\" is missing or does not fit the key.",
					 count->spec->relation)));

	nkeys = key_values(matrix, row, key, types, values, nulls);
	before = owner_section_begin(child);
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT FROM %s", qualified_name(child));
	append_conditions(&sql, count->spec->via);
	SPI_connect();
	query_latest(sql.data, nkeys, types, values, nulls, count->least);
	enough = SPI_processed >= (uint64) count->least;
	SPI_finish();
	owner_section_end(&before);
	return enough;
}

/* The state that SPI just read from the parent, as the child numbers it. */
static int
state_read(const Matrix *matrix)
{
	Relation	parent;
	Matrix	   *rules;
	const char *name = NULL;
	bool		isnull;
	Datum		value;

	if (SPI_processed != 1)
		return STATE_UNKNOWN;
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
						  &isnull);
	if (isnull)
		return STATE_UNKNOWN;

	parent = table_open(matrix->parent->relid, AccessShareLock);
	rules = matrix_lookup(parent, matrix->spec->key, NULL);
	name = matrix_state_name(rules, matrix_state_of_value(rules, value));
	table_close(parent, NoLock);
	return name ? matrix_state_by_name(matrix, name) : STATE_UNKNOWN;
}

int
parent_state(Matrix *matrix, HeapTuple child, bool lock)
{
	const MatrixParent *parent = matrix->parent;
	Datum		values[INDEX_MAX_KEYS];
	char		nulls[INDEX_MAX_KEYS];
	StringInfoData sql;
	OwnerSection before;
	int			state;

	if (parent->nkeys > INDEX_MAX_KEYS)
		return STATE_UNKNOWN;
	for (int i = 0; i < parent->nkeys; i++)
	{
		bool		isnull;

		values[i] = heap_getattr(child, parent->via[i], matrix->desc, &isnull);
		nulls[i] = ' ';
		if (isnull)
			return STATE_UNKNOWN;
	}

	before = owner_section_begin(parent->relid);
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s FROM %s",
					 quote_identifier(matrix->spec->lifecycle->governing),
					 qualified_name(parent->relid));
	append_conditions(&sql, parent->key);
	if (lock)
		appendStringInfoString(&sql, " FOR SHARE");
	SPI_connect();
	query_latest(sql.data, parent->nkeys, parent->types, values, nulls, 2);
	state = state_read(matrix);
	SPI_finish();
	owner_section_end(&before);
	return state;
}
