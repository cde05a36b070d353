-- registry: the shape of a relation as a schema of type TABLE.

CREATE FUNCTION spine.type_shape(type oid, typmod int) RETURNS jsonb
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_type_shape';
COMMENT ON FUNCTION spine.type_shape(oid, int) IS
    'Shape of a type: its name, the labels of an enum, the base and checks of a domain, attributes, elements; part of spine.table_schema';

CREATE FUNCTION spine.table_schema(relation regclass) RETURNS jsonb
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
        'kind', CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table'
                               WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
                               WHEN 'f' THEN 'foreign table' WHEN 'c' THEN 'composite type' END,
        'columns', coalesce((
            SELECT pg_catalog.jsonb_object_agg(a.attname, pg_catalog.jsonb_build_object(
                       'position', a.attnum,
                       'type', spine.type_shape(a.atttypid, a.atttypmod),
                       'not_null', CASE WHEN a.attnotnull THEN true END,
                       'default', CASE WHEN a.attgenerated = '' THEN
                           pg_catalog.pg_get_expr(d.adbin, d.adrelid) END,
                       'generated', CASE WHEN a.attgenerated <> '' THEN
                           pg_catalog.pg_get_expr(d.adbin, d.adrelid) END,
                       'identity', CASE a.attidentity WHEN 'a' THEN 'always'
                                                      WHEN 'd' THEN 'by default' END,
                       'collation', CASE WHEN a.attcollation <> t.typcollation THEN
                           a.attcollation::regcollation::text END))
              FROM pg_catalog.pg_attribute a
              JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
              LEFT JOIN pg_catalog.pg_attrdef d
                ON d.adrelid = a.attrelid AND d.adnum = a.attnum
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '{}'),
        'constraints', (
            SELECT pg_catalog.jsonb_object_agg(n.conname, pg_catalog.jsonb_build_object(
                       'kind', CASE n.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique'
                                              WHEN 'f' THEN 'foreign key' WHEN 'x' THEN 'exclude'
                                              ELSE 'check' END,
                       'definition', pg_catalog.pg_get_constraintdef(n.oid)))
              FROM pg_catalog.pg_constraint n
             WHERE n.conrelid = c.oid AND n.contype IN ('p', 'u', 'f', 'x', 'c')
               AND n.conname NOT LIKE 'spine\_%'),
        'row_security', CASE WHEN c.relrowsecurity THEN pg_catalog.jsonb_build_object(
            'forced', CASE WHEN c.relforcerowsecurity THEN true END,
            'policies', coalesce((
                SELECT pg_catalog.jsonb_object_agg(p.policyname, pg_catalog.jsonb_build_object(
                           'permissive', p.permissive, 'command', p.cmd,
                           'roles', p.roles, 'using', p.qual, 'check', p.with_check))
                  FROM pg_catalog.pg_policies p
                 WHERE p.schemaname = s.nspname AND p.tablename = c.relname), '{}')) END,
        'partition_by', CASE WHEN c.relkind = 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) END,
        'replica_identity', CASE c.relreplident WHEN 'f' THEN 'full' WHEN 'n' THEN 'nothing'
                                                WHEN 'i' THEN 'index' END,
        'query', CASE WHEN c.relkind IN ('v', 'm') THEN pg_catalog.pg_get_viewdef(c.oid) END))
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
     WHERE c.oid = relation AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
$$;
COMMENT ON FUNCTION spine.table_schema(regclass) IS
    'The shape of a relation as a schema of type TABLE: columns with types, defaults and keys, constraints, row security; NULL for what has none';
