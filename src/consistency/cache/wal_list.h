/*-------------------------------------------------------------------------
 *
 * wal_list.h
 *		What the write-ahead log says of the pages of one table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_WAL_LIST_H
#define CONSISTENCY_WAL_LIST_H

#include "access/xlogdefs.h"
#include "base/compat.h"
#include "storage/block.h"
#include "storage/off.h"

/* What a record did to a page. */
typedef enum WalDeed
{
	WAL_ADDS,			/* a line pointer got another tuple */
	WAL_MARKS,			/* the header of a tuple changed, not its values */
	WAL_TIDIES,			/* nothing that a snapshot sees: pruned, frozen */
	WAL_TOUCHES,		/* nothing, and perhaps not even the page's LSN */
	WAL_ANYTHING		/* unknown: read all of the page */
} WalDeed;

/* One deed. */
typedef struct WalItem
{
	XLogRecPtr	lsn;		/* the page's LSN afterwards */
	BlockNumber block;
	OffsetNumber offset;	/* of WAL_ADDS and WAL_MARKS */
	uint8		deed;
} WalItem;

/* What was found, by block and within a block by LSN. */
typedef struct WalList
{
	WalItem	   *items;
	int			nitems;
	int			room;		/* items that there is memory for */
	BlockNumber nblocks;	/* blocks from here on are left out */
	bool		sorted;		/* items are in order as they were found */
	uint64		bytes;		/* of the log that were passed */
} WalList;

/*
 * List what the log did to the first nblocks of a table from one position to
 * another, which must both be ends of records that are flushed.  NULL, or why
 * the log does not tell all of it: then all pages must be looked at.  effort
 * limits what is read: a record counts as one, and so does every page of log.
 */
extern const char *wal_list(FileLocator locator, TimeLineID timeline,
							XLogRecPtr from, XLogRecPtr upto,
							BlockNumber nblocks, uint64 effort, WalList *list);

/* Where the next record after one that ends here, or the next one, starts. */
extern XLogRecPtr wal_record_start(XLogRecPtr position);

/* Where a record ends after which the next one would start here. */
extern XLogRecPtr wal_record_end(XLogRecPtr position);

#endif /* CONSISTENCY_WAL_LIST_H */
