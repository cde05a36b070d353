/*-------------------------------------------------------------------------
 *
 * repair.h
 *		Repairing copies: what jobs need of it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_REPAIR_H
#define CONSISTENCY_REPAIR_H

#include "nodes/pg_list.h"

/* Which writes a run makes; a run over several copies takes two passes. */
#define REPAIR_DELETES 1
#define REPAIR_UPSERTS 2
#define REPAIR_ALL (REPAIR_DELETES | REPAIR_UPSERTS)

typedef struct RepairOptions
{
	const char *placement; /* asset key */
	bool		dry_run;   /* only say what would be done */
	int			max_rows;  /* cap of this run; -1: the document's alone */
	int			actions;   /* REPAIR_DELETES, REPAIR_UPSERTS or both */
	bool		by_policy; /* on behalf of the document, which must say
							* "auto", rather than of the current user */
	bool		check;	   /* check the copy afterwards? */
} RepairOptions;

/* What came out of a run. */
typedef struct RepairSummary
{
	int64		run_id;	   /* in spine.repair_run */
	int64		check_run; /* of the check afterwards; 0: none */
	const char *verdict;   /* of that check, or NULL */
	int			repaired;
	int			skipped;
	int			failed;
} RepairSummary;

/*
 * Repair confirmed drift of a copy as the current user, in the current
 * transaction, which must be READ COMMITTED.  Raises where the copy may not be
 * repaired, and where the drift exceeds a cap: 54000.
 */
extern RepairSummary repair_copy(const RepairOptions *options);

/*
 * Placements (List of char *) in the order of their copies' foreign keys:
 * those that others refer to first.  Upsert in this order, delete in the
 * reverse one.  Copies of other nodes come last, in the order given.
 */
extern List *repair_order(List *placements);

#endif /* CONSISTENCY_REPAIR_H */
