/*-------------------------------------------------------------------------
 *
 * compare.c
 *		Comparing both sides of a copy, by a mode.
 *
 * Sides that are both here are read by one snapshot, so that a difference is
 * a fact of that moment.  Otherwise each has a snapshot of its own, and what
 * differs is only suspected: see confirm.c.
 *
 * Invariant: nothing is called complete but a look at all rows of both sides,
 * by digest or one by one.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/relation.h"
#include "catalog/pg_inherits.h"
#include "consistency/check/check.h"
#include "consistency/check/compare.h"
#include "consistency/progress.h"
#include "consistency/check/shape.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/rel.h"

/* Share of the keys that a sample takes where the document says nothing. */
#define SAMPLE_SHARE 0.01
/* A sample is told by buckets: this many of them are all keys. */
#define SAMPLE_BUCKETS 1000000
/* Pages from which on a table here has a page cache: 8 MB. */
#define LEAST_CACHED 1024

/* What the rows of a side are. */
typedef struct Totals
{
	int64		rows;
	char	   *digest; /* NULL: only counted */
	const char *method; /* how they were read */
} Totals;

static char *
rows_of(const Check *check, const Side *side)
{
	return side == check->copy->source ? copy_source_rows(check->copy) :
										 copy_rows(check->copy);
}

static const char *
method_name(const Side *side, const char *method)
{
	return side->remote != NULL ? psprintf("remote %s", method) : method;
}

/* ---- one side ---- */

static Totals
count_rows(const Check *check, Side *side)
{
	RemoteRows *rows = side_query(side,
								  psprintf("SELECT count(*) FROM (%s) q",
										   rows_of(check, side)),
								  0, NULL);
	Totals		totals = {.rows = side_number(rows, 0, 0)};

	totals.method = method_name(side, "count");
	return totals;
}

char *
array_of_names(const List *names)
{
	StringInfoData array;
	ListCell   *lc;

	initStringInfo(&array);
	foreach (lc, names)
	{
		appendStringInfoString(&array, array.len == 0 ? "{\"" : ",\"");
		for (const char *c = lfirst(lc); *c != '\0'; c++)
		{
			if (*c == '"' || *c == '\\')
				appendStringInfoChar(&array, '\\');
			appendStringInfoChar(&array, *c);
		}
		appendStringInfoChar(&array, '"');
	}
	appendStringInfoChar(&array, '}');
	return array.data;
}

/* A cache of a small table costs more than it saves. */
bool
side_uses_cache(const Side *side)
{
	return side->versions && side->pages >= LEAST_CACHED;
}

/* Did the last digest of the side read less than all rows? */
static bool
was_incremental(Side *side)
{
	RemoteRows *rows = side_query(side,
								  "SELECT method IN ('none', 'wal', 'sweep')"
								  " FROM spine.last_incremental()",
								  0, NULL);

	return rows->nrows > 0 && side_true(rows, 0, 0);
}

/* By the relation's own digest, which knows the pages of tables, and which of
 * them changed since it was asked last. */
static Totals
digest_relation(Side *side, const List *columns)
{
	const char *params[] = {side->relation, array_of_names(columns)};
	bool		cached = side_uses_cache(side);
	RemoteRows *rows = side_query(
		side,
		psprintf("SELECT rows, digest FROM spine.%s($1::text::regclass,"
				 " $2::text[])",
				 cached ? "digest_incremental" : "digest"),
		2, params);
	Totals		totals = {0};

	totals.rows = side_number(rows, 0, 0);
	totals.digest = side_value(rows, 0, 1);
	totals.method =
		method_name(side,
					!side->versions						? "query" :
						cached && was_incremental(side) ? "incremental" :
														  "pages");
	return totals;
}

/* By a query; which of the rows is a condition or NULL. */
static Totals
digest_query(const Check *check, Side *side, const char *condition)
{
	RemoteRows *rows =
		side_query(side,
				   psprintf("SELECT count(*), %s FROM (%s) q%s%s",
							copy_digest_agg(check->copy, "q."),
							rows_of(check, side), condition ? " WHERE " : "",
							condition ? condition : ""),
				   0, NULL);
	Totals totals = {.rows = side_number(rows, 0, 0),
					 .digest = side_value(rows, 0, 1)};

	totals.method = method_name(side, "query");
	return totals;
}

/* Tell how much there is to read: pages where they are walked, else rows. */
static void
tell_size(const Side *side, bool pages)
{
	int64		total = 0;

	if (side->rel != NULL && RELKIND_HAS_STORAGE(side->rel->rd_rel->relkind))
		total = pages && side->versions ?
			(int64) RelationGetNumberOfBlocks(side->rel) :
			(int64) Max(side->rel->rd_rel->reltuples, 0);
	progress_phase(PROGRESS_COMPARING, total);
}

static Totals
digest_side(const Check *check, Side *side)
{
	const Copy *copy = check->copy;
	List	   *columns = copy_plain_columns(copy, side);

	/* Both sides in one way: that of wide rows is not the relation's own. */
	if (copy_is_wide(copy, false) && copy->source != NULL &&
		copy_plain_columns(copy, copy->source) == NIL)
		columns = NIL;
	tell_size(side, columns != NIL);
	return columns != NIL ? digest_relation(side, columns) :
							digest_query(check, side, NULL);
}

/* ---- both ---- */

/* Note what both sides are. */
static void
note_totals(Check *check, const Totals *source, const Totals *copy)
{
	check->rows_sot = source->rows;
	check->rows_copy = copy->rows;
	check->digest_sot = source->digest;
	check->digest_copy = copy->digest;
	check->method = strcmp(source->method, copy->method) == 0 ?
		source->method :
		psprintf("%s, %s", source->method, copy->method);
}

static bool
totals_differ(const Totals *a, const Totals *b)
{
	return a->rows != b->rows || strcmp(a->digest, b->digest) != 0;
}

static void
add_method(Check *check, const char *method)
{
	check->method = psprintf("%s; %s", check->method, method);
}

static void
compare_counts(Check *check)
{
	Totals		source = count_rows(check, check->copy->source);
	Totals		copy = count_rows(check, check->copy->target);

	note_totals(check, &source, &copy);
	check->differing =
		Max(source.rows, copy.rows) - Min(source.rows, copy.rows);
}

/* A condition for the rows of a slice of all keys, the same on both sides. */
static char *
sample_condition(const Check *check)
{
	const JsonbContainer *validate =
		jb_get_object(check->copy->entry, "validate");
	double		share = SAMPLE_SHARE;
	JsonbValue	value;

	if (validate != NULL && jb_get(validate, "share", &value) &&
		value.type == jbvNumeric)
		share = DatumGetFloat8(
			DirectFunctionCall1(numeric_float8,
								NumericGetDatum(value.val.numeric)));
	return psprintf("spine.digest_bucket(%d, %s) < %d", SAMPLE_BUCKETS,
					copy_key_fields(check->copy, "q."),
					(int) (share * SAMPLE_BUCKETS));
}

static void
compare_sample(Check *check)
{
	char	   *sample = sample_condition(check);
	Totals		source = digest_query(check, check->copy->source, sample);
	Totals		copy = digest_query(check, check->copy->target, sample);

	note_totals(check, &source, &copy);
	add_method(check, "sample");
	if (totals_differ(&source, &copy))
		locate_all(check, sample);
}

static void
compare_digests(Check *check)
{
	Totals		source = digest_side(check, check->copy->source);
	Totals		copy = digest_side(check, check->copy->target);

	check->complete = true;
	note_totals(check, &source, &copy);
	if (!totals_differ(&source, &copy))
		return;
	progress_phase(PROGRESS_LOCATING, 0);
	add_method(check, locate_quickly(check));
}

static void
compare_rows(Check *check)
{
	Totals		source = count_rows(check, check->copy->source);
	Totals		copy = count_rows(check, check->copy->target);

	check->complete = true;
	note_totals(check, &source, &copy);
	add_method(check, "rows");
	locate_all(check, NULL);
}

/* ---- the copy ---- */

static void
compare_by_mode(Check *check)
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
compare_snapshot(Check *check)
{
	Side	   *side = check->copy->target;
	Totals		totals;

	sides_begin(side, NULL);
	totals = digest_side(check, side);
	sides_end(side, NULL);
	check->complete = true;
	note_totals(check, &totals, &totals);
}

/* Of what one snapshot shows, columns too are read by that snapshot. */
static void
read_columns_of_suspects(Check *check)
{
	if (check->lag.kind != LAG_NONE || check->suspects == NIL)
		return;
	read_suspects(check, check->copy->source, check->suspects);
	read_suspects(check, check->copy->target, check->suspects);
}

/*
 * What this very transaction wrote to the source, no copy elsewhere can have,
 * nor will it if this is rolled back.
 */
static void
refuse_own_writes(const Copy *copy)
{
	ListCell   *lc;

	if (copy->source->rel == NULL ||
		(copy->target->remote == NULL && !copy->target->own_snapshot))
		return;
	foreach (lc,
			 find_all_inheritors(copy->source->relid, AccessShareLock, NULL))
	{
		Relation	rel = relation_open(lfirst_oid(lc), NoLock);

		if (CheckRelationLockedByMe(rel, RowExclusiveLock, true))
			ereport(ERROR,
					(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
					 errmsg("cannot check copy \"%s\" in a transaction that "
							"wrote to its source",
							copy->placement),
					 errdetail("It holds a lock for writing on \"%s\".",
							   RelationGetRelationName(rel)),
					 errhint("Commit first.")));
		relation_close(rel, NoLock);
	}
}

static void
compare_with_source(Check *check)
{
	Copy	   *copy = check->copy;

	refuse_own_writes(copy);
	lag_find(check);
	check->as_of = lag_by_position(check) ? side_sent_position(copy->source) :
											side_position(copy->source);
	sides_begin(copy->source, copy->target);
	compare_by_mode(check);
	read_columns_of_suspects(check);
	sides_end(copy->source, copy->target);
	confirm_suspects(check);
	classify_suspects(check);
	lag_measure(check);
}

void
compare_copy(Check *check)
{
	copy_open(check->copy);
	check->shape =
		shape_fingerprint(check->copy->spec->section,
						  check->copy->dataset->relation, check->copy->entry,
						  check->copy->spec->store->here);
	if (copy_is_snapshot(check->copy))
		compare_snapshot(check);
	else
		compare_with_source(check);
	check->wire_bytes = side_bytes(check->copy->target);
	if (check->copy->source != NULL)
		check->wire_bytes += side_bytes(check->copy->source);
}
