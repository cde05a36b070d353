/*-------------------------------------------------------------------------
 *
 * check.h
 *		A comparison of a copy with its source of truth, and what came out.
 *
 * Steps, a file each: copy.c finds the placement and opens both sides,
 * compare.c compares by a mode and collects suspects, confirm.c reads each
 * suspect again on both sides until lag is ruled out, classify.c says of what
 * kind it is and why, account.c writes it down.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_CHECK_H
#define CONSISTENCY_CHECK_H

#include "access/xlogdefs.h"
#include "consistency/copy.h"
#include "datatype/timestamp.h"

/* Rows that are told one by one; the others are counted. */
#define MOST_TOLD 10000

typedef enum CheckMode
{
	MODE_COUNT,
	MODE_SAMPLE,
	MODE_DIGEST,
	MODE_ROWS
} CheckMode;

typedef enum SuspectState
{
	SUSPECT_OPEN,	   /* differs, and lag may be why */
	SUSPECT_CONFIRMED, /* lag is not why */
	SUSPECT_EQUAL	   /* was read again and found equal */
} SuspectState;

/* One side's rows of a key. */
typedef struct SuspectRow
{
	int			count;	  /* rows of this key that the other side has not */
	const char *digest;	  /* of the first of them; NULL: none */
	const char *identity; /* which version that is; NULL: not known */
} SuspectRow;

/* A row in which the sides differ. */
typedef struct Suspect
{
	const char *hash;	/* digest of the key */
	const char *key;	/* as text of a jsonb object of the copy's columns */
	SuspectRow	source; /* as it was when it was last read */
	SuspectRow	copy;
	SuspectState state;
	const char *kind;	 /* missing, extra, changed or stale */
	List	   *columns; /* of char *: those that differ, of changed ones */
	const char *cause;	 /* root cause, where a rule knows it; or NULL */
} Suspect;

/* How the copy tells how far it has got. */
typedef enum LagKind
{
	LAG_NONE,	  /* both sides are read by one snapshot */
	LAG_STANDBY,  /* a physical standby of the source's cluster */
	LAG_LOGICAL,  /* a subscriber of the source's database */
	LAG_TIME	  /* not at all: its bound counts */
} LagKind;

typedef struct Check
{
	const char *placement;
	const char *mode_name;
	CheckMode	mode;
	Copy	   *copy;		/* open while comparing */
	TimestampTz started;
	XLogRecPtr	as_of;		/* the source's position before it was read */
	/* results */
	int64		run_id;
	const char *verdict;
	const char *why;		/* of incomparable and unreachable */
	int64		rows_sot;
	int64		rows_copy;
	char	   *digest_sot;
	char	   *digest_copy;
	const char *method;		/* how both sides were read */
	bool		complete;	/* did it look at all rows? */
	bool		snapshot;	/* is the copy never updated? */
	int64		differing;	/* rows, before they were read again */
	List	   *suspects;	/* of Suspect, MOST_TOLD at most */
	LagKind		lag_kind;
	XLogRecPtr	reached;	/* position of the copy; 0: not known */
	TimestampTz replayed_at; /* of its last transaction; 0: not known */
	const char *max_lag;	/* as text, or NULL */
	uint64		wire_bytes;
} Check;

/*
 * spine.check_replica in C: compare as the current user, keep the account,
 * and return what came out.  Raises only what the caller may not do.
 */
extern Check *check_run(const char *placement, const char *mode);

/* ---- in compare.c ---- */

/* Compare by the mode, and collect suspects. */
extern void compare_sides(Check *check);
/* How many of its rows each side has and what they add up to. */
extern void compare_snapshot(Check *check);

/* ---- in confirm.c ---- */

/* Read suspects again until lag is ruled out, or time is up. */
extern void confirm_suspects(Check *check);

/* ---- in classify.c ---- */

/* Kinds and causes of what is left. */
extern void classify_suspects(Check *check);

/* ---- in account.c ---- */

/* Write down what came out, as the extension's owner. */
extern void keep_account(Check *check);

#endif /* CONSISTENCY_CHECK_H */
