/*-------------------------------------------------------------------------
 *
 * matrix_cache.c
 *		Backend-local cache of compiled matrices, one per governed table.
 *
 * Entries die by relcache invalidation of the governed table itself:
 * spine.project() announces the tables whose dataset changed, ALTER TABLE
 * and DROP TABLE announce themselves.  The callback reads no catalog and
 * frees nothing: a dead matrix stays readable until the transaction ends,
 * since a running statement may hold it.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "ownership/matrix.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* One table of the cache. */
typedef struct CacheEntry
{
	Oid			relid;	/* hash key */
	Matrix	   *matrix; /* NULL, or the newest one */
} CacheEntry;

static HTAB *cache = NULL;
static uint64 generation = 1; /* grows when a cached matrix dies */
static uint64 announced = 1;  /* grows with every invalidation heard */
static List *dead = NIL;	  /* matrices to free when the transaction ends */

uint64
matrix_generation(void)
{
	return generation;
}

/* Move a matrix to the dead ones. */
static void
matrix_retire(CacheEntry *entry)
{
	MemoryContext old;

	if (entry->matrix == NULL)
		return;
	old = MemoryContextSwitchTo(TopMemoryContext);
	entry->matrix->valid = false;
	dead = lappend(dead, entry->matrix);
	entry->matrix = NULL;
	MemoryContextSwitchTo(old);
}

/*
 * Relcache callback: one table, or all of them if relid is invalid.
 */
static void
matrix_invalidate(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS seq;
	CacheEntry *entry;

	announced++;
	if (cache == NULL)
		return;

	if (OidIsValid(relid))
	{
		entry = hash_search(cache, &relid, HASH_FIND, NULL);
		if (entry != NULL && entry->matrix != NULL && entry->matrix->valid)
		{
			entry->matrix->valid = false;
			generation++;
		}
		return;
	}

	generation++;
	hash_seq_init(&seq, cache);
	while ((entry = hash_seq_search(&seq)) != NULL)
		if (entry->matrix != NULL)
			entry->matrix->valid = false;
}

/* Free what died, once no statement can hold it any more. */
static void
matrix_transaction_end(XactEvent event, void *arg)
{
	ListCell   *lc;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		event != XACT_EVENT_PREPARE)
		return;

	foreach (lc, dead)
		MemoryContextDelete(((Matrix *) lfirst(lc))->mcxt);
	list_free(dead);
	dead = NIL;
}

static void
matrix_cache_create(void)
{
	HASHCTL		ctl = {0};

	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(CacheEntry);
	ctl.hcxt = TopMemoryContext;
	cache = hash_create("spine matrices", 64, &ctl,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/*
 * Compile the matrix of a table into a context of its own, which outlives
 * the transaction only if compilation succeeds.
 */
static Matrix *
matrix_build(Relation rel, const char *dataset, const char *child)
{
	MemoryContext mcxt =
		AllocSetContextCreate(CurrentMemoryContext, "spine matrix",
							  ALLOCSET_SMALL_SIZES);
	Matrix	   *matrix = matrix_compile(rel, dataset, child, mcxt);

	MemoryContextSetParent(mcxt, CacheMemoryContext);
	return matrix;
}

Matrix *
matrix_lookup(Relation rel, const char *dataset, const char *child)
{
	Oid			relid = RelationGetRelid(rel);
	CacheEntry *entry;
	bool		found;

	if (cache == NULL)
		matrix_cache_create();

	entry = hash_search(cache, &relid, HASH_ENTER, &found);
	if (!found)
		entry->matrix = NULL;

	while (entry->matrix == NULL || !entry->matrix->valid)
	{
		uint64		before;
		Matrix	   *matrix;

		matrix_retire(entry);
		before = announced;
		matrix = matrix_build(rel, dataset, child);

		/* An invalidation may have arrived while we read; then read again. */
		entry = hash_search(cache, &relid, HASH_ENTER, &found);
		if (!found)
			entry->matrix = NULL;
		matrix_retire(entry);
		entry->matrix = matrix;
		matrix->valid = (before == announced);
		CHECK_FOR_INTERRUPTS();
	}

	return entry->matrix;
}

void
matrix_cache_init(void)
{
	CacheRegisterRelcacheCallback(matrix_invalidate, (Datum) 0);
	RegisterXactCallback(matrix_transaction_end, NULL);
}
