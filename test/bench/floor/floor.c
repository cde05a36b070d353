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

#include "commands/trigger.h"
#include "fmgr.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(floor_before);
PG_FUNCTION_INFO_V1(floor_after);
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
