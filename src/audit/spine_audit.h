/*-------------------------------------------------------------------------
 *
 * spine_audit.h
 *		The audit room: what was written, what was denied, and the outbox;
 *		but for refused attempts in the writer's own transaction.
 *
 * Rows are pushed into a buffer of the backend and inserted straight into
 * the heap: at the end of the statement, after a thousand of them, at the
 * end of a subtransaction and before commit or PREPARE.  Rows of an aborted
 * subtransaction are dropped with it.  A row is formed when it is pushed, so
 * it says who acted then, not who acts at the flush.  Refused attempts go
 * another way, which survives the rollback: see denied_record.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPINE_AUDIT_H
#define SPINE_AUDIT_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "nodes/bitmapset.h"

/*
 * One judged write.  All pointers need only live through the call.  Start
 * from {0}: members may be added.
 */
typedef struct AuditEvent
{
	Datum dataset;	  /* text: asset key of the dataset or its child */
	Datum action;	  /* text: insert, update, delete, truncate */
	int64 rev;		  /* revision whose rule judged */
	Datum key;		  /* jsonb object of the key columns, or 0 */
	Datum from_state; /* text, or 0 */
	Datum to_state;	  /* text, or 0 */
	Datum old_values; /* jsonb object of what changed, or 0 */
	Datum new_values; /* jsonb object of what changed, or 0 */
	Datum party;	  /* text: the party the actor wrote as, or 0 */
	Datum rule;		  /* text: the rule that allowed it, or 0 */
	Datum via;		  /* text: direct, fk, apply, … */
	Datum detail;	  /* jsonb: what only some writes say, or 0 */
} AuditEvent;

/* A write that a rule denies: let pass by observe mode, or refused. */
typedef struct DeniedEvent
{
	const char *dataset;
	const char *action;
	int64		rev;
	Datum		key;		/* jsonb, or 0 */
	const char *attribute;	/* or NULL */
	const char *from_state; /* or NULL */
	const char *to_state;	/* or NULL */
	int			sqlstate;	/* what enforce would have raised */
	const char *message;	/* and with which message */
	const char *rule;		/* or NULL */
	const char *mode;		/* observe or enforce */
	Datum		detail;		/* jsonb: what only some attempts say, or 0 */
} DeniedEvent;

/* An event for the outbox. */
typedef struct OutboxEvent
{
	const char *kind;	 /* snapshot, notify, emit, signal */
	const char *topic;	 /* topic or event name */
	const char *dataset; /* asset key it is about */
	Datum		key;	 /* jsonb, or 0 */
	Datum		payload; /* jsonb, or 0 */
} OutboxEvent;

extern void audit_push(const AuditEvent *event);
extern void denied_push(const DeniedEvent *event);
extern void outbox_push(const OutboxEvent *event);

/*
 * Keep a refused attempt where the rollback does not reach; call it just
 * before the ereport(ERROR) that refuses, and nowhere else.  It raises nothing
 * and waits for nothing: a job writes the row to spine.denied_log soon after.
 * What does not fit is clipped, and too many a second are counted.  Does
 * nothing unless spine is preloaded.
 */
extern void denied_record(const DeniedEvent *event);

/* A refused attempt that is being written down. */
typedef struct DeniedWritten
{
	const char *dataset;
	const char *action;
	const char *actor;
	const char *from_state; /* or NULL */
	const char *rule;		/* or NULL */
	Datum		detail;		/* jsonb as it was recorded, or 0 */
} DeniedWritten;

/* Is told of each, in the transaction that writes it down; or NULL. */
typedef void (*DeniedWrittenHook)(const DeniedWritten *attempt);
extern DeniedWrittenHook denied_written_hook;

/* Insert what the current (sub)transaction level has pushed. */
extern void audit_flush(void);

/*
 * A row shape: knows how to write some columns of a tuple as a jsonb object,
 * members in jsonb's own order, without a parse state.  Numbers stay numbers,
 * booleans booleans, jsonb stays jsonb, all else is the type's text output.
 * Lives in the context that was current when it was made.
 */
typedef struct RowShape RowShape;
extern RowShape		   *row_shape(TupleDesc desc);

/*
 * The columns of a tuple whose bit (attnum - 1) is set in the words of
 * attrs, as a palloc'd jsonb object; NULL attrs means all (but generated).
 */
extern Datum row_shape_json(RowShape *shape, HeapTuple tuple,
							const uint64 *attrs);

extern void audit_init(void);

#endif /* SPINE_AUDIT_H */
