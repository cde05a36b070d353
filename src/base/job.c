/*-------------------------------------------------------------------------
 *
 * job.c
 *		The list of jobs that the rooms registered, and asking for them.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/xact.h"
#include "base/job.h"

JobRequestHook job_request_hook = NULL;

static const Job *jobs[32];
static JobLook	  looks[32]; /* of the long ones */
static int		  registered = 0;
static int		  rest = 0; /* milliseconds before the next piece */
static bool		  at_commit = false; /* this transaction asks if it commits */

void
job_register(const Job *job)
{
	if (registered == lengthof(jobs))
		/* cannot happen */
		elog(ERROR, "too many jobs");
	jobs[registered++] = job;
}

void
job_register_long(const Job *job, JobLook look)
{
	job_register(job);
	looks[registered - 1] = look;
}

JobLook
job_look(const Job *job)
{
	for (int i = 0; i < registered; i++)
		if (jobs[i] == job)
			return looks[i];
	return NULL;
}

int
job_count(void)
{
	return registered;
}

const Job *
job_at(int n)
{
	return jobs[n];
}

void
job_pause(int milliseconds)
{
	rest = milliseconds;
}

int
job_take_pause(void)
{
	int taken = rest;

	rest = 0;
	return taken;
}

void
job_request(void)
{
	if (job_request_hook != NULL)
		job_request_hook();
}

/* What was written is visible by the time the callback runs. */
static void
ask_at_commit(XactEvent event, void *arg)
{
	if (at_commit && event == XACT_EVENT_COMMIT)
		job_request();
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		event == XACT_EVENT_PREPARE)
		at_commit = false;
}

void
job_request_at_commit(void)
{
	static bool known = false;

	if (job_request_hook == NULL)
		return;
	if (!known)
		RegisterXactCallback(ask_at_commit, NULL);
	known = true;
	at_commit = true;
}

/*
 * What may be noted of an error.  Messages about data, and those that other
 * people's code raised, may hold values of rows; the server's log has them.
 */
const char *
job_safe_message(const ErrorData *error)
{
	int category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	if (category == ERRCODE_DATA_EXCEPTION ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_RAISE_EXCEPTION))
		return "(the message may hold values of rows: see the server's log)";
	return error->message;
}
