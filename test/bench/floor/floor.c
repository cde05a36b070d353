/*-------------------------------------------------------------------------
 *
 * floor.c
 *		What the benchmarks compare with.
 *
 * The digest of a table's tuples as they stand, whatever they mean, is the
 * price of reading and hashing so many bytes.
 *
 * The row triggers do what any row trigger must and nothing else: what they
 * cost is the price of PostgreSQL's mechanism, which no guard can undercut.
 * The clock is the backend's own time on a CPU, so that other processes of a
 * busy machine weigh little.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(floor_before);
PG_FUNCTION_INFO_V1(floor_after);
PG_FUNCTION_INFO_V1(floor_audit);
PG_FUNCTION_INFO_V1(floor_cpu);
PG_FUNCTION_INFO_V1(floor_raw);

/* A BEFORE UPDATE row trigger that lets the row pass. */
Datum
floor_before(PG_FUNCTION_ARGS)
{
	return PointerGetDatum(((TriggerData *) fcinfo->context)->tg_newtuple);
}

/* An AFTER row trigger that does nothing. */
Datum
floor_after(PG_FUNCTION_ARGS)
{
	return PointerGetDatum(NULL);
}

/*
 * An AFTER UPDATE row trigger of bench.orders that records the write through
 * SPI, with a plan that is kept: what a C trigger costs that does not form its
 * row itself.
 */
Datum
floor_audit(PG_FUNCTION_ARGS)
{
	static SPIPlanPtr plan = NULL;
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	desc = trigger->tg_relation->rd_att;
	Oid			types[] = {INT8OID, NUMERICOID, NUMERICOID};
	Datum		values[3];
	char		nulls[] = "   ";

	SPI_connect();
	if (plan == NULL)
	{
		plan = SPI_prepare("INSERT INTO bench.trail (at, actor, action, key, old, new) "
						   "VALUES (clock_timestamp(), current_user, 'update', $1, $2, $3)",
						   3, types);
		SPI_keepplan(plan);
	}
	for (int i = 0; i < 3; i++)
	{
		HeapTuple	row = i < 2 ? trigger->tg_trigtuple : trigger->tg_newtuple;
		bool		isnull;

		values[i] = SPI_getbinval(row, desc, i == 0 ? 1 : 4, &isnull);
		nulls[i] = isnull ? 'n' : ' ';
	}
	SPI_execute_plan(plan, values, nulls, false, 0);
	SPI_finish();
	return PointerGetDatum(NULL);
}

/* Nanoseconds that this backend has been on a CPU. */
Datum
floor_cpu(PG_FUNCTION_ARGS)
{
	struct timespec now;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR),
				 errmsg("could not read the CPU clock: %m")));
	PG_RETURN_INT64(now.tv_sec * INT64CONST(1000000000) + now.tv_nsec);
}

/* What the tuples of a page add up to, while the next one is brought near. */
static void
add_raw(Page page, Page next, uint64 *low, uint64 *high)
{
	for (OffsetNumber n = 1; n <= PageGetMaxOffsetNumber(page); n++)
	{
		ItemId		item = PageGetItemId(page, n);
		HeapTupleHeader tuple = (HeapTupleHeader) PageGetItem(page, item);
		XXH128_hash_t hash;

		__builtin_prefetch(next + BLCKSZ - n * 128 % BLCKSZ);
		__builtin_prefetch(next + BLCKSZ - n * 128 % BLCKSZ + 64);
		if (!ItemIdIsNormal(item))
			continue;
		hash = XXH3_128bits((char *) tuple + tuple->t_hoff,
							ItemIdGetLength(item) - tuple->t_hoff);
		*low += hash.low64;
		*high += hash.high64 + (*low < hash.low64);
	}
}

/* floor_raw(regclass): the sum of the hashes of a table's tuples, low half. */
Datum
floor_raw(PG_FUNCTION_ARGS)
{
	Relation	rel = table_open(PG_GETARG_OID(0), AccessShareLock);
	BlockNumber blocks = RelationGetNumberOfBlocks(rel);
	Buffer		next = blocks > 0 ? ReadBuffer(rel, 0) : InvalidBuffer;
	uint64		low = 0;
	uint64		high = 0;

	for (BlockNumber block = 0; block < blocks; block++)
	{
		Buffer		buffer = next;

		CHECK_FOR_INTERRUPTS();
		if (block + 1 < blocks)
			next = ReadBuffer(rel, block + 1);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		if (!PageIsAllVisible(BufferGetPage(buffer)))
			elog(ERROR, "the table is to be vacuumed first");
		LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
		add_raw(BufferGetPage(buffer), BufferGetPage(next), &low, &high);
		ReleaseBuffer(buffer);
	}
	table_close(rel, AccessShareLock);
	PG_RETURN_INT64((int64) (low ^ high));
}
