/*-------------------------------------------------------------------------
 *
 * cache_key.h
 *		Which tables may have a page cache, and what it is a cache of.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_CACHE_KEY_H
#define CONSISTENCY_CACHE_KEY_H

#include "consistency/cache/cache_file.h"
#include "utils/snapshot.h"

/*
 * Why the pages of an open table cannot be cached for a snapshot, or NULL:
 * they can.
 */
extern const char *cache_refused(Relation rel, Snapshot snapshot);

/*
 * Fill in what a cache of these columns and this key is of; the timeline is
 * the caller's to tell.
 */
extern void cache_identity(Relation rel, const List *columns, const List *key,
						   TimeLineID timeline, CacheIdentity *identity);

#endif /* CONSISTENCY_CACHE_KEY_H */
