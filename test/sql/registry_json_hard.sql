-- JSON Schema: large, deep and adversarial schemas.
SET statement_timeout = '20s';

-- A oneOf of objects whose members are that oneOf again, twelve ways, and the
-- same with a leaf that differs.
CREATE FUNCTION woven(ways int, leaf text) RETURNS text LANGUAGE sql AS $$
    SELECT format('{"$ref": "#/$defs/n", "$defs": {"leaf": %s, "n": {"oneOf": [%s]}}}', leaf,
        string_agg(format('{"type": "object", "properties": {"a": {"$ref": "#/$defs/n"},
                            "b%s": {"$ref": "#/$defs/leaf"}, "c": {"oneOf": [{"$ref": "#/$defs/n"}, {"type": "null"}]}}}', i),
                   ',' ORDER BY i))
    FROM generate_series(1, ways) i $$;
SELECT spine.is_compatible('JSON', 'FULL', woven(12, 'true'), ARRAY[woven(12, 'true')]) AS same,
       spine.is_compatible('JSON', 'BACKWARD', woven(12, '{"type": "number"}'), ARRAY[woven(12, '{"type": "integer"}')]) AS wider,
       spine.is_compatible('JSON', 'FORWARD', woven(12, '{"type": "number"}'), ARRAY[woven(12, '{"type": "integer"}')]) AS narrower;

-- Nested three deep without references.
CREATE FUNCTION nested(ways int, depth int, leaf text) RETURNS text
    LANGUAGE plpgsql AS $$
DECLARE
    s text := leaf;
BEGIN
    FOR i IN 1 .. depth LOOP
        s := (SELECT format('{"oneOf": [%s]}',
                  string_agg(format('{"type": "object", "properties": {"p%s": %s}, "required": ["p%s"], "additionalProperties": false}',
                                    j, s, j), ',' ORDER BY j))
              FROM generate_series(1, ways) j);
    END LOOP;
    RETURN s;
END $$;
SELECT spine.is_compatible('JSON', 'FULL', nested(12, 2, '{"type": "string"}'), ARRAY[nested(12, 2, '{"type": "string"}')]) AS same,
       spine.is_compatible('JSON', 'BACKWARD', nested(12, 2, '{"type": "string"}'), ARRAY[nested(12, 2, '{"type": "integer"}')]) AS other,
       spine.is_compatible('JSON', 'BACKWARD', nested(5, 3, '{"type": "number"}'), ARRAY[nested(5, 3, '{"type": "integer"}')]) AS wider;

-- A matching that needs many moves: branch i accepts what i to 40 do.
SELECT spine.is_compatible('JSON', 'BACKWARD', new, ARRAY[old]) AS compatible,
       spine.is_compatible('JSON', 'FORWARD', new, ARRAY[old]) AS forward
FROM (SELECT format('{"oneOf": [%s]}', string_agg(format('{"type": "string", "maxLength": %s}', i), ',' ORDER BY i)) AS old,
             format('{"oneOf": [%s]}', string_agg(format('{"type": "string", "maxLength": %s}', i), ',' ORDER BY i DESC)) AS new
      FROM generate_series(1, 40) i) t;

-- What was assumed of a pair that turns out incompatible is forgotten: b is
-- first looked at inside of a, which is taken as compatible meanwhile and is
-- not.  That breaks nothing by itself, since any array will do, but b does.
SELECT v AS new_type, spine.is_compatible('JSON', 'BACKWARD', format(ab, v, '{"type": "array"},'), ARRAY[format(ab, 'integer', '')])
FROM (SELECT '{"$defs": {"a": {"type": "object", "properties": {"b": {"$ref": "#/$defs/b"}, "v": {"type": "%s"}}},
                         "b": {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}}},
               "oneOf": [{"type": "array", "items": {"$ref": "#/$defs/a"}}, %s {"$ref": "#/$defs/b"}]}' AS ab) t,
     unnest('{integer,number,string}'::text[]) v;

-- Circles of references alone.
SELECT spine.is_compatible('JSON', 'FULL', '{"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}',
                           ARRAY['true']) AS circle,
       spine.is_compatible('JSON', 'FULL', '{"allOf": [{"$ref": "#"}]}', ARRAY['{"not": {"not": {"$ref": "#"}}}']) AS odd;

-- 1,000 levels, and too many.
CREATE FUNCTION deep(levels int, leaf text) RETURNS text LANGUAGE sql AS $$
    SELECT repeat('{"properties":{"a":', levels) || leaf || repeat('}}', levels) $$;
SELECT spine.is_compatible('JSON', 'BACKWARD', deep(1000, '{"type": "number"}'), ARRAY[deep(1000, '{"type": "integer"}')]) AS wider,
       spine.is_compatible('JSON', 'BACKWARD', deep(1000, '{"type": "integer"}'), ARRAY[deep(1000, '{"type": "number"}')]) AS narrower,
       (SELECT count(*) FROM spine.compare_schemas('JSON', deep(1000, '{"type": "integer"}'), deep(1000, '{"type": "number"}'))) AS differences,
       length(spine.canonical_schema('JSON', deep(1000, 'true'))) AS canonical;
DO $$ BEGIN
    PERFORM spine.canonical_schema('JSON', deep(100000, 'true'));
EXCEPTION WHEN sqlstate 'SP008' OR statement_too_complex THEN
    RAISE NOTICE 'refused';
END $$;

-- 10,000 properties, and as many values.
CREATE FUNCTION wide(count int, type text) RETURNS text LANGUAGE sql AS $$
    SELECT format('{"type": "object", "additionalProperties": false, "properties": {%s}, "required": [%s]}',
                  string_agg(format('"property_%s": {"type": "%s"}', i, type), ','),
                  string_agg(format('"property_%s"', i), ','))
    FROM generate_series(1, count) i $$;
SELECT spine.is_compatible('JSON', 'FULL', wide(10000, 'string'), ARRAY[wide(10000, 'string')]) AS same,
       spine.is_compatible('JSON', 'BACKWARD', wide(10000, 'number'), ARRAY[wide(10000, 'integer')]) AS wider,
       spine.is_compatible('JSON', 'BACKWARD', wide(9999, 'string'), ARRAY[wide(10000, 'string')]) AS fewer,
       (SELECT count(*) FROM spine.compare_schemas('JSON', wide(10000, 'integer'), wide(10000, 'number'))) AS differences;
SELECT spine.is_compatible('JSON', 'BACKWARD', format('{"enum": [%s, "more"]}', list), ARRAY[format('{"enum": [%s]}', list)]) AS more,
       spine.is_compatible('JSON', 'BACKWARD', format('{"enum": [%s]}', list), ARRAY[format('{"enum": [%s, "more"]}', list)]) AS fewer
FROM (SELECT string_agg(format('{"v": %s}', i), ',') AS list FROM generate_series(1, 10000) i) t;
-- A chain of references, from its end.
SELECT spine.is_compatible('JSON', 'FULL', chain, ARRAY['{"type": "string"}']) AS chain
FROM (SELECT format('{"$ref": "#/$defs/d1", "$defs": {%s, "d10001": {"type": "string"}}}',
                    string_agg(format('"d%s": {"$ref": "#/$defs/d%s"}', i, i + 1), ',')) AS chain
      FROM generate_series(1, 10000) i) t;

DROP FUNCTION woven, nested, deep, wide;
