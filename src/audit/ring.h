/*-------------------------------------------------------------------------
 *
 * ring.h
 *		Refused attempts in shared memory, between who is refused and the job
 *		that writes them down.
 *
 *		ring.c		the memory: what is put there, taken and counted
 *		denied.c	what is put, and how it becomes rows
 *
 *-------------------------------------------------------------------------
 */
#ifndef AUDIT_RING_H
#define AUDIT_RING_H

#include "datatype/timestamp.h"

/* What an attempt says besides its numbers; text, the last three varlenas. */
typedef enum AttemptField
{
	FIELD_DATASET,
	FIELD_ACTION,
	FIELD_ATTRIBUTE,
	FIELD_ACTOR,
	FIELD_SESSION_ACTOR,
	FIELD_FROM_STATE,
	FIELD_TO_STATE,
	FIELD_MESSAGE,
	FIELD_RULE,
	FIELD_MODE,
	FIELD_APPLICATION,
	FIELD_CLIENT, /* inet */
	FIELD_KEY,	  /* jsonb */
	FIELD_DETAIL  /* jsonb */
} AttemptField;

#define ATTEMPT_FIELDS (FIELD_DETAIL + 1)

/* Room for all fields of one attempt. */
#define ATTEMPT_ROOM 1700

/* A refused attempt, with all that it says inside. */
typedef struct Attempted
{
	TimestampTz at;
	uint64		xid;	  /* top-level transaction, or 0 */
	int64		rev;	  /* of the rule that refused */
	uint64		sort;	  /* hash of who was refused what; see attempt_put */
	Oid			database; /* where */
	int			sqlstate;
	uint32		present;  /* bit of each field that is not NULL */
	uint32		clipped;  /* bit of each that did not fit as it was */
	uint16		length[ATTEMPT_FIELDS]; /* bytes of each, in their order */
	char		data[ATTEMPT_ROOM];
} Attempted;

/* Attempts of one sort that are counted, not kept. */
typedef struct AttemptCount
{
	int				 bucket;	 /* where the count stands */
	uint64			 sort;		 /* of what */
	uint64			 suppressed; /* how many, the sample included */
	const Attempted *sample;	 /* the first of them */
} AttemptCount;

/* What the ring has seen since the server started. */
typedef struct RingFigures
{
	int			capacity;	/* 0: there is no ring */
	int			used;		/* attempts that wait */
	uint64		recorded;	/* attempts kept whole */
	uint64		suppressed; /* counted only: too many of a sort a second */
	uint64		lost;		/* counted only: the ring was full */
	TimestampTz last_lost;	/* when that happened last, or 0 */
} RingFigures;

/* Is there a ring?  Only if spine is preloaded. */
extern bool ring_exists(void);

/* Keep an attempt, or count it; false without a ring.  Raises nothing. */
extern bool ring_put(const Attempted *attempt);

/*
 * The oldest attempts of this database that wait, at most so many, as slots
 * in their order.  They stay until ring_free; the caller sees to it that only
 * one process at a time takes.
 */
extern int	ring_take(int *slots, int most);
extern const Attempted *ring_slot(int slot);

/* Counts of this database whose second is over; likewise. */
extern int	ring_take_counts(AttemptCount *counts, int most);

/* What was taken is written down. */
extern void ring_free(const int *slots, int n, const AttemptCount *counts,
					  int ncounts);

/* Forget what waits of databases that are no more. */
extern void ring_sweep(void);

extern void ring_figures(RingFigures *figures);

/* Ask for the memory; called from _PG_init. */
extern void ring_init(void);

#endif /* AUDIT_RING_H */
