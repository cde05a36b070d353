/*-------------------------------------------------------------------------
 *
 * buffer.c
 *		Rows that wait for the end of their statement.
 *
 * One buffer per backend holds rows of all three tables in the order in
 * which they were pushed.  It is a stack: a row belongs to the transaction
 * nest level that pushed it, and an inner level ends before an outer one
 * goes on, so the rows of the current level are always the last ones.
 *
 * Invariant: a row is inserted by the level that pushed it or by one that
 * this level has become part of, never by an inner one, which may still
 * abort.  So audit_flush inserts the last rows only; the end of a
 * subtransaction flushes its rows or, if it aborts, drops them.
 *
 * An error during a flush leaves the rows where they are: it ends the level,
 * which drops them.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "audit/audit_internal.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* A level flushes by itself at so many rows, or so many bytes of them. */
#define FLUSH_ROWS 1000
#define FLUSH_BYTES (256 * 1024)

/* The buffer's memory keeps a block of this size between transactions. */
#define BUFFER_BLOCK (64 * 1024)

static LogEntry *entries = NULL;  /* the stack */
static int		 entry_count = 0; /* entries on it */
static int		 entry_room = 0;  /* entries it has room for */
static int		 top_first = 0;	  /* first of those of the topmost level */
static Size		 top_bytes = 0;	  /* what those take */

/* Formed rows; whatever lives there is in the stack. */
static MemoryContext row_memory = NULL;
/* What a flush allocates on its way. */
static MemoryContext flush_memory = NULL;

static int	flush_level = 0;  /* level that is inside audit_flush, or 0 */
static bool closing = false; /* the transaction's last flush is done */

/* Make the buffer's memory, or room for more entries. */
static void
make_room(void)
{
	if (row_memory == NULL)
	{
		row_memory =
			GenerationContextCreate(TopMemoryContext, "spine audit rows", 0,
									BUFFER_BLOCK, 1024 * 1024);
		flush_memory =
			AllocSetContextCreate(TopMemoryContext, "spine audit flush",
								  ALLOCSET_DEFAULT_SIZES);
	}

	if (entries == NULL)
	{
		entries = MemoryContextAlloc(TopMemoryContext,
									 sizeof(LogEntry) * FLUSH_ROWS);
		entry_room = FLUSH_ROWS;
	}
	else
	{
		entries = repalloc(entries, sizeof(LogEntry) * entry_room * 2);
		entry_room *= 2;
	}
}

/* Find the topmost level's first entry, after others were taken off. */
static void
find_top(void)
{
	top_first = entry_count;
	top_bytes = 0;
	while (top_first > 0 &&
		   entries[top_first - 1].level == entries[entry_count - 1].level)
	{
		top_first--;
		top_bytes += entries[top_first].tuple->t_len;
	}
}

/* Take all entries from a position on off the stack. */
static void
drop_from(int first)
{
	if (first == 0)
		MemoryContextReset(row_memory);
	else
		for (int i = first; i < entry_count; i++)
			heap_freetuple(entries[i].tuple);

	entry_count = first;
	find_top();
}

/* Position of the first entry of a level and of levels inside it. */
static int
first_of_level(int level)
{
	int first = entry_count;

	while (first > 0 && entries[first - 1].level >= level)
		first--;
	return first;
}

void
buffer_push(LogTable table, const Datum *values)
{
	int			  level = GetCurrentTransactionNestLevel();
	MemoryContext old;
	HeapTuple	  tuple;

	/* Only an index expression on one of our own tables could do that. */
	if (flush_level != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("an audited write may not happen while audit rows "
						"are inserted")));

	if (entry_count == entry_room)
		make_room();

	old = MemoryContextSwitchTo(row_memory);
	tuple = table_form(table, values);
	MemoryContextSwitchTo(old);

	if (entry_count == 0 || entries[entry_count - 1].level != level)
	{
		top_first = entry_count;
		top_bytes = 0;
	}
	entries[entry_count].tuple = tuple;
	entries[entry_count].at = DatumGetTimestampTz(values[0]);
	entries[entry_count].table = table;
	entries[entry_count].level = level;
	entry_count++;
	top_bytes += tuple->t_len;

	if (entry_count - top_first >= FLUSH_ROWS || top_bytes >= FLUSH_BYTES ||
		closing)
		audit_flush();
}

/* Insert the entries from a position on, table by table. */
static void
insert_from(int first)
{
	bool		  pending[LOG_TABLES] = {false};
	MemoryContext old = MemoryContextSwitchTo(flush_memory);
	bool		  pushed_snapshot = !ActiveSnapshotSet();

	/* Before commit there is none, and toasting wants one. */
	if (pushed_snapshot)
		PushActiveSnapshot(GetTransactionSnapshot());

	for (int i = first; i < entry_count; i++)
		pending[entries[i].table] = true;
	for (LogTable table = 0; table < LOG_TABLES; table++)
		if (pending[table])
			table_insert(table, &entries[first], entry_count - first);

	if (pushed_snapshot)
		PopActiveSnapshot();
	MemoryContextSwitchTo(old);
}

void
audit_flush(void)
{
	int level = GetCurrentTransactionNestLevel();

	if (entry_count == 0 || flush_level != 0 ||
		entries[entry_count - 1].level != level)
		return;

	flush_level = level;
	insert_from(top_first);
	flush_level = 0;

	drop_from(top_first);
	MemoryContextReset(flush_memory);
}

/*
 * A level aborted, or all ended: drop its rows and those of levels inside it.
 * A level inside a flush, as of a function that an index calls, is not the
 * flush's own: that goes on.
 */
static void
drop_level(int level)
{
	if (row_memory == NULL)
		return;
	drop_from(first_of_level(level));
	if (flush_level == 0 || flush_level >= level)
	{
		flush_level = 0;
		MemoryContextReset(flush_memory);
	}
}

/*
 * A subtransaction committed: rows that others pushed on its way out, after
 * its flush, belong to its parent now.
 */
static void
hand_up_level(int level)
{
	for (int i = first_of_level(level); i < entry_count; i++)
		entries[i].level = level - 1;
	find_top();
}

static void
transaction_event(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			audit_flush();
			closing = true;
			break;

		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_ABORT:
			tables_end_level(1, event != XACT_EVENT_ABORT);
			table_insert_ended();
			drop_level(1);
			rows_end_transaction();
			closing = false;
			break;

		case XACT_EVENT_PARALLEL_PRE_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
			break;
	}
}

static void
subtransaction_event(SubXactEvent event, SubTransactionId mySubid,
					 SubTransactionId parentSubid, void *arg)
{
	int level = GetCurrentTransactionNestLevel();

	switch (event)
	{
		case SUBXACT_EVENT_START_SUB:
			break;

		case SUBXACT_EVENT_PRE_COMMIT_SUB:
			audit_flush();
			break;

		case SUBXACT_EVENT_COMMIT_SUB:
			tables_end_level(level, true);
			hand_up_level(level);
			break;

		case SUBXACT_EVENT_ABORT_SUB:
			tables_end_level(level, false);
			if (flush_level >= level)
				table_insert_ended();
			drop_level(level);
			break;
	}
}

void
audit_init(void)
{
	RegisterXactCallback(transaction_event, NULL);
	RegisterSubXactCallback(subtransaction_event, NULL);
	tables_init();
	signal_init();
	denied_init();
	months_init();
	watch_init();
	deliver_init();
}
