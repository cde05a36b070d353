/*-------------------------------------------------------------------------
 *
 * ddl_touched.c
 *		Which relations a command has touched, as the server tells it.
 *
 * Commands that touch tables without naming them (a type, a schema) are taken
 * to touch every governed one; they are rare.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/ddl_objects.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/spine_catalog.h"
#include "miscadmin.h"
#include "ownership/ddl_touched.h"
#include "ownership/past.h"
#include "utils/lsyscache.h"

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
		const DdlObject *object = lfirst(lc);

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
		const DdlObject *object = lfirst(lc);
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
	objects = ddl_command_objects();
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
	return relations_of(ddl_dropped_objects(), past);
}
