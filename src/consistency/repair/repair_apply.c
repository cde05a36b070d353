/*-------------------------------------------------------------------------
 *
 * repair_apply.c
 *		Writing the rows of a copy that a repair names, each or none of it.
 *
 * Each row is written in a subtransaction of its own: under a sync section,
 * guarded by what it was seen to be, and looked at again afterwards.  A row
 * that then is not what was wanted, since a trigger of the copy had a hand in
 * it, is undone.  What fails for lack of another row is tried again after the
 * others, as long as any of them gets on.
 *
 * Rows of a copy without a unique key are addressed by their place.  Then the
 * copy is locked against other writers, since only so their number is known.
 *
 * Invariant: what is not journalled is not written; both are one transaction
 * of the node that has the copy.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/xact.h"
#include "audit/spine_audit.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "consistency/repair/repair_internal.h"
#include "miscadmin.h"
#include "ownership/spine_ownership.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"

/* Where the rows are that ops speak of; what is said of rows stands at the
 * first of the ops that speak of the same. */
typedef struct Places
{
	int		   *first;		/* by number of op */
	List	  **rows;		/* of RepairPlace: those left, by number of op */
	int		   *found;		/* how many there were, by number of op */
} Places;


/* ---- SPI ---- */

/*
 * Run a statement and stay in the current context, which SPI would leave; the
 * result of the one before is gone.  Returns the number of rows.
 */
static int
run_sql(const char *sql, int expected)
{
	MemoryContext mcxt = CurrentMemoryContext;
	int			result;

	SPI_freetuptable(SPI_tuptable);
	result = SPI_execute(sql, false, 0);
	MemoryContextSwitchTo(mcxt);
	if (result != expected)
		/* cannot happen */
		elog(ERROR, "could not repair a copy: %s",
			 SPI_result_code_string(result));
	return (int) SPI_processed;
}

/* A column of the first row, in a context that outlives SPI's. */
static char *
keep_value(MemoryContext keeper, int column)
{
	char	   *value =
		SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);

	return value ? MemoryContextStrdup(keeper, value) : NULL;
}

static Datum
text_array(char *const *texts, int n)
{
	Datum	   *values = palloc(sizeof(Datum) * n);

	for (int i = 0; i < n; i++)
		values[i] = CStringGetTextDatum(texts[i]);
	return PointerGetDatum(
		construct_array(values, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* ---- places ---- */

/* What tells which rows are like the one that an op speaks of; one that was
 * skipped speaks of none. */
static char *
tag_of(const RepairOp *op)
{
	if (op->outcome != NULL)
		return "";
	return op->seen ? op->seen : op->wanted;
}

static Datum
tags_of(const RepairRequest *request)
{
	int			n = list_length(request->ops);
	char	  **tags = palloc(sizeof(char *) * n);
	ListCell   *lc;

	foreach (lc, request->ops)
		tags[foreach_current_index(lc)] = tag_of(lfirst(lc));
	return text_array(tags, n);
}

/* Which op is the first that speaks of the same rows as this one? */
static void
number_tags(Places *places, Datum tags)
{
	SpiArgs		args = {0};
	uint64		n;

	spi_arg(&args, TEXTARRAYOID, tags, false);
	n = spi_run("SELECT i::pg_catalog.int4, (pg_catalog.min(i) OVER"
				" (PARTITION BY tag))::pg_catalog.int4"
				" FROM pg_catalog.unnest($1) WITH ORDINALITY u(tag, i)",
				&args, SPI_OK_SELECT);
	for (uint64 i = 0; i < n; i++)
		places->first[spi_int4(i, 1, 0) - 1] = spi_int4(i, 2, 0) - 1;
}

static const char places_sql[] =
	"SELECT t.i::pg_catalog.int4, row_.tableoid::pg_catalog.int8,"
	" row_.ctid::pg_catalog.text FROM %s row_ JOIN"
	" (SELECT tag, pg_catalog.min(i) AS i FROM pg_catalog.unnest($1)"
	" WITH ORDINALITY u(tag, i) GROUP BY tag) t"
	" ON t.tag OPERATOR(pg_catalog.=) %s ORDER BY 1, 2, row_.ctid";

/* Find all rows that ops speak of, in one pass over the copy. */
static void
find_places(const RepairRequest *request, Places *places, Datum tags)
{
	SpiArgs		args = {0};
	uint64		n;
	char	   *sql;

	sql = psprintf(places_sql, repair_table_name(request->rel),
				   repair_guard(request));
	spi_arg(&args, TEXTARRAYOID, tags, false);
	n = spi_run(sql, &args, SPI_OK_SELECT);
	for (uint64 i = 0; i < n; i++)
	{
		RepairPlace *place = palloc(sizeof(RepairPlace));
		int			first = spi_int4(i, 1, 0) - 1;

		place->table = (Oid) spi_int8(i, 2, 0);
		place->ctid = spi_text(i, 3);
		places->rows[first] = lappend(places->rows[first], place);
	}
}

static Places *
make_places(const RepairRequest *request)
{
	int			n = list_length(request->ops);
	Places	   *places;
	Datum		tags;

	if (!request->by_place || n == 0)
		return NULL;
	tags = tags_of(request);
	places = palloc0(sizeof(Places));
	places->rows = palloc0(sizeof(List *) * n);
	places->first = palloc0(sizeof(int) * n);
	places->found = palloc0(sizeof(int) * n);
	number_tags(places, tags);
	find_places(request, places, tags);
	for (int i = 0; i < n; i++)
		places->found[i] = list_length(places->rows[i]);
	return places;
}


/* ---- one row ---- */

/* Whose write is it?  The copy's guard lets a sync section's pass. */
static int
run_write(const RepairRequest *request, const char *sql, int expected)
{
	int			written;

	if (request->synced)
		replica_sync_begin(request->dataset, request->name);
	written = run_sql(sql, expected);
	if (request->synced)
		replica_sync_end();
	return written;
}

static void
unlike_wanted(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 errmsg("the row did not become what the source says: a trigger "
					"or the type of a column changed it")));
}

/* Rows that the op's row is among, after it was written. */
static int
count_rows(const char *table, const char *where)
{
	bool		isnull;

	run_sql(psprintf("SELECT pg_catalog.count(*) FROM %s row_ WHERE %s", table,
					 where),
			SPI_OK_SELECT);
	return (int) DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
											 SPI_tuptable->tupdesc, 1,
											 &isnull));
}

/* Where a written row is, as RETURNING told, or by its key. */
static char *
where_written(const RepairRequest *request, const RepairOp *op)
{
	RepairPlace place;

	if (!repair_has_places(request->rel))
		return repair_key_condition(request, op);
	place.table = DatumGetObjectId(spi_value(0, 3, NULL));
	place.ctid = spi_text(0, 4);
	return repair_at(&place);
}

/* What a statement returns of the row: image, digest and place. */
static char *
returning(const RepairRequest *request)
{
	return psprintf(" RETURNING %s, %s%s", repair_image(request),
					repair_digest(request),
					repair_has_places(request->rel) ?
						", row_.tableoid, row_.ctid" :
						"");
}

/*
 * Insert or update, and look at what became of it: what the statement returns
 * tells of BEFORE triggers, what is there after it of AFTER triggers.
 */
static bool
write_row(const RepairRequest *request, RepairOp *op)
{
	MemoryContext keeper = GetMemoryChunkContext(op);
	int			  written =
		run_write(request, psprintf("%s%s", op->statement, returning(request)),
				  op->action == REPAIR_INSERT ? SPI_OK_INSERT_RETURNING :
												SPI_OK_UPDATE_RETURNING);
	char	   *where;

	if (written == 0)
		return false;
	op->new_image = keep_value(keeper, 1);
	if (written > 1 || strcmp(keep_value(keeper, 2), op->wanted) != 0)
		unlike_wanted();
	where = psprintf("%s AND %s OPERATOR(pg_catalog.=) %s",
					 where_written(request, op), repair_digest(request),
					 quote_literal_cstr(op->wanted));
	if (count_rows(repair_table_name(request->rel), where) != 1)
		unlike_wanted();
	return true;
}

/* The row as it is now, locked against others; false if it is not there. */
static bool
lock_row(const RepairRequest *request, RepairOp *op, const RepairPlace *place)
{
	int found = run_sql(psprintf("SELECT %s FROM %s row_ WHERE %s FOR UPDATE",
								 repair_image(request),
								 repair_table_name(request->rel),
								 repair_where(request, op, place)),
						SPI_OK_SELECT);

	if (found > 1)
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("several rows have the same key and values")));
	if (found == 1)
		op->old_image = keep_value(GetMemoryChunkContext(op), 1);
	return found == 1;
}

static bool
delete_row(RepairRequest *request, RepairOp *op, const RepairPlace *place)
{
	int			deleted;

	repair_require_no_dependents(request, repair_where(request, op, place));
	deleted = run_write(request,
						psprintf("%s RETURNING %s", op->statement,
								 repair_image(request)),
						SPI_OK_DELETE_RETURNING);
	if (deleted == 0)
		return false;
	if (deleted > 1)
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("several rows have the same key and values")));
	op->old_image = keep_value(GetMemoryChunkContext(op), 1);
	if (count_rows(repair_table_name(request->rel),
				   repair_where(request, op, place)) > 0)
		unlike_wanted();
	return true;
}

static const char *
changed_words(const RepairRequest *request)
{
	return request->by_image ?
		"skipped: the row is no longer what the repair made of it" :
		"skipped: the copy's row is no longer what was seen";
}

/* Why was no row written? */
static const char *
why_nothing(const RepairRequest *request, const RepairOp *op,
			const RepairPlace *place)
{
	if (op->action == REPAIR_INSERT &&
		(request->by_place ||
		 count_rows(repair_table_name(request->rel),
					repair_key_condition(request, op)) == 0))
		return "failed: a trigger of the copy kept the row out";
	if (op->action == REPAIR_INSERT)
		return "skipped: the copy has a row of this key by now";
	if (count_rows(repair_table_name(request->rel),
				   repair_where(request, op, place)) > 0)
		return "failed: a trigger of the copy kept the row as it was";
	return changed_words(request);
}

/* The write in the audit log: which row, by which run, but no values. */
static void
audit_row(const RepairRequest *request, const RepairOp *op)
{
	AuditEvent	event = {0};
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_text(&state, "placement", request->placement);
	jb_push_text(&state, "run", psprintf(INT64_FORMAT, request->run_id));
	event.detail = JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
	event.dataset = CStringGetTextDatum(request->dataset);
	event.action = CStringGetTextDatum(repair_action_name(op->action));
	event.rev = request->rev;
	event.key = op->key ? JsonbPGetDatum(op->key) : (Datum) 0;
	event.via = CStringGetTextDatum("repair");
	audit_push(&event);
}

/* Write the row; NULL if it was written, else why not. */
static const char *
perform(RepairRequest *request, RepairOp *op, const RepairPlace *place)
{
	bool		written = false;

	if (op->action != REPAIR_UPDATE || lock_row(request, op, place))
		written = op->action == REPAIR_DELETE ?
			delete_row(request, op, place) :
			write_row(request, op);
	if (!written)
		return why_nothing(request, op, place);
	audit_row(request, op);
	return NULL;
}

/* ---- what went wrong ---- */

/* Is it an error of the server or of the session rather than of one row? */
static bool
ends_the_run(int sqlerrcode)
{
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
	{
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_SYSTEM_ERROR:
		case ERRCODE_INTERNAL_ERROR:
			return true;
		default:
			return sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED;
	}
}

/* May it work once other rows are written? */
static bool
may_work_later(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_FOREIGN_KEY_VIOLATION ||
		sqlerrcode == ERRCODE_RESTRICT_VIOLATION ||
		sqlerrcode == ERRCODE_UNIQUE_VIOLATION ||
		sqlerrcode == ERRCODE_EXCLUSION_VIOLATION;
}

/* Settle an op that raised, or leave it for another attempt. */
static void
settle_error(const RepairRequest *request, RepairOp *op, ErrorData *error)
{
	MemoryContext old;

	if (ends_the_run(error->sqlerrcode))
		ReThrowError(error);
	old = MemoryContextSwitchTo(GetMemoryChunkContext(op));
	op->old_image = op->new_image = NULL;
	if (error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE)
		op->outcome = changed_words(request);
	op->trouble = psprintf("failed: %s (%s)", error->message,
						   unpack_sql_state(error->sqlerrcode));
	if (!may_work_later(error->sqlerrcode) && op->outcome == NULL)
		op->outcome = op->trouble;
	MemoryContextSwitchTo(old);
	FreeErrorData(error);
}

/* One attempt, each or none of it; true if the row was written. */
static bool
try_op(RepairRequest *request, RepairOp *op, const RepairPlace *place)
{
	MemoryContext mcxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	const char *volatile why = NULL;
	volatile bool raised = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(mcxt);
	PG_TRY();
	{
		why = perform(request, op, place);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(mcxt);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(mcxt);
		CurrentResourceOwner = owner;
		raised = true;
		settle_error(request, op, error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(mcxt);
	CurrentResourceOwner = owner;
	if (!raised)
		op->outcome = why ? why : "repaired";
	return !raised && why == NULL;
}

/* ---- all rows ---- */

/*
 * Where rows are addressed by place: one that is like it.  There are to be as
 * many as there were when the op was made.
 */
static bool
take_place(Places *places, int n, const RepairOp *op, RepairPlace **place)
{
	int			first;

	*place = NULL;
	if (places == NULL)
		return true;
	first = places->first[n];
	if (op->have >= 0 && places->found[first] != op->have)
		return false;
	if (op->seen == NULL)
		return true;
	if (places->rows[first] == NIL)
		return false;
	*place = linitial(places->rows[first]);
	places->rows[first] = list_delete_first(places->rows[first]);
	return true;
}

/* The row was not written: another op may have it. */
static void
return_place(Places *places, int n, RepairPlace *place)
{
	MemoryContext old;
	List	  **rows;

	if (place == NULL)
		return;
	old = MemoryContextSwitchTo(GetMemoryChunkContext(places));
	rows = &places->rows[places->first[n]];
	*rows = lappend(*rows, place);
	MemoryContextSwitchTo(old);
}

/* Settle an op if it can be now; true if its row was written. */
static bool
attempt(RepairRequest *request, Places *places, int n)
{
	RepairOp   *op = list_nth(request->ops, n);
	MemoryContext keeper = GetMemoryChunkContext(op);
	char	   *statement;
	RepairPlace *place;

	if (!take_place(places, n, op, &place))
	{
		op->outcome = changed_words(request);
		return false;
	}
	statement = repair_statement(request, op, place);
	if (statement == NULL)
	{
		op->outcome = "failed: only generated columns differ";
		return false;
	}
	op->statement = MemoryContextStrdup(keeper, statement);
	if (request->dry_run)
	{
		op->outcome = "proposed";
		return false;
	}
	if (!try_op(request, op, place))
	{
		return_place(places, n, place);
		return false;
	}
	keeper = MemoryContextSwitchTo(keeper);
	request->done = lappend(request->done, op);
	MemoryContextSwitchTo(keeper);
	return true;
}

/* Try all that are open of one kind once; returns how many were written. */
static int
attempt_all(RepairRequest *request, Places *places, RepairAction action)
{
	int			written = 0;
	ListCell   *lc;

	foreach (lc, request->ops)
	{
		RepairOp   *op = lfirst(lc);
		MemoryContext scratch;
		MemoryContext old;

		if (op->outcome != NULL || op->action != action)
			continue;
		CHECK_FOR_INTERRUPTS();
		scratch = AllocSetContextCreate(CurrentMemoryContext, "repair",
										ALLOCSET_SMALL_SIZES);
		old = MemoryContextSwitchTo(scratch);
		if (attempt(request, places, foreach_current_index(lc)))
			written++;
		MemoryContextSwitchTo(old);
		MemoryContextDelete(scratch);
	}
	return written;
}

/* Deletes, updates, inserts; again while that helps those that failed. */
static void
attempt_until_settled(RepairRequest *request, Places *places)
{
	ListCell   *lc;
	int			written;

	do
	{
		written = attempt_all(request, places, REPAIR_DELETE);
		written += attempt_all(request, places, REPAIR_UPDATE);
		written += attempt_all(request, places, REPAIR_INSERT);
	} while (written > 0);
	foreach (lc, request->ops)
	{
		RepairOp   *op = lfirst(lc);

		if (op->outcome == NULL)
			op->outcome = op->trouble;
	}
}

/* The copy's own triggers are kept from firing, if the user may do so. */
static void
silence_triggers(void)
{
	(void) set_config_option("session_replication_role", "replica",
							 superuser() ? PGC_SUSET : PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

void
repair_apply(RepairRequest *request)
{
	int			settings = repair_pin_values();
	Places	   *places;

	request->by_place = repair_by_place(request);
	(void) set_config_option("row_security", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	if (!request->triggers && !request->dry_run && request->ops != NIL)
		silence_triggers();
	if (!request->dry_run)
		LockRelationOid(RelationGetRelid(request->rel),
						request->by_place ? ShareRowExclusiveLock :
											RowExclusiveLock);
	SPI_connect();
	places = make_places(request);
	attempt_until_settled(request, places);
	SPI_finish();
	AtEOXact_GUC(false, settings);
}
