/*-------------------------------------------------------------------------
 *
 * cache_visit.h
 *		Bringing the entry of one page up to a snapshot.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_CACHE_VISIT_H
#define CONSISTENCY_CACHE_VISIT_H

#include "consistency/cache/cache_file.h"
#include "consistency/cache/page_cache.h"
#include "consistency/rows/row.h"
#include "consistency/cache/wal_list.h"
#include "storage/buf.h"
#include "utils/snapshot.h"

/* What became of a transaction, as a snapshot sees it. */
typedef enum Fate
{
	FATE_ABORTED,
	FATE_COMMITTED,
	FATE_OPEN			/* it had not ended, or is our own */
} Fate;

/* Transactions whose fates are remembered. */
#define FATES 64

/* What visits to the pages of a table share. */
typedef struct Visits
{
	Relation	rel;
	const List *columns;
	const List *key;
	Snapshot	snapshot;
	CacheFile  *file;
	BufferAccessStrategy strategy;
	RowProgram *row_program; /* NULL: not needed yet */
	RowProgram *key_program; /* likewise; never if the row decides */
	TransactionId fates_of[FATES]; /* by the lowest digits of an xid */
	uint8		fates[FATES]; /* Fate of these */
	XLogRecPtr	newest;		/* LSN among the entries that changed */
	BlockNumber *unsettled; /* pages found to be so, in the order of visits */
	int			nunsettled;
	int			room;		/* of unsettled */
	CacheRun   *run;
} Visits;

/*
 * Visit a page whose buffer the caller has pinned.  items are what the log
 * says of it since its entry was made, all of it, or NULL if that is not
 * known.
 */
extern void visit_page(Visits *visits, BlockNumber block, Buffer buffer,
					   const WalItem *items, int nitems);

/* Take all rows of a page out of the sums: the page is no longer there. */
extern void visit_lost_page(Visits *visits, BlockNumber block);

/*
 * How many of a page's rows differ from those of its entry; nothing is
 * changed.
 */
extern int	visit_compare(Visits *visits, BlockNumber block, Buffer buffer);

#endif /* CONSISTENCY_CACHE_VISIT_H */
