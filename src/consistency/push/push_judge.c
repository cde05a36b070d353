/*-------------------------------------------------------------------------
 *
 * push_judge.c
 *		spine.push_digest: what digests that another store computed say of
 *		its copy.
 *
 * The copy was read at some time between as_of and now, and shows the source
 * as it was at some time between as_of - max_lag and now.  So a bucket that
 * differs is drift, whatever the lag, if nobody wrote its rows in the source
 * from before as_of - max_lag until now (the versions of its rows, as seen
 * then and now, are the same), and if it has not more rows than the source's:
 * else rows that came and went in between, which nobody saw, may be the ones
 * too many.  Those are believed to be drift once the very same digest was
 * pushed twice, with a look at the source and max_lag between.
 *
 * Invariant: what is known of the copy is known as of as_of, never of later.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "base/own_lock.h"
#include "base/rights.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "consistency/check/proof.h"
#include "consistency/push/push.h"
#include "consistency/check/shape.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(spine_push_digest);

/* ---- who may, and what ---- */

static bool
acts_for_party(const char *party)
{
	return party != NULL && acts_for(GetUserId(), catalog_party_role(party));
}

/* Who answers for the data, or for the copy, or for all data. */
static void
require_answerable(const SpecPlacement *placement)
{
	const SpecDataset *dataset = placement->dataset;

	if (is_spine_admin(GetUserId()) ||
		acts_for(GetUserId(), get_role_oid("spine_steward", true)) ||
		acts_for_party(dataset->standing) ||
		acts_for_party(jb_get_text(placement->entry, "owner")) ||
		acts_for_party(jb_get_text(dataset->definition, "steward")))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to push digests of copy \"%s\"",
					placement->key),
			 errdetail("The owner and the steward of \"%s\", the owner of the "
					   "copy, spine_steward and spine_admin may do so.",
					   dataset->key)));
}

static SpecPlacement *
find_placement(const char *key)
{
	SpecPlacement *placement = catalog_placement(key);

	if (placement == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no copy \"%s\"", key),
				 errdetail("Copies are named as context.dataset.placement."),
				 errhint("The view spine.topology lists all of them.")));
	return placement;
}

/*
 * Only a snapshot that is taken now is younger than what was pushed.
 */
static void
check_transaction(void)
{
	PreventCommandIfReadOnly("spine.push_digest");
	PreventCommandDuringRecovery("spine.push_digest");
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("pushed digests are only compared in isolation level "
						"READ COMMITTED"),
				 errdetail("This transaction would see the source as it was "
						   "before the copy was read.")));
}

static void
check_as_of(TimestampTz as_of)
{
	if (TIMESTAMP_NOT_FINITE(as_of) || as_of > GetCurrentTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("as_of must not be in the future"),
				 errdetail("It is when reading of the copy began."),
				 errhint("Ask this server for the time before reading the "
						 "copy.")));
}

static Relation
open_source(const SpecPlacement *placement)
{
	const char *why = NULL;
	Oid			relid = InvalidOid;

	if (strcmp(placement->section, "derived") == 0)
		why = "What is derived has no rows of the source.";
	else if (placement->source == NULL || !placement->source->here ||
			 placement->source_locator == NULL)
		why = "Its source of truth is in another store.";
	else
	{
		relid = spec_relation_oid(placement->source_locator);
		if (!OidIsValid(relid))
			why = psprintf("The relation %s of the source is not here.",
						   placement->source_locator);
	}
	if (why != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SPINE_INCOMPARABLE),
				 errmsg("copy \"%s\" cannot be compared", placement->key),
				 errdetail("%s", why)));
	return relation_open(relid, AccessShareLock);
}

/* ---- comparing ---- */

static bool
is_snapshot(const Push *push)
{
	return strcmp(push->placement->section, "snapshots") == 0;
}

static const char *
max_lag(const Push *push)
{
	char	   *lag = jb_get_text(push->placement->entry, "max_lag");

	return lag ? lag : "0";
}

static void
arg_time(SpiArgs *args, TimestampTz time)
{
	spi_arg(args, TIMESTAMPTZOID, TimestampTzGetDatum(time), false);
}

static void
arg_arrays(SpiArgs *args, Datum row_counts, Datum digests)
{
	spi_arg(args, INT8ARRAYOID, row_counts, false);
	spi_arg(args, TEXTARRAYOID, digests, false);
}

/* What was known before must not be replaced by what is older. */
static void
check_order(const Push *push)
{
	SpiArgs		args = {0};

	spi_arg_text(&args, push->placement->key);
	arg_time(&args, push->as_of);
	if (spi_run("SELECT FROM spine.push_log WHERE placement = $1"
				" AND as_of > $2",
				&args, SPI_OK_SELECT) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("as_of is before that of an earlier push")));
}

/* Note what the source has, where it is not what was seen before. */
static void
note_source(const Push *push)
{
	static const char sql[] =
		"INSERT INTO spine.push_source AS s (placement, buckets, bucket, rows,"
		" digest, versions, since)"
		" SELECT $1, $2, u.b - 1, u.n, u.d, u.v, $3 FROM ROWS FROM ("
		"pg_catalog.unnest($4), pg_catalog.unnest($5), pg_catalog.unnest($6))"
		" WITH ORDINALITY u(n, d, v, b)"
		" ON CONFLICT ON CONSTRAINT push_source_pkey DO UPDATE"
		" SET rows = EXCLUDED.rows, digest = EXCLUDED.digest,"
		" versions = EXCLUDED.versions, since = EXCLUDED.since"
		" WHERE (s.rows, s.digest, s.versions)"
		" IS DISTINCT FROM (EXCLUDED.rows, EXCLUDED.digest, EXCLUDED.versions)";
	SpiArgs		args = {0};

	spi_arg_text(&args, push->placement->key);
	spi_arg_int4(&args, push->nbuckets);
	arg_time(&args, push->judged_at);
	arg_arrays(&args, push->source_row_counts, push->source_digests);
	spi_arg(&args, TEXTARRAYOID, push->source_versions, false);
	spi_run(sql, &args, SPI_OK_INSERT);
}

/* Another number of buckets could not be compared with the first ones. */
static void
check_buckets(const Push *push)
{
	SpiArgs		args = {0};

	spi_arg_text(&args, push->placement->key);
	if (spi_run("SELECT buckets FROM spine.push_source WHERE placement = $1"
				" LIMIT 1",
				&args, SPI_OK_SELECT) > 0 &&
		spi_int4(0, 1, 0) != push->nbuckets)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("pushed digests have 1 error"),
				 errdetail("/buckets: must be %d, as when the snapshot was "
						   "first pushed [bad_number]",
						   spi_int4(0, 1, 0))));
}

/* A snapshot is never updated: its source is itself, as it was first seen. */
static void
note_snapshot(Push *push)
{
	MemoryContext mcxt = GetMemoryChunkContext(push);
	SpiArgs		args = {0};

	check_buckets(push);
	spi_arg_text(&args, push->placement->key);
	spi_arg_int4(&args, push->nbuckets);
	arg_arrays(&args, push->row_counts, push->digests);
	spi_run("INSERT INTO spine.push_source (placement, buckets, bucket, rows,"
			" digest, versions, since)"
			" SELECT $1, $2, u.b - 1, u.n, u.d, '', '-infinity'"
			" FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4))"
			" WITH ORDINALITY u(n, d, b)"
			" ON CONFLICT ON CONSTRAINT push_source_pkey DO NOTHING",
			&args, SPI_OK_INSERT);
	spi_run("SELECT pg_catalog.array_agg(rows ORDER BY bucket),"
			" pg_catalog.array_agg(digest ORDER BY bucket)"
			" FROM spine.push_source WHERE placement = $1 AND buckets = $2"
			" AND $3 IS NOT NULL AND $4 IS NOT NULL",
			&args, SPI_OK_SELECT);
	push->source_row_counts = spi_keep(mcxt, 0, 1);
	push->source_digests = spi_keep(mcxt, 0, 2);
	push->source_total =
		push_total(push->source_row_counts, push->source_digests);
}

/* ---- keeping account ---- */

static void
begin_run(Push *push)
{
	SpiArgs		args = {0};

	spi_arg_text(&args, push->placement->key);
	arg_time(&args, push->as_of);
	spi_arg(&args, LSNOID, LSNGetDatum(push->as_of_lsn), false);
	spi_run("INSERT INTO spine.check_log (placement, mode, started_at,"
			" as_of_lsn) VALUES ($1, 'digest', $2, $3) RETURNING run_id",
			&args, SPI_OK_INSERT_RETURNING);
	push->run_id = spi_int8(0, 1, 0);
}

/* Buckets that differ: new suspects, and old ones that are so still. */
static void
note_suspects(Push *push)
{
	static const char sql[] =
		"WITH now AS (SELECT pg_catalog.jsonb_build_object('bucket', s.bucket,"
		" 'of', s.buckets) AS k, CASE WHEN u.n < s.rows THEN 'missing'"
		" WHEN u.n > s.rows THEN 'extra' ELSE 'changed' END AS kind,"
		" s.versions || ' ' || u.d AS identity,"
		" s.since <= $4 - $5::interval AND ($8 OR u.n <= s.rows OR EXISTS ("
		"SELECT FROM spine.push_log l WHERE l.placement = $1"
		" AND l.buckets = $2 AND l.judged_at <= $4 - $5::interval"
		" AND s.since <= l.as_of - $5::interval"
		" AND l.row_counts[s.bucket + 1] = u.n"
		" AND l.digests[s.bucket + 1] = u.d)) AS sure"
		" FROM ROWS FROM (pg_catalog.unnest($6), pg_catalog.unnest($7))"
		" WITH ORDINALITY u(n, d, b) JOIN spine.push_source s"
		" ON s.placement = $1 AND s.buckets = $2 AND s.bucket = u.b - 1"
		" WHERE (u.n, u.d) IS DISTINCT FROM (s.rows, s.digest)),"
		" again AS (UPDATE spine.drift_log d SET last_seen = $4,"
		" last_run = $3, kind = n.kind, identity = n.identity,"
		" confirmed_at = coalesce(d.confirmed_at, CASE WHEN n.sure THEN $4 END)"
		" FROM now n WHERE d.placement = $1 AND d.closed_at IS NULL"
		" AND d.key = n.k RETURNING d.key),"
		" new AS (INSERT INTO spine.drift_log (placement, key, kind, first_run,"
		" last_run, first_seen, last_seen, identity, confirmed_at)"
		" SELECT $1, n.k, n.kind, $3, $3, $4, $4, n.identity,"
		" CASE WHEN n.sure THEN $4 END FROM now n"
		" WHERE NOT EXISTS (SELECT FROM again a WHERE a.key = n.k))"
		" SELECT pg_catalog.count(*) FROM now";
	SpiArgs		args = {0};

	spi_arg_text(&args, push->placement->key);
	spi_arg_int4(&args, push->nbuckets);
	spi_arg_int8(&args, push->run_id);
	arg_time(&args, push->as_of);
	spi_arg_text(&args, max_lag(push));
	arg_arrays(&args, push->row_counts, push->digests);
	spi_arg_bool(&args, is_snapshot(push));
	spi_run(sql, &args, SPI_OK_SELECT);
	push->differing = spi_int8(0, 1, 0);
}

/*
 * Close what is proved equal: all, if nothing differs; else buckets of which
 * the ones that were pushed are parts, none of which differs.
 */
static void
close_proved(const Push *push)
{
	static const char sql[] =
		"UPDATE spine.drift_log d SET closed_at = $3, closed_run = $2"
		" WHERE d.placement = $1 AND d.closed_at IS NULL AND d.last_run <> $2"
		" AND ($5 OR CASE WHEN pg_catalog.jsonb_typeof(d.key->'of') = 'number'"
		" AND pg_catalog.jsonb_typeof(d.key->'bucket') = 'number'"
		" THEN $4 % (d.key->>'of')::numeric = 0"
		" AND NOT EXISTS (SELECT FROM spine.drift_log o"
		" WHERE o.placement = $1 AND o.closed_at IS NULL AND o.last_run = $2"
		" AND (o.key->>'bucket')::numeric % (d.key->>'of')::numeric"
		" = (d.key->>'bucket')::numeric) END)";
	SpiArgs		args = {0};

	spi_arg_text(&args, push->placement->key);
	spi_arg_int8(&args, push->run_id);
	arg_time(&args, push->as_of);
	spi_arg_int4(&args, push->nbuckets);
	spi_arg_bool(&args, push->differing == 0);
	spi_run(sql, &args, SPI_OK_UPDATE);
}

static void
read_verdict(Push *push)
{
	SpiArgs		args = {0};

	spi_arg_text(&args, push->placement->key);
	spi_run("SELECT CASE WHEN pg_catalog.count(confirmed_at) > 0 THEN 'drift'"
			" WHEN pg_catalog.count(*) > 0 THEN 'lagging' ELSE 'equal' END"
			" FROM spine.drift_log WHERE placement = $1 AND closed_at IS NULL",
			&args, SPI_OK_SELECT);
	push->verdict = spi_keep_text(GetMemoryChunkContext(push), 0, 1);
}

static void
end_run(const Push *push)
{
	SpiArgs		args = {0};
	char		sot[DIGEST_DIGITS + 1];
	char		copy[DIGEST_DIGITS + 1];

	hash128_print(push->source_total.sum, sot);
	hash128_print(push->total.sum, copy);
	spi_arg_int8(&args, push->run_id);
	spi_arg_text(&args, push->verdict);
	spi_arg_int8(&args, push->source_total.rows);
	spi_arg_int8(&args, push->total.rows);
	spi_arg_int8(&args, push->differing);
	spi_arg_text(&args, sot);
	spi_arg_text(&args, copy);
	spi_run("UPDATE spine.check_log SET verdict = $2, rows_sot = $3,"
			" rows_replica = $4, drifted = $5, digest_sot = $6,"
			" digest_replica = $7, complete = true, finished_at = started_at"
			" WHERE run_id = $1",
			&args, SPI_OK_UPDATE);
}

/* Tell who keeps watch over copies. */
static void
tell_watch(const Push *push)
{
	const SpecPlacement *placement = push->placement;
	CheckDone	done = {0};

	done.placement = placement->key;
	done.dataset = placement->dataset->key;
	done.shape = push->shape;
	done.mode = "digest";
	done.verdict = push->verdict;
	done.run_id = push->run_id;
	done.rows = push->source_total.rows;
	done.complete = true;
	done.started = push->as_of;
	done.as_of = push->as_of_lsn;
	proof_note(&done);
}

/* Compare, as the extension's owner, and write down what came out. */
static void
judge(Push *push)
{
	ActAs		before = act_as(extension_owner(), false);

	SPI_connect();
	if (is_snapshot(push))
		note_snapshot(push);
	else
		note_source(push);
	begin_run(push);
	note_suspects(push);
	close_proved(push);
	read_verdict(push);
	end_run(push);
	tell_watch(push);
	SPI_finish();
	act_done(&before);
}

/* ---- pushing ---- */

/* The last few pushes keep their buckets, see note_suspects. */
static void
log_push(const Push *push)
{
	char	   *user = GetUserNameFromId(GetUserId(), false);
	ActAs		before = act_as(extension_owner(), false);
	SpiArgs		args = {0};

	SPI_connect();
	spi_arg_text(&args, push->placement->key);
	spi_arg_text(&args, user);
	arg_time(&args, push->as_of);
	arg_time(&args, push->judged_at);
	spi_arg_int4(&args, push->nbuckets);
	spi_arg_texts(&args, push->columns);
	arg_arrays(&args, push->row_counts, push->digests);
	spi_arg_bool(&args, push->differing == 0);
	spi_run("INSERT INTO spine.push_log (placement, pushed_by, as_of,"
			" judged_at, buckets, columns, row_counts, digests, equal)"
			" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
			&args, SPI_OK_INSERT);
	spi_run("UPDATE spine.push_log SET row_counts = NULL, digests = NULL"
			" WHERE placement = $1 AND digests IS NOT NULL AND id <= ("
			"SELECT l.id FROM spine.push_log l WHERE l.placement = $1"
			" ORDER BY l.id DESC OFFSET 32 LIMIT 1)",
			&args, SPI_OK_UPDATE);
	SPI_finish();
	act_done(&before);
}

/* What was compared; see shape.h. */
static char *
shape_of(const SpecPlacement *placement)
{
	return shape_fingerprint(placement->section, placement->source_locator,
							 placement->entry, false);
}

/* Read the source and compare; others that would have to wait. */
static void
judge_with(Push *push, const List *columns, Relation source)
{
	ActAs		before = act_as(extension_owner(), false);

	SPI_connect();
	own_lock(OWN_LOCK_CHECK, push->placement->key);
	check_order(push);
	SPI_finish();
	act_done(&before);
	push->as_of_lsn = GetXLogInsertRecPtr();
	if (!is_snapshot(push))
		push_read_source(push, columns, source);
	push->shape = shape_of(push->placement);
	push->judged_at = GetCurrentTimestamp();
	judge(push);
}

char *
push_age(const Push *push)
{
	Datum age =
		DirectFunctionCall2(timestamp_mi, TimestampTzGetDatum(push->judged_at),
							TimestampTzGetDatum(push->as_of));

	return DatumGetCString(DirectFunctionCall1(interval_out, age));
}

static Datum
result_row(FunctionCallInfo fcinfo, const Push *push)
{
	TupleDesc	desc;
	Datum		values[8];
	bool		nulls[8] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		/* cannot happen */
		elog(ERROR, "return type must be a row type");
	values[0] = Int64GetDatum(push->run_id);
	values[1] = CStringGetTextDatum(push->verdict);
	values[2] = Int64GetDatum(push->source_total.rows);
	values[3] = Int64GetDatum(push->total.rows);
	values[4] = Int64GetDatum(push->differing);
	values[5] =
		DirectFunctionCall2(timestamp_mi, TimestampTzGetDatum(push->judged_at),
							TimestampTzGetDatum(push->as_of));
	values[6] = CStringGetTextDatum("pushed");
	values[7] = LSNGetDatum(push->as_of_lsn);
	return HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* spine.push_digest(placement, buckets, as_of): see
 * docs/consistency-push.md. */
Datum
spine_push_digest(PG_FUNCTION_ARGS)
{
	Push	   *push = palloc0(sizeof(Push));
	Relation	source;
	List	   *columns;

	check_transaction();
	push->placement = find_placement(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	require_answerable(push->placement);
	push->as_of = PG_GETARG_TIMESTAMPTZ(2);
	check_as_of(push->as_of);
	source = open_source(push->placement);
	columns = push_columns(push->placement, source);
	push_read(push, columns, PG_GETARG_JSONB_P(1));
	judge_with(push, columns, source);
	log_push(push);
	relation_close(source, NoLock);
	PG_RETURN_DATUM(result_row(fcinfo, push));
}

/* ---- judging again ---- */

static List *
texts_of(Datum array)
{
	List	   *texts = NIL;
	Datum	   *elements;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, NULL, &n);
	for (int i = 0; i < n; i++)
		texts = lappend(texts, TextDatumGetCString(elements[i]));
	return texts;
}

/* What was pushed last of a placement; NULL: nothing. */
static Push *
read_last(const SpecPlacement *placement)
{
	Push	   *push = palloc0(sizeof(Push));
	MemoryContext mcxt = CurrentMemoryContext;
	ActAs		before = act_as(extension_owner(), false);
	SpiArgs		args = {0};
	Datum		columns = (Datum) 0;
	bool		found;

	push->placement = placement;
	SPI_connect();
	spi_arg_text(&args, placement->key);
	found = spi_run("SELECT as_of, buckets, columns, row_counts, digests,"
					" equal FROM spine.push_log"
					" WHERE placement = $1 ORDER BY id DESC LIMIT 1",
					&args, SPI_OK_SELECT) > 0;
	if (found)
	{
		push->as_of = DatumGetTimestampTz(spi_value(0, 1, NULL));
		push->nbuckets = spi_int4(0, 2, 1);
		columns = spi_keep(mcxt, 0, 3);
		push->row_counts = spi_keep(mcxt, 0, 4);
		push->digests = spi_keep(mcxt, 0, 5);
		push->equal = spi_bool(0, 6, false);
	}
	SPI_finish();
	act_done(&before);
	if (found)
		push->columns = texts_of(columns);
	return found ? push : NULL;
}

/* What was found equal stays so as of then, whatever the source does since. */
static void
repeat_proof(Push *push)
{
	ActAs		before = act_as(extension_owner(), false);

	SPI_connect();
	push->source_total = push->total;
	push->judged_at = GetCurrentTimestamp();
	push->shape = shape_of(push->placement);
	push->as_of_lsn = GetXLogInsertRecPtr();
	push->verdict = "equal";
	begin_run(push);
	end_run(push);
	tell_watch(push);
	SPI_finish();
	act_done(&before);
}

Push *
push_judge_last(const SpecPlacement *placement)
{
	Push	   *push;
	Relation	source;

	check_transaction();
	require_answerable(placement);
	push = read_last(placement);
	if (push == NULL)
		return NULL;
	push->total = push_total(push->row_counts, push->digests);
	if (push->equal)
	{
		repeat_proof(push);
		return push;
	}
	source = open_source(placement);
	judge_with(push, push_columns(placement, source), source);
	relation_close(source, NoLock);
	return push;
}
