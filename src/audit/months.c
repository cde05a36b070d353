/*-------------------------------------------------------------------------
 *
 * months.c
 *		Partitions of the audit log: made ahead, and dropped when they are old.
 *
 * A month's partition is an ordinary table, no member of the extension, so a
 * dump carries it like any table of the user.  Bounds are months in UTC.
 *
 * Attaching one locks the default partition while its rows are looked through.
 * So a month is made while the default partition is small, and rows of that
 * month that stand there already move in the same transaction.  Nobody is
 * kept waiting for long: locks are asked for with a timeout, and the job comes
 * again.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/table.h"
#include "access/xact.h"
#include "audit/audit_internal.h"
#include "audit/months.h"
#include "base/jb.h"
#include "base/job.h"
#include "base/rights.h"
#include "base/settings.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(spine_make_audit_months);
PG_FUNCTION_INFO_V1(spine_drop_audit_before);

/* The job attaches nothing while the default partition is larger, in bytes. */
#define DEFAULT_MOST (64 * 1024 * 1024)

/* Nobody is to wait longer for a lock that the job waits for. */
#define LOCK_TIMEOUT "2s"

/* Old rows of tables without months that go in one transaction. */
#define DELETE_BATCH 10000

/* ----- dates ----- */

/* The first day of a month, counted in months since year 0. */
static DateADT
month_day(int month)
{
	return date2j(month / 12, month % 12 + 1, 1) - POSTGRES_EPOCH_JDATE;
}

/* The month of a day. */
static int
day_month(DateADT day)
{
	int year;
	int month;
	int mday;

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
	return year * 12 + month - 1;
}

/* The day of now, in UTC. */
static DateADT
today(void)
{
	TimestampTz now = GetCurrentTimestamp();

	return (DateADT) (now / USECS_PER_DAY - (now % USECS_PER_DAY < 0));
}

/* When a month begins. */
static TimestampTz
month_start(int month)
{
	return (TimestampTz) month_day(month) * USECS_PER_DAY;
}

/* A month's first day as text, palloc'd. */
static char *
month_text(int month)
{
	return psprintf("%04d-%02d-01", month / 12, month % 12 + 1);
}

/* ----- what is there ----- */

static Oid
log_relation(const char *name)
{
	return get_relname_relid(name, get_namespace_oid(SPINE_SCHEMA, false));
}

/* Does no partition but the default one take any time of this month? */
static bool
month_is_free(int month)
{
	Relation rel = table_open(log_relation("audit_log"), AccessShareLock);
	PartitionDesc	   desc = RelationGetPartitionDesc(rel, true);
	PartitionBoundInfo bounds = desc->boundinfo;
	TimestampTz		   from = month_start(month);
	TimestampTz		   to = month_start(month + 1);
	bool			   free = true;

	/* indexes[i] is the partition below bound i and not below i - 1, if any */
	for (int i = 0; bounds != NULL && i < bounds->ndatums; i++)
	{
		bool		valued = bounds->kind[i][0] == PARTITION_RANGE_DATUM_VALUE;
		TimestampTz bound = DatumGetTimestampTz(bounds->datums[i][0]);

		if (bounds->kind[i][0] == PARTITION_RANGE_DATUM_MINVALUE ||
			(valued && bound <= from))
			continue;
		if (valued && bound < to)
			free = false;
		else if (bounds->indexes[i] >= 0)
			free = false;
		break;
	}
	table_close(rel, AccessShareLock);
	return free;
}

int64
months_default_size(void)
{
	Oid		 relid = log_relation("audit_log_default");
	Relation rel =
		OidIsValid(relid) ? try_table_open(relid, AccessShareLock) : NULL;
	int64	 size = 0;

	if (rel != NULL)
	{
		size = (int64) RelationGetNumberOfBlocks(rel) * BLCKSZ;
		table_close(rel, AccessShareLock);
	}
	return size;
}

bool
months_ready(void)
{
	int month = day_month(today());

	return !month_is_free(month) && !month_is_free(month + 1);
}

/* ----- making ----- */

/* Run a command that is not expected to fail.  Here and below nothing is
 * read_only, so that each sees what the one before it did. */
static void
execute(const char *sql)
{
	if (SPI_execute(sql, false, 0) < 0)
		/* cannot happen */
		elog(ERROR, "could not execute: %s", sql);
}

/* Take all rights that default privileges gave others on a table. */
static void
revoke_all(const char *table)
{
	SPITupleTable *grants;
	uint64		   n;

	if (SPI_execute(
			psprintf("SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC'"
					 " ELSE pg_catalog.quote_ident(r.rolname) END"
					 " FROM pg_catalog.pg_class c,"
					 " pg_catalog.aclexplode(c.relacl) a"
					 " LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee"
					 " WHERE c.oid = '%s'::pg_catalog.regclass"
					 " AND a.grantee <> c.relowner",
					 table),
			false, 0) != SPI_OK_SELECT)
		/* cannot happen */
		elog(ERROR, "could not read the grants of %s", table);
	grants = SPI_tuptable;
	n = SPI_processed;
	for (uint64 i = 0; i < n; i++)
		execute(psprintf("REVOKE ALL ON %s FROM %s CASCADE", table,
						 SPI_getvalue(grants->vals[i], grants->tupdesc, 1)));
}

/* Give a table the trigger that keeps it as it is. */
static void
keep_table(const char *table)
{
	execute(psprintf(
		"CREATE OR REPLACE TRIGGER refuse_change"
		" BEFORE UPDATE OR DELETE OR TRUNCATE ON %s"
		" FOR EACH STATEMENT EXECUTE FUNCTION spine.refuse_audit_change()",
		table));
	execute(
		psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER refuse_change", table));
}

/*
 * Make a month's partition, with what the default partition has of it.  The
 * lock on that one comes first, so no row of the month comes between.
 */
static void
make_month(int month)
{
	char *table =
		psprintf("spine.audit_log_y%04dm%02d", month / 12, month % 12 + 1);
	char *from = month_text(month);
	char *to = month_text(month + 1);

	if (OidIsValid(log_relation("audit_log_default")))
	{
		execute("LOCK TABLE ONLY spine.audit_log_default"
				" IN ACCESS EXCLUSIVE MODE");
		execute(psprintf("CREATE TABLE %s (LIKE spine.audit_log"
						 " INCLUDING STORAGE INCLUDING COMPRESSION)",
						 table));
		keep_execute(
			psprintf("WITH gone AS (DELETE FROM ONLY spine.audit_log_default"
					 " WHERE at >= '%s 00:00:00+00' AND at < '%s 00:00:00+00'"
					 " RETURNING *) INSERT INTO %s SELECT * FROM gone",
					 from, to, table));
	}
	else
		execute(psprintf("CREATE TABLE %s (LIKE spine.audit_log"
						 " INCLUDING STORAGE INCLUDING COMPRESSION)",
						 table));

	revoke_all(table);
	execute(psprintf("ALTER TABLE spine.audit_log ATTACH PARTITION %s FOR"
					 " VALUES FROM ('%s 00:00:00+00') TO ('%s 00:00:00+00')",
					 table, from, to));
	keep_table(table);
	execute(psprintf("COMMENT ON TABLE %s IS 'Audit rows of %.7s, in UTC'",
					 table, from));
}

/* A free month that the default partition has rows of, or -1. */
static int
stray_month(void)
{
	SPITupleTable *days;
	uint64		   n;

	if (!OidIsValid(log_relation("audit_log_default")))
		return -1;
	if (SPI_execute("SELECT DISTINCT pg_catalog.date_trunc('month',"
					" at AT TIME ZONE 'UTC')::pg_catalog.date"
					" FROM ONLY spine.audit_log_default"
					" WHERE pg_catalog.isfinite(at) AND at > '1000-01-01Z'"
					" ORDER BY 1",
					false, 0) != SPI_OK_SELECT)
		/* cannot happen */
		elog(ERROR, "could not read the audit log");
	days = SPI_tuptable;
	n = SPI_processed;
	for (uint64 i = 0; i < n; i++)
	{
		bool isnull;
		int	 month = day_month(DatumGetDateADT(
			 SPI_getbinval(days->vals[i], days->tupdesc, 1, &isnull)));

		if (month_is_free(month))
			return month;
	}
	return -1;
}

/* The next month to make, or -1: this one and two ahead, and what strays. */
static int
missing_month(void)
{
	int now = day_month(today());

	for (int month = now; month <= now + 2; month++)
		if (month_is_free(month))
			return month;
	return stray_month();
}

/* Give the trigger to a partition that somebody attached without; false if
 * there is none such. */
static bool
keep_one(void)
{
	if (SPI_execute(months_unkept, false, 1) != SPI_OK_SELECT)
		/* cannot happen */
		elog(ERROR, "could not read the triggers of the audit log");
	if (SPI_processed == 0)
		return false;
	keep_table(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
	return true;
}

/* Run a step with a limit on waiting for locks; the setting is undone after
 * it, or by the abort. */
static bool
without_waiting(bool (*step)(void))
{
	int	 level = NewGUCNestLevel();
	bool result;

	(void) set_config_option("lock_timeout", LOCK_TIMEOUT, PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	result = step();
	AtEOXact_GUC(false, level);
	return result;
}

/*
 * Has a document been applied here?  Before that there is nothing to audit,
 * and the database may be one that a restore is about to bring months into,
 * by these names; it brings the documents after all tables.
 */
static bool
in_use(void)
{
	if (SPI_execute("SELECT FROM spine.revision", false, 1) != SPI_OK_SELECT)
		/* cannot happen */
		elog(ERROR, "could not read the revisions");
	return SPI_processed > 0;
}

/* One step of making; false if there was nothing to do. */
static bool
make_one(void)
{
	int month;

	if (!in_use())
		return false;
	if (months_default_size() > DEFAULT_MOST)
		return keep_one();
	month = missing_month();
	if (month < 0)
		return keep_one();
	make_month(month);
	return true;
}

/* spine.make_audit_months(): all of it, whatever it takes. */
Datum
spine_make_audit_months(PG_FUNCTION_ARGS)
{
	ActAs before;
	int	  made = 0;
	int	  month;

	require_spine_role("spine_admin", "make partitions of the audit log");
	before = act_as(extension_owner(), false);
	SPI_connect();
	while ((month = missing_month()) >= 0)
	{
		CHECK_FOR_INTERRUPTS();
		make_month(month);
		made++;
	}
	while (keep_one())
		CHECK_FOR_INTERRUPTS();
	SPI_finish();
	act_done(&before);
	PG_RETURN_INT32(made);
}

/* ----- letting go ----- */

/* What went away in one step. */
typedef struct Gone
{
	const char *table; /* NULL: nothing */
	bool		whole; /* dropped, or rows deleted from it? */
	int64		rows;
} Gone;

/* The revision that the catalog stands at. */
static int64
present_revision(void)
{
	bool isnull;

	if (SPI_execute("SELECT COALESCE(pg_catalog.max(rev), 0)"
					" FROM spine.projection",
					false, 1) != SPI_OK_SELECT)
		/* cannot happen */
		elog(ERROR, "could not read the revision");
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
									   SPI_tuptable->tupdesc, 1, &isnull));
}

/* The audit row of what went away, by the current user. */
static void
audit_gone(const Gone *gone, int64 rev, int month, const char *via)
{
	JsonbParseState *state = NULL;
	JsonbValue		 rows;
	AuditEvent		 event = {0};

	rows.type = jbvNumeric;
	rows.val.numeric = int64_to_numeric(gone->rows);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_text(&state, gone->whole ? "dropped" : "deleted_from",
				 gone->table);
	jb_push_value(&state, "rows", &rows);
	jb_push_text(&state, "before", month_text(month));
	event.detail = JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
	event.dataset = CStringGetTextDatum("spine.audit_log");
	event.action = CStringGetTextDatum("retention");
	event.via = CStringGetTextDatum(via);
	event.rev = rev;
	audit_push(&event);
}

/* Drop one partition whose times are all before a month. */
static bool
drop_month(int month, Gone *gone)
{
	char *table;
	bool  isnull;

	/* The bound is printed and read again under the same settings. */
	if (SPI_execute(
			psprintf(
				"SELECT p.oid::pg_catalog.regclass::pg_catalog.text"
				" FROM (SELECT c.oid, pg_catalog.substring("
				"pg_catalog.pg_get_expr(c.relpartbound, c.oid),"
				" $$ TO \\('([^']*)'\\)$$) AS upper"
				" FROM pg_catalog.pg_inherits i"
				" JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid"
				" WHERE i.inhparent = 'spine.audit_log'::pg_catalog.regclass"
				" AND c.relkind IN ('r', 'p')) p"
				" WHERE p.upper::pg_catalog.timestamptz <= '%s 00:00:00+00'"
				" ORDER BY p.upper::pg_catalog.timestamptz LIMIT 1",
				month_text(month)),
			false, 0) != SPI_OK_SELECT)
		/* cannot happen */
		elog(ERROR, "could not read the months of the audit log");
	if (SPI_processed == 0)
		return false;
	table = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);

	execute(psprintf("LOCK TABLE %s IN ACCESS EXCLUSIVE MODE", table));
	execute(psprintf("SELECT pg_catalog.count(*) FROM %s", table));
	gone->rows =
		DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
									SPI_tuptable->tupdesc, 1, &isnull));
	gone->table = table;
	gone->whole = true;
	keep_execute(psprintf("DROP TABLE %s", table));
	return true;
}

/* Delete rows before a month from a table without months; most 0: all. */
static bool
delete_rows(const char *table, int month, int most, Gone *gone)
{
	char *limit = most > 0 ? psprintf(" LIMIT %d", most) : "";

	if (!OidIsValid(log_relation(table)))
		return false;
	gone->rows = keep_execute(
		psprintf("DELETE FROM ONLY spine.%s WHERE ctid = ANY (ARRAY("
				 "SELECT ctid FROM ONLY spine.%s"
				 " WHERE at < '%s 00:00:00+00'%s))",
				 table, table, month_text(month), limit));
	gone->table = psprintf("spine.%s", table);
	gone->whole = false;
	return gone->rows > 0;
}

/* One step of letting go of what is before a month. */
static bool
let_go(int month, int most, Gone *gone)
{
	return drop_month(month, gone) ||
		delete_rows("audit_log_default", month, most, gone) ||
		delete_rows("denied_log", month, most, gone);
}

/* spine.drop_audit_before(month): returns the rows that went. */
Datum
spine_drop_audit_before(PG_FUNCTION_ARGS)
{
	DateADT day = PG_GETARG_DATEADT(0);
	int64	rows = 0;
	int64	rev;
	int		month;
	ActAs	before;
	Gone	gone;

	require_spine_role("spine_admin", "drop audit rows");
	if (DATE_NOT_FINITE(day) || day < month_day(1000 * 12) || day > today() ||
		month_day(day_month(day)) != day)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("audit rows are dropped by whole months that are "
						"over"),
				 errhint("Give the first day of a month, at the latest of "
						 "the present one (in UTC).")));

	month = day_month(day);
	SPI_connect();
	before = act_as(extension_owner(), false);
	rev = present_revision();
	while (let_go(month, 0, &gone))
	{
		CHECK_FOR_INTERRUPTS();
		rows += gone.rows;
		act_done(&before);
		audit_gone(&gone, rev, month, "direct");
		before = act_as(extension_owner(), false);
	}
	act_done(&before);
	SPI_finish();
	audit_flush();
	PG_RETURN_INT64(rows);
}

/* The month before which nothing is kept, or -1: spine.audit_keep. */
static int
keep_from(void)
{
	bool isnull;

	if (spine_audit_keep == NULL || spine_audit_keep[0] == '\0')
		return -1;
	if (SPI_execute(psprintf("SELECT ((pg_catalog.now() AT TIME ZONE 'UTC')"
							 " - %s::pg_catalog.interval)::pg_catalog.date",
							 quote_literal_cstr(spine_audit_keep)),
					false, 1) != SPI_OK_SELECT)
		/* cannot happen */
		elog(ERROR, "could not read spine.audit_keep");
	return day_month(
		DatumGetDateADT(SPI_getbinval(SPI_tuptable->vals[0],
									  SPI_tuptable->tupdesc, 1, &isnull)));
}

/* One step of what spine.audit_keep asks for; false if nothing is left. */
static bool
forget_one(void)
{
	Gone gone;
	int	 month = keep_from();

	if (month < 0 || !let_go(month, DELETE_BATCH, &gone))
		return false;
	audit_gone(&gone, present_revision(), month, "audit_retention");
	audit_flush();
	return true;
}

/* ----- the jobs ----- */

/* A month in each transaction. */
static bool
make_ahead(void)
{
	return !IsBinaryUpgrade && without_waiting(make_one);
}

/* A partition, or a batch of rows, in each transaction. */
static bool
forget_old(void)
{
	return !IsBinaryUpgrade && without_waiting(forget_one);
}

static const Job months_job =
	{.name = "audit_months",
	 .description = "Makes the audit log's partitions of this month and the "
					"next two.",
	 .every = 60 * 60,
	 .preload_only = false,
	 .work = make_ahead};

static const Job retention_job =
	{.name = "audit_retention",
	 .description = "Removes audited and denied rows that spine.audit_keep "
					"does not keep.",
	 .every = 24 * 60 * 60,
	 .preload_only = false,
	 .work = forget_old};

void
months_init(void)
{
	job_register(&months_job);
	job_register(&retention_job);
}
