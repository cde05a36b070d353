/*-------------------------------------------------------------------------
 *
 * denied.c
 *		Attempts that were refused: kept in spite of the rollback.
 *
 * Who is refused leaves the attempt in shared memory; the job "denied" writes
 * it to spine.denied_log, in a transaction of its own.  What was taken is
 * freed when that transaction has committed, so nothing is lost by an error,
 * and a lock that only the job knows keeps others from taking the same.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/xact.h"
#include "audit/audit_internal.h"
#include "audit/ring.h"
#include "base/jb.h"
#include "base/job.h"
#include "base/rights.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(spine_denied_ring);

/* Rows that the job writes in one transaction. */
#define BATCH 1000
/* Counts among them. */
#define BATCH_COUNTS 64

/* Bytes that a field may have; key and detail take what is left. */
static const int field_room[ATTEMPT_FIELDS] = {192,			 16,		  192,
											   64,			 64,		  64,
											   64,			 320,		  128,
											   16,			 64,		  24,
											   ATTEMPT_ROOM, ATTEMPT_ROOM};

/* How fields are called where one was clipped. */
static const char *const field_names[ATTEMPT_FIELDS] =
	{"dataset",		"action",	"attribute", "actor", "session_actor",
	 "from_state",	"to_state", "message",	 "rule",  "mode",
	 "application", "client",	"key",		 "detail"};

/* What the current transaction has written down and will free. */
static int			taken[BATCH];
static int			taken_count = 0;
static AttemptCount taken_counts[BATCH_COUNTS];
static int			taken_counts_count = 0;
static int			taken_level = 0; /* nest level that wrote it; 0: none */

DeniedWrittenHook denied_written_hook = NULL;

/* ----- keeping an attempt ----- */

/* An attempt that is being filled. */
typedef struct Filling
{
	Attempted attempt;
	int		  used; /* bytes of its data */
} Filling;

/* Put bytes into the next field; whether they fit is the caller's business. */
static void
fill_bytes(Filling *filling, AttemptField field, const void *bytes, int size)
{
	memcpy(filling->attempt.data + filling->used, bytes, size);
	filling->attempt.length[field] = size;
	filling->attempt.present |= 1 << field;
	filling->used += size;
}

/* Put text into the next field, clipped to whole characters; NULL is NULL. */
static void
fill_text_n(Filling *filling, AttemptField field, const char *text, int size)
{
	if (size > field_room[field])
	{
		size = pg_mbcliplen(text, size, field_room[field]);
		filling->attempt.clipped |= 1 << field;
	}
	fill_bytes(filling, field, text, size);
}

static void
fill_text(Filling *filling, AttemptField field, const char *text)
{
	if (text != NULL)
		fill_text_n(filling, field, text, strlen(text));
}

/* The same for a text datum that is not toasted. */
static void
fill_text_datum(Filling *filling, AttemptField field, Datum text)
{
	if (text != 0)
		fill_text_n(filling, field, VARDATA_ANY(DatumGetPointer(text)),
					VARSIZE_ANY_EXHDR(DatumGetPointer(text)));
}

/* Put a varlena into the next field, whole or not at all. */
static void
fill_varlena(Filling *filling, AttemptField field, Datum value)
{
	struct varlena *varlena;
	int				size;

	if (value == 0)
		return;
	varlena = PG_DETOAST_DATUM(value);
	size = VARSIZE(varlena);
	if (size > Min(field_room[field], ATTEMPT_ROOM - filling->used))
		filling->attempt.clipped |= 1 << field;
	else
		fill_bytes(filling, field, varlena, size);
}

/* A hash of who is refused what: attempts alike in it are of one sort. */
static uint64
attempt_sort(const DeniedEvent *event)
{
	uint64 sort = hash_combine64((uint64) MyDatabaseId, (uint64) GetUserId());

	if (event->dataset != NULL)
		sort = DatumGetUInt64(
			hash_any_extended((const unsigned char *) event->dataset,
							  strlen(event->dataset), sort));
	if (event->attribute != NULL)
		sort = DatumGetUInt64(
			hash_any_extended((const unsigned char *) event->attribute,
							  strlen(event->attribute), sort));
	return sort;
}

/* Fill an attempt from what the guard tells; the fields in their order. */
static void
fill_attempt(Filling *filling, const DeniedEvent *event)
{
	Circumstance now;

	rows_attempt(&now);

	filling->attempt.at = now.at;
	filling->attempt.xid = DatumGetUInt64(now.xid);
	filling->attempt.rev = event->rev;
	filling->attempt.sort = attempt_sort(event);
	filling->attempt.database = MyDatabaseId;
	filling->attempt.sqlstate = event->sqlstate;

	fill_text(filling, FIELD_DATASET, event->dataset);
	fill_text(filling, FIELD_ACTION, event->action);
	fill_text(filling, FIELD_ATTRIBUTE, event->attribute);
	fill_text_datum(filling, FIELD_ACTOR, now.actor);
	fill_text_datum(filling, FIELD_SESSION_ACTOR, now.session_actor);
	fill_text(filling, FIELD_FROM_STATE, event->from_state);
	fill_text(filling, FIELD_TO_STATE, event->to_state);
	fill_text(filling, FIELD_MESSAGE, event->message);
	fill_text(filling, FIELD_RULE, event->rule);
	fill_text(filling, FIELD_MODE, event->mode);
	fill_text_datum(filling, FIELD_APPLICATION, now.application);
	fill_varlena(filling, FIELD_CLIENT, now.client);
	fill_varlena(filling, FIELD_KEY, event->key);
	fill_varlena(filling, FIELD_DETAIL, event->detail);
}

/*
 * An error on the way (out of memory, say) is swallowed without an end of the
 * subtransaction: the caller raises its own right after, which ends it.
 */
void
denied_record(const DeniedEvent *event)
{
	MemoryContext before = CurrentMemoryContext;
	Filling		  filling;

	/* Names of roles are in the catalogs. */
	if (!ring_exists() || !IsTransactionState())
		return;

	memset(&filling.attempt, 0, offsetof(Attempted, data));
	filling.used = 0;

	PG_TRY();
	{
		fill_attempt(&filling, event);
		ring_put(&filling.attempt);
		job_request();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(before);
		FlushErrorState();
	}
	PG_END_TRY();
}

/* ----- writing attempts down ----- */

/* Where an attempt's fields begin. */
static void
field_starts(const Attempted *attempt, const char **starts)
{
	const char *start = attempt->data;

	for (int i = 0; i < ATTEMPT_FIELDS; i++)
	{
		starts[i] = start;
		start += attempt->length[i];
	}
}

/* A field as a datum, or 0 if it is NULL. */
static Datum
field_datum(const Attempted *attempt, const char *const *starts,
			AttemptField field)
{
	int	  length = attempt->length[field];
	char *copy;

	if ((attempt->present & (1 << field)) == 0)
		return (Datum) 0;
	if (field < FIELD_CLIENT)
		return PointerGetDatum(
			cstring_to_text_with_len(starts[field], length));

	copy = palloc(length);
	memcpy(copy, starts[field], length);
	return PointerGetDatum(copy);
}

/* Push the names of the clipped fields as a member. */
static void
push_clipped(JsonbParseState **state, uint32 clipped)
{
	JsonbValue value;

	jb_push_key(state, "clipped");
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	value.type = jbvString;
	for (int i = 0; i < ATTEMPT_FIELDS; i++)
	{
		if ((clipped & (1 << i)) == 0)
			continue;
		value.val.string.val = unconstify(char *, field_names[i]);
		value.val.string.len = strlen(field_names[i]);
		pushJsonbValue(state, WJB_ELEM, &value);
	}
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* The detail of a row: what the attempt says, and what became of it here. */
static Datum
row_detail(const Attempted *attempt, Datum detail, uint64 suppressed)
{
	JsonbParseState *state = NULL;
	JsonbValue		 number;
	Datum			 added;

	if (attempt->clipped == 0 && suppressed == 0)
		return detail;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	if (attempt->clipped != 0)
		push_clipped(&state, attempt->clipped);
	if (suppressed != 0)
	{
		number.type = jbvNumeric;
		number.val.numeric = int64_to_numeric((int64) suppressed);
		jb_push_value(&state, "suppressed", &number);
	}
	added = JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
	return detail == 0 ? added :
						 DirectFunctionCall2(jsonb_concat, detail, added);
}

static const char insert_row[] =
	"INSERT INTO spine.denied_log (at, xid, rev, dataset, action, key,"
	" attribute, actor, session_actor, from_state, to_state, sqlstate,"
	" message, rule, mode, application, client, detail) VALUES ($1, $2, $3,"
	" $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";

#define INSERT_ARGS 18

static Oid insert_types[INSERT_ARGS] = {TIMESTAMPTZOID, XID8OID, INT8OID,
										TEXTOID,		TEXTOID, JSONBOID,
										TEXTOID,		TEXTOID, TEXTOID,
										TEXTOID,		TEXTOID, TEXTOID,
										TEXTOID,		TEXTOID, TEXTOID,
										TEXTOID,		INETOID, JSONBOID};

/* The text of a field; NULL if it has none. */
static const char *
field_string(const Datum *fields, AttemptField field)
{
	return fields[field] ? TextDatumGetCString(fields[field]) : NULL;
}

/* Tell the hook of an attempt. */
static void
tell_written(const Datum *fields)
{
	DeniedWritten written = {0};

	written.dataset = field_string(fields, FIELD_DATASET);
	written.action = field_string(fields, FIELD_ACTION);
	written.actor = field_string(fields, FIELD_ACTOR);
	written.from_state = field_string(fields, FIELD_FROM_STATE);
	written.rule = field_string(fields, FIELD_RULE);
	written.detail = fields[FIELD_DETAIL];
	denied_written_hook(&written);
}

/* Write one row; suppressed: it stands for so many that were not kept. */
static void
write_row(SPIPlanPtr plan, const Attempted *attempt, uint64 suppressed)
{
	const char *starts[ATTEMPT_FIELDS];
	Datum		fields[ATTEMPT_FIELDS];
	Datum		values[INSERT_ARGS];
	char		nulls[INSERT_ARGS];
	int			n = 0;

	field_starts(attempt, starts);
	for (int i = 0; i < ATTEMPT_FIELDS; i++)
		fields[i] = field_datum(attempt, starts, i);

	values[n++] = TimestampTzGetDatum(attempt->at);
	values[n++] = UInt64GetDatum(attempt->xid);
	values[n++] = Int64GetDatum(attempt->rev);
	values[n++] = fields[FIELD_DATASET];
	values[n++] = fields[FIELD_ACTION];
	values[n++] = fields[FIELD_KEY];
	values[n++] = fields[FIELD_ATTRIBUTE];
	values[n++] = fields[FIELD_ACTOR];
	values[n++] = fields[FIELD_SESSION_ACTOR];
	values[n++] = fields[FIELD_FROM_STATE];
	values[n++] = fields[FIELD_TO_STATE];
	values[n++] = CStringGetTextDatum(unpack_sql_state(attempt->sqlstate));
	values[n++] = fields[FIELD_MESSAGE];
	values[n++] = fields[FIELD_RULE];
	values[n++] = fields[FIELD_MODE];
	values[n++] = fields[FIELD_APPLICATION];
	values[n++] = fields[FIELD_CLIENT];
	values[n++] = row_detail(attempt, fields[FIELD_DETAIL], suppressed);

	/* Time and revision are numbers that may be 0; the others are not. */
	for (int i = 0; i < INSERT_ARGS; i++)
		nulls[i] = i != 0 && i != 2 && values[i] == 0 ? 'n' : ' ';

	if (SPI_execute_plan(plan, values, nulls, false, 0) != SPI_OK_INSERT)
		/* cannot happen */
		elog(ERROR, "could not write a refused attempt");
	if (denied_written_hook != NULL)
		tell_written(fields);
}

/*
 * Take the right to drain this database's attempts until the transaction
 * ends.  Nobody else locks this object under this number.
 */
static bool
lock_drain(void)
{
	LOCKTAG tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ExtensionRelationId,
					   get_extension_oid("spine", false), 1);
	return LockAcquire(&tag, ExclusiveLock, false, true) !=
		LOCKACQUIRE_NOT_AVAIL;
}

/* Write down what was taken. */
static void
write_taken(int rows, int counts)
{
	MemoryContext memory =
		AllocSetContextCreate(CurrentMemoryContext, "spine denied row",
							  ALLOCSET_DEFAULT_SIZES);
	SPIPlanPtr plan = SPI_prepare(insert_row, INSERT_ARGS, insert_types);
	MemoryContext before = MemoryContextSwitchTo(memory);

	if (plan == NULL)
		/* cannot happen */
		elog(ERROR, "could not prepare to write refused attempts");

	for (int i = 0; i < rows + counts; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (i < rows)
			write_row(plan, ring_slot(taken[i]), 0);
		else
			write_row(plan, taken_counts[i - rows].sample,
					  taken_counts[i - rows].suppressed);
		MemoryContextReset(memory);
	}

	MemoryContextSwitchTo(before);
	MemoryContextDelete(memory);
}

/* The job "denied": a batch of this database's attempts. */
static bool
drain(void)
{
	int rows;
	int counts;

	ring_sweep();
	if (!ring_exists() || taken_level != 0 || !lock_drain())
		return false;

	rows = ring_take(taken, BATCH);
	counts = ring_take_counts(taken_counts, BATCH_COUNTS);
	if (rows + counts == 0)
		return false;
	write_taken(rows, counts);

	taken_count = rows;
	taken_counts_count = counts;
	taken_level = GetCurrentTransactionNestLevel();
	return rows == BATCH || counts == BATCH_COUNTS;
}

/* The transaction ended: free what it wrote down, if it did. */
static void
transaction_event(XactEvent event, void *arg)
{
	if (taken_level == 0)
		return;

	switch (event)
	{
		case XACT_EVENT_COMMIT:
			ring_free(taken, taken_count, taken_counts, taken_counts_count);
			taken_level = 0;
			break;

		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			taken_level = 0;
			break;

		default:
			break;
	}
}

/* The part of the transaction that wrote it down is undone. */
static void
subtransaction_event(SubXactEvent event, SubTransactionId mySubid,
					 SubTransactionId parentSubid, void *arg)
{
	int level = GetCurrentTransactionNestLevel();

	if (taken_level < level)
		return;
	if (event == SUBXACT_EVENT_ABORT_SUB)
		taken_level = 0;
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
		taken_level = level - 1;
}

/* ----- looking at it ----- */

/* spine.denied_ring(): one row of figures. */
Datum
spine_denied_ring(PG_FUNCTION_ARGS)
{
	RingFigures figures;
	TupleDesc	desc;
	Datum		values[6];
	bool		nulls[6] = {false};

	require_spine_role("spine_auditor",
					   "read the figures of refused attempts");
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		/* cannot happen */
		elog(ERROR, "spine.denied_ring returns a row");

	ring_figures(&figures);
	values[0] = Int32GetDatum(figures.capacity);
	values[1] = Int32GetDatum(figures.used);
	values[2] = Int64GetDatum((int64) figures.recorded);
	values[3] = Int64GetDatum((int64) figures.suppressed);
	values[4] = Int64GetDatum((int64) figures.lost);
	values[5] = TimestampTzGetDatum(figures.last_lost);
	nulls[5] = figures.last_lost == 0;
	PG_RETURN_DATUM(HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

static const Job denied_job =
	{.name = "denied",
	 .description = "Writes refused attempts to spine.denied_log.",
	 .every = 1,
	 .preload_only = true,
	 .work = drain};

void
denied_init(void)
{
	ring_init();
	RegisterXactCallback(transaction_event, NULL);
	RegisterSubXactCallback(subtransaction_event, NULL);
	job_register(&denied_job);
}
