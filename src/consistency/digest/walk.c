/*-------------------------------------------------------------------------
 *
 * walk.c
 *		Digests of the rows of one table, straight from its pages.
 *
 * A page is read as a sequential scan reads it: which rows the snapshot sees
 * is found out under the share lock of the content, then the lock is given
 * back and the pin kept, under which no tuple moves.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/valid.h"
#include "base/compat.h"
#include "consistency/rows/row.h"
#include "consistency/digest/walk.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* ---- walking pages ---- */

/* What a walk over a table carries along. */
struct Walk
{
	MemoryContext mcxt; /* holds all of it */
	Relation	rel;
	Snapshot	snapshot;
	BufferAccessStrategy strategy;	/* NULL: as usual */
	RowProgram *row;
	RowProgram *key;	/* NULL: the row decides the bucket */
	Bucket	   *buckets;
	int			nbuckets;
	WalkTake	take;	/* instead of buckets; or NULL */
	void	   *arg;	/* of it */
};

/*
 * Is a tuple seen by the snapshot, under the lock of its page?  all says that
 * everybody sees all of the page.
 */
static bool
tuple_visible(const Walk *walk, Buffer buffer, OffsetNumber offset, bool all)
{
	Page		page = BufferGetPage(buffer);
	ItemId		item = PageGetItemId(page, offset);
	HeapTupleData tuple;
	bool		visible;

	tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
	tuple.t_len = ItemIdGetLength(item);
	tuple.t_tableOid = RelationGetRelid(walk->rel);
	ItemPointerSet(&tuple.t_self, BufferGetBlockNumber(buffer), offset);
	visible =
		all || HeapTupleSatisfiesVisibility(&tuple, walk->snapshot, buffer);
	HeapCheckForSerializableConflictOut(visible, walk->rel, &tuple, buffer,
										walk->snapshot);
	return visible;
}

/* The tuples of a page that the snapshot sees, under its lock. */
static int
visible_tuples(const Walk *walk, Buffer buffer, RowTuple *tuples)
{
	Page		page = BufferGetPage(buffer);
	OffsetNumber last = PageGetMaxOffsetNumber(page);
	bool all = PageIsAllVisible(page) && !walk->snapshot->takenDuringRecovery;
	bool		ask = !all ||
		CheckForSerializableConflictOutNeeded(walk->rel, walk->snapshot);
	int			n = 0;

	for (OffsetNumber offset = FirstOffsetNumber; offset <= last; offset++)
	{
		ItemId		item = PageGetItemId(page, offset);

		if (!ItemIdIsNormal(item) ||
			(ask && !tuple_visible(walk, buffer, offset, all)))
			continue;
		tuples[n].header = (HeapTupleHeader) PageGetItem(page, item);
		tuples[n++].length = ItemIdGetLength(item);
	}
	return n;
}

/* Add rows to the only bucket. */
static void
add_up(Bucket *bucket, const Hash128 *hashes, int n)
{
	Hash128		sum = bucket->sum;

	for (int i = 0; i < n; i++)
		hash128_add(&sum, hashes[i]);
	bucket->sum = sum;
	bucket->rows += n;
}

/* Add rows to the buckets that their keys' hashes say. */
static void
distribute(Bucket *buckets, int nbuckets, const Hash128 *hashes,
		   const Hash128 *key_hashes, int n)
{
	for (int i = 0; i < n; i++)
	{
		Bucket	   *bucket = &buckets[bucket_of(key_hashes[i], nbuckets)];

		bucket->rows++;
		hash128_add(&bucket->sum, hashes[i]);
	}
}

/* Add the rows of a page, while the next one is brought near. */
static void
walk_page(Walk *walk, Buffer buffer, Page next)
{
	RowTuple	tuples[MaxHeapTuplesPerPage];
	Hash128		hashes[MaxHeapTuplesPerPage];
	Hash128		key_hashes[MaxHeapTuplesPerPage];
	Page		page = BufferGetPage(buffer);
	int			n;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	n = visible_tuples(walk, buffer, tuples);
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);

	row_hash_page(walk->row, tuples, n, page, next, hashes);
	row_release(walk->row);
	if (walk->key != NULL)
	{
		row_hash_page(walk->key, tuples, n, page, page, key_hashes);
		row_release(walk->key);
	}
	if (walk->take != NULL)
		walk->take(walk->arg, tuples, hashes,
				   walk->key != NULL ? key_hashes : hashes, n);
	else if (walk->nbuckets == 1)
		add_up(walk->buckets, hashes, n);
	else
		distribute(walk->buckets, walk->nbuckets, hashes,
				   walk->key != NULL ? key_hashes : hashes, n);
}

bool
walk_possible(Relation rel)
{
	return RELKIND_HAS_TABLE_AM(rel->rd_rel->relkind) &&
		rel->rd_tableam == GetHeapamTableAmRoutine();
}

/* A walk that has nowhere to put its rows yet. */
static Walk *
begin(Relation rel, const List *columns, const List *key)
{
	MemoryContext own =
		AllocSetContextCreate(CurrentMemoryContext, "spine digest",
							  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(own);
	Walk	   *walk = palloc0(sizeof(Walk));

	walk->mcxt = own;
	walk->rel = rel;
	walk->snapshot = GetActiveSnapshot();
	/* As a sequential scan: what fits stays, what does not spoils nothing. */
	if (!RelationUsesLocalBuffers(rel) &&
		RelationGetNumberOfBlocks(rel) > (BlockNumber) NBuffers / 4)
		walk->strategy = GetAccessStrategy(BAS_BULKREAD);
	walk->row = row_program(rel, columns);
	if (key != NIL)
		walk->key = row_program(rel, key);
	PredicateLockRelation(rel, walk->snapshot);
	MemoryContextSwitchTo(old);
	return walk;
}

Walk *
walk_begin(Relation rel, const List *columns, const List *key, Bucket *buckets,
		   int nbuckets)
{
	Walk	   *walk = begin(rel, columns, nbuckets > 1 ? key : NIL);

	walk->buckets = buckets;
	walk->nbuckets = nbuckets;
	return walk;
}

Walk *
walk_begin_rows(Relation rel, const List *columns, const List *key,
				WalkTake take, void *arg)
{
	Walk	   *walk = begin(rel, columns, key);

	walk->take = take;
	walk->arg = arg;
	return walk;
}

/*
 * Pin a block.  It often stands in the buffer behind the one of the block
 * before it, where it is found without a search.
 */
static Buffer
read_block(const Walk *walk, BlockNumber block, Buffer before)
{
	Buffer		guess = before + 1;

	if (before > 0 && guess <= NBuffers &&
		ReadRecentBuffer(relation_locator(walk->rel), MAIN_FORKNUM, block,
						 guess))
		return guess;
	return ReadBufferExtended(walk->rel, MAIN_FORKNUM, block, RBM_NORMAL,
							  walk->strategy);
}

void
walk_blocks(Walk *walk, BlockNumber first, BlockNumber end)
{
	MemoryContext old = MemoryContextSwitchTo(walk->mcxt);
	Buffer		buffer = InvalidBuffer;
	Buffer		next = InvalidBuffer;

	/* The next page is pinned while one is walked. */
	for (BlockNumber block = first; block < end; block++)
	{
		CHECK_FOR_INTERRUPTS();
		buffer =
			block == first ? read_block(walk, block, InvalidBuffer) : next;
		next = block + 1 < end ? read_block(walk, block + 1, buffer) :
								 InvalidBuffer;
		walk_page(walk, buffer,
				  BufferGetPage(next == InvalidBuffer ? buffer : next));
		ReleaseBuffer(buffer);
	}
	MemoryContextSwitchTo(old);
}

void
walk_end(Walk *walk)
{
	if (walk->strategy != NULL)
		FreeAccessStrategy(walk->strategy);
	MemoryContextDelete(walk->mcxt);
}
