/*-------------------------------------------------------------------------
 *
 * upkeep.c
 *		Jobs that keep what is attached to governed tables whole.
 *
 * "attachments" asks spine.health whether every governed table is guarded,
 * and tells somebody while one is not: mending it is an apply, which is for
 * people.  "invariants" validates the CHECK constraints that apply adds NOT
 * VALID.  One that old rows break is an alert, and is tried again a day
 * later: validating reads the whole table.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/xact.h"
#include "base/job.h"
#include "base/rights.h"
#include "catalog/pg_type.h"
#include "catalog/spine_catalog.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "ownership/alert.h"
#include "ownership/upkeep.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

/* How long validating waits for a lock, as lock_timeout has it. */
#define LOCK_PATIENCE "1s"

/* A statement of ours went wrong in a way that it cannot. */
static void
check_result(int result, int expected)
{
	if (result != expected)
		/* cannot happen */
		elog(ERROR, "could not look after governed tables: %s",
			 SPI_result_code_string(result));
}

/* An object of one text. */
static Datum
detail_text(const char *key, const char *text)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_text(&state, key, text);
	return JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/* ---- the job "attachments" ---- */

static bool
work_attachments(void)
{
	AlertEvent event = {0};

	check_result(SPI_execute("SELECT detail FROM spine.health()"
							 " WHERE check_name = 'guards' AND NOT ok",
							 false, 1),
				 SPI_OK_SELECT);
	if (SPI_processed == 0)
	{
		alert_resolve("attachment", NULL, "guards");
		return false;
	}
	event.kind = "attachment";
	event.rule = "guards";
	event.severity = "page";
	event.detail = detail_text("health",
							   SPI_getvalue(SPI_tuptable->vals[0],
											SPI_tuptable->tupdesc, 1));
	alert_raise(&event);
	return false;
}

/* ---- the job "invariants" ---- */

/* A constraint that is to be validated. */
typedef struct Unproven
{
	const SpecDataset *dataset;
	Oid				   relid;
	const char		  *name;
} Unproven;

/* Add the constraints of a dataset that are not valid yet. */
static void
add_unproven(const SpecDataset *dataset, List **unproven)
{
	Oid	  types[] = {OIDOID, TEXTOID};
	Datum values[2];
	Oid	  relid;

	if (dataset->enforcement != ENFORCEMENT_ENFORCE ||
		dataset->lifecycle == NULL || dataset->relation == NULL)
		return;
	relid = spec_relation_oid(dataset->relation);
	if (!OidIsValid(relid))
		return;
	values[0] = ObjectIdGetDatum(relid);
	values[1] = CStringGetTextDatum(dataset->key);
	check_result(SPI_execute_with_args(
					 "SELECT c.conname FROM pg_catalog.pg_constraint c"
					 " WHERE c.conrelid = $1 AND c.contype = 'c'"
					 " AND NOT c.convalidated AND c.conname ~ '^spine_'"
					 " AND NOT EXISTS (SELECT FROM spine.alert a"
					 " WHERE a.resolved_at IS NULL AND a.kind = 'invariant'"
					 " AND a.dataset = $2 AND a.rule = c.conname"
					 " AND (a.detail ->> 'tried_at')::pg_catalog.timestamptz"
					 " > pg_catalog.now() - '1 day'::pg_catalog.interval)"
					 " ORDER BY 1",
					 2, types, values, NULL, true, 0),
				 SPI_OK_SELECT);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Unproven *item = palloc(sizeof(Unproven));

		item->dataset = dataset;
		item->relid = relid;
		item->name =
			SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		*unproven = lappend(*unproven, item);
	}
}

/* Validate as the table's owner: the expression is code of his. */
static void
validate(const Unproven *item, Oid owner)
{
	char *sql = psprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s",
						 quote_qualified_identifier(get_namespace_name(
														get_rel_namespace(
															item->relid)),
													get_rel_name(item->relid)),
						 quote_identifier(item->name));
	ActAs before = act_as(owner, true);

	(void) set_config_option("lock_timeout", LOCK_PATIENCE, PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	SPI_connect();
	check_result(SPI_execute(sql, false, 0), SPI_OK_UTILITY);
	SPI_finish();
	act_done(&before);
}

/* The owner of a table, in whose name it is altered. */
static Oid
table_owner(Oid relid)
{
	Oid	  type = OIDOID;
	Datum value = ObjectIdGetDatum(relid);
	bool  isnull;

	check_result(SPI_execute_with_args("SELECT relowner FROM"
									   " pg_catalog.pg_class WHERE oid = $1",
									   1, &type, &value, NULL, true, 1),
				 SPI_OK_SELECT);
	if (SPI_processed == 0)
		return InvalidOid;
	return DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0],
										  SPI_tuptable->tupdesc, 1, &isnull));
}

/* Somebody has to look at the rows, or at the expression. */
static void
report_unproven(const Unproven *item, const ErrorData *error)
{
	AlertEvent		 event = {0};
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_text(&state, "sqlstate", unpack_sql_state(error->sqlerrcode));
	jb_push_text(&state, "tried_at",
				 timestamptz_to_str(GetCurrentTimestamp()));
	event.kind = "invariant";
	event.dataset = item->dataset->key;
	event.rule = item->name;
	if (item->dataset->standing != NULL)
		event.parties =
			list_make1(unconstify(char *, item->dataset->standing));
	event.detail = JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
	alert_raise(&event);
}

/*
 * Validate one constraint; true if that was done.  Whoever holds a lock on
 * the table is not waited for: it is tried again at the next run.
 */
static bool
try_validate(const Unproven *item)
{
	MemoryContext mcxt = CurrentMemoryContext;
	ResourceOwner resowner = CurrentResourceOwner;
	Oid			  owner = table_owner(item->relid);
	ErrorData *volatile error = NULL;

	if (!OidIsValid(owner))
		return false;
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		validate(item, owner);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(mcxt);
		error = CopyErrorData();
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(mcxt);
	CurrentResourceOwner = resowner;

	if (error == NULL)
		alert_resolve("invariant", item->dataset->key, item->name);
	else if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE &&
			 error->sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED)
		report_unproven(item, error);
	return error == NULL;
}

/* Alerts of constraints that are gone are over, like those validated. */
static void
resolve_gone(void)
{
	check_result(
		SPI_execute("UPDATE spine.alert a SET resolved_at = pg_catalog.now()"
					" WHERE a.resolved_at IS NULL AND a.kind = 'invariant'"
					" AND NOT EXISTS (SELECT FROM spine.asset s"
					" JOIN pg_catalog.pg_constraint c ON c.conrelid = s.relid"
					" WHERE s.kind = 'dataset' AND s.asset = a.dataset"
					" AND c.conname = a.rule AND NOT c.convalidated)",
					false, 0),
		SPI_OK_UPDATE);
}

/* One constraint at a time, as each lock is held to the transaction's end. */
static bool
work_invariants(void)
{
	List	 *unproven = NIL;
	ListCell *lc;

	resolve_gone();
	foreach (lc, catalog_local_datasets())
		add_unproven(lfirst(lc), &unproven);
	foreach (lc, unproven)
	{
		CHECK_FOR_INTERRUPTS();
		if (try_validate(lfirst(lc)))
			return true;
	}
	return false;
}

void
upkeep_init(void)
{
	static const Job attachments =
		{"attachments", "Tells of governed tables that are not guarded.", 300,
		 false, work_attachments};
	static const Job invariants = {"invariants",
								   "Validates the constraints of invariants.",
								   600, false, work_invariants};

	job_register(&attachments);
	job_register(&invariants);
}
