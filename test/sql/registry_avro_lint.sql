-- Avro: each rule of lint, where it finds something and where it does not.

SELECT about, l.*
FROM (VALUES
    ('good', '{"type": "record", "name": "shop.Order", "doc": "An order.", "fields": [
        {"name": "id", "doc": "Its number.", "type": "long"},
        {"name": "note", "doc": "What was said.", "type": ["null", "string"], "default": null},
        {"name": "paidOn", "doc": "When.", "type": {"type": "int", "logicalType": "date"}},
        {"name": "state", "doc": "Where it is.", "type": {"type": "enum", "name": "State", "doc": "States.",
            "symbols": ["NEW", "OLD_1"], "default": "NEW"}, "default": "NEW"},
        {"name": "more", "doc": "More.", "type": {"type": "map", "values": {"type": "array", "items": "Order"}}},
        {"name": "total", "doc": "Sum.", "type": {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}},
        {"name": "hash", "doc": "Hash.", "type": {"type": "fixed", "name": "Hash", "size": 16}}]}'),
    ('names', '{"type": "record", "name": "my_record", "doc": "x", "fields": [
        {"name": "A_b", "doc": "x", "type": {"type": "fixed", "name": "Com.Acme.F1", "size": 0}},
        {"name": "a", "doc": "x", "type": {"type": "enum", "name": "n.array", "doc": "x", "symbols": ["a"]}}]}'),
    ('documentation', E'{"type": "record", "name": "n.R", "doc": null, "fields": [\n\n{"name": "a", "type": "int", "doc": ""}]}'),
    ('defaults', '{"type": "record", "name": "n.R", "doc": "x", "fields": [
        {"name": "a", "doc": "x", "type": ["null", "int"]},
        {"name": "b", "doc": "x", "type": ["null", "int"], "default": 1},
        {"name": "c", "doc": "x", "type": ["int", "null"], "default": 1},
        {"name": "d", "doc": "x", "type": ["int", "string"]}]}'),
    ('aliases', '{"type": "record", "name": "n.R", "doc": "x", "fields": [
        {"name": "a", "doc": "x", "type": "int", "aliases": ["b", "c-d", "e"]},
        {"name": "b", "doc": "x", "type": "int"}]}'),
    ('unions', '[]'), ('unions', '["int"]'), ('unions', '["int", "null"]'),
    ('empty', '{"type": "record", "name": "n.R", "doc": "x", "fields": [
        {"name": "e", "doc": "x", "type": {"type": "enum", "name": "E", "doc": "x", "symbols": []}},
        {"name": "r", "doc": "x", "type": {"type": "record", "name": "S", "doc": "x", "fields": []}}]}'),
    ('endless', '{"type": "record", "name": "n.R", "doc": "x", "fields": [
        {"name": "e", "doc": "x", "type": {"type": "record", "name": "S", "doc": "x", "fields": [
            {"name": "r", "doc": "x", "type": ["R"]}]}}]}'),
    ('not endless', '{"type": "record", "name": "n.R", "doc": "x", "fields": [
        {"name": "e", "doc": "x", "type": {"type": "array", "items": "R"}},
        {"name": "f", "doc": "x", "type": {"type": "map", "values": "R"}},
        {"name": "g", "doc": "x", "type": ["null", "R"], "default": null}]}'))
    t(about, schema)
CROSS JOIN LATERAL spine.lint_schema('AVRO', schema) l;

-- Logical types that are ignored, and why; those that are not have no message.
SELECT type, l.message
FROM (VALUES
    ('{"type": "int", "logicalType": "date"}'), ('{"type": "long", "logicalType": "date"}'),
    ('{"type": "int", "logicalType": "time-millis"}'), ('{"type": "long", "logicalType": "time-micros"}'),
    ('{"type": "long", "logicalType": "timestamp-millis"}'), ('{"type": "long", "logicalType": "timestamp-micros"}'),
    ('{"type": "long", "logicalType": "timestamp-nanos"}'), ('{"type": "long", "logicalType": "local-timestamp-nanos"}'),
    ('{"type": "long", "logicalType": "local-timestamp-millis"}'), ('{"type": "long", "logicalType": "local-timestamp-micros"}'),
    ('{"type": "string", "logicalType": "uuid"}'), ('{"type": "bytes", "logicalType": "big-decimal"}'),
    ('{"type": "fixed", "name": "n.F", "size": 16, "logicalType": "uuid"}'), ('{"type": "fixed", "name": "n.F", "size": 15, "logicalType": "uuid"}'),
    ('{"type": "fixed", "name": "n.F", "size": 12, "logicalType": "duration"}'), ('{"type": "fixed", "name": "n.F", "size": 11, "logicalType": "duration"}'),
    ('{"type": "bytes", "logicalType": "decimal", "precision": 1000, "scale": 1000}'), ('{"type": "bytes", "logicalType": "decimal"}'),
    ('{"type": "bytes", "logicalType": "decimal", "precision": 0}'), ('{"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 3}'),
    ('{"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": -1}'), ('{"type": "bytes", "logicalType": "decimal", "precision": "2"}'),
    ('{"type": "bytes", "logicalType": "decimal", "precision": 1e400}'), ('{"type": "string", "logicalType": "decimal", "precision": 1}'),
    ('{"type": "fixed", "name": "n.F", "size": 2, "logicalType": "decimal", "precision": 4}'), ('{"type": "fixed", "name": "n.F", "size": 2, "logicalType": "decimal", "precision": 5}'),
    ('{"type": "fixed", "name": "n.F", "size": 8, "logicalType": "decimal", "precision": 18}'), ('{"type": "fixed", "name": "n.F", "size": 8, "logicalType": "decimal", "precision": 19}'),
    ('{"type": "int", "logicalType": "monat"}'), ('{"type": "int", "logicalType": 1}'))
    t(type)
LEFT JOIN LATERAL spine.lint_schema('AVRO', type) l ON l.rule = 'logical_type_ignored';
SELECT l.* FROM spine.lint_schema('AVRO', '{"type": "record", "name": "n.R", "doc": "x", "fields": [
    {"name": "a", "doc": "x", "type": "long", "logicalType": "timestamp-millis"}]}') l;
-- A type is looked at once, where it is defined.
SELECT l.* FROM spine.lint_schema('AVRO', '[{"type": "enum", "name": "n.E", "symbols": ["A"]},
    {"type": "record", "name": "n.R", "doc": "x", "fields": [{"name": "a", "doc": "x", "type": "E"}]}]') l;
SELECT * FROM spine.lint_schema('AVRO', '"x"');    -- fails
