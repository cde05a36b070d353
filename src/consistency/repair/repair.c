/*-------------------------------------------------------------------------
 *
 * repair.c
 *		spine.repair_replica: make drifted rows of a copy equal to the source.
 *
 * Only drift that a check confirmed and left open is repaired, from the
 * source to the copy, and only where the document lets it: may this copy be
 * repaired, how many rows of it, and by whom?  What is then to be written is
 * worked out in repair_plan.c, carried out in repair_apply.c and written down
 * in repair_journal.c.  A check of the copy follows, which alone closes drift.
 *
 * Invariant: where a cap is exceeded, nothing is written.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/xact.h"
#include "base/own_lock.h"
#include "base/rights.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "consistency/check/answerable.h"
#include "consistency/check/check.h"
#include "consistency/repair/repair_internal.h"
#include "consistency/check/shape.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/guc.h"
#include "utils/resowner.h"

PG_FUNCTION_INFO_V1(spine_repair_replica);

/* What the document says of repairs of a copy. */
typedef struct Policy
{
	const char *policy;		/* off, propose, auto */
	const char *mode;		/* full, insert_only, upsert_only */
	int			max_rows;	/* -1: no cap */
	double		max_share;	/* of the copy's rows; -1: no cap */
	bool		triggers;	/* do the copy's own triggers fire? */
} Policy;

/* What the last check said of the copy. */
typedef struct LastCheck
{
	const char *verdict;	/* NULL: there is none */
	const char *shape;		/* of both sides then; NULL: not known */
	int64		drifted;	/* rows */
	int64		rows;		/* of the copy; -1: not known */
} LastCheck;

typedef struct Repair
{
	const RepairOptions *options;
	const SpecPlacement *placement;
	Policy		policy;
	Copy	   *copy;		/* open */
	RepairRun	run;
	RepairRequest *request;
	const char *outcome;	/* of the run */
	RepairSummary summary;
} Repair;

/* ---- may it be repaired? ---- */

static double
number_member(const JsonbContainer *object, const char *name)
{
	JsonbValue	value;

	if (object == NULL || !jb_get(object, name, &value) ||
		value.type != jbvNumeric)
		return -1;
	return DatumGetFloat8(
		DirectFunctionCall1(numeric_float8,
							NumericGetDatum(value.val.numeric)));
}

static Policy
read_policy(const SpecPlacement *placement)
{
	const JsonbContainer *repair = jb_get_object(placement->entry, "repair");
	Policy		policy = {"propose", "full", -1, -1, true};

	if (repair == NULL)
		return policy;
	if (jb_get_text(repair, "policy") != NULL)
		policy.policy = jb_get_text(repair, "policy");
	if (jb_get_text(repair, "mode") != NULL)
		policy.mode = jb_get_text(repair, "mode");
	policy.max_rows = (int) number_member(repair, "max_rows");
	policy.max_share = number_member(repair, "max_share");
	policy.triggers = jb_get_bool(repair, "triggers", true);
	return policy;
}

bool
repair_fires_triggers(const SpecPlacement *placement)
{
	return read_policy(placement).triggers;
}

bool
repair_is_off(const SpecPlacement *placement)
{
	return strcmp(read_policy(placement).policy, "off") == 0;
}

static void
refuse(const char *placement, const char *why, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("copy \"%s\" cannot be repaired", placement),
			 errdetail("%s", why), hint ? errhint("%s", hint) : 0));
}

void
repair_refuse_kind(const SpecPlacement *placement)
{
	const JsonbContainer *sot =
		jb_get_object(placement->dataset->definition, "sot");

	if (strcmp(placement->section, "snapshots") == 0)
		refuse(placement->key, "It is a snapshot, which is never updated.",
			   "Take a new one.");
	if (strcmp(placement->section, "derived") == 0)
		refuse(placement->key, "It is derived, not copied.",
			   "Derive it anew.");
	if (jb_get_bool(sot, "provisional", false))
		refuse(placement->key, "Its source of truth is provisional.",
			   "Settle first which store is authoritative.");
	if (jb_get_object(sot, "target") != NULL)
		refuse(placement->key,
			   "Its source of truth is being moved to another store.",
			   "Finish the migration first.");
}

static void
refuse_policy(const Repair *repair)
{
	if (strcmp(repair->policy.policy, "off") == 0 && !repair->options->dry_run)
		refuse(repair->options->placement, "Its repair policy is \"off\".",
			   "Apply a document that says \"propose\" or \"auto\" to have "
			   "it repaired here; a dry run is allowed.");
	if (strcmp(repair->policy.policy, "auto") != 0 &&
		repair->options->by_policy)
		refuse(repair->options->placement,
			   "Its repair policy is not \"auto\".", NULL);
}

/* Fingerprint of both sides, as checks note it. */
static char *
shape_now(const Repair *repair)
{
	const SpecPlacement *placement = repair->placement;

	return shape_fingerprint(placement->section, placement->dataset->relation,
							 placement->entry, placement->store->here);
}

/* Only what a check said last is acted upon. */
static void
refuse_verdict(const Repair *repair, const LastCheck *last)
{
	const char *hint =
		"SELECT * FROM spine.check_replica(…) says what stands.";

	if (last->verdict == NULL)
		refuse(repair->options->placement, "It has never been checked.", hint);
	if (strcmp(last->verdict, "drift") != 0 &&
		strcmp(last->verdict, "equal") != 0)
		refuse(repair->options->placement,
			   psprintf("Its last check found it \"%s\", not drifted.",
						last->verdict),
			   hint);
	if (last->shape != NULL && strcmp(last->shape, shape_now(repair)) != 0)
		refuse(repair->options->placement,
			   "One of its sides, or what the document says of it, changed "
			   "since its last check.",
			   hint);
}

/* More than may be repaired at once? */
static void
refuse_excess(const Repair *repair, const LastCheck *last, int open)
{
	int64		rows = Max((int64) open, last->drifted);
	int			most = repair->options->max_rows;

	if (most < 0 ||
		(repair->policy.max_rows >= 0 && repair->policy.max_rows < most))
		most = repair->policy.max_rows;
	if (most >= 0 && rows > most)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("copy \"%s\" has more drift than may be repaired at "
						"once",
						repair->options->placement),
				 errdetail(INT64_FORMAT " rows differ; at most %d may be "
										"repaired.",
						   rows, most),
				 errhint("So much drift has a cause of its own: find it "
						 "first.")));
	if (repair->policy.max_share >= 0 &&
		(double) rows > repair->policy.max_share * (double) last->rows)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("copy \"%s\" has more drift than may be repaired at "
						"once",
						repair->options->placement),
				 errdetail(INT64_FORMAT " of " INT64_FORMAT " rows differ; at "
										"most a share of %g may be repaired.",
						   rows, Max(last->rows, 0), repair->policy.max_share),
				 errhint("So much drift has a cause of its own: find it "
						 "first.")));
}

/* ---- what is open ---- */

/* Numbers of rows are those of the last check that looked at all of them. */
static const char last_check_sql[] =
	"SELECT l.verdict, greatest(l.drifted, f.drifted), f.rows_replica,"
	" s.checked_shape FROM spine.check_log l"
	" LEFT JOIN LATERAL (SELECT c.drifted, c.rows_replica"
	" FROM spine.check_log c WHERE c.placement = l.placement AND c.complete"
	" ORDER BY c.run_id DESC LIMIT 1) f ON true"
	" LEFT JOIN spine.check_state s ON s.placement = l.placement"
	" WHERE l.placement = $1 AND l.verdict IS NOT NULL"
	" ORDER BY l.run_id DESC LIMIT 1";

static LastCheck
read_last_check(const char *placement)
{
	LastCheck	last = {NULL, NULL, 0, -1};
	SpiArgs		args = {0};

	spi_arg_text(&args, placement);
	if (spi_run(last_check_sql, &args, SPI_OK_SELECT) == 0)
		return last;
	last.verdict = spi_text(0, 1);
	last.drifted = spi_int8(0, 2, 0);
	last.rows = spi_int8(0, 3, -1);
	last.shape = spi_text(0, 4);
	return last;
}

/* Confirmed drift that is open (List of RepairDrift). */
static List *
read_drift(const char *placement, MemoryContext keeper)
{
	SpiArgs		args = {0};
	List	   *drift = NIL;
	uint64		n;

	spi_arg_text(&args, placement);
	n = spi_run("SELECT key, kind, identity FROM spine.drift_log"
				" WHERE placement = $1 AND closed_at IS NULL"
				" AND confirmed_at IS NOT NULL ORDER BY id",
				&args, SPI_OK_SELECT);
	for (uint64 i = 0; i < n; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(keeper);
		RepairDrift *row = palloc(sizeof(RepairDrift));

		row->key = DatumGetJsonbPCopy(spi_value(i, 1, NULL));
		row->kind = spi_keep_text(keeper, i, 2);
		row->identity = spi_keep_text(keeper, i, 3);
		drift = lappend(drift, row);
		MemoryContextSwitchTo(old);
	}
	return drift;
}

/* What is to be repaired; raises where that is too much, or not known. */
static List *
open_drift(const Repair *repair)
{
	MemoryContext keeper = CurrentMemoryContext;
	const char *placement = repair->placement->key;
	ActAs		before = act_as(extension_owner(), false);
	LastCheck	last;
	List	   *drift;

	SPI_connect();
	if (!repair->options->dry_run)
		own_lock(OWN_LOCK_REPAIR, placement);
	last = read_last_check(placement);
	refuse_verdict(repair, &last);
	drift = read_drift(placement, keeper);
	if (!repair->options->dry_run)
		refuse_excess(repair, &last, list_length(drift));
	SPI_finish();
	act_done(&before);
	return drift;
}

/* ---- the run ---- */

static List *
names_of(const Copy *copy, bool key)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach (lc, copy->columns)
		if (!key || ((CopyColumn *) lfirst(lc))->key)
			names = lappend(names, (char *) ((CopyColumn *) lfirst(lc))->name);
	return names;
}

static RepairRequest *
make_request(const Repair *repair)
{
	const Copy *copy = repair->copy;
	RepairRequest *request = palloc0(sizeof(RepairRequest));
	CatalogDataset *dataset = catalog_dataset(copy->dataset->key);

	request->placement = copy->placement;
	request->dataset = copy->dataset->key;
	request->name = copy->spec->name;
	request->rev = dataset ? dataset->rev : 0;
	request->synced = copy->spec->store->here;
	request->rel = copy->target->rel;
	request->columns = names_of(copy, false);
	request->key = names_of(copy, true);
	request->triggers = repair->policy.triggers;
	request->dry_run = repair->options->dry_run;
	return request;
}

static void
begin_run(Repair *repair)
{
	RepairRun  *run = &repair->run;

	run->placement = repair->copy->placement;
	run->relation = repair->copy->target->relation;
	run->server = repair->copy->target->server;
	run->key = repair->request->key;
	run->columns = repair->request->columns;
	run->dry_run = repair->options->dry_run;
	run->by_policy = repair->options->by_policy;
	repair->summary.run_id = repair_journal_begin(run);
	repair->request->run_id = repair->summary.run_id;
}

/* May the document's mode have it written? */
static bool
in_mode(const Policy *policy, RepairAction action)
{
	if (strcmp(policy->mode, "insert_only") == 0)
		return action == REPAIR_INSERT;
	if (strcmp(policy->mode, "upsert_only") == 0)
		return action != REPAIR_DELETE;
	return true;
}

static int
pass_of(RepairAction action)
{
	return action == REPAIR_DELETE ? REPAIR_DELETES : REPAIR_UPSERTS;
}

/* Leave out what this pass does not make; settle what the mode forbids. */
static void
restrict_ops(Repair *repair)
{
	List	   *ops = NIL;
	ListCell   *lc;

	foreach (lc, repair->request->ops)
	{
		RepairOp   *op = lfirst(lc);

		if ((repair->options->actions & pass_of(op->action)) == 0)
			continue;
		if (op->outcome == NULL && !in_mode(&repair->policy, op->action))
			op->outcome = psprintf("skipped: the repair mode is \"%s\"",
								   repair->policy.mode);
		ops = lappend(ops, op);
	}
	repair->request->ops = ops;
}

/* In a subtransaction: that a check fails undoes no repair. */
const char *
repair_check(const char *placement, int64 *check_run_id, const char **trouble)
{
	MemoryContext mcxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	Check	   *volatile check = NULL;

	*check_run_id = 0;
	*trouble = NULL;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(mcxt);
	PG_TRY();
	{
		check = check_run(placement, "digest");
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
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) ==
			ERRCODE_OPERATOR_INTERVENTION)
			ReThrowError(error);
		*trouble = error->message;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(mcxt);
	CurrentResourceOwner = owner;
	if (check == NULL || *trouble != NULL)
		return NULL;
	*check_run_id = check->run_id;
	return check->verdict;
}

/* Prove what was repaired, and say how the run came out. */
static void
conclude(Repair *repair)
{
	RepairSummary *summary = &repair->summary;
	List	   *ops = repair->request->ops;
	const char *trouble = NULL;

	summary->repaired = repair_count(ops, "repaired");
	summary->skipped = repair_count(ops, "skipped");
	summary->failed = repair_count(ops, "failed");
	if (summary->repaired > 0 && repair->options->check)
		summary->verdict = repair_check(repair->placement->key,
										&summary->check_run, &trouble);
	if (repair->options->dry_run)
		repair->outcome = "proposed";
	else if (trouble != NULL)
		repair->outcome = psprintf("not checked: %s", trouble);
	else if (summary->verdict != NULL)
		repair->outcome = psprintf("checked: %s", summary->verdict);
	else
		repair->outcome =
			summary->repaired > 0 ? "repaired" : "nothing was written";
}

/* Carry it out where the copy is; a node of its own keeps the images. */
static void
apply(Repair *repair)
{
	if (repair->copy->target->remote != NULL)
		repair_apply_there(repair->copy->target, &repair->run,
						   repair->request);
	else
		repair_apply(repair->request);
	if (!repair->options->dry_run)
		repair_journal_rows(repair->request);
}

static void
run(Repair *repair)
{
	int			settings = side_settings();
	List	   *drift;

	copy_open(repair->copy);
	drift = open_drift(repair);
	repair->request = make_request(repair);
	begin_run(repair);
	repair_plan(repair->copy, drift, repair->request);
	restrict_ops(repair);
	AtEOXact_GUC(false, settings);
	apply(repair);
	copy_close(repair->copy);
	conclude(repair);
	repair_journal_end(repair->summary.run_id, repair->request->ops,
					   repair->outcome, repair->summary.check_run);
}

/* Under an older snapshot no row that changed since could be looked at. */
void
repair_require_read_committed(void)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("copies are repaired in READ COMMITTED "
						"transactions only")));
}

/* The repair of a copy, up to its outcome. */
static Repair *
repair_start(const RepairOptions *options)
{
	Repair	   *repair = palloc0(sizeof(Repair));

	PreventCommandIfReadOnly("spine.repair_replica");
	PreventCommandDuringRecovery("spine.repair_replica");
	if (!options->dry_run)
		repair_require_read_committed();
	repair->options = options;
	repair->copy = copy_find(options->placement);
	repair->placement = repair->copy->spec;
	if (!options->by_policy)
		require_answerable(repair->placement, "repair");
	repair->policy = read_policy(repair->placement);
	repair_refuse_kind(repair->placement);
	refuse_policy(repair);
	run(repair);
	return repair;
}

RepairSummary
repair_copy(const RepairOptions *options)
{
	return repair_start(options)->summary;
}

/* ---- the function ---- */

Datum
repair_names_datum(List *names)
{
	Datum	   *values = palloc(sizeof(Datum) * list_length(names));
	ListCell   *lc;

	foreach (lc, names)
		values[foreach_current_index(lc)] = CStringGetTextDatum(lfirst(lc));
	return PointerGetDatum(construct_array(values, list_length(names), TEXTOID,
										   -1, false, TYPALIGN_INT));
}

static void
return_ops(FunctionCallInfo fcinfo, const Repair *repair)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	foreach (lc, repair->request->ops)
	{
		const RepairOp *op = lfirst(lc);
		Datum		values[6] = {0};
		bool		nulls[6] = {false};

		values[0] = Int64GetDatum(repair->summary.run_id);
		values[1] = CStringGetTextDatum(repair_action_name(op->action));
		values[2] = JsonbPGetDatum(op->key);
		nulls[3] = op->columns == NIL;
		if (op->columns != NIL)
			values[3] = repair_names_datum(op->columns);
		values[4] = CStringGetTextDatum(op->outcome);
		nulls[5] = op->statement == NULL;
		if (op->statement != NULL)
			values[5] = CStringGetTextDatum(op->statement);
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 nulls);
	}
}

/* spine.repair_replica(placement, dry_run, max_rows): see docs/repair.md. */
Datum
spine_repair_replica(PG_FUNCTION_ARGS)
{
	RepairOptions options = {.actions = REPAIR_ALL, .check = true};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("placement and dry_run must not be null")));
	options.placement = text_to_cstring(PG_GETARG_TEXT_PP(0));
	options.dry_run = PG_GETARG_BOOL(1);
	options.max_rows = PG_ARGISNULL(2) ? -1 : PG_GETARG_INT32(2);
	if (!PG_ARGISNULL(2) && options.max_rows < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_rows must not be negative")));
	InitMaterializedSRF(fcinfo, 0);
	return_ops(fcinfo, repair_start(&options));
	return (Datum) 0;
}
