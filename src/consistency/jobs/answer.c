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
#include "base/spi.h"
#include "catalog/spine_catalog.h"
#include "consistency/check/answerable.h"
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

/* ---- who may ---- */

/* Who answers for a copy; of one that the document no longer has, those who
 * answer for all data. */
static void
require_voice(const char *key, const SpecPlacement *placement)
{
	if (placement != NULL)
		require_answerable(placement, "explain drift of");
	else if (!is_spine_admin(GetUserId()) &&
			 !acts_for(GetUserId(), get_role_oid("spine_steward", true)))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to explain drift of copy \"%s\"",
						key),
				 errdetail("The document no longer has it, so spine_steward "
						   "and spine_admin may do so.")));
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
add_request(const char *placement, const char *mode, const char *user)
{
	SpiArgs args = {0};
	ActAs	before = act_as(extension_owner(), false);

	SPI_connect();
	spi_arg_text(&args, placement);
	spi_arg_text(&args, mode);
	spi_arg_text(&args, user);
	(void) spi_run("INSERT INTO spine.check_request"
				   " VALUES ($1, $2, clock_timestamp(), $3)",
				   &args, SPI_OK_INSERT);
	SPI_finish();
	act_done(&before);
}

/* spine.request_check(placement text, mode text DEFAULT NULL) */
Datum
spine_request_check(PG_FUNCTION_ARGS)
{
	char				*key;
	char				*mode;
	const SpecPlacement *placement;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the copy's name must not be null")));
	key = text_to_cstring(PG_GETARG_TEXT_PP(0));
	mode = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	check_mode(mode);
	PreventCommandIfReadOnly("spine.request_check");
	placement = catalog_placement(key);
	if (placement == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("copy \"%s\" does not exist", key),
				 errdetail("Copies are named as context.dataset.placement."),
				 errhint("The view spine.topology lists all of them.")));
	require_answerable(placement, "check");
	add_request(key, mode, GetUserNameFromId(GetUserId(), false));
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
	SpiArgs	 args = {0};
	DriftRow drift;

	spi_arg_int8(&args, id);
	if (spi_run("SELECT placement, key, root_cause FROM spine.drift_log"
				" WHERE id = $1 FOR UPDATE",
				&args, SPI_OK_SELECT) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("drift " INT64_FORMAT " does not exist", id),
				 errhint("The views spine.drift and spine.drift_log list "
						 "differing rows.")));
	drift.placement = spi_text(0, 1);
	drift.key = spi_value(0, 2, NULL);
	drift.cause = spi_text(0, 3);
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
audit_cause(int64 id, const DriftRow *drift, const SpecPlacement *placement,
			const char *cause)
{
	const CatalogDataset *dataset =
		placement ? catalog_dataset(placement->dataset->key) : NULL;
	AuditEvent event = {0};

	event.dataset = CStringGetTextDatum(placement ? placement->dataset->key :
													drift->placement);
	event.action = CStringGetTextDatum("update");
	event.rev = dataset ? dataset->rev : 0;
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
	SpiArgs args = {0};

	spi_arg_int8(&args, id);
	spi_arg_text(&args, cause);
	(void) spi_run("UPDATE spine.drift_log SET root_cause = $2 WHERE id = $1",
				   &args, SPI_OK_UPDATE);
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
	char				*cause = cause_argument(fcinfo);
	int64				 id = PG_GETARG_INT64(0);
	const SpecPlacement *placement;
	DriftRow			 drift;
	ActAs				 before;
	bool				 news;

	PreventCommandIfReadOnly("spine.explain_drift");
	SPI_connect();
	before = act_as(extension_owner(), false);
	drift = read_drift(id);
	act_done(&before);
	placement = catalog_placement(drift.placement);
	require_voice(drift.placement, placement);

	news = drift.cause == NULL || strcmp(drift.cause, cause) != 0;
	if (news)
	{
		before = act_as(extension_owner(), false);
		write_cause(id, cause);
		act_done(&before);
		/* in the name of who said it */
		audit_cause(id, &drift, placement, cause);
	}
	SPI_finish();
	PG_RETURN_BOOL(news);
}
