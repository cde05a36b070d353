/*-------------------------------------------------------------------------
 *
 * content.c
 *		What the values of an attribute may never hold.
 *
 * A rule looks at new values alone: an attribute that an UPDATE leaves as it
 * is, or a string of a document that stands there already, is not looked at,
 * so that old data stays writable.  Nothing that is said about a refusal
 * comes from the value, the names of its members included.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/jb.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "ownership/content.h"
#include "ownership/detectors.h"
#include "ownership/judge.h"
#include "parser/parse_coerce.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/rel.h"

#define NOT_FOUND (-1)

/* How the values of a type are looked at. */
typedef enum ValueKind
{
	VALUE_NONE,	   /* it holds nothing that is looked for */
	VALUE_TEXT,	   /* a varlena of text */
	VALUE_NAME,
	VALUE_BYTEA,   /* plain_text alone */
	VALUE_NUMERIC, /* card_number alone */
	VALUE_INT8,	   /* likewise */
	VALUE_JSONB	   /* each string in it */
} ValueKind;

/* One rule, ready for the rows of a table. */
typedef struct ContentRule
{
	const char *name;	   /* of the attribute, as written */
	AttrNumber	attnum;
	List	   *parts;	   /* of char *: the path below the column */
	uint32		detectors; /* bit (Detector) */
	ValueKind	kind;
	Oid			element;   /* type of the elements of an array, or invalid */
} ContentRule;

/* The rules of a matrix. */
typedef struct ContentRules
{
	int			n;
	ContentRule rules[FLEXIBLE_ARRAY_MEMBER];
} ContentRules;

/* ---- types ---- */

static ValueKind
scalar_kind(Oid type)
{
	switch (type)
	{
		case NAMEOID:
			return VALUE_NAME;
		case BYTEAOID:
			return VALUE_BYTEA;
		case NUMERICOID:
			return VALUE_NUMERIC;
		case INT8OID:
			return VALUE_INT8;
		case JSONBOID:
			return VALUE_JSONB;
		case JSONOID:
		case XMLOID:
			return VALUE_TEXT;
		default:
			return IsBinaryCoercible(type, TEXTOID) ? VALUE_TEXT : VALUE_NONE;
	}
}

/* How to look at a type, through domains; *element as in ContentRule. */
static ValueKind
type_kind(Oid type, Oid *element)
{
	Oid			base = getBaseType(type);
	ValueKind	kind;

	*element = get_element_type(base);
	if (!OidIsValid(*element))
		return scalar_kind(base);
	kind = scalar_kind(getBaseType(*element));
	return kind == VALUE_JSONB ? VALUE_NONE : kind;
}

/* Can a value of this kind hold what the detector looks for? */
static bool
kind_holds(ValueKind kind, Detector detector)
{
	switch (kind)
	{
		case VALUE_NONE:
			return false;
		case VALUE_BYTEA:
			return detector == DETECT_PLAIN_TEXT;
		case VALUE_NUMERIC:
		case VALUE_INT8:
			return detector == DETECT_CARD_NUMBER;
		case VALUE_TEXT:
		case VALUE_NAME:
		case VALUE_JSONB:
			break;
	}
	return true;
}

/* ---- making the rules ready ---- */

/* Raise that a rule fits the table no more; it is written by nobody then. */
static void
refuse_rule(const Matrix *matrix, const SpecForbid *forbid)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		 errmsg("writes to table \"%s\" cannot be judged", matrix->relation),
		 errdetail(
			 "What \"%s\" of dataset \"%s\" may not hold cannot be told from the table's columns.",
			 forbid->name, matrix->spec->key),
		 errhint(
			 "Apply a document that fits the table, or detach its guard with spine.detach_all().")));
}

static AttrNumber
column_number(const Matrix *matrix, const char *name)
{
	for (int i = 0; i < matrix->natts; i++)
		if (!matrix->columns[i].ignored &&
			strcmp(NameStr(TupleDescAttr(matrix->desc, i)->attname), name) ==
				0)
			return i + 1;
	return InvalidAttrNumber;
}

/* The bits of the detectors that a rule names. */
static uint32
detector_bits(const List *names)
{
	uint32		bits = 0;
	Detector	detector;
	ListCell   *lc;

	foreach (lc, names)
		if (detector_by_name(lfirst(lc), &detector))
			bits |= 1u << detector;
	return bits;
}

static ContentRule
compile_rule(const Matrix *matrix, const SpecForbid *forbid)
{
	ContentRule rule = {0};

	rule.name = forbid->name;
	rule.detectors = detector_bits(forbid->detectors);
	if (forbid->path != NIL)
		rule.attnum = column_number(matrix, linitial(forbid->path));
	if (rule.attnum == InvalidAttrNumber)
		refuse_rule(matrix, forbid);
	rule.parts = list_copy_tail(forbid->path, 1);
	rule.kind =
		type_kind(TupleDescAttr(matrix->desc, rule.attnum - 1)->atttypid,
				  &rule.element);
	if (rule.kind == VALUE_NONE ||
		(rule.parts != NIL && rule.kind != VALUE_JSONB))
		refuse_rule(matrix, forbid);
	return rule;
}

/* The rules of a matrix, made ready on first use. */
static const ContentRules *
content_rules(Matrix *matrix)
{
	const List *forbids = matrix->spec->forbids;
	MemoryContext old;
	ContentRules *rules;
	ListCell   *lc;

	if (matrix->content != NULL)
		return matrix->content;

	/* What cannot be made ready raises before anything is kept. */
	foreach (lc, forbids)
		(void) compile_rule(matrix, lfirst(lc));
	old = MemoryContextSwitchTo(matrix->mcxt);
	rules = palloc0(offsetof(ContentRules, rules) +
					sizeof(ContentRule) * list_length(forbids));
	foreach (lc, forbids)
		rules->rules[rules->n++] = compile_rule(matrix, lfirst(lc));
	MemoryContextSwitchTo(old);
	matrix->content = rules;
	return rules;
}

/* ---- looking at values ---- */

/* The first of the rule's detectors that finds something in a text. */
static int
found_in_text(const ContentRule *rule, const char *text, int len)
{
	for (int i = 0; i < DETECTOR_COUNT; i++)
		if ((rule->detectors & 1u << i) != 0 &&
			detect((Detector) i, text, len))
			return i;
	return NOT_FOUND;
}

static int
found_in_number(const char *digits, int len)
{
	return holds_card_number(digits, len) ? DETECT_CARD_NUMBER : NOT_FOUND;
}

/* A number's digits; a fraction of zeros says nothing. */
static int
found_in_numeric(Numeric number)
{
	char *digits = DatumGetCString(
		DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
	char	   *point = strchr(digits, '.');

	if (point != NULL && strspn(point + 1, "0") == strlen(point + 1))
		*point = '\0';
	return found_in_number(digits, (int) strlen(digits));
}

static int
found_in_int8(int64 number)
{
	char		digits[MAXINT8LEN + 1];

	return found_in_number(digits, pg_lltoa(number, digits));
}

static int
found_in_bytea(bytea *packed)
{
	return bytes_look_encrypted((const unsigned char *) VARDATA_ANY(packed),
								(int) VARSIZE_ANY_EXHDR(packed)) ?
		NOT_FOUND :
		DETECT_PLAIN_TEXT;
}

/* A value of a scalar type, not NULL; detoasted here. */
static int
found_in_scalar(const ContentRule *rule, Datum value)
{
	struct varlena *packed;

	switch (rule->kind)
	{
		case VALUE_NAME:
			return found_in_text(rule, NameStr(*DatumGetName(value)),
								 (int) strlen(NameStr(*DatumGetName(value))));
		case VALUE_BYTEA:
			return found_in_bytea(DatumGetByteaPP(value));
		case VALUE_NUMERIC:
			return found_in_numeric(DatumGetNumeric(value));
		case VALUE_INT8:
			return found_in_int8(DatumGetInt64(value));
		case VALUE_NONE:
		case VALUE_TEXT:
		case VALUE_JSONB:
			break;
	}
	packed = PG_DETOAST_DATUM_PACKED(value);
	return found_in_text(rule, VARDATA_ANY(packed),
						 (int) VARSIZE_ANY_EXHDR(packed));
}

/* ---- arrays ---- */

/* The elements of an array, one after the other. */
typedef struct Elements
{
	int			n;
	Datum	   *values;
	bool	   *nulls;
} Elements;

static Elements
elements_of(const ContentRule *rule, Datum array)
{
	Elements	elements;
	int16		len;
	bool		byval;
	char		align;

	get_typlenbyvalalign(rule->element, &len, &byval, &align);
	deconstruct_array(DatumGetArrayTypeP(array), rule->element, len, byval,
					  align, &elements.values, &elements.nulls, &elements.n);
	return elements;
}

/* Did the old array have this very element at the same place? */
static bool
stood_there(const ContentRule *rule, const Elements *old, int i, Datum value)
{
	int16		len;
	bool		byval;

	if (old == NULL || i >= old->n || old->nulls[i])
		return false;
	get_typlenbyval(rule->element, &len, &byval);
	return datumIsEqual(old->values[i], value, byval, len);
}

static int
found_in_array(const ContentRule *rule, Datum value, const Datum *old)
{
	Elements	now = elements_of(rule, value);
	Elements	before = {0};

	if (old != NULL)
		before = elements_of(rule, *old);
	for (int i = 0; i < now.n; i++)
	{
		int			found;

		CHECK_FOR_INTERRUPTS();
		if (now.nulls[i] ||
			stood_there(rule, old ? &before : NULL, i, now.values[i]))
			continue;
		found = found_in_scalar(rule, now.values[i]);
		if (found != NOT_FOUND)
			return found;
	}
	return NOT_FOUND;
}

/* ---- documents ---- */

static int found_in_json(const ContentRule *rule, int depth,
						 const JsonbValue *value, const JsonbValue *old);

/* Does the rule's path go this way?  Below its end every way is its own. */
static bool
path_goes(const ContentRule *rule, int depth, const char *key, int len,
		  int index)
{
	const char *part;

	if (depth >= list_length(rule->parts))
		return true;
	part = list_nth(rule->parts, depth);
	if (key != NULL)
		return strlen(part) == (size_t) len && memcmp(part, key, len) == 0;
	return strcmp(part, "[*]") == 0 ||
		strcmp(part, psprintf("%d", index)) == 0;
}

/* A member that its name makes a secret. */
static bool
is_secret_member(const ContentRule *rule, const JsonbValue *key,
				 const JsonbValue *value)
{
	return (rule->detectors & 1u << DETECT_SECRET) != 0 &&
		value->type == jbvString &&
		is_secret_value(key->val.string.val, key->val.string.len,
						value->val.string.val, value->val.string.len);
}

/* One member of an object, and its name where it is new. */
static int
found_in_member(const ContentRule *rule, int depth, const JsonbValue *key,
				const JsonbValue *value, const JsonbValue *old)
{
	bool		below = depth >= list_length(rule->parts);
	uint32		encrypted = 1u << DETECT_PLAIN_TEXT;
	ContentRule names = *rule;
	int			found = NOT_FOUND;

	if (old != NULL && jb_same(old, value))
		return NOT_FOUND;
	if (below && is_secret_member(rule, key, value))
		return DETECT_SECRET;
	/* Names are never encrypted. */
	names.detectors &= ~encrypted;
	if (below && old == NULL && names.detectors != 0)
		found =
			found_in_text(&names, key->val.string.val, key->val.string.len);
	return found != NOT_FOUND ? found :
								found_in_json(rule, depth + 1, value, old);
}

static int
found_in_object(const ContentRule *rule, int depth,
				const JsonbContainer *object, const JsonbContainer *old)
{
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	jb_walk(&cursor, object);
	while (jb_next_member(&cursor, &key, &value))
	{
		JsonbValue	before;
		bool		had;
		int			found;

		if (!path_goes(rule, depth, key.val.string.val, key.val.string.len, 0))
			continue;
		had = old != NULL &&
			jb_get_n(old, key.val.string.val, key.val.string.len, &before);
		found =
			found_in_member(rule, depth, &key, &value, had ? &before : NULL);
		if (found != NOT_FOUND)
			return found;
	}
	return NOT_FOUND;
}

static int
found_in_elements(const ContentRule *rule, int depth,
				  const JsonbContainer *array, const JsonbContainer *old)
{
	JbCursor	cursor;
	JbCursor	before;
	JsonbValue	value;
	JsonbValue	was;
	bool		had = old != NULL;

	jb_walk(&cursor, array);
	if (had)
		jb_walk(&before, old);
	while (jb_next_element(&cursor, &value))
	{
		int			found;

		had = had && jb_next_element(&before, &was);
		if (!path_goes(rule, depth, NULL, 0, cursor.index))
			continue;
		found = found_in_json(rule, depth + 1, &value, had ? &was : NULL);
		if (found != NOT_FOUND)
			return found;
	}
	return NOT_FOUND;
}

/* A string, a number or a boolean. */
static int
found_in_json_scalar(const ContentRule *rule, const JsonbValue *value)
{
	int			found = NOT_FOUND;

	if (value->type == jbvNull)
		return NOT_FOUND;
	if (value->type == jbvString)
		return found_in_text(rule, value->val.string.val,
							 value->val.string.len);
	if (value->type == jbvNumeric &&
		(rule->detectors & 1u << DETECT_CARD_NUMBER) != 0)
		found = found_in_numeric(value->val.numeric);
	if (found == NOT_FOUND && (rule->detectors & 1u << DETECT_PLAIN_TEXT) != 0)
		found = DETECT_PLAIN_TEXT;
	return found;
}

/* The old value's container if it is one of the same kind, else NULL. */
static const JsonbContainer *
counterpart(const JsonbValue *value, const JsonbValue *old)
{
	if (old == NULL || old->type != jbvBinary ||
		jb_is_array(value) != jb_is_array(old))
		return NULL;
	return old->val.binary.data;
}

/* What is new at this place and below; old is NULL where nothing was. */
static int
found_in_json(const ContentRule *rule, int depth, const JsonbValue *value,
			  const JsonbValue *old)
{
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	if (old != NULL && jb_same(old, value))
		return NOT_FOUND;
	if (value->type != jbvBinary)
		return depth >= list_length(rule->parts) ?
			found_in_json_scalar(rule, value) :
			NOT_FOUND;
	if (jb_is_array(value))
		return found_in_elements(rule, depth, value->val.binary.data,
								 counterpart(value, old));
	return found_in_object(rule, depth, value->val.binary.data,
						   counterpart(value, old));
}

/* A whole document as a value. */
static JsonbValue
root_value(const Jsonb *jsonb)
{
	JsonbContainer *root = unconstify(JsonbContainer *, &jsonb->root);
	JsonbValue	value;

	if (JsonContainerIsScalar(root))
		return *getIthJsonbValueFromContainer(root, 0);
	value.type = jbvBinary;
	value.val.binary.data = root;
	value.val.binary.len = VARSIZE(jsonb) - VARHDRSZ;
	return value;
}

static int
found_in_document(const ContentRule *rule, Datum value, const Datum *old)
{
	JsonbValue	now = root_value(DatumGetJsonbP(value));
	JsonbValue	before;

	if (old != NULL)
		before = root_value(DatumGetJsonbP(*old));
	return found_in_json(rule, 0, &now, old ? &before : NULL);
}

/* ---- the verdict ---- */

static int
found_in_value(const ContentRule *rule, Datum value, const Datum *old)
{
	if (rule->kind == VALUE_JSONB)
		return found_in_document(rule, value, old);
	if (OidIsValid(rule->element))
		return found_in_array(rule, value, old);
	return found_in_scalar(rule, value);
}

/* The detector that finds something in a row's new value, or NOT_FOUND. */
static int
found_in_row(const Judgement *judgement, const ContentRule *rule)
{
	const Matrix *matrix = judgement->matrix;
	bool		isnull;
	Datum		value =
		heap_getattr(judgement->new, rule->attnum, matrix->desc, &isnull);
	Datum		old = (Datum) 0;
	bool		old_null = true;

	if (isnull)
		return NOT_FOUND;
	if (judgement->old != NULL)
		old = heap_getattr(judgement->old, rule->attnum, matrix->desc,
						   &old_null);
	return found_in_value(rule, value, old_null ? NULL : &old);
}

/* The name of a row's state; NULL if there is no row or no name. */
static const char *
state_of(const Matrix *matrix, HeapTuple row)
{
	return row == NULL || matrix->governing == 0 ?
		NULL :
		matrix_state_name(matrix, matrix_state_of_tuple(matrix, row));
}

static Denial *
deny_content(const Judgement *judgement, const ContentRule *rule,
			 Detector detector)
{
	const Matrix *matrix = judgement->matrix;
	Denial	   *denial = palloc0(sizeof(Denial));

	denial->sqlstate = ERRCODE_CHECK_VIOLATION;
	denial->action = judgement->old ? "update" : "insert";
	denial->reason = "content";
	denial->attnum = rule->attnum;
	denial->attribute = rule->name;
	denial->from_state = state_of(matrix, judgement->old);
	denial->to_state =
		judgement->old ? NULL : state_of(matrix, judgement->new);
	denial->rule = psprintf("attributes/%s/forbid/%s", rule->name,
							detector_name(detector));
	denial->message =
		psprintf("attribute \"%s\" of \"%s\" may not hold %s", rule->name,
				 matrix->key, detector_noun(detector));
	denial->detail = psprintf(
		"The new value looks like %s to the detector \"%s\".  The rule is \"%s\" of \"%s\", revision %lld.",
		detector_noun(detector), detector_name(detector), denial->rule,
		matrix->key, (long long) matrix->rev);
	denial->hint = detector_advice(detector);
	return denial;
}

Denial *
judge_content(const Judgement *judgement, const uint64 *changed)
{
	const ContentRules *rules;

	/* The rules are about the dataset's own table. */
	if (judgement->matrix->parent != NULL)
		return NULL;
	rules = content_rules(judgement->matrix);
	for (int i = 0; i < rules->n; i++)
	{
		const ContentRule *rule = &rules->rules[i];
		int			found;

		if (changed != NULL && !HAS_BIT(changed, rule->attnum))
			continue;
		found = found_in_row(judgement, rule);
		if (found != NOT_FOUND)
			return deny_content(judgement, rule, (Detector) found);
	}
	return NULL;
}

/* ---- findings ---- */

/* One attribute with a rule, under check. */
typedef struct Check
{
	const SpecForbid *forbid;
	Form_pg_attribute column;
	FindingSeverity severity;
	Findings   *findings;
} Check;

/* Can the column hold what one detector looks for? */
static void
check_detector(const Check *check, const char *name, const Place *place)
{
	bool		path = list_length(check->forbid->path) > 1;
	Oid			element;
	ValueKind	kind = type_kind(check->column->atttypid, &element);
	Detector	detector;

	if (!detector_by_name(name, &detector))
		return;
	if (!kind_holds(kind, detector))
		finding_add(check->findings, check->severity, "forbid_type", place,
					NULL, "column \"%s\" of type %s cannot hold %s",
					NameStr(check->column->attname),
					format_type_be(check->column->atttypid),
					detector_noun(detector));
	else if (kind == VALUE_JSONB && detector == DETECT_PLAIN_TEXT && !path)
		finding_add(
			check->findings, check->severity, "forbid_document", place,
			"Name the paths whose values are encrypted.",
			"column \"%s\" is a document, which is not encrypted as a whole",
			NameStr(check->column->attname));
}

static void
check_forbid(const Check *check, const Place *attribute)
{
	Place		list = place_member(attribute, "forbid");
	ListCell   *lc;

	if (check->column->attgenerated != '\0')
		finding_add(check->findings, check->severity, "generated_column",
					&list, "Name the columns that it is computed from.",
					"column \"%s\" is generated",
					NameStr(check->column->attname));
	foreach (lc, check->forbid->detectors)
	{
		Place		place = place_element(&list, foreach_current_index(lc));

		check_detector(check, lfirst(lc), &place);
	}
}

static Form_pg_attribute
find_column(Relation rel, const char *name)
{
	for (int i = 0; i < RelationGetDescr(rel)->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(RelationGetDescr(rel), i);

		if (!column->attisdropped &&
			strcmp(NameStr(column->attname), name) == 0)
			return column;
	}
	return NULL;
}

static bool
has_detector(const JsonbContainer *attribute, const char *name)
{
	ListCell   *lc;

	foreach (lc, jb_get_texts(attribute, "forbid"))
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

/* Say where "encrypted" is a word alone. */
static void
hint_encrypted(const SpecDataset *dataset, const Place *section,
			   Findings *findings)
{
	const JsonbContainer *map =
		jb_get_object(dataset->definition, "attributes");
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	if (map == NULL)
		return;
	jb_walk(&cursor, map);
	while (jb_next_member(&cursor, &key, &value))
	{
		Place attribute =
			place_member_n(section, key.val.string.val, key.val.string.len);
		Place		place = place_member(&attribute, "encrypted");

		if (jb_is_object(&value) &&
			jb_get_bool(value.val.binary.data, "encrypted", false) &&
			!has_detector(value.val.binary.data,
						  detector_name(DETECT_PLAIN_TEXT)))
			finding_add(findings, FINDING_INFO, "encryption_unchecked", &place,
						"\"forbid\": [\"plain_text\"] refuses what is not.",
						"nothing checks that \"%s\" is encrypted",
						jb_text(&key));
	}
}

/* CatalogCheckHook: findings about what attributes may not hold. */
static void
check_content(const SpecDataset *dataset, Relation rel,
			  const JsonbContainer *doc, const Place *place,
			  Findings *findings)
{
	Place		section = place_member(place, "attributes");
	ListCell   *lc;

	if (rel == NULL)
		return;
	hint_encrypted(dataset, &section, findings);
	foreach (lc, dataset->forbids)
	{
		const SpecForbid *forbid = lfirst(lc);
		Place		attribute = place_member(&section, forbid->name);
		Check		check = {0};

		check.forbid = forbid;
		check.findings = findings;
		check.severity = dataset->enforcement == ENFORCEMENT_OFF ?
			FINDING_WARNING :
			FINDING_ERROR;
		/* Names of columns that there are not are the catalog's business. */
		if (forbid->path != NIL)
			check.column = find_column(rel, linitial(forbid->path));
		if (check.column != NULL)
			check_forbid(&check, &attribute);
	}
}

void
content_init(void)
{
	catalog_register_check(check_content);
}
