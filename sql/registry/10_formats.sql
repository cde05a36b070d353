-- registry: what schemas mean, of the arguments alone; no subject is read.

CREATE FUNCTION spine.is_compatible(type text, level text, new text,
                                    old text[], options jsonb DEFAULT '{}')
    RETURNS boolean
    LANGUAGE c IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'spine_is_compatible';
COMMENT ON FUNCTION spine.is_compatible(text, text, text, text[], jsonb) IS
    'Does a new schema keep a level against the old ones, oldest first? NONE, BACKWARD, FORWARD, FULL, each also _TRANSITIVE';

CREATE FUNCTION spine.compare_schemas(type text, old text, new text,
                                      options jsonb DEFAULT '{}')
    RETURNS TABLE (kind text, path text, backward boolean, forward boolean,
                   message text)
    LANGUAGE c IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'spine_compare_schemas';
COMMENT ON FUNCTION spine.compare_schemas(text, text, text, jsonb) IS
    'All differences of two schemas; backward and forward say whether each leaves the schemas compatible in that direction';

CREATE FUNCTION spine.lint_schema(type text, schema text)
    RETURNS TABLE (rule text, severity text, path text, line int,
                   message text)
    LANGUAGE c IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'spine_lint_schema';
COMMENT ON FUNCTION spine.lint_schema(text, text) IS
    'What could be better about a schema that is valid: names, documentation, defaults';

CREATE FUNCTION spine.canonical_schema(type text, schema text) RETURNS text
    LANGUAGE c IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'spine_canonical_schema';
COMMENT ON FUNCTION spine.canonical_schema(text, text) IS
    'Canonical form of a schema; of Avro, the specification''s Parsing Canonical Form';

CREATE FUNCTION spine.schema_fingerprint(type text, schema text,
                                         algorithm text) RETURNS bytea
    LANGUAGE c IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'spine_schema_fingerprint';
COMMENT ON FUNCTION spine.schema_fingerprint(text, text, text) IS
    'Fingerprint of a schema''s canonical form: crc-64-avro, crc-64-avro-le, md5 or sha-256';
