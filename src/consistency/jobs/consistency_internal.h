/*-------------------------------------------------------------------------
 *
 * consistency_internal.h
 *		What the jobs of the room share.
 *
 *		schedule.c	checks that are due
 *		mend.c		repairs that the document asks for
 *		watch.c		what changed, and what somebody should look at
 *		warm.c		what can be read beforehand
 *		scrub.c		what caches say, asked of the storage
 *		trim.c		what of the history is kept
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_INTERNAL_H
#define CONSISTENCY_INTERNAL_H

#include "nodes/pg_list.h"
#include "utils/elog.h"

/* ---- in schedule.c ---- */

/*
 * The role that a job reads both sides of a copy as, and writes the copy as;
 * InvalidOid if there is none.  Needs SPI and the rights of the extension's
 * owner.
 */
extern Oid copy_reader(const char *placement, bool writes);

extern void schedule_checks_init(void);

/* ---- in mend.c ---- */

extern void mend_copies_init(void);

/* ---- in watch.c ---- */

extern void watch_copies_init(void);

/* ---- in warm.c ---- */

/* Pages that are read, and that there are. */
typedef struct WarmSlice
{
	int64		done;
	int64		total;
} WarmSlice;

/*
 * Bring the page caches of both sides up to date, by so many pages at most;
 * nothing to do where they have none.  As the current user; raises what the
 * check would.
 */
extern WarmSlice warm_copy(const char *placement, int pages);

/*
 * Compare the page caches of both sides with all rows, whatever their pages'
 * LSNs say; returns how many caches were wrong, which are removed.
 */
extern int64 scrub_copy(const char *placement);

/* ---- in scrub.c ---- */

extern void scrub_copies_init(void);

/* ---- in trim.c ---- */

extern void trim_checks_init(void);


#endif /* CONSISTENCY_INTERNAL_H */
