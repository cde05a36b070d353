/*-------------------------------------------------------------------------
 *
 * require_owner.c
 *		A new table in a governed schema needs an owner: the event trigger
 *		that warns of one without, or refuses it.
 *
 * A schema is governed if a context lists it or if it holds a governed table.
 * A table has an owner if a dataset names it or one of its ancestors.  Looks
 * at nothing while spine.require_owner is off, as it is by default.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/rights.h"
#include "base/settings.h"
#include "catalog/spine_catalog.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"

PG_FUNCTION_INFO_V1(spine_require_owner);

/* A table that a command has made, or moved, and that no dataset names. */
typedef struct NewTable
{
	Oid			relid;
	const char *schema;
	const char *name;
} NewTable;

/*
 * What the command made: lasting tables, no partitions, in governed schemas,
 * named by no dataset, by name or as they were called when it was applied.
 */
static const char new_tables[] =
	"SELECT DISTINCT c.oid, n.nspname::text, c.relname::text"
	" FROM pg_catalog.pg_event_trigger_ddl_commands() d"
	" JOIN pg_catalog.pg_class c ON c.oid = d.objid"
	" JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
	" WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
	" AND NOT d.in_extension AND c.relkind IN ('r', 'p', 'f')"
	" AND c.relpersistence <> 't' AND NOT c.relispartition"
	" AND (EXISTS (SELECT FROM spine.asset a WHERE a.kind = 'context'"
	" AND a.definition -> 'schemas' ? n.nspname::text)"
	" OR EXISTS (SELECT FROM spine.asset a"
	" JOIN pg_catalog.pg_class g ON g.oid = a.relid"
	" WHERE a.local AND g.relnamespace = n.oid AND g.oid <> c.oid))"
	" AND NOT EXISTS (SELECT FROM spine.asset a WHERE a.local"
	" AND a.relation IS NOT NULL AND (a.relid = c.oid"
	" OR pg_catalog.parse_ident(a.relation, false)"
	" = ARRAY[n.nspname::text, c.relname::text]))"
	" ORDER BY 2, 3";

/* Does such a command make a table, or bring one to another schema? */
static bool
brings_tables(const Node *command)
{
	/* These have the tag of ALTER TABLE … SET SCHEMA too. */
	return command != NULL && !IsA(command, AlterTableStmt) &&
		!IsA(command, RenameStmt) && !IsA(command, AlterTableMoveAllStmt);
}

/* Tell of one table, or refuse it. */
static void
complain(const NewTable *table, bool refuse)
{
	ereport(refuse ? ERROR : WARNING,
			(errcode(refuse ? ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE :
							  ERRCODE_WARNING),
			 errmsg("table \"%s.%s\" has no owner", table->schema,
					table->name),
			 errdetail(
				 "Schema \"%s\" is governed, and no dataset names the table.",
				 table->schema),
			 refuse ?
				 errhint(
					 "Ask a member of spine_admin to create it and to name it "
					 "in a dataset, or use a schema of no context.") :
				 errhint("Name it in a dataset and apply that.")));
}

/* Read the rows of new_tables into the caller's memory. */
static List *
read_tables(MemoryContext caller)
{
	List	   *tables = NIL;
	MemoryContext own;

	/* Not read-only: the snapshot must be newer than the command. */
	if (SPI_execute(new_tables, false, 0) != SPI_OK_SELECT)
		/* cannot happen */
		elog(ERROR, "could not read the commands");
	own = MemoryContextSwitchTo(caller);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		NewTable   *table = palloc(sizeof(NewTable));
		bool		isnull;

		table->relid = DatumGetObjectId(
			SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull));
		table->schema = pstrdup(SPI_getvalue(row, SPI_tuptable->tupdesc, 2));
		table->name = pstrdup(SPI_getvalue(row, SPI_tuptable->tupdesc, 3));
		tables = lappend(tables, table);
	}
	MemoryContextSwitchTo(own);
	return tables;
}

/* The tables that the command made without an owner (List of NewTable). */
static List *
find_tables(void)
{
	MemoryContext caller = CurrentMemoryContext;
	ActAs		before = act_as(extension_owner(), false);
	List	   *tables;

	SPI_connect();
	tables = read_tables(caller);
	SPI_finish();
	act_done(&before);
	return tables;
}

/* Event trigger at ddl_command_end. */
Datum
spine_require_owner(PG_FUNCTION_ARGS)
{
	bool		refuse;
	ListCell   *lc;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(
			ERROR,
			(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg(
				 "function \"spine.require_owner\" must be called as an event trigger")));

	if (spine_require_owner_level == REQUIRE_OWNER_OFF || creating_extension ||
		IsBinaryUpgrade ||
		!brings_tables(((EventTriggerData *) fcinfo->context)->parsetree))
		PG_RETURN_NULL();

	refuse = spine_require_owner_level == REQUIRE_OWNER_ERROR &&
		!is_spine_admin(GetUserId());
	foreach (lc, find_tables())
	{
		const NewTable *table = lfirst(lc);

		/* An inheritance child belongs to its parent's dataset. */
		if (catalog_dataset_of(table->relid, NULL) == NULL)
			complain(table, refuse);
	}
	PG_RETURN_NULL();
}
