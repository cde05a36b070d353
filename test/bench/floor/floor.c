/*-------------------------------------------------------------------------
 *
 * floor.c
 *		What the benchmarks compare with.
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

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(floor_before);
PG_FUNCTION_INFO_V1(floor_after);
PG_FUNCTION_INFO_V1(floor_audit);
PG_FUNCTION_INFO_V1(floor_cpu);

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
