/*-------------------------------------------------------------------------
 *
 * schedule.c
 *		The job check_replicas: checks of copies that are due.
 *
 * spine.check_plan says what is due and why.  A piece of the job is one
 * check of one copy, in a subtransaction of its own: what goes wrong is noted
 * for that copy, which is then left alone for a while, and the next piece is
 * another's.  All that is known between two pieces stands in tables, so a
 * restart loses the check that was running and nothing else.
 *
 * A check runs code of others (views, foreign tables, types).  It runs as a
 * role that could have asked for it by hand, in a restricted operation; as a
 * superuser only where both sides belong to one.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/xact.h"
#include "base/job.h"
#include "base/own_lock.h"
#include "base/rights.h"
#include "base/settings.h"
#include "catalog/pg_type.h"
#include "catalog/spine_catalog.h"
#include "consistency/jobs/consistency_internal.h"
#include "consistency/progress.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

/* Copies that one look at the plan finds, and milliseconds that it is good. */
#define MOST_LOOKED_AT 200
#define LOOK_INTERVAL 5000

/* Pages that are read beforehand in one transaction: 32 MB. */
#define SLICE_PAGES 4096

/* Slices in a row that may bring nothing. */
#define MOST_STANDSTILLS 3

/* A check that is due. */
typedef struct DueCheck
{
	char	   *placement;
	char	   *mode;
	char	   *shape;	   /* of both sides, as they are now */
	Oid			role;	   /* who may check it; InvalidOid if nobody may */
} DueCheck;

static void
check_result(int result, int expected)
{
	if (result != expected)
		/* cannot happen */
		elog(ERROR, "could not look after copies: %s",
			 SPI_result_code_string(result));
}

/* ---- may checks run now? ---- */

/*
 * Are standbys so far behind that reading a lot would not help them?  A
 * standby that tells nothing yet is not waited for.
 */
static bool
standbys_lag(void)
{
	Oid	  type = INT4OID;
	Datum value = Int32GetDatum(spine_check_max_lag);

	if (spine_check_max_lag == 0)
		return false;
	check_result(
		SPI_execute_with_args("SELECT FROM pg_catalog.pg_stat_replication"
							  " WHERE replay_lag > pg_catalog.make_interval("
							  "secs => $1::float8 / 1000)",
							  1, &type, &value, NULL, true, 1),
		SPI_OK_SELECT);
	return SPI_processed > 0;
}

/* ---- which check is next? ---- */

/* $1: of this copy; NULL: of all. */
static const char due_sql[] =
	"SELECT p.placement, p.next_mode, p.shape"
	" FROM spine.check_plan p"
	" LEFT JOIN spine.check_state s ON s.placement = p.placement"
	" WHERE p.due <= pg_catalog.clock_timestamp()"
	" AND ($1 IS NULL OR p.placement = $1)"
	/* each once in a CALL of run_jobs; a steward's pieces are statements */
	" AND (s.tried_at IS NULL OR s.tried_at < pg_catalog.statement_timestamp())"
	" ORDER BY p.due, p.placement LIMIT $2";

/* The checks that are due, longest first (List of DueCheck). */
static List *
due_checks(const char *placement, int most)
{
	Oid	  types[] = {TEXTOID, INT4OID};
	Datum values[] = {placement ? CStringGetTextDatum(placement) : (Datum) 0,
					  Int32GetDatum(most)};
	char  nulls[] = {placement ? ' ' : 'n', ' ', '\0'};
	List *due = NIL;

	check_result(SPI_execute_with_args(due_sql, lengthof(types), types, values,
									   nulls, false, 0),
				 SPI_OK_SELECT);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple row = SPI_tuptable->vals[i];
		TupleDesc desc = SPI_tuptable->tupdesc;
		DueCheck *check = palloc0(sizeof(DueCheck));

		check->placement = SPI_getvalue(row, desc, 1);
		check->mode = SPI_getvalue(row, desc, 2);
		check->shape = SPI_getvalue(row, desc, 3);
		due = lappend(due, check);
	}
	return due;
}

/*
 * The plan of thousands of copies takes a while to look through, so a look is
 * good for some pieces: names of what was due then.  Who is taken from it is
 * looked at again.
 */
static List			*waiting = NIL; /* of char * */
static MemoryContext waiting_context = NULL;
static TimestampTz	 looked_at = 0;

static void
look_around(void)
{
	List		 *due = due_checks(NULL, MOST_LOOKED_AT);
	MemoryContext old;
	ListCell	 *lc;

	if (waiting_context == NULL)
		waiting_context =
			AllocSetContextCreate(TopMemoryContext, "spine checks",
								  ALLOCSET_SMALL_SIZES);
	MemoryContextReset(waiting_context);
	waiting = NIL;
	old = MemoryContextSwitchTo(waiting_context);
	foreach (lc, due)
		waiting =
			lappend(waiting, pstrdup(((DueCheck *) lfirst(lc))->placement));
	MemoryContextSwitchTo(old);
	looked_at = GetCurrentTimestamp();
}

/* Is the copy's check still due, and nobody else making it?  NULL: no. */
static DueCheck *
claim(const char *placement)
{
	List	 *due = due_checks(placement, 1);
	DueCheck *check = due == NIL ? NULL : linitial(due);

	return check != NULL && own_lock_try(OWN_LOCK_CHECK, placement) ? check :
																	  NULL;
}

/* The check that is next, locked; NULL if there is none. */
static DueCheck *
next_check(void)
{
	bool fresh = false;

	if (TimestampDifferenceExceeds(looked_at, GetCurrentTimestamp(),
								   LOOK_INTERVAL))
		waiting = NIL;
	for (;;)
	{
		DueCheck *check;

		if (waiting == NIL)
		{
			if (fresh)
				return NULL;
			look_around();
			fresh = true;
			if (waiting == NIL)
				return NULL;
		}
		check = claim(linitial(waiting));
		if (check != NULL)
			return check;
		waiting = list_delete_first(waiting);
	}
}

/* ---- as whom ---- */

/*
 * The first of those who have to do with the copy who may read both sides
 * and may ask for the check.  Tables of views are read with the rights of
 * their owners, but functions in them run as the reader; so do functions that
 * indexes, constraints, statistics and partition keys of a table name, since
 * the planner works out what is constant in them.  Only their owner, and
 * whoever trusts him by inheriting him, takes that upon himself, except of
 * superusers' code.  A superuser reads what superusers own.  Who writes the
 * copy ($4) runs its triggers, too.
 */
static const char role_sql[] =
	"WITH RECURSIVE copy AS (SELECT p.*, a.relation,"
	" a.definition AS dataset_definition, e.definition ->> 'server' AS server"
	" FROM spine.check_plan p JOIN spine.asset a ON a.asset = p.dataset"
	" AND a.kind = 'dataset' LEFT JOIN spine.entry e"
	" ON e.section = 'stores' AND e.name = p.store WHERE p.placement = $1),"
	" side AS (SELECT c.*, o.rolsuper AS owner_super, c.oid = $3 AS is_copy"
	" FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles o"
	" ON o.oid = c.relowner WHERE c.oid IN ($2, $3)),"
	" tree AS (SELECT oid, relowner FROM side UNION SELECT c.oid, c.relowner"
	" FROM tree t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid"
	" JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid),"
	" part AS (SELECT 'pg_catalog.pg_class'::pg_catalog.regclass AS class,"
	" oid FROM tree UNION ALL SELECT 'pg_catalog.pg_class', x.indexrelid"
	" FROM tree t JOIN pg_catalog.pg_index x ON x.indrelid = t.oid UNION ALL"
	" SELECT 'pg_catalog.pg_constraint', o.oid FROM tree t"
	" JOIN pg_catalog.pg_constraint o ON o.conrelid = t.oid UNION ALL"
	" SELECT 'pg_catalog.pg_statistic_ext', e.oid FROM tree t"
	" JOIN pg_catalog.pg_statistic_ext e ON e.stxrelid = t.oid),"
	" code AS (SELECT f.proowner AS owner FROM part p"
	" JOIN pg_catalog.pg_depend d ON d.classid = p.class AND d.objid = p.oid"
	" LEFT JOIN pg_catalog.pg_operator op ON op.oid = d.refobjid"
	" AND d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass"
	" JOIN pg_catalog.pg_proc f ON f.oid = CASE d.refclassid"
	" WHEN 'pg_catalog.pg_proc'::pg_catalog.regclass THEN d.refobjid"
	" ELSE op.oprcode END UNION SELECT s.relowner FROM side s"
	" WHERE s.relkind = 'v' OR $4 AND s.is_copy),"
	" party AS (SELECT t.party, p.roleid, t.n FROM copy c CROSS JOIN LATERAL"
	" (VALUES (c.owner, 3), (c.dataset_owner, 4),"
	" (c.dataset_definition ->> 'steward', 5)) t(party, n)"
	" JOIN spine.party p ON p.party = t.party WHERE p.roleid IS NOT NULL),"
	" candidate AS (SELECT relowner AS role, CASE WHEN is_copy THEN 1 ELSE 2"
	" END AS n FROM side UNION ALL SELECT roleid, n FROM party)"
	" SELECT r.oid FROM candidate k JOIN pg_catalog.pg_roles r"
	" ON r.oid = k.role CROSS JOIN copy c"
	" WHERE NOT EXISTS (SELECT FROM side s WHERE NOT coalesce("
	"pg_catalog.has_schema_privilege(r.oid, s.relnamespace, 'USAGE')"
	" AND pg_catalog.has_table_privilege(r.oid, s.oid, 'SELECT')"
	" AND (NOT s.relrowsecurity OR r.rolsuper OR r.rolbypassrls"
	" OR NOT s.relforcerowsecurity"
	" AND pg_catalog.pg_has_role(r.oid, s.relowner, 'USAGE'))"
	" AND (NOT r.rolsuper OR s.owner_super), false))"
	" AND NOT EXISTS (SELECT FROM code f JOIN pg_catalog.pg_roles o"
	" ON o.oid = f.owner WHERE NOT o.rolsuper AND (r.rolsuper"
	" OR NOT pg_catalog.pg_has_role(r.oid, o.oid, 'USAGE')))"
	" AND (c.server IS NULL OR EXISTS (SELECT FROM"
	" pg_catalog.pg_foreign_server f JOIN pg_catalog.pg_user_mapping u"
	" ON u.umserver = f.oid AND u.umuser IN (r.oid, 0)"
	" WHERE f.srvname = c.server::name"
	" AND pg_catalog.has_server_privilege(r.oid, f.oid, 'USAGE')))"
	" AND (r.rolsuper OR pg_catalog.pg_has_role(r.oid, 'spine_admin', 'USAGE')"
	" OR pg_catalog.pg_has_role(r.oid, 'spine_steward', 'USAGE')"
	" OR EXISTS (SELECT FROM party p"
	" WHERE pg_catalog.pg_has_role(r.oid, p.roleid, 'USAGE')))"
	" ORDER BY k.n LIMIT 1";

/* The relations of a copy's two sides; InvalidOid where one is not here. */
static void
find_sides(const char *placement, Oid *source, Oid *copy)
{
	Oid		  type = TEXTOID;
	Datum	  value = CStringGetTextDatum(placement);
	HeapTuple row;
	char	 *here;

	check_result(SPI_execute_with_args(
					 "SELECT a.relation, CASE WHEN p.here THEN p.locator END"
					 " FROM spine.check_plan p JOIN spine.asset a"
					 " ON a.asset = p.dataset AND a.kind = 'dataset'"
					 " WHERE p.placement = $1",
					 1, &type, &value, NULL, true, 1),
				 SPI_OK_SELECT);
	*source = *copy = InvalidOid;
	if (SPI_processed == 0)
		return;
	row = SPI_tuptable->vals[0];
	*source = spec_relation_oid(SPI_getvalue(row, SPI_tuptable->tupdesc, 1));
	here = SPI_getvalue(row, SPI_tuptable->tupdesc, 2);
	*copy = here ? spec_relation_oid(here) : InvalidOid;
}

Oid
copy_reader(const char *placement, bool writes)
{
	Oid	  types[] = {TEXTOID, OIDOID, OIDOID, BOOLOID};
	Oid	  source;
	Oid	  copy;
	Datum values[lengthof(types)];
	bool  isnull;

	find_sides(placement, &source, &copy);
	values[0] = CStringGetTextDatum(placement);
	values[1] = ObjectIdGetDatum(source);
	values[2] = ObjectIdGetDatum(copy);
	values[3] = BoolGetDatum(writes);
	check_result(SPI_execute_with_args(role_sql, lengthof(types), types,
									   values, NULL, true, 1),
				 SPI_OK_SELECT);
	return SPI_processed == 0 ?
		InvalidOid :
		DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0],
									   SPI_tuptable->tupdesc, 1, &isnull));
}

/* ---- reading beforehand ---- */

/* The copy that was warmed last, and how far that was. */
static char	 warmed[NAMEDATALEN * 3 + 16];
static int64 warmed_pages = 0;
static int	 standstills = 0; /* slices in a row that brought nothing */

/* Pages of a slice: what is read in a moment, or in a second at most. */
static int
slice_pages(void)
{
	return spine_check_pages_per_second == 0 ?
		SLICE_PAGES :
		Min(SLICE_PAGES, spine_check_pages_per_second);
}

/* One slice as the check's reader; what fails here fails in the check, too. */
static WarmSlice
try_warm(const DueCheck *check)
{
	MemoryContext	   mcxt = CurrentMemoryContext;
	ResourceOwner	   owner = CurrentResourceOwner;
	volatile WarmSlice slice = {0};

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(mcxt);
	PG_TRY();
	{
		ActAs	  before = act_as(check->role, true);
		WarmSlice got = warm_copy(check->placement, slice_pages());

		act_done(&before);
		slice.done = got.done;
		slice.total = got.total;
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(mcxt);
		if (geterrcode() == ERRCODE_QUERY_CANCELED)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(mcxt);
	CurrentResourceOwner = owner;
	return (WarmSlice){slice.done, slice.total};
}

/*
 * Is there more to read, and does reading get on?  Where there can be no cache
 * it does not, nor where rows change faster than they are read.
 */
static bool
is_getting_on(const DueCheck *check, const WarmSlice *slice)
{
	bool same = strncmp(warmed, check->placement, sizeof(warmed) - 1) == 0;

	if (slice->done >= slice->total)
		return false;
	standstills = same && slice->done <= warmed_pages ? standstills + 1 : 0;
	strlcpy(warmed, check->placement, sizeof(warmed));
	warmed_pages = slice->done;
	return slice->done > 0 && standstills < MOST_STANDSTILLS;
}

/*
 * Read a slice of what the check will ask for.  True: there is more, in a
 * transaction of its own, soon.
 */
static bool
warm_more(const DueCheck *check)
{
	WarmSlice slice;

	if (strcmp(check->mode, "digest") != 0 || !OidIsValid(check->role))
		return false;
	slice = try_warm(check);
	if (!is_getting_on(check, &slice))
		return false;
	progress_begin(check->placement);
	progress_go_on(PROGRESS_WARMING, slice.done, slice.total);
	progress_stay();
	if (spine_check_pages_per_second > 0)
		job_pause(
			(int) (1000.0 * slice_pages() / spine_check_pages_per_second));
	return true;
}

/* ---- checking ---- */

static void
refuse_roleless(const DueCheck *check)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("nobody may check copy \"%s\"", check->placement),
			 errdetail("Neither the owners of both sides nor the parties of "
					   "the copy and its dataset may read both sides, answer "
					   "for the check and trust who wrote what runs then."),
			 errhint("Grant one of them SELECT on both sides, and USAGE on "
					 "the server of a remote one. Functions of views, indexes "
					 "and constraints run as the reader, who must inherit "
					 "their owners.")));
}

/* The check itself, as somebody who could do it by hand. */
static void
run_check(const DueCheck *check)
{
	Oid	  types[] = {TEXTOID, TEXTOID};
	Datum values[] = {CStringGetTextDatum(check->placement),
					  CStringGetTextDatum(check->mode)};
	ActAs before;

	if (!OidIsValid(check->role))
		refuse_roleless(check);
	before = act_as(check->role, true);
	SPI_connect();
	check_result(SPI_execute_with_args(
					 "SELECT verdict FROM spine.check_replica($1, $2)",
					 lengthof(types), types, values, NULL, false, 1),
				 SPI_OK_SELECT);
	SPI_finish();
	act_done(&before);
}

/* Check in a subtransaction; what went wrong, or NULL. */
static ErrorData *
try_check(const DueCheck *check)
{
	MemoryContext mcxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(mcxt);
	PG_TRY();
	{
		run_check(check);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(mcxt);
		error = CopyErrorData();
		/* Who cancels the job does not mean this copy. */
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(mcxt);
	CurrentResourceOwner = owner;
	return error;
}

/* ---- noting ---- */

/* The copy is being tried. */
static const char tried_sql[] =
	"INSERT INTO spine.check_state AS s (placement, seen_at, tried_at,"
	" tried_shape) VALUES ($1, pg_catalog.now(),"
	" pg_catalog.clock_timestamp(), $2)"
	" ON CONFLICT (placement) DO UPDATE SET tried_at = EXCLUDED.tried_at,"
	" tried_shape = coalesce($2, s.tried_shape)";

static void
note_tried(const DueCheck *check)
{
	Oid	  types[] = {TEXTOID, TEXTOID};
	bool  complete =
		strcmp(check->mode, "digest") == 0 || strcmp(check->mode, "rows") == 0;
	Datum values[] = {CStringGetTextDatum(check->placement), (Datum) 0};
	char  nulls[] = " n";

	if (complete && check->shape != NULL)
	{
		values[1] = CStringGetTextDatum(check->shape);
		nulls[1] = ' ';
	}
	check_result(SPI_execute_with_args(tried_sql, lengthof(types), types,
									   values, nulls, false, 0),
				 SPI_OK_INSERT);
}

/*
 * Requests that are seen now are answered by the check, whose snapshot is
 * taken later.  If the transaction fails they are still there.
 */
static void
take_requests(const DueCheck *check)
{
	Oid	  type = TEXTOID;
	Datum value = CStringGetTextDatum(check->placement);

	check_result(SPI_execute_with_args("DELETE FROM spine.check_request"
									   " WHERE placement = $1",
									   1, &type, &value, NULL, false, 0),
				 SPI_OK_DELETE);
}

/* Pauses of 10 s, 20 s, 40 s up to an hour. */
static const char failed_sql[] =
	"WITH noted AS (INSERT INTO spine.check_failure VALUES ($1,"
	" pg_catalog.clock_timestamp(), $2, $3))"
	" UPDATE spine.check_state SET failures = failures + 1,"
	" last_sqlstate = $2, last_error = $3,"
	" last_failed_at = pg_catalog.clock_timestamp(),"
	" tried_shape = NULL, not_before = pg_catalog.clock_timestamp()"
	" + least('10 s'::interval * pg_catalog.power(2, least(failures, 12)),"
	" '1 h') WHERE placement = $1";

static void
note_failed(const DueCheck *check, const ErrorData *error)
{
	Oid	  types[] = {TEXTOID, TEXTOID, TEXTOID};
	Datum values[] = {CStringGetTextDatum(check->placement),
					  CStringGetTextDatum(unpack_sql_state(error->sqlerrcode)),
					  CStringGetTextDatum(job_safe_message(error))};

	ereport(LOG_SERVER_ONLY,
			(errcode(error->sqlerrcode),
			 errmsg("check of copy \"%s\" failed: %s", check->placement,
					error->message)));
	check_result(SPI_execute_with_args(failed_sql, lengthof(types), types,
									   values, NULL, false, 0),
				 SPI_OK_UPDATE);
}

/* ---- the job ---- */

/* Is a check due? */
static bool
want_check(void)
{
	return !standbys_lag() && due_checks(NULL, 1) != NIL;
}

/* One check; returns whether there was one. */
static bool
work_check(void)
{
	DueCheck  *check;
	ErrorData *error;

	if (standbys_lag())
		return false;
	check = next_check();
	if (check == NULL)
		return false;
	check->role = copy_reader(check->placement, false);
	if (warm_more(check))
		return true;
	warmed[0] = '\0';
	note_tried(check);
	take_requests(check);
	error = try_check(check);
	if (error != NULL)
		note_failed(check, error);
	/* Who watches copies may have something to tell. */
	job_request_at_commit();
	return true;
}

void
schedule_checks_init(void)
{
	static const Job check = {"check_replicas",
							  "Checks copies that are due, one at a time.", 0,
							  false, work_check};

	job_register_long(&check, want_check);
}
