/*-------------------------------------------------------------------------
 *
 * classify.c
 *		Of what kind a difference is, in which columns, and why.
 *
 * Kinds and columns follow from the digests that were read.  Where the source
 * is here and its writes are audited, older versions of its rows are made
 * again from the audit log, newest first: a copy that equals one of them is
 * stale, its sync missed what came after.  What the log says about the time
 * since the copy was last proved equal gives other causes.
 *
 * What the log holds never leaves this file: a version is only digested, as
 * the owner of the source's relation, in a security-restricted operation,
 * since making a row may run what the types of its columns do.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/xact.h"
#include "base/rights.h"
#include "base/spi.h"
#include "consistency/check/check.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"

/* Rows and versions of a row that are looked into, at most. */
#define MOST_TRACED 1000
#define MOST_VERSIONS 100

/* ---- kinds and columns ---- */

/* The first rows that one side has and the other has not. */
static const SameRows *
first_beyond(const List *a, const List *b)
{
	ListCell   *lc;

	foreach (lc, a)
	{
		const SameRows *same = lfirst(lc);
		int64		there = 0;
		ListCell   *lb;

		foreach (lb, b)
			if (strcmp(((SameRows *) lfirst(lb))->digest, same->digest) == 0)
				there = ((SameRows *) lfirst(lb))->count;
		if (same->count > there)
			return same;
	}
	return NULL;
}

/* The next element of an array of hex digits as text; NULL at its end. */
static const char *
next_digits(const char **at, int *length)
{
	const char *start = *at + strspn(*at, "{,}");

	*length = (int) strspn(start, "0123456789abcdef");
	*at = start + *length;
	return *length > 0 ? start : NULL;
}

/* Columns in which two rows differ, by their digests (List of char *). */
static List *
differing_columns(const Copy *copy, const SameRows *a, const SameRows *b)
{
	const char *digests_a = a->columns;
	const char *digests_b = b->columns;
	List	   *columns = NIL;
	ListCell   *lc;

	if (digests_a == NULL || digests_b == NULL)
		return NIL;
	foreach (lc, copy->columns)
	{
		int			la;
		int			lb;
		const char *da = next_digits(&digests_a, &la);
		const char *db = next_digits(&digests_b, &lb);

		if (da == NULL || db == NULL || la != lb || strncmp(da, db, la) != 0)
			columns =
				lappend(columns, (char *) ((CopyColumn *) lfirst(lc))->name);
	}
	return columns;
}

static void
classify(const Copy *copy, Suspect *suspect)
{
	const SameRows *missing = first_beyond(suspect->source, suspect->copy);
	const SameRows *extra = first_beyond(suspect->copy, suspect->source);

	/* Read last at different times, it may look equal by chance. */
	if (missing == NULL && extra == NULL)
		return;
	suspect->kind = missing == NULL ? "extra" :
		extra == NULL				? "missing" :
									  "changed";
	suspect->columns = missing != NULL && extra != NULL ?
		differing_columns(copy, missing, extra) :
		NIL;
}

/* ---- what the audit log says ---- */

/* One audited write of a row. */
typedef struct AuditWrite
{
	char	   *action;
	char	   *old;		/* jsonb as text, or NULL */
	bool		since_proof; /* after the copy was last proved equal? */
} AuditWrite;

/* A suspect whose past is looked into. */
typedef struct Trace
{
	Suspect    *suspect;
	char	   *key;	/* of the source's row, as text of jsonb */
	List	   *writes; /* of AuditWrite, newest first */
} Trace;

/*
 * Writes of these keys ($2: an array of jsonb) that were made since the last
 * proof, and a while before: what had not committed then is after it.
 */
static const char writes_sql[] =
	"WITH p AS (SELECT max(started_at) AS at FROM spine.check_log"
	" WHERE placement = $3 AND complete AND verdict = 'equal'),"
	" k AS (SELECT key, n FROM jsonb_array_elements($2)"
	" WITH ORDINALITY k(key, n))"
	" SELECT k.n, a.action, a.old::text, p.at IS NOT NULL AND a.at >= p.at"
	" FROM p, spine.audit_log a JOIN k ON a.key = k.key"
	" WHERE a.dataset = $1"
	" AND a.at >= coalesce(p.at - interval '1 hour', now() - interval '7 days')"
	" ORDER BY k.n, a.at DESC, a.xid DESC, a.n DESC";

/* May the log be asked for older versions of the source's rows? */
static bool
is_traceable(const Check *check)
{
	const Copy *copy = check->copy;

	return copy->source->rel != NULL && copy->dataset->local &&
		copy->dataset->audit == AUDIT_ALL &&
		copy->dataset->enforcement != ENFORCEMENT_OFF && copy->unique &&
		copy->plain_keys;
}

static bool
is_settled(const Suspect *suspect)
{
	return suspect->state == SUSPECT_CONFIRMED ||
		suspect->state == SUSPECT_STEADY;
}

/* An expression for the source's key of the copy's key k. */
static char *
source_key_object(const Copy *copy)
{
	List	   *names = spec_key_columns(copy->dataset, copy->source->rel);
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach (lc, copy->columns)
	{
		const CopyColumn *column = lfirst(lc);
		ListCell   *ln;

		foreach (ln, names)
			if (column->from != NULL && column->key &&
				strcmp(column->from->name, lfirst(ln)) == 0)
				appendStringInfo(&sql, "%s%s, k.k OPERATOR(pg_catalog.->) %s",
								 sql.len > 0 ? ", " : "",
								 quote_literal_cstr(column->from->name),
								 quote_literal_cstr(column->name));
	}
	return psprintf("pg_catalog.jsonb_build_object(%s)", sql.data);
}

/* The keys of traces as jsonb, and as text of the source's. */
static void
find_source_keys(const Check *check, List *traces)
{
	MemoryContext own = CurrentMemoryContext;
	SpiArgs		args = {0};
	List	   *keys = NIL;
	ListCell   *lc;

	foreach (lc, traces)
		keys = lappend(keys, (char *) ((Trace *) lfirst(lc))->suspect->key);
	spi_arg_texts(&args, keys);
	(void) spi_read(psprintf("SELECT (%s)::pg_catalog.text FROM"
							 " (SELECT u.t::jsonb, u.n FROM"
							 " pg_catalog.unnest($1) WITH ORDINALITY u(t, n))"
							 " k(k, n) ORDER BY k.n",
							 source_key_object(check->copy)),
					&args);
	foreach (lc, traces)
		((Trace *) lfirst(lc))->key =
			spi_keep_text(own, foreach_current_index(lc), 1);
}

/* Read what was written to the rows of traces, as the extension's owner. */
static void
find_writes(const Check *check, List *traces)
{
	MemoryContext own = CurrentMemoryContext;
	ActAs		before = act_as(extension_owner(), false);
	StringInfoData keys;
	SpiArgs		args = {0};
	uint64		n;
	ListCell   *lc;

	initStringInfo(&keys);
	foreach (lc, traces)
		appendStringInfo(&keys, "%s%s", keys.len > 0 ? "," : "[",
						 ((Trace *) lfirst(lc))->key);
	appendStringInfoChar(&keys, ']');
	spi_arg_text(&args, check->copy->dataset->key);
	spi_arg_jsonb(&args,
				  DirectFunctionCall1(jsonb_in, CStringGetDatum(keys.data)));
	spi_arg_text(&args, check->copy->placement);
	n = spi_read(writes_sql, &args);
	for (uint64 i = 0; i < n; i++)
	{
		Trace	   *trace = list_nth(traces, (int) spi_int8(i, 1, 1) - 1);
		MemoryContext spi = MemoryContextSwitchTo(own);
		AuditWrite *write = palloc0(sizeof(AuditWrite));

		write->action = spi_keep_text(own, i, 2);
		write->old = spi_keep_text(own, i, 3);
		write->since_proof = spi_bool(i, 4, false);
		if (list_length(trace->writes) < MOST_VERSIONS)
			trace->writes = lappend(trace->writes, write);
		MemoryContextSwitchTo(spi);
	}
	act_done(&before);
}

/* ---- older versions ---- */

/* The source's row of a key as jsonb text; NULL if it is gone. */
static char *
present_row(const Copy *copy, const char *key)
{
	StringInfoData condition;
	SpiArgs		args = {0};
	ListCell   *lc;

	initStringInfo(&condition);
	foreach (lc, copy->source->key)
		appendStringInfo(&condition, "%srow_.%s = p_.%s",
						 condition.len > 0 ? " AND " : "",
						 quote_identifier(lfirst(lc)),
						 quote_identifier(lfirst(lc)));
	spi_arg_text(&args, key);
	if (spi_read(psprintf("SELECT pg_catalog.to_jsonb(row_)::pg_catalog.text"
						  " FROM %s row_, pg_catalog.jsonb_populate_record("
						  "NULL::%s, $1::jsonb) p_ WHERE %s",
						  copy->source->relation, copy->source->relation,
						  condition.data),
				 &args) != 1)
		return NULL;
	return spi_text(0, 1);
}

/*
 * Go back by one write: the row before it, as jsonb text, and its digest as
 * the copy should have had it, NULL if the filter left it out.
 */
static char *
older_row(const Copy *copy, const char *row, const char *old, char **digest)
{
	List	   *values = NIL;
	SpiArgs		args = {0};
	ListCell   *lc;

	foreach (lc, copy->columns)
		values = lappend(values, (char *) ((CopyColumn *) lfirst(lc))->source);
	spi_arg_text(&args, row ? row : "{}");
	spi_arg_text(&args, old);
	(void) spi_read(
		psprintf("SELECT o.o::pg_catalog.text, (SELECT %s"
				 " FROM pg_catalog.jsonb_populate_record(NULL::%s, o.o) row_"
				 "%s%s%s) FROM (SELECT $1::jsonb OPERATOR(pg_catalog.||)"
				 " $2::jsonb) o(o)",
				 fields_digest(values), copy->source->relation,
				 copy->filter ? " WHERE (" : "",
				 copy->filter ? copy->filter : "", copy->filter ? ")" : ""),
		&args);
	*digest = spi_text(0, 2);
	return spi_text(0, 1);
}

/*
 * Is the copy's row one that the source had before one of the writes?  row is
 * what it has now.
 */
static bool
equals_older_row(const Copy *copy, const Trace *trace, char *row)
{
	const SameRows *extra =
		first_beyond(trace->suspect->copy, trace->suspect->source);
	ListCell   *lc;

	if (extra == NULL)
		return false;
	foreach (lc, trace->writes)
	{
		const AuditWrite *write = lfirst(lc);
		char	   *digest;

		CHECK_FOR_INTERRUPTS();
		if (write->old == NULL)
			return false;
		row = older_row(copy, row, write->old, &digest);
		if (digest != NULL && strcmp(digest, extra->digest) == 0)
			return true;
	}
	return false;
}

/* ---- causes ---- */

static bool
was_written(const Trace *trace, const char *action, bool since_proof)
{
	ListCell   *lc;

	foreach (lc, trace->writes)
	{
		const AuditWrite *write = lfirst(lc);

		if ((action == NULL || strcmp(write->action, action) == 0) &&
			(write->since_proof || !since_proof))
			return true;
	}
	return false;
}

/* Why the copy has not what the source has. */
static void
explain_missing(const Trace *trace, bool proved)
{
	if (was_written(trace, "insert", true))
		trace->suspect->cause = "insert not applied";
	else if (proved && !was_written(trace, NULL, false))
		trace->suspect->cause = "written in the copy";
}

/* Why the copy's row is another one, or one that the source has not. */
static void
explain_other(const Copy *copy, const Trace *trace, bool proved)
{
	Suspect    *suspect = trace->suspect;
	char	   *row = present_row(copy, trace->key);

	if (trace->writes == NIL)
	{
		if (proved)
			suspect->cause = "written in the copy";
	}
	else if (equals_older_row(copy, trace, row))
	{
		suspect->cause = row ? "update not applied" : "delete not applied";
		if (suspect->source != NIL)
			suspect->kind = "stale";
	}
	else if (proved || was_written(trace, "insert", false))
		suspect->cause = "written in the copy";
}

/* Was the copy ever proved equal? */
static bool
was_proved(const Check *check)
{
	ActAs		before = act_as(extension_owner(), false);
	SpiArgs		args = {0};
	bool		proved;

	spi_arg_text(&args, check->copy->placement);
	proved = spi_read("SELECT FROM spine.check_log WHERE placement = $1"
					  " AND complete AND verdict = 'equal' LIMIT 1",
					  &args) > 0;
	act_done(&before);
	return proved;
}

static void
explain(const Check *check, List *traces)
{
	const Copy *copy = check->copy;
	bool		proved = was_proved(check);
	ActAs		before = act_as(copy->source->rel->rd_rel->relowner, true);
	ListCell   *lc;

	foreach (lc, traces)
	{
		const Trace *trace = lfirst(lc);

		if (strcmp(trace->suspect->kind, "missing") == 0)
			explain_missing(trace, proved);
		else
			explain_other(copy, trace, proved);
	}
	act_done(&before);
}

static void
trace_suspects(const Check *check, const List *suspects)
{
	List	   *traces = NIL;
	ListCell   *lc;

	foreach (lc, suspects)
	{
		Trace	   *trace = palloc0(sizeof(Trace));

		trace->suspect = lfirst(lc);
		traces = lappend(traces, trace);
	}
	SPI_connect();
	find_source_keys(check, traces);
	find_writes(check, traces);
	explain(check, traces);
	SPI_finish();
}

/*
 * The same in a subtransaction: that a row of the past cannot be made any
 * more, since a type changed, leaves causes open and nothing worse.
 */
static void
try_trace(const Check *check, const List *suspects)
{
	MemoryContext mcxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(mcxt);
	PG_TRY();
	{
		trace_suspects(check, suspects);
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
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) ==
			ERRCODE_OPERATOR_INTERVENTION)
			ReThrowError(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(mcxt);
	CurrentResourceOwner = owner;
}

void
classify_suspects(Check *check)
{
	List	   *traced = NIL;
	ListCell   *lc;

	foreach (lc, check->suspects)
	{
		Suspect    *suspect = lfirst(lc);

		if (suspect->state == SUSPECT_EQUAL)
			continue;
		classify(check->copy, suspect);
		if (is_settled(suspect) && list_length(traced) < MOST_TRACED)
			traced = lappend(traced, suspect);
	}
	if (traced != NIL && is_traceable(check))
		try_trace(check, traced);
}
