-- Avro: what is no schema, and where it is wrong.

-- The outcome of a text: its canonical form, or the error and its place.
CREATE FUNCTION outcome(schema text, OUT outcome text, OUT place text)
    LANGUAGE plpgsql AS $$
BEGIN
    outcome := left(spine.canonical_schema('AVRO', schema), 120);
EXCEPTION WHEN SQLSTATE 'SP008' THEN
    GET STACKED DIAGNOSTICS outcome = MESSAGE_TEXT, place = PG_EXCEPTION_DETAIL;
    outcome := replace(outcome, 'invalid schema: ', '! ');
    place := replace(place, 'It stands at ', '');
END $$;

-- JSON
SELECT replace(schema, chr(65279), 'BOM ') AS schema, o.* FROM (VALUES
    (''), (' '), ('{'), ('["int"'), ('["int",]'), ('{"type":"int",}'),
    ('{type:"int"}'), ('{"type" "int"}'), ('''int'''), ('"int" "long"'),
    ('"int"x'), ('"in' || chr(10) || 't"'), ('"int'), ('"\x"'), ('"\u12"'),
    ('"\ud800"'), ('"\ud800\ud800"'), ('"\udc00"'), ('"\u0069\u006e\u0074"'),
    ('"\u0000"'), ('nul'), ('nullx'), ('tru'), ('01'), ('-'), ('1.'), ('1e'),
    ('.5'), ('+1'), ('NaN'), ('// c' || chr(10) || '"int"'), ('"int"/**/'),
    (chr(65279) || '"int"'), ('{"type":"int","type":"int"}'),
    ('{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"type":"int","b":2}'),
    (E'{\n  "type":\n\t"record",\r\n  "name": 5}'))
    t(schema), outcome(schema) o;

-- types
SELECT schema, o.* FROM (VALUES
    ('1'), ('null'), ('true'), ('{}'), ('[]'), ('"x"'), ('"a.b"'), ('""'),
    ('"Int"'), ('"record"'), ('{"type": "record"}'), ('{"type": "x"}'),
    ('{"type": null}'), ('{"type": 1}'), ('{"type": {"type": "int"}}'),
    ('{"type": ["int"]}'), ('{"type": "int"}'),
    ('{"type": "int", "logicalType": "none", "x": {}}'),
    ('{"type": "array"}'), ('{"type": "array", "items": 1}'),
    ('{"type": "array", "items": "x"}'), ('{"type": "map"}'),
    ('{"type": "map", "items": "int"}'), ('{"type": "map", "values": []}'),
    ('{"type": "array", "values": "int"}'))
    t(schema), outcome(schema) o;

-- unions
SELECT schema, o.* FROM (VALUES
    ('["int", "int"]'), ('["int", {"type": "int", "logicalType": "date"}]'),
    ('["int", ["long"]]'), ('[[]]'), ('["int", 1]'),
    ('[{"type": "array", "items": "int"}, {"type": "array", "items": "long"}]'),
    ('[{"type": "map", "values": "int"}, {"type": "map", "values": "long"}]'),
    ('[{"type": "array", "items": "int"}, {"type": "map", "values": "int"}]'),
    ('[{"type": "fixed", "name": "F", "size": 1}, "F"]'),
    ('[{"type": "fixed", "name": "a.F", "size": 1}, {"type": "fixed", "name": "b.F", "size": 1}]'))
    t(schema), outcome(schema) o;

-- names
SELECT schema, o.* FROM (VALUES
    ('{"type": "fixed", "size": 1}'),
    ('{"type": "fixed", "size": 1, "name": 1}'),
    ('{"type": "fixed", "size": 1, "name": ""}'),
    ('{"type": "fixed", "size": 1, "name": "1a"}'),
    ('{"type": "fixed", "size": 1, "name": "a-b"}'),
    ('{"type": "fixed", "size": 1, "name": "é"}'),
    ('{"type": "fixed", "size": 1, "name": "a..b"}'),
    ('{"type": "fixed", "size": 1, "name": ".b"}'),
    ('{"type": "fixed", "size": 1, "name": "a."}'),
    ('{"type": "fixed", "size": 1, "name": "a b"}'),
    ('{"type": "fixed", "size": 1, "name": "int"}'),
    ('{"type": "fixed", "size": 1, "name": "a.int"}'),
    ('{"type": "fixed", "size": 1, "name": "_9.A_1"}'),
    ('{"type": "fixed", "size": 1, "name": "F", "namespace": ""}'),
    ('{"type": "fixed", "size": 1, "name": "F", "namespace": null}'),
    ('{"type": "fixed", "size": 1, "name": "F", "namespace": 1}'),
    ('{"type": "fixed", "size": 1, "name": "F", "namespace": "a-b"}'),
    ('{"type": "fixed", "size": 1, "name": "F", "namespace": "a..b"}'),
    ('{"type": "fixed", "size": 1, "name": "F", "namespace": "a.b"}'),
    ('{"type": "fixed", "size": 1, "name": "c.F", "namespace": "a.b"}'),
    ('{"type": "fixed", "size": 1, "name": "F", "aliases": "G"}'),
    ('{"type": "fixed", "size": 1, "name": "F", "aliases": [1]}'),
    ('{"type": "fixed", "size": 1, "name": "F", "aliases": ["a-b"]}'),
    ('{"type": "fixed", "size": 1, "name": "F", "aliases": ["G", "x.H"]}'),
    -- a name is known from where it begins, in its namespace or in none
    ('{"type": "record", "name": "a.R", "fields": [{"name": "f", "type": "R"}]}'),
    ('{"type": "record", "name": "a.R", "fields": [{"name": "f", "type": "a.R"}]}'),
    ('{"type": "record", "name": "a.R", "fields": [{"name": "f", "type": "b.R"}]}'),
    ('{"type": "record", "name": "R", "fields": [{"name": "f", "type": {"type": "record", "name": "b.S", "fields": [{"name": "g", "type": ["R", "S"]}]}}]}'),
    ('{"type": "record", "name": "R", "fields": [{"name": "f", "type": "S"}, {"name": "g", "type": {"type": "fixed", "name": "S", "size": 1}}]}'),
    ('{"type": "record", "name": "a.R", "fields": [{"name": "g", "type": {"type": "fixed", "name": "S", "namespace": "", "size": 1}}, {"name": "f", "type": "S"}]}'),
    ('{"type": "record", "name": "a.R", "fields": [{"name": "g", "type": {"type": "R"}}]}'),
    ('{"type": "record", "name": "R", "fields": [{"name": "g", "type": {"type": "fixed", "name": "R", "size": 1}}]}'),
    ('[{"type": "fixed", "name": "a.F", "size": 1}, {"type": "enum", "name": "F", "namespace": "a", "symbols": []}]'))
    t(schema), outcome(schema) o;

-- records
SELECT schema, o.* FROM (VALUES
    ('{"type": "record", "name": "R"}'),
    ('{"type": "record", "name": "R", "fields": {}}'),
    ('{"type": "record", "name": "R", "fields": [1]}'),
    ('{"type": "record", "name": "R", "fields": [{}]}'),
    ('{"type": "record", "name": "R", "fields": [{"name": "f"}]}'),
    ('{"type": "record", "name": "R", "fields": [{"type": "int"}]}'),
    ('{"type": "record", "name": "R", "fields": [{"name": "a.b", "type": "int"}]}'),
    ('{"type": "record", "name": "R", "fields": [{"name": "f", "type": "int"}, {"name": "f", "type": "int"}]}'),
    ('{"type": "record", "name": "R", "fields": [{"name": "f", "type": "int", "order": "up"}]}'),
    ('{"type": "record", "name": "R", "fields": [{"name": "f", "type": "int", "order": "ignore"}]}'),
    ('{"type": "record", "name": "R", "fields": [{"name": "f", "type": "int", "aliases": "g"}]}'),
    ('{"type": "record", "name": "R", "fields": [{"name": "f", "type": "int", "aliases": [null]}]}'),
    ('{"type": "record", "name": "R", "fields": [{"name": "f", "type": "int", "aliases": ["g-h"]}]}'),
    ('{"type": "record", "name": "R", "fields": [], "doc": null}'),
    ('{"type": "error", "name": "E", "fields": []}'))
    t(schema), outcome(schema) o;

-- enums and fixed
SELECT schema, o.* FROM (VALUES
    ('{"type": "enum", "name": "E"}'),
    ('{"type": "enum", "name": "E", "symbols": "A"}'),
    ('{"type": "enum", "name": "E", "symbols": [1]}'),
    ('{"type": "enum", "name": "E", "symbols": ["A", "A"]}'),
    ('{"type": "enum", "name": "E", "symbols": ["A-B"]}'),
    ('{"type": "enum", "name": "E", "symbols": ["A"], "default": "B"}'),
    ('{"type": "enum", "name": "E", "symbols": ["A"], "default": 1}'),
    ('{"type": "enum", "name": "E", "symbols": ["A", "B"], "default": "B"}'),
    ('{"type": "fixed", "name": "F"}'),
    ('{"type": "fixed", "name": "F", "size": "1"}'),
    ('{"type": "fixed", "name": "F", "size": -1}'),
    ('{"type": "fixed", "name": "F", "size": 1.0}'),
    ('{"type": "fixed", "name": "F", "size": 1e3}'),
    ('{"type": "fixed", "name": "F", "size": 0}'),
    ('{"type": "fixed", "name": "F", "size": 2147483647}'),
    ('{"type": "fixed", "name": "F", "size": 2147483648}'),
    ('{"type": "fixed", "name": "F", "size": 99999999999999999999999999999}'))
    t(schema), outcome(schema) o;

-- Defaults of every kind: those that are values of the type, and those that
-- are not.  Verdicts other than expected are printed (none).
CREATE TABLE default_value (type text, value text, good boolean);
INSERT INTO default_value VALUES
    ('"null"', 'null', true), ('"null"', '0', false), ('"null"', '"null"', false),
    ('"boolean"', 'true', true), ('"boolean"', 'false', true),
    ('"boolean"', '0', false), ('"boolean"', '"true"', false), ('"boolean"', 'null', false),
    ('"int"', '0', true), ('"int"', '-0', true), ('"int"', '2147483647', true),
    ('"int"', '-2147483648', true), ('"int"', '2147483648', false),
    ('"int"', '-2147483649', false), ('"int"', '1.0', false), ('"int"', '1e0', false),
    ('"int"', '"1"', false), ('"int"', 'null', false), ('"int"', '[]', false),
    ('"long"', '9223372036854775807', true), ('"long"', '-9223372036854775808', true),
    ('"long"', '9223372036854775808', false), ('"long"', '-9223372036854775809', false),
    ('"long"', '99999999999999999999999', false), ('"long"', '1e400', false),
    ('"float"', '1', true), ('"float"', '1.5', true), ('"float"', '1e400', true),
    ('"float"', '"NaN"', false), ('"double"', '-0.1e-400', true), ('"double"', 'null', false),
    ('"string"', '""', true), ('"string"', '"\u0000\ud83d\ude00"', true), ('"string"', '1', false),
    ('"bytes"', '"\u00ff\u0000"', true), ('"bytes"', '"é"', true), ('"bytes"', '"\u0100"', false),
    ('"bytes"', '"€"', false), ('"bytes"', '[1]', false),
    ('{"type": "fixed", "name": "F", "size": 2}', '"\u00ffa"', true),
    ('{"type": "fixed", "name": "F", "size": 2}', '"a"', false),
    ('{"type": "fixed", "name": "F", "size": 2}', '"abc"', false),
    ('{"type": "fixed", "name": "F", "size": 1}', '"\u0100"', false),
    ('{"type": "fixed", "name": "F", "size": 0}', '""', true),
    ('{"type": "enum", "name": "E", "symbols": ["A"]}', '"A"', true),
    ('{"type": "enum", "name": "E", "symbols": ["A"]}', '"B"', false),
    ('{"type": "enum", "name": "E", "symbols": ["A"], "default": "A"}', '"B"', false),
    ('{"type": "enum", "name": "E", "symbols": ["A"]}', '0', false),
    ('{"type": "array", "items": "int"}', '[]', true),
    ('{"type": "array", "items": "int"}', '[1, 2]', true),
    ('{"type": "array", "items": "int"}', '[1, "2"]', false),
    ('{"type": "array", "items": "int"}', '{}', false),
    ('{"type": "map", "values": "int"}', '{}', true),
    ('{"type": "map", "values": "int"}', '{"a": 1}', true),
    ('{"type": "map", "values": "int"}', '{"a": null}', false),
    ('{"type": "map", "values": "int"}', '[]', false),
    ('["null", "int"]', 'null', true), ('["null", "int"]', '1', true),
    ('["null", "int"]', '"a"', false), ('[]', 'null', false),
    ('["int", {"type": "map", "values": "string"}]', '{"a": "b"}', true),
    ('{"type": "record", "name": "S", "fields": []}', '{}', true),
    ('{"type": "record", "name": "S", "fields": []}', '{"x": 1}', true),
    ('{"type": "record", "name": "S", "fields": []}', 'null', false),
    ('{"type": "record", "name": "S", "fields": [{"name": "a", "type": "int"}]}', '{"a": 1}', true),
    ('{"type": "record", "name": "S", "fields": [{"name": "a", "type": "int"}]}', '{"a": "1"}', false),
    ('{"type": "record", "name": "S", "fields": [{"name": "a", "type": "int"}]}', '{}', false),
    ('{"type": "record", "name": "S", "fields": [{"name": "a", "type": "int", "default": 1}]}', '{}', true),
    ('["null", "R"]', '{"f": null}', true), ('["null", "R"]', '{"f": {"f": null}}', true),
    ('["null", "R"]', '{"f": 1}', false),
    -- those that contain themselves
    ('["null", "R"]', '{}', false), ('["R", "null"]', '{}', false),
    ('{"type": "map", "values": "R"}', '{}', true),
    ('{"type": "map", "values": "R"}', '{"a": {}}', false),
    ('{"type": "array", "items": "R"}', '[{"f": []}]', true),
    ('{"type": "array", "items": "R"}', '[{}]', false);
SELECT d.*, o.*
FROM default_value d,
     outcome(format('{"type": "record", "name": "R", "fields": [{"name": "f", "type": %s, "default": %s}]}', type, value)) o
WHERE good <> (place IS NULL);
SELECT count(*), count(*) FILTER (WHERE good) AS good FROM default_value;
SELECT o.* FROM (VALUES
    ('{"type": "record", "name": "R", "fields": [{"name": "f", "type": "int"}, {"name": "g", "type":
      "string", "default": 1}]}'),
    ('{"type": "record", "name": "R", "fields": [{"name": "f", "type": ["null", "R"], "default": {}}]}'),
    ('{"type": "record", "name": "R", "fields": [{"name": "f", "type":
      {"type": "record", "name": "S", "fields": [{"name": "g", "type": ["null", "R"], "default": {}}]},
      "default": {}}]}'))
    t(schema), outcome(schema) o;

-- References: types of other schemas, each before those that need it.
SELECT spine.is_compatible('AVRO', 'FULL', '"n.S"', '{}', jsonb_build_object(
    'references', jsonb_build_object('new', r)))
FROM (VALUES
    ('[{"name": "a", "schema": "{\"type\": \"record\", \"name\": \"n.S\", \"fields\": []}"}]'::jsonb),
    ('[{"name": "a", "schema": "{\"type\": \"fixed\", \"name\": \"n.F\", \"size\": 1}"},
       {"name": "b", "schema": "{\"type\": \"record\", \"name\": \"n.S\", \"fields\": [{\"name\": \"f\", \"type\": \"F\"}]}"},
       {"name": "a", "schema": "{\"type\": \"fixed\", \"name\": \"n.F\", \"size\": 1}"}]')) t(r);
-- Old ones with references for all, or each with its own.
SELECT spine.is_compatible('AVRO', 'FULL_TRANSITIVE', '"int"', '{"\"F\"", "\"F\""}',
    '{"references": {"old": [{"name": "f", "schema": "{\"type\": \"fixed\", \"name\": \"F\", \"size\": 1}"}]}}');
SELECT spine.is_compatible('AVRO', 'FULL_TRANSITIVE', '{"type": "fixed", "name": "F", "size": 1}', '{"\"F\"", "\"F\""}',
    '{"references": {"old": [[{"name": "f", "schema": "{\"type\": \"fixed\", \"name\": \"F\", \"size\": 2}"}],
                             [{"name": "f", "schema": "{\"type\": \"fixed\", \"name\": \"F\", \"size\": 1}"}]]}}')
    AS all_of_them,
    spine.is_compatible('AVRO', 'FULL', '{"type": "fixed", "name": "F", "size": 1}', '{"\"F\"", "\"F\""}',
    '{"references": {"old": [[{"name": "f", "schema": "{\"type\": \"fixed\", \"name\": \"F\", \"size\": 2}"}],
                             [{"name": "f", "schema": "{\"type\": \"fixed\", \"name\": \"F\", \"size\": 1}"}]]}}')
    AS last;
-- Paths of differences say whose they are.
SELECT * FROM spine.compare_schemas('AVRO', '"F"', '"F"',
    '{"references": {"old": [{"name": "f.avsc", "schema": "{\"type\": \"fixed\", \"name\": \"F\", \"size\": 2}"}],
                     "new": [{"name": "f.avsc", "schema": "{\"type\": \"fixed\", \"name\": \"F\", \"size\": 1}"}]}}');
-- Fails: what a reference lacks, in which text, and what defines it again.
SELECT spine.is_compatible('AVRO', 'FULL', '"int"', '{}',
    '{"references": {"new": [{"name": "r.avsc", "schema": "{\"type\": \"record\", \"name\": \"n.S\", \"fields\": [{\"name\": \"f\", \"type\": \"G\"}]}"}]}}');
SELECT spine.is_compatible('AVRO', 'FULL', '"int"', '{}',
    '{"references": {"new": [{"name": "r.avsc", "schema": "[\"int\""}]}}');
SELECT spine.is_compatible('AVRO', 'FULL', '{"type": "fixed", "name": "n.F", "size": 1}', '{}',
    '{"references": {"new": [{"name": "a", "schema": "{\"type\": \"fixed\", \"name\": \"n.F\", \"size\": 1}"}]}}');
SELECT spine.is_compatible('AVRO', 'FULL', '"int"', '{"\"long\""}',
    '{"references": {"old": [{"name": "r.avsc", "schema": "[\"int\", {}]"}]}}');

-- Fails: options that are none.
SELECT spine.is_compatible('AVRO', 'FULL', '"int"', '{}', o::jsonb)
FROM (VALUES ('[]')) t(o);
SELECT spine.is_compatible('AVRO', 'FULL', '"int"', '{}', '{"refs": {}}');
SELECT spine.is_compatible('AVRO', 'FULL', '"int"', '{}', '{"policy": "lax"}');
SELECT spine.is_compatible('AVRO', 'FULL', '"int"', '{}', '{"policy": 1}');
SELECT spine.is_compatible('AVRO', 'FULL', '"int"', '{}', '{"references": []}');
SELECT spine.is_compatible('AVRO', 'FULL', '"int"', '{}', '{"references": {"new": {}}}');
SELECT spine.is_compatible('AVRO', 'FULL', '"int"', '{}', '{"references": {"newer": []}}');
SELECT spine.is_compatible('AVRO', 'FULL', '"int"', '{}', '{"references": {"new": [1]}}');
SELECT spine.is_compatible('AVRO', 'FULL', '"int"', '{}', '{"references": {"new": [{"name": "x"}]}}');
SELECT spine.is_compatible('AVRO', 'FULL', '"int"', '{}', '{"references": {"old": [[]]}}');
SELECT spine.is_compatible('AVRO', 'FULL', '"int"', '{"\"int\""}', '{"references": {"old": [[], []]}}');
SELECT spine.is_compatible('AVRO', 'FULL', '"int"', '{}', '{"metadata": {"new": 1}}');
SELECT spine.is_compatible('AVRO', 'FULL', '"int"', '{}', '{"metadata": {"new": {"properties": {"confluent:reserved": ["a"]}}}}');
-- These are.
SELECT spine.is_compatible('AVRO', 'FULL', '"int"', '{"\"int\""}',
    '{"policy": "lenient", "references": {"new": [], "old": [[]]},
      "metadata": {"new": {"properties": {"confluent:reserved": "a, b"}, "tags": {}}, "old": [null]}}');
