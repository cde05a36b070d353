/*-------------------------------------------------------------------------
 *
 * spi.c
 *		Statements of our own through SPI, with less ceremony.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/spi.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

/* ---- parameters ---- */

void
spi_arg(SpiArgs *args, Oid type, Datum value, bool isnull)
{
	if (args->n == SPI_MOST_ARGS)
		/* cannot happen */
		elog(ERROR, "too many parameters of a statement");
	args->types[args->n] = type;
	args->values[args->n] = value;
	args->nulls[args->n] = isnull ? 'n' : ' ';
	args->n++;
}

void
spi_arg_text(SpiArgs *args, const char *text)
{
	spi_arg(args, TEXTOID, text ? CStringGetTextDatum(text) : (Datum) 0,
			text == NULL);
}

void
spi_arg_int4(SpiArgs *args, int32 number)
{
	spi_arg(args, INT4OID, Int32GetDatum(number), false);
}

void
spi_arg_int8(SpiArgs *args, int64 number)
{
	spi_arg(args, INT8OID, Int64GetDatum(number), false);
}

void
spi_arg_bool(SpiArgs *args, bool value)
{
	spi_arg(args, BOOLOID, BoolGetDatum(value), false);
}

void
spi_arg_jsonb(SpiArgs *args, Datum jsonb)
{
	spi_arg(args, JSONBOID, jsonb, DatumGetPointer(jsonb) == NULL);
}

void
spi_arg_bytea(SpiArgs *args, Datum bytea)
{
	spi_arg(args, BYTEAOID, bytea, DatumGetPointer(bytea) == NULL);
}

void
spi_arg_texts(SpiArgs *args, const List *texts)
{
	Datum	   *elements = palloc(sizeof(Datum) * (list_length(texts) + 1));
	int			n = 0;
	ListCell   *lc;

	foreach (lc, texts)
		elements[n++] = CStringGetTextDatum(lfirst(lc));
	spi_arg(args, TEXTARRAYOID,
			PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false,
											TYPALIGN_INT)),
			false);
}

/* ---- running ---- */

static uint64
run(const char *sql, const SpiArgs *args, bool read_only, int expected)
{
	static const SpiArgs none = {0};
	MemoryContext own = CurrentMemoryContext;
	int			result;

	args = args ? args : &none;
	result = SPI_execute_with_args(sql, args->n, (Oid *) args->types,
								   (Datum *) args->values, args->nulls,
								   read_only, 0);
	/* SPI leaves its own context current, which ends with SPI_finish. */
	MemoryContextSwitchTo(own);
	if (result != expected)
		/* cannot happen */
		elog(ERROR, "unexpected result of a statement: %s",
			 SPI_result_code_string(result));
	return SPI_processed;
}

uint64
spi_run(const char *sql, const SpiArgs *args, int expected)
{
	return run(sql, args, false, expected);
}

uint64
spi_read(const char *sql, const SpiArgs *args)
{
	return run(sql, args, true, SPI_OK_SELECT);
}

/* ---- values ---- */

Datum
spi_value(uint64 row, int column, bool *isnull)
{
	bool		null;
	Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
								column, &null);

	if (isnull != NULL)
		*isnull = null;
	return null ? (Datum) 0 : value;
}

char *
spi_text(uint64 row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						column);
}

int64
spi_int8(uint64 row, int column, int64 otherwise)
{
	bool		isnull;
	Datum		value = spi_value(row, column, &isnull);

	return isnull ? otherwise : DatumGetInt64(value);
}

int32
spi_int4(uint64 row, int column, int32 otherwise)
{
	bool		isnull;
	Datum		value = spi_value(row, column, &isnull);

	return isnull ? otherwise : DatumGetInt32(value);
}

bool
spi_bool(uint64 row, int column, bool otherwise)
{
	bool		isnull;
	Datum		value = spi_value(row, column, &isnull);

	return isnull ? otherwise : DatumGetBool(value);
}

Datum
spi_keep(MemoryContext mcxt, uint64 row, int column)
{
	bool		isnull;
	Datum		value = spi_value(row, column, &isnull);
	MemoryContext old;

	if (isnull)
		return (Datum) 0;
	old = MemoryContextSwitchTo(mcxt);
	value = datumCopy(value, false, -1);
	MemoryContextSwitchTo(old);
	return value;
}

char *
spi_keep_text(MemoryContext mcxt, uint64 row, int column)
{
	char	   *text = spi_text(row, column);

	return text ? MemoryContextStrdup(mcxt, text) : NULL;
}
