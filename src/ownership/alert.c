/*-------------------------------------------------------------------------
 *
 * alert.c
 *		Alerts: rows stuck in a state, and whatever else needs somebody.
 *
 * Two jobs.  "alerts" looks for rows that have been in a state for longer
 * than a rule of their dataset allows, and for alerts that are no longer
 * true.  "announce_alerts" tells the world of new alerts and the next party
 * of those that nobody acknowledged.  Announcing is apart so that an alert may
 * be raised by any transaction, also one that will be prepared.
 *
 * Rows of governed tables are read as the table's owner in a restricted
 * operation: casts and functions of the table's types are code of others.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/table.h"
#include "access/xact.h"
#include "base/job.h"
#include "base/rights.h"
#include "catalog/pg_type.h"
#include "catalog/spine_catalog.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "ownership/alert.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(spine_acknowledge_alert);

/* Stuck rows of one rule that are looked at, oldest first. */
#define MOST_STUCK 10000

/* One rule of a dataset's lifecycle.alerts. */
typedef struct AlertRule
{
	const SpecDataset *dataset;
	const char		  *name;
	const char		  *state;
	const char		  *longer_than; /* duration */
	const char		  *severity;
	List			  *parties; /* of char * */
	const char		  *runbook; /* or NULL */
} AlertRule;

/* Rows that are stuck by a rule, as two arrays of the same length. */
typedef struct StuckRows
{
	Datum		keys;	/* jsonb[] */
	Datum		since;	/* timestamptz[] */
	bool		cut;	/* there are more, which came later than */
	TimestampTz latest; /* this */
} StuckRows;

/* A statement of ours went wrong in a way that it cannot. */
static void
check_result(int result, int expected)
{
	if (result != expected)
		/* cannot happen */
		elog(ERROR, "could not keep alerts: %s",
			 SPI_result_code_string(result));
}

/* ---- raising and resolving ---- */

static Datum
text_or_null(const char *text, char *null)
{
	*null = text ? ' ' : 'n';
	return text ? CStringGetTextDatum(text) : (Datum) 0;
}

/* A List of char * as text[]. */
static Datum
text_array(const List *texts)
{
	Datum	 *elements = palloc(sizeof(Datum) * (list_length(texts) + 1));
	int		  n = 0;
	ListCell *lc;

	foreach (lc, texts)
		elements[n++] = CStringGetTextDatum(lfirst(lc));
	return PointerGetDatum(
		construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* The index alert_open_idx, which dedupes, cannot be named as a constraint. */
static const char raise_sql[] =
	"WITH again AS (UPDATE spine.alert SET detail = $8"
	" WHERE resolved_at IS NULL AND kind = $1 AND rule = $3"
	" AND coalesce(dataset, '') = coalesce($2, '')"
	" AND pg_catalog.md5(coalesce(key::text, ''))"
	" = pg_catalog.md5(coalesce($4::text, '')) RETURNING 1)"
	" INSERT INTO spine.alert (raised_at, kind, dataset, rule, key, state,"
	" severity, assigned_to, escalate_after, escalate_at, runbook, detail)"
	" SELECT pg_catalog.now(), $1, $2, $3, $4, $5, $6, $7, '1 hour',"
	" pg_catalog.now() + '1 hour'::interval, $9, $8"
	" WHERE NOT EXISTS (TABLE again) ON CONFLICT DO NOTHING";

void
alert_raise(const AlertEvent *event)
{
	Oid	  types[] = {TEXTOID, TEXTOID,		TEXTOID,  JSONBOID, TEXTOID,
					 TEXTOID, TEXTARRAYOID, JSONBOID, TEXTOID};
	Datum values[lengthof(types)];
	char  nulls[] = "         ";
	ActAs before = act_as(extension_owner(), false);

	values[0] = text_or_null(event->kind, &nulls[0]);
	values[1] = text_or_null(event->dataset, &nulls[1]);
	values[2] = text_or_null(event->rule, &nulls[2]);
	values[3] = event->key;
	nulls[3] = event->key ? ' ' : 'n';
	values[4] = text_or_null(event->state, &nulls[4]);
	values[5] =
		CStringGetTextDatum(event->severity ? event->severity : "ticket");
	values[6] = text_array(event->parties);
	values[7] = event->detail;
	nulls[7] = event->detail ? ' ' : 'n';
	values[8] = text_or_null(event->runbook, &nulls[8]);

	SPI_connect();
	check_result(SPI_execute_with_args(raise_sql, lengthof(types), types,
									   values, nulls, false, 0),
				 SPI_OK_INSERT);
	SPI_finish();
	act_done(&before);
	job_request_at_commit();
}

void
alert_resolve(const char *kind, const char *dataset, const char *rule)
{
	Oid	  types[] = {TEXTOID, TEXTOID, TEXTOID};
	Datum values[lengthof(types)];
	char  nulls[] = "   ";
	ActAs before = act_as(extension_owner(), false);

	values[0] = CStringGetTextDatum(kind);
	values[1] = text_or_null(dataset, &nulls[1]);
	values[2] = CStringGetTextDatum(rule);
	SPI_connect();
	check_result(SPI_execute_with_args(
					 "UPDATE spine.alert SET resolved_at = pg_catalog.now()"
					 " WHERE resolved_at IS NULL AND kind = $1 AND rule = $3"
					 " AND coalesce(dataset, '') = coalesce($2, '')",
					 lengthof(types), types, values, nulls, false, 0),
				 SPI_OK_UPDATE);
	SPI_finish();
	act_done(&before);
}

/* ---- the rules ---- */

/* Who a rule tells: those that it names, or the state's owner. */
static List *
rule_parties(const SpecDataset *dataset, const JsonbContainer *rule,
			 const char *state)
{
	List	  *parties = jb_get_texts(rule, "to");
	SpecState *spec;

	if (parties != NIL)
		return parties;
	spec = spec_state(dataset->lifecycle, state);
	if (spec != NULL && spec->owner != NULL)
		return list_make1(unconstify(char *, spec->owner));
	return dataset->standing ?
		list_make1(unconstify(char *, dataset->standing)) :
		NIL;
}

/* The rules of a dataset (List of AlertRule). */
static List *
dataset_rules(const SpecDataset *dataset)
{
	const JsonbContainer *alerts =
		jb_get_object(jb_get_object(dataset->definition, "lifecycle"),
					  "alerts");
	List	  *rules = NIL;
	JbCursor   cursor;
	JsonbValue key;
	JsonbValue value;

	if (alerts == NULL || dataset->lifecycle == NULL ||
		dataset->relation == NULL || dataset->enforcement == ENFORCEMENT_OFF)
		return NIL;
	jb_walk(&cursor, alerts);
	while (jb_next_member(&cursor, &key, &value))
	{
		AlertRule			 *rule = palloc0(sizeof(AlertRule));
		const JsonbContainer *object;

		if (!jb_is_object(&value))
			continue;
		object = value.val.binary.data;
		rule->dataset = dataset;
		rule->name = jb_text(&key);
		rule->state = jb_get_text(object, "state");
		rule->longer_than = jb_get_text(object, "longer_than");
		rule->severity = jb_get_text(object, "severity");
		rule->runbook = jb_get_text(object, "runbook");
		rule->parties = rule_parties(dataset, object, rule->state);
		rules = lappend(rules, rule);
	}
	return rules;
}

/* ---- finding rows ---- */

/*
 * Turn a subquery of the columns k (jsonb) and s (timestamptz), oldest first,
 * into one row of arrays.
 */
static char *
collecting(const char *rows)
{
	return psprintf("SELECT pg_catalog.array_agg(q.k ORDER BY q.s),"
					" pg_catalog.array_agg(q.s ORDER BY q.s),"
					" pg_catalog.count(*), pg_catalog.max(q.s)"
					" FROM (%s ORDER BY s LIMIT %d) q",
					rows, MOST_STUCK);
}

/* The moment that rows must be older than, as SQL. */
static char *
cutoff(const AlertRule *rule)
{
	return psprintf("(pg_catalog.now() - %s::pg_catalog.interval)",
					quote_literal_cstr(rule->longer_than));
}

/* Rows of a table that keeps the time itself. */
static char *
table_query(const AlertRule *rule, Relation rel)
{
	const SpecLifecycle *lifecycle = rule->dataset->lifecycle;
	const char			*since = quote_identifier(lifecycle->entered_at);
	StringInfoData		 key;
	ListCell			*lc;

	initStringInfo(&key);
	foreach (lc, spec_key_columns(rule->dataset, rel))
		appendStringInfo(&key, "%s%s, t.%s", key.len > 0 ? ", " : "",
						 quote_literal_cstr(lfirst(lc)),
						 quote_identifier(lfirst(lc)));
	return psprintf(
		"SELECT pg_catalog.jsonb_build_object(%s) AS k, t.%s AS s FROM %s t"
		" WHERE t.%s OPERATOR(pg_catalog.=) %s"
		" AND t.%s OPERATOR(pg_catalog.<) %s",
		key.data, since,
		quote_qualified_identifier(get_namespace_name(
									   RelationGetNamespace(rel)),
								   RelationGetRelationName(rel)),
		quote_identifier(lifecycle->governing),
		quote_literal_cstr(rule->state), since, cutoff(rule));
}

/* Rows whose time spine keeps. */
static char *
side_query(const AlertRule *rule)
{
	return psprintf("SELECT e.key AS k, e.entered_at AS s"
					" FROM spine.state_entry e WHERE e.dataset = %s"
					" AND e.state = %s AND e.entered_at < %s",
					quote_literal_cstr(rule->dataset->key),
					quote_literal_cstr(rule->state), cutoff(rule));
}

/* Run the query and take its arrays along; they live in the SPI context. */
static void
collect(const char *rows, StuckRows *stuck)
{
	bool	  isnull;
	HeapTuple row;
	TupleDesc desc;

	check_result(SPI_execute(collecting(rows), true, 1), SPI_OK_SELECT);
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	stuck->keys = SPI_getbinval(row, desc, 1, &isnull);
	if (isnull)
		stuck->keys = PointerGetDatum(construct_empty_array(JSONBOID));
	stuck->since = SPI_getbinval(row, desc, 2, &isnull);
	if (isnull)
		stuck->since = PointerGetDatum(construct_empty_array(TIMESTAMPTZOID));
	stuck->cut =
		DatumGetInt64(SPI_getbinval(row, desc, 3, &isnull)) >= MOST_STUCK;
	stuck->latest = DatumGetTimestampTz(SPI_getbinval(row, desc, 4, &isnull));
}

/* Find the rows that a rule speaks of; false if the table is not here. */
static bool
find_stuck(const AlertRule *rule, StuckRows *stuck)
{
	Oid		 relid = spec_relation_oid(rule->dataset->relation);
	Relation rel;
	char	*rows;
	ActAs	 before;

	if (rule->dataset->lifecycle->entered_at == NULL)
	{
		collect(side_query(rule), stuck);
		return true;
	}
	rel = OidIsValid(relid) ? try_table_open(relid, AccessShareLock) : NULL;
	if (rel == NULL)
		return false;
	rows = table_query(rule, rel);
	before = act_as(rel->rd_rel->relowner, true);
	collect(rows, stuck);
	act_done(&before);
	table_close(rel, NoLock);
	return true;
}

/* ---- keeping the alerts true ---- */

static const char resolve_sql[] =
	"UPDATE spine.alert a SET resolved_at = pg_catalog.now()"
	" WHERE a.resolved_at IS NULL AND a.kind = 'stuck_state'"
	" AND a.dataset = $1 AND a.rule = $2"
	" AND ($5 IS NULL OR a.since < $5)"
	" AND NOT EXISTS (SELECT FROM ROWS FROM (pg_catalog.unnest($3),"
	" pg_catalog.unnest($4)) u(k, s) WHERE u.k = a.key AND u.s = a.since)";

static const char insert_sql[] =
	"INSERT INTO spine.alert (raised_at, kind, dataset, rule, key, state,"
	" since, severity, assigned_to, escalate_after, escalate_at, runbook)"
	" SELECT pg_catalog.now(), 'stuck_state', $1, $2, u.k, $6, u.s, $7, $8,"
	" $9::interval, pg_catalog.now() + $9::interval, $10"
	" FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4)) u(k, s)"
	" WHERE NOT EXISTS (SELECT FROM spine.alert a"
	" WHERE a.resolved_at IS NULL AND a.kind = 'stuck_state'"
	" AND a.dataset = $1 AND a.rule = $2 AND a.key = u.k)"
	" ORDER BY u.s ON CONFLICT DO NOTHING";

/*
 * Resolve alerts of rows that are no longer stuck, raise those that are new.
 * A row that left and came back is a new one.
 */
static void
keep_alerts(const AlertRule *rule, const StuckRows *stuck)
{
	Oid types[] = {TEXTOID,		   TEXTOID, JSONBARRAYOID, TIMESTAMPTZARRAYOID,
				   TIMESTAMPTZOID, TEXTOID, TEXTOID,	   TEXTARRAYOID,
				   TEXTOID,		   TEXTOID};
	Datum values[lengthof(types)];
	char  nulls[] = "          ";

	values[0] = CStringGetTextDatum(rule->dataset->key);
	values[1] = CStringGetTextDatum(rule->name);
	values[2] = stuck->keys;
	values[3] = stuck->since;
	values[4] = TimestampTzGetDatum(stuck->latest);
	nulls[4] = stuck->cut ? ' ' : 'n';
	values[5] = CStringGetTextDatum(rule->state);
	values[6] =
		CStringGetTextDatum(rule->severity ? rule->severity : "ticket");
	values[7] = text_array(rule->parties);
	values[8] = CStringGetTextDatum(rule->longer_than);
	values[9] = text_or_null(rule->runbook, &nulls[9]);

	/* Both see what all ten mean, so they take the same ones. */
	check_result(SPI_execute_with_args(resolve_sql, 5, types, values, nulls,
									   false, 0),
				 SPI_OK_UPDATE);
	check_result(SPI_execute_with_args(insert_sql, lengthof(types), types,
									   values, nulls, false, 0),
				 SPI_OK_INSERT);
}

/* ---- how often ---- */

/* A table that takes a while to look through is left alone for twenty times
 * as long, which is more than the usual minute from three seconds on. */
static bool
scan_is_due(const AlertRule *rule)
{
	Oid	  types[] = {TEXTOID, TEXTOID};
	Datum values[] = {CStringGetTextDatum(rule->dataset->key),
					  CStringGetTextDatum(rule->name)};

	check_result(
		SPI_execute_with_args("SELECT FROM spine.alert_scan WHERE dataset = $1"
							  " AND rule = $2 AND took > '3 s'::interval"
							  " AND scanned_at + 20 * took"
							  " > pg_catalog.clock_timestamp()",
							  2, types, values, NULL, true, 1),
		SPI_OK_SELECT);
	return SPI_processed == 0;
}

static void
note_scan(const AlertRule *rule, TimestampTz begun)
{
	Oid	  types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID};
	Datum values[] = {CStringGetTextDatum(rule->dataset->key),
					  CStringGetTextDatum(rule->name),
					  TimestampTzGetDatum(begun)};

	check_result(
		SPI_execute_with_args("INSERT INTO spine.alert_scan VALUES ($1, $2,"
							  " pg_catalog.clock_timestamp(),"
							  " pg_catalog.clock_timestamp() - $3)"
							  " ON CONFLICT (dataset, rule) DO UPDATE SET"
							  " scanned_at = EXCLUDED.scanned_at,"
							  " took = EXCLUDED.took",
							  3, types, values, NULL, false, 0),
		SPI_OK_INSERT);
}

/* ---- the job "alerts" ---- */

static void
look_after_rule(const AlertRule *rule)
{
	TimestampTz begun = GetCurrentTimestamp();
	StuckRows	stuck;

	SPI_connect();
	if (scan_is_due(rule) && find_stuck(rule, &stuck))
	{
		keep_alerts(rule, &stuck);
		note_scan(rule, begun);
	}
	SPI_finish();
}

/* A rule that cannot be looked after: an alert of its own. */
static void
report_rule(const AlertRule *rule, const ErrorData *error)
{
	AlertEvent		 event = {0};
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_text(&state, "sqlstate", unpack_sql_state(error->sqlerrcode));
	event.kind = "job_failed";
	event.dataset = rule->dataset->key;
	event.rule = psprintf("alerts/%s", rule->name);
	event.parties = rule->parties;
	event.detail = JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
	ereport(LOG_SERVER_ONLY,
			(errcode(error->sqlerrcode),
			 errmsg("alert \"%s\" of dataset \"%s\" cannot be looked "
					"after: %s",
					rule->name, rule->dataset->key, error->message)));
	alert_raise(&event);
}

/* One rule; what goes wrong is its own trouble. */
static void
try_rule(const AlertRule *rule)
{
	MemoryContext mcxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		look_after_rule(rule);
		alert_resolve("job_failed", rule->dataset->key,
					  psprintf("alerts/%s", rule->name));
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
	CurrentResourceOwner = owner;
	if (error != NULL)
		report_rule(rule, error);
}

/* Alerts of rules that the document no longer has are over. */
static void
resolve_ruleless(const List *rules)
{
	Oid		  types[] = {TEXTARRAYOID, TEXTARRAYOID};
	Datum	  values[2];
	List	 *datasets = NIL;
	List	 *names = NIL;
	ListCell *lc;

	foreach (lc, rules)
	{
		const AlertRule *rule = lfirst(lc);

		datasets = lappend(datasets, unconstify(char *, rule->dataset->key));
		names = lappend(names, unconstify(char *, rule->name));
	}
	values[0] = text_array(datasets);
	values[1] = text_array(names);
	check_result(SPI_execute_with_args(
					 "UPDATE spine.alert a SET resolved_at = pg_catalog.now()"
					 " WHERE a.resolved_at IS NULL AND a.kind = 'stuck_state'"
					 " AND NOT EXISTS (SELECT FROM ROWS FROM"
					 " (pg_catalog.unnest($1), pg_catalog.unnest($2))"
					 " u(d, r) WHERE u.d = a.dataset AND u.r = a.rule)",
					 2, types, values, NULL, false, 0),
				 SPI_OK_UPDATE);
}

static bool
work_alerts(void)
{
	List	 *rules = NIL;
	ListCell *lc;

	foreach (lc, catalog_local_datasets())
		rules = list_concat(rules, dataset_rules(lfirst(lc)));
	foreach (lc, rules)
	{
		CHECK_FOR_INTERRUPTS();
		try_rule(lfirst(lc));
	}
	resolve_ruleless(rules);
	return false;
}

/* ---- the job "announce_alerts" ---- */

/* Jobs that failed three times in a row, and those that work again. */
static const char failing_jobs_sql[] =
	"INSERT INTO spine.alert (raised_at, kind, rule, severity, assigned_to,"
	" escalate_after, detail)"
	" SELECT pg_catalog.now(), 'job_failed', r.job, 'ticket', '{}', '1 hour',"
	" pg_catalog.jsonb_build_object('sqlstate', r.last_sqlstate)"
	" FROM spine.job_run r WHERE r.failures_in_a_row >= 3"
	" AND NOT EXISTS (SELECT FROM spine.alert a WHERE a.resolved_at IS NULL"
	" AND a.kind = 'job_failed' AND a.dataset IS NULL AND a.rule = r.job)"
	" ON CONFLICT DO NOTHING";

static const char working_jobs_sql[] =
	"UPDATE spine.alert a SET resolved_at = pg_catalog.now()"
	" WHERE a.resolved_at IS NULL AND a.kind = 'job_failed'"
	" AND a.dataset IS NULL AND NOT EXISTS (SELECT FROM spine.job_run r"
	" WHERE r.job = a.rule AND r.failures_in_a_row > 0)";

/* The next party of the escalation lists of those who were told first. */
static const char escalate_sql[] =
	"UPDATE spine.alert a SET escalated_to = CASE WHEN d.next IS NULL"
	" THEN a.escalated_to ELSE a.escalated_to || d.next END,"
	" escalate_at = CASE WHEN d.next IS NOT NULL"
	" THEN pg_catalog.now() + a.escalate_after END,"
	" announced_at = CASE WHEN d.next IS NULL THEN a.announced_at END"
	" FROM (SELECT b.id, (SELECT e.party FROM pg_catalog.unnest(b.assigned_to)"
	" WITH ORDINALITY t(party, i) JOIN spine.party p ON p.party = t.party"
	" CROSS JOIN LATERAL pg_catalog.jsonb_array_elements_text("
	"coalesce(p.definition -> 'escalation', '[]')) WITH ORDINALITY"
	" e(party, j) WHERE e.party <> ALL (b.assigned_to || b.escalated_to)"
	" ORDER BY e.j, t.i LIMIT 1) AS next FROM spine.alert b"
	" WHERE b.resolved_at IS NULL AND b.acknowledged_at IS NULL"
	" AND b.escalate_at <= pg_catalog.now() ORDER BY b.escalate_at"
	" LIMIT 1000) d WHERE d.id = a.id";

static const char announce_sql[] =
	"WITH told AS (UPDATE spine.alert SET announced_at = pg_catalog.now()"
	" WHERE id IN (SELECT id FROM spine.alert WHERE announced_at IS NULL"
	" AND resolved_at IS NULL ORDER BY id LIMIT 1000) RETURNING id)"
	" SELECT pg_catalog.pg_notify('spine_alert', id::text) FROM told"
	" ORDER BY id";

static bool
work_announce(void)
{
	bool more;

	check_result(SPI_execute(failing_jobs_sql, false, 0), SPI_OK_INSERT);
	check_result(SPI_execute(working_jobs_sql, false, 0), SPI_OK_UPDATE);
	check_result(SPI_execute(escalate_sql, false, 0), SPI_OK_UPDATE);
	more = SPI_processed == 1000;
	check_result(SPI_execute(announce_sql, false, 0), SPI_OK_SELECT);
	return more || SPI_processed == 1000;
}

/* ---- spine.acknowledge_alert ---- */

/* Does the user act for one of the parties of a text[]? */
static bool
acts_for_any(Oid user, Datum parties)
{
	Datum *elements;
	int	   n;

	deconstruct_array(DatumGetArrayTypeP(parties), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		Oid role =
			catalog_party_role(text_to_cstring(DatumGetTextPP(elements[i])));

		if (OidIsValid(role) && acts_for(user, role))
			return true;
	}
	return false;
}

static bool
is_spine_steward(Oid user)
{
	Oid role = get_role_oid("spine_steward", true);

	return is_spine_admin(user) || (OidIsValid(role) && acts_for(user, role));
}

/* Who was told may acknowledge; who runs spine may, too. */
static void
check_may_acknowledge(int64 id, Oid user)
{
	Oid	  type = INT8OID;
	Datum value = Int64GetDatum(id);
	bool  isnull;
	Datum parties;

	check_result(SPI_execute_with_args("SELECT assigned_to || escalated_to"
									   " FROM spine.alert WHERE id = $1"
									   " FOR UPDATE",
									   1, &type, &value, NULL, false, 1),
				 SPI_OK_SELECT);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("alert " INT64_FORMAT " does not exist", id)));
	parties = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
							&isnull);
	if (!is_spine_steward(user) && !acts_for_any(user, parties))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" may not acknowledge alert " INT64_FORMAT,
						GetUserNameFromId(user, false), id),
				 errhint("Those who are told of it may: see "
						 "spine.open_alerts.")));
}

/* spine.acknowledge_alert(id bigint, note text DEFAULT NULL) */
Datum
spine_acknowledge_alert(PG_FUNCTION_ARGS)
{
	Oid	  user = GetUserId();
	Oid	  types[] = {INT8OID, TEXTOID, TEXTOID};
	Datum values[lengthof(types)];
	char  nulls[] = "   ";
	bool  done;
	ActAs before;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the alert's id must not be null")));
	before = act_as(extension_owner(), false);
	SPI_connect();
	check_may_acknowledge(PG_GETARG_INT64(0), user);

	values[0] = PG_GETARG_DATUM(0);
	values[1] = CStringGetTextDatum(GetUserNameFromId(user, false));
	nulls[2] = PG_ARGISNULL(1) ? 'n' : ' ';
	values[2] = PG_GETARG_DATUM(1);
	check_result(
		SPI_execute_with_args("UPDATE spine.alert SET acknowledged_by = $2,"
							  " acknowledged_at = pg_catalog.now(), note = $3"
							  " WHERE id = $1 AND acknowledged_at IS NULL",
							  lengthof(types), types, values, nulls, false, 0),
		SPI_OK_UPDATE);
	done = SPI_processed == 1;
	SPI_finish();
	act_done(&before);
	PG_RETURN_BOOL(done);
}

void
alert_init(void)
{
	static const Job look = {"alerts", "Finds rows that are stuck in a state.",
							 60, false, work_alerts};
	static const Job announce =
		{"announce_alerts",
		 "Announces alerts and escalates those that nobody acknowledged.", 0,
		 false, work_announce};

	job_register(&look);
	job_register(&announce);
}
