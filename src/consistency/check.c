/*-------------------------------------------------------------------------
 *
 * check.c
 *		spine.check_replica: is a copy equal to its source of truth, and
 *		where is it not?
 *
 * Both sides are read as the caller by one snapshot, so a difference is a
 * fact of that moment; whether it is drift is another question.  A copy may
 * lag as long as its document says: a difference is only a suspect until the
 * same version of the source's row has differed for as long as that (of a row
 * that the source has not, the same version of the copy's).  Then it is
 * confirmed, and stays open until a later check proves that the row is equal.
 *
 * Invariant: "equal" is only said of all rows compared in full, by digest or
 * one by one.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "base/rights.h"
#include "catalog/pg_type.h"
#include "consistency/copy.h"
#include "consistency/proof.h"
#include "consistency/shape.h"
#include "consistency/walk.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/pg_lsn.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/rls.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(spine_check_replica);

/* Buckets that tell where rows differ. */
#define BUCKETS 4096
/* Rows that are told one by one; the others are counted. */
#define MOST_TOLD 10000
/* Share of the keys that a sample takes where the document says nothing. */
#define SAMPLE_SHARE 0.01

typedef enum CheckMode
{
	MODE_COUNT,
	MODE_SAMPLE,
	MODE_DIGEST,
	MODE_ROWS
} CheckMode;

/* One check, and what came out of it. */
typedef struct Check
{
	const char *placement;
	const char *mode_name;
	CheckMode	mode;
	Copy	   *copy;
	TimestampTz started;
	XLogRecPtr	as_of;
	/* results */
	int64		run_id;
	const char *verdict;
	const char *why; /* of incomparable */
	int64		rows_sot;
	int64		rows_copy;
	char	   *digest_sot;
	char	   *digest_copy;
	char	   *shape;		/* of both sides (see shape.h); NULL: not opened */
	bool		complete;	/* did it look at all rows? */
	int64		differing;	/* rows */
	Datum		keys;		/* jsonb[] of those that are told */
	Datum		kinds;		/* text[] */
	Datum		columns;	/* jsonb[]: arrays of names */
	Datum		identities; /* text[] */
} Check;

static void
check_result(int result, int expected)
{
	if (result != expected)
		/* cannot happen */
		elog(ERROR, "could not check a copy: %s",
			 SPI_result_code_string(result));
}

/* ---- rights ---- */

static void
check_side(Relation rel)
{
	if (check_enable_rls(RelationGetRelid(rel), InvalidOid, true) ==
		RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot compare \"%s\": row security applies to you",
						RelationGetRelationName(rel)),
				 errhint("Ask a role that sees all rows.")));
}

static bool
acts_for_party(const char *party)
{
	return party != NULL && acts_for(GetUserId(), catalog_party_role(party));
}

/* Who answers for the data, or for the copy, or for all data. */
static void
require_answerable(const Copy *copy)
{
	if (is_spine_admin(GetUserId()) ||
		acts_for(GetUserId(), get_role_oid("spine_steward", true)) ||
		acts_for_party(copy->dataset->standing) ||
		acts_for_party(copy->spec->owner) ||
		acts_for_party(jb_get_text(copy->dataset->definition, "steward")))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to check copy \"%s\"", copy->placement),
			 errdetail("The owner and the steward of \"%s\", the owner of the "
					   "copy, spine_steward and spine_admin may do so.",
					   copy->dataset->key)));
}

/* ---- reading both sides ---- */

/* Settings for what runs as the caller but was not written by him. */
static int
careful_settings(void)
{
	int level = NewGUCNestLevel();

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("row_security", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	return level;
}

/* Rows and digest of one side; which of its rows is a condition or NULL. */
static void
digest_side(const Check *check, const char *rows, const char *which,
			int64 *count, char **digest)
{
	bool		  isnull;
	HeapTuple	  row;
	MemoryContext own;
	char		 *sql = psprintf(
				"SELECT pg_catalog.count(*), spine.digest_agg(%s) FROM (%s) q%s%s",
				copy_values(check->copy, "", false), rows, which ? " WHERE " : "",
		which ? which : "");

	check_result(SPI_execute(sql, true, 1), SPI_OK_SELECT);
	row = SPI_tuptable->vals[0];
	*count =
		DatumGetInt64(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull));
	own = MemoryContextSwitchTo(GetMemoryChunkContext((void *) check));
	*digest = pstrdup(SPI_getvalue(row, SPI_tuptable->tupdesc, 2));
	MemoryContextSwitchTo(own);
}

static int64
count_side(const char *rows)
{
	bool isnull;

	check_result(SPI_execute(psprintf("SELECT pg_catalog.count(*) FROM (%s) q",
									  rows),
							 true, 1),
				 SPI_OK_SELECT);
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
									   SPI_tuptable->tupdesc, 1, &isnull));
}

/* A condition for the rows of a slice of all keys, the same on both sides. */
static char *
sample_condition(const Check *check)
{
	const JsonbContainer *validate =
		jb_get_object(check->copy->entry, "validate");
	double	   share = SAMPLE_SHARE;
	JsonbValue value;

	if (validate != NULL && jb_get(validate, "share", &value) &&
		value.type == jbvNumeric)
		share = DatumGetFloat8(
			DirectFunctionCall1(numeric_float8,
								NumericGetDatum(value.val.numeric)));
	return psprintf("spine.digest_bucket(1000000, %s) < %d",
					copy_values(check->copy, "", true),
					(int) (share * 1000000));
}

/* ---- where they differ ---- */

/* One side with its buckets. */
static char *
bucket_query(const Check *check, const char *rows)
{
	return psprintf("SELECT spine.digest_bucket(%d, %s) AS b,"
					" pg_catalog.count(*) AS n, spine.digest_agg(%s) AS d"
					" FROM (%s) q GROUP BY 1",
					BUCKETS, copy_values(check->copy, "", true),
					copy_values(check->copy, "", false), rows);
}

/* The buckets in which the sides differ, as an array literal. */
static char *
differing_buckets(const Check *check)
{
	char *sql = psprintf(
		"SELECT coalesce(pg_catalog.array_agg(coalesce(s.b, c.b)), '{}')::text"
		" FROM (%s) s FULL JOIN (%s) c ON s.b = c.b"
		" WHERE s.d IS DISTINCT FROM c.d OR s.n IS DISTINCT FROM c.n",
		bucket_query(check, copy_source_rows(check->copy)),
		bucket_query(check, copy_rows(check->copy)));

	check_result(SPI_execute(sql, true, 1), SPI_OK_SELECT);
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

/* Rows of one side by key; those with equal keys are numbered. */
static char *
keyed_query(const Check *check, const char *rows, const char *which)
{
	const char *values = copy_values(check->copy, "q.", false);

	return psprintf(
		"SELECT q.*, k.k, k.d, pg_catalog.row_number() OVER"
		" (PARTITION BY k.k ORDER BY k.d) AS n FROM (%s) q,"
		" LATERAL (SELECT %s AS k, spine.digest_row(%s) AS d OFFSET 0) k%s%s",
		rows, copy_key_object(check->copy, "q."), values,
		which ? " WHERE " : "", which ? which : "");
}

/* The names of columns in which two rows differ, as a jsonb array. */
static char *
differing_columns(const Copy *copy)
{
	StringInfoData sql;
	ListCell	  *lc;

	initStringInfo(&sql);
	foreach (lc, copy->columns)
	{
		int n = foreach_current_index(lc) + 1;

		appendStringInfo(&sql,
						 "%sCASE WHEN spine.digest_row(s.v%d)"
						 " <> spine.digest_row(c.v%d) THEN %s END",
						 n > 1 ? ", " : "", n, n,
						 quote_literal_cstr(
							 ((CopyColumn *) lfirst(lc))->name));
	}
	return psprintf("pg_catalog.to_jsonb(pg_catalog.array_remove(ARRAY[%s]::"
					"pg_catalog.text[], NULL))",
					sql.data);
}

/* A datum of the current result in the check's own memory. */
static Datum
keep_datum(const Check *check, int column, bool byval, int16 len)
{
	bool  isnull;
	Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
								column, &isnull);
	MemoryContext own =
		MemoryContextSwitchTo(GetMemoryChunkContext((void *) check));

	if (!isnull)
		value = datumCopy(value, byval, len);
	MemoryContextSwitchTo(own);
	return isnull ? (Datum) 0 : value;
}

/* Tell the differing rows among those of a condition, or among all. */
static void
find_differences(Check *check, const char *which)
{
	const Copy *copy = check->copy;
	bool		isnull;
	char	   *sql = psprintf(
			  "WITH s AS (%s), c AS (%s), d AS (SELECT coalesce(s.k, c.k) AS k,"
					" CASE WHEN c.k IS NULL THEN 'missing' WHEN s.k IS NULL THEN 'extra'"
					" ELSE 'changed' END AS kind, CASE WHEN s.k IS NOT NULL"
					" AND c.k IS NOT NULL THEN %s END AS columns,"
					" CASE WHEN s.k IS NOT NULL THEN coalesce(s.identity, s.d)"
					" ELSE coalesce(c.identity, c.d) END AS identity FROM s FULL JOIN c ON s.k = c.k AND s.n = c.n"
					" WHERE s.d IS DISTINCT FROM c.d),"
					" told AS (SELECT k, (pg_catalog.array_agg(kind ORDER BY kind))[1]"
					" AS kind, (pg_catalog.array_agg(columns ORDER BY kind))[1] AS columns,"
					" pg_catalog.max(identity) AS identity FROM d GROUP BY k LIMIT %d)"
					" SELECT (SELECT pg_catalog.count(*) FROM d), pg_catalog.array_agg(k),"
					" pg_catalog.array_agg(kind::pg_catalog.text),"
					" pg_catalog.array_agg(columns), pg_catalog.array_agg(identity)"
					" FROM told",
			  keyed_query(check, copy_source_rows(copy), which),
			  keyed_query(check, copy_rows(copy), which), differing_columns(copy),
			  MOST_TOLD);

	check_result(SPI_execute(sql, true, 1), SPI_OK_SELECT);
	check->differing =
		DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
									SPI_tuptable->tupdesc, 1, &isnull));
	check->keys = keep_datum(check, 2, false, -1);
	check->kinds = keep_datum(check, 3, false, -1);
	check->columns = keep_datum(check, 4, false, -1);
	check->identities = keep_datum(check, 5, false, -1);
}

/* ---- the modes ---- */

static void
compare_counts(Check *check)
{
	check->rows_sot = count_side(copy_source_rows(check->copy));
	check->rows_copy = count_side(copy_rows(check->copy));
	check->differing = check->rows_sot > check->rows_copy ?
		check->rows_sot - check->rows_copy :
		check->rows_copy - check->rows_sot;
}

static void
compare_sample(Check *check)
{
	char *sample = sample_condition(check);

	digest_side(check, copy_source_rows(check->copy), sample, &check->rows_sot,
				&check->digest_sot);
	digest_side(check, copy_rows(check->copy), sample, &check->rows_copy,
				&check->digest_copy);
	if (strcmp(check->digest_sot, check->digest_copy) != 0)
		find_differences(check,
						 psprintf("spine.digest_bucket(1000000, %s) < %s",
								  copy_values(check->copy, "q.", true),
								  strrchr(sample, '<') + 2));
}

static void
compare_digests(Check *check)
{
	check->complete = true;
	digest_side(check, copy_source_rows(check->copy), NULL, &check->rows_sot,
				&check->digest_sot);
	digest_side(check, copy_rows(check->copy), NULL, &check->rows_copy,
				&check->digest_copy);
	if (strcmp(check->digest_sot, check->digest_copy) != 0)
		find_differences(
			check,
			psprintf("spine.digest_bucket(%d, %s) = ANY (%s::int[])", BUCKETS,
					 copy_values(check->copy, "q.", true),
					 quote_literal_cstr(differing_buckets(check))));
}

static void
compare_rows(Check *check)
{
	check->complete = true;
	check->rows_sot = count_side(copy_source_rows(check->copy));
	check->rows_copy = count_side(copy_rows(check->copy));
	find_differences(check, NULL);
}

static void
compare_sides(Check *check)
{
	switch (check->mode)
	{
		case MODE_COUNT:
			compare_counts(check);
			break;
		case MODE_SAMPLE:
			compare_sample(check);
			break;
		case MODE_DIGEST:
			compare_digests(check);
			break;
		case MODE_ROWS:
			compare_rows(check);
			break;
	}
}

/* A snapshot is never updated: it is compared with itself of earlier. */
static void
read_snapshot(Check *check)
{
	check->complete = true;
	digest_side(check, copy_rows(check->copy), NULL, &check->rows_copy,
				&check->digest_copy);
	check->rows_sot = check->rows_copy;
}

static bool
is_snapshot(const Check *check)
{
	return strcmp(check->copy->spec->section, "snapshots") == 0;
}

static void
compare(Check *check)
{
	int settings;

	check->copy = copy_open(check->placement);
	check->shape = shape_fingerprint(check->copy->spec->section,
									 check->copy->dataset->relation,
									 check->copy->entry, true);
	require_answerable(check->copy);
	check_side(check->copy->sot);
	check_side(check->copy->rel);

	settings = careful_settings();
	SPI_connect();
	if (is_snapshot(check))
		read_snapshot(check);
	else
		compare_sides(check);
	SPI_finish();
	AtEOXact_GUC(false, settings);
	copy_close(check->copy);
}

/*
 * Compare in a subtransaction: that sides cannot be compared is a verdict.
 */
static void
try_compare(Check *check)
{
	MemoryContext mcxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(mcxt);
	PG_TRY();
	{
		compare(check);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(mcxt);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(mcxt);
		CurrentResourceOwner = owner;
		if (error->sqlerrcode != ERRCODE_SPINE_INCOMPARABLE &&
			error->sqlerrcode != ERRCODE_FEATURE_NOT_SUPPORTED)
			ReThrowError(error);
		check->verdict = "incomparable";
		check->why = error->detail ? error->detail : error->message;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(mcxt);
	CurrentResourceOwner = owner;
}

/* ---- keeping account ---- */

/* Rows that differ now: new suspects, old ones, and those long enough so. */
static const char suspect_sql[] =
	"WITH now AS (SELECT u.k, u.kind, u.columns, u.identity FROM ROWS FROM ("
	"pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5),"
	" pg_catalog.unnest($6)) u(k, kind, columns, identity)),"
	" again AS (UPDATE spine.drift_log d SET last_seen = $7, last_run = $2,"
	" kind = n.kind, columns = n.columns, identity = n.identity,"
	" first_seen = CASE WHEN d.confirmed_at IS NULL"
	" AND d.identity IS DISTINCT FROM n.identity THEN $7"
	" ELSE d.first_seen END,"
	" confirmed_at = CASE WHEN d.confirmed_at IS NULL"
	" AND d.identity IS NOT DISTINCT FROM n.identity"
	" AND d.first_seen + $8::interval <= $7 THEN $7 ELSE d.confirmed_at END"
	" FROM now n WHERE d.placement = $1 AND d.closed_at IS NULL"
	" AND d.key = n.k RETURNING d.key)"
	" INSERT INTO spine.drift_log (placement, key, kind, columns, first_run,"
	" last_run, first_seen, last_seen, identity, confirmed_at)"
	" SELECT $1, n.k, n.kind, n.columns, $2, $2, $7, $7, n.identity,"
	" CASE WHEN $8::interval <= '0'::interval THEN $7 END FROM now n"
	" WHERE NOT EXISTS (SELECT FROM again a WHERE a.key = n.k)";

/* What is open and no longer differs is proved equal. */
static const char close_sql[] =
	"UPDATE spine.drift_log d SET closed_at = $3, closed_run = $2"
	" WHERE d.placement = $1 AND d.closed_at IS NULL"
	" AND d.last_run <> $2";

static const char verdict_sql[] =
	"SELECT CASE WHEN pg_catalog.count(*) FILTER (WHERE confirmed_at IS NOT"
	" NULL) > 0 THEN 'drift' ELSE 'lagging' END FROM spine.drift_log"
	" WHERE placement = $1 AND closed_at IS NULL AND last_run = $2";

static Datum
array_or_empty(Datum array, Oid type)
{
	return array ? array : PointerGetDatum(construct_empty_array(type));
}

static void
note_suspects(const Check *check)
{
	Oid	  types[] = {TEXTOID,		INT8OID,	  JSONBARRAYOID,  TEXTARRAYOID,
					 JSONBARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID, TEXTOID};
	Datum values[] = {CStringGetTextDatum(check->placement),
					  Int64GetDatum(check->run_id),
					  array_or_empty(check->keys, JSONBOID),
					  array_or_empty(check->kinds, TEXTOID),
					  array_or_empty(check->columns, JSONBOID),
					  array_or_empty(check->identities, TEXTOID),
					  TimestampTzGetDatum(check->started),
					  CStringGetTextDatum(
						  check->copy->max_lag ? check->copy->max_lag : "0")};

	check_result(SPI_execute_with_args(suspect_sql, lengthof(types), types,
									   values, NULL, false, 0),
				 SPI_OK_INSERT);
}

static void
close_proved(const Check *check)
{
	Oid	  types[] = {TEXTOID, INT8OID, TIMESTAMPTZOID};
	Datum values[] = {CStringGetTextDatum(check->placement),
					  Int64GetDatum(check->run_id),
					  TimestampTzGetDatum(check->started)};

	check_result(SPI_execute_with_args(close_sql, lengthof(types), types,
									   values, NULL, false, 0),
				 SPI_OK_UPDATE);
}

static const char *
read_verdict(const Check *check)
{
	Oid	  types[] = {TEXTOID, INT8OID};
	Datum values[] = {CStringGetTextDatum(check->placement),
					  Int64GetDatum(check->run_id)};

	check_result(SPI_execute_with_args(verdict_sql, lengthof(types), types,
									   values, NULL, false, 1),
				 SPI_OK_SELECT);
	return strcmp(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
							   1),
				  "drift") == 0 ?
		"drift" :
		"lagging";
}

/* Take the next number, and the lock under which runs of a copy follow one
 * another. */
static void
begin_run(Check *check)
{
	Oid	  types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID, LSNOID};
	Datum values[] = {CStringGetTextDatum(check->placement),
					  CStringGetTextDatum(check->mode_name),
					  TimestampTzGetDatum(check->started),
					  LSNGetDatum(check->as_of)};
	bool  isnull;

	check_result(
		SPI_execute_with_args(
			"SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended("
			"'spine.check_replica ' || $1, 0))",
			1, types, values, NULL, false, 1),
		SPI_OK_SELECT);
	check_result(
		SPI_execute_with_args(
			"INSERT INTO spine.check_log (placement, mode, started_at,"
			" as_of_lsn) VALUES ($1, $2, $3, $4) RETURNING run_id",
			lengthof(types), types, values, NULL, false, 1),
		SPI_OK_INSERT_RETURNING);
	check->run_id =
		DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
									SPI_tuptable->tupdesc, 1, &isnull));
}

static Datum
text_or_null(const char *text, char *null)
{
	*null = text ? ' ' : 'n';
	return text ? CStringGetTextDatum(text) : (Datum) 0;
}

static void
end_run(const Check *check)
{
	Oid	  types[] = {INT8OID, TEXTOID, TEXTOID, INT8OID, INT8OID,
					 INT8OID, TEXTOID, TEXTOID, BOOLOID};
	char  nulls[] = "         ";
	Datum values[lengthof(types)];
	bool  compared = strcmp(check->verdict, "incomparable") != 0;

	values[0] = Int64GetDatum(check->run_id);
	values[1] = CStringGetTextDatum(check->verdict);
	values[2] = text_or_null(check->why, &nulls[2]);
	values[3] = Int64GetDatum(check->rows_sot);
	values[4] = Int64GetDatum(check->rows_copy);
	values[5] = Int64GetDatum(check->differing);
	if (!compared)
		nulls[3] = nulls[4] = nulls[5] = 'n';
	values[6] = text_or_null(check->digest_sot, &nulls[6]);
	values[7] = text_or_null(check->digest_copy, &nulls[7]);
	values[8] = BoolGetDatum(check->complete);
	check_result(SPI_execute_with_args(
					 "UPDATE spine.check_log SET verdict = $2, why = $3,"
					 " rows_sot = $4, rows_replica = $5, drifted = $6,"
					 " digest_sot = $7, digest_replica = $8, complete = $9,"
					 " finished_at = pg_catalog.clock_timestamp()"
					 " WHERE run_id = $1",
					 lengthof(types), types, values, nulls, false, 0),
				 SPI_OK_UPDATE);
}

/* Is a snapshot as it was when it was first seen? */
static const char *
verdict_of_snapshot(const Check *check)
{
	Oid	  types[] = {TEXTOID, TEXTOID};
	Datum values[] = {CStringGetTextDatum(check->placement),
					  CStringGetTextDatum(check->digest_copy)};
	bool  isnull;
	bool  same;

	check_result(
		SPI_execute_with_args(
			"SELECT coalesce((SELECT digest_replica = $2 FROM spine.check_log"
			" WHERE placement = $1 AND digest_replica IS NOT NULL AND complete"
			" ORDER BY run_id LIMIT 1), true)",
			2, types, values, NULL, false, 1),
		SPI_OK_SELECT);
	same = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0],
									  SPI_tuptable->tupdesc, 1, &isnull));
	return same ? "equal" : "drift";
}

/* What the differences mean, after noting them. */
static const char *
settle_verdict(const Check *check)
{
	if (is_snapshot(check))
		return verdict_of_snapshot(check);
	if (check->differing == 0)
		return "equal";
	/* Which rows they are, and since when, a count cannot tell. */
	if (check->mode == MODE_COUNT)
		return check->copy->max_lag ? "lagging" : "drift";
	note_suspects(check);
	return read_verdict(check);
}

/* Tell who keeps watch over copies. */
static void
tell_watch(const Check *check)
{
	CheckDone done = {0};
	bool	  compared = strcmp(check->verdict, "incomparable") != 0;

	done.placement = check->placement;
	done.dataset = check->copy ? check->copy->dataset->key : NULL;
	done.shape = check->shape;
	done.mode = check->mode_name;
	done.verdict = check->verdict;
	done.run_id = check->run_id;
	done.rows = compared ? check->rows_sot : -1;
	done.complete = check->complete && compared;
	done.started = check->started;
	done.as_of = check->as_of;
	proof_note(&done);
}

/* Write down what came out, as the extension's owner. */
static void
keep_account(Check *check)
{
	ActAs before = act_as(extension_owner(), false);

	SPI_connect();
	begin_run(check);
	if (check->verdict == NULL)
		check->verdict = settle_verdict(check);
	if (check->complete && check->differing <= MOST_TOLD)
		close_proved(check);
	end_run(check);
	tell_watch(check);
	SPI_finish();
	act_done(&before);
}

/* ---- the function ---- */

static CheckMode
mode_of(const char *name)
{
	static const char *const names[] = {"count", "sample", "digest", "rows"};

	for (int i = 0; i < (int) lengthof(names); i++)
		if (strcmp(names[i], name) == 0)
			return (CheckMode) i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no mode \"%s\" of comparing", name),
			 errhint("Modes are count, sample, digest and rows.")));
}

static Datum
result_row(FunctionCallInfo fcinfo, const Check *check)
{
	TupleDesc desc;
	Datum	  values[8];
	bool	  nulls[8] = {false};
	bool	  compared = strcmp(check->verdict, "incomparable") != 0;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		/* cannot happen */
		elog(ERROR, "return type must be a row type");
	values[0] = Int64GetDatum(check->run_id);
	values[1] = CStringGetTextDatum(check->verdict);
	values[2] = Int64GetDatum(check->rows_sot);
	values[3] = Int64GetDatum(check->rows_copy);
	values[4] = Int64GetDatum(check->differing);
	nulls[2] = nulls[3] = nulls[4] = !compared;
	nulls[5] = true;
	values[6] = CStringGetTextDatum(check->mode_name);
	values[7] = LSNGetDatum(check->as_of);
	return HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* spine.check_replica(placement, mode): see docs/consistency.md. */
Datum
spine_check_replica(PG_FUNCTION_ARGS)
{
	Check *check = palloc0(sizeof(Check));

	check->placement = text_to_cstring(PG_GETARG_TEXT_PP(0));
	check->mode_name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	check->mode = mode_of(check->mode_name);
	check->started = GetCurrentTimestamp();
	PreventCommandIfReadOnly("spine.check_replica");
	PreventCommandDuringRecovery("spine.check_replica");
	check->as_of = GetXLogInsertRecPtr();
	try_compare(check);
	keep_account(check);
	PG_RETURN_DATUM(result_row(fcinfo, check));
}
