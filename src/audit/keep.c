/*-------------------------------------------------------------------------
 *
 * keep.c
 *		The logs only grow: triggers that refuse any other change of them.
 *
 * They refuse the tables' owner and superusers too.  Rows come in without
 * triggers (see tables.c), so this costs a write nothing.  What months.c does
 * goes through keep_execute, and nothing else does: no setting opens the way.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "audit/audit_internal.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "commands/event_trigger.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(spine_refuse_audit_change);
PG_FUNCTION_INFO_V1(spine_refuse_audit_drop);

/* Is it months.c that changes the logs? */
static bool letting = false;

uint64
keep_execute(const char *sql)
{
	bool before = letting;
	int	 result;

	letting = true;
	PG_TRY();
	{
		result = SPI_execute(sql, false, 0);
	}
	PG_FINALLY();
	{
		letting = before;
	}
	PG_END_TRY();

	if (result < 0)
		/* cannot happen */
		elog(ERROR, "could not change the audit log: %s",
			 SPI_result_code_string(result));
	return SPI_processed;
}

/* spine.refuse_audit_change(): BEFORE UPDATE OR DELETE OR TRUNCATE. */
Datum
spine_refuse_audit_change(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"spine.refuse_audit_change\" must be "
						"called as a trigger")));

	if (!letting)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("table \"%s.%s\" only grows", SPINE_SCHEMA,
						RelationGetRelationName(trigger->tg_relation)),
				 errdetail("Its rows are evidence: nobody changes or removes "
						   "them one by one."),
				 errhint("spine.drop_audit_before(month) removes whole "
						 "months, and leaves a record of it.")));
	PG_RETURN_POINTER(NULL);
}

/* Is this table a partition of spine.audit_log, at any depth? */
static bool
holds_audit(Oid relid, Oid audit_log)
{
	List *ancestors;
	bool  holds;

	if (!OidIsValid(relid) || !get_rel_relispartition(relid))
		return false;
	ancestors = get_partition_ancestors(relid);
	holds = list_member_oid(ancestors, audit_log);
	list_free(ancestors);
	return holds;
}

/* The first partition of the audit log that a DROP TABLE names, or NULL. */
static const RangeVar *
dropped_month(const DropStmt *drop)
{
	Oid schema = get_namespace_oid(SPINE_SCHEMA, true);
	Oid		  audit_log = OidIsValid(schema) ?
			  get_relname_relid("audit_log", schema) :
			  InvalidOid;
	ListCell *lc;

	if (drop->removeType != OBJECT_TABLE || !OidIsValid(audit_log))
		return NULL;
	foreach (lc, drop->objects)
	{
		RangeVar *name = makeRangeVarFromNameList(lfirst(lc));

		if (holds_audit(RangeVarGetRelid(name, NoLock, true), audit_log))
			return name;
	}
	return NULL;
}

/* spine.refuse_audit_drop(): event trigger at ddl_command_start. */
Datum
spine_refuse_audit_drop(PG_FUNCTION_ARGS)
{
	EventTriggerData *trigger;
	const RangeVar	 *month;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"spine.refuse_audit_drop\" must be called "
						"as an event trigger")));

	trigger = (EventTriggerData *) fcinfo->context;
	if (letting || trigger->parsetree == NULL ||
		!IsA(trigger->parsetree, DropStmt))
		PG_RETURN_NULL();

	month = dropped_month((const DropStmt *) trigger->parsetree);
	if (month != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("table \"%s\" holds audit rows and is not dropped "
						"like this",
						month->relname),
				 errhint("spine.drop_audit_before(month) removes whole "
						 "months, and leaves a record of it.")));
	PG_RETURN_NULL();
}
