/*-------------------------------------------------------------------------
 *
 * cache_clean.h
 *		How many page caches there are, and which are of no use any more.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_CACHE_CLEAN_H
#define CONSISTENCY_CACHE_CLEAN_H

#include "consistency/cache/cache_file.h"

/* May another cache be made, by spine.page_cache_limit? */
extern bool cache_has_room(const CacheIdentity *identity);

/* The most bytes that all caches may take. */
extern uint64 cache_limit(void);

/*
 * Remove caches of tables and databases that are gone, and those that nobody
 * used for long; returns how many.
 */
extern int	page_cache_clean(void);

/* Register the job that does so. */
extern void page_cache_init(void);

#endif /* CONSISTENCY_CACHE_CLEAN_H */
