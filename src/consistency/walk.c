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
#include "consistency/row.h"
#include "consistency/walk.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#if defined(__GNUC__)
#define pg_prefetch(address) __builtin_prefetch(address)
#else
#define pg_prefetch(address) ((void) 0)
#endif

/* ---- walking pages ---- */

/* What a walk over a table carries along. */
struct Walk
{
	MemoryContext mcxt; /* holds all of it */
	Relation	rel;
	Snapshot	snapshot;
	BufferAccessStrategy strategy;
	RowProgram *row;
	RowProgram *key;	/* NULL: the row decides the bucket */
	Bucket	   *buckets;
	int			nbuckets;
};

static void
add_tuple(Walk *walk, HeapTuple tuple)
{
	Hash128		hash = row_hash(walk->row, tuple);
	Bucket	   *bucket = walk->buckets;

	if (walk->nbuckets > 1)
		bucket += bucket_of(walk->key ? row_hash(walk->key, tuple) : hash,
							walk->nbuckets);
	bucket->rows++;
	hash128_add(&bucket->sum, hash);
}

/* The offsets of a page's tuples that the snapshot sees, under its lock. */
static int
visible_tuples(const Walk *walk, Buffer buffer, OffsetNumber *offsets)
{
	Page		page = BufferGetPage(buffer);
	BlockNumber block = BufferGetBlockNumber(buffer);
	OffsetNumber last = PageGetMaxOffsetNumber(page);
	bool all = PageIsAllVisible(page) && !walk->snapshot->takenDuringRecovery;
	bool		serializable =
		CheckForSerializableConflictOutNeeded(walk->rel, walk->snapshot);
	int			n = 0;

	for (OffsetNumber offset = FirstOffsetNumber; offset <= last; offset++)
	{
		ItemId		item = PageGetItemId(page, offset);
		HeapTupleData tuple;
		bool		visible = true;

		if (!ItemIdIsNormal(item))
			continue;
		if (!all || serializable)
		{
			tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
			tuple.t_len = ItemIdGetLength(item);
			tuple.t_tableOid = RelationGetRelid(walk->rel);
			ItemPointerSet(&tuple.t_self, block, offset);
			visible = all ||
				HeapTupleSatisfiesVisibility(&tuple, walk->snapshot, buffer);
			if (serializable)
				HeapCheckForSerializableConflictOut(visible, walk->rel, &tuple,
													buffer, walk->snapshot);
		}
		if (visible)
			offsets[n++] = offset;
	}
	return n;
}

static void
walk_page(Walk *walk, BlockNumber block)
{
	OffsetNumber offsets[MaxHeapTuplesPerPage];
	Buffer		 buffer = ReadBufferExtended(walk->rel, MAIN_FORKNUM, block,
											 RBM_NORMAL, walk->strategy);
	Page		page = BufferGetPage(buffer);
	int			n;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	n = visible_tuples(walk, buffer, offsets);
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);

	for (int i = 0; i < n; i++)
	{
		ItemId		item = PageGetItemId(page, offsets[i]);
		HeapTupleData tuple;

		/* Rows of a page stand backwards, which no prefetcher expects. */
		if (i + 2 < n)
			pg_prefetch(
				PageGetItem(page, PageGetItemId(page, offsets[i + 2])));
		tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
		tuple.t_len = ItemIdGetLength(item);
		tuple.t_tableOid = RelationGetRelid(walk->rel);
		ItemPointerSet(&tuple.t_self, block, offsets[i]);
		add_tuple(walk, &tuple);
	}
	ReleaseBuffer(buffer);
	row_release(walk->row);
	if (walk->key != NULL)
		row_release(walk->key);
}

bool
walk_possible(Relation rel)
{
	return RELKIND_HAS_TABLE_AM(rel->rd_rel->relkind) &&
		rel->rd_tableam == GetHeapamTableAmRoutine();
}

Walk *
walk_begin(Relation rel, const List *columns, const List *key, Bucket *buckets,
		   int nbuckets)
{
	MemoryContext own =
		AllocSetContextCreate(CurrentMemoryContext, "spine digest",
							  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(own);
	Walk	   *walk = palloc0(sizeof(Walk));

	walk->mcxt = own;
	walk->rel = rel;
	walk->snapshot = GetActiveSnapshot();
	walk->strategy = GetAccessStrategy(BAS_BULKREAD);
	walk->row = row_program(rel, columns);
	if (nbuckets > 1 && key != NIL)
		walk->key = row_program(rel, key);
	walk->buckets = buckets;
	walk->nbuckets = nbuckets;
	PredicateLockRelation(rel, walk->snapshot);
	MemoryContextSwitchTo(old);
	return walk;
}

void
walk_blocks(Walk *walk, BlockNumber first, BlockNumber end)
{
	MemoryContext old = MemoryContextSwitchTo(walk->mcxt);

	for (BlockNumber block = first; block < end; block++)
	{
		CHECK_FOR_INTERRUPTS();
		walk_page(walk, block);
	}
	MemoryContextSwitchTo(old);
}

void
walk_end(Walk *walk)
{
	FreeAccessStrategy(walk->strategy);
	MemoryContextDelete(walk->mcxt);
}
