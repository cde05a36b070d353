/*-------------------------------------------------------------------------
 *
 * remove.c
 *		Deleting versions and subjects, softly first and then for good.
 *
 * Data that was written with a schema must stay readable: a version that
 * another one refers to is not deleted at all, and one that was not deleted
 * softly is not deleted for good.
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
#include "registry/store.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

PG_FUNCTION_INFO_V1(spine_delete_schema);

/* What is to be deleted. */
typedef struct Removal
{
	Subject    *subject;
	int			version;	/* 0: all of them */
	bool		permanent;
	List	   *versions;	/* of int: those that were deleted */
} Removal;

/* ---- may it go? ---- */

/* Live versions elsewhere that refer to what would go. */
static const char referrers_sql[] =
	"SELECT r.subject, r.version FROM spine.schema_reference r"
	" JOIN spine.schema_version v ON v.context = r.context"
	" AND v.subject = r.subject AND v.version = r.version"
	" WHERE r.ref_context = $1 AND r.ref_subject = $2"
	" AND ($3 = 0 OR r.ref_version = $3)"
	" AND NOT (r.context = $1 AND r.subject = $2)"
	" AND ($4 OR NOT v.deleted) ORDER BY 1, 2 LIMIT 1";

static void
require_unreferenced(const Removal *removal)
{
	SpiArgs		args = {0};

	spi_arg_text(&args, removal->subject->context);
	spi_arg_text(&args, removal->subject->name);
	spi_arg_int4(&args, removal->version);
	spi_arg_bool(&args, removal->permanent);
	if (spi_run(referrers_sql, &args, SPI_OK_SELECT) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("cannot delete a schema that others refer to"),
			 errdetail("Version %d of subject \"%s\" does.", spi_int4(0, 2, 0),
					   spi_text(0, 1))));
}

/* Is the version among what is asked for, and is it there to be deleted? */
static bool
is_meant(const Removal *removal, const StoredVersion *version)
{
	if (removal->version != 0)
		return version->version == removal->version;
	return removal->permanent || !version->deleted;
}

static void
check_version(const Removal *removal, const StoredVersion *version)
{
	if (version->deleted && !removal->permanent)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of subject \"%s\" is deleted already",
						version->version, removal->subject->shown),
				 errhint("With permanent it is deleted for good.")));
	if (!version->deleted && removal->permanent)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of subject \"%s\" is in use",
						version->version, removal->subject->shown),
				 errhint("Delete it softly first: nobody will take it up "
						 "any more, but data is still read with it.")));
}

static void
find_versions(Removal *removal)
{
	List *versions = stored_versions(CurrentMemoryContext, removal->subject);
	ListCell   *lc;

	foreach (lc, versions)
	{
		const StoredVersion *version = lfirst(lc);

		if (!is_meant(removal, version))
			continue;
		check_version(removal, version);
		removal->versions = lappend_int(removal->versions, version->version);
	}
	if (removal->versions != NIL)
		return;
	if (removal->version != 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("subject \"%s\" has no version %d",
						removal->subject->shown, removal->version)));
	ereport(ERROR,
			(errcode(versions == NIL ?
						 ERRCODE_UNDEFINED_OBJECT :
						 ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg(versions == NIL ? "there is no subject \"%s\"" :
									  "subject \"%s\" is deleted already",
					removal->subject->shown)));
}

/* ---- deleting ---- */

static Datum
version_array(const List *versions)
{
	Datum	   *elements = palloc(sizeof(Datum) * (list_length(versions) + 1));
	int			n = 0;
	ListCell   *lc;

	foreach (lc, versions)
		elements[n++] = Int32GetDatum(lfirst_int(lc));
	return PointerGetDatum(
		construct_array(elements, n, INT4OID, 4, true, TYPALIGN_INT));
}

/* Run a statement over the versions that go. */
static void
run_over(const Removal *removal, const char *sql, int expected)
{
	SpiArgs		args = {0};

	spi_arg_text(&args, removal->subject->context);
	spi_arg_text(&args, removal->subject->name);
	spi_arg(&args, INT4ARRAYOID, version_array(removal->versions), false);
	(void) spi_run(sql, &args, expected);
}

static void
delete_versions(const Removal *removal)
{
	if (!removal->permanent)
	{
		run_over(removal,
				 "UPDATE spine.schema_version SET deleted = true"
				 " WHERE context = $1 AND subject = $2 AND version = ANY ($3)",
				 SPI_OK_UPDATE);
		return;
	}
	run_over(removal,
			 "DELETE FROM spine.schema_reference"
			 " WHERE context = $1 AND subject = $2 AND version = ANY ($3)",
			 SPI_OK_DELETE);
	run_over(removal,
			 "DELETE FROM spine.schema_version"
			 " WHERE context = $1 AND subject = $2 AND version = ANY ($3)",
			 SPI_OK_DELETE);
}

static void
audit_removal(const Removal *removal)
{
	AuditEvent	event = {0};
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_text(&state, "subject", removal->subject->shown);
	(void) pushJsonbValue(&state, WJB_KEY,
						  &(JsonbValue){.type = jbvString,
										.val.string = {8, "versions"}});
	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < list_length(removal->versions); i++)
	{
		JsonbValue	number;

		number.type = jbvNumeric;
		number.val.numeric = DatumGetNumeric(
			DirectFunctionCall1(int4_numeric,
								Int32GetDatum(
									list_nth_int(removal->versions, i))));
		(void) pushJsonbValue(&state, WJB_ELEM, &number);
	}
	(void) pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	event.key = JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
	event.dataset = CStringGetTextDatum(removal->subject->dataset ?
											removal->subject->dataset :
											removal->subject->shown);
	event.action = CStringGetTextDatum("delete");
	event.via = CStringGetTextDatum("registry");
	audit_push(&event);
}

/* spine.delete_schema(subject, version, permanent). */
Datum
spine_delete_schema(PG_FUNCTION_ARGS)
{
	Removal		removal = {0};
	Oid			user = GetUserId();
	MemoryContext own = CurrentMemoryContext;
	ActAs		before;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("subject and permanent must not be null")));
	removal.subject = subject_read(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	removal.version = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1);
	removal.permanent = PG_GETARG_BOOL(2);
	PreventCommandIfReadOnly("spine.delete_schema");
	subject_lock(removal.subject);
	before = act_as(extension_owner(), false);
	SPI_connect();
	subject_find(removal.subject);
	subject_require(removal.subject, user, "delete from");
	find_versions(&removal);
	require_unreferenced(&removal);
	delete_versions(&removal);
	MemoryContextSwitchTo(own);
	removal.versions = list_copy(removal.versions);
	SPI_finish();
	act_done(&before);
	audit_removal(&removal);
	PG_RETURN_DATUM(version_array(removal.versions));
}
