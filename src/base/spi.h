/*-------------------------------------------------------------------------
 *
 * spi.h
 *		Statements of our own through SPI, with less ceremony.
 *
 * Texts are those of string literals in our code, with every name qualified;
 * what varies goes in as a parameter.  The caller is connected to SPI.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPINE_SPI_H
#define SPINE_SPI_H

#include "executor/spi.h"
#include "nodes/pg_list.h"

#define SPI_MOST_ARGS 16

/* Parameters of one statement, in their order; start from {0}. */
typedef struct SpiArgs
{
	int			n;
	Oid			types[SPI_MOST_ARGS];
	Datum		values[SPI_MOST_ARGS];
	char		nulls[SPI_MOST_ARGS];
} SpiArgs;

extern void spi_arg(SpiArgs *args, Oid type, Datum value, bool isnull);
/* NULL pointers and zero Datums are NULL. */
extern void spi_arg_text(SpiArgs *args, const char *text);
extern void spi_arg_int4(SpiArgs *args, int32 number);
extern void spi_arg_int8(SpiArgs *args, int64 number);
extern void spi_arg_bool(SpiArgs *args, bool value);
extern void spi_arg_jsonb(SpiArgs *args, Datum jsonb);
extern void spi_arg_bytea(SpiArgs *args, Datum bytea);
/* A List of char * as text[]. */
extern void spi_arg_texts(SpiArgs *args, const List *texts);

/*
 * Run a statement that returns what is expected (SPI_OK_SELECT, …); returns
 * the number of rows.  args may be NULL.
 */
extern uint64 spi_run(const char *sql, const SpiArgs *args, int expected);
/* The same for a SELECT that changes nothing and may not see what this very
 * command has changed. */
extern uint64 spi_read(const char *sql, const SpiArgs *args);

/* ---- a value of the last result; columns count from 1 ---- */

/* As text, in SPI's memory; NULL if it is NULL. */
extern char *spi_text(uint64 row, int column);
extern int64 spi_int8(uint64 row, int column, int64 otherwise);
extern int32 spi_int4(uint64 row, int column, int32 otherwise);
extern bool spi_bool(uint64 row, int column, bool otherwise);
/* As it is; *isnull may be NULL. */
extern Datum spi_value(uint64 row, int column, bool *isnull);
/* A varlena, copied into another context; 0 if it is NULL. */
extern Datum spi_keep(MemoryContext mcxt, uint64 row, int column);
/* The text of it, likewise; NULL if it is NULL. */
extern char *spi_keep_text(MemoryContext mcxt, uint64 row, int column);

#endif /* SPINE_SPI_H */
