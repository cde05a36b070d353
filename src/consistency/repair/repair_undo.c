/*-------------------------------------------------------------------------
 *
 * repair_undo.c
 *		spine.undo_repair: rows that a repair wrote become what they were.
 *
 * The journal has each row whole, before and after.  A row that still is what
 * the repair made of it, in every column, is written back; others are left
 * alone.  An undo is a run of its own in the journal, and cannot be undone:
 * the drift that it brings back can be repaired again.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/relation.h"
#include "access/xact.h"
#include "base/rights.h"
#include "consistency/check/answerable.h"
#include "consistency/repair/repair_internal.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(spine_undo_repair);
PG_FUNCTION_INFO_V1(spine_undo_repair_of);

/* Who answers for the copy; where no document names it, who repaired it. */
static void
require_may_undo(const RepairRun *run, const SpecPlacement *placement)
{
	if (placement != NULL)
		require_answerable(placement, "repair");
	else if (!is_spine_admin(GetUserId()) &&
			 !acts_for(GetUserId(), get_role_oid(run->actor, true)))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to repair copy \"%s\"",
						run->placement),
				 errdetail("No document names it here: role \"%s\", who "
						   "repaired it, and spine_admin may undo that.",
						   run->actor)));
}

static void
require_undoable(int64 run_id, const RepairRun *run)
{
	if (!run->dry_run && run->undo_of == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("repair " INT64_FORMAT " cannot be undone", run_id),
			 errdetail("%s",
					   run->dry_run ? "It was a dry run." :
									  "It is an undo itself."),
			 run->dry_run ?
				 0 :
				 errhint("spine.repair_replica repairs the copy again.")));
}

static bool
is_here(const SpecPlacement *placement)
{
	return placement->store != NULL && placement->store->here;
}

/*
 * What was kept of rows goes back where it came from: who may change the
 * document must not have it written to a table of his own.
 */
static void
require_same_copy(const RepairRun *run, Oid relid)
{
	Oid			then = spec_relation_oid(run->relation);

	if (!OidIsValid(then) || then == relid)
		return;
	ereport(
		ERROR,
		(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		 errmsg(
			 "copy \"%s\" is another relation than the one that was repaired",
			 run->placement),
		 errdetail("Rows of %s were repaired.", run->relation),
		 errhint("Apply a document that names it as the copy's locator.")));
}

/* The copy as it is called now; as it was, where no document names it. */
static Relation
open_copy(const RepairRun *run, const SpecPlacement *placement)
{
	const char *name = run->relation;
	Oid			relid;

	if (placement != NULL && is_here(placement) && placement->locator != NULL)
		name = placement->locator;
	relid = spec_relation_oid(name);
	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation %s does not exist", name)));
	require_same_copy(run, relid);
	return relation_open(relid, RowExclusiveLock);
}

static RepairRequest *
make_request(const RepairRun *run, const SpecPlacement *placement)
{
	List	   *parts = asset_key_parts(run->placement);
	RepairRequest *request = palloc0(sizeof(RepairRequest));
	CatalogDataset *dataset;

	request->placement = run->placement;
	request->dataset = asset_key(linitial(parts), lsecond(parts), NULL);
	request->name = lthird(parts);
	dataset = catalog_dataset(request->dataset);
	request->rev = dataset ? dataset->rev : 0;
	request->synced = placement != NULL && is_here(placement);
	request->rel = open_copy(run, placement);
	request->columns = run->columns;
	request->key = run->key;
	request->by_image = true;
	request->triggers = placement == NULL || repair_fires_triggers(placement);
	return request;
}

/* The undo as a run of its own. */
static void
begin_run(int64 undo_of, const RepairRun *run, RepairRequest *request)
{
	RepairRun	undo = *run;

	undo.token = NULL;
	undo.by_policy = false;
	undo.undo_of = undo_of;
	undo.relation = repair_table_name(request->rel);
	request->run_id = repair_journal_begin(&undo);
}

/* check: does this node see both sides? */
static void
end_run(const RepairRequest *request, bool check)
{
	int			undone = repair_count(request->ops, "repaired");
	const char *outcome = undone > 0 ? "undone" : "nothing was written";
	const char *trouble = NULL;
	const char *verdict = NULL;
	int64		check_run = 0;

	repair_journal_rows(request);
	if (undone > 0 && check)
		verdict = repair_check(request->placement, &check_run, &trouble);
	if (verdict != NULL)
		outcome = psprintf("undone, checked: %s", verdict);
	else if (trouble != NULL)
		outcome = psprintf("undone, not checked: %s", trouble);
	repair_journal_end(request->run_id, request->ops, outcome, check_run);
}

/* To whoever takes back, what was repaired is restored. */
static const char *
undo_outcome(const RepairOp *op)
{
	return strcmp(op->outcome, "repaired") == 0 ? "restored" : op->outcome;
}

static void
return_ops(FunctionCallInfo fcinfo, const RepairRequest *request)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	foreach (lc, request->ops)
	{
		const RepairOp *op = lfirst(lc);
		Datum		values[4] = {0};
		bool		nulls[4] = {false};

		values[0] = Int64GetDatum(request->run_id);
		values[1] = CStringGetTextDatum(repair_action_name(op->action));
		nulls[2] = op->key == NULL;
		if (op->key != NULL)
			values[2] = JsonbPGetDatum(op->key);
		values[3] = CStringGetTextDatum(undo_outcome(op));
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 nulls);
	}
}

/* Take back here what was written here. */
static RepairRequest *
undo_here(int64 run_id, const RepairRun *run, const SpecPlacement *placement,
		  bool check)
{
	RepairRequest *request = make_request(run, placement);

	repair_journal_undo(run_id, request);
	if (request->ops != NIL)
	{
		begin_run(run_id, run, request);
		repair_apply(request);
		end_run(request, check && placement != NULL);
	}
	relation_close(request->rel, NoLock);
	return request;
}

/* What the other node took back, as ops that are settled. */
static void
take_outcomes(RepairRequest *request, const RemoteRows *rows)
{
	for (int i = 0; i < rows->nrows; i++)
	{
		RepairOp   *op = palloc0(sizeof(RepairOp));

		op->action = repair_action_of(side_value(rows, i, 0));
		if (side_value(rows, i, 1) != NULL)
			op->key = DatumGetJsonbP(
				DirectFunctionCall1(jsonb_in,
									CStringGetDatum(side_value(rows, i, 1))));
		op->outcome = side_value(rows, i, 2);
		if (strcmp(op->outcome, "restored") == 0)
		{
			op->outcome = "repaired";
			request->done = lappend(request->done, op);
		}
		request->ops = lappend(request->ops, op);
	}
}

/* Have it taken back on the node that has the copy and its journal. */
static RepairRequest *
undo_there(int64 run_id, const RepairRun *run, const SpecPlacement *placement)
{
	RepairRequest *request = palloc0(sizeof(RepairRequest));
	Remote	   *remote = remote_open(run->server);
	RepairRun	undo = *run;

	request->placement = run->placement;
	repair_prepare_there(remote);
	take_outcomes(request,
				  remote_query(remote,
							   "SELECT action, key, outcome"
							   " FROM spine.undo_repair($1::pg_catalog.uuid)",
							   1, &run->token));
	remote_close(remote);
	if (request->ops == NIL)
		return request;
	undo.token = NULL;
	undo.by_policy = false;
	undo.undo_of = run_id;
	request->run_id = repair_journal_begin(&undo);
	end_run(request, placement != NULL);
	return request;
}

static void
undo(FunctionCallInfo fcinfo, int64 run_id, bool check)
{
	RepairRun  *run = repair_journal_read(run_id);
	const SpecPlacement *placement = catalog_placement(run->placement);

	PreventCommandIfReadOnly("spine.undo_repair");
	PreventCommandDuringRecovery("spine.undo_repair");
	repair_require_read_committed();
	require_may_undo(run, placement);
	require_undoable(run_id, run);
	InitMaterializedSRF(fcinfo, 0);
	return_ops(fcinfo,
			   run->server ? undo_there(run_id, run, placement) :
							 undo_here(run_id, run, placement, check));
}

/* spine.undo_repair(run_id): see docs/repair.md. */
Datum
spine_undo_repair(PG_FUNCTION_ARGS)
{
	undo(fcinfo, PG_GETARG_INT64(0), true);
	return (Datum) 0;
}

/* spine.undo_repair(token): what the node that ordered the repair calls. */
Datum
spine_undo_repair_of(PG_FUNCTION_ARGS)
{
	undo(fcinfo,
		 repair_journal_find(DatumGetCString(
			 DirectFunctionCall1(uuid_out, PG_GETARG_DATUM(0)))),
		 false);
	return (Datum) 0;
}
