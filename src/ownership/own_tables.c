/*-------------------------------------------------------------------------
 *
 * own_tables.c
 *		Statements on spine's own tables, and rows of governed tables in the
 *		form that is kept there.
 *
 * The text of a value is that of its type's output function, since this is
 * what the input function is sure to read back exactly: json would lose the
 * form of arrays and composites.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/steady.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "ownership/own_tables.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* ---- statements ---- */

ActAs
own_begin(void)
{
	ActAs		before = act_as(extension_owner(), false);

	SPI_connect();
	return before;
}

void
own_end(const ActAs *before)
{
	SPI_finish();
	act_done(before);
}

uint64
own_query(const char *sql, int nargs, const Oid *types, Datum *values,
		  const char *nulls, bool writes)
{
	SPIPlanPtr	plan = SPI_prepare(sql, nargs, unconstify(Oid *, types));

	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\"", sql);	/* cannot happen */
	PushActiveSnapshot(GetLatestSnapshot());
	SPI_execute_snapshot(plan, values, nulls, GetActiveSnapshot(),
						 InvalidSnapshot, !writes, writes, 0);
	PopActiveSnapshot();
	SPI_freeplan(plan);
	return SPI_processed;
}

Datum
own_plain(uint64 row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						 column, isnull);
}

char *
own_text(MemoryContext mcxt, uint64 row, int column)
{
	bool		isnull;
	Datum		value = own_plain(row, column, &isnull);
	MemoryContext old;
	char	   *copy;

	if (isnull)
		return NULL;
	old = MemoryContextSwitchTo(mcxt);
	copy = TextDatumGetCString(value);
	MemoryContextSwitchTo(old);
	return copy;
}

Jsonb *
own_jsonb(MemoryContext mcxt, uint64 row, int column)
{
	bool		isnull;
	Datum		value = own_plain(row, column, &isnull);
	MemoryContext old;
	Jsonb	   *copy;

	if (isnull)
		return NULL;
	old = MemoryContextSwitchTo(mcxt);
	copy = DatumGetJsonbPCopy(value);
	MemoryContextSwitchTo(old);
	return copy;
}

int64
own_int64(uint64 row, int column)
{
	bool		isnull;
	Datum		value = own_plain(row, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

/* ---- rows ---- */

/* Hold settings and search_path until act_done; the user stays. */
static ActAs
steady_begin(void)
{
	ActAs		before = act_as(GetUserId(), false);

	steady_settings();
	return before;
}

Jsonb *
row_key(const Matrix *matrix, HeapTuple row)
{
	ActAs		before = steady_begin();
	Datum		key = row_shape_json(matrix->shape, row, matrix->keys);

	act_done(&before);
	return DatumGetJsonbP(key);
}

/* Does the object name all key columns and nothing else? */
static bool
fits_key(const Matrix *matrix, const Jsonb *key)
{
	uint32		columns = 0;

	if (!JB_ROOT_IS_OBJECT(key))
		return false;
	for (AttrNumber attnum = 1; attnum <= matrix->natts; attnum++)
	{
		JsonbValue	value;

		if (!HAS_BIT(matrix->keys, attnum))
			continue;
		if (!jb_get(&key->root, matrix_column_name(matrix, attnum), &value) ||
			value.type == jbvNull)
			return false;
		columns++;
	}
	return columns > 0 && JB_ROOT_COUNT(key) == columns;
}

HeapTuple
row_of_key(const Matrix *matrix, Relation rel, Jsonb *key)
{
	MemoryContext caller = CurrentMemoryContext;
	Oid			types[] = {JSONBOID};
	Datum		values[] = {JsonbPGetDatum(key)};
	HeapTupleData tuple = {0};
	HeapTuple	row;
	ActAs		before;
	bool		isnull;
	char	   *sql;

	if (!fits_key(matrix, key))
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("key does not fit table \"%s\"", matrix->relation),
			 errhint(
				 "A key is an object of all key columns by name, and of nothing else.")));

	before = steady_begin();
	SPI_connect();
	sql = psprintf("SELECT pg_catalog.jsonb_populate_record(NULL::%s, $1)",
				   format_type_extended(rel->rd_rel->reltype, -1,
										FORMAT_TYPE_FORCE_QUALIFY));
	if (SPI_execute_with_args(sql, 1, types, values, NULL, true, 1) !=
			SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not execute \"%s\"", sql);	/* cannot happen */
	tuple.t_data = DatumGetHeapTupleHeader(own_plain(0, 1, &isnull));
	tuple.t_len = HeapTupleHeaderGetDatumLength(tuple.t_data);
	ItemPointerSetInvalid(&tuple.t_self);
	MemoryContextSwitchTo(caller);
	row = heap_copytuple(&tuple);
	SPI_finish();
	act_done(&before);
	return row;
}

/* ---- values as text ---- */

/* The text of a value by its type's output function. */
static char *
output_text(Oid type, Datum value)
{
	Oid			output;
	bool		varlena;

	getTypeOutputInfo(type, &output, &varlena);
	return OidOutputFunctionCall(output, value);
}

Jsonb *
row_texts(const Matrix *matrix, HeapTuple row, const uint64 *attrs)
{
	ActAs		before = steady_begin();
	JsonbParseState *state = NULL;
	JsonbValue	null = {.type = jbvNull};

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (AttrNumber attnum = 1; attnum <= matrix->natts; attnum++)
	{
		Form_pg_attribute att = TupleDescAttr(matrix->desc, attnum - 1);
		bool		isnull;
		Datum		value;

		if (!HAS_BIT(attrs, attnum) || matrix->columns[attnum - 1].ignored)
			continue;
		value = heap_getattr(row, attnum, matrix->desc, &isnull);
		if (isnull)
			jb_push_value(&state, NameStr(att->attname), &null);
		else
			jb_push_text(&state, NameStr(att->attname),
						 output_text(att->atttypid, value));
	}
	act_done(&before);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

AttrNumber
row_text_column(const Matrix *matrix, const JsonbValue *name)
{
	for (AttrNumber attnum = 1; attnum <= matrix->natts; attnum++)
	{
		const char *column =
			NameStr(TupleDescAttr(matrix->desc, attnum - 1)->attname);

		if (!matrix->columns[attnum - 1].ignored &&
			strlen(column) == (size_t) name->val.string.len &&
			memcmp(column, name->val.string.val, strlen(column)) == 0)
			return attnum;
	}
	return 0;
}

Datum
row_text_value(const Matrix *matrix, AttrNumber attnum, const JsonbValue *text,
			   bool *isnull)
{
	Form_pg_attribute att = TupleDescAttr(matrix->desc, attnum - 1);
	char	   *string = text->type == jbvNull ? NULL : jb_text(text);
	Oid			input;
	Oid			param;
	ActAs		before = steady_begin();
	Datum		value;

	getTypeInputInfo(att->atttypid, &input, &param);
	value = OidInputFunctionCall(input, string, param, att->atttypmod);
	act_done(&before);
	*isnull = string == NULL;
	return value;
}
