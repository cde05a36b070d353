/*-------------------------------------------------------------------------
 *
 * sketch_table.c
 *		spine.sketch: the sketch of a relation's rows, from its pages where
 *		that is possible, else by a query of the caller's.
 *
 * Invariant: it is what spine.sketch_agg makes of the same columns in the
 * same order.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "consistency/digest/digest.h"
#include "consistency/rows/row.h"
#include "consistency/check/side.h"
#include "consistency/sketch/sketch.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(spine_sketch);

/* How the rows of one table become elements. */
typedef struct Taking
{
	Sketch	   *sketch;
	TupleDesc	desc;
	AttrNumber	integer; /* the key, if it is one integer; else 0 */
	Oid			type;	 /* its base type */
	uint64		absent;	 /* what stands for it where it is NULL */
} Taking;

/* ---- columns and key ---- */

static bool
is_member(const List *names, const char *name)
{
	ListCell   *lc;

	foreach (lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

/* The key first, then the other columns. */
static List *
key_first(const List *key, const List *columns)
{
	List	   *result = list_copy(key);
	ListCell   *lc;

	foreach (lc, columns)
		if (!is_member(key, lfirst(lc)))
			result = lappend(result, lfirst(lc));
	return result;
}

/*
 * Settle which columns are the row and which of them, the first, the key:
 * as many as asked for, or the primary key.
 */
static void
settle_columns(Digest *digest, FunctionCallInfo fcinfo)
{
	int			nkey;

	if (PG_ARGISNULL(3))
	{
		digest->columns = key_first(digest->key, digest->columns);
		return;
	}
	nkey = PG_GETARG_INT32(3);
	if (nkey < 0 || nkey > list_length(digest->columns))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of key columns must be from 0 to %d",
						list_length(digest->columns))));
	digest->key = list_truncate(list_copy(digest->columns), nkey);
}

/* ---- from pages ---- */

/* What stands for a key of one column that is NULL. */
static uint64
absent_key(void)
{
	char		row[] = {1, 0, CANONICAL_NULL};
	CanonicalBytes bytes = {.data = row, .length = sizeof(row)};

	return sketch_key(&bytes);
}

/* The key's column in a table, if the key is one integer; else 0.  Without a
 * key the row is one. */
static AttrNumber
integer_key(Relation rel, const Digest *digest, Oid *type)
{
	const List *key = digest->key != NIL ? digest->key : digest->columns;
	AttrNumber	attnum;

	if (list_length(key) != 1)
		return InvalidAttrNumber;
	attnum = get_attnum(RelationGetRelid(rel), linitial(key));
	*type = getBaseType(get_atttype(RelationGetRelid(rel), attnum));
	switch (*type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return attnum;
		default:
			return InvalidAttrNumber;
	}
}

static uint64
integer_of(const Taking *taking, const RowTuple *row)
{
	HeapTupleData tuple;
	bool		isnull;
	Datum		value;

	tuple.t_data = row->header;
	tuple.t_len = (uint32) row->length;
	value = heap_getattr(&tuple, taking->integer, taking->desc, &isnull);
	if (isnull)
		return taking->absent;
	switch (taking->type)
	{
		case INT2OID:
			return (uint64) (int64) DatumGetInt16(value);
		case INT4OID:
			return (uint64) (int64) DatumGetInt32(value);
		default:
			return (uint64) DatumGetInt64(value);
	}
}

/* A walk's rows of one page. */
static void
take_rows(void *arg, const struct RowTuple *tuples, const Hash128 *hashes,
		  const Hash128 *key_hashes, int n)
{
	const Taking *taking = arg;

	for (int i = 0; i < n; i++)
		sketch_add(taking->sketch,
				   taking->integer ? integer_of(taking, &tuples[i]) :
									 key_hashes[i].low,
				   hashes[i]);
}

static void
walk_table(const Digest *digest, Relation rel, Sketch *sketch)
{
	Taking		taking = {.sketch = sketch, .desc = RelationGetDescr(rel)};
	BlockNumber blocks = RelationGetNumberOfBlocks(rel);
	Walk	   *walk;

	taking.integer = integer_key(rel, digest, &taking.type);
	taking.absent = absent_key();
	walk = walk_begin_rows(rel, digest->columns,
						   taking.integer ? NIL : digest->key, take_rows,
						   &taking);
	walk_blocks(walk, 0, blocks);
	walk_end(walk);
}

static void
walk_tree(const Digest *digest, Sketch *sketch)
{
	ListCell   *lc;

	foreach (lc, digest->tree)
	{
		Relation	rel = table_open(lfirst_oid(lc), NoLock);

		if (walk_possible(rel))
			walk_table(digest, rel, sketch);
		table_close(rel, NoLock);
	}
}

/* ---- by a query ---- */

static bytea *
sketch_by_query(const Digest *digest, int ncells)
{
	MemoryContext mcxt = CurrentMemoryContext;
	StringInfoData sql;
	ListCell   *lc;
	int			settings;
	bytea	   *image;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT spine.sketch_agg(%d, %d", ncells,
					 list_length(digest->key));
	foreach (lc, digest->columns)
		appendStringInfo(&sql, ", r.%s", quote_identifier(lfirst(lc)));
	appendStringInfo(&sql, ") FROM %s r",
					 quote_qualified_identifier(
						 get_namespace_name(RelationGetNamespace(digest->rel)),
						 RelationGetRelationName(digest->rel)));
	settings = side_settings();
	SPI_connect();
	if (SPI_execute(sql.data, true, 0) != SPI_OK_SELECT)
		/* cannot happen */
		elog(ERROR, "could not make a sketch by a query");
	image = DatumGetByteaP(spi_keep(mcxt, 0, 1));
	SPI_finish();
	AtEOXact_GUC(false, settings);
	return image;
}

/* ---- the function ---- */

/* spine.sketch(relation, columns, cells, nkey): see docs/sketch.md. */
Datum
spine_sketch(PG_FUNCTION_ARGS)
{
	Digest		digest = {0};
	bytea	   *image;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("relation and number of cells must not be null")));
	/* As with two buckets, the primary key is read where it is to be the key. */
	digest_open(&digest, fcinfo, PG_ARGISNULL(3) ? 2 : 1);
	settle_columns(&digest, fcinfo);
	if (digest_walkable(&digest))
	{
		Sketch	   *sketch = sketch_begin(PG_GETARG_INT32(2));

		walk_tree(&digest, sketch);
		image = sketch_write(sketch);
	}
	else
		image = sketch_by_query(&digest, PG_GETARG_INT32(2));
	relation_close(digest.rel, NoLock);
	PG_RETURN_BYTEA_P(image);
}
