/*-------------------------------------------------------------------------
 *
 * table_schema.c
 *		The shape of a relation as a schema of type TABLE.
 *
 * One statement says it all; its plan is kept, since planning it takes ten
 * times as long as running it, and the migration gate asks at each command.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/spi.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(spine_table_schema);

static const char shape_sql[] =
	"SELECT pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object( "
	"'kind', CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN "
	"'partitioned table' WHEN 'v' THEN 'view' WHEN 'm' THEN "
	"'materialized view' WHEN 'f' THEN 'foreign table' WHEN 'c' THEN "
	"'composite type' END, 'columns', coalesce(( SELECT "
	"pg_catalog.jsonb_object_agg(a.attname, "
	"pg_catalog.jsonb_build_object( 'position', a.attnum, 'type', "
	"spine.type_shape(a.atttypid, a.atttypmod), 'not_null', CASE WHEN "
	"a.attnotnull THEN true END, 'default', CASE WHEN a.attgenerated = "
	"'' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END, "
	"'generated', CASE WHEN a.attgenerated <> '' THEN "
	"pg_catalog.pg_get_expr(d.adbin, d.adrelid) END, 'identity', CASE "
	"a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' "
	"END, 'collation', CASE WHEN a.attcollation <> t.typcollation THEN "
	"a.attcollation::regcollation::text END)) FROM "
	"pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = "
	"a.atttypid LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = "
	"a.attrelid AND d.adnum = a.attnum WHERE a.attrelid = c.oid AND "
	"a.attnum > 0 AND NOT a.attisdropped), '{}'), 'constraints', ( "
	"SELECT pg_catalog.jsonb_object_agg(n.conname, "
	"pg_catalog.jsonb_build_object( 'kind', CASE n.contype WHEN 'p' "
	"THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'f' THEN 'foreign "
	"key' WHEN 'x' THEN 'exclude' ELSE 'check' END, 'definition', "
	"pg_catalog.pg_get_constraintdef(n.oid))) FROM "
	"pg_catalog.pg_constraint n WHERE n.conrelid = c.oid AND n.contype "
	"IN ('p', 'u', 'f', 'x', 'c') AND n.conname NOT LIKE 'spine\\_%'), "
	"'row_security', CASE WHEN c.relrowsecurity THEN "
	"pg_catalog.jsonb_build_object( 'forced', CASE WHEN "
	"c.relforcerowsecurity THEN true END, 'policies', coalesce(( SELECT "
	"pg_catalog.jsonb_object_agg(p.policyname, "
	"pg_catalog.jsonb_build_object( 'permissive', p.permissive, "
	"'command', p.cmd, 'roles', p.roles, 'using', p.qual, 'check', "
	"p.with_check)) FROM pg_catalog.pg_policies p WHERE p.schemaname = "
	"s.nspname AND p.tablename = c.relname), '{}')) END, "
	"'partition_by', CASE WHEN c.relkind = 'p' THEN "
	"pg_catalog.pg_get_partkeydef(c.oid) END, 'replica_identity', CASE "
	"c.relreplident WHEN 'f' THEN 'full' WHEN 'n' THEN 'nothing' WHEN "
	"'i' THEN 'index' END, 'query', CASE WHEN c.relkind IN ('v', 'm') "
	"THEN pg_catalog.pg_get_viewdef(c.oid) END)) FROM "
	"pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = "
	"c.relnamespace WHERE c.oid = $1 AND c.relkind IN ('r', 'p', 'v', "
	"'m', 'f', 'c')";

static SPIPlanPtr
shape_plan(void)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[1] = {REGCLASSOID};
	SPIPlanPtr	made;

	if (plan != NULL)
		return plan;
	made = SPI_prepare(shape_sql, 1, types);
	if (made == NULL || SPI_keepplan(made) != 0)
		/* cannot happen */
		elog(ERROR, "cannot prepare the shape of a relation: %s",
			 SPI_result_code_string(SPI_result));
	plan = made;
	return plan;
}

/* spine.table_schema(relation). */
Datum
spine_table_schema(PG_FUNCTION_ARGS)
{
	MemoryContext own = CurrentMemoryContext;
	Datum		relation = PG_GETARG_DATUM(0);
	Datum		shape = (Datum) 0;

	SPI_connect();
	if (SPI_execute_plan(shape_plan(), &relation, NULL, true, 1) !=
		SPI_OK_SELECT)
		/* cannot happen */
		elog(ERROR, "cannot read the shape of a relation");
	if (SPI_processed > 0)
		shape = spi_keep(own, 0, 1);
	SPI_finish();
	if (shape == (Datum) 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(shape);
}
