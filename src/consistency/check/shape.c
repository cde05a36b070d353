/*-------------------------------------------------------------------------
 *
 * shape.c
 *		Fingerprints of what a check of a copy compares, and of the rules by
 *		which the copy is kept.
 *
 * A proof holds as long as the shape that it was made of.  So whatever
 * changes the meaning of a comparison is part of the shape: names and types of
 * the columns on both sides, with what the types are made of; the text of
 * views; the mapping, the filter and the key; the canonical format.  The rows
 * are not.  Too much in it costs a check that nobody needed, too little a
 * proof that is none, so in doubt it is in.
 *
 * Catalogs are read through the caches, without locks: who only looks at a
 * view of ours must not wait for a migration, nor a migration for him.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_type.h"
#include "catalog/spine_catalog.h"
#include "consistency/rows/canonical.h"
#include "consistency/rows/hash128.h"
#include "consistency/check/shape.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "rewrite/rewriteSupport.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(spine_copy_shape);
PG_FUNCTION_INFO_V1(spine_copy_rules);

/* Members of a placement that say what is compared with what. */
static const char *const compared[] = {"store",	 "locator", "columns",
									   "filter", "key",		"upstream"};

/* Members that only tell people something. */
static const char *const told[] = {"description", "links",		 "rationale",
								   "runbook",	  "provisional", "owner"};

/* Which of a relation's columns count: NULL both, all. */
typedef struct Wanted
{
	const JsonbContainer *mapped;	/* names are members of it */
	const char			 *mentioned; /* names stand in this text */
} Wanted;

static void shape_type(StringInfo out, Oid type, int32 typmod);
static void shape_columns(StringInfo out, Oid relid, const Wanted *wanted);

static char *
digits_of(const StringInfo text)
{
	char *digits = palloc(DIGEST_DIGITS + 1);

	hash128_print(hash128(text->data, text->len), digits);
	return digits;
}

/* ---- types ---- */

/* The labels of an enum, whatever their order. */
static void
shape_labels(StringInfo out, Oid type)
{
	CatCList *labels =
		SearchSysCacheList1(ENUMTYPOIDNAME, ObjectIdGetDatum(type));
	Hash128	  sum = {0, 0};
	char	  digits[DIGEST_DIGITS + 1];

	for (int i = 0; i < labels->n_members; i++)
	{
		Form_pg_enum label =
			(Form_pg_enum) GETSTRUCT(&labels->members[i]->tuple);

		hash128_add(&sum,
					hash128(NameStr(label->enumlabel),
							strlen(NameStr(label->enumlabel))));
	}
	ReleaseCatCacheList(labels);
	hash128_print(sum, digits);
	appendStringInfo(out, "{%s}", digits);
}

/* What a type is made of, as far as values of it depend on that. */
static void
shape_parts(StringInfo out, Oid type)
{
	int32 typmod = -1;
	Oid	  part;

	switch (get_typtype(type))
	{
		case TYPTYPE_ENUM:
			shape_labels(out, type);
			break;
		case TYPTYPE_DOMAIN:
			part = getBaseTypeAndTypmod(type, &typmod);
			shape_type(out, part, typmod);
			break;
		case TYPTYPE_COMPOSITE:
			shape_columns(out, get_typ_typrelid(type), NULL);
			break;
		case TYPTYPE_RANGE:
			shape_type(out, get_range_subtype(type), -1);
			break;
		case TYPTYPE_MULTIRANGE:
			shape_type(out, get_multirange_range(type), -1);
			break;
		default:
			part = get_element_type(type);
			if (OidIsValid(part))
				shape_type(out, part, -1);
			break;
	}
}

/* Types of the server itself are known by their names. */
static void
shape_type(StringInfo out, Oid type, int32 typmod)
{
	check_stack_depth();
	appendStringInfo(out, "(%s",
					 format_type_extended(type, typmod,
										  FORMAT_TYPE_TYPEMOD_GIVEN |
											  FORMAT_TYPE_ALLOW_INVALID |
											  FORMAT_TYPE_FORCE_QUALIFY));
	if (type >= FirstNormalObjectId || OidIsValid(get_element_type(type)))
		shape_parts(out, type);
	appendStringInfoChar(out, ')');
}

/* ---- columns ---- */

/* Does a text hold a name, quoted or not, whatever its case? */
static bool
mentions(const char *text, const char *name)
{
	int	  length = strlen(name);
	char *quoted = pstrdup(quote_identifier(name));

	/* Escapes spell names in other letters. */
	if (strstr(text, "U&") || strstr(text, "u&"))
		return true;
	for (const char *c = text; *c != '\0'; c++)
		if (pg_strncasecmp(c, name, length) == 0)
			return true;
	return strstr(text, quoted) != NULL;
}

static bool
is_wanted(const Wanted *wanted, const char *name)
{
	JsonbValue value;

	if (wanted == NULL)
		return true;
	if (wanted->mapped != NULL)
		return jb_get(wanted->mapped, name, &value);
	return wanted->mentioned == NULL || mentions(wanted->mentioned, name);
}

static Hash128
column_hash(Form_pg_attribute column)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "%s ", NameStr(column->attname));
	shape_type(&text, column->atttypid, column->atttypmod);
	return hash128(text.data, text.len);
}

/* Dropped ones included; 0 if the relation is gone. */
static int
number_of_columns(Oid relid)
{
	HeapTuple row = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	int		  natts;

	if (!HeapTupleIsValid(row))
		return 0;
	natts = ((Form_pg_class) GETSTRUCT(row))->relnatts;
	ReleaseSysCache(row);
	return natts;
}

/* The columns, whatever their order. */
static void
shape_columns(StringInfo out, Oid relid, const Wanted *wanted)
{
	Hash128 sum = {0, 0};
	char	digits[DIGEST_DIGITS + 1];
	int		natts = number_of_columns(relid);

	for (int i = 1; i <= natts; i++)
	{
		HeapTuple row =
			SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(i));
		Form_pg_attribute column;

		if (!HeapTupleIsValid(row))
			continue;
		column = (Form_pg_attribute) GETSTRUCT(row);
		if (!column->attisdropped &&
			is_wanted(wanted, NameStr(column->attname)))
			hash128_add(&sum, column_hash(column));
		ReleaseSysCache(row);
	}
	hash128_print(sum, digits);
	appendStringInfo(out, "[%s]", digits);
}

/* What a view selects. */
static void
shape_rule(StringInfo out, Oid relid)
{
	HeapTuple row = SearchSysCache2(RULERELNAME, ObjectIdGetDatum(relid),
									CStringGetDatum(ViewSelectRuleName));
	char	  digits[DIGEST_DIGITS + 1];
	Datum	  action;
	bool	  isnull;
	char	 *words;

	if (!HeapTupleIsValid(row))
		return;
	action =
		SysCacheGetAttr(RULERELNAME, row, Anum_pg_rewrite_ev_action, &isnull);
	words = text_to_cstring(DatumGetTextPP(action));
	hash128_print(hash128(words, strlen(words)), digits);
	appendStringInfo(out, "rule %s", digits);
	pfree(words);
	ReleaseSysCache(row);
}

static void
shape_relation(StringInfo out, const char *name, const Wanted *wanted)
{
	Oid	 relid = name ? spec_relation_oid(name) : InvalidOid;
	char kind;

	if (!OidIsValid(relid))
	{
		appendStringInfoString(out, "absent\n");
		return;
	}
	kind = get_rel_relkind(relid);
	if (kind == RELKIND_VIEW || kind == RELKIND_MATVIEW)
		shape_rule(out, relid);
	shape_columns(out, relid, wanted);
	appendStringInfoChar(out, '\n');
}

/* ---- the document's words ---- */

static void
push_member(StringInfo out, const char *name, JsonbValue *value)
{
	Jsonb *jsonb = JsonbValueToJsonb(value);

	appendStringInfo(out, "%s=", name);
	(void) JsonbToCString(out, &jsonb->root, VARSIZE(jsonb));
	appendStringInfoChar(out, '\n');
}

static void
push_compared(StringInfo out, const JsonbContainer *entry)
{
	for (int i = 0; i < (int) lengthof(compared); i++)
	{
		JsonbValue value;

		if (jb_get(entry, compared[i], &value))
			push_member(out, compared[i], &value);
	}
}

/* The expressions over the source, one after the other; NULL if the columns
 * are mapped by their names. */
static char *
expressions_of(const JsonbContainer *entry)
{
	const JsonbContainer *columns = jb_get_object(entry, "columns");
	char				 *filter = jb_get_text(entry, "filter");
	StringInfoData		  text;
	JbCursor			  cursor;
	JsonbValue			  name;
	JsonbValue			  value;

	if (columns == NULL)
		return NULL;
	initStringInfo(&text);
	jb_walk(&cursor, columns);
	while (jb_next_member(&cursor, &name, &value))
		if (value.type == jbvString)
			appendStringInfo(&text, "%s\n", jb_text(&value));
	if (filter != NULL)
		appendStringInfoString(&text, filter);
	return text.data;
}

/* A snapshot is compared with itself, so its source does not count. */
char *
shape_fingerprint(const char *section, const char *relation,
				  const JsonbContainer *entry, bool here)
{
	Wanted		   source = {NULL, expressions_of(entry)};
	Wanted		   copy = {jb_get_object(entry, "columns"), NULL};
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "format %d\n%s\n", CANONICAL_VERSION, section);
	push_compared(&text, entry);
	if (strcmp(section, "snapshots") != 0)
	{
		appendStringInfo(&text, "%s: ", relation ? relation : "");
		shape_relation(&text, relation, &source);
	}
	if (here)
		shape_relation(&text, jb_get_text(entry, "locator"), &copy);
	return digits_of(&text);
}

static bool
is_told(const JsonbValue *name)
{
	for (int i = 0; i < (int) lengthof(told); i++)
		if (name->val.string.len == (int) strlen(told[i]) &&
			memcmp(name->val.string.val, told[i], name->val.string.len) == 0)
			return true;
	return false;
}

char *
rules_fingerprint(const char *section, const char *relation,
				  const JsonbContainer *entry)
{
	StringInfoData text;
	JbCursor	   cursor;
	JsonbValue	   name;
	JsonbValue	   value;

	initStringInfo(&text);
	appendStringInfo(&text, "%s\n%s\n", section, relation ? relation : "");
	jb_walk(&cursor, entry);
	while (jb_next_member(&cursor, &name, &value))
		if (!is_told(&name))
			push_member(&text, jb_text(&name), &value);
	return digits_of(&text);
}

/* ---- for SQL ---- */

/* spine.copy_shape(section text, relation text, definition jsonb, here bool) */
Datum
spine_copy_shape(PG_FUNCTION_ARGS)
{
	char *relation;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2) ||
		!JB_ROOT_IS_OBJECT(PG_GETARG_JSONB_P(2)))
		PG_RETURN_NULL();
	relation = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	PG_RETURN_TEXT_P(cstring_to_text(
		shape_fingerprint(text_to_cstring(PG_GETARG_TEXT_PP(0)), relation,
						  &PG_GETARG_JSONB_P(2)->root,
						  !PG_ARGISNULL(3) && PG_GETARG_BOOL(3))));
}

/* spine.copy_rules(section text, relation text, definition jsonb) */
Datum
spine_copy_rules(PG_FUNCTION_ARGS)
{
	char *relation;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2) ||
		!JB_ROOT_IS_OBJECT(PG_GETARG_JSONB_P(2)))
		PG_RETURN_NULL();
	relation = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	PG_RETURN_TEXT_P(cstring_to_text(
		rules_fingerprint(text_to_cstring(PG_GETARG_TEXT_PP(0)), relation,
						  &PG_GETARG_JSONB_P(2)->root)));
}
