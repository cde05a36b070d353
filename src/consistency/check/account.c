/*-------------------------------------------------------------------------
 *
 * account.c
 *		What came out of a check, written down.
 *
 * Every check leaves a row in spine.check_log, and each row that differs one
 * in spine.drift_log: a suspect first, drift once it is confirmed, closed by
 * a check that looked at all rows and did not find it any more.  Checks of one
 * copy follow one another here, whatever they did before.
 *
 * A suspect is confirmed at once if the check itself ruled lag out, or when
 * the same version of the source's row (of a row that the source has not, the
 * copy's) has differed for as long as the copy may lag.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/own_lock.h"
#include "base/rights.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "consistency/check/check.h"
#include "consistency/progress.h"
#include "consistency/check/proof.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"

/* Rows that differ now: new suspects, old ones, and those long enough so. */
static const char suspect_sql[] =
	"WITH now AS (SELECT n.* FROM jsonb_to_recordset($3) AS n(key jsonb,"
	" kind text, columns jsonb, identity text, sure boolean, steady boolean,"
	" cause text)),"
	" again AS (UPDATE spine.drift_log d SET last_seen = $4, last_run = $2,"
	" kind = n.kind, columns = n.columns, identity = n.identity,"
	" root_cause = coalesce(d.root_cause, n.cause),"
	" first_seen = CASE WHEN d.confirmed_at IS NULL"
	" AND d.identity IS DISTINCT FROM n.identity THEN $4"
	" ELSE d.first_seen END,"
	" confirmed_at = CASE WHEN d.confirmed_at IS NULL AND (n.sure OR n.steady"
	" AND d.identity IS NOT DISTINCT FROM n.identity"
	" AND d.first_seen + $5::interval <= $4) THEN $4 ELSE d.confirmed_at END"
	" FROM now n WHERE d.placement = $1 AND d.closed_at IS NULL"
	" AND d.key = n.key RETURNING d.key)"
	" INSERT INTO spine.drift_log (placement, key, kind, columns, first_run,"
	" last_run, first_seen, last_seen, identity, confirmed_at, root_cause)"
	" SELECT $1, n.key, n.kind, n.columns, $2, $2, $4, $4, n.identity,"
	" CASE WHEN n.sure OR n.steady AND $5::interval <= '0'::interval THEN $4"
	" END, n.cause FROM now n"
	" WHERE NOT EXISTS (SELECT FROM again a WHERE a.key = n.key)";

/*
 * What is open and no longer differs is proved equal; not what another check
 * saw that began later than this one and ended before it.
 */
static const char close_sql[] =
	"UPDATE spine.drift_log d SET closed_at = $3, closed_run = $2"
	" WHERE d.placement = $1 AND d.closed_at IS NULL"
	" AND d.last_run <> $2 AND d.last_seen <= $3";

static const char verdict_sql[] =
	"SELECT count(*) FILTER (WHERE confirmed_at IS NOT NULL) > 0"
	" FROM spine.drift_log"
	" WHERE placement = $1 AND closed_at IS NULL AND last_run = $2";

/*
 * How old what the copy has reached is, at most: as old as its last
 * transaction, and as the last check before which the source was no further.
 */
static const char lag_sql[] =
	"SELECT (clock_timestamp() - greatest($2::timestamptz,"
	" (SELECT max(started_at) FROM spine.check_log WHERE placement = $1"
	" AND as_of_lsn <= $3)))::text";

/* Since when it has differed, where it does not tell. */
static const char difference_sql[] =
	"SELECT (clock_timestamp() - min(first_seen))::text FROM spine.drift_log"
	" WHERE placement = $1 AND closed_at IS NULL AND confirmed_at IS NULL";

/* ---- suspects ---- */

/*
 * Which versions of the rows are the reason: the source's; where only the
 * copy has rows too many, its own, since the source may have had them for a
 * moment.  Of what is open both may be gone, read at different times.
 */
static const char *
version_of(const Suspect *suspect)
{
	StringInfoData versions;
	int64		missing;
	int64		extra;
	ListCell   *lc;

	compare_suspect(suspect, &missing, &extra);
	initStringInfo(&versions);
	foreach (lc, missing > 0 ? suspect->source : suspect->copy)
	{
		const SameRows *same = lfirst(lc);

		appendStringInfo(&versions, "%s%s %s", versions.len > 0 ? ", " : "",
						 same->identity, same->digest);
	}
	return versions.data;
}

static void
push_columns(JsonbParseState **state, const List *columns)
{
	JsonbValue	key = {.type = jbvString};
	ListCell   *lc;

	key.val.string.val = "columns";
	key.val.string.len = strlen("columns");
	pushJsonbValue(state, WJB_KEY, &key);
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	foreach (lc, columns)
	{
		JsonbValue	name = {.type = jbvString};

		name.val.string.val = lfirst(lc);
		name.val.string.len = strlen(lfirst(lc));
		pushJsonbValue(state, WJB_ELEM, &name);
	}
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

static void
push_suspect(JsonbParseState **state, const Suspect *suspect)
{
	Jsonb	   *key = DatumGetJsonbP(
		DirectFunctionCall1(jsonb_in, CStringGetDatum(suspect->key)));
	JsonbValue	value;

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	JsonbToJsonbValue(key, &value);
	jb_push_value(state, "key", &value);
	jb_push_text(state, "kind", suspect->kind);
	if (suspect->columns != NIL)
		push_columns(state, suspect->columns);
	jb_push_text(state, "identity", version_of(suspect));
	jb_push_bool(state, "sure", suspect->state == SUSPECT_CONFIRMED);
	jb_push_bool(state, "steady", suspect->state == SUSPECT_STEADY);
	if (suspect->cause != NULL)
		jb_push_text(state, "cause", suspect->cause);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* Those that are not equal after all, as a jsonb array. */
static Datum
suspects_as_jsonb(const Check *check)
{
	JsonbParseState *state = NULL;
	ListCell   *lc;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	foreach (lc, check->suspects)
		if (((Suspect *) lfirst(lc))->state != SUSPECT_EQUAL)
			push_suspect(&state, lfirst(lc));
	return JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL)));
}

static void
arg_time(SpiArgs *args, TimestampTz time)
{
	spi_arg(args, TIMESTAMPTZOID, TimestampTzGetDatum(time), false);
}

/* The placement and the run, with which most statements begin. */
static SpiArgs
run_args(const Check *check)
{
	SpiArgs		args = {0};

	spi_arg_text(&args, check->placement);
	spi_arg_int8(&args, check->run_id);
	return args;
}

/*
 * How long the copy may differ.  A source that is a foreign table cannot be
 * read twice in a transaction: it takes a second check to see that it stays.
 */
static const char *
bound(const Check *check)
{
	const Copy *copy = check->copy;

	if (copy->max_lag != NULL)
		return copy->max_lag;
	return copy->source->own_snapshot ? "PT0.000001S" : "PT0S";
}

static void
note_suspects(const Check *check)
{
	SpiArgs		args = run_args(check);

	spi_arg_jsonb(&args, suspects_as_jsonb(check));
	arg_time(&args, check->started);
	spi_arg_text(&args, bound(check));
	(void) spi_run(suspect_sql, &args, SPI_OK_INSERT);
}

static void
close_proved(const Check *check)
{
	SpiArgs		args = run_args(check);

	arg_time(&args, check->started);
	(void) spi_run(close_sql, &args, SPI_OK_UPDATE);
}

/* ---- verdicts ---- */

/* Forget those that were found equal when they were read again. */
static void
drop_equal(Check *check)
{
	ListCell   *lc;

	foreach (lc, check->suspects)
	{
		const Suspect *suspect = lfirst(lc);

		if (suspect->state != SUSPECT_EQUAL)
			continue;
		check->differing -= suspect->differing;
		check->suspects = foreach_delete_current(check->suspects, lc);
	}
}

/* Is a snapshot as it was when it was first seen? */
static const char *
verdict_of_snapshot(const Check *check)
{
	SpiArgs		args = {0};

	spi_arg_text(&args, check->placement);
	spi_arg_text(&args, check->digest_copy);
	(void) spi_read(
		"SELECT coalesce((SELECT digest_replica = $2 FROM spine.check_log"
		" WHERE placement = $1 AND digest_replica IS NOT NULL AND complete"
		" ORDER BY run_id LIMIT 1), true)",
		&args);
	return spi_bool(0, 1, false) ? "equal" : "drift";
}

/* What the differences mean, after noting them. */
static const char *
settle_verdict(Check *check)
{
	SpiArgs		args;

	if (copy_is_snapshot(check->copy))
		return verdict_of_snapshot(check);
	drop_equal(check);
	if (check->differing == 0)
		return "equal";
	/* Which rows they are, and since when, a count cannot tell. */
	if (check->mode == MODE_COUNT)
		return check->copy->max_lag != NULL || check->lag.kind != LAG_NONE ?
			"lagging" :
			"drift";
	note_suspects(check);
	args = run_args(check);
	(void) spi_run(verdict_sql, &args, SPI_OK_SELECT);
	return spi_bool(0, 1, false) ? "drift" : "lagging";
}

/* ---- lag ---- */

/* How far behind the copy is, as text of an interval; NULL: not known. */
static const char *
measure_lag(const Check *check)
{
	MemoryContext mcxt = check->mcxt;
	SpiArgs		args = {0};

	if (!check_compared(check) || copy_is_snapshot(check->copy))
		return NULL;
	spi_arg_text(&args, check->placement);
	if (lag_by_position(check))
	{
		if (check->lag.reached >= check->as_of)
			return "0";
		spi_arg_text(&args, check->lag.replayed_at);
		spi_arg(&args, LSNOID, LSNGetDatum(check->lag.reached), false);
		(void) spi_read(lag_sql, &args);
		return spi_keep_text(mcxt, 0, 1);
	}
	if (strcmp(check->verdict, "equal") == 0)
		return "0";
	(void) spi_run(difference_sql, &args, SPI_OK_SELECT);
	return spi_keep_text(mcxt, 0, 1);
}

/* ---- the run ---- */

/* Take the next number, and the lock under which runs of a copy follow one
 * another. */
static void
begin_run(Check *check)
{
	SpiArgs		args = {0};

	own_lock(OWN_LOCK_CHECK, check->placement);
	spi_arg_text(&args, check->placement);
	spi_arg_text(&args, check->mode_name);
	arg_time(&args, check->started);
	spi_arg(&args, LSNOID, LSNGetDatum(check->as_of), false);
	(void) spi_run("INSERT INTO spine.check_log (placement, mode, started_at,"
				   " as_of_lsn) VALUES ($1, $2, $3, $4) RETURNING run_id",
				   &args, SPI_OK_INSERT_RETURNING);
	check->run_id = spi_int8(0, 1, 0);
}

/* A number that only a comparison has. */
static void
arg_compared(SpiArgs *args, const Check *check, int64 number)
{
	spi_arg(args, INT8OID, Int64GetDatum(number), !check_compared(check));
}

static void
end_run(const Check *check)
{
	SpiArgs		args = {0};

	spi_arg_int8(&args, check->run_id);
	spi_arg_text(&args, check->verdict);
	spi_arg_text(&args, check->why);
	arg_compared(&args, check, check->rows_sot);
	arg_compared(&args, check, check->rows_copy);
	arg_compared(&args, check, check->differing);
	spi_arg_text(&args, check->digest_sot);
	spi_arg_text(&args, check->digest_copy);
	spi_arg_bool(&args, check->complete);
	spi_arg_text(&args, check->method);
	spi_arg_text(&args, check->lag_text);
	spi_arg_int8(&args, (int64) check->wire_bytes);
	(void) spi_run("UPDATE spine.check_log SET verdict = $2, why = $3,"
				   " rows_sot = $4, rows_replica = $5, drifted = $6,"
				   " digest_sot = $7, digest_replica = $8, complete = $9,"
				   " method = $10, lag = $11::interval, wire_bytes = $12,"
				   " finished_at = clock_timestamp() WHERE run_id = $1",
				   &args, SPI_OK_UPDATE);
}

/* Tell who keeps watch over copies. */
static void
tell_watch(const Check *check)
{
	CheckDone	done = {0};
	bool		compared = check_compared(check);

	done.placement = check->placement;
	done.dataset = check->copy->dataset->key;
	done.shape = check->shape;
	done.mode = check->mode_name;
	done.verdict = check->verdict;
	done.run_id = check->run_id;
	done.rows = compared ? check->rows_sot : -1;
	done.complete = check->complete && compared;
	done.started = check->started;
	done.as_of = check->as_of;
	if (check->lag.kind == LAG_LOGICAL)
		done.slots = check->lag.slots;
	proof_note(&done);
}

void
keep_account(Check *check)
{
	ActAs		before = act_as(extension_owner(), false);

	progress_phase(PROGRESS_WRITING, 0);
	SPI_connect();
	begin_run(check);
	if (check->verdict == NULL)
		check->verdict = settle_verdict(check);
	if (check->complete && check->untold == 0)
		close_proved(check);
	check->lag_text = measure_lag(check);
	end_run(check);
	tell_watch(check);
	SPI_finish();
	act_done(&before);
}
