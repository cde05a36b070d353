-- Avro: large, deep and tangled schemas; each within seconds, or refused.

SET statement_timeout = '60s';

-- 10,000 fields, in the same order and in the reverse one.
CREATE TABLE wide AS
SELECT format('{"type": "record", "name": "W", "fields": [%s]}',
              string_agg(format('{"name": "f%s", "type": "int"}', n), ', ' ORDER BY n)) AS up,
       format('{"type": "record", "name": "W", "fields": [%s]}',
              string_agg(format('{"name": "f%s", "type": "int"}', n), ', ' ORDER BY n DESC)) AS down,
       format('{"type": "record", "name": "W", "fields": [%s]}',
              string_agg(format('{"name": "f%s", "type": "%s"}', n, CASE n WHEN 9999 THEN 'long' ELSE 'int' END),
                         ', ' ORDER BY n)) AS other
FROM generate_series(1, 10000) n;
SELECT spine.is_compatible('AVRO', 'FULL', up, ARRAY[down]) AS full,
       spine.is_compatible('AVRO', 'FORWARD', other, ARRAY[up]) AS forward,
       spine.is_compatible('AVRO', 'BACKWARD', other, ARRAY[up]) AS backward
FROM wide;
SELECT d.* FROM wide, spine.compare_schemas('AVRO', up, other) d;
SELECT d.* FROM wide, spine.compare_schemas('AVRO', up, down) d;
SELECT count(*) FROM wide, spine.lint_schema('AVRO', up);
SELECT length(spine.canonical_schema('AVRO', up)) FROM wide;

-- 1,000 records inside one another, 1,500 arrays, 1,000 unions in arrays; and
-- what is too deep.
SET max_stack_depth = '2MB';
CREATE FUNCTION nested(opening text, middle text, closing text, depth int)
    RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(replace(opening, '#', n::text), '' ORDER BY n) || middle ||
           repeat(closing, depth)
    FROM generate_series(1, depth) n $$;
CREATE TABLE deep AS
SELECT nested('{"type": "record", "name": "R#", "fields": [{"name": "f", "type": ', '"int"', '}]}', 1000) AS records,
       nested('{"type": "record", "name": "R#", "fields": [{"name": "f", "type": ', '"long"', '}]}', 1000) AS longs,
       nested('{"type": "array", "items": ', '"int"', '}', 1500) AS arrays,
       nested('{"type": "array", "items": ["null", ', '"int"', ']}', 1000) AS unions;
SELECT spine.is_compatible('AVRO', 'BACKWARD', longs, ARRAY[records]) AS backward,
       spine.is_compatible('AVRO', 'FORWARD', longs, ARRAY[records]) AS forward,
       spine.is_compatible('AVRO', 'FULL', arrays, ARRAY[arrays]) AS arrays,
       spine.is_compatible('AVRO', 'FULL', unions, ARRAY[unions]) AS unions
FROM deep;
SELECT kind, length(path), left(path, 40), backward, forward
FROM deep, spine.compare_schemas('AVRO', records, longs);
SELECT length(spine.canonical_schema('AVRO', records)),
       length(spine.canonical_schema('AVRO', arrays)),
       (SELECT count(*) FROM spine.lint_schema('AVRO', records)) AS lint
FROM deep;
SELECT spine.canonical_schema('AVRO', repeat('[', 4001));
SELECT spine.canonical_schema('AVRO', repeat('[', 1000000));
SELECT spine.canonical_schema('AVRO', repeat('{"a":', 1000000));
-- a small stack is no crash either
SET max_stack_depth = '100kB';
SELECT spine.canonical_schema('AVRO', records) FROM deep;
RESET max_stack_depth;

-- Longer than 16 MB.
SELECT spine.canonical_schema('AVRO', '"' || repeat('x', 16 * 1024 * 1024) || '"');

-- Unions of 300 records of the same name, where the last one fits: each
-- pair is looked at once, though each record holds the union again.
CREATE TABLE union_of AS
SELECT format('{"type": "record", "name": "R", "fields": [{"name": "u", "type": [%s]}]}',
              string_agg(format('{"type": "record", "name": "n%s.A", "fields": [{"name": "r", "type": ["null", "R"]}, {"name": "%s", "type": "int"}]}',
                                n, CASE n WHEN 300 THEN 'good' ELSE 'bad' END), ', ' ORDER BY n)) AS reader,
       format('{"type": "record", "name": "R", "fields": [{"name": "u", "type": [%s]}]}',
              string_agg(format('{"type": "record", "name": "m%s.A", "fields": [{"name": "r", "type": ["null", "R"]}, {"name": "good", "type": "int"}]}',
                                n), ', ' ORDER BY n)) AS writer
FROM generate_series(1, 300) n;
SELECT spine.is_compatible('AVRO', 'BACKWARD', reader, ARRAY[writer]) AS backward,
       spine.is_compatible('AVRO', 'FORWARD', reader, ARRAY[writer]) AS forward
FROM union_of;
SELECT kind, backward, forward, count(*)
FROM union_of, spine.compare_schemas('AVRO', writer, reader)
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- Records that all hold one another: 60 times 60 pairs, all recursive.  The
-- last one has a field that cannot be read, which breaks all.
CREATE FUNCTION knot(records int, last text) RETURNS text LANGUAGE sql AS $$
    SELECT format('[%s]', string_agg(format('{"type": "record", "name": "K%s", "fields": [%s {"name": "x", "type": "%s"}]}',
        n, (SELECT string_agg(format('{"name": "k%s", "type": ["null", "K%s"]},', m, m), ' ') FROM generate_series(1, n) m),
        CASE n WHEN records THEN last ELSE 'int' END), ', ' ORDER BY n))
    FROM generate_series(1, records) n $$;
SELECT spine.is_compatible('AVRO', 'BACKWARD', knot(60, 'long'), ARRAY[knot(60, 'int')]) AS int_to_long,
       spine.is_compatible('AVRO', 'BACKWARD', knot(60, 'int'), ARRAY[knot(60, 'long')]) AS long_to_int;

-- Defaults: records in unions in records, each default asking for the next;
-- and a default that fits none of many branches at many depths.
SELECT length(spine.canonical_schema('AVRO', format('{"type": "record", "name": "R", "fields": [%s]}',
    (SELECT string_agg(format('{"name": "f%s", "type": {"type": "record", "name": "D%s", "fields": [%s]}, "default": {}}', n, n,
        (SELECT string_agg(format('{"name": "g%s", "type": "D%s", "default": {}}', m, m), ', ')
         FROM generate_series(1, n - 1) m)), ', ' ORDER BY n) FROM generate_series(1, 100) n))));
WITH u AS (SELECT string_agg(format('{"type": "record", "name": "B%s", "fields": [{"name": "n", "type": ["null", %s]}%s]}', n,
        CASE n WHEN 1 THEN '"B1"' ELSE (SELECT string_agg('"B' || m || '"', ', ') FROM generate_series(1, n) m) END,
        ', {"name": "z' || n || '", "type": "int"}'), ', ' ORDER BY n) AS branches
    FROM generate_series(1, 12) n)
SELECT spine.canonical_schema('AVRO', format('{"type": "record", "name": "R", "fields": [{"name": "f", "type": [%s], "default": %s}]}',
    branches, repeat('{"n": ', 60) || 'null' || repeat('}', 60)))
FROM u;

-- Numbers that no machine holds.
SELECT d.* FROM spine.compare_schemas('AVRO',
    '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "double", "default": 1e400}, {"name": "b", "type": "double", "default": 1e-400}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "double", "default": 10e399}, {"name": "b", "type": "double", "default": 0}]}') d;
SELECT d.* FROM spine.compare_schemas('AVRO',
    '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "double", "default": 1e999999999999}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "double", "default": 1e999999999998}]}') d;

-- A check can be cancelled.
SET statement_timeout = '100ms';
SELECT spine.is_compatible('AVRO', 'FULL_TRANSITIVE', up, (SELECT array_agg(down) FROM wide, generate_series(1, 100000)))
FROM wide;
RESET statement_timeout;
