/*-------------------------------------------------------------------------
 *
 * watch.c
 *		The job watch_replicas: what changed about copies, and what somebody
 *		should look at.
 *
 * All of it is derived from what stands in tables at that moment: an alert is
 * open while its condition holds and is resolved when it does not, whoever
 * checked, repaired or changed the document meanwhile.  A quiet database
 * writes nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/job.h"
#include "catalog/pg_type.h"
#include "catalog/spine_catalog.h"
#include "consistency/jobs/consistency_internal.h"
#include "consistency/check/proof.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "ownership/spine_ownership.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* Copies, or alerts, that one piece takes care of. */
#define MOST_AT_ONCE 500

static void
check_result(int result, int expected)
{
	if (result != expected)
		/* cannot happen */
		elog(ERROR, "could not watch copies: %s",
			 SPI_result_code_string(result));
}

/* A text column of a row of the current result; NULL where it is null. */
static char *
text_column(uint64 row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						column);
}

/* ---- rules that changed ---- */

/* A row that a check holds is left for the next time. */
static const char changed_sql[] =
	"WITH plan AS MATERIALIZED (SELECT placement, dataset, rules"
	" FROM spine.check_plan),"
	" known AS (SELECT s.placement, s.rules FROM spine.check_state s"
	" LEFT JOIN plan p ON p.placement = s.placement"
	" WHERE p.placement IS NULL OR p.rules IS DISTINCT FROM s.rules"
	" FOR UPDATE OF s SKIP LOCKED),"
	" added AS (INSERT INTO spine.check_state (placement, seen_at, rules)"
	" SELECT p.placement, pg_catalog.now(), p.rules FROM plan p"
	" WHERE NOT EXISTS (SELECT FROM spine.check_state s"
	" WHERE s.placement = p.placement)"
	" ON CONFLICT DO NOTHING RETURNING placement),"
	" changed AS (UPDATE spine.check_state s SET rules = p.rules"
	" FROM plan p JOIN known k ON k.placement = p.placement"
	" WHERE s.placement = p.placement"
	" RETURNING s.placement, CASE WHEN k.rules IS NULL THEN 'added'"
	" ELSE 'changed' END AS cause),"
	" removed AS (DELETE FROM spine.check_state s USING known k"
	" WHERE s.placement = k.placement AND NOT EXISTS (SELECT FROM plan p"
	" WHERE p.placement = k.placement) RETURNING s.placement),"
	" asked AS (DELETE FROM spine.check_request r WHERE NOT EXISTS"
	" (SELECT FROM plan p WHERE p.placement = r.placement))"
	" SELECT a.placement, 'added' FROM added a"
	" UNION ALL SELECT c.placement, c.cause FROM changed c"
	" UNION ALL SELECT r.placement, 'removed' FROM removed r"
	" ORDER BY 1";

/* The dataset of a copy, by its name. */
static char *
dataset_of(const char *placement)
{
	List *parts = asset_key_parts(placement);

	return list_length(parts) == 3 ?
		asset_key(linitial(parts), lsecond(parts), NULL) :
		NULL;
}

/* Keep a row for each copy of the document, and tell of new rules. */
static void
follow_rules(void)
{
	check_result(SPI_execute(changed_sql, false, 0), SPI_OK_SELECT);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char *placement = text_column(i, 1);

		proof_signal("SyncUpdated", dataset_of(placement), placement,
					 text_column(i, 2), NULL);
	}
}

/* ---- lag ---- */

/*
 * What slots of this server know of the subscribers that they feed; once a
 * minute, and while something is read from them or not.
 */
static const char sample_sql[] =
	"INSERT INTO spine.replica_sample SELECT s.placement, pg_catalog.now(),"
	" x.lag, x.lag_bytes, x.transactions, x.bytes, x.active"
	" FROM spine.check_state s CROSS JOIN LATERAL ("
	"SELECT pg_catalog.max(coalesce(r.replay_lag, '0')) AS lag,"
	" pg_catalog.max(pg_catalog.pg_current_wal_lsn() - l.confirmed_flush_lsn)"
	"::bigint AS lag_bytes, pg_catalog.sum(t.total_txns)::bigint"
	" AS transactions, pg_catalog.sum(t.total_bytes)::bigint AS bytes,"
	" pg_catalog.bool_and(l.active) AS active"
	" FROM pg_catalog.pg_replication_slots l"
	" LEFT JOIN pg_catalog.pg_stat_replication r ON r.pid = l.active_pid"
	" LEFT JOIN pg_catalog.pg_stat_replication_slots t"
	" ON t.slot_name = l.slot_name"
	" WHERE l.slot_name::text = ANY (s.slots) HAVING count(*) > 0) x"
	" WHERE s.slots IS NOT NULL AND NOT EXISTS (SELECT FROM"
	" spine.replica_sample y WHERE y.placement = s.placement"
	" AND y.sampled_at > pg_catalog.now() - '1 min'::interval)";

/* Since when a copy has been further behind than it may be. */
static const char over_sql[] =
	"WITH c AS MATERIALIZED (SELECT placement,"
	" coalesce(lag > max_lag, false) AS over FROM spine.consistency)"
	" UPDATE spine.check_state s SET over_since = CASE WHEN k.over"
	" THEN pg_catalog.now() END FROM (SELECT t.placement, c.over"
	" FROM spine.check_state t JOIN c ON c.placement = t.placement WHERE (t.over_since IS NOT NULL) <> c.over"
	" FOR UPDATE OF t SKIP LOCKED) k WHERE s.placement = k.placement";

/* ---- alerts ---- */

static const char alerts_sql[] =
	"WITH c AS MATERIALIZED (TABLE spine.consistency),"
	" p AS MATERIALIZED (SELECT placement, owner, dataset_owner, runbook,"
	" policy, automatic FROM spine.check_plan),"
	" wanted AS (SELECT x.kind, c.dataset, c.placement, x.severity,"
	" pg_catalog.array_remove(ARRAY[p.owner, nullif(p.dataset_owner, p.owner)],"
	" NULL) AS parties, p.runbook, x.detail"
	" FROM c JOIN p ON p.placement = c.placement"
	" LEFT JOIN spine.check_state s ON s.placement = c.placement"
	" CROSS JOIN LATERAL (VALUES"
	/* what the job is about to repair is nobody's business yet */
	" ('replica_drift', 'page', (c.drift_open > 0 OR s.last_verdict = 'drift')"
	" AND (p.policy <> 'auto' OR NOT p.automatic"
	" OR s.mended_run IS NOT DISTINCT FROM s.last_run),"
	" pg_catalog.jsonb_build_object('rows', c.drift_open,"
	" 'run_id', c.last_run)),"
	" ('replica_lag', 'ticket', s.over_since + c.max_lag"
	" <= pg_catalog.now(), pg_catalog.jsonb_build_object('since',"
	" s.over_since, 'max_lag', c.max_lag)),"
	" ('replica_proof', 'ticket', coalesce(c.last_proof, s.seen_at)"
	" + c.max_age < pg_catalog.now(), pg_catalog.jsonb_build_object("
	"'last_proof', c.last_proof, 'max_age', c.max_age)),"
	" ('replica_unreachable', 'ticket', s.last_verdict = 'unreachable',"
	" pg_catalog.jsonb_build_object('run_id', c.last_run)),"
	" ('replica_check', 'ticket', s.failures >= 3"
	" OR s.last_verdict = 'incomparable', pg_catalog.jsonb_build_object("
	"'failures', s.failures, 'sqlstate', CASE WHEN s.failures > 0"
	" THEN s.last_sqlstate END, 'verdict', s.last_verdict)),"
	" ('replica_repair', 'ticket', s.mend_sqlstate IS NOT NULL"
	" AND c.drift_open > 0, pg_catalog.jsonb_build_object('sqlstate',"
	" s.mend_sqlstate, 'rows', c.drift_open)))"
	" x(kind, severity, holds, detail) WHERE x.holds),"
	" open AS (SELECT a.kind, a.dataset, a.rule FROM spine.alert a"
	" WHERE a.resolved_at IS NULL AND a.kind = ANY ('{replica_drift,"
	"replica_lag,replica_proof,replica_unreachable,replica_check,replica_repair}'))"
	" SELECT 'raise', w.kind, w.dataset, w.placement, w.severity, w.runbook,"
	" w.parties, w.detail FROM wanted w WHERE NOT EXISTS (SELECT FROM open o"
	" WHERE o.kind = w.kind AND o.dataset = w.dataset"
	" AND o.rule = w.placement)"
	" UNION ALL SELECT 'resolve', o.kind, o.dataset, o.rule, NULL, NULL, NULL,"
	" NULL FROM open o WHERE NOT EXISTS (SELECT FROM wanted w"
	" WHERE o.kind = w.kind AND o.dataset = w.dataset"
	" AND o.rule = w.placement) ORDER BY 4, 2";

/* A text[] column as a List of char *. */
static List *
texts_column(uint64 row, int column)
{
	bool   isnull;
	Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
								column, &isnull);
	Datum *elements;
	int	   n;
	List  *texts = NIL;

	if (isnull)
		return NIL;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, NULL, &n);
	for (int i = 0; i < n; i++)
		texts = lappend(texts, TextDatumGetCString(elements[i]));
	return texts;
}

/* Raise or resolve what a row of the query says. */
static void
keep_alert(uint64 row)
{
	AlertEvent event = {0};
	bool	   isnull;

	event.kind = text_column(row, 2);
	event.dataset = text_column(row, 3);
	event.rule = text_column(row, 4);
	if (strcmp(text_column(row, 1), "resolve") == 0)
	{
		alert_resolve(event.kind, event.dataset, event.rule);
		return;
	}
	event.severity = text_column(row, 5);
	event.runbook = text_column(row, 6);
	event.parties = texts_column(row, 7);
	event.detail = SPI_getbinval(SPI_tuptable->vals[row],
								 SPI_tuptable->tupdesc, 8, &isnull);
	alert_raise(&event);
}

/* Returns whether there are more than one piece takes care of. */
static bool
keep_alerts(void)
{
	check_result(SPI_execute(alerts_sql, false, MOST_AT_ONCE), SPI_OK_SELECT);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		CHECK_FOR_INTERRUPTS();
		keep_alert(i);
	}
	return SPI_processed == MOST_AT_ONCE;
}

/* ---- the job ---- */

static bool
work_watch(void)
{
	follow_rules();
	check_result(SPI_execute(sample_sql, false, 0), SPI_OK_INSERT);
	check_result(SPI_execute(over_sql, false, 0), SPI_OK_UPDATE);
	return keep_alerts();
}

void
watch_copies_init(void)
{
	static const Job watch =
		{"watch_replicas",
		 "Tells of copies that changed, drift, lag behind, "
		 "or have not been proved for too long.",
		 5, false, work_watch};

	job_register(&watch);
}
