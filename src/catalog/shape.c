/*-------------------------------------------------------------------------
 *
 * shape.c
 *		The check of a document's shape against the table of the format.
 *
 * What is found here is what spine.spec_schema() says too, no more and no
 * less: a document has a finding of this file if and only if it is invalid
 * under the schema.  Whatever needs a second look at the document, or the
 * database, belongs elsewhere.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/catalog_internal.h"
#include "catalog/format.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/varlena.h"

/* How much of a value a message quotes, in bytes. */
#define QUOTED_BYTES 60

/* Longer names than this are not compared with known ones. */
#define COMPARED_BYTES 60

static void check_value(const Shape *shape, const JsonbValue *value,
						const Place *place, Findings *findings);

/* A string for a message: its first bytes, control characters as '?'. */
static char *
quoted(const char *text, int len)
{
	bool		cut = len > QUOTED_BYTES;
	char	   *copy;

	if (cut)
		len = pg_mbcliplen(text, len, QUOTED_BYTES);
	copy = psprintf("%.*s%s", len, text, cut ? "..." : "");
	for (char *c = copy; *c; c++)
		if ((unsigned char) *c < 0x20 || *c == 0x7f)
			*c = '?';
	return copy;
}

/* The known member that a name comes nearest to. */
static const char *
nearest_field(const Shape *object, const char *name, int len)
{
	const char *best = NULL;
	int			least = COMPARED_BYTES;

	if (len > COMPARED_BYTES)
		return NULL;
	for (const Field *field = object->fields; field->name; field++)
	{
		int			distance;

		distance = varstr_levenshtein_less_equal(name, len, field->name,
												 (int) strlen(field->name), 1,
												 1, 1, least, true);
		if (distance < least)
		{
			best = field->name;
			least = distance;
		}
	}
	return best;
}

/* All known members, comma-separated. */
static char *
known_fields(const Shape *object)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (const Field *field = object->fields; field->name; field++)
		appendStringInfo(&buf, "%s%s", buf.len ? ", " : "", field->name);
	return buf.data;
}

static void
unknown_key(const Shape *object, const JsonbValue *key, const Place *place,
			Findings *findings)
{
	const char *name = key->val.string.val;
	int			len = key->val.string.len;
	const char *nearest = nearest_field(object, name, len);
	char	   *hint = psprintf("Known here: %s.", known_fields(object));

	if (nearest != NULL)
		finding_add(findings, FINDING_ERROR, "unknown_key", place, hint,
					"unknown key \"%s\", the nearest known one is \"%s\"",
					quoted(name, len), nearest);
	else
		finding_add(findings, FINDING_ERROR, "unknown_key", place, hint,
					"unknown key \"%s\"", quoted(name, len));
}

/* ---- containers ---- */

static void
check_count(const Shape *shape, const JsonbContainer *container,
			const Place *place, Findings *findings)
{
	uint32		count = JsonContainerSize(container);

	if (count < shape->min)
		finding_add(findings, FINDING_ERROR, "too_few", place, NULL,
					"at least %d needed, %u given", (int) shape->min, count);
	if (shape->kind == SHAPE_OBJECT && shape->max > 0 && count > shape->max)
		finding_add(findings, FINDING_ERROR, "too_many", place, NULL,
					"at most %d allowed, %u given", (int) shape->max, count);
}

static void
check_missing(const Shape *object, const JsonbContainer *container,
			  const Place *place, Findings *findings)
{
	for (const Field *field = object->fields; field->name; field++)
	{
		JsonbValue	value;

		if (field->required && !jb_get(container, field->name, &value))
			finding_add(findings, FINDING_ERROR, "missing_key", place,
						field->about, "key \"%s\" is missing", field->name);
	}
}

static void
check_object(const Shape *object, const JsonbContainer *container,
			 const Place *place, Findings *findings)
{
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	check_count(object, container, place, findings);
	check_missing(object, container, place, findings);

	jb_walk(&cursor, container);
	while (jb_next_member(&cursor, &key, &value))
	{
		Place here =
			place_member_n(place, key.val.string.val, key.val.string.len);
		const Field *field =
			format_field(object, key.val.string.val, key.val.string.len);

		if (field == NULL)
			unknown_key(object, &key, &here, findings);
		else
			check_value(field->shape, &value, &here, findings);
	}
}

static void
check_map(const Shape *map, const JsonbContainer *container,
		  const Place *place, Findings *findings)
{
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	jb_walk(&cursor, container);
	while (jb_next_member(&cursor, &key, &value))
	{
		Place here =
			place_member_n(place, key.val.string.val, key.val.string.len);

		check_value(map->key, &key, &here, findings);
		check_value(map->item, &value, &here, findings);
	}
}

static void
check_list(const Shape *list, const JsonbContainer *container,
		   const Place *place, Findings *findings)
{
	JbCursor	cursor;
	JsonbValue	value;

	check_count(list, container, place, findings);

	jb_walk(&cursor, container);
	while (jb_next_element(&cursor, &value))
	{
		Place		here = place_element(place, cursor.index);

		check_value(list->item, &value, &here, findings);
	}
}

/* ---- scalars ---- */

/* What a string of this kind has to be, as a message says it. */
static const char *
expectation(ShapeKind kind)
{
	switch (kind)
	{
		case SHAPE_NAME:
			return "a name: 1 to 200 characters, no control characters, no blank at either end";
		case SHAPE_SCHEME:
			return "an identifier: a letter, then letters, digits, \"_\" and \"-\", at most 63";
		case SHAPE_DATE:
			return "a day of the calendar, yyyy-mm-dd";
		case SHAPE_DURATION:
			return "an ISO 8601 duration such as PT60S or P10Y";
		default:
			return "an expression";
	}
}

static void
check_string(const Shape *shape, const JsonbValue *value, const Place *place,
			 Findings *findings)
{
	const char *text = value->val.string.val;
	int			len = value->val.string.len;
	bool named = shape->kind == SHAPE_NAME || shape->kind == SHAPE_SCHEME;

	if (format_string_matches(shape->kind, text, len))
		return;
	finding_add(findings, FINDING_ERROR, named ? "bad_name" : "bad_format",
				place, NULL, "\"%s\" is not %s", quoted(text, len),
				expectation(shape->kind));
}

/* The words of an enumeration, each in quotes. */
static char *
known_words(const Shape *shape)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (const char *const *word = shape->words; *word; word++)
		appendStringInfo(&buf, "%s\"%s\"", buf.len ? ", " : "", *word);
	return buf.data;
}

static void
check_word(const Shape *shape, const JsonbValue *value, const Place *place,
		   Findings *findings)
{
	const char *text = value->val.string.val;
	int			len = value->val.string.len;

	for (const char *const *word = shape->words; *word; word++)
		if (strlen(*word) == (size_t) len && memcmp(*word, text, len) == 0)
			return;
	finding_add(findings, FINDING_ERROR, "bad_value", place, NULL,
				"\"%s\" is not one of %s", quoted(text, len),
				known_words(shape));
}

/* Is a number without a fraction? */
static bool
is_whole(Numeric number)
{
	Datum whole = DirectFunctionCall2(numeric_trunc, NumericGetDatum(number),
									  Int32GetDatum(0));

	return DatumGetBool(
		DirectFunctionCall2(numeric_eq, whole, NumericGetDatum(number)));
}

static void
check_number(const Shape *shape, const JsonbValue *value, const Place *place,
			 Findings *findings)
{
	Datum		datum = NumericGetDatum(value->val.numeric);
	double		number;

	if (shape->kind == SHAPE_INT && !is_whole(value->val.numeric))
		finding_add(findings, FINDING_ERROR, "wrong_type", place, NULL,
					"expected an integer, not a fraction");

	number =
		DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, datum));
	if (number < shape->min || number > shape->max)
		finding_add(findings, FINDING_ERROR, "out_of_range", place, NULL,
					"%.10g is not between %.10g and %.10g", number, shape->min,
					shape->max);
}

/* ---- all of it ---- */

/* Tell that a value has another JSON type than its shape. */
static void
wrong_type(const Shape *shape, const JsonbValue *value, const Place *place,
		   Findings *findings)
{
	if (shape->kind == SHAPE_UNION)
		finding_add(findings, FINDING_ERROR, "wrong_type", place, NULL,
					"expected %s or %s, not %s", format_type_name(shape->key),
					format_type_name(shape->item), jb_type_name(value));
	else
		finding_add(findings, FINDING_ERROR, "wrong_type", place, NULL,
					"expected %s, not %s", format_type_name(shape),
					jb_type_name(value));
}

static void
check_container(const Shape *shape, const JsonbValue *value,
				const Place *place, Findings *findings)
{
	const JsonbContainer *container = value->val.binary.data;

	CHECK_FOR_INTERRUPTS();

	if (shape->kind == SHAPE_OBJECT)
		check_object(shape, container, place, findings);
	else if (shape->kind == SHAPE_MAP)
		check_map(shape, container, place, findings);
	else if (shape->kind == SHAPE_LIST)
		check_list(shape, container, place, findings);
}

static void
check_value(const Shape *shape, const JsonbValue *value, const Place *place,
			Findings *findings)
{
	const Shape *chosen = format_choose(shape, value);

	if (strcmp(jb_type_name(value), format_type_name(chosen)) != 0)
		wrong_type(shape, value, place, findings);
	else if (value->type == jbvBinary)
		check_container(chosen, value, place, findings);
	else if (value->type == jbvNumeric)
		check_number(chosen, value, place, findings);
	else if (chosen->kind == SHAPE_WORD)
		check_word(chosen, value, place, findings);
	else if (value->type == jbvString)
		check_string(chosen, value, place, findings);
}

/* Findings about the shape of a document, which may be anything. */
void
document_check_shape(const JsonbContainer *doc, Findings *findings)
{
	if (JsonContainerIsObject(doc))
		check_object(&format_document, doc, NULL, findings);
	else
		finding_add(findings, FINDING_ERROR, "not_an_object", NULL,
					"A document is a JSON object with \"kind\", "
					"\"apiVersion\" and sections.",
					"document is not a JSON object");
}
