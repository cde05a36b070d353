/*-------------------------------------------------------------------------
 *
 * push_read.c
 *		What another store pushed: read strictly, since nobody here sees what
 *		it was computed from.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/expression.h"
#include "catalog/pg_type.h"
#include "consistency/push/push.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/rel.h"

/* A bucket that has no rows is left out of what is pushed. */
#define NO_DIGEST "00000000000000000000000000000000"

/* ---- the columns of the placement ---- */

static void
incomparable(const SpecPlacement *placement, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_SPINE_INCOMPARABLE),
			 errmsg("copy \"%s\" cannot be compared", placement->key),
			 errdetail("%s", why)));
}

static void
add_column(List **columns, const SpecPlacement *placement, Relation source,
		   const char *name, const char *expression)
{
	PushColumn *column = palloc0(sizeof(PushColumn));
	Findings   *findings = findings_new();
	Place		place = place_member(NULL, name);

	if (!expression_check(expression, source, EXPRESSION_VALUE, &place,
						  findings, NULL))
		incomparable(placement,
					 psprintf("Column \"%s\": %s.", name,
							  ((Finding *) linitial(findings->items))
								  ->message));
	column->name = name;
	column->source = psprintf("(%s)", expression);
	*columns = lappend(*columns, column);
}

/* All columns of the source, where the placement maps none. */
static List *
same_columns(const SpecPlacement *placement, Relation source)
{
	TupleDesc	desc = RelationGetDescr(source);
	List	   *columns = NIL;

	for (int i = 0; i < desc->natts; i++)
	{
		char	   *name = pstrdup(NameStr(TupleDescAttr(desc, i)->attname));

		if (!TupleDescAttr(desc, i)->attisdropped)
			add_column(&columns, placement, source, name,
					   quote_identifier(name));
	}
	return columns;
}

List *
push_columns(const SpecPlacement *placement, Relation source)
{
	const JsonbContainer *map = jb_get_object(placement->entry, "columns");
	List	   *columns = NIL;
	JbCursor	cursor;
	JsonbValue	name;
	JsonbValue	expression;

	if (map == NULL)
		return same_columns(placement, source);
	jb_walk(&cursor, map);
	while (jb_next_member(&cursor, &name, &expression))
		if (expression.type == jbvString)
			add_column(&columns, placement, source, jb_text(&name),
					   jb_text(&expression));
	if (columns == NIL)
		incomparable(placement, "None of its columns is mapped.");
	return columns;
}

/* ---- members of what was pushed ---- */

/* A whole number from 0 to most; -1, and a finding, if it is none. */
static int64
read_number(const JsonbContainer *object, const char *name, int64 most,
			const Place *up, Findings *findings)
{
	Place		place = place_member(up, name);
	JsonbValue	value;
	Datum		number;

	if (!jb_get(object, name, &value))
	{
		finding_add(findings, FINDING_ERROR, "missing", up, NULL,
					"lacks \"%s\"", name);
		return -1;
	}
	if (value.type == jbvNumeric)
	{
		number = NumericGetDatum(value.val.numeric);
		if (!numeric_is_nan(value.val.numeric) &&
			!numeric_is_inf(value.val.numeric) &&
			DatumGetBool(DirectFunctionCall2(numeric_eq, number,
											 DirectFunctionCall1(numeric_floor,
																 number))) &&
			DatumGetBool(
				DirectFunctionCall2(numeric_ge, number,
									DirectFunctionCall1(int8_numeric,
														Int64GetDatum(0)))) &&
			DatumGetBool(
				DirectFunctionCall2(numeric_le, number,
									DirectFunctionCall1(int8_numeric,
														Int64GetDatum(most)))))
			return DatumGetInt64(DirectFunctionCall1(numeric_int8, number));
	}
	finding_add(findings, FINDING_ERROR, "bad_number", &place, NULL,
				"must be a whole number from 0 to " INT64_FORMAT, most);
	return -1;
}

/* Members that nobody would read are mistakes. */
static void
check_members(const JsonbContainer *object, const char *const *names,
			  int nnames, const Place *up, Findings *findings)
{
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	jb_walk(&cursor, object);
	while (jb_next_member(&cursor, &key, &value))
	{
		Place place =
			place_member_n(up, key.val.string.val, key.val.string.len);
		bool		known = false;

		for (int i = 0; i < nnames; i++)
			known |= strcmp(jb_text(&key), names[i]) == 0;
		if (!known)
			finding_add(findings, FINDING_ERROR, "unknown_member", &place,
						NULL, "is unknown here");
	}
}

static bool
is_digest(const JsonbValue *value)
{
	if (value->type != jbvString || value->val.string.len != DIGEST_DIGITS)
		return false;
	for (int i = 0; i < DIGEST_DIGITS; i++)
		if (strchr("0123456789abcdef", value->val.string.val[i]) == NULL)
			return false;
	return true;
}

/* ---- the parts of what was pushed ---- */

static const PushColumn *
find_column(const List *columns, const char *name)
{
	ListCell   *lc;

	foreach (lc, columns)
		if (strcmp(((PushColumn *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

static bool
names_column(const List *names, const char *name)
{
	ListCell   *lc;

	foreach (lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

/* One name of the list of columns. */
static void
read_column(Push *push, const List *columns, const JsonbValue *value,
			const Place *place, Findings *findings)
{
	const char *name = value->type == jbvString ? jb_text(value) : NULL;

	if (name == NULL)
		finding_add(findings, FINDING_ERROR, "wrong_type", place, NULL,
					"must be the name of a column");
	else if (find_column(columns, name) == NULL)
		finding_add(findings, FINDING_ERROR, "unknown_column", place, NULL,
					"the copy has no column \"%s\"", name);
	else if (names_column(push->columns, name))
		finding_add(findings, FINDING_ERROR, "twice", place, NULL,
					"column \"%s\" is there twice", name);
	else
		push->columns = lappend(push->columns, (char *) name);
}

/* The columns in the order in which they were digested: all of the copy's. */
static void
read_columns(Push *push, const List *columns, const JsonbContainer *pushed,
			 Findings *findings)
{
	const JsonbContainer *names = jb_get_array(pushed, "columns");
	Place		place = place_member(NULL, "columns");
	JbCursor	cursor;
	JsonbValue	value;
	ListCell   *lc;

	if (names == NULL)
	{
		finding_add(findings, FINDING_ERROR, "missing", &place, NULL,
					"must be the list of columns, in the order of their "
					"digests");
		return;
	}
	jb_walk(&cursor, names);
	while (jb_next_element(&cursor, &value))
	{
		Place		here = place_element(&place, cursor.index);

		read_column(push, columns, &value, &here, findings);
	}
	foreach (lc, columns)
		if (!names_column(push->columns, ((PushColumn *) lfirst(lc))->name))
			finding_add(findings, FINDING_ERROR, "missing", &place, NULL,
						"lacks column \"%s\" of the copy",
						((PushColumn *) lfirst(lc))->name);
}

/* One bucket: its rows and digest into the arrays. */
static void
read_bucket(const Push *push, const JsonbContainer *bucket, const Place *place,
			Datum *row_counts, Datum *digests, bool *given, Findings *findings)
{
	static const char *const names[] = {"bucket", "rows", "digest"};
	Place		digest_place = place_member(place, "digest");
	int64		number;
	int64		rows;
	JsonbValue	digest;

	check_members(bucket, names, lengthof(names), place, findings);
	number = read_number(bucket, "bucket", Max(push->nbuckets, 1) - 1, place,
						 findings);
	rows = read_number(bucket, "rows", INT64CONST(1000000000000), place,
					   findings);
	if (!jb_get(bucket, "digest", &digest) || !is_digest(&digest))
	{
		finding_add(findings, FINDING_ERROR, "bad_digest", &digest_place, NULL,
					"must be %d lower-case hex digits", DIGEST_DIGITS);
		return;
	}
	if (rows == 0 && strcmp(jb_text(&digest), NO_DIGEST) != 0)
		finding_add(findings, FINDING_ERROR, "bad_digest", &digest_place, NULL,
					"of no rows must be zeros");
	if (number < 0 || rows < 0 || number >= push->nbuckets)
		return;
	if (given[number])
		finding_add(findings, FINDING_ERROR, "twice", place, NULL,
					"bucket " INT64_FORMAT " is there twice", number);
	given[number] = true;
	row_counts[number] = Int64GetDatum(rows);
	digests[number] = CStringGetTextDatum(jb_text(&digest));
}

static void
read_buckets(Push *push, const JsonbContainer *pushed, Findings *findings)
{
	const JsonbContainer *list = jb_get_array(pushed, "digests");
	int			n = Max(push->nbuckets, 1);
	Datum	   *row_counts = palloc(sizeof(Datum) * n);
	Datum	   *digests = palloc(sizeof(Datum) * n);
	bool	   *given = palloc0(n);
	Datum		none = CStringGetTextDatum(NO_DIGEST);
	Place		place = place_member(NULL, "digests");
	JbCursor	cursor;
	JsonbValue	value;

	for (int i = 0; i < n; i++)
	{
		row_counts[i] = Int64GetDatum(0);
		digests[i] = none;
	}
	if (list == NULL)
		finding_add(findings, FINDING_ERROR, "missing", &place, NULL,
					"must be the list of buckets");
	else
	{
		jb_walk(&cursor, list);
		/* One finding after the other is enough to mend a program by. */
		while (jb_next_element(&cursor, &value) && findings->errors < 100)
		{
			Place		here = place_element(&place, cursor.index);

			if (jb_is_object(&value))
				read_bucket(push, value.val.binary.data, &here, row_counts,
							digests, given, findings);
			else
				finding_add(findings, FINDING_ERROR, "wrong_type", &here, NULL,
							"must be an object, not %s", jb_type_name(&value));
		}
	}
	push->row_counts =
		PointerGetDatum(construct_array(row_counts, n, INT8OID, 8,
										FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	push->digests = PointerGetDatum(
		construct_array(digests, n, TEXTOID, -1, false, TYPALIGN_INT));
}

static void
raise_findings(const Findings *findings)
{
	if (findings->errors == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg_plural("pushed digests have %d error",
						   "pushed digests have %d errors", findings->errors,
						   findings->errors),
			 errdetail_internal("%s", findings_detail(findings))));
}

/* Digests of another version are not wrong, but say nothing here. */
static void
check_format(const JsonbContainer *pushed, Findings *findings)
{
	int64 version = read_number(pushed, "canonical", 1000000, NULL, findings);

	if (version < 0 || version == CANONICAL_VERSION)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_SPINE_INCOMPARABLE),
			 errmsg("pushed digests are of another version"),
			 errdetail("They are of canonical bytes of version " INT64_FORMAT
					   "; here they are %d.",
					   version, CANONICAL_VERSION)));
}

void
push_read(Push *push, const List *columns, const Jsonb *pushed)
{
	static const char *const names[] = {"canonical", "columns", "buckets",
										"digests"};
	const JsonbContainer *root = &pushed->root;
	Findings   *findings = findings_new();

	if (!JsonContainerIsObject(root) || JsonContainerIsScalar(root))
	{
		finding_add(findings, FINDING_ERROR, "wrong_type", NULL, NULL,
					"must be an object");
		raise_findings(findings);
	}
	check_members(root, names, lengthof(names), NULL, findings);
	check_format(root, findings);
	read_columns(push, columns, root, findings);
	push->nbuckets =
		(int) read_number(root, "buckets", PUSH_MOST_BUCKETS, NULL, findings);
	if (push->nbuckets == 0)
	{
		Place		place = place_member(NULL, "buckets");

		finding_add(findings, FINDING_ERROR, "bad_number", &place, NULL,
					"must be at least 1");
	}
	read_buckets(push, root, findings);
	raise_findings(findings);
	push->total = push_total(push->row_counts, push->digests);
}

/* ---- sums ---- */

static Hash128
read_digest(const char *digits)
{
	Hash128		hash;
	char		half[DIGEST_DIGITS / 2 + 1];

	strlcpy(half, digits, sizeof(half));
	hash.high = strtoull(half, NULL, 16);
	hash.low = strtoull(digits + DIGEST_DIGITS / 2, NULL, 16);
	return hash;
}

Bucket
push_total(Datum row_counts, Datum digests)
{
	Bucket		total = {0};
	Datum	   *counts;
	Datum	   *texts;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(row_counts), INT8OID, 8,
					  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &counts, NULL, &n);
	deconstruct_array(DatumGetArrayTypeP(digests), TEXTOID, -1, false,
					  TYPALIGN_INT, &texts, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		total.rows += DatumGetInt64(counts[i]);
		hash128_add(&total.sum, read_digest(TextDatumGetCString(texts[i])));
	}
	return total;
}
