/*-------------------------------------------------------------------------
 *
 * job.c
 *		The list of jobs that the rooms registered.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/job.h"

static const Job *jobs[32];
static int	registered = 0;

void
job_register(const Job *job)
{
	if (registered == lengthof(jobs))
		/* cannot happen */
		elog(ERROR, "too many jobs");
	jobs[registered++] = job;
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
