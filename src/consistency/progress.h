/*-------------------------------------------------------------------------
 *
 * progress.h
 *		How far the check that this backend makes has got: spine.progress.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_PROGRESS_H
#define CONSISTENCY_PROGRESS_H

/* What a check, or its preparation, is doing. */
typedef enum ProgressPhase
{
	PROGRESS_STARTING,
	PROGRESS_WARMING,	 /* pages of tables into the page cache, in slices */
	PROGRESS_COMPARING,	 /* rows or pages of both sides are read */
	PROGRESS_LOCATING,	 /* which rows differ? */
	PROGRESS_CONFIRMING, /* rows that differ are read again */
	PROGRESS_WRITING,	 /* what came out is written down */
	PROGRESS_REPAIRING
} ProgressPhase;

/* A check of a copy begins; what it says goes by itself with the transaction,
 * or with progress_end. */
extern void progress_begin(const char *placement);
extern void progress_end(void);
/* What it says stays when the transaction commits: another one goes on. */
extern void progress_stay(void);

/* Another phase begins; total: pages or rows that it will read, 0: unknown. */
extern void progress_phase(ProgressPhase phase, int64 total);

/* A phase that may have begun in another transaction: n are done by now. */
extern void progress_go_on(ProgressPhase phase, int64 n, int64 total);

/* So many more were read.  Costs next to nothing; does nothing where no check
 * is being made. */
extern void progress_add(int64 n);
/* So many were read in all. */
extern void progress_set(int64 done);

extern void progress_init(void);

#endif /* CONSISTENCY_PROGRESS_H */
