/*-------------------------------------------------------------------------
 *
 * proof.c
 *		What a check leaves behind for who asks later: spine.check_state.
 *
 * A check by hand and one by the job are noted alike, in the transaction of
 * the check: if that is rolled back, nothing was proved and nothing is told.
 *
 * A proof is told of when it is news: the first, one of another shape, one
 * after any other verdict; else once an hour at most, however often the copy
 * is checked, so that the outbox holds what happened and not a clock.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "audit/spine_audit.h"
#include "base/jb.h"
#include "base/rights.h"
#include "catalog/pg_type.h"
#include "consistency/check/proof.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"

/* Milliseconds between two tellings of the same. */
#define TELL_INTERVAL (3600 * 1000)

/* What was known of the copy before. */
typedef struct Known
{
	char	   *proved_shape;	 /* or NULL */
	char	   *announced_shape; /* or NULL */
	TimestampTz announced_at;	 /* DT_NOBEGIN: never */
	bool		broken;
} Known;

static void
check_result(int result, int expected)
{
	if (result != expected)
		/* cannot happen */
		elog(ERROR, "could not note a check: %s",
			 SPI_result_code_string(result));
}

/* ---- signals ---- */

static void
push_number(JsonbParseState **state, const char *key, int64 number)
{
	JsonbValue value;

	value.type = jbvNumeric;
	value.val.numeric = int64_to_numeric(number);
	jb_push_value(state, key, &value);
}

/* What a check found, without a value of any row. */
static void
push_check(JsonbParseState **state, const CheckDone *done)
{
	push_number(state, "run_id", done->run_id);
	jb_push_text(state, "mode", done->mode);
	if (done->rows >= 0)
		push_number(state, "rows", done->rows);
	jb_push_text(state, "as_of_lsn",
				 DatumGetCString(
					 DirectFunctionCall1(pg_lsn_out,
										 LSNGetDatum(done->as_of))));
	if (done->shape != NULL)
		jb_push_text(state, "shape", done->shape);
}

void
proof_signal(const char *topic, const char *dataset, const char *placement,
			 const char *cause, const CheckDone *done)
{
	JsonbParseState *state = NULL;
	OutboxEvent		 event = {0};

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_text(&state, "placement", placement);
	if (cause != NULL)
		jb_push_text(&state, "cause", cause);
	if (done != NULL)
		push_check(&state, done);
	event.kind = "signal";
	event.topic = topic;
	event.dataset = dataset;
	event.payload = JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
	outbox_push(&event);
}

/* ---- what was known ---- */

/* Lock the copy's row, made if need be, and read it. */
static Known
read_known(const CheckDone *done)
{
	Oid		  types[] = {TEXTOID};
	Datum	  values[] = {CStringGetTextDatum(done->placement)};
	Known	  known = {0};
	HeapTuple row;
	TupleDesc desc;
	Datum	  at;
	bool	  isnull;

	check_result(SPI_execute_with_args(
					 "INSERT INTO spine.check_state (placement, seen_at)"
					 " VALUES ($1, pg_catalog.now()) ON CONFLICT DO NOTHING",
					 1, types, values, NULL, false, 0),
				 SPI_OK_INSERT);
	check_result(
		SPI_execute_with_args("SELECT proved_shape, announced_shape,"
							  " announced_at, broken FROM spine.check_state"
							  " WHERE placement = $1 FOR UPDATE",
							  1, types, values, NULL, false, 1),
		SPI_OK_SELECT);
	if (SPI_processed == 0)
		/* a snapshot of earlier does not see it */
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("copy \"%s\" was checked for the first time "
						"concurrently",
						done->placement)));
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	known.proved_shape = SPI_getvalue(row, desc, 1);
	known.announced_shape = SPI_getvalue(row, desc, 2);
	at = SPI_getbinval(row, desc, 3, &isnull);
	known.announced_at = isnull ? DT_NOBEGIN : DatumGetTimestampTz(at);
	known.broken = DatumGetBool(SPI_getbinval(row, desc, 4, &isnull));
	return known;
}

/* ---- noting ---- */

static bool
is_proof(const CheckDone *done)
{
	return done->complete && strcmp(done->verdict, "equal") == 0;
}

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Is a proof something that the world does not know yet? */
static bool
is_news(const CheckDone *done, const Known *known)
{
	return known->announced_at == DT_NOBEGIN || known->broken ||
		!same(known->announced_shape, done->shape) ||
		TimestampDifferenceExceeds(known->announced_at, GetCurrentTimestamp(),
								   TELL_INTERVAL);
}

/* $6: is it a proof?  $7: is it told of? */
static const char note_sql[] =
	"UPDATE spine.check_state SET last_run = $2, last_verdict = $3,"
	" last_started = $4, last_finished = pg_catalog.clock_timestamp(),"
	" checked_shape = CASE WHEN $8 THEN $5 ELSE checked_shape END,"
	" proved_shape = CASE WHEN $6 THEN $5 ELSE proved_shape END,"
	" proved_run = CASE WHEN $6 THEN $2 ELSE proved_run END,"
	" proved_at = CASE WHEN $6 THEN pg_catalog.clock_timestamp()"
	" ELSE proved_at END,"
	" announced_shape = CASE WHEN $7 THEN $5 ELSE announced_shape END,"
	" announced_at = CASE WHEN $7 THEN pg_catalog.clock_timestamp()"
	" ELSE announced_at END,"
	" broken = CASE WHEN $7 THEN false ELSE broken OR $3 <> 'equal' END,"
	" slots = $9::text[], failures = 0, not_before = NULL WHERE placement = $1";

static void
write_note(const CheckDone *done, bool proof, bool news)
{
	Oid	  types[] = {TEXTOID, INT8OID, TEXTOID, TIMESTAMPTZOID, TEXTOID,
					 BOOLOID, BOOLOID, BOOLOID, TEXTOID};
	Datum values[] = {CStringGetTextDatum(done->placement),
					  Int64GetDatum(done->run_id),
					  CStringGetTextDatum(done->verdict),
					  TimestampTzGetDatum(done->started),
					  done->shape ? CStringGetTextDatum(done->shape) : 0,
					  BoolGetDatum(proof),
					  BoolGetDatum(news),
					  BoolGetDatum(done->complete && done->shape != NULL),
					  done->slots ? CStringGetTextDatum(done->slots) : 0};
	char  nulls[] = "         ";

	if (done->shape == NULL)
		nulls[4] = 'n';
	if (done->slots == NULL)
		nulls[8] = 'n';
	check_result(SPI_execute_with_args(note_sql, lengthof(types), types,
									   values, nulls, false, 0),
				 SPI_OK_UPDATE);
}

void
proof_note(const CheckDone *done)
{
	ActAs before = act_as(extension_owner(), false);
	bool  proof = is_proof(done) && done->shape != NULL;
	Known known;
	bool  news;

	SPI_connect();
	known = read_known(done);
	news = proof && is_news(done, &known);
	write_note(done, proof, news);
	if (proof && known.proved_shape != NULL &&
		!same(known.proved_shape, done->shape))
		proof_signal("SyncUpdated", done->dataset, done->placement, "proved",
					 done);
	if (news)
		proof_signal("ConsistencyValidated", done->dataset, done->placement,
					 NULL, done);
	SPI_finish();
	act_done(&before);
}
