/*-------------------------------------------------------------------------
 *
 * answer.c
 *		What people ask of the jobs and tell of drift: spine.request_check and
 *		spine.explain_drift.
 *
 * Both are for who answers for the copy or its dataset, as the check itself.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "audit/spine_audit.h"
#include "base/job.h"
#include "base/rights.h"
#include "catalog/pg_type.h"
#include "catalog/spine_catalog.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(spine_request_check);
PG_FUNCTION_INFO_V1(spine_explain_drift);

/* Longest text of a root cause, in bytes. */
#define LONGEST_CAUSE 10000

/* A copy as the newest document has it. */
typedef struct Placement
{
	CatalogDataset		 *dataset; /* NULL: it is not in the document */
	const JsonbContainer *entry;   /* its own member, likewise */
} Placement;

static void
check_result(int result, int expected)
{
	if (result != expected)
		/* cannot happen */
		elog(ERROR, "could not write down an answer: %s",
			 SPI_result_code_string(result));
}

/* ---- who may ---- */

static Placement
find_placement(const char *key)
{
	static const char *const sections[] = {"replicas", "caches", "snapshots",
										   "derived"};
	List	 *parts = asset_key_parts(key);
	Placement found = {0};

	if (list_length(parts) != 3)
		return found;
	found.dataset =
		catalog_dataset(asset_key(linitial(parts), lsecond(parts), NULL));
	for (int i = 0; found.dataset && i < (int) lengthof(sections); i++)
	{
		const JsonbContainer *section =
			jb_get_object(found.dataset->spec->definition, sections[i]);

		found.entry = jb_get_object(section, lthird(parts));
		if (found.entry != NULL)
			return found;
	}
	found.dataset = NULL;
	return found;
}

static bool
acts_for_party(Oid user, const char *party)
{
	Oid role = party ? catalog_party_role(party) : InvalidOid;

	return OidIsValid(role) && acts_for(user, role);
}

/* Does the user answer for the copy, its dataset, or all data? */
static bool
is_answerable(Oid user, const Placement *placement)
{
	Oid				   steward = get_role_oid("spine_steward", true);
	const SpecDataset *dataset;

	if (is_spine_admin(user) ||
		(OidIsValid(steward) && acts_for(user, steward)))
		return true;
	if (placement->dataset == NULL)
		return false;
	dataset = placement->dataset->spec;
	return acts_for_party(user, dataset->standing) ||
		acts_for_party(user, jb_get_text(dataset->definition, "steward")) ||
		acts_for_party(user, jb_get_text(placement->entry, "owner"));
}

static void
refuse_stranger(Oid user, const char *what, const char *placement)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("role \"%s\" may not %s \"%s\"",
					GetUserNameFromId(user, false), what, placement),
			 errdetail("The owner and the steward of its dataset, the owner "
					   "of the copy, spine_steward and spine_admin may.")));
}

/* ---- spine.request_check ---- */

static void
check_mode(const char *mode)
{
	if (mode == NULL || strcmp(mode, "count") == 0 ||
		strcmp(mode, "sample") == 0 || strcmp(mode, "digest") == 0 ||
		strcmp(mode, "rows") == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no mode \"%s\" of comparing", mode),
			 errhint("Modes are count, sample, digest and rows.")));
}

/*
 * Each request is a row, even if the same one waits: a check that is running
 * takes those that it saw, and this one may be about what it did not see.
 */
static void
add_request(const char *placement, const char *mode, Oid user)
{
	Oid	  types[] = {TEXTOID, TEXTOID, TEXTOID};
	Datum values[] = {CStringGetTextDatum(placement),
					  mode ? CStringGetTextDatum(mode) : (Datum) 0,
					  CStringGetTextDatum(GetUserNameFromId(user, false))};
	char  nulls[] = {' ', mode ? ' ' : 'n', ' ', '\0'};

	check_result(
		SPI_execute_with_args("INSERT INTO spine.check_request VALUES"
							  " ($1, $2, pg_catalog.clock_timestamp(), $3)",
							  lengthof(types), types, values, nulls, false, 0),
		SPI_OK_INSERT);
}

/* spine.request_check(placement text, mode text DEFAULT NULL) */
Datum
spine_request_check(PG_FUNCTION_ARGS)
{
	Oid		  user = GetUserId();
	char	 *key;
	char	 *mode;
	Placement placement;
	ActAs	  before;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the copy's name must not be null")));
	key = text_to_cstring(PG_GETARG_TEXT_PP(0));
	mode = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	check_mode(mode);
	PreventCommandIfReadOnly("spine.request_check");
	placement = find_placement(key);
	if (placement.dataset == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("copy \"%s\" does not exist", key),
				 errdetail("Copies are named as context.dataset.placement."),
				 errhint("The view spine.topology lists all of them.")));
	if (!is_answerable(user, &placement))
		refuse_stranger(user, "ask for a check of", key);

	before = act_as(extension_owner(), false);
	SPI_connect();
	add_request(key, mode, user);
	SPI_finish();
	act_done(&before);
	job_request_at_commit();
	PG_RETURN_VOID();
}

/* ---- spine.explain_drift ---- */

/* A row of spine.drift_log, locked. */
typedef struct DriftRow
{
	char *placement;
	Datum key;	 /* jsonb */
	char *cause; /* as it stands there, or NULL */
} DriftRow;

static DriftRow
read_drift(int64 id)
{
	Oid		 type = INT8OID;
	Datum	 value = Int64GetDatum(id);
	DriftRow drift;
	bool	 isnull;

	check_result(SPI_execute_with_args("SELECT placement, key, root_cause"
									   " FROM spine.drift_log WHERE id = $1"
									   " FOR UPDATE",
									   1, &type, &value, NULL, false, 1),
				 SPI_OK_SELECT);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("drift " INT64_FORMAT " does not exist", id),
				 errhint("The views spine.drift and spine.drift_log list "
						 "differing rows.")));
	drift.placement =
		SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	drift.key = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2,
							  &isnull);
	drift.cause =
		SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3);
	return drift;
}

/* An object that holds the cause; NULL as null. */
static Datum
cause_object(const char *cause)
{
	JsonbParseState *state = NULL;
	JsonbValue		 null = {.type = jbvNull};

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	if (cause != NULL)
		jb_push_text(&state, "root_cause", cause);
	else
		jb_push_value(&state, "root_cause", &null);
	return JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/* Which row of which copy it is about. */
static Datum
drift_object(int64 id, const char *placement)
{
	JsonbParseState *state = NULL;
	JsonbValue		 number;

	number.type = jbvNumeric;
	number.val.numeric = int64_to_numeric(id);
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_value(&state, "drift", &number);
	jb_push_text(&state, "placement", placement);
	return JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/* Who said what of which row, and what stood there before. */
static void
audit_cause(int64 id, const DriftRow *drift, const Placement *placement,
			const char *cause)
{
	AuditEvent event = {0};

	event.dataset = CStringGetTextDatum(
		placement->dataset ? placement->dataset->spec->key : drift->placement);
	event.action = CStringGetTextDatum("update");
	event.rev = placement->dataset ? placement->dataset->rev : 0;
	event.key = drift->key;
	event.old_values = cause_object(drift->cause);
	event.new_values = cause_object(cause);
	event.via = CStringGetTextDatum("explain_drift");
	event.detail = drift_object(id, drift->placement);
	audit_push(&event);
}

static void
write_cause(int64 id, const char *cause)
{
	Oid	  types[] = {INT8OID, TEXTOID};
	Datum values[] = {Int64GetDatum(id), CStringGetTextDatum(cause)};

	check_result(SPI_execute_with_args("UPDATE spine.drift_log"
									   " SET root_cause = $2 WHERE id = $1",
									   lengthof(types), types, values, NULL,
									   false, 0),
				 SPI_OK_UPDATE);
}

static char *
cause_argument(FunctionCallInfo fcinfo)
{
	char *cause;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("neither the drift's id nor its cause may be null")));
	cause = text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (cause[0] == '\0' || strlen(cause) > LONGEST_CAUSE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a root cause is a text of 1 to %d bytes",
						LONGEST_CAUSE)));
	return cause;
}

/* spine.explain_drift(id bigint, root_cause text) */
Datum
spine_explain_drift(PG_FUNCTION_ARGS)
{
	Oid		  user = GetUserId();
	char	 *cause = cause_argument(fcinfo);
	DriftRow  drift;
	Placement placement;
	ActAs	  before;
	bool	  news;

	PreventCommandIfReadOnly("spine.explain_drift");
	before = act_as(extension_owner(), false);
	SPI_connect();
	drift = read_drift(PG_GETARG_INT64(0));
	placement = find_placement(drift.placement);
	if (!is_answerable(user, &placement))
		refuse_stranger(user, "explain drift of", drift.placement);
	news = drift.cause == NULL || strcmp(drift.cause, cause) != 0;
	if (news)
		write_cause(PG_GETARG_INT64(0), cause);
	act_done(&before);
	/* in the name of who said it */
	if (news)
		audit_cause(PG_GETARG_INT64(0), &drift, &placement, cause);
	SPI_finish();
	PG_RETURN_BOOL(news);
}
