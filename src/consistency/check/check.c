/*-------------------------------------------------------------------------
 *
 * check.c
 *		spine.check_replica: is a copy equal to its source of truth, and
 *		where is it not?
 *
 * Both sides are read as the caller, here as on other servers; the account is
 * kept as the extension's owner.  That sides cannot be compared, or a server
 * not be reached, is a verdict like others, with an account; what the caller
 * may not do is an error.
 *
 * Invariant: "equal" is only said of all rows compared in full, by digest or
 * one by one.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "consistency/check/answerable.h"
#include "consistency/check/check.h"
#include "consistency/progress.h"
#include "consistency/push/push.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/pg_lsn.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(spine_check_replica);

/* ---- comparing ---- */

/*
 * Of a copy in a store that cannot be asked, compare what was pushed last.
 * False if nothing was; then the comparison says why it is impossible.
 */
static bool
compare_pushed(Check *check)
{
	const SpecPlacement *spec = check->copy->spec;
	const Push *push = NULL;

	if (spec->store != NULL && strcmp(spec->store->kind, "postgres") != 0)
		push = push_judge_last(spec);
	if (push == NULL)
		return false;
	check->run_id = push->run_id;
	check->verdict = push->verdict;
	check->rows_sot = push->source_total.rows;
	check->rows_copy = push->total.rows;
	check->differing = push->differing;
	check->lag_text = push_age(push);
	check->method = "pushed";
	check->as_of = push->as_of_lsn;
	return true;
}

static void
compare(Check *check)
{
	int			settings;

	check->kept = compare_pushed(check);
	if (check->kept)
		return;
	settings = side_settings();
	compare_copy(check);
	copy_close(check->copy);
	AtEOXact_GUC(false, settings);
}

/* Does an error say that the sides cannot be compared as they are? */
static bool
is_incomparable(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_SPINE_INCOMPARABLE ||
		sqlerrcode == ERRCODE_FEATURE_NOT_SUPPORTED;
}

/*
 * Make a verdict of what another server said.  The words it used are for the
 * caller, whose mapping it is; what stays for others has its code alone.
 */
static void
judge_remote_error(Check *check, const ErrorData *error)
{
	check->verdict =
		remote_unreachable(error->sqlerrcode) ? "unreachable" : "incomparable";
	check->why = psprintf("%s (SQLSTATE %s)", error->message,
						  unpack_sql_state(error->sqlerrcode));
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("copy \"%s\": %s", check->placement, error->message),
			 error->detail ? errdetail_internal("%s", error->detail) : 0));
}

static void
judge_error(Check *check, ErrorData *error)
{
	if (remote_error_taken())
		judge_remote_error(check, error);
	else if (is_incomparable(error->sqlerrcode))
	{
		check->verdict = "incomparable";
		check->why = error->detail ? error->detail : error->message;
		if (error->hint != NULL)
			check->why = psprintf("%s %s", check->why, error->hint);
	}
	else
		ReThrowError(error);
	check->complete = false;
	check->kept = false;
	check->suspects = NIL;
}

/*
 * Compare in a subtransaction, whose end closes connections whatever
 * happened.
 */
static void
try_compare(Check *check)
{
	MemoryContext mcxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	(void) remote_error_taken();
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(mcxt);
	PG_TRY();
	{
		compare(check);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(mcxt);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(mcxt);
		CurrentResourceOwner = owner;
		judge_error(check, error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(mcxt);
	CurrentResourceOwner = owner;
}

/* ---- the function ---- */

static CheckMode
mode_of(const char *name)
{
	static const char *const names[] = {"count", "sample", "digest", "rows"};

	for (int i = 0; i < (int) lengthof(names); i++)
		if (strcmp(names[i], name) == 0)
			return (CheckMode) i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no mode \"%s\" of comparing", name),
			 errhint("Modes are count, sample, digest and rows.")));
}

bool
check_compared(const Check *check)
{
	return strcmp(check->verdict, "incomparable") != 0 &&
		strcmp(check->verdict, "unreachable") != 0;
}

Check *
check_run(const char *placement, const char *mode)
{
	Check	   *check = palloc0(sizeof(Check));

	check->mcxt = CurrentMemoryContext;
	check->mode_name = mode;
	check->mode = mode_of(mode);
	check->method = mode;
	check->started = GetCurrentTimestamp();
	PreventCommandIfReadOnly("spine.check_replica");
	PreventCommandDuringRecovery("spine.check_replica");
	check->as_of = GetXLogInsertRecPtr();
	check->copy = copy_find(placement);
	check->placement = check->copy->placement;
	require_answerable(check->copy->spec, "check");
	progress_begin(check->placement);
	try_compare(check);
	if (!check->kept)
		keep_account(check);
	progress_end();
	return check;
}

static Datum
result_row(FunctionCallInfo fcinfo, const Check *check)
{
	TupleDesc	desc;
	Datum		values[8] = {0};
	bool		nulls[8] = {false};
	bool		compared = check_compared(check);

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		/* cannot happen */
		elog(ERROR, "return type must be a row type");
	values[0] = Int64GetDatum(check->run_id);
	values[1] = CStringGetTextDatum(check->verdict);
	values[2] = Int64GetDatum(check->rows_sot);
	values[3] = Int64GetDatum(check->rows_copy);
	values[4] = Int64GetDatum(check->differing);
	nulls[2] = nulls[3] = nulls[4] = !compared;
	nulls[5] = check->lag_text == NULL;
	if (!nulls[5])
		values[5] =
			DirectFunctionCall3(interval_in, CStringGetDatum(check->lag_text),
								ObjectIdGetDatum(InvalidOid),
								Int32GetDatum(-1));
	values[6] = CStringGetTextDatum(check->method);
	values[7] = LSNGetDatum(check->as_of);
	return HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* spine.check_replica(placement, mode): see docs/consistency.md. */
Datum
spine_check_replica(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(
		result_row(fcinfo,
				   check_run(text_to_cstring(PG_GETARG_TEXT_PP(0)),
							 text_to_cstring(PG_GETARG_TEXT_PP(1)))));
}
