/*-------------------------------------------------------------------------
 *
 * publish.c
 *		Bringing a schema in as the newest version of a subject.
 *
 * Whoever publishes holds the subject's lock until the transaction ends, so
 * versions have no gap and no double.  The schema itself is shared by all
 * subjects of a context: two publishers of the same new schema meet at the
 * unique index, and the later one takes the id of the earlier.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "audit/spine_audit.h"
#include "base/jb.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "registry/publish.h"
#include "registry/request.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/uuid.h"

/* Findings that stand in an error's DETAIL. */
#define MOST_TOLD 50

/* ---- may it come in? ---- */

/* Every difference that breaks, a line each. */
static char *
breaking_lines(const SchemaDifferences *differences)
{
	StringInfoData lines;
	int			told = 0;

	initStringInfo(&lines);
	for (const SchemaDifference *d = differences->first; d != NULL;
		 d = d->next)
	{
		if (d->breaks == BREAKS_NOTHING)
			continue;
		if (told++ == MOST_TOLD)
		{
			appendStringInfoString(&lines, "\n…");
			break;
		}
		appendStringInfo(&lines, "%s%s at \"%s\": %s", told > 1 ? "\n" : "",
						 d->kind, text_to_cstring(request_result(d->path)),
						 text_to_cstring(request_result(d->message)));
	}
	return lines.data;
}

static void
require_level(const Offer *offer)
{
	if (offer->broken == 0)
		return;
	ereport(
		ERROR,
		(errcode(ERRCODE_SPINE_INCOMPATIBLE_SCHEMA),
		 errmsg("schema is not compatible with version %d of subject \"%s\"",
				offer->broken, offer->subject->shown),
		 errdetail_internal("%s", breaking_lines(&offer->breaking)),
		 errhint("The level of the subject is %s; "
				 "spine.check_schema returns the findings as rows.",
				 offer->setting.level)));
}

static void
require_mode(const Offer *offer)
{
	bool		import = strcmp(offer->setting.mode, "IMPORT") == 0;

	if (strncmp(offer->setting.mode, "READONLY", 8) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("subject \"%s\" is in mode %s", offer->subject->shown,
						offer->setting.mode)));
	if (import && (offer->id == 0 || offer->expect == 0))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("subject \"%s\" is in mode IMPORT",
						offer->subject->shown),
				 errhint("Give id and version among the options.")));
	if (!import && offer->id != 0 &&
		(offer->same == NULL || offer->same->id != offer->id))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("an id may be chosen in mode IMPORT only")));
}

/* In mode IMPORT: is the number free? */
static void
require_free(const Offer *offer)
{
	ListCell   *lc;

	foreach (lc, offer->versions)
		if (((StoredVersion *) lfirst(lc))->version == offer->expect)
			ereport(ERROR,
					(errcode(ERRCODE_UNIQUE_VIOLATION),
					 errmsg("subject \"%s\" has a version %d already",
							offer->subject->shown, offer->expect)));
}

/* The number that it will have; 40001 if another one was expected. */
static int
next_version(const Offer *offer)
{
	StoredVersion *newest =
		offer->versions != NIL ? llast(offer->versions) : NULL;
	int			next = newest ? newest->version + 1 : 1;

	if (strcmp(offer->setting.mode, "IMPORT") == 0)
	{
		require_free(offer);
		return offer->expect;
	}
	if (offer->expect != 0 && offer->expect != next)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("the next version of subject \"%s\" is %d, not %d",
						offer->subject->shown, next, offer->expect),
				 errhint("Look at what was published meanwhile, then try "
						 "again.")));
	return next;
}

/* The semantic version: what its author claims, if that is enough. */
static const char *
chosen_semver(const Offer *offer)
{
	Semver		claim;
	Semver		least;

	if (offer->semver == NULL)
		return offer->next;
	if (!semver_parse(offer->semver, strlen(offer->semver), &claim))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is no semantic version", offer->semver)));
	(void) semver_parse(offer->next, strlen(offer->next), &least);
	if (semver_compare(&claim, &least) < 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg(
				 "semantic version \"%s\" claims less than the schema changes",
				 offer->semver),
			 errdetail("The change asks for %s at least.", offer->next)));
	return offer->semver;
}

/* ---- writing ---- */

/* A UUID out of an identity: version 8, made of the hash. */
static Datum
guid_of(Datum identity)
{
	pg_uuid_t  *uuid = palloc(sizeof(pg_uuid_t));

	memcpy(uuid->data, VARDATA_ANY(DatumGetByteaPP(identity)), UUID_LEN);
	uuid->data[6] = (uuid->data[6] & 0x0f) | 0x80;
	uuid->data[8] = (uuid->data[8] & 0x3f) | 0x80;
	return UUIDPGetDatum(uuid);
}

static const char body_sql[] =
	"INSERT INTO spine.schema_body (context, id, type, identity, text,"
	" canonical, refs, metadata, rule_set, guid, created_at, created_by)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, pg_catalog.now(), $11)"
	" ON CONFLICT (context, identity) DO NOTHING RETURNING id";

static const char next_id_sql[] =
	"SELECT n.id, EXISTS (SELECT FROM spine.schema_body b"
	" WHERE b.context = $1 AND b.id = n.id)"
	" FROM (SELECT pg_catalog.nextval('spine.schema_id')::int4 AS id) n";

static const char has_id_sql[] =
	"SELECT FROM spine.schema_body WHERE context = $1 AND id = $2";

/* An id that no schema of the context has: the one asked for, or a new one,
 * past those that were imported. */
static int
choose_id(const Offer *offer)
{
	SpiArgs		args = {0};

	spi_arg_text(&args, offer->subject->context);
	if (offer->id != 0)
	{
		spi_arg_int4(&args, offer->id);
		if (spi_run(has_id_sql, &args, SPI_OK_SELECT) > 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNIQUE_VIOLATION),
					 errmsg("another schema has id %d", offer->id)));
		return offer->id;
	}
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		(void) spi_run(next_id_sql, &args, SPI_OK_SELECT);
		if (!spi_bool(0, 2, false))
			return spi_int4(0, 1, 0);
	}
}

static const char find_body_sql[] =
	"SELECT id FROM spine.schema_body WHERE context = $1 AND identity = $2";

/* The id of the schema in its context, if it has one; else 0. */
static int
find_body(const Offer *offer)
{
	SpiArgs		args = {0};

	spi_arg_text(&args, offer->subject->context);
	spi_arg_bytea(&args, offer->identity);
	return spi_run(find_body_sql, &args, SPI_OK_SELECT) > 0 ?
		spi_int4(0, 1, 0) :
		0;
}

/* Find or make the schema; returns its id. */
static int
keep_body(const Offer *offer, const char *author)
{
	SpiArgs		args = {0};
	int			id = find_body(offer);

	if (id == 0)
	{
		spi_arg_text(&args, offer->subject->context);
		spi_arg_int4(&args, choose_id(offer));
		spi_arg_text(&args, offer->format->name);
		spi_arg_bytea(&args, offer->identity);
		spi_arg_text(&args, offer->text);
		spi_arg(&args, TEXTOID,
				PointerGetDatum(request_result(offer->canonical)), false);
		spi_arg_jsonb(&args, references_jsonb(offer->references));
		spi_arg_jsonb(&args, offer->metadata);
		spi_arg_jsonb(&args, offer->rule_set);
		spi_arg(&args, UUIDOID, guid_of(offer->identity), false);
		spi_arg_text(&args, author);
		id = spi_run(body_sql, &args, SPI_OK_INSERT_RETURNING) > 0 ?
			spi_int4(0, 1, 0) :
			find_body(offer);
	}
	if (offer->id != 0 && id != offer->id)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("the schema has id %d already, not %d", id,
						offer->id)));
	return id;
}

static const char version_sql[] =
	"INSERT INTO spine.schema_version (context, subject, version, id, semver,"
	" text, origin, findings, published_at, published_by)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, pg_catalog.now(), $9)";

static void
keep_version(const Offer *offer, const Published *published,
			 const char *author)
{
	SpiArgs		args = {0};

	spi_arg_text(&args, offer->subject->context);
	spi_arg_text(&args, offer->subject->name);
	spi_arg_int4(&args, published->version);
	spi_arg_int4(&args, published->id);
	spi_arg_text(&args, published->semver);
	spi_arg_text(&args, offer->text);
	spi_arg_text(&args, offer->origin);
	spi_arg_jsonb(&args, differences_jsonb(&offer->differences));
	spi_arg_text(&args, author);
	(void) spi_run(version_sql, &args, SPI_OK_INSERT);
}

static const char reference_sql[] =
	"INSERT INTO spine.schema_reference VALUES ($1, $2, $3, $4, $5, $6, $7,"
	" $8)";

static void
keep_references(const Offer *offer, int version)
{
	ListCell   *lc;

	foreach (lc, offer->references)
	{
		const StoredReference *reference = lfirst(lc);
		SpiArgs		args = {0};

		spi_arg_text(&args, offer->subject->context);
		spi_arg_text(&args, offer->subject->name);
		spi_arg_int4(&args, version);
		spi_arg_int4(&args, foreach_current_index(lc));
		spi_arg_text(&args, reference->name);
		spi_arg_text(&args, reference->subject->context);
		spi_arg_text(&args, reference->subject->name);
		spi_arg_int4(&args, reference->version);
		(void) spi_run(reference_sql, &args, SPI_OK_INSERT);
	}
}

/* ---- telling ---- */

/* A number as a member. */
static void
push_number(JsonbParseState **state, const char *key, int number)
{
	JsonbValue	value;

	value.type = jbvNumeric;
	value.val.numeric = DatumGetNumeric(
		DirectFunctionCall1(int4_numeric, Int32GetDatum(number)));
	jb_push_value(state, key, &value);
}

/* {subject, version}, and with what was published: id, semver, type. */
static Datum
publication(const Offer *offer, const Published *published, bool all)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_text(&state, "subject", offer->subject->shown);
	push_number(&state, "version", published->version);
	if (all)
	{
		push_number(&state, "id", published->id);
		jb_push_text(&state, "semver", published->semver);
		jb_push_text(&state, "type", offer->format->name);
		jb_push_text(&state, "origin", offer->origin);
	}
	return JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

void
offer_announce(const Offer *offer, const Published *published)
{
	const char *asset = offer->subject->dataset ? offer->subject->dataset :
												  offer->subject->shown;
	AuditEvent	audit = {0};
	OutboxEvent event = {0};

	audit.dataset = CStringGetTextDatum(asset);
	audit.action = CStringGetTextDatum(offer->origin);
	audit.key = publication(offer, published, false);
	audit.new_values = publication(offer, published, true);
	audit.via = CStringGetTextDatum("registry");
	audit_push(&audit);

	event.kind = "signal";
	event.topic = "SchemaPublished";
	event.dataset = asset;
	event.key = publication(offer, published, false);
	event.payload = publication(offer, published, true);
	outbox_push(&event);
}

/* ---- publishing ---- */

/* Keep it as a version, in its author's name. */
static Published
bring_in(Offer *offer, const char *author)
{
	Published	published = {0};

	published.created = true;
	published.version = next_version(offer);
	published.semver = chosen_semver(offer);
	published.id = keep_body(offer, author);
	keep_version(offer, &published, author);
	keep_references(offer, published.version);
	return published;
}

Published
offer_publish(Offer *offer, const char *author)
{
	Published	published = {0};
	bool		rollback = strcmp(offer->origin, "rollback") == 0;

	/* What the gate let through is a fact, and so is what it found. */
	if (strcmp(offer->origin, "migration") == 0 ||
		strcmp(offer->origin, "adopted") == 0)
	{
		offer->setting.mode = "READWRITE";
		offer->broken = 0;
	}
	require_mode(offer);
	if (offer->same != NULL && (!rollback || offer->same == offer->latest))
	{
		published.id = offer->same->id;
		published.version = offer->same->version;
		published.semver = offer->same->semver;
		return published;
	}
	if (strcmp(offer->setting.mode, "IMPORT") != 0 && !rollback)
		require_level(offer);
	return bring_in(offer, author);
}
