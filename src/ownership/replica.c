/*-------------------------------------------------------------------------
 *
 * replica.c
 *		Guarding copies that are stored here: only their sync writes them.
 *
 * A copy is a placement of a dataset (replicas, caches, snapshots) whose store
 * is this database and whose locator names a table that is not the dataset's
 * own.  Who its sync is depends on the flow:
 *
 *		logical_replication		an apply worker, for the changes it applies
 *		route, fdw				a sync section that C code has open
 *		any other				the role of the party that owns the placement
 *
 * A sync section lets any copy be written that it was opened for, since
 * repairs write copies of every flow.
 *
 * All that judging needs stands in the triggers' arguments, so that a write
 * reads no catalog but that of roles; apply puts new triggers in place when
 * the document says something else.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "audit/spine_audit.h"
#include "base/compat.h"
#include "base/rights.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "catalog/spine_catalog.h"
#include "commands/event_trigger.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "ownership/replica.h"
#include "ownership/settle.h"
#include "ownership/spine_ownership.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(spine_guard_replica);
PG_FUNCTION_INFO_V1(spine_guard_replica_truncate);
PG_FUNCTION_INFO_V1(spine_keep_replica_guard);

/* Places of the triggers' arguments. */
enum
{
	ARG_DATASET,
	ARG_PLACEMENT,
	ARG_SECTION,
	ARG_FLOW,	/* "" if none */
	ARG_OWNER,	/* party, "" if none */
	ARG_MODE,	/* enforce or observe */
	ARG_COUNT
};

/* Who writes, as the flow wants it. */
typedef enum SyncKind
{
	SYNC_APPLY,
	SYNC_SECTION,
	SYNC_PARTY
} SyncKind;

/* What a call site remembers between the rows of a statement. */
typedef struct ReplicaSite
{
	Oid			userid;
	uint64		roles;		/* of the memberships that were looked at */
	bool		is_sync;	/* does the user act for the owning party? */
} ReplicaSite;

/* The open sync section. */
static struct
{
	char	   *dataset;	/* NULL if none is open */
	char	   *placement;
	int			depth;		/* of triggers where it was opened */
	SubTransactionId subxact;
} section;

/* ---- sync sections ---- */

static int
trigger_depth(void)
{
	return DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, (Datum) 0));
}

void
replica_sync_begin(const char *dataset, const char *placement)
{
	MemoryContext old;

	if (section.dataset != NULL)
		/* cannot happen */
		elog(ERROR, "a sync section is open already");
	old = MemoryContextSwitchTo(TopTransactionContext);
	section.placement = pstrdup(placement);
	section.depth = trigger_depth();
	section.subxact = GetCurrentSubTransactionId();
	section.dataset = pstrdup(dataset);
	MemoryContextSwitchTo(old);
}

void
replica_sync_end(void)
{
	section.dataset = NULL;
}

/* Is a section open for this copy, and is it itself that writes? */
static bool
section_is_open(char *const *args)
{
	return section.dataset != NULL &&
		strcmp(section.dataset, args[ARG_DATASET]) == 0 &&
		strcmp(section.placement, args[ARG_PLACEMENT]) == 0 &&
		trigger_depth() == section.depth + 1;
}

static void
section_transaction_end(XactEvent event, void *arg)
{
	section.dataset = NULL;
}

static void
section_subtransaction_end(SubXactEvent event, SubTransactionId mine,
						   SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && section.subxact == mine)
		section.dataset = NULL;
}

/* ---- judging ---- */

static SyncKind
sync_kind(const char *flow)
{
	if (strcmp(flow, "logical_replication") == 0)
		return SYNC_APPLY;
	if (strcmp(flow, "route") == 0 || strcmp(flow, "fdw") == 0)
		return SYNC_SECTION;
	return SYNC_PARTY;
}

/* Does the current user act for the party that runs the flow? */
static bool
party_writes(FunctionCallInfo fcinfo, const char *owner)
{
	ReplicaSite *site = fcinfo->flinfo->fn_extra;
	Oid			role;

	if (site != NULL && site->userid == GetUserId() &&
		site->roles == role_generation())
		return site->is_sync;
	if (site == NULL)
		site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
									  sizeof(ReplicaSite));
	role = owner[0] == '\0' ? InvalidOid : catalog_party_role(owner);
	site->userid = GetUserId();
	site->is_sync = OidIsValid(role) && acts_for(GetUserId(), role);
	site->roles = role_generation();
	fcinfo->flinfo->fn_extra = site;
	return site->is_sync;
}

static bool
is_sync(FunctionCallInfo fcinfo, char *const *args)
{
	if (section_is_open(args))
		return true;
	switch (sync_kind(args[ARG_FLOW]))
	{
		case SYNC_APPLY:
			return written_by_apply();
		case SYNC_PARTY:
			return party_writes(fcinfo, args[ARG_OWNER]);
		case SYNC_SECTION:
			break;
	}
	return false;
}

/* Where the source of truth is, for people. */
static char *
source_of_truth(const char *dataset)
{
	CatalogDataset *found = catalog_dataset(dataset);
	const JsonbContainer *sot;
	const char *store;

	if (found == NULL || found->spec->relation == NULL)
		return psprintf("The source of truth is dataset \"%s\".", dataset);
	sot = jb_get_object(found->spec->definition, "sot");
	store = jb_get_text(sot, "store");
	if (store == NULL)
		return psprintf("The source of truth is \"%s\".",
						found->spec->relation);
	return psprintf("The source of truth is \"%s\" in store \"%s\".",
					found->spec->relation, store);
}

/* Who may write, for people. */
static char *
sync_words(char *const *args)
{
	switch (sync_kind(args[ARG_FLOW]))
	{
		case SYNC_APPLY:
			return pstrdup("Only logical replication writes the copy.");
		case SYNC_SECTION:
			return psprintf("Only its flow \"%s\" writes the copy.",
							args[ARG_FLOW]);
		case SYNC_PARTY:
			break;
	}
	return args[ARG_OWNER][0] == '\0' ?
		pstrdup("No party runs its flow.") :
		psprintf("Only party \"%s\" writes the copy.", args[ARG_OWNER]);
}

static const char *
action_word(TriggerEvent event)
{
	if (TRIGGER_FIRED_BY_INSERT(event))
		return "insert";
	if (TRIGGER_FIRED_BY_UPDATE(event))
		return "update";
	return TRIGGER_FIRED_BY_DELETE(event) ? "delete" : "truncate";
}

/* The refusal as an event of the denied log. */
static DeniedEvent
denied_event(const TriggerData *trigger, const char *message)
{
	char	  **args = trigger->tg_trigger->tgargs;
	CatalogDataset *found = catalog_dataset(args[ARG_DATASET]);
	DeniedEvent event = {0};

	event.dataset = args[ARG_DATASET];
	event.action = action_word(trigger->tg_event);
	event.rev = found ? found->rev : 0;
	event.sqlstate = ERRCODE_INSUFFICIENT_PRIVILEGE;
	event.message = message;
	event.rule = psprintf("%s/%s", args[ARG_SECTION], args[ARG_PLACEMENT]);
	event.mode = args[ARG_MODE];
	return event;
}

/* Refuse the write, or note it where the dataset is only observed. */
static void
refuse(const TriggerData *trigger)
{
	char	  **args = trigger->tg_trigger->tgargs;
	char	   *message =
		psprintf("role \"%s\" may not write \"%s\", a copy of \"%s\"",
				 GetUserNameFromId(GetUserId(), false), args[ARG_PLACEMENT],
				 args[ARG_DATASET]);
	DeniedEvent event = denied_event(trigger, message);

	if (strcmp(args[ARG_MODE], "observe") == 0)
	{
		denied_push(&event);
		return;
	}
	denied_record(&event);
	ereport(
		ERROR,
		(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		 errmsg_internal("%s", message),
		 errdetail_internal("%s  %s", source_of_truth(args[ARG_DATASET]),
							sync_words(args)),
		 errhint(
			 "Write to the source of truth; its sync brings the change here."),
		 errtable(trigger->tg_relation)));
}

static TriggerData *
called_as(FunctionCallInfo fcinfo, const char *name, bool row)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		(bool) TRIGGER_FIRED_FOR_ROW(trigger->tg_event) != row ||
		!TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		trigger->tg_trigger->tgnargs != ARG_COUNT)
		ereport(
			ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg(
				 "function \"spine.%s\" must be called as the trigger that spine.apply attaches",
				 name)));
	return trigger;
}

Datum
spine_guard_replica(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = called_as(fcinfo, "guard_replica", true);

	if (!is_sync(fcinfo, trigger->tg_trigger->tgargs))
		refuse(trigger);
	return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ?
							   trigger->tg_newtuple :
							   trigger->tg_trigtuple);
}

Datum
spine_guard_replica_truncate(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = called_as(fcinfo, "guard_replica_truncate", false);

	if (!is_sync(fcinfo, trigger->tg_trigger->tgargs))
		refuse(trigger);
	return PointerGetDatum(NULL);
}

/* ---- what is attached ---- */

/* A trigger of a copy, as it should be. */
typedef struct ReplicaTrigger
{
	const char *name;
	const char *function;
	const char *events;		/* as CREATE TRIGGER spells type */
	int16		type;
} ReplicaTrigger;

static const ReplicaTrigger replica_triggers[] = {
	{TRIGGER_REPLICA, "guard_replica",
	 "BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW",
	 TRIGGER_TYPE_ROW | TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_INSERT |
		 TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE},
	{TRIGGER_REPLICA_TRUNCATE, "guard_replica_truncate",
	 "BEFORE TRUNCATE ON %s FOR EACH STATEMENT",
	 TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_TRUNCATE},
};

/* What pg_trigger says of one of them. */
typedef struct FoundReplica
{
	bool		found;
	bool		fits;		/* function, events and arguments */
	bool		ours;		/* does it speak of the same copy? */
	bool		always;		/* ENABLE ALWAYS */
	bool		cloned;		/* from a partition's parent */
} FoundReplica;

/* A copy and the table that it is in. */
typedef struct ReplicaTarget
{
	const SpecCopy *copy;
	const char *key;		/* asset key of the placement */
	Oid			relid;
	const char *args[ARG_COUNT];
} ReplicaTarget;

static Oid
replica_function(const ReplicaTrigger *trigger)
{
	return LookupFuncName(list_make2(makeString(SPINE_SCHEMA),
									 makeString(pstrdup(trigger->function))),
						  0, NULL, true);
}

/* Are the first n arguments of a pg_trigger row those of the target? */
static bool
arguments_are(HeapTuple tuple, Relation catalog, const ReplicaTarget *target,
			  int n)
{
	Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);
	bool		isnull;
	bytea		   *args =
		DatumGetByteaPP(heap_getattr(tuple, Anum_pg_trigger_tgargs,
									 RelationGetDescr(catalog), &isnull));
	const char *text;

	if (isnull || form->tgnargs != ARG_COUNT)
		return false;
	text = VARDATA_ANY(args);
	for (int i = 0; i < n; i++)
	{
		if (strcmp(text, target->args[i]) != 0)
			return false;
		text += strlen(text) + 1;
	}
	return true;
}

static FoundReplica
find_replica(const ReplicaTrigger *trigger, const ReplicaTarget *target,
			 Oid relid)
{
	Relation	catalog = table_open(TriggerRelationId, AccessShareLock);
	FoundReplica found = {0};
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], Anum_pg_trigger_tgrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	ScanKeyInit(&keys[1], Anum_pg_trigger_tgname, BTEqualStrategyNumber,
				F_NAMEEQ, CStringGetDatum(trigger->name));
	scan = systable_beginscan(catalog, TriggerRelidNameIndexId, true, NULL, 2,
							  keys);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);

		found.found = true;
		found.ours = arguments_are(tuple, catalog, target, ARG_SECTION);
		found.fits = form->tgfoid == replica_function(trigger) &&
			form->tgtype == trigger->type &&
			arguments_are(tuple, catalog, target, ARG_COUNT);
		found.always = form->tgenabled == TRIGGER_FIRES_ALWAYS;
		found.cloned = OidIsValid(form->tgparentid);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return found;
}

bool
replica_is_attached(void)
{
	Relation	catalog = table_open(TriggerRelationId, AccessShareLock);
	SysScanDesc scan =
		systable_beginscan(catalog, InvalidOid, false, NULL, 0, NULL);
	Oid			row = replica_function(&replica_triggers[0]);
	Oid			truncate = replica_function(&replica_triggers[1]);
	bool		attached = false;
	HeapTuple	tuple;

	while (!attached && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Oid function = ((Form_pg_trigger) GETSTRUCT(tuple))->tgfoid;

		attached =
			OidIsValid(function) && (function == row || function == truncate);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return attached;
}

/* ---- the statements that make it so ---- */

static char *
table_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(
										  get_rel_namespace(relid)),
									  get_rel_name(relid));
}

static void
append_create(StringInfo sql, const ReplicaTrigger *trigger,
			  const ReplicaTarget *target, Oid relid)
{
	appendStringInfo(sql, "CREATE TRIGGER %s ",
					 quote_identifier(trigger->name));
	appendStringInfo(sql, trigger->events, table_name(relid));
	appendStringInfo(sql, " EXECUTE FUNCTION %s.%s(", SPINE_SCHEMA,
					 trigger->function);
	for (int i = 0; i < ARG_COUNT; i++)
		appendStringInfo(sql, "%s%s", i > 0 ? ", " : "",
						 quote_literal_cstr(target->args[i]));
	appendStringInfoString(sql, ");\n");
}

static void
append_drop(StringInfo sql, const ReplicaTrigger *trigger, Oid relid)
{
	appendStringInfo(sql, "DROP TRIGGER %s ON %s;\n",
					 quote_identifier(trigger->name), table_name(relid));
}

/* A table that is a copy of two datasets keeps the first one's triggers. */
static void
mend_trigger(StringInfo sql, const ReplicaTrigger *trigger,
			 const ReplicaTarget *target, Oid relid)
{
	FoundReplica found = find_replica(trigger, target, relid);
	bool clone = TRIGGER_FOR_ROW(trigger->type) && relid != target->relid &&
		get_rel_relispartition(relid);

	if (found.found && !found.ours)
		return;
	if (found.found && !found.fits && !found.cloned)
		append_drop(sql, trigger, relid);
	if (!found.fits && !clone)
		append_create(sql, trigger, target, relid);
	if (!found.fits || !found.always)
		appendStringInfo(sql,
						 "ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER %s;\n",
						 table_name(relid), quote_identifier(trigger->name));
}

static void
strip_trigger(StringInfo sql, const ReplicaTrigger *trigger,
			  const ReplicaTarget *target, Oid relid)
{
	FoundReplica found = find_replica(trigger, target, relid);

	if (found.found && found.ours && !found.cloned)
		append_drop(sql, trigger, relid);
}

/* The statements for a copy's whole tree; NULL if nothing is to do. */
static char *
tree_sql(const ReplicaTarget *target, bool attach)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach (lc, find_all_inheritors(target->relid, AccessShareLock, NULL))
	{
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < (int) lengthof(replica_triggers); i++)
			if (attach)
				mend_trigger(&sql, &replica_triggers[i], target,
							 lfirst_oid(lc));
			else
				strip_trigger(&sql, &replica_triggers[i], target,
							  lfirst_oid(lc));
	}
	return sql.len > 0 ? sql.data : NULL;
}

/* ---- commands that would take a trigger away ---- */

static bool
is_replica_name(const char *name)
{
	return name != NULL &&
		strncmp(name, TRIGGER_REPLICA, strlen(TRIGGER_REPLICA)) == 0;
}

/* Does the relation, or one below it, carry a trigger of ours? */
static bool
is_guarded_copy(const RangeVar *relation)
{
	Oid			relid =
		relation ? RangeVarGetRelid(relation, NoLock, true) : InvalidOid;
	ListCell   *lc;

	if (!OidIsValid(relid))
		return false;
	foreach (lc, find_all_inheritors(relid, NoLock, NULL))
		if (OidIsValid(get_trigger_oid(lfirst_oid(lc), TRIGGER_REPLICA, true)))
			return true;
	return false;
}

/* Does the ALTER TABLE switch a trigger of ours off, or to less than always? */
static bool
switches_off(const AlterTableStmt *alter)
{
	ListCell   *lc;

	foreach (lc, alter->cmds)
	{
		const AlterTableCmd *cmd = lfirst(lc);

		switch (cmd->subtype)
		{
			case AT_DisableTrig:
			case AT_EnableTrig:
			case AT_EnableReplicaTrig:
				if (is_replica_name(cmd->name))
					return true;
				break;
			case AT_DisableTrigAll:
			case AT_DisableTrigUser:
			case AT_EnableTrigAll:
			case AT_EnableTrigUser:
				if (is_guarded_copy(alter->relation))
					return true;
				break;
			default:
				break;
		}
	}
	return false;
}

static bool
drops_replica_trigger(const DropStmt *drop)
{
	ListCell   *lc;

	if (drop->removeType != OBJECT_TRIGGER)
		return false;
	foreach (lc, drop->objects)
		if (is_replica_name(strVal(llast((List *) lfirst(lc)))))
			return true;
	return false;
}

static bool
takes_guard_away(const Node *command)
{
	switch (nodeTag(command))
	{
		case T_AlterTableStmt:
			return switches_off((const AlterTableStmt *) command);
		case T_DropStmt:
			return drops_replica_trigger((const DropStmt *) command);
		case T_RenameStmt:
			return ((const RenameStmt *) command)->renameType ==
				OBJECT_TRIGGER &&
				is_replica_name(((const RenameStmt *) command)->subname);
		case T_CreateTrigStmt:
			return ((const CreateTrigStmt *) command)->replace &&
				is_replica_name(((const CreateTrigStmt *) command)->trigname);
		default:
			return false;
	}
}

/* Event trigger at ddl_command_start; superusers and spine_admin pass. */
Datum
spine_keep_replica_guard(PG_FUNCTION_ARGS)
{
	EventTriggerData *trigger = (EventTriggerData *) fcinfo->context;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(
			ERROR,
			(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg(
				 "function \"spine.keep_replica_guard\" must be called as an event trigger")));
	if (trigger->parsetree != NULL && takes_guard_away(trigger->parsetree) &&
		!is_spine_admin(GetUserId()))
		ereport(
			ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("cannot take the guard off a registered copy"),
			 errdetail("Only its sync writes a copy."),
			 errhint(
				 "Apply a document that does not name the copy, or ask a member of spine_admin.")));
	PG_RETURN_NULL();
}

/* ---- the hooks ---- */

/* A copy as a target; NULL if it is no table here, or the dataset's own. */
static ReplicaTarget *
target_of(const SpecDataset *spec, const SpecCopy *copy)
{
	Oid			relid = spec_relation_oid(copy->relation);
	char		kind = OidIsValid(relid) ? get_rel_relkind(relid) : '\0';
	ReplicaTarget *target;

	if ((kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE) ||
		(spec->local && relid == spec_relation_oid(spec->relation)))
		return NULL;
	target = palloc0(sizeof(ReplicaTarget));
	target->copy = copy;
	target->key = psprintf("%s.%s", spec->key, asset_key_quote(copy->name));
	target->relid = relid;
	target->args[ARG_DATASET] = spec->key;
	target->args[ARG_PLACEMENT] = copy->name;
	target->args[ARG_SECTION] = copy->section;
	target->args[ARG_FLOW] = copy->flow ? copy->flow : "";
	target->args[ARG_OWNER] = copy->owner ? copy->owner : "";
	target->args[ARG_MODE] =
		spec->enforcement == ENFORCEMENT_OBSERVE ? "observe" : "enforce";
	return target;
}

/* The tables that hold copies of a dataset here. */
static List *
targets_of(const SpecDataset *spec)
{
	List	   *targets = NIL;
	ListCell   *lc;

	if (spec == NULL || spec->enforcement == ENFORCEMENT_OFF)
		return NIL;
	foreach (lc, spec->copies)
	{
		ReplicaTarget *target = target_of(spec, lfirst(lc));

		if (target != NULL)
			targets = lappend(targets, target);
	}
	return targets;
}

static bool
is_kept(const ReplicaTarget *target, const List *targets)
{
	ListCell   *lc;

	foreach (lc, targets)
	{
		const ReplicaTarget *other = lfirst(lc);

		if (other->relid == target->relid &&
			strcmp(other->key, target->key) == 0)
			return true;
	}
	return false;
}

static void
add_step(List **steps, const char *action, const char *key, const char *risk,
		 char *sql)
{
	PlanStep   *step;

	if (sql == NULL)
		return;
	step = palloc0(sizeof(PlanStep));
	step->action = action;
	step->kind = "copy guard";
	step->key = key;
	step->risk = risk;
	step->sql = sql;
	step->execute = true;
	*steps = lappend(*steps, step);
}

static void
replica_steps(const SpecDataset *before, const SpecDataset *after,
			  List **steps)
{
	List	   *kept = targets_of(after);
	ListCell   *lc;

	foreach (lc, targets_of(before))
	{
		const ReplicaTarget *target = lfirst(lc);

		if (!is_kept(target, kept))
			add_step(steps, "detach", target->key, "breaking",
					 tree_sql(target, false));
	}
	foreach (lc, kept)
	{
		const ReplicaTarget *target = lfirst(lc);

		if (target->copy->may_attach)
			add_step(steps, "attach", target->key, "review",
					 tree_sql(target, true));
	}
}

/* Are all copies that are here guarded?  Says nothing where there are none. */
static void
replica_health(void (*report)(void *arg, const char *check_name, bool ok,
							  const char *detail, const char *hint),
			   void *arg)
{
	StringInfoData missing;
	int			copies = 0;
	ListCell   *lc;

	initStringInfo(&missing);
	foreach (lc, catalog_copied_datasets())
	{
		const SpecDataset *spec = lfirst(lc);
		List	   *steps = NIL;
		ListCell   *step;

		copies += list_length(targets_of(spec));
		replica_steps(spec, spec, &steps);
		foreach (step, steps)
			appendStringInfo(&missing, "%s%s", missing.len > 0 ? ", " : "",
							 ((PlanStep *) lfirst(step))->key);
	}
	if (copies == 0)
		return;
	report(
		arg, "replicas", missing.len == 0,
		missing.len > 0 ?
			psprintf("missing: guard of %s", missing.data) :
			psprintf("copies in this database: %d, all guarded", copies),
		missing.len > 0 ?
			"SELECT spine.apply(spine.export()) attaches what is missing; the tables' owner or spine_admin may." :
			NULL);
}

void
replica_init(void)
{
	RegisterXactCallback(section_transaction_end, NULL);
	RegisterSubXactCallback(section_subtransaction_end, NULL);
	catalog_register_copies(replica_steps);
	catalog_register_health(replica_health);
}
