/*-------------------------------------------------------------------------
 *
 * steward.c
 *		A visit to one database: run what is due there, and leave.
 *
 * Each piece of a job is a short transaction.  A job that always has more to
 * do is left for the next visit after a while, so that the others get their
 * turn and the database is not held.  Settings of the database that would
 * change what a transaction means do not count here.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include <signal.h>

#include "access/xact.h"
#include "base/rights.h"
#include "base/settings.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "worker/worker_internal.h"

/* Milliseconds that one job may go on in one visit, if it has more to do. */
#define PATIENCE 1000
/* The same of a long one. */
#define LONG_PATIENCE 60000

/* Settings of the database or of everybody that do not hold for us. */
static const char *const fixed_settings[][2] =
	{{"role", "none"},
	 {"search_path", "pg_catalog, pg_temp"},
	 {"default_transaction_isolation", "read committed"},
	 {"default_transaction_read_only", "off"},
	 {"default_transaction_deferrable", "off"},
	 {"session_replication_role", "origin"},
	 {"statement_timeout", "0"},
	 {"transaction_timeout", "0"},
	 {"idle_in_transaction_session_timeout", "0"},
	 {"lock_timeout", "5s"},
	 {"synchronous_commit", "on"},
	 {"row_security", "on"},
	 {"jit", "off"}};

static void
fix_settings(void)
{
	for (int i = 0; i < (int) lengthof(fixed_settings); i++)
		/* Not every version has all of them. */
		if (GetConfigOption(fixed_settings[i][0], true, false) != NULL)
			SetConfigOption(fixed_settings[i][0], fixed_settings[i][1],
							PGC_SUSET, PGC_S_OVERRIDE);
}

/* ---- what is here ---- */

/* Is the extension here, in the version that this module speaks? */
static bool
is_at_home(void)
{
	bool here = OidIsValid(get_extension_oid("spine", true));

	if (!here)
		return false;
	if (SPI_execute("SELECT 1 FROM pg_catalog.pg_extension"
					" WHERE extname = 'spine'"
					" AND extversion = '" SPINE_VERSION "'",
					true, 1) != SPI_OK_SELECT)
		/* cannot happen */
		elog(ERROR, "could not read the extension's version");
	return SPI_processed == 1;
}

static void
begin(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
commit(void)
{
	PopActiveSnapshot();
	SPI_finish();
	CommitTransactionCommand();
}

/* Read the notes of all jobs; false if this is no database of spine's. */
static bool
look_around(JobNote *notes)
{
	bool at_home;

	begin();
	at_home = is_at_home();
	if (at_home)
		job_notes(notes);
	commit();
	return at_home;
}

/* ---- jobs ---- */

/* Tell the server's log. */
static void
log_failure(const Job *job, const ErrorData *error)
{
	ereport(LOG,
			(errcode(error->sqlerrcode),
			 errmsg("job \"%s\" of spine failed: %s", job->name,
					error->message),
			 errdetail("Database \"%s\", SQLSTATE %s.",
					   get_database_name(MyDatabaseId),
					   unpack_sql_state(error->sqlerrcode)),
			 error->context ? errcontext("%s", error->context) : 0));
}

/* One piece in a transaction of its own; errors are as its job_run. */
static RunResult
run_transaction(const Job *job, JobNote *note, MemoryContext mcxt)
{
	RunResult  result;
	ErrorData *error = NULL;

	begin();
	result = job_run(job, note, "steward", &error);
	if (result == RUN_FAILED)
		log_failure(job, error);
	commit();
	return result;
}

/* The same; an error at its commit is a failure, too. */
static RunResult
run_piece(const Job *job, JobNote *note, MemoryContext mcxt)
{
	volatile RunResult result = RUN_FAILED;

	PG_TRY();
	{
		result = run_transaction(job, note, mcxt);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(mcxt);
		error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();

		begin();
		log_failure(job, error);
		job_note_failure(job, note, "steward", error);
		commit();
	}
	PG_END_TRY();
	return result;
}

/*
 * Run a job as long as it has more to do, but not for ever.  Returns whether
 * it has.
 */
static bool
run_job(const Job *job, JobNote *note, MemoryContext mcxt)
{
	TimestampTz begun = GetCurrentTimestamp();
	RunResult	result = RUN_MORE;
	int			patience = job_look(job) != NULL ? LONG_PATIENCE : PATIENCE;

	while (result == RUN_MORE &&
		   !TimestampDifferenceExceeds(begun, GetCurrentTimestamp(), patience))
	{
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		pgstat_report_activity(STATE_RUNNING, job->name);
		result = run_piece(job, note, mcxt);
		pgstat_report_stat(false);
		pgstat_report_activity(STATE_IDLE, NULL);
		MemoryContextReset(mcxt);
		job_rest();
	}
	return result == RUN_MORE;
}

/*
 * Run all of the lane that is due.  Returns when the next one is; 0: there is
 * more.  A long one is due where one of the others finds that it is wanted.
 */
static TimestampTz
run_due_jobs(Lane lane, JobNote *notes, MemoryContext mcxt)
{
	TimestampTz next = DT_NOEND;
	bool		more = false;

	for (int i = 0; i < job_count(); i++)
	{
		if ((job_look(job_at(i)) != NULL) != (lane == LANE_LONG))
			continue;
		if (notes[i].next_due <= GetCurrentTimestamp())
			more |= run_job(job_at(i), &notes[i], mcxt);
		next = Min(next, notes[i].next_due);
	}
	return more ? 0 : next;
}

/* Does a long job that is due have something to do? */
static bool
long_job_wanted(const JobNote *notes)
{
	for (int i = 0; i < job_count(); i++)
	{
		const Job *job = job_at(i);
		bool	   wanted;

		if (job_look(job) == NULL || notes[i].next_due > GetCurrentTimestamp())
			continue;
		begin();
		wanted = job_wanted(job, &notes[i]);
		commit();
		if (wanted)
			return true;
	}
	return false;
}

/* The steward's process; arg has its place and turn. */
void
spine_steward_main(Datum arg)
{
	int			  place = DatumGetInt64(arg) & 0xff;
	uint32		  turn = (uint32) ((uint64) DatumGetInt64(arg) >> 8);
	Lane		  lane = lane_of(place);
	Oid			  database;
	MemoryContext mcxt;
	JobNote		 *notes;
	TimestampTz	  next;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	if (!place_enter(place, turn, &database))
		proc_exit(0);

	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	pgstat_report_appname(MyBgworkerEntry->bgw_type);
	fix_settings();
	mcxt = AllocSetContextCreate(TopMemoryContext, "spine steward",
								 ALLOCSET_DEFAULT_SIZES);
	notes = MemoryContextAllocZero(TopMemoryContext,
								   sizeof(JobNote) * Max(job_count(), 1));

	if (!look_around(notes))
		place_report(place, false, 0, false);
	else
	{
		next = run_due_jobs(lane, notes, mcxt);
		place_report(place, true, next,
					 lane == LANE_SHORT && long_job_wanted(notes));
	}
	proc_exit(0);
}
