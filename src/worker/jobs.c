/*-------------------------------------------------------------------------
 *
 * jobs.c
 *		Jobs for people: spine.run_jobs, spine.jobs and rows of spine.health.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "base/rights.h"
#include "base/settings.h"
#include "catalog/pg_type.h"
#include "catalog/spine_catalog.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "worker/worker_internal.h"

PG_FUNCTION_INFO_V1(spine_run_jobs);
PG_FUNCTION_INFO_V1(spine_jobs);
PG_FUNCTION_INFO_V1(spine_request_jobs);

/* ---- spine.run_jobs ---- */

static void
refuse_unknown_job(const char *name)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < job_count(); i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", job_at(i)->name);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("job \"%s\" does not exist", name),
			 errhint("There are: %s.", names.data)));
}

static void
refuse_transaction(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
			 errmsg("spine.run_jobs cannot run inside a transaction block"),
			 errdetail("Each job has a transaction of its own."),
			 errhint("CALL it by itself.")));
}

static void
refuse_without_preload(const Job *job)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("job \"%s\" needs spine in shared_preload_libraries",
					job->name),
			 errhint("Add spine to shared_preload_libraries and restart the "
					 "server.")));
}

/* The jobs to run: one, or all that can. */
static void
choose_jobs(const char *name, bool *chosen)
{
	bool found = false;

	for (int i = 0; i < job_count(); i++)
	{
		const Job *job = job_at(i);

		chosen[i] = name == NULL || strcmp(job->name, name) == 0;
		found |= chosen[i];
		if (!chosen[i] || !job->preload_only || workers_preloaded())
			continue;
		if (name != NULL)
			refuse_without_preload(job);
		chosen[i] = false;
	}
	if (name != NULL && !found)
		refuse_unknown_job(name);
}

/* A transaction for each piece. */
static RunResult
run_committed(const Job *job, JobNote *note, ErrorData **error)
{
	RunResult result;

	PushActiveSnapshot(GetTransactionSnapshot());
	result = job_run(job, note, "run_jobs", error);
	PopActiveSnapshot();
	/* Who cancels the call wants no job to go on. */
	if (result == RUN_FAILED && (*error)->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(*error);
	SPI_commit();
	return result;
}

/* Run a job to its end; a failure is added to the list. */
static void
run_to_end(const Job *job, JobNote *note, StringInfo failures, int *sqlstate)
{
	ErrorData *error = NULL;
	RunResult  result = RUN_MORE;

	while (result == RUN_MORE)
	{
		CHECK_FOR_INTERRUPTS();
		result = run_committed(job, note, &error);
		job_rest();
	}
	if (result == RUN_BUSY)
		ereport(NOTICE,
				(errmsg("job \"%s\" is being run by another session",
						job->name)));
	if (result != RUN_FAILED)
		return;
	if (failures->len == 0)
		*sqlstate = error->sqlerrcode;
	appendStringInfo(failures, "%s%s: %s", failures->len > 0 ? "\n" : "",
					 job->name, job_safe_message(error));
}

/* CALL spine.run_jobs(job text DEFAULT NULL) */
Datum
spine_run_jobs(PG_FUNCTION_ARGS)
{
	CallContext *context = (CallContext *) fcinfo->context;
	char		*name =
		   PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));
	bool		  *chosen = palloc0(sizeof(bool) * Max(job_count(), 1));
	JobNote		  *notes = palloc0(sizeof(JobNote) * Max(job_count(), 1));
	StringInfoData failures;
	int			   sqlstate = 0;

	PreventCommandIfReadOnly("CALL spine.run_jobs()");
	if (context == NULL || !IsA(context, CallContext) || context->atomic)
		refuse_transaction();
	choose_jobs(name, chosen);
	initStringInfo(&failures);

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	PushActiveSnapshot(GetTransactionSnapshot());
	job_notes(notes);
	PopActiveSnapshot();
	for (int i = 0; i < job_count(); i++)
		if (chosen[i])
			run_to_end(job_at(i), &notes[i], &failures, &sqlstate);
	SPI_finish();

	if (failures.len > 0)
		ereport(ERROR,
				(errcode(sqlstate), errmsg("a job of spine failed"),
				 errdetail("%s", failures.data),
				 errhint("The other jobs ran; see spine.job.")));
	PG_RETURN_VOID();
}

/* spine.request_jobs(): a steward comes once this is committed. */
Datum
spine_request_jobs(PG_FUNCTION_ARGS)
{
	job_request_at_commit();
	PG_RETURN_BOOL(workers_preloaded() && spine_workers);
}

/* ---- spine.jobs ---- */

/* Who runs a job in this database. */
static const char *
runner(const Job *job)
{
	if (workers_preloaded() && spine_workers)
		return "steward";
	if (job->preload_only && !workers_preloaded())
		return "nobody";
	return "run_jobs";
}

/* spine.jobs(): what is registered; spine.job adds what was noted. */
Datum
spine_jobs(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo;

	InitMaterializedSRF(fcinfo, 0);
	rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	for (int i = 0; i < job_count(); i++)
	{
		const Job *job = job_at(i);
		bool	   nulls[5] = {false};
		Datum	   values[5];
		Interval  *every = palloc0(sizeof(Interval));

		every->time = (TimeOffset) job->every * USECS_PER_SEC;
		values[0] = CStringGetTextDatum(job->name);
		values[1] = CStringGetTextDatum(job->description);
		values[2] = IntervalPGetDatum(every);
		values[3] = BoolGetDatum(job->preload_only);
		values[4] = CStringGetTextDatum(runner(job));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}

/* ---- spine.health ---- */

/* The names of the jobs that somebody runs, comma-separated. */
static char *
names_of(const char *by)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < job_count(); i++)
		if (strcmp(runner(job_at(i)), by) == 0)
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
							 job_at(i)->name);
	return names.len > 0 ? names.data : NULL;
}

/* The only value of a query's only row, as text. */
static char *
ask(const char *sql)
{
	if (SPI_execute(sql, true, 1) != SPI_OK_SELECT || SPI_processed != 1)
		/* cannot happen */
		elog(ERROR, "could not read the notes of jobs");
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

/* Without workers: who has to do what. */
static char *
describe_absence(void)
{
	char		  *by_call = names_of("run_jobs");
	char		  *by_nobody = names_of("nobody");
	StringInfoData detail;

	initStringInfo(&detail);
	appendStringInfo(&detail,
					 "no background worker; by CALL spine.run_jobs(): %s",
					 by_call ? by_call : "none");
	if (by_nobody != NULL)
		appendStringInfo(&detail, "; cannot run: %s", by_nobody);
	return detail.data;
}

/* Seconds since a steward's run was noted here. */
static const char last_visit[] =
	"SELECT pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()"
	" - pg_catalog.max(finished_at))::pg_catalog.int8"
	" FROM spine.job_run WHERE run_by = 'steward'";

static void
check_workers(void (*report)(void *arg, const char *check_name, bool ok,
							 const char *detail, const char *hint),
			  void *arg)
{
	char *seconds;
	char *version = ask("SELECT extversion FROM pg_catalog.pg_extension"
						" WHERE extname = 'spine'");

	if (workers_preloaded() && strcmp(version, SPINE_VERSION) != 0)
		report(arg, "workers", false,
			   psprintf("the module is version %s, the extension %s",
						SPINE_VERSION, version),
			   "Stewards pass this database by: ALTER EXTENSION spine "
			   "UPDATE.");
	else if (!workers_preloaded())
		report(arg, "workers", true, describe_absence(),
			   "Put spine into shared_preload_libraries, or CALL "
			   "spine.run_jobs() regularly.");
	else if (!spine_workers)
		report(arg, "workers", true, describe_absence(),
			   "The setting spine.workers is off.");
	else if (launcher_pid() == 0)
		report(arg, "workers", RecoveryInProgress(),
			   RecoveryInProgress() ? "a standby has none" :
									  "the launcher is not running",
			   RecoveryInProgress() ? NULL :
									  "It starts again by itself; if not, "
									  "the server's log says why.");
	else
	{
		seconds = ask(last_visit);
		report(arg, "workers", true,
			   seconds ? psprintf("the launcher is running; a steward was "
								  "here %s s ago",
								  seconds) :
						 "the launcher is running; no steward was here yet",
			   NULL);
	}
}

/* WorkersHealth: a row for the processes, one for the jobs. */
static void
worker_health(void (*report)(void *arg, const char *check_name, bool ok,
							 const char *detail, const char *hint),
			  void *arg)
{
	char *failing;

	check_workers(report, arg);
	failing = ask("SELECT pg_catalog.string_agg(pg_catalog.format("
				  "'%s (%s, %s times)', job, last_sqlstate,"
				  " failures_in_a_row), ', ' ORDER BY job)"
				  " FROM spine.job_run WHERE failures_in_a_row > 0");
	report(arg, "jobs", failing == NULL,
		   failing ? psprintf("failing: %s", failing) :
					 psprintf("jobs: %d, none failing", job_count()),
		   failing ? "See spine.job and the server's log." : NULL);
}

void
jobs_init(void)
{
	catalog_register_health(worker_health);
}
