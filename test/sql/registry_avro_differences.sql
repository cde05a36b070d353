-- Avro: what each kind of difference looks like, with its place and what it
-- breaks, from the old schema to the new one.

CREATE FUNCTION compare(old text, new text)
    RETURNS TABLE (kind text, path text, breaks text, message text)
    LANGUAGE sql AS $$
    SELECT kind, path, concat_ws(' ', CASE WHEN NOT backward THEN 'backward' END,
                                 CASE WHEN NOT forward THEN 'forward' END),
           message
    FROM spine.compare_schemas('AVRO', old, new) $$;
-- A record around a field's type.
CREATE FUNCTION compare_types(old text, new text)
    RETURNS TABLE (kind text, path text, breaks text, message text)
    LANGUAGE sql AS $$
    SELECT * FROM compare(
        format('{"type": "record", "name": "R", "fields": [{"name": "f", "type": %s}]}', old),
        format('{"type": "record", "name": "R", "fields": [{"name": "f", "type": %s}]}', new)) $$;

-- types
SELECT * FROM compare_types('"int"', '"long"');
SELECT * FROM compare_types('"long"', '"int"');
SELECT * FROM compare_types('"int"', '"string"');
SELECT * FROM compare_types('"bytes"', '"string"');
SELECT * FROM compare_types('{"type": "array", "items": {"type": "map", "values": "int"}}',
                            '{"type": "array", "items": {"type": "map", "values": "null"}}');
SELECT * FROM compare('"int"', '"long"');

-- names
SELECT * FROM compare('{"type": "fixed", "name": "a.F", "size": 1}', '{"type": "fixed", "name": "a.G", "size": 1}');
SELECT * FROM compare('{"type": "fixed", "name": "a.F", "size": 1}', '{"type": "fixed", "name": "b.F", "size": 1}');
SELECT * FROM compare('{"type": "fixed", "name": "a.F", "size": 1}', '{"type": "fixed", "name": "a.G", "size": 1, "aliases": ["F"]}');
SELECT * FROM compare('{"type": "fixed", "name": "a.F", "size": 1, "aliases": ["G"]}', '{"type": "fixed", "name": "a.G", "size": 1, "aliases": ["F"]}');
SELECT * FROM compare('{"type": "fixed", "name": "F", "size": 1, "aliases": ["G", "H"]}', '{"type": "fixed", "name": "F", "size": 2, "aliases": ["H", "I"]}');

-- fields
SELECT * FROM compare('{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": "int", "default": 1}]}',
                      '{"type": "record", "name": "R", "fields": [{"name": "c", "type": "int"}, {"name": "d", "type": "int", "default": 1}]}');
SELECT * FROM compare('{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}',
                      '{"type": "record", "name": "R", "fields": [{"name": "b", "type": "long", "aliases": ["a"]}]}');
SELECT * FROM compare('{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int", "aliases": ["b"]}]}',
                      '{"type": "record", "name": "R", "fields": [{"name": "b", "type": "long"}]}');
SELECT * FROM compare('{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int", "aliases": ["b"]}]}',
                      '{"type": "record", "name": "R", "fields": [{"name": "b", "type": "int", "aliases": ["a"]}]}');
SELECT * FROM compare('{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": "int"}]}',
                      '{"type": "record", "name": "R", "fields": [{"name": "b", "type": "int"}, {"name": "a", "type": "int"}]}');
SELECT * FROM compare('{"type": "record", "name": "R", "doc": "x", "fields": [{"name": "a", "type": "int", "doc": "a"}, {"name": "b", "type": "double", "default": 1}]}',
                      '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int", "doc": "b", "default": 0, "order": "ignore", "x.y": 1}, {"name": "b", "type": "double", "default": 1.0, "aliases": ["c"]}]}');
SELECT * FROM compare('{"type": "record", "name": "R", "fields": [{"name": "a", "type": "double", "default": 0.1}]}',
                      '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "double", "default": 0.10000000000000000001}]}');
SELECT * FROM compare('{"type": "record", "name": "R", "fields": [{"name": "a", "type": "double", "default": 0.1}]}',
                      '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "double"}]}');

-- enums
SELECT * FROM compare('{"type": "enum", "name": "E", "symbols": ["A", "B"]}', '{"type": "enum", "name": "E", "symbols": ["C", "A"]}');
SELECT * FROM compare('{"type": "enum", "name": "E", "symbols": ["A", "B"]}', '{"type": "enum", "name": "E", "symbols": ["A"], "default": "A"}');
SELECT * FROM compare('{"type": "enum", "name": "E", "symbols": ["A", "B"], "default": "A"}', '{"type": "enum", "name": "E", "symbols": ["B", "A"], "default": "B"}');
SELECT * FROM compare('{"type": "enum", "name": "E", "symbols": []}', format('{"type": "enum", "name": "E", "symbols": [%s]}',
    (SELECT string_agg('"S' || n || '"', ', ' ORDER BY n) FROM generate_series(1, 10) n))) LIMIT 2;

-- unions
SELECT * FROM compare_types('["null", "int"]', '["null", "int", "string"]');
SELECT * FROM compare_types('["null", "int", "string"]', '["null", "int"]');
SELECT * FROM compare_types('["null", "int"]', '["null", "long"]');
SELECT * FROM compare_types('"int"', '["null", "int"]');
SELECT * FROM compare_types('["null", "int"]', '"int"');
SELECT * FROM compare_types('["null", "int"]', '["int", "null"]');
SELECT * FROM compare_types('["null", {"type": "array", "items": "int"}]', '["null", {"type": "array", "items": "string"}]');
-- why a branch is not read stands beside it
SELECT * FROM compare_types('["null", {"type": "record", "name": "a.S", "fields": []}]',
                            '["null", {"type": "record", "name": "b.S", "fields": [{"name": "x", "type": "int"}]}]');
-- where there are two ways, neither is told to break
SELECT * FROM compare_types('[{"type": "record", "name": "w.S", "fields": []}]',
                            '[{"type": "record", "name": "a.S", "fields": [{"name": "x", "type": "int"}]},
                              {"type": "record", "name": "b.S", "fields": []}]');

-- logical types and attributes of others
SELECT * FROM compare_types('{"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}',
                            '{"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 1}');
SELECT * FROM compare_types('{"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 0}',
                            '{"type": "bytes", "logicalType": "decimal", "precision": 4.0}');
SELECT * FROM compare_types('"long"', '{"type": "long", "logicalType": "timestamp-millis"}');
SELECT * FROM compare_types('{"type": "int", "logicalType": "date"}', '{"type": "long", "logicalType": "timestamp-millis"}');
SELECT * FROM compare_types('{"type": "string", "avro.java.string": "String", "a~/b": [1, {"x": 1e2}]}',
                            '{"type": "string", "a~/b": [1, {"x": 101}]}');
SELECT * FROM compare_types('{"type": "string", "p": {"x": 1, "y": 1e2}}', '{"p": {"y": 100, "x": 1.0}, "type": "string"}');

-- A type that is used often is told of once, where it is defined.
SELECT * FROM compare('{"type": "record", "name": "R", "fields": [
                           {"name": "a", "type": {"type": "record", "name": "S", "fields": [{"name": "x", "type": "int"}]}},
                           {"name": "b", "type": "S"}, {"name": "c", "type": ["null", "S", "R"]}]}',
                      '{"type": "record", "name": "R", "fields": [
                           {"name": "c", "type": ["null", {"type": "record", "name": "S", "fields": [{"name": "x", "type": "string"}]}, "R"]},
                           {"name": "b", "type": "S"}, {"name": "a", "type": "S"}]}');

-- Fails
SELECT * FROM compare('"int"', '"in"');
SELECT * FROM compare('"in"', '"int"');
SELECT * FROM compare(NULL, '"int"');
