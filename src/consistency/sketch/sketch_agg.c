/*-------------------------------------------------------------------------
 *
 * sketch_agg.c
 *		Sketches in SQL: of the rows of any query, and what two of them tell.
 *
 * A sketch that was kept stays in the session's memory until the transaction
 * ends: the far side of a comparison gives away a few bytes of it at a time,
 * and scans its rows once.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "consistency/rows/row_args.h"
#include "consistency/sketch/sketch.h"
#include "funcapi.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(spine_key_hash);
PG_FUNCTION_INFO_V1(spine_sketch_step);
PG_FUNCTION_INFO_V1(spine_sketch_combine);
PG_FUNCTION_INFO_V1(spine_sketch_serialize);
PG_FUNCTION_INFO_V1(spine_sketch_deserialize);
PG_FUNCTION_INFO_V1(spine_sketch_final);
PG_FUNCTION_INFO_V1(spine_sketch_keep);
PG_FUNCTION_INFO_V1(spine_sketch_kept);
PG_FUNCTION_INFO_V1(spine_sketch_fold);
PG_FUNCTION_INFO_V1(spine_sketch_estimate);
PG_FUNCTION_INFO_V1(spine_sketch_cells);
PG_FUNCTION_INFO_V1(spine_sketch_difference);

/* Where the fields begin among the aggregate's arguments. */
#define FIRST_FIELD 3

/* spine.key_hash(VARIADIC "any"): the number that stands for a key. */
Datum
spine_key_hash(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) sketch_key(row_args(fcinfo, 0, 0)));
}

/* ---- the aggregate ---- */

static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext mcxt;

	if (!AggCheckCallContext(fcinfo, &mcxt))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg(
					 "function of an aggregate called as a plain function")));
	return mcxt;
}

/* The number of cells and of key fields, as good for this row. */
static void
read_sizes(FunctionCallInfo fcinfo, int *ncells, int *nkey)
{
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg(
					 "number of cells and of key fields must not be null")));
	*ncells = PG_GETARG_INT32(1);
	*nkey = PG_GETARG_INT32(2);
	if (*nkey < 0 || *nkey > PG_NARGS() - FIRST_FIELD)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of key fields must be from 0 to %d",
						PG_NARGS() - FIRST_FIELD)));
}

/* Add a row to argument 0, which is made if it is not there. */
Datum
spine_sketch_step(PG_FUNCTION_ARGS)
{
	MemoryContext mcxt = aggregate_context(fcinfo);
	Sketch	   *sketch;
	const CanonicalBytes *row;
	uint64		key;
	int			ncells;
	int			nkey;

	read_sizes(fcinfo, &ncells, &nkey);
	if (PG_ARGISNULL(0))
	{
		MemoryContext old = MemoryContextSwitchTo(mcxt);

		sketch = sketch_begin(ncells);
		MemoryContextSwitchTo(old);
	}
	else
		sketch = (Sketch *) PG_GETARG_POINTER(0);
	key = sketch_key(row_args(fcinfo, FIRST_FIELD, nkey));
	row = row_args(fcinfo, FIRST_FIELD, 0);
	sketch_add(sketch, key, hash128(row->data, row->length));
	PG_RETURN_POINTER(sketch);
}

Datum
spine_sketch_combine(PG_FUNCTION_ARGS)
{
	MemoryContext mcxt = aggregate_context(fcinfo);
	MemoryContext old;
	Sketch	   *sketch;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	if (!PG_ARGISNULL(0))
	{
		sketch = (Sketch *) PG_GETARG_POINTER(0);
		sketch_merge(sketch, (const Sketch *) PG_GETARG_POINTER(1));
		PG_RETURN_POINTER(sketch);
	}
	old = MemoryContextSwitchTo(mcxt);
	sketch = sketch_copy((const Sketch *) PG_GETARG_POINTER(1));
	MemoryContextSwitchTo(old);
	PG_RETURN_POINTER(sketch);
}

Datum
spine_sketch_serialize(PG_FUNCTION_ARGS)
{
	(void) aggregate_context(fcinfo);
	PG_RETURN_BYTEA_P(sketch_write((const Sketch *) PG_GETARG_POINTER(0)));
}

Datum
spine_sketch_deserialize(PG_FUNCTION_ARGS)
{
	(void) aggregate_context(fcinfo);
	PG_RETURN_POINTER(sketch_read(PG_GETARG_BYTEA_PP(0)));
}

Datum
spine_sketch_final(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_BYTEA_P(sketch_write(sketch_none()));
	PG_RETURN_BYTEA_P(sketch_write((const Sketch *) PG_GETARG_POINTER(0)));
}

/* ---- keeping one ---- */

/* The one that was kept, in the memory of the transaction; or NULL. */
static Sketch *kept;

static void
forget(void *arg)
{
	kept = NULL;
}

/* spine.sketch_keep(sketch): keep it, return the part that estimates. */
Datum
spine_sketch_keep(PG_FUNCTION_ARGS)
{
	bytea	   *image = PG_GETARG_BYTEA_PP(0);
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	Sketch	   *sketch = sketch_read(image);

	if (kept != NULL)
		pfree(kept);
	else
	{
		MemoryContextCallback *callback = palloc0(sizeof(*callback));

		callback->func = forget;
		MemoryContextRegisterResetCallback(TopTransactionContext, callback);
	}
	kept = sketch;
	MemoryContextSwitchTo(old);
	PG_RETURN_BYTEA_P(sketch_write_estimate(sketch));
}

/* spine.sketch_kept(cells): the one that was kept, in so many cells. */
Datum
spine_sketch_kept(PG_FUNCTION_ARGS)
{
	int32		ncells = PG_GETARG_INT32(0);

	if (kept == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no sketch was kept in this transaction"),
				 errhint("spine.sketch_keep(sketch) keeps one.")));
	PG_RETURN_BYTEA_P(sketch_write_cells(sketch_fold(kept, ncells)));
}

/* spine.sketch_fold(sketch, cells): the cells alone, fewer of them. */
Datum
spine_sketch_fold(PG_FUNCTION_ARGS)
{
	const Sketch *sketch = sketch_read(PG_GETARG_BYTEA_PP(0));

	PG_RETURN_BYTEA_P(
		sketch_write_cells(sketch_fold(sketch, PG_GETARG_INT32(1))));
}

/* ---- what two of them tell ---- */

/* spine.sketch_estimate(a, b): in how many keys they differ, about. */
Datum
spine_sketch_estimate(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(sketch_estimate(sketch_read(PG_GETARG_BYTEA_PP(0)),
									sketch_read(PG_GETARG_BYTEA_PP(1))));
}

/* spine.sketch_cells(differing): how many cells name so many keys. */
Datum
spine_sketch_cells(PG_FUNCTION_ARGS)
{
	int64		differing = PG_GETARG_INT64(0);

	if (differing < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of differing rows must not be negative")));
	PG_RETURN_INT32(sketch_cells_for(differing));
}

/* spine.sketch_difference(a, b): the keys in which they differ. */
Datum
spine_sketch_difference(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const Sketch *mine = sketch_read(PG_GETARG_BYTEA_PP(0));
	const Sketch *theirs = sketch_read(PG_GETARG_BYTEA_PP(1));
	SketchElement *elements;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	if (!sketch_name_keys(mine, theirs, &elements, &n))
		ereport(ERROR,
				(errcode(ERRCODE_SPINE_INCOMPARABLE),
				 errmsg("sketches differ in more keys than their %d cells "
						"can name",
						Max(sketch_ncells(mine), sketch_ncells(theirs))),
				 errhint(
					 "Make them of more cells; spine.sketch_estimate tells "
					 "about how many keys differ, spine.sketch_cells how "
					 "many cells those need.")));
	for (int i = 0; i < n; i++)
	{
		Datum		values[2];
		bool		nulls[2] = {false};

		values[0] = Int64GetDatum((int64) elements[i].key);
		values[1] = Int32GetDatum(elements[i].net);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}
