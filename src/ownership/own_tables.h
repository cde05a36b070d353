/*-------------------------------------------------------------------------
 *
 * own_tables.h
 *		Statements on spine's own tables, and rows of governed tables in the
 *		form that is kept there.
 *
 * What is kept of a row must mean the same in every session: it is written
 * and read with settings held fixed (base/steady.h), by the user whose
 * question or write it is, since output functions and casts may be anybody's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_OWN_TABLES_H
#define OWNERSHIP_OWN_TABLES_H

#include "base/rights.h"
#include "ownership/judge.h"

/*
 * Act as the extension's owner, connected to SPI, until own_end: for
 * statements whose text holds nothing but literals of ours.
 */
extern ActAs own_begin(void);
extern void own_end(const ActAs *before);

/*
 * Run one statement with the latest snapshot, whatever the isolation level:
 * what others committed is obeyed at once.  nulls may be NULL.  Returns the
 * number of rows, which SPI holds until own_end.
 */
extern uint64 own_query(const char *sql, int nargs, const Oid *types,
						Datum *values, const char *nulls, bool writes);

/* A column (from 1) of a row (from 0) of the last own_query, as a copy in a
 * context; text is NULL where the column is. */
extern char *own_text(MemoryContext mcxt, uint64 row, int column);
extern Jsonb *own_jsonb(MemoryContext mcxt, uint64 row, int column);
extern int64 own_int64(uint64 row, int column);
/* The same as a datum that is passed by value; 0 where it is null. */
extern Datum own_plain(uint64 row, int column, bool *isnull);

/* The key of a row as an object. */
extern Jsonb *row_key(const Matrix *matrix, HeapTuple row);

/*
 * A row that holds nothing but the key; raises 22023 unless the object names
 * all key columns and nothing else.
 */
extern HeapTuple row_of_key(const Matrix *matrix, Relation rel, Jsonb *key);

/* Columns of a row, each as the text of its output function or null. */
extern Jsonb *row_texts(const Matrix *matrix, HeapTuple row,
						const uint64 *attrs);

/* The column that a member of such an object names; 0 if there is none. */
extern AttrNumber row_text_column(const Matrix	   *matrix,
								  const JsonbValue *name);

/* Its value, read by the type's input function. */
extern Datum row_text_value(const Matrix *matrix, AttrNumber attnum,
							const JsonbValue *text, bool *isnull);

#endif /* OWNERSHIP_OWN_TABLES_H */
