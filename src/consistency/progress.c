/*-------------------------------------------------------------------------
 *
 * progress.c
 *		How far checks have got: spine.progress.
 *
 * Each backend has a few numbers in shared memory that the server keeps for
 * the progress of its own commands (VACUUM, CREATE INDEX), for all to read.
 * A check borrows its backend's: it needs no memory of ours, so it works
 * without preload, and what a backend leaves goes with it.  No command of the
 * server is named, so the server's own views show nothing of it; a number
 * of ours tells the others that it is a check.
 *
 * What is there is a hint for people: a row may be half an update old.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/xact.h"
#include "base/compat.h"
#include "common/hashfn.h"
#include "consistency/progress.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/backend_progress.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(spine_running_checks);
PG_FUNCTION_INFO_V1(spine_placement_number);

/* Says that the numbers are ours. */
#define MARK INT64CONST(0x5350494e45434b31)

/* The numbers. */
enum
{
	PARAM_MARK,
	PARAM_PLACEMENT, /* hash of its name */
	PARAM_PHASE,
	PARAM_DONE,
	PARAM_TOTAL,
	PARAM_STARTED,
	PARAM_PHASE_STARTED,
	PARAM_PHASE_FROM, /* what was done when the phase began here */
	PARAMS
};

static const char *const phases[] = {"starting", "warming",	   "comparing",
									 "locating", "confirming", "writing",
									 "repairing"};

/* A phase that goes on over several transactions. */
static int			begun_phase = -1; /* none does */
static TimestampTz	phase_begun = 0;
static int64		phase_from = 0; /* what was done then */

static bool	 running = false;
static bool	 staying = false;		 /* over the end of this transaction */
static int64 begun_placement = 0;	 /* whose check it is */
static TimestampTz begun = 0;		 /* when it began; 0: none goes on */
static int64 done = 0;	   /* as it stands there */
static int64 unwritten = 0; /* not there yet */

/* Numbers are written every so many. */
#define WRITE_EVERY 64

static int64
placement_number(const char *placement)
{
	return (int64) hash_bytes_extended((const unsigned char *) placement,
									   strlen(placement), 0);
}

/* ---- telling ---- */

void
progress_begin(const char *placement)
{
	const int index[] = {PARAM_PLACEMENT, PARAM_STARTED, PARAM_MARK};
	int64	  number = placement_number(placement);
	int64	  values[] = {number, 0, MARK};

	/* One that stayed goes on. */
	if (begun == 0 || begun_placement != number)
	{
		begun = GetCurrentTimestamp();
		begun_phase = -1;
	}
	begun_placement = number;
	values[1] = begun;
	pgstat_progress_start_command(PROGRESS_COMMAND_INVALID, InvalidOid);
	running = true;
	staying = false;
	progress_phase(PROGRESS_STARTING, 0);
	pgstat_progress_update_multi_param(lengthof(index), index, values);
}

void
progress_end(void)
{
	if (!running)
		return;
	running = staying = false;
	begun = 0;
	begun_phase = -1;
	pgstat_progress_update_param(PARAM_MARK, 0);
}

void
progress_stay(void)
{
	staying = running;
}

void
progress_phase(ProgressPhase phase, int64 total)
{
	const int	index[] = {PARAM_PHASE, PARAM_DONE, PARAM_TOTAL,
						   PARAM_PHASE_STARTED, PARAM_PHASE_FROM};
	const int64 values[] = {phase, 0, total, GetCurrentTimestamp(), 0};

	if (!running)
		return;
	done = unwritten = 0;
	pgstat_progress_update_multi_param(lengthof(index), index, values);
}

void
progress_go_on(ProgressPhase phase, int64 n, int64 total)
{
	if (!running)
		return;
	if (begun_phase != (int) phase)
	{
		begun_phase = phase;
		phase_begun = GetCurrentTimestamp();
		phase_from = n;
	}
	progress_phase(phase, total);
	pgstat_progress_update_param(PARAM_PHASE_STARTED, phase_begun);
	pgstat_progress_update_param(PARAM_PHASE_FROM, phase_from);
	progress_set(n);
}

void
progress_set(int64 n)
{
	if (!running)
		return;
	done = n;
	unwritten = 0;
	pgstat_progress_update_param(PARAM_DONE, done);
}

void
progress_add(int64 n)
{
	if (!running)
		return;
	unwritten += n;
	if (unwritten >= WRITE_EVERY)
		progress_set(done + unwritten);
}

/* However the transaction ends, the check does, unless it is to stay. */
static void
end_with_transaction(XactEvent event, void *arg)
{
	if (staying && event == XACT_EVENT_COMMIT)
		staying = false;
	else if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
			 event == XACT_EVENT_PREPARE)
		progress_end();
}

/* One that failed inside a subtransaction is over, too. */
static void
end_with_subtransaction(SubXactEvent event, SubTransactionId mySubid,
						SubTransactionId parentSubid, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		progress_end();
}

void
progress_init(void)
{
	RegisterXactCallback(end_with_transaction, NULL);
	RegisterSubXactCallback(end_with_subtransaction, NULL);
}

/* ---- reading ---- */

/* A row of the function, or false if the backend makes no check here. */
static bool
read_backend(const PgBackendStatus *backend, Datum *values)
{
	const int64 *param = backend->st_progress_param;

	if (backend->st_progress_command != PROGRESS_COMMAND_INVALID ||
		param[PARAM_MARK] != MARK || backend->st_databaseid != MyDatabaseId ||
		param[PARAM_PHASE] < 0 ||
		param[PARAM_PHASE] >= (int64) lengthof(phases))
		return false;
	values[0] = Int32GetDatum(backend->st_procpid);
	values[1] = Int64GetDatum(param[PARAM_PLACEMENT]);
	values[2] = CStringGetTextDatum(phases[param[PARAM_PHASE]]);
	values[3] = Int64GetDatum(param[PARAM_DONE]);
	values[4] = Int64GetDatum(param[PARAM_TOTAL]);
	values[5] = TimestampTzGetDatum(param[PARAM_STARTED]);
	values[6] = TimestampTzGetDatum(param[PARAM_PHASE_STARTED]);
	values[7] = Int64GetDatum(param[PARAM_PHASE_FROM]);
	return true;
}

/* spine.running_checks(): of this database. */
Datum
spine_running_checks(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo;
	int			   n = pgstat_fetch_stat_numbackends();

	InitMaterializedSRF(fcinfo, 0);
	rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	for (int i = 1; i <= n; i++)
	{
		LocalPgBackendStatus *backend = backend_status_at(i);
		Datum				  values[8];
		bool				  nulls[8] = {false};

		if (backend != NULL && read_backend(&backend->backendStatus, values))
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
								 nulls);
	}
	return (Datum) 0;
}

/* spine.placement_number(placement text): how running_checks calls a copy. */
Datum
spine_placement_number(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(placement_number(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}
