/*-------------------------------------------------------------------------
 *
 * repair_journal.c
 *		What repairs wrote: runs, rows, and the rows as they were before.
 *
 * The journal of a row stands on the node that has the copy, and is written
 * in the transaction that writes the row: there is never one without the
 * other.  It is written as the extension's owner, with times and names of the
 * session.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "audit/spine_audit.h"
#include "base/rights.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "consistency/check/answerable.h"
#include "consistency/repair/repair_internal.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(spine_repair_rows);
PG_FUNCTION_INFO_V1(spine_forget_repairs);

static Datum
name_of_user(Oid user)
{
	return CStringGetTextDatum(GetUserNameFromId(user, false));
}

int64
repair_journal_begin(RepairRun *run)
{
	MemoryContext keeper = CurrentMemoryContext;
	char	   *actor = GetUserNameFromId(GetUserId(), false);
	ActAs		before = act_as(extension_owner(), false);
	SpiArgs		args = {0};
	int64		run_id;

	SPI_connect();
	spi_arg_text(&args, run->token);
	spi_arg_text(&args, run->placement);
	spi_arg_text(&args, run->relation);
	spi_arg_texts(&args, run->key);
	spi_arg_texts(&args, run->columns);
	spi_arg_text(&args, run->server);
	spi_arg_bool(&args, run->dry_run);
	spi_arg_bool(&args, run->by_policy);
	spi_arg(&args, INT8OID, Int64GetDatum(run->undo_of), run->undo_of == 0);
	spi_arg_text(&args, actor);
	spi_arg(&args, TEXTOID, name_of_user(GetSessionUserId()), false);
	spi_run("INSERT INTO spine.repair_run (token, placement, relation, key,"
			" columns, server, dry_run, by_policy, undo_of, started_at, actor,"
			" session_actor) VALUES (coalesce($1::pg_catalog.uuid,"
			" pg_catalog.gen_random_uuid()), $2, $3, $4, $5, $6, $7, $8, $9,"
			" pg_catalog.clock_timestamp(), $10, $11) RETURNING run_id, token",
			&args, SPI_OK_INSERT_RETURNING);
	run_id = spi_int8(0, 1, 0);
	run->token = spi_keep_text(keeper, 0, 2);
	SPI_finish();
	act_done(&before);
	return run_id;
}

/* Write down one op; rows that were not written have no image. */
static void
write_row(const RepairRequest *request, const RepairOp *op, int n)
{
	SpiArgs		args = {0};

	spi_arg_int8(&args, request->run_id);
	spi_arg_int4(&args, n);
	spi_arg_text(&args, repair_action_name(op->action));
	spi_arg_jsonb(&args, op->key ? JsonbPGetDatum(op->key) : (Datum) 0);
	spi_arg_texts(&args, op->columns);
	spi_arg_text(&args, op->outcome);
	spi_arg_text(&args, op->wanted);
	spi_arg_text(&args, op->before);
	spi_arg_text(&args, op->old_image);
	spi_arg_text(&args, op->new_image);
	spi_arg(&args, INT8OID, Int64GetDatum(op->undoes), op->undoes == 0);
	spi_run("WITH undone AS (UPDATE spine.repair_row SET undone_run = $1"
			" WHERE id = $11 AND $6 = 'repaired')"
			" INSERT INTO spine.repair_row (run_id, n, action, key, columns,"
			" outcome, wanted, seen, old_row, new_row) VALUES ($1, $2, $3, $4,"
			" $5, $6, $7, $8, $9::pg_catalog.jsonb, $10::pg_catalog.jsonb)",
			&args, SPI_OK_INSERT);
}

static bool
was_written(const RepairOp *op)
{
	return op->outcome != NULL && strcmp(op->outcome, "repaired") == 0;
}

/* Those that were written come in the order in which that was done. */
void
repair_journal_rows(const RepairRequest *request)
{
	ActAs		before = act_as(extension_owner(), false);
	int			n = 0;
	ListCell   *lc;

	SPI_connect();
	foreach (lc, request->done)
		write_row(request, lfirst(lc), ++n);
	foreach (lc, request->ops)
		if (!was_written(lfirst(lc)))
			write_row(request, lfirst(lc), ++n);
	SPI_finish();
	act_done(&before);
}

/* How many ops came out so: outcomes begin with a word. */
int
repair_count(const List *ops, const char *outcome)
{
	int			n = 0;
	ListCell   *lc;

	foreach (lc, ops)
	{
		const RepairOp *op = lfirst(lc);

		if (op->outcome != NULL &&
			strncmp(op->outcome, outcome, strlen(outcome)) == 0)
			n++;
	}
	return n;
}

void
repair_journal_end(int64 run_id, const List *ops, const char *outcome,
				   int64 check_run)
{
	ActAs		before = act_as(extension_owner(), false);
	SpiArgs		args = {0};

	SPI_connect();
	spi_arg_int8(&args, run_id);
	spi_arg_int4(&args, repair_count(ops, "proposed"));
	spi_arg_int4(&args, repair_count(ops, "repaired"));
	spi_arg_int4(&args, repair_count(ops, "skipped"));
	spi_arg_int4(&args, repair_count(ops, "failed"));
	spi_arg_text(&args, outcome);
	spi_arg(&args, INT8OID, Int64GetDatum(check_run), check_run == 0);
	spi_run("WITH ended AS (UPDATE spine.repair_run SET proposed = $2,"
			" repaired = $3, skipped = $4, failed = $5, outcome = $6,"
			" check_run = $7, finished_at = pg_catalog.clock_timestamp()"
			" WHERE run_id = $1 RETURNING undo_of)"
			" UPDATE spine.repair_run r SET undone_run = $1"
			" FROM ended e WHERE r.run_id = e.undo_of AND $3 > 0",
			&args, SPI_OK_UPDATE);
	SPI_finish();
	act_done(&before);
}

/* ---- reading ---- */

/* A text[] of the last result (List of char *). */
static List *
keep_texts(MemoryContext keeper, int column)
{
	bool		isnull;
	Datum		array = spi_value(0, column, &isnull);
	MemoryContext old = MemoryContextSwitchTo(keeper);
	List	   *texts = NIL;
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	if (!isnull)
	{
		deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false,
						  TYPALIGN_INT, &elements, &nulls, &n);
		for (int i = 0; i < n; i++)
			texts = lappend(texts, TextDatumGetCString(elements[i]));
	}
	MemoryContextSwitchTo(old);
	return texts;
}

static void
fill_run(RepairRun *run, MemoryContext keeper)
{
	run->token = spi_keep_text(keeper, 0, 1);
	run->placement = spi_keep_text(keeper, 0, 2);
	run->relation = spi_keep_text(keeper, 0, 3);
	run->key = keep_texts(keeper, 4);
	run->columns = keep_texts(keeper, 5);
	run->server = spi_keep_text(keeper, 0, 6);
	run->dry_run = spi_bool(0, 7, false);
	run->by_policy = spi_bool(0, 8, false);
	run->undo_of = spi_int8(0, 9, 0);
	run->actor = spi_keep_text(keeper, 0, 10);
}

RepairRun *
repair_journal_read(int64 run_id)
{
	MemoryContext keeper = CurrentMemoryContext;
	RepairRun  *run = palloc0(sizeof(RepairRun));
	ActAs		before = act_as(extension_owner(), false);
	SpiArgs		args = {0};

	SPI_connect();
	spi_arg_int8(&args, run_id);
	if (spi_run("SELECT token, placement, relation, key, columns, server,"
				" dry_run, by_policy, undo_of, actor FROM spine.repair_run"
				" WHERE run_id = $1",
				&args, SPI_OK_SELECT) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no repair " INT64_FORMAT, run_id),
				 errhint("The view spine.repair_log lists all of them.")));
	fill_run(run, keeper);
	SPI_finish();
	act_done(&before);
	return run;
}

int64
repair_journal_find(const char *token)
{
	ActAs		before = act_as(extension_owner(), false);
	SpiArgs		args = {0};
	int64		run_id;

	SPI_connect();
	spi_arg_text(&args, token);
	if (spi_run("SELECT run_id FROM spine.repair_run"
				" WHERE token = $1::pg_catalog.uuid AND undo_of IS NULL",
				&args, SPI_OK_SELECT) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no repair with token %s", token)));
	run_id = spi_int8(0, 1, 0);
	SPI_finish();
	act_done(&before);
	return run_id;
}

/* ---- taking back ---- */

/* The member of an image; NULL if it is null or absent. */
static char *
image_text(const Jsonb *image, const char *column)
{
	return jb_get_text(&image->root, column);
}

/* What an undo writes: columns of the old image that it has to set. */
static void
set_old_values(RepairOp *op, const Jsonb *old, const Jsonb *new)
{
	JbCursor	cursor;
	JsonbValue	name;
	JsonbValue	value;

	jb_walk(&cursor, &old->root);
	while (jb_next_member(&cursor, &name, &value))
	{
		char	   *column = jb_text(&name);
		JsonbValue	now;

		if (new != NULL && jb_get(&new->root, column, &now) &&
			jb_same(&value, &now))
			continue;
		op->columns = lappend(op->columns, column);
		op->values = lappend(op->values,
							 value.type == jbvString ? jb_text(&value) : NULL);
	}
}

static RepairAction
opposite(const char *action)
{
	if (strcmp(action, "insert") == 0)
		return REPAIR_DELETE;
	return strcmp(action, "delete") == 0 ? REPAIR_INSERT : REPAIR_UPDATE;
}

/* The op that takes a row of the journal back; in the current context. */
static RepairOp *
undo_op(MemoryContext keeper, uint64 i, List *key)
{
	RepairOp   *op = palloc0(sizeof(RepairOp));
	Datum		value = spi_keep(keeper, i, 3);
	Datum		old_value = spi_keep(keeper, i, 5);
	Datum		new_value = spi_keep(keeper, i, 6);
	Jsonb	   *old = old_value ? DatumGetJsonbP(old_value) : NULL;
	Jsonb	   *new = new_value ? DatumGetJsonbP(new_value) : NULL;
	ListCell   *lc;

	op->undoes = spi_int8(i, 1, 0);
	op->action = opposite(spi_text(i, 2));
	op->key = value ? DatumGetJsonbP(value) : NULL;
	op->have = -1;
	op->wanted = spi_keep_text(keeper, i, 4);
	op->seen = spi_keep_text(keeper, i, 7);
	op->before = spi_keep_text(keeper, i, 8);
	foreach (lc, key)
		op->key_values =
			lappend(op->key_values, image_text(new ? new : old, lfirst(lc)));
	if (op->action != REPAIR_DELETE)
		set_old_values(op, old, new);
	return op;
}

void
repair_journal_undo(int64 run_id, RepairRequest *request)
{
	MemoryContext keeper = CurrentMemoryContext;
	ActAs		before = act_as(extension_owner(), false);
	SpiArgs		args = {0};
	uint64		n;

	SPI_connect();
	spi_arg_int8(&args, run_id);
	n = spi_run("SELECT id, action, key, seen, old_row, new_row,"
				" new_row::pg_catalog.text, wanted FROM spine.repair_row"
				" WHERE run_id = $1 AND outcome = 'repaired'"
				" AND undone_run IS NULL ORDER BY n DESC",
				&args, SPI_OK_SELECT);
	for (uint64 i = 0; i < n; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(keeper);

		request->ops = lappend(request->ops, undo_op(keeper, i, request->key));
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	act_done(&before);
}

/* ---- the rows of a run, for people ---- */

/* Who may see what rows held. */
static void
require_owner(int64 run_id, const char *placement)
{
	const SpecPlacement *found = catalog_placement(placement);

	if (is_spine_admin(GetUserId()) || (found != NULL && is_copy_owner(found)))
		return;
	ereport(
		ERROR,
		(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		 errmsg("permission denied to read the rows of repair " INT64_FORMAT,
				run_id),
		 errdetail("They hold values: the owner of copy \"%s\" and "
				   "spine_admin may read them.",
				   placement)));
}

/* The rows of a run into a result that is there already. */
static void
return_rows(ReturnSetInfo *result, int64 run_id)
{
	ActAs		before = act_as(extension_owner(), false);
	SpiArgs		args = {0};
	uint64		n;

	SPI_connect();
	spi_arg_int8(&args, run_id);
	n = spi_run("SELECT n, action, key, columns, outcome, old_row, new_row,"
				" undone_run FROM spine.repair_row WHERE run_id = $1"
				" ORDER BY n",
				&args, SPI_OK_SELECT);
	for (uint64 i = 0; i < n; i++)
	{
		Datum		values[8];
		bool		nulls[8];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values,
						  nulls);
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 nulls);
	}
	SPI_finish();
	act_done(&before);
}

/* spine.repair_rows(run_id): see docs/repair.md. */
Datum
spine_repair_rows(PG_FUNCTION_ARGS)
{
	int64		run_id = PG_GETARG_INT64(0);
	RepairRun  *run = repair_journal_read(run_id);

	InitMaterializedSRF(fcinfo, 0);
	require_owner(run_id, run->placement);
	return_rows((ReturnSetInfo *) fcinfo->resultinfo, run_id);
	return (Datum) 0;
}

/* ---- forgetting ---- */

static int64
delete_rows(Datum before_time)
{
	ActAs		before = act_as(extension_owner(), false);
	SpiArgs		args = {0};
	int64		rows;

	SPI_connect();
	spi_arg(&args, TIMESTAMPTZOID, before_time, false);
	rows = (int64) spi_run("DELETE FROM spine.repair_row r"
						   " USING spine.repair_run u"
						   " WHERE u.run_id = r.run_id AND u.started_at < $1",
						   &args, SPI_OK_DELETE);
	SPI_finish();
	act_done(&before);
	return rows;
}

/* By whom how much was forgotten. */
static void
audit_forgotten(Datum before_time, int64 rows)
{
	JsonbParseState *state = NULL;
	JsonbValue	number;
	AuditEvent	event = {0};

	number.type = jbvNumeric;
	number.val.numeric = int64_to_numeric(rows);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_text(&state, "before",
				 DatumGetCString(
					 DirectFunctionCall1(timestamptz_out, before_time)));
	jb_push_value(&state, "rows", &number);
	event.detail = JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
	event.dataset = CStringGetTextDatum("spine.repair_row");
	event.action = CStringGetTextDatum("retention");
	event.via = CStringGetTextDatum("direct");
	audit_push(&event);
}

/* spine.forget_repairs(before): see docs/repair.md. */
Datum
spine_forget_repairs(PG_FUNCTION_ARGS)
{
	int64		rows;

	require_spine_role("spine_admin", "forget what repairs wrote");
	PreventCommandIfReadOnly("spine.forget_repairs");
	PreventCommandDuringRecovery("spine.forget_repairs");
	rows = delete_rows(PG_GETARG_DATUM(0));
	if (rows > 0)
		audit_forgotten(PG_GETARG_DATUM(0), rows);
	PG_RETURN_INT64(rows);
}
