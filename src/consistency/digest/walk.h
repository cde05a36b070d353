/*-------------------------------------------------------------------------
 *
 * walk.h
 *		Digests of the rows of one table, straight from its pages.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_WALK_H
#define CONSISTENCY_WALK_H

#include "consistency/rows/canonical.h"
#include "consistency/rows/hash128.h"
#include "nodes/pg_list.h"
#include "storage/block.h"
#include "utils/relcache.h"

/* What the rows of one bucket add up to. */
typedef struct Bucket
{
	int64		rows;
	Hash128		sum;
} Bucket;

/*
 * The bucket of a row: the low half of the hash of its key's canonical bytes
 * modulo the number of buckets.
 */
static inline int
bucket_of(Hash128 key_hash, int nbuckets)
{
	uint64		n = (uint64) nbuckets;

	/* Of a power of two the remainder comes cheaply. */
	return (int) ((n & (n - 1)) == 0 ? key_hash.low & (n - 1) :
									   key_hash.low % n);
}

/* Can the table's rows be read from its pages? */
extern bool walk_possible(Relation rel);

/*
 * A walk over the rows of one open table that the active snapshot sees.
 * columns and key are names (List of char *); an empty key means that the
 * whole row decides the bucket.
 */
typedef struct Walk Walk;

extern Walk *walk_begin(Relation rel, const List *columns, const List *key,
						Bucket *buckets, int nbuckets);
/* The same for somebody who takes the rows of each page himself, with their
 * hashes and those of their keys. */
struct RowTuple; /* see row.h */
typedef void (*WalkTake)(void *arg, const struct RowTuple *tuples,
						 const Hash128 *hashes, const Hash128 *key_hashes,
						 int n);
extern Walk *walk_begin_rows(Relation rel, const List *columns,
							 const List *key, WalkTake take, void *arg);
/* Add the rows of the blocks from first to just before end. */
extern void walk_blocks(Walk *walk, BlockNumber first, BlockNumber end);
extern void walk_end(Walk *walk);

/* ---- in parallel_walk.c ---- */

/* Add the rows of several tables (List of Oid), in parallel if it pays. */
extern void walk_tables(const List *relids, const List *columns,
						const List *key, Bucket *buckets, int nbuckets);

#endif /* CONSISTENCY_WALK_H */
