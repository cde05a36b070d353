/*-------------------------------------------------------------------------
 *
 * row.h
 *		From a tuple as it stands in its page to the hash of its row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_ROW_H
#define CONSISTENCY_ROW_H

#include "access/htup.h"
#include "consistency/rows/canonical.h"
#include "consistency/rows/hash128.h"
#include "nodes/pg_list.h"
#include "storage/bufpage.h"
#include "utils/relcache.h"

/* How the tuples of a table become rows of certain columns. */
typedef struct RowProgram RowProgram;

/*
 * Make a program for columns (List of char *, in the order of the row) of an
 * open table, in the current memory context.
 */
extern RowProgram *row_program(Relation rel, const List *columns);

/* The hash of the canonical bytes of a tuple's row. */
extern Hash128 row_hash(RowProgram *program, HeapTuple tuple);

/* A tuple where it stands in its page. */
typedef struct RowTuple
{
	HeapTupleHeader header;
	Size		length;
} RowTuple;

/*
 * The same for n tuples of a page that is pinned, which is faster: bytes
 * behind a tuple may be read, and meanwhile the page that comes next is
 * brought near, or again this one.
 */
extern void row_hash_page(RowProgram *program, const RowTuple *tuples, int n,
						  Page page, Page next, Hash128 *hashes);

/* Free what hashing allocated; now and then, between rows. */
extern void row_release(RowProgram *program);

#endif /* CONSISTENCY_ROW_H */
