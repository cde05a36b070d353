/*-------------------------------------------------------------------------
 *
 * ddl_touched.c
 *		Which relations a command has touched, as the server tells it.
 *
 * The server's own functions say it, called without SPI: somebody who makes
 * a temporary table for each transaction should not notice.  Commands that
 * touch tables without naming them (a type, a schema) are taken to touch every
 * governed one; they are rare.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/spine_catalog.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "ownership/ddl_touched.h"
#include "ownership/past.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

/* An object that a command made, changed or dropped. */
typedef struct ObjectId
{
	Oid			class_id;
	Oid			object_id;
} ObjectId;

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
		ObjectId   *object;

		if (no_class || no_object)
			continue;
		object = palloc(sizeof(ObjectId));
		object->class_id = DatumGetObjectId(class_id);
		object->object_id = DatumGetObjectId(object_id);
		objects = lappend(objects, object);
	}
	ExecDropSingleTupleTableSlot(slot);
	return objects;
}

/*
 * Call a function of the server that returns objects in its first two
 * columns (List of ObjectId).
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

bool
touches_tables(CommandTag tag)
{
	switch (tag)
	{
		case CMDTAG_CREATE_TABLE:
		case CMDTAG_CREATE_FOREIGN_TABLE:
		case CMDTAG_CREATE_SCHEMA:
		case CMDTAG_CREATE_TRIGGER:
		case CMDTAG_CREATE_RULE:
		case CMDTAG_ALTER_TABLE:
		case CMDTAG_ALTER_FOREIGN_TABLE:
		case CMDTAG_ALTER_VIEW: /* its RENAME COLUMN takes any relation */
		case CMDTAG_ALTER_MATERIALIZED_VIEW:
		case CMDTAG_ALTER_INDEX:
		case CMDTAG_ALTER_SEQUENCE:
		case CMDTAG_ALTER_TRIGGER:
		case CMDTAG_ALTER_RULE:
		case CMDTAG_ALTER_TYPE:
		case CMDTAG_ALTER_SCHEMA:
			return true;
		default:
			return false;
	}
}

/* All governed relations, or those of one schema. */
static List *
governed_relations(Oid schema)
{
	List	   *relations = catalog_governed_relations();
	ListCell   *lc;

	if (OidIsValid(schema))
		foreach (lc, relations)
			if (get_rel_namespace(lfirst_oid(lc)) != schema)
				relations = foreach_delete_current(relations, lc);
	return relations;
}

/* What an altered schema means: its tables have other names now. */
static void
touch_schema(Touched *touched, const List *objects)
{
	ListCell   *lc;

	foreach (lc, objects)
	{
		const ObjectId *object = lfirst(lc);

		if (object->class_id != NamespaceRelationId)
			continue;
		touched->schema = object->object_id;
		touched->relations = governed_relations(object->object_id);
	}
}

/* What objects belong to which relations. */
static List *
relations_of(const List *objects, Snapshot snapshot)
{
	List	   *relations = NIL;
	ListCell   *lc;

	foreach (lc, objects)
	{
		const ObjectId *object = lfirst(lc);
		Oid				relid =
			past_relation_of(object->class_id, object->object_id, snapshot);

		CHECK_FOR_INTERRUPTS();
		if (OidIsValid(relid) &&
			(relations == NIL || llast_oid(relations) != relid))
			relations = lappend_oid(relations, relid);
	}
	return relations;
}

void
touched_by_command(CommandTag tag, Touched *touched)
{
	List	   *objects;

	if (tag == CMDTAG_ALTER_TYPE)
	{
		touched->labels = true;
		touched->relations = governed_relations(InvalidOid);
		return;
	}
	objects = call_for_objects(F_PG_EVENT_TRIGGER_DDL_COMMANDS);
	touched->new_only = tag == CMDTAG_CREATE_TABLE ||
		tag == CMDTAG_CREATE_FOREIGN_TABLE || tag == CMDTAG_CREATE_SCHEMA;
	if (tag == CMDTAG_ALTER_SCHEMA)
		touch_schema(touched, objects);
	else
		touched->relations = relations_of(objects, NULL);
}

List *
touched_by_drop(Snapshot past)
{
	return relations_of(call_for_objects(F_PG_EVENT_TRIGGER_DROPPED_OBJECTS),
						past);
}
