/*-------------------------------------------------------------------------
 *
 * job.h
 *		What is to be done now and then, beside everybody's transactions.
 *
 * A room registers its jobs from _PG_init; who runs them, and when, is not
 * its business: the steward of a database if spine is preloaded, else
 * CALL spine.run_jobs().
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPINE_JOB_H
#define SPINE_JOB_H

/*
 * One kind of work in one database.
 *
 * work is called in a transaction of its own, or a subtransaction that fails
 * alone, as the owner of the extension with search_path pinned, connected to
 * SPI, with a snapshot.  It does a short piece and returns whether there is
 * more to do at once: then it is called again, in a new transaction.  An
 * error undoes that piece alone; the job is tried again later, the other jobs
 * go on.
 *
 * A job is due so many seconds after its last run ended.  With every 0, or a
 * few seconds, it runs whenever a steward comes: each spine.steward_interval,
 * and at once after job_request.
 */
typedef struct Job
{
	const char *name;		  /* snake_case, unique */
	const char *description;  /* one sentence for people */
	int			every;		  /* seconds from the end of a run to the next */
	bool		preload_only; /* has nothing to do without preload */
	bool (*work)(void);
} Job;

/* Is there something to do?  Called as work is. */
typedef bool (*JobLook)(void);

/* The job must live for ever. */
extern void job_register(const Job *job);

/*
 * From within work: let so many milliseconds pass before its next piece, as
 * nobody should be held up by a transaction that sleeps.
 */
extern void job_pause(int milliseconds);
/* What was asked for; takes it away. */
extern int	job_take_pause(void);

/*
 * What may be noted of an error where others read it: its message, unless
 * that may hold values of rows.
 */
extern const char *job_safe_message(const ErrorData *error);

/*
 * The same of a job that may take minutes.  It is run by a steward of its own
 * kind, so that the others wait for nothing, and only where a cheap look, taken
 * at each visit, finds something to do.
 */
extern void job_register_long(const Job *job, JobLook look);

/* All jobs, in the order in which they were registered. */
extern int		  job_count(void);
extern const Job *job_at(int n);

/* The look of a long job; NULL: it is a short one. */
extern JobLook job_look(const Job *job);

/*
 * Ask for a steward in this database now; it comes once a second at most.
 * Costs a memory barrier where it is asked for already; allocates nothing,
 * takes no lock, raises nothing, so it may be called from anywhere.  Does
 * nothing without preload.
 */
extern void job_request(void);

/* The same when the current transaction commits, if it does. */
extern void job_request_at_commit(void);

/* Set by who runs the jobs. */
typedef void (*JobRequestHook)(void);
extern JobRequestHook job_request_hook;

#endif /* SPINE_JOB_H */
