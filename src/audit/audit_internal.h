/*-------------------------------------------------------------------------
 *
 * audit_internal.h
 *		What the files of the audit room share.
 *
 *		rows.c		fills rows: who acts, when, and what the caller tells
 *		form.c		makes heap tuples of them
 *		buffer.c	keeps them, a level for each (sub)transaction
 *		tables.c	knows the tables and puts rows into the right heap
 *		denied.c	keeps refused attempts in ring.c's memory, a job writes them
 *		months.c	makes partitions ahead and lets old ones go
 *		keep.c		refuses any other change of the logs
 *		watch.c		tells spine.health()
 *
 *-------------------------------------------------------------------------
 */
#ifndef AUDIT_INTERNAL_H
#define AUDIT_INTERNAL_H

#include "access/htup.h"
#include "audit/spine_audit.h"
#include "datatype/timestamp.h"

/* The tables of sql/audit/10_tables.sql that rows are written to. */
typedef enum LogTable
{
	LOG_AUDIT,	/* spine.audit_log */
	LOG_DENIED, /* spine.denied_log */
	LOG_OUTBOX	/* spine.outbox */
} LogTable;

#define LOG_TABLES (LOG_OUTBOX + 1)

/* No table has more columns than this. */
#define LOG_MAX_COLUMNS 20

/* Columns of spine.audit_log, counted from 0. */
enum
{
	AUDIT_AT,
	AUDIT_XID,
	AUDIT_N,
	AUDIT_REV,
	AUDIT_DATASET,
	AUDIT_ACTION,
	AUDIT_KEY,
	AUDIT_ACTOR,
	AUDIT_SESSION_ACTOR,
	AUDIT_PARTY,
	AUDIT_FROM_STATE,
	AUDIT_TO_STATE,
	AUDIT_OLD,
	AUDIT_NEW,
	AUDIT_RULE,
	AUDIT_VIA,
	AUDIT_APPLICATION,
	AUDIT_CLIENT,
	AUDIT_DETAIL,
	AUDIT_COLUMNS
};

/* Columns of spine.denied_log. */
enum
{
	DENIED_AT,
	DENIED_XID,
	DENIED_N,
	DENIED_REV,
	DENIED_DATASET,
	DENIED_ACTION,
	DENIED_KEY,
	DENIED_ATTRIBUTE,
	DENIED_ACTOR,
	DENIED_SESSION_ACTOR,
	DENIED_FROM_STATE,
	DENIED_TO_STATE,
	DENIED_SQLSTATE,
	DENIED_MESSAGE,
	DENIED_RULE,
	DENIED_MODE,
	DENIED_APPLICATION,
	DENIED_CLIENT,
	DENIED_DETAIL,
	DENIED_COLUMNS
};

/* Columns of spine.outbox. */
enum
{
	OUTBOX_AT,
	OUTBOX_XID,
	OUTBOX_N,
	OUTBOX_KIND,
	OUTBOX_TOPIC,
	OUTBOX_DATASET,
	OUTBOX_KEY,
	OUTBOX_PAYLOAD,
	OUTBOX_ACTOR,
	OUTBOX_COLUMNS
};

/* A formed row that waits for its flush. */
typedef struct LogEntry
{
	HeapTuple	tuple; /* in the buffer's memory */
	TimestampTz at;	   /* its column at, which partitions go by */
	LogTable	table; /* where it belongs */
	int			level; /* transaction nest level that pushed it */
} LogEntry;

/* What every row says besides its event. */
typedef struct Circumstance
{
	TimestampTz at;
	Datum		xid;
	Datum		n;
	Datum		actor;		   /* text that lives for ever, as the next */
	Datum		session_actor;
	Datum		application; /* or 0 */
	Datum		client;		 /* or 0 */
} Circumstance;

/* in row_nested.c */

/* An array or a composite as jsonb; no cast to json is called. */
extern Datum nested_json(Oid type, Datum value);

/* in rows.c */

/*
 * The circumstance of a refused attempt: not one of the transaction's rows,
 * so without n, and with xid 0 if the transaction wrote nothing.
 */
extern void rows_attempt(Circumstance *now);

/* Forget what is only good for one transaction: row numbers and the time. */
extern void rows_end_transaction(void);

/* in buffer.c */

/*
 * Keep a row for the flush.  It is formed at once; the values need only live
 * through the call.  The first ones are numbers, at first of all; the others
 * are pointers to varlenas, or 0 for NULL.
 */
extern void buffer_push(LogTable table, const Datum *values);

/* in form.c */

/*
 * Form a tuple in the current context from so many numbers (at, xid, n and
 * perhaps rev) and then varlenas, where 0 means NULL.
 */
extern HeapTuple log_form(int numbers, int columns, const Datum *values);

/* in tables.c */

/*
 * Form a row of a table in the current context.  The first call in a
 * transaction locks the table, so its layout stays true until the flush.
 * Raises an error if the table is missing: no audit, no write.
 */
extern HeapTuple table_form(LogTable table, const Datum *values);

/*
 * Insert those of the entries that belong to a table, in order.  Runs no
 * trigger and asks for no privilege.  Allocates in the current context.
 */
extern void table_insert(LogTable table, const LogEntry *entries, int n);

/* The level of a table_insert that raised an error is gone. */
extern void table_insert_ended(void);

/*
 * A (sub)transaction ended.  Locks taken at its level are now its parent's,
 * or gone if it aborted; level 1 ends everything.
 */
extern void tables_end_level(int level, bool committed);

extern void tables_init(void);

/* in denied.c: refused attempts, from memory to spine.denied_log */

extern void denied_init(void);

/* in keep.c: what keeps the logs as they are, and who may not be stopped */

/*
 * Run an SQL command that the logs' triggers let through.  Connected to SPI,
 * as the owner of the extension; returns the rows it processed.
 */
extern uint64 keep_execute(const char *sql);

/* in months.c: partitions made ahead, months that go */

extern void months_init(void);

/* in watch.c: what spine.health() says of all this */

extern void watch_init(void);

/* ---- in signal.c ---- */

extern void signal_init(void);

/* ---- in deliver.c ---- */

extern void deliver_init(void);

#endif /* AUDIT_INTERNAL_H */
