/*-------------------------------------------------------------------------
 *
 * approval.c
 *		Approved migrations: what an owner lets through for a while.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "audit/spine_audit.h"
#include "base/jb.h"
#include "base/rights.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "registry/gate.h"
#include "registry/subject.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(spine_approve_migration);
PG_FUNCTION_INFO_V1(spine_revoke_migration);

/* ---- what is covered ---- */

/* A change is named by its kind, by its path, or by both. */
static const char covers_sql[] =
	"SELECT FROM spine.migration_approval a WHERE a.dataset = $1"
	" AND a.revoked_at IS NULL AND a.until > pg_catalog.clock_timestamp()"
	" AND (a.changes IS NULL OR a.changes && ARRAY[$2, $3, $2 || ' ' || $3])"
	" LIMIT 1";

bool
approval_covers(const char *dataset, const SchemaDifference *difference)
{
	SpiArgs		args = {0};

	spi_arg_text(&args, dataset);
	spi_arg_text(&args, difference->kind);
	spi_arg_text(&args, difference->path);
	return spi_run(covers_sql, &args, SPI_OK_SELECT) > 0;
}

/* ---- giving and taking back ---- */

static const char approve_sql[] =
	"INSERT INTO spine.migration_approval (dataset, reason, until, changes,"
	" approved_by, approved_at) VALUES ($1, $2, $3, $4, $5,"
	" pg_catalog.now()) RETURNING id";

/* Raise 22023 for what approves nothing. */
static void
check_approval(const char *reason, TimestampTz until)
{
	if (strspn(reason, " \t\n") == strlen(reason))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an approval needs a reason")));
	if (until <= GetCurrentTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an approval must end in the future")));
}

static void
audit_approval(const char *dataset, const char *action, int64 id,
			   const char *reason)
{
	AuditEvent	event = {0};
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_text(&state, "approval", psprintf(INT64_FORMAT, id));
	if (reason != NULL)
		jb_push_text(&state, "reason", reason);
	event.detail = JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
	event.dataset = CStringGetTextDatum(dataset);
	event.action = CStringGetTextDatum(action);
	event.via = CStringGetTextDatum("registry");
	audit_push(&event);
}

/* The dataset as a subject; 42704 if there is none, 42501 if it is not the
 * user's to decide. */
static void
require_dataset(const char *key, Oid user)
{
	Subject    *subject = subject_read(key);

	if (catalog_dataset(key) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no dataset \"%s\"", key)));
	subject->dataset = key;
	subject_require(subject, user, "approve a migration of");
}

/* spine.approve_migration(dataset, reason, until, changes). */
Datum
spine_approve_migration(PG_FUNCTION_ARGS)
{
	Oid			user = GetUserId();
	SpiArgs		args = {0};
	char	   *dataset;
	char	   *reason;
	ActAs		before;
	int64		id;

	for (int i = 0; i < 3; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("dataset, reason and until must not be null")));
	dataset = text_to_cstring(PG_GETARG_TEXT_PP(0));
	reason = text_to_cstring(PG_GETARG_TEXT_PP(1));
	check_approval(reason, PG_GETARG_TIMESTAMPTZ(2));

	before = act_as(extension_owner(), false);
	SPI_connect();
	require_dataset(dataset, user);
	spi_arg_text(&args, dataset);
	spi_arg_text(&args, reason);
	spi_arg(&args, TIMESTAMPTZOID, PG_GETARG_DATUM(2), false);
	spi_arg(&args, TEXTARRAYOID,
			PG_ARGISNULL(3) ? (Datum) 0 : PG_GETARG_DATUM(3), PG_ARGISNULL(3));
	spi_arg_text(&args, GetUserNameFromId(user, false));
	(void) spi_run(approve_sql, &args, SPI_OK_INSERT_RETURNING);
	id = spi_int8(0, 1, 0);
	SPI_finish();
	act_done(&before);
	audit_approval(dataset, "approve_migration", id, reason);
	PG_RETURN_INT64(id);
}

static const char revoke_sql[] =
	"UPDATE spine.migration_approval SET revoked_at = pg_catalog.now(),"
	" revoked_by = $2 WHERE id = $1 AND revoked_at IS NULL"
	" AND until > pg_catalog.clock_timestamp()";

/* The dataset of an approval. */
static char *
approved_dataset(int64 id)
{
	SpiArgs		args = {0};

	spi_arg_int8(&args, id);
	if (spi_run("SELECT dataset FROM spine.migration_approval WHERE id = $1",
				&args, SPI_OK_SELECT) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no approval " INT64_FORMAT, id)));
	return spi_text(0, 1);
}

/* spine.revoke_migration(id): false if it had ended already. */
Datum
spine_revoke_migration(PG_FUNCTION_ARGS)
{
	Oid			user = GetUserId();
	int64		id = PG_GETARG_INT64(0);
	MemoryContext own = CurrentMemoryContext;
	SpiArgs		args = {0};
	char	   *dataset;
	bool		revoked;
	ActAs		before = act_as(extension_owner(), false);

	SPI_connect();
	dataset = MemoryContextStrdup(own, approved_dataset(id));
	require_dataset(dataset, user);
	spi_arg_int8(&args, id);
	spi_arg_text(&args, GetUserNameFromId(user, false));
	revoked = spi_run(revoke_sql, &args, SPI_OK_UPDATE) > 0;
	SPI_finish();
	act_done(&before);
	if (revoked)
		audit_approval(dataset, "revoke_migration", id, NULL);
	PG_RETURN_BOOL(revoked);
}
