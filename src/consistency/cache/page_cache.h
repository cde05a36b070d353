/*-------------------------------------------------------------------------
 *
 * page_cache.h
 *		Digests that look only at what changed since the last one.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_PAGE_CACHE_H
#define CONSISTENCY_PAGE_CACHE_H

#include "consistency/digest/walk.h"

/* How a digest was got, from the cheapest way to the dearest. */
typedef enum CacheMethod
{
	CACHE_NONE,			/* nothing had changed: read from the cache alone */
	CACHE_WAL,			/* pages that the write-ahead log names */
	CACHE_SWEEP,		/* every page's header, and pages that changed */
	CACHE_BUILD,		/* all rows, and the cache is there from now on */
	CACHE_FULL			/* all rows, without the cache */
} CacheMethod;

/* What a digest cost; over several tables, the dearest method and the sums. */
typedef struct CacheRun
{
	CacheMethod method;
	const char *reason;		/* why not a cheaper way; NULL: it was cheap */
	uint64		pages;		/* that the tables have */
	uint64		pages_visited; /* whose rows were looked at */
	uint64		rows_hashed;
	uint64		rows_reused;
	uint64		wal_bytes;	/* of the log that were passed */
} CacheRun;

/* How far a cache is. */
typedef struct CacheProgress
{
	uint64		pages_done;
	uint64		pages_total;
} CacheProgress;

/*
 * Add the rows of several tables (List of Oid, locked by the caller) that the
 * active snapshot sees: what walk_tables gives, for less.  Every file of the
 * cache that it uses is locked against others until it returns; where somebody
 * else has it, the table is walked in full.  Works on a standby.
 */
extern void page_cache_digest(const List *relids, const List *columns,
							  const List *key, Bucket *buckets, int nbuckets,
							  CacheRun *run);

/*
 * Bring the caches of the tables up to the active snapshot and further by so
 * many pages at most; returns whether there is more to do.  To be called again
 * in a new transaction, which may be much later, or after a restart.
 */
extern bool page_cache_warm(const List *relids, const List *columns,
							const List *key, uint64 pages,
							CacheProgress *progress);

/*
 * Compare every row of the tables with what their caches say of it, whatever
 * LSNs say.  A cache with rows that differ is removed, with a warning; returns
 * how many there were, and in *pages how many pages were compared.
 */
extern uint64 page_cache_scrub(const List *relids, const List *columns,
							   const List *key, uint64 *pages);

/* The word for a method. */
extern const char *cache_method_name(CacheMethod method);

#endif /* CONSISTENCY_PAGE_CACHE_H */
