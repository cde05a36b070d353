/*-------------------------------------------------------------------------
 *
 * walk.h
 *		Digests of the rows of one table, straight from its pages.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_WALK_H
#define CONSISTENCY_WALK_H

#include "consistency/canonical.h"
#include "consistency/hash128.h"
#include "nodes/pg_list.h"
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
	return (int) (key_hash.low % (uint64) nbuckets);
}

/* Can the table's rows be read from its pages? */
extern bool walk_possible(Relation rel);

/*
 * Add the rows of a table that the active snapshot sees.  columns and key are
 * names (List of char *); an empty key means that the whole row decides the
 * bucket.
 */
extern void walk_table(Relation rel, const List *columns, const List *key,
					   Bucket *buckets, int nbuckets);

#endif /* CONSISTENCY_WALK_H */
