/*-------------------------------------------------------------------------
 *
 * handoff.c
 *		What a state change hands over: outbox rows, calls, and the time of
 *		arrival where no attribute keeps it.
 *
 * snapshot, notify and emit are rows of the outbox: pushed when the change is
 * allowed, they share its fate.  freeze needs nothing here: the matrix keeps
 * the attributes closed, which validate has proved.  A call, and the upsert
 * of the arrival, wait for the end of the statement, when the row is stored.
 * They are tagged with the transaction level that they belong to, so that a
 * rolled-back savepoint takes its own with it and nobody else's.
 *
 * Under logical apply no statement trigger fires; there they run from the row
 * trigger.  A statement may also name a table that carries no flush, say the
 * parent of a governed one: then what is still pending before commit is done
 * there as far as it is spine's own; other people's code is not run that late,
 * since it could slip past deferred constraints, and the transaction is
 * refused.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/xact.h"
#include "base/jb.h"
#include "base/rights.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "ownership/handoff.h"
#include "replication/logicalworker.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

typedef enum PendingKind
{
	PENDING_CALL,
	PENDING_ARRIVAL,
	PENDING_DEPARTURE
} PendingKind;

/* Work for the end of the statement. */
typedef struct Pending
{
	PendingKind kind;
	int			level;		/* transaction nest level it belongs to */
	Matrix	   *matrix;		/* stays readable to the end of the transaction */
	MatrixEdge *edge;		/* call: the edge and which of its handoffs */
	int			handoff;
	HeapTuple	old;		/* call: copies of the rows */
	HeapTuple	new;
	Datum		key;		/* arrival, departure: jsonb */
	const char *state;		/* arrival */
} Pending;

static List *pending = NIL; /* of Pending, in TopTransactionContext */

/* ---- the work itself ---- */

static void
run_call(const Pending *work)
{
	const SpecHandoff *handoff = list_nth(work->edge->handoffs, work->handoff);
	bool		isnull;

	(void) matrix_call(work->matrix, &work->edge->calls[work->handoff],
					   handoff->name, work->old, work->new, &isnull);
}

/* Run one statement on spine's own tables, as the extension's owner. */
static void
run_own_statement(const char *sql, int nargs, Oid *types, Datum *values)
{
	ActAs		before = act_as(extension_owner(), false);

	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_execute_with_args(sql, nargs, types, values, NULL, false, 0);
	PopActiveSnapshot();
	SPI_finish();
	act_done(&before);
}

static void
run_arrival(const Pending *work)
{
	Oid			types[] = {TEXTOID, JSONBOID, TEXTOID, TIMESTAMPTZOID};
	Datum		values[4];

	values[0] = work->matrix->key_label;
	values[1] = work->key;
	values[2] = CStringGetTextDatum(work->state);
	values[3] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	run_own_statement(
		"INSERT INTO spine.state_entry (dataset, key, state, entered_at)"
		" VALUES ($1, $2, $3, $4)"
		" ON CONFLICT (dataset, key) DO UPDATE"
		" SET state = EXCLUDED.state, entered_at = EXCLUDED.entered_at",
		4, types, values);
}

static void
run_departure(const Pending *work)
{
	Oid			types[] = {TEXTOID, JSONBOID};
	Datum		values[] = {work->matrix->key_label, work->key};

	run_own_statement("DELETE FROM spine.state_entry"
					  " WHERE dataset OPERATOR(pg_catalog.=) $1"
					  " AND key OPERATOR(pg_catalog.=) $2",
					  2, types, values);
}

static void
run_pending(const Pending *work)
{
	switch (work->kind)
	{
		case PENDING_CALL:
			run_call(work);
			break;
		case PENDING_ARRIVAL:
			run_arrival(work);
			break;
		case PENDING_DEPARTURE:
			run_departure(work);
			break;
	}
}

/* ---- the list ---- */

/* Put work on the list, or do it at once where no flush will come. */
static Pending *
pending_new(const Judgement *judgement, PendingKind kind)
{
	Pending    *work = palloc0(sizeof(Pending));

	work->kind = kind;
	work->level = GetCurrentTransactionNestLevel();
	work->matrix = judgement->matrix;
	return work;
}

static void
pending_push(Pending *work)
{
	if (IsLogicalWorker())
		run_pending(work);
	else
		pending = lappend(pending, work);
}

/* Take off the list what belongs to this level or a deeper one. */
static List *
pending_take(int level)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	List	   *mine = NIL;

	while (pending != NIL && ((Pending *) llast(pending))->level >= level)
	{
		mine = lcons(llast(pending), mine);
		pending = list_delete_last(pending);
	}
	MemoryContextSwitchTo(old);
	return mine;
}

void
handoff_flush(void)
{
	List	   *mine;
	ListCell   *lc;

	if (pending == NIL)
		return;
	mine = pending_take(GetCurrentTransactionNestLevel());
	foreach (lc, mine)
	{
		CHECK_FOR_INTERRUPTS();
		run_pending(lfirst(lc));
	}
}

/* ---- what a transition hands over ---- */

/* The payload of an outbox row about a state change. */
static Datum
transition_payload(const Judgement *judgement, const MatrixEdge *edge,
				   const uint64 *attributes)
{
	const Matrix *matrix = judgement->matrix;
	JsonbParseState *state = NULL;
	JsonbValue	values;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_text(&state, "transition", edge->name);
	jb_push_text(&state, "from", matrix->states[edge->from].name);
	jb_push_text(&state, "to", matrix->states[edge->to].name);
	if (attributes != NULL)
	{
		Jsonb *row = DatumGetJsonbP(
			row_shape_json(matrix->shape, judgement->new, attributes));

		values.type = jbvBinary;
		values.val.binary.data = &row->root;
		values.val.binary.len = VARSIZE(row) - VARHDRSZ;
		jb_push_value(&state, "values", &values);
	}
	return JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/* The bits of the attributes that a snapshot lists. */
static uint64 *
snapshot_words(const Matrix *matrix, const List *names)
{
	uint64	   *words = palloc0(sizeof(uint64) * matrix->nwords);
	ListCell   *lc;

	foreach (lc, names)
		for (AttrNumber attnum = 1; attnum <= matrix->natts; attnum++)
			if (!matrix->columns[attnum - 1].ignored &&
				strcmp(matrix_column_name(matrix, attnum), lfirst(lc)) == 0)
				SET_BIT(words, attnum);
	return words;
}

static void
push_outbox(const Judgement *judgement, const MatrixEdge *edge,
			const char *kind, const char *topic, const uint64 *attributes)
{
	const Matrix *matrix = judgement->matrix;
	OutboxEvent event = {0};

	event.kind = kind;
	event.topic = topic;
	event.dataset = matrix->key;
	event.key = row_shape_json(matrix->shape, judgement->new, matrix->keys);
	event.payload = transition_payload(judgement, edge, attributes);
	outbox_push(&event);
}

static void
push_call(const Judgement *judgement, MatrixEdge *edge, int number)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	Pending    *work = pending_new(judgement, PENDING_CALL);

	work->edge = edge;
	work->handoff = number;
	work->old = heap_copytuple(judgement->old);
	work->new = heap_copytuple(judgement->new);
	pending_push(work);
	MemoryContextSwitchTo(old);
}

void
handoff_push(const Judgement *judgement, MatrixEdge *edge)
{
	ListCell   *lc;

	foreach (lc, edge->handoffs)
	{
		const SpecHandoff *handoff = lfirst(lc);

		switch (handoff->kind)
		{
			case HANDOFF_SNAPSHOT:
				push_outbox(judgement, edge, "snapshot",
							judgement->matrix->key,
							snapshot_words(judgement->matrix,
										   handoff->attributes));
				break;
			case HANDOFF_NOTIFY:
				push_outbox(judgement, edge, "notify", handoff->name, NULL);
				break;
			case HANDOFF_EMIT:
				push_outbox(judgement, edge, "emit", handoff->name, NULL);
				break;
			case HANDOFF_CALL:
				push_call(judgement, edge, foreach_current_index(lc));
				break;
			case HANDOFF_FREEZE:
				break;
		}
	}
}

/* ---- when a row came to its state ---- */

static Datum
key_copy(const Judgement *judgement, HeapTuple row)
{
	return row_shape_json(judgement->matrix->shape, row,
						  judgement->matrix->keys);
}

void
state_entry_push(const Judgement *judgement, int state)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	Pending    *work = pending_new(judgement, PENDING_ARRIVAL);

	work->key = key_copy(judgement, judgement->new);
	work->state = judgement->matrix->states[state].name;
	pending_push(work);
	MemoryContextSwitchTo(old);
}

void
state_entry_forget(const Judgement *judgement)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	Pending    *work = pending_new(judgement, PENDING_DEPARTURE);

	work->key = key_copy(judgement, judgement->old);
	pending_push(work);
	MemoryContextSwitchTo(old);
}

/* ---- transaction ends ---- */

static void
refuse_late_call(const Pending *work)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		 errmsg(
			 "a handoff of dataset \"%s\" is still to be called at the end of the transaction",
			 work->matrix->key),
		 errdetail(
			 "The statement named a table without the trigger \"~spine_guard_flush\"."),
		 errhint(
			 "Write to the governed table itself, or apply the document again to mend its attachment.")));
}

/* Before commit or PREPARE: nothing may be left. */
static void
settle_pending(void)
{
	List	   *left = pending_take(0);
	ListCell   *lc;

	foreach (lc, left)
	{
		const Pending *work = lfirst(lc);

		if (work->kind == PENDING_CALL)
			refuse_late_call(work);
		run_pending(work);
	}
}

static void
handoff_transaction_event(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			settle_pending();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			pending = NIL;
			break;
		default:
			break;
	}
}

static void
handoff_subtransaction_event(SubXactEvent event, SubTransactionId mine,
							 SubTransactionId parent, void *arg)
{
	ListCell   *lc;
	int			level = GetCurrentTransactionNestLevel();

	if (pending == NIL)
		return;
	if (event == SUBXACT_EVENT_ABORT_SUB)
		(void) pending_take(level);
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
		foreach (lc, pending)
		{
			Pending    *work = lfirst(lc);

			if (work->level >= level)
				work->level = level - 1;
		}
}

void
handoff_init(void)
{
	RegisterXactCallback(handoff_transaction_event, NULL);
	RegisterSubXactCallback(handoff_subtransaction_event, NULL);
}
