/*-------------------------------------------------------------------------
 *
 * parallel_walk.c
 *		Digests of the rows of several tables, by several processes.
 *
 * The blocks of all tables are counted through as if they were one table.
 * Leader and workers take the next few of them until none are left, each adds
 * to buckets of its own, and the leader adds those up: sums do not care who
 * added what.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "consistency/progress.h"
#include "consistency/digest/walk.h"
#include "miscadmin.h"
#include "optimizer/cost.h"
#include "optimizer/paths.h"
#include "port/atomics.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

/* Blocks that a process takes at a time. */
#define CHUNK_BLOCKS 64

/* Buckets of more than this are filled by one process alone. */
#define MOST_SHARED_BUCKETS 65536

/* Keys of the parts of shared memory. */
#define KEY_STATE 1
#define KEY_NAMES 2
#define KEY_BUCKETS 3

/* A table, and where its blocks begin among those of all. */
typedef struct SharedTable
{
	Oid			relid;
	uint64		first;
	uint64		end;
} SharedTable;

/* What all processes see. */
typedef struct SharedWalk
{
	pg_atomic_uint64 next;	/* the first block that nobody took */
	int			ncolumns;	/* of the names */
	int			nkey;		/* those that follow them */
	int			nbuckets;
	int			ntables;
	SharedTable tables[FLEXIBLE_ARRAY_MEMBER];
} SharedWalk;

extern PGDLLEXPORT void spine_digest_worker(dsm_segment *segment,
											shm_toc *toc);

/* ---- taking part ---- */

/* The table that a block belongs to; blocks are asked for in their order. */
static const SharedTable *
table_of(const SharedWalk *shared, int *position, uint64 block)
{
	while (block >= shared->tables[*position].end)
		(*position)++;
	return &shared->tables[*position];
}

/* Take blocks until none are left. */
static void
take_part(SharedWalk *shared, const List *columns, const List *key,
		  Bucket *buckets)
{
	uint64		total = shared->tables[shared->ntables - 1].end;
	const SharedTable *current = NULL;
	Relation	rel = NULL;
	Walk	   *walk = NULL;
	int			position = 0;
	uint64		block;
	uint64		end;

	while ((block = pg_atomic_fetch_add_u64(&shared->next, CHUNK_BLOCKS)) <
		   total)
	{
		/* Of all processes; those that help the leader tell nothing. */
		progress_set((int64) block);
		for (end = Min(block + CHUNK_BLOCKS, total); block < end;)
		{
			const SharedTable *table = table_of(shared, &position, block);
			uint64		upto = Min(end, table->end);

			if (table != current)
			{
				if (walk != NULL)
				{
					walk_end(walk);
					table_close(rel, NoLock);
				}
				current = table;
				rel = table_open(table->relid, AccessShareLock);
				walk =
					walk_begin(rel, columns, key, buckets, shared->nbuckets);
			}
			walk_blocks(walk, (BlockNumber) (block - table->first),
						(BlockNumber) (upto - table->first));
			block = upto;
		}
	}
	if (walk != NULL)
	{
		walk_end(walk);
		table_close(rel, NoLock);
	}
}

/* ---- the tables ---- */

static Size
shared_size(int ntables)
{
	return offsetof(SharedWalk, tables) + sizeof(SharedTable) * ntables;
}

/* May other processes read the table's pages? */
static bool
may_share(Relation rel)
{
	return !RelationUsesLocalBuffers(rel);
}

/*
 * List the tables that have rows of their own, with their blocks; *together
 * receives whether several processes may walk them.
 */
static SharedWalk *
list_tables(const List *relids, bool *together)
{
	SharedWalk *shared = palloc0(shared_size(list_length(relids)));
	uint64		blocks = 0;
	ListCell   *lc;

	*together = true;
	pg_atomic_init_u64(&shared->next, 0);
	foreach (lc, relids)
	{
		Relation	rel = table_open(lfirst_oid(lc), NoLock);

		CHECK_FOR_INTERRUPTS();
		if (walk_possible(rel))
		{
			SharedTable *table = &shared->tables[shared->ntables++];

			table->relid = lfirst_oid(lc);
			table->first = blocks;
			blocks += RelationGetNumberOfBlocks(rel);
			table->end = blocks;
			*together &= may_share(rel);
		}
		table_close(rel, NoLock);
	}
	return shared;
}

/* As the planner: one worker for each tripling of the least worthwhile size. */
static int
workers_for(const SharedWalk *shared)
{
	uint64		blocks = shared->tables[shared->ntables - 1].end;
	uint64		least = Max(min_parallel_table_scan_size, 1);
	int			workers = 0;

	while (blocks >= least && workers < max_parallel_workers_per_gather)
	{
		workers++;
		least *= 3;
	}
	return workers;
}

/* ---- the worker ---- */

/* Names one after the other, each ended by a NUL. */
static List *
read_names(const char **names, int n)
{
	List	   *list = NIL;

	while (n-- > 0)
	{
		list = lappend(list, pstrdup(*names));
		*names += strlen(*names) + 1;
	}
	return list;
}

void
spine_digest_worker(dsm_segment *segment, shm_toc *toc)
{
	SharedWalk *shared = shm_toc_lookup(toc, KEY_STATE, false);
	const char *names = shm_toc_lookup(toc, KEY_NAMES, false);
	Bucket	   *buckets = shm_toc_lookup(toc, KEY_BUCKETS, false);
	List	   *columns = read_names(&names, shared->ncolumns);
	List	   *key = read_names(&names, shared->nkey);

	take_part(shared, columns, key,
			  buckets + (Size) ParallelWorkerNumber * shared->nbuckets);
}

/* ---- the leader ---- */

static Size
names_size(const List *names)
{
	Size		size = 0;
	ListCell   *lc;

	foreach (lc, names)
		size += strlen(lfirst(lc)) + 1;
	return size;
}

static char *
write_names(char *to, const List *names)
{
	ListCell   *lc;

	foreach (lc, names)
	{
		strcpy(to, lfirst(lc));
		to += strlen(to) + 1;
	}
	return to;
}

/* Put everything into shared memory; returns the part that all change. */
static SharedWalk *
share(ParallelContext *context, const SharedWalk *plan, const List *columns,
	  const List *key, Bucket **buckets)
{
	Size		bucket_size =
		sizeof(Bucket) * plan->nbuckets * Max(context->nworkers, 1);
	SharedWalk *shared;
	char	   *names;

	shm_toc_estimate_chunk(&context->estimator, shared_size(plan->ntables));
	shm_toc_estimate_chunk(&context->estimator,
						   names_size(columns) + names_size(key) + 1);
	shm_toc_estimate_chunk(&context->estimator, bucket_size);
	shm_toc_estimate_keys(&context->estimator, 3);
	InitializeParallelDSM(context);

	shared = shm_toc_allocate(context->toc, shared_size(plan->ntables));
	memcpy(shared, plan, shared_size(plan->ntables));
	pg_atomic_init_u64(&shared->next, 0);
	shm_toc_insert(context->toc, KEY_STATE, shared);
	names = shm_toc_allocate(context->toc,
							 names_size(columns) + names_size(key) + 1);
	(void) write_names(write_names(names, columns), key);
	shm_toc_insert(context->toc, KEY_NAMES, names);
	*buckets = shm_toc_allocate(context->toc, bucket_size);
	memset(*buckets, 0, bucket_size);
	shm_toc_insert(context->toc, KEY_BUCKETS, *buckets);
	return shared;
}

static void
add_up(Bucket *sums, const Bucket *buckets, int nbuckets)
{
	for (int i = 0; i < nbuckets; i++)
	{
		sums[i].rows += buckets[i].rows;
		hash128_add(&sums[i].sum, buckets[i].sum);
	}
}

static void
walk_together(const SharedWalk *plan, int workers, const List *columns,
			  const List *key, Bucket *buckets)
{
	ParallelContext *context;
	SharedWalk *shared;
	Bucket	   *theirs;

	EnterParallelMode();
	context = CreateParallelContext("spine", "spine_digest_worker", workers);
	shared = share(context, plan, columns, key, &theirs);
	LaunchParallelWorkers(context);
	take_part(shared, columns, key, buckets);
	WaitForParallelWorkersToFinish(context);
	for (int i = 0; i < context->nworkers_launched; i++)
		add_up(buckets, theirs + (Size) i * plan->nbuckets, plan->nbuckets);
	DestroyParallelContext(context);
	ExitParallelMode();
}

void
walk_tables(const List *relids, const List *columns, const List *key,
			Bucket *buckets, int nbuckets)
{
	bool		together;
	SharedWalk *shared = list_tables(relids, &together);
	int			workers;

	if (shared->ntables == 0)
		return;
	shared->ncolumns = list_length(columns);
	shared->nkey = list_length(key);
	shared->nbuckets = nbuckets;
	workers =
		together && nbuckets <= MOST_SHARED_BUCKETS && !IsInParallelMode() ?
		workers_for(shared) :
		0;
	if (workers > 0)
		walk_together(shared, workers, columns, key, buckets);
	else
		take_part(shared, columns, key, buckets);
}
