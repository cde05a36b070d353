/*-------------------------------------------------------------------------
 *
 * read_log.c
 *		Rows of spine.read_log, and what becomes of them without a commit.
 *
 * A read is recorded before it happens, in the reader's own transaction, by
 * putting the row straight into the heap: no plan, no trigger, no privilege.
 * Where it cannot be recorded it does not happen.
 *
 * Where a transaction cannot write (READ ONLY, a standby, a parallel query)
 * a line in the server's log stands for the row.  So it does where a
 * transaction or a savepoint is rolled back, or a transaction is prepared,
 * since the row may go, and the reader has seen what it has seen: a backend
 * remembers what it inserted until the level ends that inserted it.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "base/jb.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "ownership/read_audit.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inet.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

/* Different reads of one transaction that are told apart in the log. */
#define MOST_PENDING 1000

PG_FUNCTION_INFO_V1(spine_refuse_read_change);

/* Columns, as sql/ownership/60_reads.sql makes them. */
enum
{
	READ_AT,
	READ_XID,
	READ_DATASET,
	READ_RELATION,
	READ_COLUMNS,
	READ_ACTOR,
	READ_SESSION_ACTOR,
	READ_COMMAND,
	READ_APPLICATION,
	READ_CLIENT,
	READ_SHARE,
	READ_DETAIL,
	READ_NATTS
};

static const Oid read_types[READ_NATTS] = {TIMESTAMPTZOID, XID8OID,
										   TEXTOID,		   TEXTOID,
										   TEXTARRAYOID,   TEXTOID,
										   TEXTOID,		   TEXTOID,
										   TEXTOID,		   INETOID,
										   FLOAT8OID,	   JSONBOID};

/* Reads whose rows stand and fall with a level of the transaction. */
typedef struct Pending
{
	int			level;
	uint64		count;
	char	   *what;	/* primary message */
	char	   *detail; /* of it */
} Pending;

static List *pending = NIL; /* of Pending, in TopTransactionContext */

/* Reads that the server's log alone tells of: of all sessions, or of this. */
static pg_atomic_uint64 *logged_everywhere = NULL;
static uint64 logged_here = 0;

static shmem_request_hook_type next_request = NULL;
static shmem_startup_hook_type next_startup = NULL;

/* ---- the server's log ---- */

static char *
role_name(Oid role)
{
	char	   *name = GetUserNameFromId(role, true);

	return name != NULL ? name : psprintf("%u", role);
}

/* Names, separated by commas. */
static char *
name_list(const List *names)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach (lc, names)
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "",
						 quote_identifier(lfirst(lc)));
	return buf.len > 0 ? buf.data : pstrdup("none");
}

/* The views of a statement, each with the columns that it reads of it. */
static char *
through_of(const ReadEvent *event)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach (lc, event->through)
	{
		const ReadThrough *through = lfirst(lc);

		appendStringInfo(&buf, "%s%s (%s)",
						 buf.len > 0 ? ", " : " Through: ", through->view,
						 name_list(through->columns));
	}
	if (buf.len > 0)
		appendStringInfoChar(&buf, '.');
	return buf.data;
}

static char *
message_of(const ReadEvent *event)
{
	return psprintf("role \"%s\" read relation %s of dataset \"%s\"",
					role_name(GetUserId()), event->relation, event->dataset);
}

static char *
detail_of(const ReadEvent *event)
{
	return psprintf("Command: %s. Columns: %s. Session user: \"%s\".%s",
					event->command, name_list(event->columns),
					role_name(GetSessionUserId()), through_of(event));
}

/* Tell the server's log, and nobody else: no statement, as it has values. */
static void
log_read(const char *what, const char *detail, uint64 count, const char *why)
{
	logged_here += count;
	if (logged_everywhere != NULL)
		pg_atomic_fetch_add_u64(logged_everywhere, count);
	ereport(LOG_SERVER_ONLY,
			(errmsg("%s", what),
			 errdetail_log("%s Statements: " UINT64_FORMAT
						   ". Not in %s.read_log: %s.",
						   detail, count, SPINE_SCHEMA, why),
			 errhidestmt(true), errhidecontext(true)));
}

/* ---- levels ---- */

/* Remember a row that was inserted. */
static void
remember(const ReadEvent *event)
{
	int			level = GetCurrentTransactionNestLevel();
	char	   *what = message_of(event);
	char	   *detail = detail_of(event);
	MemoryContext old;
	Pending    *entry;
	ListCell   *lc;

	foreach (lc, pending)
	{
		entry = lfirst(lc);
		if (entry->level == level && strcmp(entry->what, what) == 0 &&
			strcmp(entry->detail, detail) == 0)
		{
			entry->count++;
			return;
		}
	}

	old = MemoryContextSwitchTo(TopTransactionContext);
	entry = palloc(sizeof(Pending));
	entry->level = level;
	entry->count = 1;
	entry->what = pstrdup(what);
	entry->detail = pstrdup(detail);
	pending = lappend(pending, entry);
	MemoryContextSwitchTo(old);
}

/* Tell the log of the rows of a level, and of levels inside it. */
static void
log_level(int level, const char *why)
{
	ListCell   *lc;

	foreach (lc, pending)
	{
		Pending    *entry = lfirst(lc);

		if (entry->level < level)
			continue;
		pending = foreach_delete_current(pending, lc);
		log_read(entry->what, entry->detail, entry->count, why);
	}
}

static void
transaction_event(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_ABORT:
			log_level(1, "the transaction was rolled back");
			break;
		case XACT_EVENT_PRE_PREPARE:
			log_level(1,
					  "the transaction was prepared and may be rolled "
					  "back");
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			break;
		default:
			return;
	}
	/* What it holds goes with the transaction. */
	pending = NIL;
}

static void
subtransaction_event(SubXactEvent event, SubTransactionId mine,
					 SubTransactionId parent, void *arg)
{
	int			level = GetCurrentTransactionNestLevel();
	ListCell   *lc;

	if (event == SUBXACT_EVENT_ABORT_SUB)
		log_level(level, "a savepoint was rolled back");
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
		foreach (lc, pending)
		{
			Pending    *entry = lfirst(lc);

			entry->level = Min(entry->level, level - 1);
		}
}

/* ---- the row ---- */

static Datum
text_array(const List *names)
{
	int			n = list_length(names);
	Datum	   *elements = palloc(sizeof(Datum) * (n + 1));
	ListCell   *lc;

	foreach (lc, names)
		elements[foreach_current_index(lc)] = CStringGetTextDatum(lfirst(lc));
	return PointerGetDatum(
		construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Push the views as an object: their names, and lists of columns. */
static void
push_through(JsonbParseState **state, const List *views)
{
	ListCell   *lc;

	jb_push_key(state, "through");
	(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	foreach (lc, views)
	{
		const ReadThrough *through = lfirst(lc);
		ListCell   *column;

		jb_push_key(state, through->view);
		(void) pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
		foreach (column, through->columns)
		{
			JsonbValue	value;

			value.type = jbvString;
			value.val.string.val = lfirst(column);
			value.val.string.len = strlen(lfirst(column));
			(void) pushJsonbValue(state, WJB_ELEM, &value);
		}
		(void) pushJsonbValue(state, WJB_END_ARRAY, NULL);
	}
	(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* Through which views and with whose rights; false if neither. */
static bool
read_detail(const ReadEvent *event, Datum *detail)
{
	JsonbParseState *state = NULL;

	if (!OidIsValid(event->as) && event->through == NIL)
		return false;
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	if (OidIsValid(event->as))
		jb_push_text(&state, "as", role_name(event->as));
	if (event->through != NIL)
		push_through(&state, event->through);
	*detail = JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
	return true;
}

/* The client's address; false on a unix socket and without a client. */
static bool
client_address(Datum *address)
{
	LOCAL_FCINFO(fcinfo, 0);

	InitFunctionCallInfoData(*fcinfo, NULL, 0, InvalidOid, NULL, NULL);
	*address = inet_client_addr(fcinfo);
	return !fcinfo->isnull;
}

static HeapTuple
form_row(const ReadEvent *event, TupleDesc desc)
{
	Datum	   *values = palloc0(sizeof(Datum) * desc->natts);
	bool	   *nulls = palloc(sizeof(bool) * desc->natts);

	memset(nulls, true, sizeof(bool) * desc->natts);
	memset(nulls, false, sizeof(bool) * READ_NATTS);
	values[READ_AT] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[READ_XID] = FullTransactionIdGetDatum(GetTopFullTransactionId());
	values[READ_DATASET] = CStringGetTextDatum(event->dataset);
	values[READ_RELATION] = CStringGetTextDatum(event->relation);
	values[READ_COLUMNS] = text_array(event->columns);
	values[READ_ACTOR] = CStringGetTextDatum(role_name(GetUserId()));
	values[READ_SESSION_ACTOR] =
		CStringGetTextDatum(role_name(GetSessionUserId()));
	values[READ_COMMAND] = CStringGetTextDatum(event->command);
	nulls[READ_APPLICATION] =
		application_name == NULL || application_name[0] == '\0';
	if (!nulls[READ_APPLICATION])
		values[READ_APPLICATION] = CStringGetTextDatum(application_name);
	nulls[READ_CLIENT] = !client_address(&values[READ_CLIENT]);
	values[READ_SHARE] = Float8GetDatum(event->share);
	nulls[READ_DETAIL] = !read_detail(event, &values[READ_DETAIL]);
	return heap_form_tuple(desc, values, nulls);
}

/* ---- inserting ---- */

/* Refuse a table that lost or changed a column that we write. */
static void
check_layout(TupleDesc desc)
{
	bool		sound = desc->natts >= READ_NATTS;

	for (int i = 0; sound && i < READ_NATTS; i++)
		sound = TupleDescAttr(desc, i)->atttypid == read_types[i];
	if (!sound)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s.%s\" does not have the columns that "
						"spine made",
						SPINE_SCHEMA, "read_log"),
				 errdetail("An audited read is refused where it cannot be "
						   "recorded.")));
}

static Relation
open_log(void)
{
	Oid			schema = get_namespace_oid(SPINE_SCHEMA, true);
	Oid relid = OidIsValid(schema) ? get_relname_relid("read_log", schema) :
									 InvalidOid;
	Relation	rel =
		OidIsValid(relid) ? try_table_open(relid, RowExclusiveLock) : NULL;

	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"%s.%s\" does not exist", SPINE_SCHEMA,
						"read_log"),
				 errdetail("An audited read is refused where it cannot be "
						   "recorded."),
				 errhint("CREATE EXTENSION spine, or apply a document "
						 "without \"audit_reads\".")));
	check_layout(RelationGetDescr(rel));
	return rel;
}

/* Can a row be put into the heap as it is, and nothing else? */
static bool
takes_plain(Relation rel)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;

	return rel->rd_tableam == GetHeapamTableAmRoutine() &&
		!rel->rd_rel->relhasindex &&
		(constr == NULL ||
		 (constr->num_check == 0 && !constr->has_generated_stored));
}

/* Insert with all that an INSERT would do, triggers excepted. */
static void
insert_slowly(Relation rel, HeapTuple tuple)
{
	EState	   *estate = CreateExecutorState();
	ResultRelInfo *target = makeNode(ResultRelInfo);
	TupleTableSlot *slot = table_slot_create(rel, NULL);

	InitResultRelInfo(target, rel, 0, NULL, 0);
	target->ri_TrigDesc = NULL;
	ExecOpenIndices(target, false);
	ExecForceStoreHeapTuple(tuple, slot, false);
	ExecSimpleRelationInsert(target, estate, slot);
	ExecCloseIndices(target);
	ExecDropSingleTupleTableSlot(slot);
	FreeExecutorState(estate);
}

static void
insert_row(const ReadEvent *event)
{
	Relation	rel = open_log();
	HeapTuple	tuple = form_row(event, RelationGetDescr(rel));
	bool		pushed = !ActiveSnapshotSet();

	/* Toasting and index functions want one. */
	if (pushed)
		PushActiveSnapshot(GetTransactionSnapshot());
	if (takes_plain(rel))
		heap_insert(rel, tuple, GetCurrentCommandId(true), 0, NULL);
	else
		insert_slowly(rel, tuple);
	if (pushed)
		PopActiveSnapshot();
	table_close(rel, NoLock);
}

/* Why a row cannot be written here; NULL if it can. */
static const char *
cannot_write(void)
{
	if (RecoveryInProgress())
		return "the server is a standby";
	if (IsInParallelMode() || IsParallelWorker())
		return "the query is parallel";
	if (XactReadOnly)
		return "the transaction is read-only";
	if (list_length(pending) >= MOST_PENDING)
		return "the transaction reads too much that is different";
	return NULL;
}

void
read_log_push(const ReadEvent *event)
{
	const char *why = cannot_write();

	if (why != NULL)
	{
		log_read(message_of(event), detail_of(event), 1, why);
		return;
	}
	insert_row(event);
	remember(event);
}

uint64
read_log_logged(bool *everywhere)
{
	*everywhere = logged_everywhere != NULL;
	return *everywhere ? pg_atomic_read_u64(logged_everywhere) : logged_here;
}

/* spine.refuse_read_change(): BEFORE UPDATE OR DELETE OR TRUNCATE. */
Datum
spine_refuse_read_change(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("spine.refuse_read_change() must be called as a "
						"trigger")));
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("table \"%s.%s\" only grows", SPINE_SCHEMA, "read_log"),
			 errdetail("Its rows are evidence: nobody changes or removes "
					   "them.")));
	PG_RETURN_NULL();
}

/* ---- shared memory ---- */

static void
request_memory(void)
{
	if (next_request != NULL)
		next_request();
	RequestAddinShmemSpace(MAXALIGN(sizeof(pg_atomic_uint64)));
}

static void
find_memory(void)
{
	bool		found;

	if (next_startup != NULL)
		next_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	logged_everywhere = ShmemInitStruct("spine reads logged",
										sizeof(pg_atomic_uint64), &found);
	if (!found)
		pg_atomic_init_u64(logged_everywhere, 0);
	LWLockRelease(AddinShmemInitLock);
}

void
read_log_init(void)
{
	RegisterXactCallback(transaction_event, NULL);
	RegisterSubXactCallback(subtransaction_event, NULL);
	if (!process_shared_preload_libraries_in_progress)
		return;
	next_request = shmem_request_hook;
	shmem_request_hook = request_memory;
	next_startup = shmem_startup_hook;
	shmem_startup_hook = find_memory;
}
