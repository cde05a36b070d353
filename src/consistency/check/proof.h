/*-------------------------------------------------------------------------
 *
 * proof.h
 *		What a check leaves behind for who asks later: spine.check_state.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_PROOF_H
#define CONSISTENCY_PROOF_H

#include "access/xlogdefs.h"
#include "datatype/timestamp.h"

/* A check that came to a verdict.  Start from {0}: members may be added. */
typedef struct CheckDone
{
	const char *placement; /* asset key */
	const char *dataset;   /* asset key, or NULL if it was not found */
	const char *shape;	   /* of what was compared (see shape.h), or NULL */
	const char *mode;	   /* as asked for */
	const char *verdict;
	int64		run_id;
	int64		rows; /* of the source; -1: not counted */
	bool		complete;	/* did it look at all rows? */
	TimestampTz started;
	XLogRecPtr	as_of;
	const char *slots; /* array of the slots that feed it, as text; or NULL */
} CheckDone;

/*
 * Keep what a check found in the current transaction, and tell the world of
 * a proof (ConsistencyValidated) and of a change that is proved (SyncUpdated).
 * Acts as the extension's owner by itself; needs no SPI connection.
 */
extern void proof_note(const CheckDone *done);

/* Tell the world about a copy; payload's members beside "placement". */
extern void proof_signal(const char *topic, const char *dataset,
						 const char *placement, const char *cause,
						 const CheckDone *done);

#endif /* CONSISTENCY_PROOF_H */
