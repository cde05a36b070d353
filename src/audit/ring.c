/*-------------------------------------------------------------------------
 *
 * ring.c
 *		The shared memory that refused attempts wait in.
 *
 * A fixed number of slots, and beside them their marks, small enough to be
 * looked through at once.  A slot is free or filled, and nothing between: it
 * is filled under the exclusive lock, read without one, and freed when the
 * transaction that wrote it down has committed.  So whoever takes may fail or
 * die at any moment: what it took still waits.  Written down twice is nothing
 * either, as taking excludes itself within a database (see denied.c) and
 * freeing comes before that exclusion ends.
 *
 * Attempts of one sort (database, role, dataset, attribute) that are more
 * than spine.denied_rate a second are counted in a bucket which keeps the
 * first of them; so are those that find the ring full.  A bucket that counts
 * is not given to another sort before its count is written down.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "audit/ring.h"
#include "base/settings.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

/* Buckets: sets of WAYS, the sort says which set. */
#define SETS 128
#define WAYS 4
#define BUCKETS (SETS * WAYS)

/* Other databases looked up in one sweep. */
#define SWEEP_MOST 16

/* What is to be known of a slot without reading it. */
typedef struct Mark
{
	uint64		order;	  /* 0: free; else its place in time */
	Oid			database; /* whose */
} Mark;

/* The count of one sort. */
typedef struct Bucket
{
	uint64		sort;		/* 0: never used */
	int64		second;		/* that rate is about */
	uint32		rate;		/* attempts in that second */
	uint64		suppressed; /* counted, not yet written down */
	Attempted	sample;		/* the first of those */
} Bucket;

typedef struct Ring
{
	/* fixed */
	LWLock	   *lock;
	int			capacity;

	/* under the lock */
	int			next;  /* where to look for a free slot */
	uint64		order; /* of the last slot filled */
	Bucket		buckets[BUCKETS];

	/* changed under the lock, read without */
	pg_atomic_uint32 used;
	pg_atomic_uint32 counting; /* buckets that count */

	/* statistics, under the lock */
	uint64		recorded;
	uint64		suppressed;
	uint64		lost;
	TimestampTz last_lost;
} Ring;

static Ring *ring = NULL;
static Mark *marks = NULL;
static Attempted *slots = NULL;

static shmem_request_hook_type next_request_hook = NULL;
static shmem_startup_hook_type next_startup_hook = NULL;

static Size
ring_size(void)
{
	Size size = MAXALIGN(sizeof(Ring));

	size = add_size(size,
					MAXALIGN(mul_size(sizeof(Mark), spine_denied_ring_size)));
	return add_size(size, mul_size(sizeof(Attempted), spine_denied_ring_size));
}

static void
ring_request(void)
{
	if (next_request_hook)
		next_request_hook();
	RequestAddinShmemSpace(ring_size());
	RequestNamedLWLockTranche("spine_denied", 1);
}

/* Make the ring, or find it: also after a crash, empty then. */
static void
ring_startup(void)
{
	bool found;

	if (next_startup_hook)
		next_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	ring = ShmemInitStruct("spine denied ring", ring_size(), &found);
	marks = (Mark *) ((char *) ring + MAXALIGN(sizeof(Ring)));
	slots = (Attempted *) ((char *) marks +
						   MAXALIGN(sizeof(Mark) * spine_denied_ring_size));
	if (!found)
	{
		memset(ring, 0, sizeof(Ring));
		memset(marks, 0, sizeof(Mark) * spine_denied_ring_size);
		ring->lock = &GetNamedLWLockTranche("spine_denied")->lock;
		ring->capacity = spine_denied_ring_size;
		pg_atomic_init_u32(&ring->used, 0);
		pg_atomic_init_u32(&ring->counting, 0);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
ring_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	next_request_hook = shmem_request_hook;
	shmem_request_hook = ring_request;
	next_startup_hook = shmem_startup_hook;
	shmem_startup_hook = ring_startup;
}

bool
ring_exists(void)
{
	return ring != NULL;
}

/* Copy an attempt, as much of it as is in use. */
static void
attempt_copy(Attempted *to, const Attempted *from)
{
	Size size = offsetof(Attempted, data);

	for (int i = 0; i < ATTEMPT_FIELDS; i++)
		size += from->length[i];
	memcpy(to, from, size);
}

/*
 * The bucket of a sort, started anew if it was another's; NULL if all that it
 * could be are counting for others.  Of those that are not, the one that was
 * used longest ago goes.
 */
static Bucket *
bucket_of(uint64 sort)
{
	Bucket *set = &ring->buckets[(sort % SETS) * WAYS];
	Bucket *oldest = NULL;

	for (int i = 0; i < WAYS; i++)
	{
		if (set[i].sort == sort)
			return &set[i];
		if (set[i].suppressed == 0 &&
			(oldest == NULL || set[i].second < oldest->second))
			oldest = &set[i];
	}

	if (oldest != NULL)
	{
		oldest->sort = sort;
		oldest->second = 0;
		oldest->rate = 0;
	}
	return oldest;
}

/* May another attempt of this sort be kept in this second? */
static bool
within_rate(Bucket *bucket, TimestampTz at)
{
	int64 second = at / USECS_PER_SEC;

	if (bucket == NULL)
		return true;
	if (bucket->second != second)
	{
		bucket->second = second;
		bucket->rate = 0;
	}
	if (bucket->rate >= (uint32) spine_denied_rate)
		return false;
	bucket->rate++;
	return true;
}

/* Count an attempt that is not kept. */
static void
count_attempt(Bucket *bucket, const Attempted *attempt)
{
	if (bucket == NULL)
		return;
	if (bucket->suppressed++ == 0)
	{
		attempt_copy(&bucket->sample, attempt);
		pg_atomic_fetch_add_u32(&ring->counting, 1);
	}
}

/* Fill a free slot, of which there is one. */
static void
fill_slot(const Attempted *attempt)
{
	int slot = ring->next;

	while (marks[slot].order != 0)
		slot = (slot + 1) % ring->capacity;
	ring->next = (slot + 1) % ring->capacity;

	attempt_copy(&slots[slot], attempt);
	marks[slot].database = attempt->database;
	marks[slot].order = ++ring->order;
	pg_atomic_fetch_add_u32(&ring->used, 1);
	ring->recorded++;
}

bool
ring_put(const Attempted *attempt)
{
	Bucket *bucket;

	if (ring == NULL)
		return false;

	LWLockAcquire(ring->lock, LW_EXCLUSIVE);
	bucket = bucket_of(attempt->sort);
	if (!within_rate(bucket, attempt->at))
	{
		ring->suppressed++;
		count_attempt(bucket, attempt);
	}
	else if (pg_atomic_read_u32(&ring->used) >= (uint32) ring->capacity)
	{
		ring->lost++;
		ring->last_lost = attempt->at;
		count_attempt(bucket, attempt);
	}
	else
		fill_slot(attempt);
	LWLockRelease(ring->lock);
	return true;
}

/* qsort comparator: slots by their place in time. */
static int
compare_slots(const void *a, const void *b)
{
	uint64 x = marks[*(const int *) a].order;
	uint64 y = marks[*(const int *) b].order;

	return x < y ? -1 : x > y ? 1 : 0;
}

int
ring_take(int *taken, int most)
{
	int *mine;
	int	 n = 0;

	if (ring == NULL || pg_atomic_read_u32(&ring->used) == 0)
		return 0;

	mine = palloc(sizeof(int) * ring->capacity);
	LWLockAcquire(ring->lock, LW_SHARED);
	for (int i = 0; i < ring->capacity; i++)
		if (marks[i].order != 0 && marks[i].database == MyDatabaseId)
			mine[n++] = i;
	LWLockRelease(ring->lock);

	qsort(mine, n, sizeof(int), compare_slots);
	n = Min(n, most);
	memcpy(taken, mine, sizeof(int) * n);
	pfree(mine);
	return n;
}

const Attempted *
ring_slot(int slot)
{
	return &slots[slot];
}

int
ring_take_counts(AttemptCount *counts, int most)
{
	int64 second = GetCurrentTimestamp() / USECS_PER_SEC;
	int	  n = 0;

	if (ring == NULL || pg_atomic_read_u32(&ring->counting) == 0)
		return 0;

	/* A sample that counts does not change, so it is read later. */
	LWLockAcquire(ring->lock, LW_SHARED);
	for (int i = 0; i < BUCKETS && n < most; i++)
	{
		Bucket *bucket = &ring->buckets[i];

		if (bucket->suppressed == 0 ||
			bucket->sample.at / USECS_PER_SEC >= second ||
			bucket->sample.database != MyDatabaseId)
			continue;
		counts[n].bucket = i;
		counts[n].sort = bucket->sort;
		counts[n].suppressed = bucket->suppressed;
		counts[n].sample = &bucket->sample;
		n++;
	}
	LWLockRelease(ring->lock);
	return n;
}

/* Free a slot; the lock is held. */
static void
free_slot(int slot)
{
	marks[slot].order = 0;
	pg_atomic_fetch_sub_u32(&ring->used, 1);
}

/* Take from a count what is written down; the lock is held. */
static void
settle_count(Bucket *bucket, uint64 written)
{
	bucket->suppressed -= written;
	if (bucket->suppressed == 0)
		pg_atomic_fetch_sub_u32(&ring->counting, 1);
}

void
ring_free(const int *taken, int n, const AttemptCount *counts, int ncounts)
{
	LWLockAcquire(ring->lock, LW_EXCLUSIVE);
	for (int i = 0; i < n; i++)
		free_slot(taken[i]);
	for (int i = 0; i < ncounts; i++)
		settle_count(&ring->buckets[counts[i].bucket], counts[i].suppressed);
	LWLockRelease(ring->lock);
}

/* Forget all that waits of one database. */
static void
forget_database(Oid database)
{
	LWLockAcquire(ring->lock, LW_EXCLUSIVE);
	for (int i = 0; i < ring->capacity; i++)
		if (marks[i].order != 0 && marks[i].database == database)
			free_slot(i);
	for (int i = 0; i < BUCKETS; i++)
	{
		Bucket *bucket = &ring->buckets[i];

		if (bucket->suppressed > 0 && bucket->sample.database == database)
			settle_count(bucket, bucket->suppressed);
	}
	LWLockRelease(ring->lock);
}

/* Add a database to a short list, unless it is this one or there already. */
static int
note_database(Oid *others, int n, Oid database)
{
	if (database == MyDatabaseId || n == SWEEP_MOST)
		return n;
	for (int i = 0; i < n; i++)
		if (others[i] == database)
			return n;
	others[n] = database;
	return n + 1;
}

void
ring_sweep(void)
{
	Oid others[SWEEP_MOST];
	int n = 0;

	if (ring == NULL ||
		(pg_atomic_read_u32(&ring->used) == 0 &&
		 pg_atomic_read_u32(&ring->counting) == 0))
		return;

	LWLockAcquire(ring->lock, LW_SHARED);
	for (int i = 0; i < ring->capacity; i++)
		if (marks[i].order != 0)
			n = note_database(others, n, marks[i].database);
	for (int i = 0; i < BUCKETS; i++)
		if (ring->buckets[i].suppressed > 0)
			n = note_database(others, n, ring->buckets[i].sample.database);
	LWLockRelease(ring->lock);

	for (int i = 0; i < n; i++)
		if (!SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(others[i])))
			forget_database(others[i]);
}

void
ring_figures(RingFigures *figures)
{
	memset(figures, 0, sizeof(*figures));
	if (ring == NULL)
		return;

	LWLockAcquire(ring->lock, LW_SHARED);
	figures->capacity = ring->capacity;
	figures->used = pg_atomic_read_u32(&ring->used);
	figures->recorded = ring->recorded;
	figures->suppressed = ring->suppressed;
	figures->lost = ring->lost;
	figures->last_lost = ring->last_lost;
	LWLockRelease(ring->lock);
}
