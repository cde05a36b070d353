/*-------------------------------------------------------------------------
 *
 * ddl_touched.h
 *		Which relations a command has touched, as the server tells it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_DDL_TOUCHED_H
#define OWNERSHIP_DDL_TOUCHED_H

#include "nodes/pg_list.h"
#include "tcop/cmdtag.h"
#include "utils/snapshot.h"

/* What the DDL guard has to look at after a command. */
typedef struct Touched
{
	List	   *relations;	/* Oid: those that the command names */
	bool		new_only;	/* they did not exist before it */
	bool		labels;		/* labels of an enum may have changed */
	Oid			schema;		/* that was altered, or InvalidOid */
} Touched;

/* Does a command with this tag need looking at, by what it names? */
extern bool touches_tables(CommandTag tag);

/* In a ddl_command_end trigger: what the command has touched. */
extern void touched_by_command(CommandTag tag, Touched *touched);

/* In a sql_drop trigger: relations of before, seen through past, which lost
 * something or are gone (List of Oid). */
extern List *touched_by_drop(Snapshot past);

#endif /* OWNERSHIP_DDL_TOUCHED_H */
