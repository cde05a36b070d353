/*-------------------------------------------------------------------------
 *
 * drop.c
 *		Guards must not vanish silently: DROP EXTENSION spine and DROP SCHEMA
 *		spine are refused while any table is guarded.
 *
 * CASCADE would take the triggers away with the functions that they call.
 * An event trigger refuses before the command starts, whoever runs it;
 * spine.detach_all() is the way out, and leaves nothing to refuse.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "commands/event_trigger.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "ownership/attach.h"
#include "ownership/replica.h"

PG_FUNCTION_INFO_V1(spine_refuse_drop);

/* Is spine itself among what the command drops? */
static bool
drops_spine(const DropStmt *drop)
{
	ListCell   *lc;

	if (drop->removeType != OBJECT_EXTENSION &&
		drop->removeType != OBJECT_SCHEMA)
		return false;
	foreach (lc, drop->objects)
		if (IsA(lfirst(lc), String) &&
			strcmp(strVal(lfirst(lc)), SPINE_SCHEMA) == 0)
			return true;
	return false;
}

/* Event trigger at ddl_command_start. */
Datum
spine_refuse_drop(PG_FUNCTION_ARGS)
{
	EventTriggerData *trigger;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(
			ERROR,
			(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg(
				 "function \"spine.refuse_drop\" must be called as an event trigger")));

	trigger = (EventTriggerData *) fcinfo->context;
	if (trigger->parsetree != NULL && IsA(trigger->parsetree, DropStmt) &&
		drops_spine((DropStmt *) trigger->parsetree) &&
		(guard_is_attached() || replica_is_attached()))
		ereport(
			ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("cannot drop spine while it guards tables"),
			 errdetail(
				 "Dropping it would take the guards away from them without a trace."),
			 errhint("Run SELECT spine.detach_all() first.")));
	PG_RETURN_NULL();
}
