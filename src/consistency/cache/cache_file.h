/*-------------------------------------------------------------------------
 *
 * cache_file.h
 *		The files that a page cache is kept in.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_CACHE_FILE_H
#define CONSISTENCY_CACHE_FILE_H

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xlogdefs.h"
#include "consistency/digest/walk.h"
#include "datatype/timestamp.h"

/* Where the files are, and what their names begin with. */
#define CACHE_DIRECTORY "pg_spine"
#define CACHE_PREFIX "pgsql_tmp_spine_"

/* The version of the files' format. */
#define CACHE_FORMAT 1

/* Buckets whose sums are kept; sums of fewer follow if they divide these. */
#define CACHE_BUCKETS 4096

/* Unsettled pages that are listed; of more the whole map is searched. */
#define CACHE_LISTED 4096

/* Transactions in progress that are remembered of a snapshot. */
#define CACHE_RUNNING 256

/* Slots behind a page's own that replace some of them. */
#define CACHE_PATCHES 16

/* What a cache is of. */
typedef struct CacheIdentity
{
	uint64		system;		/* identifier of the cluster */
	TimeLineID	timeline;
	Oid			database;
	Oid			tablespace;
	Oid			file;		/* number of the table's file */
	Oid			relid;
	uint32		format;		/* of the files */
	uint32		canonical;	/* version of canonical bytes */
	Hash128		fingerprint; /* of columns, key, types */
} CacheIdentity;

/* A snapshot, as far as it must be compared with a later one. */
typedef struct CacheSnapshot
{
	TransactionId xmax;		/* this one and later ones had not begun */
	uint32		nrunning;	/* those that were in progress before it */
	uint32		known;		/* 0: there were too many to remember */
	TransactionId running[CACHE_RUNNING];
} CacheSnapshot;

/* What a cache says of itself. */
typedef struct CacheHead
{
	uint64		checksum;	/* of all that follows */
	CacheIdentity identity;
	uint32		dirty;		/* 1: somebody was writing, and did not end */
	uint32		pages;		/* blocks from 0 that have entries */
	TimestampTz started;	/* when the server that wrote it was started */
	uint64		born;		/* next full transaction id when it was built */
	XLogRecPtr	position;	/* the log before it was heeded */
	uint64		units;		/* used in the file of rows */
	uint64		wasted;		/* of these, replaced by later ones */
	uint64		bucket_checksum;
	uint64		list_checksum;
	uint64		generation; /* grows with each change */
	uint32		unsettled;	/* pages; the first ones are listed */
	Bucket		total;
	CacheSnapshot snapshot; /* the last one */
} CacheHead;

/* A tuple: what to subtract when it is gone. */
typedef struct CacheSlot
{
	Hash128		row;
	uint64		key;		/* decides the bucket */
	TransactionId xmin;		/* 0: it had not ended, so never reuse */
	uint32		check;		/* of the above and where it is; never 0 */
} CacheSlot;

#define CACHE_PRESENT_WORDS ((MaxHeapTuplesPerPage + 63) / 64)

/* A page of the table. */
typedef struct CachePage
{
	XLogRecPtr	lsn;		/* of the page when it was read */
	uint64		present[CACHE_PRESENT_WORDS]; /* offsets with visible tuples */
	uint32		base;		/* unit of the slots of offsets 1 to slots */
	uint32		patch;		/* unit of the slots that replace some; 0: none */
	uint16		slots;
	uint8		npatch;
	uint8		settled;	/* 1: what is visible changes with the LSN only */
	uint32		check;		/* of the above and the block; never 0 */
} CachePage;

typedef struct CacheFile CacheFile;

/* Offsets from 1 on. */
static inline bool
cache_present(const CachePage *page, OffsetNumber offset)
{
	return (page->present[(offset - 1) / 64] >> ((offset - 1) % 64)) & 1;
}

static inline void
cache_set_present(CachePage *page, OffsetNumber offset, bool present)
{
	uint64		bit = UINT64CONST(1) << ((offset - 1) % 64);

	if (present)
		page->present[(offset - 1) / 64] |= bit;
	else
		page->present[(offset - 1) / 64] &= ~bit;
}

/*
 * Open the files of a cache, if they are there and are of that identity;
 * NULL otherwise.  In the current memory context; the descriptors end with
 * the transaction at the latest.
 */
extern CacheFile *cache_file_open(const CacheIdentity *identity);

/* Make empty files, in the place of what may be there; NULL if that fails. */
extern CacheFile *cache_file_create(const CacheIdentity *identity);

extern void cache_file_close(CacheFile *file);

/* Read only the head of a map, whatever it is of; false if it is none. */
extern bool cache_file_read_head(const char *map_path, CacheHead *head);

/* Remove the files of a cache. */
extern void cache_file_remove(const CacheIdentity *identity);

/* To be read and, after cache_file_change, to be written. */
extern CacheHead *cache_file_head(CacheFile *file);

/*
 * Say that the files are about to change: until cache_file_save, they are good
 * for nothing.  May be called again.
 */
extern void cache_file_change(CacheFile *file);

/*
 * What went wrong, or NULL.  Reading and writing go on without effect once
 * something did, so it suffices to ask now and then, and before the sums are
 * used.
 */
extern const char *cache_file_error(const CacheFile *file);
extern void cache_file_fail(CacheFile *file, const char *error);

/*
 * The entry of a block, which may be one behind the last.  Good until the next
 * call; blocks should come in their order.
 */
extern CachePage *cache_file_page(CacheFile *file, BlockNumber block);

/* The entry that cache_file_page gave last has changed. */
extern void cache_file_page_changed(CacheFile *file, BlockNumber block);

/* The slots of a page as they are now, of offsets from 1 on. */
extern void cache_file_slots(CacheFile *file, BlockNumber block,
							 const CachePage *page, CacheSlot *slots);

/* One of them. */
extern CacheSlot cache_file_slot(CacheFile *file, BlockNumber block,
								 const CachePage *page, OffsetNumber offset);

/* Give slots to offsets that are not present; from then on they are. */
extern void cache_file_put_slots(CacheFile *file, BlockNumber block,
								 CachePage *page, const OffsetNumber *offsets,
								 CacheSlot *slots, int nslots);

/* Sums by bucket, CACHE_BUCKETS of them. */
extern Bucket *cache_file_buckets(CacheFile *file);

/* The blocks of unsettled pages, ascending; NULL: there are too many. */
extern BlockNumber *cache_file_unsettled(CacheFile *file, int *nblocks);
extern void			cache_file_set_unsettled(CacheFile		   *file,
											 const BlockNumber *blocks, int nblocks);

/* Write all that changed. */
extern void cache_file_save(CacheFile *file);

#endif /* CONSISTENCY_CACHE_FILE_H */
