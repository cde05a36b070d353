/*-------------------------------------------------------------------------
 *
 * apply.c
 *		apply, rollback, plan, diff and detach_all.
 *
 * An apply is one transaction of the caller's: the revision, the projection
 * and the statements of the plan, or nothing.  Whoever applies holds the
 * revision lock until commit, so the plan that was judged is the plan that
 * runs.  Rights are judged as the calling user (rights_check.c); the statements
 * then run as the owner of the extension.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/xact.h"
#include "base/rights.h"
#include "catalog/owner.h"
#include "catalog/rights_diff.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(spine_plan);
PG_FUNCTION_INFO_V1(spine_diff);
PG_FUNCTION_INFO_V1(spine_apply);
PG_FUNCTION_INFO_V1(spine_rollback);
PG_FUNCTION_INFO_V1(spine_detach_all);

/* ---- documents ---- */

/* The document argument, checked for its shape. */
static Jsonb *
document_argument(FunctionCallInfo fcinfo)
{
	Findings   *findings;
	Jsonb	   *doc;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("document must not be null")));

	doc = PG_GETARG_JSONB_P(0);
	findings = findings_new();
	document_check_shape(&doc->root, findings);
	findings_raise(findings);
	return doc;
}

/* A text argument; what is null is empty. */
static char *
text_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? pstrdup("") :
							 text_to_cstring(PG_GETARG_TEXT_PP(n));
}

/* Does an apply of one leave the other as it is? */
static bool
documents_equal(const Jsonb *a, const Jsonb *b)
{
	JsonbValue	left = document_value(a);
	JsonbValue	right = document_value(b);

	return values_equal(&left, &right);
}

/* The document of a revision that must exist; 0 is the empty one. */
Jsonb *
existing_document(int64 rev)
{
	Jsonb *document = rev == 0 ? document_empty() : document_of_revision(rev);

	if (document == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("revision " INT64_FORMAT " does not exist", rev),
				 errhint("The newest revision is " INT64_FORMAT ".",
						 revision_newest())));
	return document;
}

/* Raise the errors of a whole document, tell how many warnings it has. */
static void
judge_document(const Jsonb *document, const Jsonb *accepted, bool tell)
{
	Findings   *findings = findings_new();
	int			warnings = 0;
	ListCell   *lc;

	document_check(&document->root, &accepted->root, findings);
	findings_raise(findings);

	foreach (lc, findings->items)
		if (((Finding *) lfirst(lc))->severity == FINDING_WARNING)
			warnings++;
	if (tell && warnings > 0)
		ereport(
			NOTICE,
			(errmsg_plural("document has %d warning",
						   "document has %d warnings", warnings, warnings),
			 errhint(
				 "spine.validate(document) returns the findings as rows.")));
}

/* ---- steps ---- */

/* Error context: which step of the plan was running. */
static void
step_context(void *arg)
{
	const PlanStep *step = arg;

	errcontext("%s of %s \"%s\"", step->action, step->kind, step->key);
}

/* How many sections that change attachments are running. */
static int applying = 0;

bool
catalog_is_applying(void)
{
	return applying > 0;
}

/* Run the statements of one step. */
static void
run_step(PlanStep *step)
{
	ErrorContextCallback callback = {error_context_stack, step_context, step};

	error_context_stack = &callback;
	if (SPI_execute(step->sql, false, 0) < 0)
		/* cannot happen */
		elog(ERROR, "could not run: %s", step->sql);
	error_context_stack = callback.previous;
}

/* Run the statements of all steps, as the owner of the extension. */
static void
run_steps(const List *steps)
{
	ActAs		before = act_as(extension_owner(), false);
	ListCell   *lc;

	SPI_connect();
	applying++;
	PG_TRY();
	{
		foreach (lc, steps)
		{
			PlanStep   *step = lfirst(lc);

			if (step->execute && step->sql != NULL)
				run_step(step);
		}
	}
	PG_FINALLY();
	{
		applying--;
	}
	PG_END_TRY();
	SPI_finish();
	act_done(&before);
}

/* ---- apply ---- */

/* Applying writes: refuse where nothing can be written. */
static void
prevent_if_read_only(const char *command)
{
	PreventCommandIfReadOnly(command);
	PreventCommandIfParallelMode(command);
	PreventCommandDuringRecovery(command);
}

int64
document_apply(Jsonb *current, int64 rev, const Jsonb *doc, Jsonb *merged,
			   const char *message)
{
	Jsonb *followed = document_follow(current);
	Oid	   user = GetUserId();
	Oid	   only = is_spine_admin(user) ? InvalidOid : user;
	List  *attachments;
	List  *pins;

	merged = document_follow(merged);
	judge_document(merged, followed, true);
	if (OidIsValid(only))
		rights_check(followed, merged, user);
	attachments = document_attachments(&followed->root, &merged->root, only);
	pins = pins_changed(&doc->root, &followed->root, &merged->root, only);

	if (documents_equal(current, merged))
		projection_mend(rev);
	else
	{
		projection_insert_revision(current, rev++, merged, message);
		owner_signals(followed, merged, rev);
	}
	projection_repin(pins, rev);
	run_steps(attachments);
	return rev;
}

/* Refuse an expect_rev that is not the newest revision. */
static void
check_expected(int64 expected, int64 rev)
{
	if (expected != rev)
		ereport(ERROR,
				(errcode(ERRCODE_SPINE_STALE_REVISION),
				 errmsg("revision " INT64_FORMAT " is not the newest one",
						expected),
				 errdetail("The newest revision is " INT64_FORMAT ".", rev),
				 errhint("Export the document again, and apply your change to "
						 "that.")));
}

/* spine.apply(doc, message, prune, expect_rev): see docs/catalog.md. */
Datum
spine_apply(PG_FUNCTION_ARGS)
{
	Jsonb	   *doc;
	Jsonb	   *current;
	Jsonb	   *merged;
	bool		prune;
	int64		rev;

	prevent_if_read_only("spine.apply()");
	doc = document_argument(fcinfo);
	prune = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	rights_check_standing(doc, prune, GetUserId());

	revision_lock();
	current = document_newest(&rev);
	if (!PG_ARGISNULL(3))
		check_expected(PG_GETARG_INT64(3), rev);
	merged = document_merge(current, doc, prune);
	PG_RETURN_INT64(
		document_apply(current, rev, doc, merged, text_argument(fcinfo, 1)));
}

/* spine.rollback(rev, message): an old document whole, as a new revision. */
Datum
spine_rollback(PG_FUNCTION_ARGS)
{
	Jsonb	   *document;
	Jsonb	   *current;
	int64		rev;

	prevent_if_read_only("spine.rollback()");
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("revision must not be null")));
	document = existing_document(PG_GETARG_INT64(0));
	rights_check_standing(document, true, GetUserId());

	revision_lock();
	current = document_newest(&rev);
	PG_RETURN_INT64(document_apply(current, rev, document, document,
								   text_argument(fcinfo, 1)));
}

/* ---- plan ---- */

/* Return steps as the rows of spine.plan. */
static void
return_steps(FunctionCallInfo fcinfo, const List *steps)
{
	ReturnSetInfo *rsinfo;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	foreach (lc, steps)
	{
		const PlanStep *step = lfirst(lc);
		bool		nulls[7] = {false};
		Datum		values[7];

		values[0] = CStringGetTextDatum(step->action);
		values[1] = CStringGetTextDatum(step->kind);
		values[2] = CStringGetTextDatum(step->key);
		nulls[3] = step->before == NULL;
		values[3] = JsonbPGetDatum(step->before);
		nulls[4] = step->after == NULL;
		values[4] = JsonbPGetDatum(step->after);
		values[5] = CStringGetTextDatum(step->risk);
		nulls[6] = step->sql == NULL;
		values[6] = nulls[6] ? (Datum) 0 : CStringGetTextDatum(step->sql);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
}

/* spine.plan(doc, prune): what apply would do; executes nothing. */
Datum
spine_plan(PG_FUNCTION_ARGS)
{
	Jsonb	   *doc = document_argument(fcinfo);
	int64		rev;
	Jsonb	   *current = document_newest(&rev);
	Jsonb	   *merged =
		document_merge(current, doc, !PG_ARGISNULL(1) && PG_GETARG_BOOL(1));

	List	   *pins;

	merged = document_follow(merged);
	judge_document(merged, document_follow(current), false);
	pins = pins_changed(&doc->root, &current->root, &merged->root, InvalidOid);
	return_steps(fcinfo,
				 list_concat(document_plan(&current->root, &merged->root),
							 pins_steps(pins)));
	return (Datum) 0;
}

/* spine.diff(a, b): what differs between two revisions. */
Datum
spine_diff(PG_FUNCTION_ARGS)
{
	Jsonb	   *before = existing_document(PG_GETARG_INT64(0));
	Jsonb	   *after = existing_document(PG_GETARG_INT64(1));

	return_steps(fcinfo,
				 list_concat(document_diff(&before->root, &after->root),
							 document_right_steps(&before->root,
												  &after->root)));
	return (Datum) 0;
}

/* ---- detach ---- */

/* The rooms' steps that take everything off the tables. */
static List *
detach_steps(void)
{
	int64		rev;
	Jsonb	   *current = document_newest(&rev);
	List	   *steps = NIL;
	ListCell   *lc;

	foreach (lc, document_datasets(&current->root))
	{
		SpecDataset *dataset = lfirst(lc);

		if (dataset->local)
			catalog_run_steps(dataset, NULL, &steps);
	}
	return steps;
}

/*
 * Triggers of ours on other people's tables, told by their functions: found
 * also where projection and revisions are damaged.  Triggers of partitions
 * that come from their parent's are left out, as they cannot be dropped.
 */
static const char triggers_of_ours[] =
	" FROM pg_catalog.pg_trigger t"
	" JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid"
	" JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid"
	" WHERE p.pronamespace = 'spine'::pg_catalog.regnamespace"
	" AND c.relnamespace <> 'spine'::pg_catalog.regnamespace"
	" AND NOT t.tgisinternal AND t.tgparentid = 0";

/* How many relations are guarded, told by their row triggers; partitions of
 * a guarded one count as their root. */
static int
count_attached(void)
{
	char *sql;
	bool  isnull;

	sql = psprintf("SELECT pg_catalog.count(DISTINCT t.tgrelid)%s"
				   " AND t.tgtype & 1 = 1",
				   triggers_of_ours);
	if (SPI_execute(sql, false, 0) != SPI_OK_SELECT || SPI_processed != 1)
		/* cannot happen */
		elog(ERROR, "could not count triggers");
	return (int) DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
											 SPI_tuptable->tupdesc, 1,
											 &isnull));
}

/* Drop the triggers of ours that are left. */
static void
drop_leftovers(void)
{
	char		  *sql = psprintf("SELECT pg_catalog.format("
										   "'DROP TRIGGER IF EXISTS %%I ON %%s',"
										   " t.tgname, t.tgrelid::pg_catalog.regclass)%s",
								  triggers_of_ours);
	SPITupleTable *found;
	uint64		count;

	if (SPI_execute(sql, false, 0) != SPI_OK_SELECT)
		/* cannot happen */
		elog(ERROR, "could not find triggers");
	found = SPI_tuptable;
	count = SPI_processed;
	for (uint64 i = 0; i < count; i++)
		(void) SPI_execute(SPI_getvalue(found->vals[i], found->tupdesc, 1),
						   false, 0);
}

/* The number of relations with triggers, asked as the extension's owner. */
static int
attached_relations(bool drop)
{
	ActAs		before = act_as(extension_owner(), false);
	int			count = 0;

	SPI_connect();
	applying++;
	PG_TRY();
	{
		if (drop)
			drop_leftovers();
		else
			count = count_attached();
	}
	PG_FINALLY();
	{
		applying--;
	}
	PG_END_TRY();
	SPI_finish();
	act_done(&before);
	return count;
}

/*
 * spine.detach_all(): take guards and constraints off all tables, so that the
 * extension can be dropped.  The document stays; the next apply attaches
 * again.
 */
Datum
spine_detach_all(PG_FUNCTION_ARGS)
{
	int			count;

	prevent_if_read_only("spine.detach_all()");
	require_spine_role("spine_admin", "detach spine from all tables");
	revision_lock();
	count = attached_relations(false);
	run_steps(detach_steps());
	(void) attached_relations(true);
	PG_RETURN_INT32(count);
}
