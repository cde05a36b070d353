/*-------------------------------------------------------------------------
 *
 * offer.c
 *		A schema that is offered to a subject: reading it, and finding out
 *		what it is and what it changes.
 *
 * Two texts are the same schema if their identities are: type, the format's
 * own form of what a schema means, references, metadata and rules.  What it
 * changes is always told against the newest live version; whether its level
 * allows it, against that one or against all.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/jb.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "registry/publish.h"
#include "registry/request.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* ---- reading ---- */

pg_noreturn static void bad_option(const char *pointer, const char *expected);

static void
bad_option(const char *pointer, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" must be %s", pointer, expected)));
}

/* A whole number of at least least, from an option. */
static int
option_number(const char *pointer, const JsonbValue *value, int least)
{
	int			number;

	if (value->type != jbvNumeric)
		bad_option(pointer, "a number");
	number = DatumGetInt32(
		DirectFunctionCall1(numeric_int4,
							NumericGetDatum(value->val.numeric)));
	if (number < least)
		bad_option(pointer, psprintf("at least %d", least));
	return number;
}

static char *
option_text(const char *pointer, const JsonbValue *value)
{
	if (value->type != jbvString)
		bad_option(pointer, "a string");
	return jb_text(value);
}

static Datum
option_object(const char *pointer, const JsonbValue *value)
{
	if (!jb_is_object(value))
		bad_option(pointer, "an object");
	return JsonbPGetDatum(JsonbValueToJsonb(unconstify(JsonbValue *, value)));
}

/* One of references: {name, subject, version}. */
static StoredReference *
read_reference(const JsonbValue *value, int index)
{
	StoredReference *reference = palloc0(sizeof(StoredReference));
	char	   *pointer = psprintf("/references/%d", index);
	const JsonbContainer *object;
	JsonbValue	version;

	if (!jb_is_object(value))
		bad_option(pointer, "an object of name, subject and version");
	object = value->val.binary.data;
	reference->name = jb_get_text(object, "name");
	if (reference->name == NULL || jb_get_text(object, "subject") == NULL ||
		!jb_get(object, "version", &version))
		bad_option(pointer, "an object of name, subject and version");
	reference->subject = subject_read(jb_get_text(object, "subject"));
	reference->version =
		option_number(psprintf("%s/version", pointer), &version, 1);
	return reference;
}

static List *
read_references(const JsonbValue *value)
{
	List	   *references = NIL;
	JbCursor	cursor;
	JsonbValue	element;

	if (!jb_is_array(value))
		bad_option("/references", "an array");
	jb_walk(&cursor, value->val.binary.data);
	while (jb_next_element(&cursor, &element))
		references =
			lappend(references,
					read_reference(&element, list_length(references)));
	return references;
}

static void
read_option(Offer *offer, const char *name, const JsonbValue *value)
{
	if (strcmp(name, "references") == 0)
		offer->references = read_references(value);
	else if (strcmp(name, "metadata") == 0)
		offer->metadata = option_object("/metadata", value);
	else if (strcmp(name, "rule_set") == 0)
		offer->rule_set = option_object("/rule_set", value);
	else if (strcmp(name, "version") == 0)
		offer->expect = option_number("/version", value, 1);
	else if (strcmp(name, "id") == 0)
		offer->id = option_number("/id", value, 1);
	else if (strcmp(name, "semver") == 0)
		offer->semver = option_text("/semver", value);
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown option \"%s\"", name),
				 errhint("There are references, metadata, rule_set, version, "
						 "id and semver.")));
}

Offer *
offer_read(const text *subject, const text *schema, const text *type,
		   Jsonb *options)
{
	Offer	   *offer = palloc0(sizeof(Offer));
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	offer->mcxt = CurrentMemoryContext;
	offer->subject = subject_read(text_to_cstring(subject));
	offer->format = request_format(type);
	offer->text = text_to_cstring(schema);
	offer->origin = "publish";
	if (!JB_ROOT_IS_OBJECT(options))
		bad_option("", "an object");
	jb_walk(&cursor, &options->root);
	while (jb_next_member(&cursor, &key, &value))
		if (value.type != jbvNull)
			read_option(offer, jb_text(&key), &value);
	return offer;
}

/* ---- what it is ---- */

/* Hash a text with its end, so that two texts are not another two. */
static void
hash_text(pg_cryptohash_ctx *hash, const char *text)
{
	if (pg_cryptohash_update(hash, (const uint8 *) text, strlen(text) + 1) < 0)
		/* cannot happen */
		elog(ERROR, "could not hash a schema");
}

static void
hash_jsonb(pg_cryptohash_ctx *hash, Datum jsonb)
{
	Jsonb	   *value = DatumGetJsonbP(jsonb);

	hash_text(hash, JsonbToCString(NULL, &value->root, VARSIZE(value)));
}

static Datum
identity_of(const Offer *offer)
{
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);
	bytea	   *result = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);

	if (hash == NULL || pg_cryptohash_init(hash) < 0)
		/* cannot happen */
		elog(ERROR, "could not hash a schema");
	hash_text(hash, offer->format->name);
	hash_text(hash,
			  format_identity(offer->engine, offer->format, offer->schema));
	if (offer->references != NIL)
		hash_jsonb(hash, references_jsonb(offer->references));
	hash_text(hash, "");
	if (offer->metadata)
		hash_jsonb(hash, offer->metadata);
	hash_text(hash, "");
	if (offer->rule_set)
		hash_jsonb(hash, offer->rule_set);
	if (pg_cryptohash_final(hash, (uint8 *) VARDATA(result),
							PG_SHA256_DIGEST_LENGTH) < 0)
		/* cannot happen */
		elog(ERROR, "could not hash a schema");
	pg_cryptohash_free(hash);
	SET_VARSIZE(result, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	return PointerGetDatum(result);
}

/* Parse a text with what it refers to. */
static const Schema *
parse_text(const Offer *offer, const SchemaFormat *format, const char *text,
		   const List *references)
{
	int			count;
	SchemaReference *texts = stored_texts(offer->mcxt, references, &count);
	char	   *utf8 = pg_server_to_any(text, (int) strlen(text), PG_UTF8);

	return format->parse(offer->engine, MemoryContextStrdup(offer->mcxt, utf8),
						 strlen(utf8), texts, count);
}

/* ---- what it changes ---- */

static SchemaPolicy
policy_of(const Offer *offer, const StoredVersion *old)
{
	RequestOptions options = {0};
	SchemaPolicy policy;

	request_reserved(old->metadata, &options.old);
	request_reserved(offer->metadata, &options.new);
	policy = request_policy(&options, 0);
	policy.lenient = offer->setting.lenient;
	return policy;
}

/* The differences from a stored version to the offer. */
static SchemaDifferences
differences_from(const Offer *offer, const StoredVersion *old)
{
	SchemaDifferences differences = {NULL, NULL, 0};
	SchemaPolicy policy = policy_of(offer, old);

	offer->format->diff(offer->engine,
						parse_text(offer, offer->format, old->text,
								   old->references),
						offer->schema, &policy, &differences);
	return differences;
}

static bool
breaks_any(const SchemaDifferences *differences, unsigned wanted)
{
	for (const SchemaDifference *d = differences->first; d != NULL;
		 d = d->next)
		if ((d->breaks & wanted) != 0)
			return true;
	return false;
}

/* The value of the metadata property that splits a subject's history. */
static char *
group_value(const Offer *offer, Datum metadata)
{
	if (offer->setting.group == NULL || !metadata)
		return NULL;
	return jb_get_text(jb_get_object(&DatumGetJsonbP(metadata)->root,
									 "properties"),
					   offer->setting.group);
}

static bool
same_group(const Offer *offer, const StoredVersion *old)
{
	char	   *mine = group_value(offer, offer->metadata);
	char	   *other = group_value(offer, old->metadata);

	if (mine == NULL || other == NULL)
		return mine == other;
	return strcmp(mine, other) == 0;
}

/* Does it count for the level? */
static bool
is_judged(const Offer *offer, const StoredVersion *old)
{
	return !old->deleted && same_group(offer, old);
}

static void
check_type(const Offer *offer)
{
	if (offer->latest == NULL ||
		strcmp(offer->latest->type, offer->format->name) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_SPINE_INCOMPATIBLE_SCHEMA),
			 errmsg("subject \"%s\" has schemas of type %s, not %s",
					offer->subject->shown, offer->latest->type,
					offer->format->name)));
}

/* Which version's level does it break, the newest first? */
static void
judge_level(Offer *offer)
{
	SchemaLevel level =
		request_level(offer->format, cstring_to_text(offer->setting.level));

	if (level.wanted == 0)
		return;
	for (int i = list_length(offer->versions) - 1; i >= 0; i--)
	{
		const StoredVersion *old = list_nth(offer->versions, i);
		SchemaDifferences differences;

		CHECK_FOR_INTERRUPTS();
		if (!is_judged(offer, old))
			continue;
		differences = old == offer->latest ? offer->differences :
											 differences_from(offer, old);
		if (breaks_any(&differences, level.wanted))
		{
			offer->broken = old->version;
			offer->breaking = differences;
			return;
		}
		if (!level.transitive)
			return;
	}
}

/* ---- which semantic version it deserves ---- */

static void
next_semver(Offer *offer)
{
	StoredVersion *newest =
		offer->versions != NIL ? llast(offer->versions) : NULL;
	SemverBump	bump = semver_bump(&offer->differences);
	Semver		old;

	if (newest == NULL)
	{
		strcpy(offer->next, "1.0.0");
		return;
	}
	if (!semver_parse(newest->semver, strlen(newest->semver), &old) ||
		!semver_next(&old, bump == BUMP_NONE ? BUMP_PATCH : bump, offer->next))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("semantic version \"%s\" cannot be raised",
						newest->semver)));
}

/* ---- judging ---- */

static void
find_versions(Offer *offer)
{
	ListCell   *lc;

	offer->versions = stored_versions(offer->mcxt, offer->subject);
	foreach (lc, offer->versions)
	{
		StoredVersion *version = lfirst(lc);

		if (version->deleted)
			continue;
		offer->latest = version;
		if (DatumGetBool(DirectFunctionCall2(byteaeq, version->identity,
											 offer->identity)))
			offer->same = version;
	}
}

void
offer_judge(Offer *offer)
{
	MemoryContext old = MemoryContextSwitchTo(offer->mcxt);

	offer->engine = engine_begin();
	offer->schema =
		parse_text(offer, offer->format, offer->text, offer->references);
	offer->canonical = offer->format->canonical(offer->engine, offer->schema);
	offer->identity = identity_of(offer);
	find_versions(offer);
	offer->setting =
		stored_setting(offer->mcxt, offer->subject, offer->format->name);
	check_type(offer);
	if (offer->latest != NULL)
		offer->differences = differences_from(offer, offer->latest);
	judge_level(offer);
	next_semver(offer);
	MemoryContextSwitchTo(old);
}

/* ---- telling ---- */

Datum
differences_jsonb(const SchemaDifferences *differences)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (const SchemaDifference *d = differences->first; d != NULL;
		 d = d->next)
	{
		(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		jb_push_text(&state, "kind", d->kind);
		jb_push_text(&state, "path", text_to_cstring(request_result(d->path)));
		jb_push_bool(&state, "backward", (d->breaks & BREAKS_BACKWARD) == 0);
		jb_push_bool(&state, "forward", (d->breaks & BREAKS_FORWARD) == 0);
		jb_push_text(&state, "message",
					 text_to_cstring(request_result(d->message)));
		(void) pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	return JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL)));
}
