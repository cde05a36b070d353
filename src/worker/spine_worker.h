/*-------------------------------------------------------------------------
 *
 * spine_worker.h
 *		The worker room: runs the jobs that other rooms registered.
 *
 * With spine in shared_preload_libraries a launcher, which holds no
 * database, sends a steward into each database that has jobs due.  Without,
 * CALL spine.run_jobs() runs them.  It knows no job by name.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPINE_WORKER_H
#define SPINE_WORKER_H

/* Must come after the rooms that register jobs and settings. */
extern void worker_init(void);

#endif /* SPINE_WORKER_H */
