/*-------------------------------------------------------------------------
 *
 * subjects.c
 *		The functions over subjects that change or check something.
 *
 * Each acts as the extension's owner for its own tables, after it has checked
 * the caller's right; audit rows and events are the caller's.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/xact.h"
#include "base/rights.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "registry/publish.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(spine_publish_schema);
PG_FUNCTION_INFO_V1(spine_check_schema);
PG_FUNCTION_INFO_V1(spine_lookup_schema);
PG_FUNCTION_INFO_V1(spine_rollback_schema);

/* ---- acting ---- */

/* As the extension's owner, connected to SPI, with what is committed now. */
static ActAs
begin(void)
{
	ActAs		before = act_as(extension_owner(), false);

	SPI_connect();
	return before;
}

static void
end(const ActAs *before)
{
	SPI_finish();
	act_done(before);
}

/* May the user read what is published? */
static bool
may_read(Oid user)
{
	static const char *const readers[] = {"spine_reader", "spine_publisher",
										  "spine_steward", "spine_auditor",
										  "spine_admin"};

	if (superuser_arg(user))
		return true;
	for (size_t i = 0; i < lengthof(readers); i++)
		if (acts_for(user, get_role_oid(readers[i], true)))
			return true;
	return false;
}

/* Whoever may read may ask what would come of a schema; so may who evolves
 * the subject. */
static void
require_reader(const Subject *subject, Oid user)
{
	if (!may_read(user))
		subject_require(subject, user, "check a schema of");
}

/* ---- rows ---- */

static Datum
row_datum(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		/* cannot happen */
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

static void
published_values(const Published *published, Datum *values)
{
	values[0] = Int32GetDatum(published->id);
	values[1] = Int32GetDatum(published->version);
	values[2] = CStringGetTextDatum(published->semver);
}

/* No check is made of NULL, so none may seem to have been made. */
static void
refuse_nulls(FunctionCallInfo fcinfo)
{
	for (int i = 0; i < PG_NARGS(); i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("arguments must not be null")));
}

static Offer *
offer_of_arguments(FunctionCallInfo fcinfo)
{
	refuse_nulls(fcinfo);
	return offer_read(PG_GETARG_TEXT_PP(0), PG_GETARG_TEXT_PP(1),
					  PG_GETARG_TEXT_PP(2), PG_GETARG_JSONB_P(3));
}

/* ---- publishing ---- */

/* Judge and bring in an offer of a user's. */
static Published
publish(Offer *offer, Oid user, const char *what)
{
	ActAs		before;
	Published	published;

	PreventCommandIfReadOnly("spine.publish_schema");
	subject_lock(offer->subject);
	before = begin();
	subject_find(offer->subject);
	subject_require(offer->subject, user, what);
	offer_judge(offer);
	published = offer_publish(offer, GetUserNameFromId(user, false));
	published.semver = MemoryContextStrdup(offer->mcxt, published.semver);
	end(&before);
	if (published.created)
		offer_announce(offer, &published);
	engine_end(offer->engine);
	return published;
}

/* spine.publish_schema(subject, schema, type, options). */
Datum
spine_publish_schema(PG_FUNCTION_ARGS)
{
	Published	published =
		publish(offer_of_arguments(fcinfo), GetUserId(), "publish to");
	Datum		values[4];
	bool		nulls[4] = {false};

	published_values(&published, values);
	values[3] = BoolGetDatum(published.created);
	PG_RETURN_DATUM(row_datum(fcinfo, values, nulls));
}

/* The offer that an old version would be today. */
static Offer *
offer_of_version(Subject *subject, int number)
{
	Offer	   *offer = palloc0(sizeof(Offer));
	ActAs		before;
	StoredVersion *version;

	offer->mcxt = CurrentMemoryContext;
	offer->subject = subject;
	offer->origin = "rollback";
	before = begin();
	version = stored_version(offer->mcxt, subject, number);
	end(&before);
	if (version == NULL || version->deleted)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("subject \"%s\" has no version %d", subject->shown,
						number)));
	offer->format = format_find(version->type);
	offer->text = version->text;
	offer->references = version->references;
	offer->metadata = version->metadata;
	offer->rule_set = version->rule_set;
	return offer;
}

/* spine.rollback_schema(subject, version). */
Datum
spine_rollback_schema(PG_FUNCTION_ARGS)
{
	Subject    *subject;
	Published	published;
	Datum		values[3];
	bool		nulls[3] = {false};

	refuse_nulls(fcinfo);
	subject = subject_read(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	subject_lock(subject);
	published = publish(offer_of_version(subject, PG_GETARG_INT32(1)),
						GetUserId(), "roll back");
	published_values(&published, values);
	PG_RETURN_DATUM(row_datum(fcinfo, values, nulls));
}

/* ---- asking ---- */

/* Judge an offer, changing nothing. */
static void
judge(Offer *offer)
{
	Oid			user = GetUserId();
	ActAs		before = begin();

	subject_find(offer->subject);
	require_reader(offer->subject, user);
	offer_judge(offer);
	end(&before);
}

/* spine.check_schema(subject, schema, type, options). */
Datum
spine_check_schema(PG_FUNCTION_ARGS)
{
	Offer	   *offer = offer_of_arguments(fcinfo);
	Datum		values[3];
	bool		nulls[3] = {false};

	judge(offer);
	values[0] = BoolGetDatum(offer->broken == 0);
	values[1] = differences_jsonb(offer->broken ? &offer->breaking :
												  &offer->differences);
	values[2] =
		CStringGetTextDatum(offer->same ? offer->same->semver : offer->next);
	engine_end(offer->engine);
	PG_RETURN_DATUM(row_datum(fcinfo, values, nulls));
}

/* spine.lookup_schema(subject, schema, type, options). */
Datum
spine_lookup_schema(PG_FUNCTION_ARGS)
{
	Offer	   *offer = offer_of_arguments(fcinfo);
	Datum		values[3] = {0};
	bool		nulls[3] = {true, true, true};

	judge(offer);
	if (offer->same != NULL)
	{
		values[0] = Int32GetDatum(offer->same->id);
		values[1] = Int32GetDatum(offer->same->version);
		values[2] = CStringGetTextDatum(offer->same->semver);
		memset(nulls, false, sizeof(nulls));
	}
	engine_end(offer->engine);
	PG_RETURN_DATUM(row_datum(fcinfo, values, nulls));
}
