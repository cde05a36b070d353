/*-------------------------------------------------------------------------
 *
 * cache_visit.c
 *		Bringing the entry of one page up to a snapshot.
 *
 * An entry says which tuples of the page the snapshot of the last visit saw,
 * and what each of them adds to the sums.  It is as good for a later snapshot
 * if the page has the same LSN and is settled: the transactions that made and
 * ended its tuples had themselves ended, for that snapshot.  What a commit or
 * an abort may still change without touching the page is not settled, and such
 * pages are visited each time.
 *
 * LSN and tuples are looked at under one share lock of the page.  Rows are
 * hashed after it is given back, under the pin, below which no tuple moves.
 *
 * A slot may be reused if the tuple at its offset has the same xmin and that
 * transaction had ended when the slot was made: it makes no more tuples, so
 * this is the one that was hashed.  Where the log names all that happened
 * since, only the tuples that it names are looked at, and a tuple that the log
 * does not name is the one that was there.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "consistency/cache/cache_visit.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* So many old tuples are hashed again rather than a page's slots read. */
#define FEW_OLD 3

/* A tuple as a snapshot sees it. */
typedef struct Look
{
	bool		there;		/* the line pointer has a tuple */
	bool		visible;
	bool		settled;	/* that cannot change without the page */
	TransactionId xmin;		/* 0: its transaction has not ended */
} Look;

/* What becomes of a page's entry. */
typedef struct Changes
{
	int			nold;		/* slots to subtract whose tuple is still there */
	int			ngone;		/* slots to subtract */
	int			ncome;		/* tuples to add */
	bool		settled;
	OffsetNumber old[MaxHeapTuplesPerPage];
	OffsetNumber gone[MaxHeapTuplesPerPage];
	OffsetNumber come[MaxHeapTuplesPerPage];
	TransactionId xmins[MaxHeapTuplesPerPage]; /* of those that come */
} Changes;

/* ---- tuples ---- */

/* Has a transaction ended for the snapshot? */
static bool
has_ended(const Visits *visits, TransactionId xid)
{
	return !TransactionIdIsCurrentTransactionId(xid) &&
		!XidInMVCCSnapshot(xid, visits->snapshot);
}

/* Has whoever made the tuple ended? */
static bool
xmin_ended(const Visits *visits, HeapTupleHeader header)
{
	if ((header->t_infomask & HEAP_MOVED) != 0)
		return false;
	if (HeapTupleHeaderXminFrozen(header) ||
		HeapTupleHeaderXminInvalid(header))
		return true;
	return has_ended(visits, HeapTupleHeaderGetRawXmin(header));
}

/* Has whoever deleted or replaced the tuple, if anybody did? */
static bool
xmax_ended(const Visits *visits, HeapTupleHeader header)
{
	if ((header->t_infomask & HEAP_XMAX_INVALID) != 0 ||
		HEAP_XMAX_IS_LOCKED_ONLY(header->t_infomask))
		return true;
	return has_ended(visits, HeapTupleHeaderGetUpdateXid(header));
}

/*
 * What became of a transaction; committed: a hint bit says that it did.  Few
 * transactions change many tuples, so the snapshot is asked once for each.
 */
static inline Fate
fate_of(Visits *visits, TransactionId xid, bool committed)
{
	int			n = xid % FATES;

	if (unlikely(visits->fates_of[n] != xid))
	{
		visits->fates_of[n] = InvalidTransactionId;
		visits->fates[n] = FATE_ABORTED;
		if (!has_ended(visits, xid))
			visits->fates[n] = FATE_OPEN;
		else if (committed || TransactionIdDidCommit(xid))
			visits->fates[n] = FATE_COMMITTED;
		visits->fates_of[n] = xid;
	}
	return visits->fates[n];
}

static void
get_tuple(const Visits *visits, Page page, BlockNumber block,
		  OffsetNumber offset, HeapTuple tuple)
{
	ItemId		item = PageGetItemId(page, offset);

	tuple->t_data = (HeapTupleHeader) PageGetItem(page, item);
	tuple->t_len = ItemIdGetLength(item);
	tuple->t_tableOid = RelationGetRelid(visits->rel);
	ItemPointerSet(&tuple->t_self, block, offset);
}

/*
 * Look at a tuple by what became of who made and who ended it; false if one of
 * them has not ended, or there are several.  The same as the server's own
 * function says, but no hint bits are set: whoever only looks at what changed
 * need not change the page, or have it logged.
 */
static bool
look_by_fates(Visits *visits, HeapTupleHeader header, Look *look)
{
	uint16		mask = header->t_infomask;
	Fate		fate = FATE_COMMITTED;

	if ((mask & (HEAP_MOVED | HEAP_XMAX_IS_MULTI)) != 0)
		return false;
	if (HeapTupleHeaderXminInvalid(header))
		fate = FATE_ABORTED;
	else if (!HeapTupleHeaderXminFrozen(header))
		fate = fate_of(visits, HeapTupleHeaderGetRawXmin(header),
					   (mask & HEAP_XMIN_COMMITTED) != 0);
	if (fate == FATE_OPEN)
		return false;
	look->visible = fate == FATE_COMMITTED;
	look->xmin = HeapTupleHeaderGetRawXmin(header);
	if ((mask & HEAP_XMAX_INVALID) != 0 || HEAP_XMAX_IS_LOCKED_ONLY(mask))
		return true;
	fate = fate_of(visits, HeapTupleHeaderGetRawXmax(header),
				   (mask & HEAP_XMAX_COMMITTED) != 0);
	look->visible &= fate == FATE_ABORTED;
	return fate != FATE_OPEN;
}

/* Look at what a line pointer has, under the page's lock. */
static Look
look_at(Visits *visits, Buffer buffer, BlockNumber block, OffsetNumber offset)
{
	Page		page = BufferGetPage(buffer);
	Look		look = {.settled = true};
	HeapTupleData tuple;

	if (offset > PageGetMaxOffsetNumber(page) ||
		!ItemIdIsNormal(PageGetItemId(page, offset)))
		return look;
	get_tuple(visits, page, block, offset, &tuple);
	look.there = true;
	if (PageIsAllVisible(page) && !visits->snapshot->takenDuringRecovery)
	{
		look.visible = true;
		look.xmin = HeapTupleHeaderGetRawXmin(tuple.t_data);
		return look;
	}

	if (look_by_fates(visits, tuple.t_data, &look))
		return look;
	look.visible =
		HeapTupleSatisfiesVisibility(&tuple, visits->snapshot, buffer);
	look.xmin = InvalidTransactionId;
	if (xmin_ended(visits, tuple.t_data))
		look.xmin = HeapTupleHeaderGetRawXmin(tuple.t_data);
	else
		look.settled = false;
	look.settled &= xmax_ended(visits, tuple.t_data);
	return look;
}

/* ---- what changed ---- */

static void
tuple_comes(Changes *changes, OffsetNumber offset, TransactionId xmin)
{
	changes->xmins[changes->ncome] = xmin;
	changes->come[changes->ncome++] = offset;
}

/* Do items say that anything may have happened to the page? */
static bool
anything_happened(const WalItem *items, int nitems, XLogRecPtr since)
{
	for (int i = 0; i < nitems; i++)
		if (items[i].lsn > since && items[i].deed == WAL_ANYTHING)
			return true;
	return false;
}

/*
 * Compare all of a page with the slots of its entry, under its lock; reuse:
 * slots of the same tuple may stay.
 */
static void
compare_all(Visits *visits, Buffer buffer, BlockNumber block,
			const CachePage *entry, const CacheSlot *slots, bool reuse,
			Changes *changes)
{
	OffsetNumber last = PageGetMaxOffsetNumber(BufferGetPage(buffer));

	for (OffsetNumber offset = FirstOffsetNumber;
		 offset <= Min(last, MaxHeapTuplesPerPage); offset++)
	{
		Look		look = look_at(visits, buffer, block, offset);
		bool		present = cache_present(entry, offset);

		changes->settled &= look.settled;
		if (look.visible && present && reuse &&
			TransactionIdIsValid(look.xmin) &&
			slots[offset - 1].xmin == look.xmin)
		{
			visits->run->rows_reused++;
			continue;
		}
		if (present)
			changes->gone[changes->ngone++] = offset;
		if (look.visible)
			tuple_comes(changes, offset, look.xmin);
	}
	for (OffsetNumber offset = last + 1;
		 entry->slots > 0 && offset <= MaxHeapTuplesPerPage; offset++)
		if (cache_present(entry, offset))
			changes->gone[changes->ngone++] = offset;
}

/*
 * Do the items tell all that happened to a settled page from its entry's LSN
 * to its own?  Then the last of them that must have set the LSN did so.
 */
static bool
items_tell_all(const WalItem *items, int nitems, XLogRecPtr since,
			   XLogRecPtr now)
{
	bool		all = since == now;

	for (int i = 0; i < nitems; i++)
	{
		if (items[i].lsn <= since)
			continue;
		if (items[i].deed == WAL_ANYTHING)
			return false;
		if (items[i].deed == WAL_TOUCHES)
			all |= items[i].lsn == now;
		else
			all = items[i].lsn == now;
	}
	return all;
}

/* Compare one tuple that the log names; added: the log says that it is new. */
static void
compare_one(Visits *visits, Buffer buffer, BlockNumber block,
			const CachePage *entry, OffsetNumber offset, bool added,
			Changes *changes)
{
	Look		look = look_at(visits, buffer, block, offset);
	bool		present = cache_present(entry, offset);

	changes->settled &= look.settled;
	if (present && look.visible && !added)
	{
		visits->run->rows_reused++;
		return;
	}
	if (present)
	{
		HeapTupleData tuple;

		/* A dead tuple's toast may be gone. */
		if (look.there && !added)
			get_tuple(visits, BufferGetPage(buffer), block, offset, &tuple);
		if (look.there && !added && !HeapTupleHasExternal(&tuple))
			changes->old[changes->nold++] = offset;
		else
			changes->gone[changes->ngone++] = offset;
	}
	if (look.visible)
		tuple_comes(changes, offset, look.xmin);
}

/* Compare what the log names, under the page's lock. */
static void
compare_named(Visits *visits, Buffer buffer, BlockNumber block,
			  const CachePage *entry, const WalItem *items, int nitems,
			  Changes *changes)
{
	uint64		named[CACHE_PRESENT_WORDS] = {0};
	uint64		added[CACHE_PRESENT_WORDS] = {0};

	for (int i = 0; i < nitems; i++)
	{
		int			n = items[i].offset - 1;
		uint64		bit = UINT64CONST(1) << (n % 64);

		if (items[i].lsn <= entry->lsn || n < 0 || n >= MaxHeapTuplesPerPage)
			continue;
		named[n / 64] |= bit;
		if (items[i].deed == WAL_ADDS)
			added[n / 64] |= bit;
	}
	for (int word = 0; word < CACHE_PRESENT_WORDS; word++)
		while (named[word] != 0)
		{
			int			n = pg_rightmost_one_pos64(named[word]);

			named[word] &= named[word] - 1;
			compare_one(visits, buffer, block, entry, word * 64 + n + 1,
						(added[word] >> n) & 1, changes);
		}
}

/* ---- sums ---- */

static void
add_slot(Visits *visits, const CacheSlot *slot)
{
	CacheHead  *head = cache_file_head(visits->file);
	Bucket	   *bucket =
		cache_file_buckets(visits->file) + slot->key % CACHE_BUCKETS;

	head->total.rows++;
	hash128_add(&head->total.sum, slot->row);
	bucket->rows++;
	hash128_add(&bucket->sum, slot->row);
}

static void
subtract_slot(Visits *visits, const CacheSlot *slot)
{
	CacheHead  *head = cache_file_head(visits->file);
	Bucket	   *bucket =
		cache_file_buckets(visits->file) + slot->key % CACHE_BUCKETS;

	head->total.rows--;
	hash128_subtract(&head->total.sum, slot->row);
	bucket->rows--;
	hash128_subtract(&bucket->sum, slot->row);
}

static void
make_programs(Visits *visits)
{
	if (visits->row_program != NULL)
		return;
	visits->row_program = row_program(visits->rel, visits->columns);
	if (visits->key != NIL)
		visits->key_program = row_program(visits->rel, visits->key);
}

/* Hash tuples of a page by a program, under the pin of the page. */
static void
hash_rows(RowProgram *program, Page page, const OffsetNumber *offsets, int n,
		  Hash128 *hashes)
{
	RowTuple	tuples[MaxHeapTuplesPerPage];
	HeapTupleData tuple = {0};

	for (int i = 0; i < n; i++)
	{
		ItemId		item = PageGetItemId(page, offsets[i]);

		tuples[i].header = (HeapTupleHeader) PageGetItem(page, item);
		tuples[i].length = ItemIdGetLength(item);
	}

	/* For one tuple, what row_hash_page brings near is not worth it. */
	if (n > 1)
	{
		row_hash_page(program, tuples, n, page, page, hashes);
		return;
	}
	tuple.t_data = tuples[0].header;
	tuple.t_len = tuples[0].length;
	hashes[0] = row_hash(program, &tuple);
}

/* What the tuples at some offsets add, under the pin of the page. */
static void
hash_tuples(Visits *visits, Buffer buffer, const OffsetNumber *offsets, int n,
			CacheSlot *slots)
{
	Page		page = BufferGetPage(buffer);
	Hash128		hashes[MaxHeapTuplesPerPage];

	if (n == 0)
		return;
	hash_rows(visits->row_program, page, offsets, n, hashes);
	for (int i = 0; i < n; i++)
	{
		slots[i].row = hashes[i];
		slots[i].key = hashes[i].low;
	}
	if (visits->key_program != NULL)
	{
		hash_rows(visits->key_program, page, offsets, n, hashes);
		for (int i = 0; i < n; i++)
			slots[i].key = hashes[i].low;
	}
	visits->run->rows_hashed += n;
}

static void
release_programs(Visits *visits)
{
	row_release(visits->row_program);
	if (visits->key_program != NULL)
		row_release(visits->key_program);
}

/* Take out what is gone, in the entry and in the sums. */
static void
apply_gone(Visits *visits, Buffer buffer, BlockNumber block, CachePage *entry,
		   const CacheSlot *slots, const Changes *changes)
{
	CacheSlot	old[FEW_OLD];
	CacheSlot	slot;

	hash_tuples(visits, buffer, changes->old, changes->nold, old);
	for (int i = 0; i < changes->nold; i++)
	{
		subtract_slot(visits, &old[i]);
		cache_set_present(entry, changes->old[i], false);
	}
	for (int i = 0; i < changes->ngone; i++)
	{
		slot = slots != NULL ?
			slots[changes->gone[i] - 1] :
			cache_file_slot(visits->file, block, entry, changes->gone[i]);
		subtract_slot(visits, &slot);
		cache_set_present(entry, changes->gone[i], false);
	}
}

static void
apply_come(Visits *visits, Buffer buffer, BlockNumber block, CachePage *entry,
		   const Changes *changes)
{
	CacheSlot	come[MaxHeapTuplesPerPage];

	hash_tuples(visits, buffer, changes->come, changes->ncome, come);
	for (int i = 0; i < changes->ncome; i++)
	{
		come[i].xmin = changes->xmins[i];
		add_slot(visits, &come[i]);
	}
	if (changes->ncome > 0)
		cache_file_put_slots(visits->file, block, entry, changes->come, come,
							 changes->ncome);
}

/* ---- pages ---- */

static void
note_unsettled(Visits *visits, BlockNumber block)
{
	if (visits->nunsettled == visits->room)
	{
		visits->room = Max(64, visits->room * 2);
		visits->unsettled = visits->unsettled == NULL ?
			palloc(sizeof(BlockNumber) * visits->room) :
			repalloc_huge(visits->unsettled,
						  sizeof(BlockNumber) * visits->room);
	}
	visits->unsettled[visits->nunsettled++] = block;
}

/* Bring entry and sums up to what was found. */
static void
apply_changes(Visits *visits, Buffer buffer, BlockNumber block,
			  CachePage *entry, const CacheSlot *slots, XLogRecPtr lsn,
			  const Changes *changes)
{
	if (lsn == entry->lsn && changes->settled == (entry->settled != 0) &&
		changes->nold + changes->ngone + changes->ncome == 0 &&
		block < cache_file_head(visits->file)->pages)
		return;
	cache_file_change(visits->file);
	if (changes->nold + changes->ngone + changes->ncome > 0)
	{
		make_programs(visits);
		apply_gone(visits, buffer, block, entry, slots, changes);
		apply_come(visits, buffer, block, entry, changes);
		release_programs(visits);
	}
	entry->lsn = lsn;
	entry->settled = changes->settled;
	visits->newest = Max(visits->newest, lsn);
	cache_file_page_changed(visits->file, block);
}

/* An entry that can be trusted as long as the page has its LSN. */
static bool
entry_stands(const CachePage *entry, XLogRecPtr lsn)
{
	return entry->settled && entry->lsn == lsn;
}

void
visit_page(Visits *visits, BlockNumber block, Buffer buffer,
		   const WalItem *items, int nitems)
{
	CachePage  *entry = cache_file_page(visits->file, block);
	CacheSlot	slots[MaxHeapTuplesPerPage];
	Page		page = BufferGetPage(buffer);
	Changes		changes;
	XLogRecPtr	lsn;
	bool		named;

	changes.nold = changes.ngone = changes.ncome = 0;
	changes.settled = true;
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	lsn = PageGetLSN(page);
	if (entry_stands(entry, lsn))
	{
		LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
		return;
	}
	visits->run->pages_visited++;
	named = items != NULL && entry->settled &&
		items_tell_all(items, nitems, entry->lsn, lsn);
	if (named)
		compare_named(visits, buffer, block, entry, items, nitems, &changes);
	else
	{
		/* Files are not to be read under the lock. */
		LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
		cache_file_slots(visits->file, block, entry, slots);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		lsn = PageGetLSN(page);
		compare_all(visits, buffer, block, entry, slots,
					!anything_happened(items, nitems, entry->lsn), &changes);
	}

	/* Without an LSN nothing tells when the page changes. */
	if (XLogRecPtrIsInvalid(lsn) && PageGetMaxOffsetNumber(page) > 0)
		changes.settled = false;
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);

	if (named && changes.nold > FEW_OLD)
	{
		memcpy(&changes.gone[changes.ngone], changes.old,
			   sizeof(OffsetNumber) * changes.nold);
		changes.ngone += changes.nold;
		changes.nold = 0;
		cache_file_slots(visits->file, block, entry, slots);
		named = false;
	}
	apply_changes(visits, buffer, block, entry, named ? NULL : slots, lsn,
				  &changes);
	if (!changes.settled)
		note_unsettled(visits, block);
}

void
visit_lost_page(Visits *visits, BlockNumber block)
{
	CachePage  *entry = cache_file_page(visits->file, block);
	CacheSlot	slots[MaxHeapTuplesPerPage];

	cache_file_change(visits->file);
	cache_file_slots(visits->file, block, entry, slots);
	for (OffsetNumber offset = FirstOffsetNumber;
		 offset <= MaxHeapTuplesPerPage; offset++)
		if (cache_present(entry, offset))
			subtract_slot(visits, &slots[offset - 1]);
}

int
visit_compare(Visits *visits, BlockNumber block, Buffer buffer)
{
	CachePage  *entry = cache_file_page(visits->file, block);
	CacheSlot	slots[MaxHeapTuplesPerPage];
	bool		visible[MaxHeapTuplesPerPage] = {false};
	int			wrong = 0;

	make_programs(visits);
	cache_file_slots(visits->file, block, entry, slots);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	for (OffsetNumber offset = FirstOffsetNumber;
		 offset <= MaxHeapTuplesPerPage; offset++)
		visible[offset - 1] = look_at(visits, buffer, block, offset).visible;
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	for (OffsetNumber offset = FirstOffsetNumber;
		 offset <= MaxHeapTuplesPerPage; offset++)
	{
		CacheSlot  *slot = &slots[offset - 1];
		CacheSlot	now;
		OffsetNumber at = offset;

		if (visible[offset - 1] != cache_present(entry, offset))
			wrong++;
		if (!visible[offset - 1] || !cache_present(entry, offset))
			continue;
		hash_tuples(visits, buffer, &at, 1, &now);
		if (now.row.low != slot->row.low || now.row.high != slot->row.high ||
			now.key != slot->key)
			wrong++;
	}
	release_programs(visits);
	return wrong;
}
