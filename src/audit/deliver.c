/*-------------------------------------------------------------------------
 *
 * deliver.c
 *		The job "signals": NOTIFY for what stands in the outbox.
 *
 * A writing transaction must not NOTIFY, since then it could not be prepared;
 * and rows of the outbox become visible out of order, as transactions commit.
 * So progress is a snapshot: what it saw has been announced, what it did not
 * see has not, whatever its number.
 *
 * The outbox has no index.  The pages to look at are told by their LSN: one
 * that was last changed before any transaction began that the last snapshot
 * did not see holds nothing new.  Pages without LSN were written without WAL
 * and are always looked at.
 *
 * New rows are at the table's end, but for those that fill room that was left
 * or freed further in front.  So the table has two parts, each with a progress
 * of its own: each run looks at the tail, and once a minute at the head.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/table.h"
#include "access/transam.h"
#include "access/xlog.h"
#include "audit/audit_internal.h"
#include "base/job.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/pg_lsn.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/xid8.h"

/* Transactions announced in one run; those that were late come on top. */
#define MOST_SIGNALS 10000

/* Which progress in spine.outbox_progress is ours. */
#define CONSUMER "signals"

/* Pages of the tail, at the least; it is cut when it has twice as many. */
#define TAIL_PAGES 1024

/* Seconds between looks at the head. */
#define HEAD_INTERVAL 60

/* A part of the outbox and what is known of its last run. */
typedef struct Part
{
	const char *name; /* tail or head */
	BlockNumber from; /* its pages */
	BlockNumber to;	  /* exclusive */
	TimestampTz ran_at;
	XLogRecPtr	page_lsn; /* pages older than this hold nothing new */
	XLogRecPtr	next_lsn; /* so will those older than this, ... */
	uint64		next_xid; /* once all transactions before this one ended */
} Part;

static void
check_result(int result, int expected)
{
	if (result != expected)
		/* cannot happen */
		elog(ERROR, "could not announce the outbox: %s",
			 SPI_result_code_string(result));
}

/*
 * Read the progress of a part.  The job's lock keeps others from it.  Where it
 * is missing, all is new.
 */
static void
read_part(Part *part)
{
	Oid		  type = TEXTOID;
	Datum	  name = CStringGetTextDatum(part->name);
	bool	  isnull;
	HeapTuple row;
	TupleDesc desc;

	check_result(SPI_execute_with_args(
					 "SELECT page_lsn, next_lsn, next_xid, from_page, ran_at"
					 " FROM spine.outbox_progress"
					 " WHERE consumer = '" CONSUMER "' AND part = $1",
					 1, &type, &name, NULL, true, 1),
				 SPI_OK_SELECT);
	if (SPI_processed == 0)
	{
		check_result(
			SPI_execute_with_args("INSERT INTO spine.outbox_progress"
								  " (consumer, part, since, seen) VALUES"
								  " ('" CONSUMER "', $1, '-infinity', '1:1:')",
								  1, &type, &name, NULL, false, 0),
			SPI_OK_INSERT);
		return;
	}
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	part->page_lsn = DatumGetLSN(SPI_getbinval(row, desc, 1, &isnull));
	part->next_lsn = DatumGetLSN(SPI_getbinval(row, desc, 2, &isnull));
	part->next_xid = U64FromFullTransactionId(
		DatumGetFullTransactionId(SPI_getbinval(row, desc, 3, &isnull)));
	part->from = DatumGetInt64(SPI_getbinval(row, desc, 4, &isnull));
	part->ran_at = DatumGetTimestampTz(SPI_getbinval(row, desc, 5, &isnull));
}

/* The first page of a part that may hold something new; to if none does. */
static BlockNumber
first_changed_page(Relation rel, const Part *part)
{
	BufferAccessStrategy strategy = GetAccessStrategy(BAS_BULKREAD);
	BlockNumber			 page;

	for (page = part->from; page < part->to; page++)
	{
		Buffer	   buffer;
		XLogRecPtr changed;

		CHECK_FOR_INTERRUPTS();
		buffer =
			ReadBufferExtended(rel, MAIN_FORKNUM, page, RBM_NORMAL, strategy);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		changed = PageGetLSN(BufferGetPage(buffer));
		UnlockReleaseBuffer(buffer);
		if (XLogRecPtrIsInvalid(changed) || changed >= part->page_lsn)
			break;
	}
	FreeAccessStrategy(strategy);
	return page;
}

/* Open the outbox. */
static Relation
open_outbox(void)
{
	Oid relid =
		get_relname_relid("outbox", get_namespace_oid(SPINE_SCHEMA, false));
	Relation rel =
		OidIsValid(relid) ? try_table_open(relid, AccessShareLock) : NULL;

	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"%s.%s\" does not exist", SPINE_SCHEMA,
						"outbox")));
	return rel;
}

/*
 * Announce what is new in a range of tids: one NOTIFY for all that a transaction
 * says about one topic and dataset.  Returns the snapshot up to which all is
 * announced: the present one, or, if there is too much, the same as if
 * nothing from a later transaction on had begun.  Late comers, which the last
 * snapshot saw running, are always announced, so that it never goes back.
 */
static const char announce_sql[] =
	"WITH progress AS (SELECT seen, since,"
	" pg_catalog.pg_current_snapshot() AS now FROM spine.outbox_progress"
	" WHERE consumer = '" CONSUMER "' AND part = $4),"
	" fresh AS MATERIALIZED (SELECT o.xid, o.topic, o.dataset,"
	" pg_catalog.min(o.n) AS n, pg_catalog.count(*) AS count"
	" FROM spine.outbox o, progress p"
	" WHERE o.ctid >= $1 AND o.ctid < $2 AND o.kind IN ('signal', 'notify')"
	" AND NOT pg_catalog.pg_visible_in_snapshot(o.xid, p.seen)"
	" AND o.at >= p.since GROUP BY 1, 2, 3),"
	" cut AS MATERIALIZED (SELECT f.xid FROM fresh f, progress p"
	" WHERE f.xid >= pg_catalog.pg_snapshot_xmax(p.seen)"
	" ORDER BY f.xid OFFSET $3 LIMIT 1),"
	" told AS MATERIALIZED (SELECT pg_catalog.count(pg_catalog.pg_notify("
	"'spine_signal', pg_catalog.jsonb_build_object('topic', f.topic,"
	" 'dataset', f.dataset, 'xid', f.xid::text, 'n', f.n,"
	" 'count', f.count)::text)) AS signals FROM (SELECT * FROM fresh"
	" WHERE xid < coalesce((SELECT c.xid FROM cut c),"
	" '18446744073709551615'::pg_catalog.xid8) ORDER BY xid, n) f)"
	" SELECT CASE WHEN c.xid IS NULL THEN p.now::text ELSE"
	" CASE WHEN pg_catalog.pg_snapshot_xmin(p.now) < c.xid"
	" THEN pg_catalog.pg_snapshot_xmin(p.now) ELSE c.xid END || ':' ||"
	" c.xid || ':' || coalesce((SELECT pg_catalog.string_agg(x::text, ','"
	" ORDER BY x) FROM pg_catalog.pg_snapshot_xip(p.now) x"
	" WHERE x < c.xid), '') END, c.xid IS NOT NULL"
	" FROM progress p CROSS JOIN told LEFT JOIN cut c ON true";

/* A tid before all rows of a page. */
static Datum
page_start(BlockNumber page)
{
	return DirectFunctionCall1(tidin,
							   CStringGetDatum(psprintf("(%u,0)", page)));
}

/* Announce; returns the snapshot's text, *more whether there is more. */
static char *
announce(const Part *part, BlockNumber from, bool *more)
{
	Oid		  types[] = {TIDOID, TIDOID, INT8OID, TEXTOID};
	Datum	  values[4];
	bool	  isnull;
	HeapTuple row;

	values[0] = page_start(from);
	values[1] = page_start(part->to);
	values[2] = Int64GetDatum(MOST_SIGNALS);
	values[3] = CStringGetTextDatum(part->name);
	/* Read-only, so that it sees what the active snapshot does. */
	check_result(SPI_execute_with_args(announce_sql, 4, types, values, NULL,
									   true, 0),
				 SPI_OK_SELECT);
	row = SPI_tuptable->vals[0];
	*more =
		DatumGetBool(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull));
	return SPI_getvalue(row, SPI_tuptable->tupdesc, 1);
}

/* A transaction id of a snapshot with all its bits: it is close behind the
 * next one. */
static uint64
widen(TransactionId xid)
{
	FullTransactionId next = ReadNextFullTransactionId();

	return U64FromFullTransactionId(next) -
		(uint32) (XidFromFullTransactionId(next) - xid);
}

/*
 * All up to the snapshot is announced: which pages need not be looked at
 * again?  lsn was read before it was taken, so transactions from its xmax on
 * write behind that.
 */
static void
advance(Part *part, XLogRecPtr lsn, Snapshot snapshot)
{
	if (widen(snapshot->xmin) < part->next_xid)
		return;
	part->page_lsn = part->next_lsn;
	part->next_lsn = lsn;
	part->next_xid = widen(snapshot->xmax);
}

static void
write_part(const Part *part, const char *seen)
{
	Oid	  types[] = {LSNOID, LSNOID, XID8OID, INT8OID, TEXTOID, TEXTOID};
	Datum values[lengthof(types)];

	values[0] = LSNGetDatum(part->page_lsn);
	values[1] = LSNGetDatum(part->next_lsn);
	values[2] =
		FullTransactionIdGetDatum(FullTransactionIdFromU64(part->next_xid));
	values[3] = Int64GetDatum(part->from);
	values[4] = CStringGetTextDatum(part->name);
	values[5] = CStringGetTextDatum(seen);
	check_result(
		SPI_execute_with_args(
			"UPDATE spine.outbox_progress SET page_lsn = $1, next_lsn = $2,"
			" next_xid = $3, from_page = $4,"
			" ran_at = pg_catalog.clock_timestamp(),"
			" seen = $6::pg_catalog.pg_snapshot"
			" WHERE consumer = '" CONSUMER "' AND part = $5",
			lengthof(types), types, values, NULL, false, 0),
		SPI_OK_UPDATE);
}

/* The active snapshot, as pg_snapshot has it. */
static char *
active_snapshot(void)
{
	check_result(SPI_execute("SELECT pg_catalog.pg_current_snapshot()", true,
							 1),
				 SPI_OK_SELECT);
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

/* Announce what is new in a part; true if there is more. */
static bool
run_part(Relation rel, Part *part, XLogRecPtr lsn)
{
	BlockNumber start = first_changed_page(rel, part);
	bool		more = false;
	char	   *seen;

	if (start < part->to)
		seen = announce(part, start, &more);
	else
		seen = active_snapshot();
	if (!more)
		advance(part, lsn, GetActiveSnapshot());
	write_part(part, seen);
	return more;
}

/* All is announced up to the snapshot in both parts: cut the table anew. */
static void
cut(Part *tail, Part *head, BlockNumber pages)
{
	char *seen = active_snapshot();

	tail->from = pages > TAIL_PAGES ? pages - TAIL_PAGES : 0;
	head->page_lsn = tail->page_lsn;
	head->next_lsn = tail->next_lsn;
	head->next_xid = tail->next_xid;
	write_part(tail, seen);
	write_part(head, seen);
}

/* Announce what is new in the outbox under the active snapshot. */
static bool
run_parts(Relation rel, Part *tail, Part *head, XLogRecPtr lsn)
{
	BlockNumber pages = RelationGetNumberOfBlocks(rel);
	bool		shrunk = pages < tail->from;
	bool		grown = pages > tail->from + 2 * TAIL_PAGES;
	bool		head_due = shrunk || grown ||
		TimestampDifferenceExceeds(head->ran_at, GetCurrentTimestamp(),
								   HEAD_INTERVAL * 1000);
	bool more = false;

	tail->to = pages;
	head->to = Min(tail->from, pages);
	/* A quiet outbox stays quiet; only that the head was seen is noted. */
	if (first_changed_page(rel, tail) < tail->to)
		more = run_part(rel, tail, lsn);
	if (head->to > 0 && head_due)
		more |= run_part(rel, head, lsn);
	if (!more && (shrunk || grown))
		cut(tail, head, pages);
	return more;
}

/*
 * The snapshot comes before the look at the pages: what it sees is on them by
 * then.
 */
static bool
work_signals(void)
{
	XLogRecPtr lsn = GetXLogInsertRecPtr();
	Relation   rel = open_outbox();
	Part	   tail = {.name = "tail"};
	Part	   head = {.name = "head"};
	bool	   more;

	read_part(&tail);
	read_part(&head);
	PushActiveSnapshot(GetLatestSnapshot());
	more = run_parts(rel, &tail, &head, lsn);
	PopActiveSnapshot();
	table_close(rel, NoLock);
	return more;
}

void
deliver_init(void)
{
	static const Job signals = {"signals",
								"Announces what stands in the outbox.", 0,
								false, work_signals};

	job_register(&signals);
}
