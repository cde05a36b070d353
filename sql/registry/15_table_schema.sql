-- registry: the shape of a relation as a schema of type TABLE.

CREATE FUNCTION spine.type_shape(type oid, typmod int) RETURNS jsonb
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_type_shape';
COMMENT ON FUNCTION spine.type_shape(oid, int) IS
    'Shape of a type: its name, the labels of an enum, the base and checks of a domain, attributes, elements; part of spine.table_schema';

CREATE FUNCTION spine.table_schema(relation regclass) RETURNS jsonb
    LANGUAGE c STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'spine_table_schema';
COMMENT ON FUNCTION spine.table_schema(regclass) IS
    'The shape of a relation as a schema of type TABLE: columns with types, defaults and keys, constraints, row security; NULL for what has none';
