/*-------------------------------------------------------------------------
 *
 * check.h
 *		A comparison of a copy with its source of truth, and what came out.
 *
 * Steps, a file each: copy.c finds the placement and opens both sides,
 * compare.c compares by a mode, locate.c finds the rows that differ,
 * confirm.c reads each suspect again on both sides until lag is ruled out,
 * classify.c says of what kind it is and why, account.c writes it down.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_CHECK_H
#define CONSISTENCY_CHECK_H

#include "access/xlogdefs.h"
#include "consistency/check/copy.h"
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
	SUSPECT_STEADY,	   /* did not change while it was read on both sides: it
						* differs for longer than lag may last, or will */
	SUSPECT_CONFIRMED, /* the copy was past the source's last change of it */
	SUSPECT_EQUAL	   /* was read again and found equal */
} SuspectState;

/* Equal rows of one side that have the same key. */
typedef struct SameRows
{
	const char *digest;
	int64		count;
	const char *identity; /* digest of which versions they are */
	bool		touched;  /* may somebody be changing one of them? */
	const char *columns;  /* digests of their columns, as text of an array;
						   * NULL: not asked for */
} SameRows;

/* A key whose rows differ. */
typedef struct Suspect
{
	const char *hash;	/* digest of the key */
	const char *key;	/* as text of a jsonb object of the copy's columns */
	List	   *source; /* of SameRows, by digest, as they were last read */
	List	   *copy;
	SuspectState state;
	int64		differing; /* rows */
	const char *kind;	 /* missing, extra, changed or stale */
	List	   *columns; /* of char *: those that differ, of changed ones */
	const char *cause;	 /* root cause, where a rule knows it; or NULL */
} Suspect;

/* How the copy tells how far it has got. */
typedef enum LagKind
{
	LAG_NONE,	  /* both sides are here, read by one snapshot */
	LAG_STANDBY,  /* a physical standby of the source's cluster */
	LAG_LOGICAL,  /* a subscriber of the source's database */
	LAG_TIME	  /* not at all: its bound counts */
} LagKind;

typedef struct Lag
{
	LagKind		kind;
	const char *slots;		/* LAG_LOGICAL: as text of an array */
	bool		synced;		/* LAG_LOGICAL: has the initial copy ended? */
	XLogRecPtr	reached;	/* position of the copy when last asked, or 0 */
	const char *replayed_at; /* time of its last transaction; or NULL */
} Lag;

typedef struct Check
{
	const char *placement;
	const char *mode_name;
	CheckMode	mode;
	MemoryContext mcxt;		/* holds all this */
	Copy	   *copy;		/* its sides are open while comparing */
	TimestampTz started;
	XLogRecPtr	as_of;		/* the source's position before it was read */
	Lag			lag;
	/* results */
	int64		run_id;
	const char *verdict;
	const char *why;		/* of incomparable and unreachable */
	int64		rows_sot;
	int64		rows_copy;
	char	   *digest_sot;
	char	   *digest_copy;
	const char *method;		/* how both sides were read */
	char	   *shape;		/* of both sides (see shape.h); NULL: not opened */
	bool		complete;	/* did it look at all rows? */
	int64		differing;	/* rows that differ, suspects or not */
	List	   *suspects;	/* of Suspect, MOST_TOLD at most */
	int64		untold;		/* keys that differ beyond those */
	const char *lag_text;	/* interval, or NULL */
	uint64		wire_bytes;
	bool		kept;		/* was the account kept while comparing? */
} Check;

/*
 * spine.check_replica in C: compare as the current user, keep the account,
 * and return what came out.  Raises only what the caller may not do.
 */
extern Check *check_run(const char *placement, const char *mode);

/* Is it one of the verdicts under which both sides were compared? */
extern bool check_compared(const Check *check);

/* ---- in compare.c ---- */

/* Compare by the mode, and collect suspects. */
extern void compare_copy(Check *check);

/* ---- in locate.c ---- */

/* Collect as suspects the keys whose rows differ among all rows, or those of
 * a condition over the values q.v1, q.v2, ... */
extern void locate_all(Check *check, const char *condition);
/* The same with as little reading and talking as may be; returns how. */
extern const char *locate_quickly(Check *check);
/*
 * Read the rows of suspects on one side, as they are now: sets member source
 * or copy of each of the given suspects.
 */
extern void read_suspects(Check *check, Side *side, const List *suspects);
/* Rows of a key that one side has and the other has not. */
extern void compare_suspect(const Suspect *suspect, int64 *missing,
							int64 *extra);

/* ---- in lag.c ---- */

/* Find out how the copy tells how far it is. */
extern void lag_find(Check *check);
/* How far it is now; 0 if it does not tell. */
extern XLogRecPtr lag_position(Check *check);
/* Wait until it has reached a position, or it is too late. */
extern bool lag_wait(Check *check, XLogRecPtr position, TimestampTz until);

/* Does the copy tell how far it is? */
extern bool lag_by_position(const Check *check);
/* Note how far it is, when all else is done. */
extern void lag_measure(Check *check);
/* Let some time pass. */
extern void lag_pause(long milliseconds);

/* ---- in confirm.c ---- */

/* Read suspects again until lag is ruled out, or time is up. */
extern void confirm_suspects(Check *check);

/* ---- in classify.c ---- */

/* Kinds and causes of what is left; needs both sides. */
extern void classify_suspects(Check *check);

/* ---- in account.c ---- */

/* Write down what came out, as the extension's owner. */
extern void keep_account(Check *check);

#endif /* CONSISTENCY_CHECK_H */
