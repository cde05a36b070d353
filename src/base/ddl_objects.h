/*-------------------------------------------------------------------------
 *
 * ddl_objects.h
 *		The objects that a command made, changed or dropped, as the server
 *		tells its event triggers; without SPI.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPINE_DDL_OBJECTS_H
#define SPINE_DDL_OBJECTS_H

#include "nodes/pg_list.h"

typedef struct DdlObject
{
	Oid			class_id;
	Oid			object_id;
} DdlObject;

/* In a ddl_command_end trigger: made or changed (List of DdlObject). */
extern List *ddl_command_objects(void);

/* In a sql_drop trigger: dropped, with all that went along. */
extern List *ddl_dropped_objects(void);

#endif /* SPINE_DDL_OBJECTS_H */
