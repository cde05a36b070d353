/*-------------------------------------------------------------------------
 *
 * push.h
 *		Digests of a copy that another store computed and pushed.
 *
 * Steps, a file each: push_read.c reads what was pushed, push_source.c reads
 * the same of the source, push_judge.c compares and keeps the account.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_PUSH_H
#define CONSISTENCY_PUSH_H

#include "access/xlogdefs.h"
#include "catalog/spine_catalog.h"
#include "consistency/digest/walk.h"
#include "datatype/timestamp.h"
#include "utils/jsonb.h"

/* More buckets than this would be a copy of the keys. */
#define PUSH_MOST_BUCKETS 65536

/* A column that the copy holds. */
typedef struct PushColumn
{
	const char *name;
	const char *source; /* SQL over the source's columns, in parentheses */
} PushColumn;

/* What was pushed, or is judged anew, and what comes of it. */
typedef struct Push
{
	const SpecPlacement *placement;
	TimestampTz as_of;
	int			nbuckets;
	List	   *columns; /* of char *, in the order of their digests */
	/* arrays of nbuckets elements, bigint and text */
	Datum		row_counts;
	Datum		digests;
	Datum		source_row_counts;
	Datum		source_digests;
	Datum		source_versions;
	Bucket		total;		  /* what the copy's buckets add up to */
	Bucket		source_total;
	/* results */
	const char *shape; /* of what was compared, see shape.h */
	TimestampTz judged_at;
	XLogRecPtr	as_of_lsn;
	int64		run_id;
	const char *verdict;
	int64		differing; /* buckets */
	bool		equal;	   /* was it found so when it was pushed? */
} Push;

/*
 * Compare what was last pushed of a placement with the source as it is now,
 * as the current user; NULL if nothing was.  Raises what spine.push_digest
 * does.
 */
extern Push *push_judge_last(const SpecPlacement *placement);
/* How old it was when it was judged, as text of an interval. */
extern char *push_age(const Push *push);

/* ---- in push_read.c ---- */

/* The columns that a placement maps (List of PushColumn), checked against the
 * source; SP007 where they are none. */
extern List *push_columns(const SpecPlacement *placement, Relation source);
/* Fill in what was pushed; 22023 with all that is wrong with it. */
extern void push_read(Push *push, const List *columns, const Jsonb *pushed);
extern Bucket push_total(Datum row_counts, Datum digests);

/* ---- in push_source.c ---- */

/* Fill in what the source has. */
extern void push_read_source(Push *push, const List *columns, Relation source);

#endif /* CONSISTENCY_PUSH_H */
