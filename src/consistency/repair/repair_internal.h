/*-------------------------------------------------------------------------
 *
 * repair_internal.h
 *		What the parts of repair share: a request to write rows of a copy,
 *		how it is made, carried out and written down.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_REPAIR_INTERNAL_H
#define CONSISTENCY_REPAIR_INTERNAL_H

#include "consistency/check/copy.h"
#include "consistency/repair/repair.h"

typedef enum RepairAction
{
	REPAIR_INSERT,
	REPAIR_UPDATE,
	REPAIR_DELETE
} RepairAction;

/* One row of a copy that is to be written.  Values are texts as the types'
 * output functions give them under repair_pin_values; NULL stands for null. */
typedef struct RepairOp
{
	RepairAction action;
	Jsonb	   *key;		/* as drift names the row, or NULL */
	List	   *columns;	/* of char *: what is written; NIL: a delete */
	List	   *values;		/* of char *: of these columns */
	List	   *key_values; /* of char *: of the request's key */
	char	   *seen;		/* what the guard gave for the row; NULL: insert */
	char	   *wanted;		/* digest that it is to have; NULL: delete */
	int			have;		/* rows like it there are, where rows are addressed
							 * by place; -1: any number */
	char	   *before;		/* digest of the row before; NULL: insert */
	int64		undoes;		/* row of the journal that it undoes, or 0 */
	/* results */
	const char *outcome;	/* NULL: not settled yet */
	const char *trouble;	/* why it did not work so far, or NULL */
	char	   *statement;	/* that wrote it, or would */
	char	   *old_image;	/* JSON of the whole row before, or NULL */
	char	   *new_image;	/* and after */
} RepairOp;

/* Rows of one copy to be written together. */
typedef struct RepairRequest
{
	int64		run_id;
	const char *placement;	/* asset key */
	const char *dataset;	/* asset key */
	const char *name;		/* of the placement */
	int64		rev;		/* revision that names it here, or 0 */
	bool		synced;		/* is it a registered copy of this node? */
	Relation	rel;		/* the copy, open */
	List	   *columns;	/* of char *: those compared, in digest order */
	List	   *key;		/* of char *: those that tell rows apart */
	bool		by_place;	/* no unique index on the key: by place */
	bool		by_image;	/* guard is the whole row, not the digest */
	bool		triggers;	/* do the copy's own triggers fire? */
	bool		dry_run;
	List	   *ops;		/* of RepairOp, in the order they came */
	List	   *done;		/* of RepairOp, in the order they were written */
	List	   *dependents; /* of char *: see repair_fk.c */
	bool		knows_dependents; /* is that filled in? */
} RepairRequest;

/* What a run says of itself when it begins. */
typedef struct RepairRun
{
	const char *token;		/* uuid; NULL: a new one */
	const char *placement;
	const char *relation;	/* as SQL spells it */
	List	   *key;		/* of char * */
	List	   *columns;	/* of char * */
	const char *server;		/* foreign server of the copy, or NULL */
	bool		dry_run;
	bool		by_policy;
	int64		undo_of;	/* run that it undoes, or 0 */
	const char *actor;		/* when it is read: who ran it */
} RepairRun;

/* Where a row of a table is. */
typedef struct RepairPlace
{
	Oid			table;
	char	   *ctid;
} RepairPlace;

/* ---- in repair_sql.c ---- */

/* Pin what text forms of values depend on; returns the GUC nest level. */
extern int	repair_pin_values(void);
extern char *repair_table_name(Relation rel);
/* An operator as SQL names it under any search_path. */
extern char *repair_operator_name(Oid operator_oid);
/* Expressions over the row "row_": its digest, the whole row as jsonb, and
 * what the guard compares with RepairOp.seen. */
extern char *repair_digest(const RepairRequest *request);
extern char *repair_image(const RepairRequest *request);
extern char *repair_guard(const RepairRequest *request);
/* That the row is at this place. */
extern char *repair_at(const RepairPlace *place);
/* Conditions for the row: where it is, and that it still is what was seen. */
extern char *repair_where(const RepairRequest *request, const RepairOp *op,
						  const RepairPlace *place);
/* That a row with the key of op is there. */
extern char *repair_key_condition(const RepairRequest *request,
								  const RepairOp *op);
/* The statement; NULL if it would write generated columns only. */
extern char *repair_statement(const RepairRequest *request, const RepairOp *op,
							  const RepairPlace *place);
extern const char *repair_action_name(RepairAction action);
/* Raises 22023 if there is none of this name. */
extern RepairAction repair_action_of(const char *name);
/* Does the relation have places of rows: is it a table of this node? */
extern bool repair_has_places(Relation rel);
/* Is there a unique index on some of these columns? */
extern bool repair_key_is_unique(Relation rel, List *key);
/* May there be several rows of the request's key, so that only their places
 * tell them apart? */
extern bool repair_by_place(const RepairRequest *request);
/* May the column be written: is it there and not generated? */
extern bool repair_is_writable(Relation rel, const char *column);

/* ---- in repair_plan.c ---- */

/* A row of drift that is to be repaired. */
typedef struct RepairDrift
{
	Jsonb	   *key;
	char	   *kind;
	char	   *identity; /* of the version that was confirmed, or NULL */
} RepairDrift;

/*
 * Read the rows of these keys on both sides, which are open, and say what
 * makes the copy's equal to the source's: ops of the request, some of them
 * settled already.  side_settings must be in force.
 */
extern void repair_plan(const Copy *copy, List *drift, RepairRequest *request);

/* ---- in repair_apply.c ---- */

/* Carry out a request here: each op gets an outcome.  SPI must not be
 * connected. */
extern void repair_apply(RepairRequest *request);

/* ---- in repair_fk.c ---- */

/*
 * Raise 23001 if deleting the row (a condition over row_) would delete or
 * change rows of other tables along with it, which no journal would know.
 * SPI must be connected.
 */
extern void repair_require_no_dependents(RepairRequest *request,
										 const char *where);

/* ---- in repair_remote.c ---- */

/* Make a connection's transactions such as repairs need. */
extern void repair_prepare_there(Remote *remote);

/* Have the request of a run carried out on the node that has the copy, in one
 * transaction there.  Its rows' images stay there. */
extern void repair_apply_there(Side *target, const RepairRun *run,
							   RepairRequest *request);

/* ---- in repair_journal.c ---- */

/* Read what a run said of itself; raises 42704 if there is none. */
extern RepairRun *repair_journal_read(int64 run_id);
/* Rows that a run wrote and that were not taken back, as ops that do so, the
 * last one first; to the request. */
extern void repair_journal_undo(int64 run_id, RepairRequest *request);
/* Write down a run before it does anything; returns its number.  Gives it a
 * token if it has none. */
extern int64 repair_journal_begin(RepairRun *run);
/* The run here that has a token; raises 42704 if there is none. */
extern int64 repair_journal_find(const char *token);
/* Write down its rows, with images where they were written. */
extern void repair_journal_rows(const RepairRequest *request);
/* Write down how it ended, and which check followed (0: none). */
extern void repair_journal_end(int64 run_id, const List *ops,
							   const char *outcome, int64 check_run);
/* How many ops have an outcome that begins so? */
extern int	repair_count(const List *ops, const char *outcome);

/* ---- in repair.c ---- */

/* Raise unless the transaction is READ COMMITTED. */
extern void repair_require_read_committed(void);
/* Raise where no copy of this kind, or of such a source, may be repaired. */
extern void repair_refuse_kind(const SpecPlacement *placement);
/* Does the document say so? */
extern bool repair_is_off(const SpecPlacement *placement);
/* Do the copy's own triggers fire, as the document says? */
extern bool repair_fires_triggers(const SpecPlacement *placement);
/* A List of char * as text[]. */
extern Datum repair_names_datum(List *names);

/* Check the copy; its verdict, or NULL and why in *trouble. */
extern const char *repair_check(const char *placement, int64 *check_run,
								const char **trouble);

#endif /* CONSISTENCY_REPAIR_INTERNAL_H */
