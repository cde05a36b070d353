/*-------------------------------------------------------------------------
 *
 * worker_internal.h
 *		What the files of the worker room share.
 *
 *		shared.c	what launcher, stewards and backends tell one another
 *		launcher.c	decides who is sent where
 *		steward.c	a visit to one database
 *		run.c		one piece of a job, and what is noted of it
 *		jobs.c		the same for people: run_jobs, the list, health
 *
 *-------------------------------------------------------------------------
 */
#ifndef WORKER_INTERNAL_H
#define WORKER_INTERNAL_H

#include "base/job.h"
#include "datatype/timestamp.h"
#include "storage/latch.h"

/*
 * Two kinds of stewards: those that come now and then and run what is short,
 * and those that are sent where a long job has something to do.
 */
typedef enum Lane
{
	LANE_SHORT,
	LANE_LONG
} Lane;
#define LANES 2

/* Stewards that there may be at a time in a lane, whatever the setting says;
 * a place's number tells its lane. */
#define MOST_STEWARDS 16
#define ALL_PLACES (LANES * MOST_STEWARDS)
#define lane_of(place) ((Lane) ((place) / MOST_STEWARDS))

/* ---- in shared.c ---- */

/* A steward's place: taken by the launcher, filled in by the steward. */
typedef enum PlaceState
{
	PLACE_FREE,
	PLACE_STARTING, /* asked for */
	PLACE_RUNNING,	/* the steward is there; pid is good */
	PLACE_LEFT		/* the steward is gone; the launcher reads what it left */
} PlaceState;

typedef struct StewardPlace
{
	PlaceState	state;
	uint32		turn; /* counts its users: a late one knows it is late */
	Oid			database;
	int			pid;
	TimestampTz since; /* asked for, or there, since */
	/* what the steward leaves */
	bool		finished; /* it came to its end */
	bool		at_home;  /* the extension is there, and fits */
	TimestampTz due; /* when the next job is due; 0: there is more to do */
	bool		long_wanted; /* a long job has something to do */
} StewardPlace;

/* Is there shared memory, that is, was the module preloaded? */
extern bool workers_preloaded(void);
/* The launcher's process id, or 0. */
extern int launcher_pid(void);

/* The launcher comes; goes at the end of its process. */
extern void launcher_enter(void);
/* Was a steward asked for in this database?  Takes the question away. */
extern bool request_pending(Oid database);
/* Number of the flag that databases may share. */
extern uint32 request_number(Oid database);
extern void	  request_take(uint32 number);

/* A copy of a place, as it is now. */
extern StewardPlace place_read(int n);
/* Take a free place for a steward; returns its turn. */
extern uint32 place_take(int n, Oid database);
/* Make a place free, unless its steward came meanwhile. */
extern bool place_give_up(int n, uint32 turn);
/* Make a place free that its steward left. */
extern void place_clear(int n);
/* The steward comes; false if it comes too late. */
extern bool place_enter(int n, uint32 turn, Oid *database);
/* What it found; to be told before it goes. */
extern void place_report(int n, bool at_home, TimestampTz due,
						 bool long_wanted);

extern void shared_init(void);

/* ---- in run.c ---- */

/* What is noted of a job in spine.job_run. */
typedef struct JobNote
{
	TimestampTz next_due; /* DT_NOBEGIN if it never ran */
	TimestampTz noted;	  /* when it was last noted; DT_NOBEGIN */
	int			failures; /* in a row */
} JobNote;

typedef enum RunResult
{
	RUN_DONE,
	RUN_MORE,	/* call it again */
	RUN_FAILED, /* noted, with a time to try again */
	RUN_BUSY	/* somebody else runs it just now */
} RunResult;

/* The notes of all jobs, in their order; needs a transaction. */
extern void job_notes(JobNote *notes);

/*
 * Do one piece of a job in the current transaction and note it; *error
 * receives what went wrong, in the caller's context.  by: steward, run_jobs.
 */
extern RunResult job_run(const Job *job, JobNote *note, const char *by,
						 ErrorData **error);

/* Does a long job have something to do?  Needs a transaction, as job_run. */
extern bool job_wanted(const Job *job, const JobNote *note);

/* Wait as long as the last piece asked for, outside of any transaction. */
extern void job_rest(void);

/* Note a failure that undid the whole transaction, in the current one. */
extern void job_note_failure(const Job *job, JobNote *note, const char *by,
							 const ErrorData *error);

/* ---- the processes' entries ---- */

extern PGDLLEXPORT void spine_launcher_main(Datum arg);
extern PGDLLEXPORT void spine_steward_main(Datum arg);
extern void launcher_init(void);

/* ---- in jobs.c ---- */

extern void jobs_init(void);

#endif /* WORKER_INTERNAL_H */
