/*-------------------------------------------------------------------------
 *
 * page_cache.c
 *		Digests that look only at what changed since the last one.
 *
 * For each page of a table a cache remembers its LSN and what each row that
 * was visible adds to the digest.  A later digest visits the pages that
 * changed, takes out of the sums what is gone and adds what came.
 *
 * What makes that sound, for a snapshot S:
 *
 *	1.	LSN and tuples of a page are read under one share lock.  An entry is
 *		reused only if the page has the very LSN of the entry.
 *	2.	An entry is settled if whoever made or ended a tuple of the page had
 *		ended for the snapshot of the visit.  A commit or an abort touches no
 *		page: what is not settled is visited each time.
 *	3.	S must be at least as new as the last snapshot that the cache was
 *		brought up to: whatever had ended for that one has ended for S.  An
 *		older S, as of a transaction that repeats its reads, gets a digest in
 *		full, and the cache stays as it is.
 *	4.	Which pages changed is told by the log between the position of the last
 *		time and one taken after S: whatever S sees was logged before.  Changes
 *		behind it are invisible to S, and will be found the next time, which
 *		reads on from there.  Whatever is odd about the log means a sweep: the
 *		LSNs of all pages are looked at.
 *	5.	Before anything is written that depends on the log up to a position, the
 *		log is flushed so far.  So no crash can take back a commit that entries
 *		count on, or give the LSN of an entry to another change.
 *	6.	Files carry who they are of: cluster, timeline, database, file of the
 *		table, columns and their types (cache_key.c).  A promotion begins a new
 *		timeline, a rewrite or TRUNCATE a new file; each begins a new cache.
 *	7.	Files are not flushed.  If the server was started since, all of the
 *		cache is added up and compared with its head, and the pages are swept.
 *		A file that somebody was writing to when he died is not used.
 *	8.	Entries that are older than 2^31 transactions are not reused: xmin
 *		would not tell whose tuple it is.
 *	9.	What is not logged, or changes in place, is not cached: see
 *		cache_refused.
 *	10. One process at a time uses a cache; the lock is held until all is
 *		written, so that an entry is never newer than the snapshot in the head.
 *
 * The table is locked against truncation and rewriting by the caller's lock.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "base/own_lock.h"
#include "base/settings.h"
#include "consistency/cache/cache_clean.h"
#include "consistency/cache/cache_key.h"
#include "consistency/cache/cache_visit.h"
#include "consistency/cache/page_cache.h"
#include "consistency/cache/wal_list.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/procarray.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* The position is moved if the log between is longer than this. */
#define POSITION_BYTES (4 * 1024 * 1024)

/* Records, and pages, of the log that are read rather than all pages of a
 * small table swept.  To look at a page costs about as much as two records. */
#define LEAST_EFFORT 16384

/* Units that may be wasted before the file is built anew. */
#define WASTE_UNITS 65536

/* Pages pinned at a time, so that their bytes come in while others are
 * looked at. */
#define PINNED 32

#if defined(__GNUC__)
#define prefetch(address) __builtin_prefetch(address)
#else
#define prefetch(address) ((void) (address))
#endif

/* Bytes that a prefetch brings. */
#define CACHE_LINE 64

/* A table whose cache is at work. */
typedef struct Cached
{
	MemoryContext mcxt;		/* holds all of it */
	Relation	rel;
	const List *columns;
	const List *key;
	CacheIdentity identity;
	LOCKTAG		lock;
	bool		recovery;	/* on a standby */
	XLogRecPtr	upto;		/* log that may matter to the snapshot */
	BlockNumber nblocks;	/* of the table, as the snapshot needs it */
	Visits		visits;
	CacheRun	run;		/* of this table */
} Cached;

/* A page to visit, and what the log says of it. */
typedef struct Task
{
	BlockNumber block;
	const WalItem *items;	/* NULL: not known */
	int			nitems;
} Task;

/* ---- snapshots ---- */

static bool
was_running(const CacheSnapshot *last, TransactionId xid)
{
	for (uint32 i = 0; i < last->nrunning; i++)
		if (last->running[i] == xid)
			return true;
	return false;
}

/* Has whatever had ended for the last snapshot ended for this one too? */
static bool
at_least_as_new(Snapshot snapshot, const CacheSnapshot *last)
{
	bool		standby = snapshot->takenDuringRecovery;
	const TransactionId *running = standby ? snapshot->subxip : snapshot->xip;
	uint32 nrunning = standby ? (uint32) snapshot->subxcnt : snapshot->xcnt;

	if (TransactionIdFollowsOrEquals(snapshot->xmin, last->xmax))
		return true;
	if (!last->known || TransactionIdPrecedes(snapshot->xmax, last->xmax))
		return false;
	for (uint32 i = 0; i < nrunning; i++)
		if (TransactionIdPrecedes(running[i], last->xmax) &&
			!was_running(last, running[i]))
			return false;
	return true;
}

static void
remember_running(CacheSnapshot *last, TransactionId xid)
{
	if (!TransactionIdIsValid(xid) || !TransactionIdPrecedes(xid, last->xmax))
		return;
	if (last->nrunning < CACHE_RUNNING)
		last->running[last->nrunning++] = xid;
	else
		last->known = 0;
}

/* Our own transaction is not in its snapshots, but others see it running. */
static void
remember_snapshot(CacheSnapshot *last, Snapshot snapshot)
{
	bool		standby = snapshot->takenDuringRecovery;
	const TransactionId *running = standby ? snapshot->subxip : snapshot->xip;
	uint32 nrunning = standby ? (uint32) snapshot->subxcnt : snapshot->xcnt;

	memset(last, 0, sizeof(*last));
	last->xmax = snapshot->xmax;
	last->known = 1;
	for (uint32 i = 0; i < nrunning; i++)
		remember_running(last, running[i]);
	remember_running(last, GetTopTransactionIdIfAny());
}

/* ---- the log ---- */

/* Up to where the log may matter to a snapshot that was taken before. */
static XLogRecPtr
log_end(bool recovery, TimeLineID *timeline)
{
	if (recovery)
		return wal_record_start(GetXLogReplayRecPtr(timeline));
	*timeline = GetWALInsertionTimeLine();
	return wal_record_start(GetXLogInsertRecPtr());
}

/* Nothing before the position may be lost from here on. */
static void
flush_log(const Cached *cached, XLogRecPtr position)
{
	if (!cached->recovery)
		XLogFlush(wal_record_end(position));
}

/* ---- tasks ---- */

/* Which pages are not settled: as listed, or as all entries say. */
static BlockNumber *
unsettled_blocks(CacheFile *file, int *nblocks)
{
	BlockNumber *blocks = cache_file_unsettled(file, nblocks);
	BlockNumber pages = cache_file_head(file)->pages;

	if (blocks != NULL)
		return blocks;
	blocks =
		MemoryContextAllocHuge(CurrentMemoryContext,
							   sizeof(BlockNumber) *
								   (Size) cache_file_head(file)->unsettled);
	for (BlockNumber block = 0;
		 block < pages && *nblocks < (int) cache_file_head(file)->unsettled;
		 block++)
		if (!cache_file_page(file, block)->settled)
			blocks[(*nblocks)++] = block;
	return blocks;
}

/* The pages that the log names and those that are unsettled, by block. */
static Task *
make_tasks(Cached *cached, const WalList *list, BlockNumber pages, int *ntasks)
{
	CacheFile  *file = cached->visits.file;
	int			nunsettled;
	BlockNumber *unsettled = unsettled_blocks(file, &nunsettled);
	Task	   *tasks =
		MemoryContextAllocHuge(CurrentMemoryContext,
							   sizeof(Task) *
								   ((Size) list->nitems + nunsettled + 1));
	int			n = 0;

	*ntasks = 0;
	for (int i = 0; i < list->nitems || n < nunsettled;)
	{
		Task	   *task = &tasks[*ntasks];
		BlockNumber block =
			i < list->nitems ? list->items[i].block : InvalidBlockNumber;

		if (n < nunsettled && unsettled[n] < block)
			block = unsettled[n];
		task->block = block;
		task->items = &list->items[i];
		task->nitems = 0;
		while (i < list->nitems && list->items[i].block == block)
		{
			task->nitems++;
			i++;
		}
		if (n < nunsettled && unsettled[n] == block)
			n++;
		if (block < pages)
			(*ntasks)++;
	}
	return tasks;
}

static Buffer
pin_page(Cached *cached, BlockNumber block)
{
	return ReadBufferExtended(cached->rel, MAIN_FORKNUM, block, RBM_NORMAL,
							  cached->visits.strategy);
}

/* Does the entry of the page tell already what the items tell? */
static bool
is_told(CacheFile *file, const Task *task)
{
	const CachePage *page = cache_file_page(file, task->block);

	return task->nitems > 0 && page->settled &&
		page->lsn >= task->items[task->nitems - 1].lsn;
}

/*
 * Have the processor fetch what a visit looks at first: LSN, line pointer.
 * Inline, for gcc drops calls of functions that do nothing but that.
 */
static pg_attribute_always_inline void
fetch_page(const Task *task, Buffer buffer)
{
	Page		page = BufferGetPage(buffer);

	prefetch(page);
	if (task->nitems > 0 && task->items[0].offset != InvalidOffsetNumber)
		prefetch(PageGetItemId(page, task->items[0].offset));
}

/* Then the tuples; the page is not locked, so anything may be read. */
static pg_attribute_always_inline void
fetch_tuples(const Task *task, Buffer buffer)
{
	Page		page = BufferGetPage(buffer);

	for (int i = 0; i < task->nitems; i++)
	{
		OffsetNumber offset = task->items[i].offset;
		ItemId		item = PageGetItemId(page, offset);

		if (offset < FirstOffsetNumber || offset > MaxHeapTuplesPerPage ||
			ItemIdGetOffset(item) >= BLCKSZ - 2 * CACHE_LINE)
			continue;
		prefetch((char *) page + ItemIdGetOffset(item));
		prefetch((char *) page + ItemIdGetOffset(item) + CACHE_LINE);
	}
}

static void
visit_tasks(Cached *cached, const Task *tasks, int ntasks)
{
	for (int next = 0; next < ntasks;)
	{
		Buffer		buffers[PINNED];
		const Task *pinned[PINNED];
		int			n = 0;

		CHECK_FOR_INTERRUPTS();
		for (; n < PINNED && next < ntasks; next++)
			if (!is_told(cached->visits.file, &tasks[next]))
			{
				buffers[n] = pin_page(cached, tasks[next].block);
				fetch_page(&tasks[next], buffers[n]);
				pinned[n++] = &tasks[next];
			}
		for (int i = 0; i < n; i++)
			fetch_tuples(pinned[i], buffers[i]);
		for (int i = 0; i < n; i++)
		{
			visit_page(&cached->visits, pinned[i]->block, buffers[i],
					   pinned[i]->items, pinned[i]->nitems);
			ReleaseBuffer(buffers[i]);
		}
	}
}

/* Fetch all of a page that will be read next. */
static pg_attribute_always_inline void
fetch_whole(Buffer buffer)
{
	Page		page = BufferGetPage(buffer);

	for (int at = 0; at < BLCKSZ; at += CACHE_LINE)
		prefetch((char *) page + at);
}

/* Look at the pages from first to just before end. */
static void
visit_range(Cached *cached, BlockNumber first, BlockNumber end)
{
	for (BlockNumber block = first; block < end; block++)
	{
		Buffer		buffer;

		CHECK_FOR_INTERRUPTS();
		buffer = pin_page(cached, block);
		visit_page(&cached->visits, block, buffer, NULL, 0);
		ReleaseBuffer(buffer);
	}
}

/* ---- bringing a cache up to the snapshot ---- */

/* Pages that the table has no longer. */
static void
lose_pages(Cached *cached)
{
	CacheHead  *head = cache_file_head(cached->visits.file);

	for (BlockNumber block = cached->nblocks; block < head->pages; block++)
	{
		CHECK_FOR_INTERRUPTS();
		visit_lost_page(&cached->visits, block);
	}
	head->pages = Min(head->pages, cached->nblocks);
}

/* Pages that have no entries yet; so many at most. */
static void
gain_pages(Cached *cached, uint64 most)
{
	CacheFile  *file = cached->visits.file;
	CacheHead  *head = cache_file_head(file);
	BlockNumber end =
		(BlockNumber) Min((uint64) head->pages + most, cached->nblocks);

	Buffer		next = InvalidBuffer;

	while (head->pages < end && cache_file_error(file) == NULL)
	{
		BlockNumber block = head->pages;
		Buffer		buffer = next;

		CHECK_FOR_INTERRUPTS();
		if (!BufferIsValid(buffer))
			buffer = pin_page(cached, block);
		next = block + 1 < end ? pin_page(cached, block + 1) : InvalidBuffer;
		if (BufferIsValid(next))
			fetch_whole(next);
		visit_page(&cached->visits, block, buffer, NULL, 0);
		ReleaseBuffer(buffer);
		head->pages++;
		if (head->units * sizeof(CacheSlot) > cache_limit())
			cache_file_fail(file, "spine.page_cache_limit is reached");
	}
	if (BufferIsValid(next))
		ReleaseBuffer(next);
}

/* Add all slots of a cache to buckets of any number. */
static void
add_rows(CacheFile *file, Bucket *buckets, int nbuckets)
{
	CacheSlot	slots[MaxHeapTuplesPerPage];
	BlockNumber pages = cache_file_head(file)->pages;

	for (BlockNumber block = 0;
		 block < pages && cache_file_error(file) == NULL; block++)
	{
		CachePage  *page = cache_file_page(file, block);

		CHECK_FOR_INTERRUPTS();
		cache_file_slots(file, block, page, slots);
		for (int i = 0; i < MaxHeapTuplesPerPage; i++)
			if (cache_present(page, i + 1))
			{
				Bucket	   *bucket = &buckets[slots[i].key % (uint64) nbuckets];

				bucket->rows++;
				hash128_add(&bucket->sum, slots[i].row);
			}
	}
}

/* Do the entries add up to what the head says? */
static bool
adds_up(Cached *cached)
{
	CacheFile  *file = cached->visits.file;
	CacheHead  *head = cache_file_head(file);
	Bucket	   *buckets = cache_file_buckets(file);
	Bucket	   *sums = palloc0(sizeof(Bucket) * CACHE_BUCKETS);
	bool		same;

	add_rows(file, sums, CACHE_BUCKETS);
	same = cache_file_error(file) == NULL &&
		memcmp(sums, buckets, sizeof(Bucket) * CACHE_BUCKETS) == 0;
	for (int i = 1; i < CACHE_BUCKETS; i++)
	{
		sums[0].rows += sums[i].rows;
		hash128_add(&sums[0].sum, sums[i].sum);
	}
	same &= memcmp(&sums[0], &head->total, sizeof(Bucket)) == 0;
	pfree(sums);
	return same;
}

static void
sweep(Cached *cached, const char *reason)
{
	CacheHead  *head = cache_file_head(cached->visits.file);

	cached->run.method = CACHE_SWEEP;
	cached->run.reason = reason;
	visit_range(cached, 0, Min(head->pages, cached->nblocks));
}

/* Visit what may have changed of the pages that have entries. */
static void
visit_changed(Cached *cached)
{
	CacheHead  *head = cache_file_head(cached->visits.file);
	BlockNumber pages = Min(head->pages, cached->nblocks);
	const char *reason;
	WalList		list;
	Task	   *tasks;
	int			ntasks;

	if (cached->upto == head->position && head->unsettled == 0)
		return;
	flush_log(cached, cached->upto);
	reason = wal_list(relation_locator(cached->rel), cached->identity.timeline,
					  head->position, cached->upto, pages,
					  LEAST_EFFORT + (uint64) cached->nblocks * 2, &list);
	if (reason != NULL)
	{
		sweep(cached, reason);
		return;
	}
	cached->run.wal_bytes = list.bytes;
	tasks = make_tasks(cached, &list, pages, &ntasks);
	if (ntasks > 0)
		cached->run.method = CACHE_WAL;
	visit_tasks(cached, tasks, ntasks);
}

/* Write what changed; nothing if nothing did. */
static void
save(Cached *cached, uint32 pages_before)
{
	CacheFile  *file = cached->visits.file;
	CacheHead  *head = cache_file_head(file);

	if (head->dirty == 0 && head->pages == pages_before &&
		head->started == PgStartTime &&
		cached->upto - head->position < POSITION_BYTES)
		return;
	flush_log(cached, cached->upto);
	if (!cached->recovery && cached->visits.newest > cached->upto)
		XLogFlush(cached->visits.newest);
	head->started = PgStartTime;
	head->position = cached->upto;
	remember_snapshot(&head->snapshot, cached->visits.snapshot);
	cache_file_set_unsettled(file, cached->visits.unsettled,
							 cached->visits.nunsettled);
	cache_file_save(file);
}

/*
 * Bring a cache up to the snapshot, and further by some pages at most.  False
 * if it turned out to be good for nothing.
 */
static bool
bring_up(Cached *cached, uint64 most)
{
	CacheFile  *file = cached->visits.file;
	CacheHead  *head = cache_file_head(file);
	uint32		pages_before = head->pages;

	if (head->started == PgStartTime)
		visit_changed(cached);
	else if (adds_up(cached))
		sweep(cached, "the server was started since");
	else
		cache_file_fail(file, "it does not add up");
	if (cached->nblocks < head->pages)
		lose_pages(cached);
	if (cached->nblocks > head->pages)
	{
		cached->run.method = Max(cached->run.method, CACHE_WAL);
		gain_pages(cached, most);
	}
	if (cache_file_error(file) == NULL)
		save(cached, pages_before);
	if (cache_file_error(file) == NULL)
		return true;
	ereport(LOG,
			(errmsg("page cache of table \"%s\" is given up: %s",
					RelationGetRelationName(cached->rel),
					cache_file_error(file))));
	return false;
}

/* ---- a table's cache ---- */

/* Be the only one to use the cache, also among our own calls. */
static bool
lock_cache(Cached *cached)
{
	LockAcquireResult result;

	own_lock_tag(&cached->lock, OWN_LOCK_PAGE_CACHE, cached->identity.file,
				 (uint32) cached->identity.fingerprint.low);
	result = LockAcquire(&cached->lock, ExclusiveLock, false, true);
	if (result == LOCKACQUIRE_ALREADY_HELD ||
		result == LOCKACQUIRE_ALREADY_CLEAR)
		LockRelease(&cached->lock, ExclusiveLock, false);
	return result == LOCKACQUIRE_OK;
}

/* Why an existing cache must be built anew, or NULL. */
static const char *
outlived(const Cached *cached)
{
	const CacheHead *head = cache_file_head(cached->visits.file);

	if (ReadNextFullTransactionId().value - head->born >
		(UINT64CONST(1) << 31))
		return "the cache is older than 2^31 transactions";
	if (head->wasted > WASTE_UNITS && head->wasted > head->units / 2)
		return "half of the file was wasted";
	return NULL;
}

/* Make a new cache. */
static void
create_cache(Cached *cached, const char *reason)
{
	CacheHead  *head;

	cached->run.method = CACHE_BUILD;
	cached->run.reason = reason;
	if (!cache_has_room(&cached->identity))
	{
		cached->run.reason = "spine.page_cache_limit is reached";
		return;
	}
	cached->visits.file = cache_file_create(&cached->identity);
	if (cached->visits.file == NULL)
	{
		cached->run.reason = "the cache's files cannot be made";
		return;
	}
	head = cache_file_head(cached->visits.file);
	head->born = ReadNextFullTransactionId().value;
	head->position = cached->upto;
	head->started = PgStartTime;
}

/*
 * Open the table's cache for the snapshot, or make one; without a file, and
 * with the reason, if there is none to be had.
 */
static void
open_cache(Cached *cached)
{
	CacheFile **file = &cached->visits.file;
	const char *reason = "there was no cache";

	*file = cache_file_open(&cached->identity);
	if (*file != NULL)
	{
		CacheHead  *head = cache_file_head(*file);

		if (cached->upto < head->position ||
			!at_least_as_new(cached->visits.snapshot, &head->snapshot))
		{
			cached->run.reason = "the cache is newer than the snapshot";
			cache_file_close(*file);
			*file = NULL;
			return;
		}
		reason = outlived(cached);
		if (reason == NULL)
			return;
		cache_file_close(*file);
	}
	create_cache(cached, reason);
}

/*
 * Begin to use the cache of an open table.  The result has no file if there is
 * none to be had; end it in either case.
 */
static Cached *
begin(Relation rel, const List *columns, const List *key)
{
	MemoryContext mcxt =
		AllocSetContextCreate(CurrentMemoryContext, "spine page cache",
							  ALLOCSET_DEFAULT_SIZES);
	Cached	   *cached = MemoryContextAllocZero(mcxt, sizeof(Cached));
	TimeLineID	timeline;

	cached->mcxt = mcxt;
	cached->rel = rel;
	cached->columns = columns;
	cached->key = key;
	cached->visits.rel = rel;
	cached->visits.columns = columns;
	cached->visits.key = key;
	cached->visits.snapshot = GetActiveSnapshot();
	cached->visits.run = &cached->run;
	cached->nblocks = RelationGetNumberOfBlocks(rel);
	cached->run.pages = cached->nblocks;
	cached->run.reason = spine_page_cache_limit == 0 ?
		"spine.page_cache_limit is 0" :
		cache_refused(rel, cached->visits.snapshot);
	if (cached->run.reason != NULL)
		return cached;
	cached->recovery = cached->visits.snapshot->takenDuringRecovery;
	cached->upto = log_end(cached->recovery, &timeline);
	MemoryContextSwitchTo(mcxt);
	cache_identity(rel, columns, key, timeline, &cached->identity);
	if (!lock_cache(cached))
		cached->run.reason = "somebody else is using the cache";
	else
	{
		open_cache(cached);
		if (cached->visits.file == NULL)
			LockRelease(&cached->lock, ExclusiveLock, false);
	}
	MemoryContextSwitchTo(mcxt->parent);
	return cached;
}

/* Close the files, after an error for good. */
static void
give_up(Cached *cached)
{
	cache_file_close(cached->visits.file);
	cached->visits.file = NULL;
	cache_file_remove(&cached->identity);
	LockRelease(&cached->lock, ExclusiveLock, false);
	cached->run.reason = "the cache was damaged or could not be written";
}

static void
end(Cached *cached)
{
	if (cached->visits.file != NULL)
	{
		cache_file_close(cached->visits.file);
		LockRelease(&cached->lock, ExclusiveLock, false);
	}
	MemoryContextDelete(cached->mcxt);
}

/* bring_up, in the cache's own memory. */
static bool
bring_up_cache(Cached *cached, uint64 most)
{
	MemoryContext old;
	bool		good;

	if (cached->visits.file == NULL)
		return false;
	old = MemoryContextSwitchTo(cached->mcxt);
	cached->visits.strategy = GetAccessStrategy(BAS_BULKREAD);
	good = bring_up(cached, most);
	FreeAccessStrategy(cached->visits.strategy);
	MemoryContextSwitchTo(old);
	if (!good)
		give_up(cached);
	return good;
}

/* ---- digests ---- */

static void
add_bucket(Bucket *to, const Bucket *from)
{
	to->rows += from->rows;
	hash128_add(&to->sum, from->sum);
}

/* Add what the cache holds; false if it is damaged after all. */
static bool
add_sums(CacheFile *file, Bucket *buckets, int nbuckets)
{
	Bucket	   *cached;

	if (nbuckets == 1)
	{
		add_bucket(buckets, &cache_file_head(file)->total);
		return true;
	}
	if (CACHE_BUCKETS % nbuckets == 0)
	{
		cached = cache_file_buckets(file);
		for (int i = 0; cache_file_error(file) == NULL && i < CACHE_BUCKETS;
			 i++)
			add_bucket(&buckets[i % nbuckets], &cached[i]);
		return cache_file_error(file) == NULL;
	}
	cached = palloc_extended(sizeof(Bucket) * nbuckets, MCXT_ALLOC_ZERO);
	add_rows(file, cached, nbuckets);
	for (int i = 0; cache_file_error(file) == NULL && i < nbuckets; i++)
		add_bucket(&buckets[i], &cached[i]);
	pfree(cached);
	return cache_file_error(file) == NULL;
}

/* Add what a run cost to what those before it did. */
static void
add_run(CacheRun *sum, const CacheRun *run)
{
	if (run->method >= sum->method && run->reason != NULL)
		sum->reason = run->reason;
	sum->method = Max(sum->method, run->method);
	sum->pages += run->pages;
	sum->pages_visited += run->pages_visited;
	sum->rows_hashed += run->rows_hashed;
	sum->rows_reused += run->rows_reused;
	sum->wal_bytes += run->wal_bytes;
}

/* Digest one table by its cache; false if it must be walked. */
static bool
digest_table(Relation rel, const List *columns, const List *key,
			 Bucket *buckets, int nbuckets, CacheRun *run)
{
	Cached	   *cached = begin(rel, columns, key);
	bool		good = bring_up_cache(cached, PG_UINT64_MAX / 2);

	if (good && !add_sums(cached->visits.file, buckets, nbuckets))
	{
		give_up(cached);
		good = false;
	}
	if (!good)
	{
		cached->run.method = CACHE_FULL;
		cached->run.pages_visited = cached->nblocks;
	}
	add_run(run, &cached->run);
	end(cached);
	return good;
}

void
page_cache_digest(const List *relids, const List *columns, const List *key,
				  Bucket *buckets, int nbuckets, CacheRun *run)
{
	List	   *walked = NIL;
	ListCell   *lc;

	memset(run, 0, sizeof(*run));
	foreach (lc, relids)
	{
		Relation	rel = table_open(lfirst_oid(lc), NoLock);

		if (walk_possible(rel) &&
			!digest_table(rel, columns, key, buckets, nbuckets, run))
			walked = lappend_oid(walked, lfirst_oid(lc));
		table_close(rel, NoLock);
	}
	if (walked != NIL)
		walk_tables(walked, columns, key, buckets, nbuckets);
}

/* ---- warming ---- */

bool
page_cache_warm(const List *relids, const List *columns, const List *key,
				uint64 pages, CacheProgress *progress)
{
	ListCell   *lc;

	memset(progress, 0, sizeof(*progress));
	foreach (lc, relids)
	{
		Relation	rel = table_open(lfirst_oid(lc), NoLock);
		Cached	   *cached;

		if (!walk_possible(rel))
		{
			table_close(rel, NoLock);
			continue;
		}
		cached = begin(rel, columns, key);
		progress->pages_total += cached->nblocks;
		if (bring_up_cache(cached, pages))
		{
			uint64		done = cache_file_head(cached->visits.file)->pages;

			progress->pages_done += done;
			pages -= Min(pages, cached->run.pages_visited);
		}
		end(cached);
		table_close(rel, NoLock);
	}
	return progress->pages_done < progress->pages_total;
}

/* ---- scrubbing ---- */

/* Rows of one table that its cache has wrong. */
static uint64
scrub_table(Cached *cached)
{
	MemoryContext old = MemoryContextSwitchTo(cached->mcxt);
	CacheFile  *file = cached->visits.file;
	uint64		wrong = adds_up(cached) ? 0 : 1;

	cached->visits.strategy = GetAccessStrategy(BAS_BULKREAD);
	for (BlockNumber block = 0;
		 block < cached->nblocks && cache_file_error(file) == NULL; block++)
	{
		Buffer		buffer = pin_page(cached, block);

		CHECK_FOR_INTERRUPTS();
		wrong += visit_compare(&cached->visits, block, buffer);
		ReleaseBuffer(buffer);
	}
	FreeAccessStrategy(cached->visits.strategy);
	MemoryContextSwitchTo(old);
	if (wrong > 0 || cache_file_error(file) != NULL)
	{
		ereport(WARNING,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("page cache of table \"%s\" is wrong",
						RelationGetRelationName(cached->rel)),
				 errdetail("Rows that differ from what it says: %llu.",
						   (unsigned long long) wrong),
				 errhint("The cache was removed; the next digest makes a new "
						 "one.")));
		give_up(cached);
		wrong = Max(wrong, 1);
	}
	return wrong;
}

uint64
page_cache_scrub(const List *relids, const List *columns, const List *key,
				 uint64 *pages)
{
	uint64		wrong = 0;
	ListCell   *lc;

	*pages = 0;
	foreach (lc, relids)
	{
		Relation	rel = table_open(lfirst_oid(lc), NoLock);

		if (walk_possible(rel))
		{
			Cached	   *cached = begin(rel, columns, key);

			if (bring_up_cache(cached, PG_UINT64_MAX / 2))
			{
				*pages += cached->nblocks;
				wrong += scrub_table(cached);
			}
			end(cached);
		}
		table_close(rel, NoLock);
	}
	return wrong;
}

const char *
cache_method_name(CacheMethod method)
{
	static const char *const names[] = {"none", "wal", "sweep", "build",
										"full"};

	return names[method];
}
