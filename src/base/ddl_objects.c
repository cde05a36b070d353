/*-------------------------------------------------------------------------
 *
 * ddl_objects.c
 *		The objects that a command made, changed or dropped, as the server
 *		tells its event triggers.
 *
 * The server's own functions say it, called without SPI: somebody who makes a
 * temporary table for each transaction should not notice.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/ddl_objects.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "utils/fmgroids.h"
#include "utils/tuplestore.h"

/* The objects in the rows of one of the server's functions (List). */
static List *
read_objects(ReturnSetInfo *rsinfo)
{
	TupleTableSlot *slot =
		MakeSingleTupleTableSlot(rsinfo->setDesc, &TTSOpsMinimalTuple);
	List	   *objects = NIL;

	while (tuplestore_gettupleslot(rsinfo->setResult, true, false, slot))
	{
		bool		no_class;
		bool		no_object;
		Datum		class_id = slot_getattr(slot, 1, &no_class);
		Datum		object_id = slot_getattr(slot, 2, &no_object);
		DdlObject  *object;

		if (no_class || no_object)
			continue;
		object = palloc(sizeof(DdlObject));
		object->class_id = DatumGetObjectId(class_id);
		object->object_id = DatumGetObjectId(object_id);
		objects = lappend(objects, object);
	}
	ExecDropSingleTupleTableSlot(slot);
	return objects;
}

/*
 * Call a function of the server that returns objects in its first two
 * columns (List of DdlObject).
 */
static List *
call_for_objects(Oid function)
{
	LOCAL_FCINFO(fcinfo, 0);
	FmgrInfo	flinfo;
	ReturnSetInfo rsinfo = {.type = T_ReturnSetInfo};
	List	   *objects;

	fmgr_info(function, &flinfo);
	InitFunctionCallInfoData(*fcinfo, &flinfo, 0, InvalidOid, NULL,
							 (Node *) &rsinfo);
	rsinfo.econtext = CreateStandaloneExprContext();
	rsinfo.allowedModes = (int) SFRM_Materialize;
	rsinfo.returnMode = SFRM_Materialize;
	(void) FunctionCallInvoke(fcinfo);
	objects = rsinfo.setResult ? read_objects(&rsinfo) : NIL;
	if (rsinfo.setResult)
		tuplestore_end(rsinfo.setResult);
	FreeExprContext(rsinfo.econtext, true);
	return objects;
}

List *
ddl_command_objects(void)
{
	return call_for_objects(F_PG_EVENT_TRIGGER_DDL_COMMANDS);
}

List *
ddl_dropped_objects(void)
{
	return call_for_objects(F_PG_EVENT_TRIGGER_DROPPED_OBJECTS);
}
