/*-------------------------------------------------------------------------
 *
 * locate.c
 *		Which rows differ: keys and digests of both sides, side by side.
 *
 * Each side gives its rows in the order of their keys' digests, equal ones
 * together, so that two cursors are merged whatever the types of the keys and
 * however many there are.  What narrows that down to a few rows first is a
 * sketch of either side, which names the keys that differ; if there are more
 * than it can name, or it cannot, buckets of keys whose digests differ.
 *
 * Invariant: narrowing down leaves out no key whose rows differ, so a
 * difference that is not found here was not there.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "consistency/check/check.h"
#include "consistency/check/compare.h"
#include "consistency/sketch/sketch.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Rows that a cursor gives at a time. */
#define BATCH 5000
/* Buckets that tell where rows differ. */
#define BUCKETS 4096
/* Digits of a column's digest: it tells columns of one row apart. */
#define COLUMN_DIGITS 16

/* Columns of the answer to keyed_query. */
enum
{
	COL_HASH,
	COL_DIGEST,
	COL_COUNT,
	COL_IDENTITY,
	COL_TOUCHED,
	COL_KEY,
	COL_COLUMNS
};

static char *
side_rows(const Check *check, const Side *side)
{
	return side == check->copy->source ? copy_source_rows(check->copy) :
										 copy_rows(check->copy);
}

/* An array of the digests of the columns, as text. */
static char *
column_digests(const Copy *copy)
{
	StringInfoData sql;
	int			n = copy_value_count(copy, false);

	initStringInfo(&sql);
	for (int i = 1; i <= n; i++)
		appendStringInfo(&sql,
						 "%spg_catalog.left(spine.digest_row(q.v%d), %d)",
						 i > 1 ? ", " : "", i, COLUMN_DIGITS);
	return psprintf("(ARRAY[%s]::pg_catalog.text[])::pg_catalog.text",
					sql.data);
}

/* The rows of one side by key, those that are equal as one. */
static char *
keyed_query(const Check *check, const Side *side, const char *condition,
			bool columns)
{
	const Copy *copy = check->copy;

	return psprintf(
		"SELECT k.h, k.d, pg_catalog.count(*), spine.digest_agg(q.identity),"
		" pg_catalog.bool_or(q.touched),"
		" pg_catalog.min(k.key COLLATE pg_catalog.\"C\"),"
		" pg_catalog.min(k.c COLLATE pg_catalog.\"C\") FROM (%s) q,"
		" LATERAL (SELECT %s AS h, %s AS d,"
		" (%s)::pg_catalog.text AS key, %s AS c OFFSET 0) k%s%s"
		" GROUP BY k.h, k.d ORDER BY k.h COLLATE pg_catalog.\"C\","
		" k.d COLLATE pg_catalog.\"C\"",
		side_rows(check, side), copy_digest(copy, "q.", true),
		copy_digest(copy, "q.", false), copy_key_object(copy, "q."),
		columns ? column_digests(copy) : "NULL::pg_catalog.text",
		condition ? " WHERE " : "", condition ? condition : "");
}

/* ---- reading a side in the order of keys ---- */

/* A side's rows, a batch at a time. */
typedef struct Reader
{
	Side	   *side;
	RemoteRows *rows;
	int			at;		/* in rows */
	bool		done;
	MemoryContext batch; /* holds rows */
} Reader;

static void
reader_fetch(Reader *reader)
{
	MemoryContext before = MemoryContextSwitchTo(reader->batch);

	CHECK_FOR_INTERRUPTS();
	MemoryContextReset(reader->batch);
	reader->rows = side_cursor_fetch(reader->side, BATCH);
	reader->at = 0;
	reader->done = reader->rows->nrows == 0;
	MemoryContextSwitchTo(before);
}

static void
reader_begin(Reader *reader, Side *side, const char *sql, int nparams,
			 const char *const *params)
{
	reader->side = side;
	reader->batch =
		AllocSetContextCreate(CurrentMemoryContext, "spine rows of a side",
							  ALLOCSET_DEFAULT_SIZES);
	side_cursor_open(side, sql, nparams, params);
	reader_fetch(reader);
}

static void
reader_end(Reader *reader)
{
	side_cursor_close(reader->side);
	MemoryContextDelete(reader->batch);
}

/* Digest of the key that is next; NULL at the end. */
static const char *
reader_hash(const Reader *reader)
{
	return reader->done ? NULL :
						  side_value(reader->rows, reader->at, COL_HASH);
}

static char *
copy_text(const char *text)
{
	return text ? pstrdup(text) : NULL;
}

static SameRows *
make_same_rows(const RemoteRows *rows, int row)
{
	SameRows   *same = palloc(sizeof(SameRows));

	same->digest = pstrdup(side_value(rows, row, COL_DIGEST));
	same->count = side_number(rows, row, COL_COUNT);
	same->identity = copy_text(side_value(rows, row, COL_IDENTITY));
	same->touched = side_true(rows, row, COL_TOUCHED);
	same->columns = copy_text(side_value(rows, row, COL_COLUMNS));
	return same;
}

/* Take the rows of the next key, if it is this one (List of SameRows). */
static List *
reader_take(Reader *reader, const char *hash, char **key)
{
	List	   *taken = NIL;

	while (!reader->done &&
		   strcmp(side_value(reader->rows, reader->at, COL_HASH), hash) == 0)
	{
		taken = lappend(taken, make_same_rows(reader->rows, reader->at));
		if (*key == NULL)
			*key = pstrdup(side_value(reader->rows, reader->at, COL_KEY));
		if (++reader->at >= reader->rows->nrows)
			reader_fetch(reader);
	}
	return taken;
}

/* ---- side by side ---- */

/* Number of rows with a digest. */
static int64
count_of(const List *rows, const char *digest)
{
	ListCell   *lc;

	foreach (lc, rows)
		if (strcmp(((SameRows *) lfirst(lc))->digest, digest) == 0)
			return ((SameRows *) lfirst(lc))->count;
	return 0;
}

/* Rows of a that b has not. */
static int64
rows_beyond(const List *a, const List *b)
{
	int64		beyond = 0;
	ListCell   *lc;

	foreach (lc, a)
	{
		const SameRows *same = lfirst(lc);

		beyond += Max(same->count - count_of(b, same->digest), 0);
	}
	return beyond;
}

void
compare_suspect(const Suspect *suspect, int64 *missing, int64 *extra)
{
	*missing = rows_beyond(suspect->source, suspect->copy);
	*extra = rows_beyond(suspect->copy, suspect->source);
}

/* Keep a key whose rows differ, or count it if there are too many. */
static void
add_suspect(Check *check, Suspect *suspect)
{
	int64		missing;
	int64		extra;

	compare_suspect(suspect, &missing, &extra);
	suspect->differing = Max(missing, extra);
	if (suspect->differing == 0)
		return;
	check->differing += suspect->differing;
	if (list_length(check->suspects) >= MOST_TOLD)
	{
		check->untold++;
		return;
	}
	suspect->kind = missing == 0 ? "extra" :
		extra == 0				 ? "missing" :
								   "changed";
	check->suspects = lappend(check->suspects, suspect);
}

/* Compare the key that is next on either side. */
static void
compare_next(Check *check, Reader *source, Reader *copy)
{
	const char *a = reader_hash(source);
	const char *b = reader_hash(copy);
	Suspect    *suspect = palloc0(sizeof(Suspect));
	char	   *key = NULL;

	suspect->hash =
		pstrdup(b == NULL || (a != NULL && strcmp(a, b) < 0) ? a : b);
	suspect->source = reader_take(source, suspect->hash, &key);
	suspect->copy = reader_take(copy, suspect->hash, &key);
	suspect->key = key;
	add_suspect(check, suspect);
}

/* Merge what two cursors give, equal keys in memory that is used again. */
static void
merge(Check *check, Reader *source, Reader *copy)
{
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "spine equal rows",
							  ALLOCSET_DEFAULT_SIZES);
	int			told = list_length(check->suspects);

	while (!source->done || !copy->done)
	{
		MemoryContext before = MemoryContextSwitchTo(scratch);

		compare_next(check, source, copy);
		MemoryContextSwitchTo(before);
		if (list_length(check->suspects) == told)
		{
			MemoryContextReset(scratch);
			continue;
		}
		/* It stays, with its memory; what comes gets some of its own. */
		told = list_length(check->suspects);
		MemoryContextSetParent(scratch, check->mcxt);
		scratch =
			AllocSetContextCreate(CurrentMemoryContext, "spine equal rows",
								  ALLOCSET_SMALL_SIZES);
	}
	MemoryContextDelete(scratch);
}

/* Compare the rows of which the conditions, one for each side, are true. */
static void
locate(Check *check, const char *of_source, const char *of_copy)
{
	Copy	   *copy = check->copy;
	Reader		readers[2] = {{0}};

	reader_begin(&readers[0], copy->source,
				 keyed_query(check, copy->source, of_source, false), 0, NULL);
	reader_begin(&readers[1], copy->target,
				 keyed_query(check, copy->target, of_copy, false), 0, NULL);
	merge(check, &readers[0], &readers[1]);
	reader_end(&readers[0]);
	reader_end(&readers[1]);
}

void
locate_all(Check *check, const char *condition)
{
	locate(check, condition, condition);
}

/* ---- by buckets ---- */

/* Digests of the buckets of one side, in their order. */
static RemoteRows *
read_buckets(const Check *check, Side *side)
{
	const Copy *copy = check->copy;

	return side_query(
		side,
		psprintf("SELECT spine.digest_bucket(%d, %s), pg_catalog.count(*),"
				 " %s FROM (%s) q GROUP BY 1 ORDER BY 1",
				 BUCKETS, copy_key_fields(copy, "q."),
				 copy_digest_agg(copy, "q."), side_rows(check, side)),
		0, NULL);
}

static void
append_bucket(StringInfo list, int bucket)
{
	appendStringInfo(list, "%s%d", list->len > 0 ? "," : "", bucket);
}

/* The buckets in which two sides differ, separated by commas. */
static char *
differing_buckets(const RemoteRows *a, const RemoteRows *b)
{
	StringInfoData list;
	int			i = 0;
	int			j = 0;

	initStringInfo(&list);
	while (i < a->nrows || j < b->nrows)
	{
		int			ba = i < a->nrows ? (int) side_number(a, i, 0) : BUCKETS;
		int			bb = j < b->nrows ? (int) side_number(b, j, 0) : BUCKETS;

		if (ba != bb ||
			strcmp(side_value(a, i, 1), side_value(b, j, 1)) != 0 ||
			strcmp(side_value(a, i, 2), side_value(b, j, 2)) != 0)
			append_bucket(&list, Min(ba, bb));
		i += ba <= bb;
		j += bb <= ba;
	}
	return list.data;
}

static void
locate_by_buckets(Check *check)
{
	const Copy *copy = check->copy;
	char	   *buckets = differing_buckets(read_buckets(check, copy->source),
											read_buckets(check, copy->target));

	if (buckets[0] == '\0')
		return;
	locate_all(check,
			   psprintf("spine.digest_bucket(%d, %s) = ANY"
						" ('{%s}'::pg_catalog.int4[])",
						BUCKETS, copy_key_fields(copy, "q."), buckets));
}

/* ---- by a sketch ---- */

/* A side's sketch: the whole of it here, or what the other server gave. */
typedef struct SideSketch
{
	Side	   *side;
	Sketch	   *estimate; /* has the part that estimates */
	Sketch	   *whole;	  /* what is here: all cells; NULL: ask for some */
	bool		none;	  /* has the side no rows? */
} SideSketch;

/* Fields as sketch_agg wants them: those of the key first. */
static char *
sketch_fields(const Copy *copy)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfoString(&sql, copy_values(copy, "q.", true));
	foreach (lc, copy->columns)
		if (!((CopyColumn *) lfirst(lc))->key)
			appendStringInfo(&sql, ", q.v%d", foreach_current_index(lc) + 1);
	return sql.data;
}

/*
 * The same as columns of the side's relation (List of char *); NIL if its rows
 * are not made of columns alone.
 */
static List *
sketch_columns(const Copy *copy, const Side *side)
{
	List	   *plain = copy_plain_columns(copy, side);
	List	   *key = NIL;
	List	   *rest = NIL;
	ListCell   *lc;
	ListCell   *lp;

	if (plain == NIL)
		return NIL;
	forboth (lc, copy->columns, lp, plain)
		if (((CopyColumn *) lfirst(lc))->key)
			key = lappend(key, lfirst(lp));
		else
			rest = lappend(rest, lfirst(lp));
	return list_concat(key, rest);
}

/*
 * What selects a side's sketch: from its pages with the parameters relation
 * and columns, or by the aggregate.
 */
static char *
sketch_query(const Check *check, const Side *side, const List *columns)
{
	const Copy *copy = check->copy;
	int			nkey = copy->has_key ? copy_value_count(copy, true) : 0;

	if (columns != NIL)
		return psprintf("spine.sketch($1::text::regclass, $2::text[], %d, %d)",
						SKETCH_CELLS, nkey);
	return psprintf("spine.sketch_agg(%d, %d, %s) FROM (%s) q", SKETCH_CELLS,
					nkey, sketch_fields(copy), side_rows(check, side));
}

static SideSketch
read_sketch(const Check *check, Side *side)
{
	SideSketch	sketch = {.side = side};
	List	   *columns = sketch_columns(check->copy, side);
	const char *params[] = {side->relation, array_of_names(columns)};
	char	   *query = sketch_query(check, side, columns);
	bytea	   *image;

	if (side->remote != NULL)
		query = psprintf("spine.sketch_keep(a) FROM (SELECT %s) s(a)", query);
	image = side_query_bytes(side, psprintf("SELECT %s", query),
							 columns != NIL ? 2 : 0, params);
	sketch.estimate = image ? sketch_read(image) : sketch_none();
	sketch.none = sketch_totals(sketch.estimate)->rows == 0;
	if (sketch.none)
		sketch.whole = sketch_none();
	else if (side->remote == NULL)
		sketch.whole = sketch.estimate;
	return sketch;
}

/* The side's sketch of so many cells. */
static Sketch *
sketch_of_cells(const SideSketch *sketch, int cells)
{
	bytea	   *image;

	if (sketch->whole != NULL)
		return sketch->none ? sketch->whole :
							  sketch_fold(sketch->whole, cells);
	image = side_query_bytes(sketch->side,
							 psprintf("SELECT spine.sketch_kept(%d)", cells),
							 0, NULL);
	return sketch_read(image);
}

/* The keys in which the sides differ; false if the sketches do not tell. */
static bool
name_keys(const SideSketch *a, const SideSketch *b, SketchElement **keys,
		  int *nkeys)
{
	int64		guess = sketch_estimate(a->estimate, b->estimate);
	int64		cells = SKETCH_CELLS + 1;

	if (guess <= SKETCH_CELLS)
		cells = sketch_cells_for(guess);
	for (; cells <= SKETCH_CELLS; cells *= 2)
	{
		CHECK_FOR_INTERRUPTS();
		if (sketch_name_keys(sketch_of_cells(a, (int) cells),
							 sketch_of_cells(b, (int) cells), keys, nkeys))
			return true;
	}
	return false;
}

/* Is the key one column of integers, by which rows are found right away? */
static bool
is_integer_key(const Copy *copy)
{
	static const char *const integers[] = {"smallint", "integer", "bigint"};
	ListCell   *lc;

	if (!copy->plain_keys || copy_value_count(copy, true) != 1)
		return false;
	foreach (lc, copy->columns)
	{
		const CopyColumn *column = lfirst(lc);
		int			found = 0;

		if (!column->key)
			continue;
		for (int i = 0; i < (int) lengthof(integers); i++)
			found += (strcmp(column->from->type, integers[i]) == 0) +
				(strcmp(column->to->type, integers[i]) == 0);
		return found == 2;
	}
	return false;
}

/* Does the side's primary key begin with the column that is the key? */
static bool
leads_index(const Copy *copy, const Side *side)
{
	ListCell   *lc;

	if (side->key == NIL)
		return false;
	foreach (lc, copy->columns)
	{
		const CopyColumn *column = lfirst(lc);

		if (column->key)
			return strcmp(linitial(side->key),
						  side == copy->source ? column->from->name :
												 column->name) == 0;
	}
	return false;
}

/*
 * A condition for the rows of keys that a sketch named.  An array of numbers
 * of one type is looked up by hash; that the planner does only where the
 * column has their type too, so it is given that where no index is lost by it.
 */
static char *
named_condition(const Copy *copy, const Side *side, const char *numbers)
{
	const char *value = copy_values(copy, "q.", true);

	if (!is_integer_key(copy))
		value = psprintf("spine.key_hash(%s)", value);
	else if (!leads_index(copy, side))
		value = psprintf("(%s)::pg_catalog.int8", value);
	return psprintf("%s = ANY ('{%s}'::pg_catalog.int8[])", value, numbers);
}

/* Compare the rows of keys that a sketch named. */
static void
locate_named(Check *check, const SketchElement *keys, int nkeys)
{
	const Copy *copy = check->copy;
	StringInfoData numbers;

	initStringInfo(&numbers);
	for (int i = 0; i < nkeys; i++)
		appendStringInfo(&numbers, "%s" INT64_FORMAT, i > 0 ? "," : "",
						 (int64) keys[i].key);
	locate(check, named_condition(copy, copy->source, numbers.data),
		   named_condition(copy, copy->target, numbers.data));
}

/* Rows that are too wide for the aggregate have a sketch of pages alone. */
static bool
is_beyond_sketch(const Copy *copy)
{
	return copy_is_wide(copy, true) ||
		(copy_is_wide(copy, false) &&
		 (sketch_columns(copy, copy->source) == NIL ||
		  sketch_columns(copy, copy->target) == NIL));
}

/* False if the sketches do not tell. */
static bool
locate_by_sketch(Check *check)
{
	const Copy *copy = check->copy;
	SideSketch	source;
	SideSketch	target;
	SketchElement *keys;
	int			nkeys;

	if (is_beyond_sketch(copy))
		return false;
	source = read_sketch(check, copy->source);
	target = read_sketch(check, copy->target);
	if (!name_keys(&source, &target, &keys, &nkeys))
		return false;
	if (nkeys > 0)
		locate_named(check, keys, nkeys);
	else if (!hash128_equal(sketch_totals(source.estimate)->sum,
							sketch_totals(target.estimate)->sum))
		return false;
	return true;
}

const char *
locate_quickly(Check *check)
{
	if (locate_by_sketch(check))
		return "sketch";
	locate_by_buckets(check);
	return "buckets";
}

/* ---- reading suspects again ---- */

static char *
keys_as_json(const List *suspects)
{
	StringInfoData json;
	ListCell   *lc;

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	foreach (lc, suspects)
		appendStringInfo(&json, "%s%s", json.len > 1 ? "," : "",
						 ((Suspect *) lfirst(lc))->key);
	appendStringInfoChar(&json, ']');
	return json.data;
}

static char *
hashes_as_array(const List *suspects)
{
	StringInfoData array;
	ListCell   *lc;

	initStringInfo(&array);
	appendStringInfoChar(&array, '{');
	foreach (lc, suspects)
		appendStringInfo(&array, "%s%s", array.len > 1 ? "," : "",
						 ((Suspect *) lfirst(lc))->hash);
	appendStringInfoChar(&array, '}');
	return array.data;
}

/*
 * The type by which a key's values are sought: one that every value of the
 * column's type on either side can be cast to and none is changed by, and
 * whose "=" an index may serve.  NULL: there is none.
 */
static const char *
sought_type(const CopyColumn *column)
{
	static const struct
	{
		const char *type;
		const char *sought;
	} types[] = {
		{"smallint", "bigint"},
		{"integer", "bigint"},
		{"bigint", "bigint"},
		{"text", "text"},
		{"character varying", "text"},
		/* "character" as a cast is character(1), which cuts off. */
		{"character", "pg_catalog.bpchar"},
	};
	const char *from = column->from->type;
	const char *to = column->to->type;

	for (int i = 0; i < (int) lengthof(types); i++)
	{
		if (strcmp(from, types[i].type) == 0)
			from = types[i].sought;
		if (strcmp(to, types[i].type) == 0)
			to = types[i].sought;
	}
	if (strcmp(from, to) != 0)
		return NULL;
	/* Casts to what somebody made are code of others, and its values on
	 * another server may be others. */
	if (column->from->own_type || column->to->own_type)
		return NULL;
	return from;
}

/*
 * A condition for rows by the values of their keys in the jsonb parameter,
 * one that an index may serve.
 */
static char *
key_condition(const Check *check)
{
	const Copy *copy = check->copy;
	StringInfoData values;
	ListCell   *lc;

	initStringInfo(&values);
	foreach (lc, copy->columns)
	{
		const CopyColumn *column = lfirst(lc);

		if (column->key)
			appendStringInfo(&values,
							 "%s(e.e OPERATOR(pg_catalog.->>) %s)::%s",
							 values.len > 0 ? ", " : "",
							 quote_literal_cstr(column->name),
							 sought_type(column));
	}
	return psprintf("(%s) IN (SELECT %s FROM"
					" pg_catalog.jsonb_array_elements($1::jsonb) e(e))",
					copy_values(copy, "q.", true), values.data);
}

/*
 * Can rows be found by their keys' values?  A null equals nothing, and what is
 * no value of the other side's type would be an error there.
 */
static bool
keys_are_values(const Check *check, const List *suspects)
{
	ListCell   *lc;

	if (!check->copy->plain_keys || copy_is_wide(check->copy, true))
		return false;
	foreach (lc, check->copy->columns)
		if (((CopyColumn *) lfirst(lc))->key &&
			sought_type(lfirst(lc)) == NULL)
			return false;
	foreach (lc, suspects)
		if (strstr(((Suspect *) lfirst(lc))->key, ": null") != NULL)
			return false;
	return true;
}

static int
by_hash(const ListCell *a, const ListCell *b)
{
	return strcmp(((Suspect *) lfirst(a))->hash,
				  ((Suspect *) lfirst(b))->hash);
}

/* Hand the rows that were read to their suspects, both in order. */
static void
hand_out(const RemoteRows *rows, List *suspects, bool source)
{
	int			row = 0;
	ListCell   *lc;

	foreach (lc, suspects)
	{
		Suspect    *suspect = lfirst(lc);
		List	   *same = NIL;

		while (row < rows->nrows &&
			   strcmp(side_value(rows, row, COL_HASH), suspect->hash) < 0)
			row++;
		for (; row < rows->nrows &&
			 strcmp(side_value(rows, row, COL_HASH), suspect->hash) == 0;
			 row++)
			same = lappend(same, make_same_rows(rows, row));
		if (source)
			suspect->source = same;
		else
			suspect->copy = same;
	}
}

void
read_suspects(Check *check, Side *side, const List *suspects)
{
	List	   *sorted = list_copy(suspects);
	bool		values = keys_are_values(check, suspects);
	const char *condition = values ?
		key_condition(check) :
		psprintf("%s IN"
				 " (SELECT pg_catalog.unnest($1::pg_catalog.text[]))",
				 copy_digest(check->copy, "q.", true));
	const char *params[] = {values ? keys_as_json(suspects) :
									 hashes_as_array(suspects)};

	list_sort(sorted, by_hash);
	hand_out(side_query(side, keyed_query(check, side, condition, true), 1,
						params),
			 sorted, side == check->copy->source);
	list_free(sorted);
}
