/*-------------------------------------------------------------------------
 *
 * run.c
 *		One piece of a job, and what is noted of it in spine.job_run.
 *
 * A piece runs in a subtransaction: what went wrong is noted by the same
 * transaction that saw it.  A lock of the transaction keeps two processes of
 * a database from running the same job at once.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/xact.h"
#include "base/own_lock.h"
#include "base/rights.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"
#include "worker/worker_internal.h"

/* Seconds after which a job that is quiet is noted again. */
#define NOTE_INTERVAL 60

/* Seconds of the first pause after a failure, and of the longest one. */
#define FIRST_PAUSE 10
#define LONGEST_PAUSE 3600

/* ---- notes ---- */

static JobNote *
find_note(JobNote *notes, const char *name)
{
	for (int i = 0; i < job_count(); i++)
		if (strcmp(job_at(i)->name, name) == 0)
			return &notes[i];
	return NULL;
}

/* A column of the current result as a time; otherwise if it is NULL. */
static TimestampTz
time_column(HeapTuple row, int column, TimestampTz otherwise)
{
	bool  isnull;
	Datum value = SPI_getbinval(row, SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? otherwise : DatumGetTimestampTz(value);
}

void
job_notes(JobNote *notes)
{
	ActAs before = act_as(extension_owner(), false);
	bool  isnull;

	for (int i = 0; i < job_count(); i++)
	{
		notes[i].next_due = DT_NOBEGIN;
		notes[i].noted = DT_NOBEGIN;
		notes[i].failures = 0;
	}
	if (SPI_execute("SELECT job, next_due, finished_at, failures_in_a_row"
					" FROM spine.job_run",
					true, 0) != SPI_OK_SELECT)
		/* cannot happen */
		elog(ERROR, "could not read the notes of jobs");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple row = SPI_tuptable->vals[i];
		JobNote	 *note =
			find_note(notes, SPI_getvalue(row, SPI_tuptable->tupdesc, 1));

		if (note == NULL)
			continue;
		note->next_due = time_column(row, 2, DT_NOBEGIN);
		note->noted = time_column(row, 3, DT_NOBEGIN);
		note->failures = DatumGetInt32(
			SPI_getbinval(row, SPI_tuptable->tupdesc, 4, &isnull));
	}
	act_done(&before);
}

/* Seconds from the end of this run to the next. */
static int
pause_after(const Job *job, const JobNote *note, const ErrorData *error)
{
	int pause = FIRST_PAUSE;

	if (error == NULL)
		return job->every;
	for (int i = 1; i < note->failures && pause < LONGEST_PAUSE; i++)
		pause *= 2;
	return Max(job->every, Min(pause, LONGEST_PAUSE));
}

static const char upsert[] =
	"INSERT INTO spine.job_run AS r (job, started_at, finished_at, ok, runs,"
	" failures, failures_in_a_row, last_sqlstate, last_error, last_failed_at,"
	" next_due, run_by)"
	" VALUES ($1, $2, $3, $4, 1, CASE WHEN $4 THEN 0 ELSE 1 END, $5, $6, $7,"
	" CASE WHEN $4 THEN NULL ELSE $3 END, $8, $9)"
	" ON CONFLICT (job) DO UPDATE SET started_at = EXCLUDED.started_at,"
	" finished_at = EXCLUDED.finished_at, ok = EXCLUDED.ok,"
	" runs = r.runs + 1, failures = r.failures + EXCLUDED.failures,"
	" failures_in_a_row = EXCLUDED.failures_in_a_row,"
	" last_sqlstate = coalesce(EXCLUDED.last_sqlstate, r.last_sqlstate),"
	" last_error = coalesce(EXCLUDED.last_error, r.last_error),"
	" last_failed_at = coalesce(EXCLUDED.last_failed_at, r.last_failed_at),"
	" next_due = EXCLUDED.next_due, run_by = EXCLUDED.run_by";

/* Note a run that began then and ends now; error is NULL if it was good. */
static void
write_note(const Job *job, const JobNote *note, const char *by,
		   TimestampTz started, TimestampTz finished, const ErrorData *error)
{
	Oid	  types[] = {TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, BOOLOID, INT4OID,
					 TEXTOID, TEXTOID,		  TIMESTAMPTZOID, TEXTOID};
	Datum values[lengthof(types)] = {0};
	char  nulls[] = "         ";
	ActAs before = act_as(extension_owner(), false);

	values[0] = CStringGetTextDatum(job->name);
	values[1] = TimestampTzGetDatum(started);
	values[2] = TimestampTzGetDatum(finished);
	values[3] = BoolGetDatum(error == NULL);
	values[4] = Int32GetDatum(note->failures);
	if (error != NULL)
	{
		values[5] = CStringGetTextDatum(unpack_sql_state(error->sqlerrcode));
		values[6] = CStringGetTextDatum(job_safe_message(error));
	}
	else
		nulls[5] = nulls[6] = 'n';
	values[7] = TimestampTzGetDatum(note->next_due);
	values[8] = CStringGetTextDatum(by);
	if (SPI_execute_with_args(upsert, lengthof(types), types, values, nulls,
							  false, 0) != SPI_OK_INSERT)
		/* cannot happen */
		elog(ERROR, "could not note the run of a job");
	act_done(&before);
}

/*
 * Note a run.  A job that runs at every visit and has nothing to tell is noted
 * once a minute, so that a quiet database stays quiet.
 */
static void
note_run(const Job *job, JobNote *note, const char *by, TimestampTz started,
		 bool more, const ErrorData *error)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		was_good = note->failures == 0;

	note->failures = error == NULL ? 0 : note->failures + 1;
	note->next_due = more ?
		now :
		TimestampTzPlusMilliseconds(now,
									(int64) pause_after(job, note, error) *
										1000);
	if (error == NULL && was_good && !more && strcmp(by, "steward") == 0 &&
		job->every < NOTE_INTERVAL && note->noted != DT_NOBEGIN &&
		!TimestampDifferenceExceeds(note->noted, now, NOTE_INTERVAL * 1000))
		return;
	write_note(job, note, by, started, now, error);
	note->noted = now;
}

void
job_note_failure(const Job *job, JobNote *note, const char *by,
				 const ErrorData *error)
{
	note_run(job, note, by, GetCurrentTimestamp(), false, error);
}

/* ---- running ---- */

/* Call a job's function as the extension's owner. */
static bool
call_job(bool (*work)(void))
{
	ActAs before = act_as(extension_owner(), false);
	bool  more;

	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	more = work();
	PopActiveSnapshot();
	SPI_finish();
	act_done(&before);
	return more;
}

/* Call it in a subtransaction; *error is what it raised, or NULL. */
static bool
try_job(bool (*work)(void), ErrorData **error)
{
	MemoryContext mcxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool more = false;

	*error = NULL;
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		more = call_job(work);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(mcxt);
		*error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(mcxt);
	CurrentResourceOwner = owner;
	return more;
}

RunResult
job_run(const Job *job, JobNote *note, const char *by, ErrorData **error)
{
	TimestampTz started = GetCurrentTimestamp();
	bool		more;

	*error = NULL;
	if (!own_lock_try(OWN_LOCK_JOB, job->name))
		return RUN_BUSY;
	more = try_job(job->work, error);
	note_run(job, note, by, started, more, *error);
	if (*error != NULL)
		return RUN_FAILED;
	return more ? RUN_MORE : RUN_DONE;
}

/*
 * One that never ran is, so that there is a note of it; one that cannot tell
 * is, so that the failure is noted as its own.
 */
bool
job_wanted(const Job *job, const JobNote *note)
{
	ErrorData *error = NULL;
	bool	   wanted;

	if (note->noted == DT_NOBEGIN)
		return true;
	wanted = try_job(job_look(job), &error);
	return wanted || error != NULL;
}

/* Wait as long as the last piece asked for, outside of any transaction. */
void
job_rest(void)
{
	TimestampTz until =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), job_take_pause());
	long		left;

	while ((left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
												   until)) > 0)
	{
		CHECK_FOR_INTERRUPTS();
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, left,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
	CHECK_FOR_INTERRUPTS();
}
