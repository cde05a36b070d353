-- Parsed schemas that a session keeps: verdicts are the same with them as
-- without, and they take no more memory than they may.

CREATE FUNCTION rec(n int, type text DEFAULT 'int') RETURNS text
    LANGUAGE sql AS $$
    SELECT format('{"type": "record", "name": "R", "doc": "%s", "fields": [%s]}',
        n, string_agg(format('{"name": "field_%s", "type": "%s"}', i, type), ',' ORDER BY i))
    FROM generate_series(1, 100) i $$;
CREATE TABLE version AS SELECT n, rec(n) AS schema FROM generate_series(1, 200) n;
-- Memory of what is kept, and how many schemas are.
CREATE FUNCTION kept(OUT schemas bigint, OUT bytes numeric) LANGUAGE sql AS $$
    SELECT count(*) - 2, sum(total_bytes) FROM pg_backend_memory_contexts
    WHERE name IN ('spine schema') $$;
CREATE FUNCTION judge(level text, new text) RETURNS boolean LANGUAGE sql AS $$
    SELECT spine.is_compatible('AVRO', level, new, array_agg(schema ORDER BY n))
    FROM version $$;

SHOW spine.schema_cache;
SET spine.schema_cache = 0;
SELECT judge('BACKWARD_TRANSITIVE', rec(0, 'long')), judge('FORWARD_TRANSITIVE', rec(0, 'long'));
SELECT schemas FROM kept();

-- All of them fit; a second time nothing is added.
SET spine.schema_cache = '64MB';
SELECT judge('BACKWARD_TRANSITIVE', rec(0, 'long')), judge('FORWARD_TRANSITIVE', rec(0, 'long'));
SELECT schemas FROM kept();
SELECT judge('BACKWARD_TRANSITIVE', rec(0, 'long')), judge('FORWARD_TRANSITIVE', rec(0, 'long'));
SELECT schemas FROM kept();

-- Little memory: the new one is held, the old ones come and go.
SET spine.schema_cache = '512kB';
SELECT judge('BACKWARD_TRANSITIVE', rec(0, 'double')), judge('FORWARD_TRANSITIVE', rec(0, 'double'));
SELECT schemas BETWEEN 2 AND 20 AS some, bytes < 1024 * 1024 AS bounded FROM kept();
-- What is too large by itself is not kept.
SET spine.schema_cache = '64kB';
SELECT judge('BACKWARD_TRANSITIVE', rec(0, 'float')), judge('FORWARD_TRANSITIVE', rec(0, 'float'));
SELECT bytes < 1024 * 1024 AS bounded FROM kept();
SET spine.schema_cache = '64MB';

-- The same text with other references is another schema.
CREATE FUNCTION judge_reference(type text) RETURNS boolean LANGUAGE sql AS $$
    SELECT spine.is_compatible('AVRO', 'BACKWARD', '["null", "S"]',
        ARRAY['{"type": "record", "name": "S", "fields": [{"name": "f", "type": "long"}]}'],
        jsonb_build_object('references', jsonb_build_object('new', jsonb_build_array(jsonb_build_object(
            'name', 's', 'schema', format('{"type": "record", "name": "S", "fields": [{"name": "f", "type": "%s"}]}', type)))))) $$;
SELECT judge_reference('int'), judge_reference('long'), judge_reference('double'),
       judge_reference('int'), judge_reference('long');
SELECT spine.is_compatible('AVRO', 'BACKWARD', '["null", "S"]', '{}');    -- fails

-- What all kept schemas are asked for: names, aliases, defaults, symbols,
-- sizes, unions with many branches; with and without the cache.
CREATE TABLE pair (reader text, writer text);
INSERT INTO pair VALUES
    ('{"type": "record", "name": "n.R", "aliases": ["Q", "m.P"], "fields": [{"name": "a", "type": "int", "aliases": ["b", "c"]}, {"name": "d", "type": "int", "default": 1}]}',
     '{"type": "record", "name": "m.P", "fields": [{"name": "c", "type": "int"}]}'),
    ('{"type": "enum", "name": "E", "symbols": ["A"], "default": "A"}', '{"type": "enum", "name": "E", "symbols": ["A", "B"]}'),
    ('{"type": "enum", "name": "E", "symbols": ["A"]}', '{"type": "enum", "name": "E", "symbols": ["A", "B"]}'),
    ('{"type": "fixed", "name": "F", "size": 3}', '{"type": "fixed", "name": "F", "size": 4}'),
    ('{"type": "array", "items": {"type": "map", "values": ["null", "long"]}}', '{"type": "array", "items": {"type": "map", "values": {"type": "int", "logicalType": "date"}}}'),
    ('["null", "int", "long", "float", "double", "string", "bytes", "boolean", {"type": "fixed", "name": "x.F", "size": 1, "aliases": ["y.G"]}, {"type": "fixed", "name": "x.H", "size": 1}]',
     '["null", {"type": "fixed", "name": "y.G", "size": 1}, {"type": "fixed", "name": "z.H", "size": 1}]'),
    ('{"type": "record", "name": "L", "fields": [{"name": "n", "type": ["null", "L"]}]}', '{"type": "record", "name": "L", "fields": [{"name": "n", "type": ["null", "L"]}]}');
CREATE FUNCTION verdicts() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(spine.is_compatible('AVRO', 'BACKWARD', reader, ARRAY[writer])::text || ' ' ||
                      spine.is_compatible('AVRO', 'FORWARD', reader, ARRAY[writer])::text, ', ') FROM pair $$;
SET spine.schema_cache = 0;
SELECT verdicts();
SET spine.schema_cache = '64MB';
SELECT verdicts();
SELECT verdicts();

-- Errors and cancelled checks leave it as it was.
SELECT spine.is_compatible('AVRO', 'FULL', '"int"', '{"\"long\"", "x"}');
SELECT judge('FULL_TRANSITIVE', '{');
SELECT verdicts();
\set VERBOSITY sqlstate
SET spine.schema_cache = -1;    -- fails
