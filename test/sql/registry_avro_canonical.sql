-- Avro: canonical forms and fingerprints.

-- The fingerprints that the specification's test data has, as numbers.
SELECT schema, spine.canonical_schema('AVRO', schema) AS canonical,
       crc = ('x' || encode(spine.schema_fingerprint('AVRO', schema,
                                                     'crc-64-avro'), 'hex'))
             ::bit(64)::bigint AS crc
FROM (VALUES
    ('"null"', 7195948357588979594),
    ('{"type":"null"}', 7195948357588979594),
    ('"boolean"', -6970731678124411036),
    ('"int"', 8247732601305521295),
    ('"long"', -3434872931120570953),
    ('"float"', 5583340709985441680),
    ('"double"', -8181574048448539266),
    ('"string"', -8142146995180207161),
    ('"bytes"', 5746618253357095269),
    ('[]', -1241056759729112623),
    ('["int"]', -5232228896498058493),
    ('["int", {"type":"boolean"}]', 5392556393470105090),
    ('{"fields":[], "type":"record", "name":"foo"}', -4824392279771201922),
    ('{"fields":[], "type":"record", "name":"foo", "namespace":"x.y"}', 5916914534497305771),
    ('{"fields":[], "type":"record", "name":"a.b.foo", "namespace":"x.y"}', -4616218487480524110),
    ('{"fields":[], "type":"record", "name":"foo", "doc":"Useful info"}', -4824392279771201922),
    ('{"fields":[], "type":"record", "name":"foo", "aliases":["foo","bar"]}', -4824392279771201922),
    ('{"fields":[{"type":{"type":"boolean"}, "name":"f1"}], "type":"record", "name":"foo"}', 7843277075252814651),
    ('{"type":"array", "items":"null"}', -589620603366471059),
    ('{"type":"map", "values":"string"}', -8732877298790414990),
    ('{"type":"fixed", "name":"foo", "size":15}', 1756455273707447556),
    ('{"type":"enum", "name":"foo", "symbols":["A1"]}', -6342190197741309591))
    t(schema, crc);

-- CRC-64-AVRO with the least byte first, as single-object encoding has it,
-- and the server's own hashes of the canonical form.
SELECT encode(spine.schema_fingerprint('AVRO', s, 'crc-64-avro'), 'hex'),
       encode(spine.schema_fingerprint('AVRO', s, 'CRC-64-AVRO-LE'), 'hex') AS le,
       encode(spine.schema_fingerprint('AVRO', s, 'md5'), 'hex') = md5(c) AS md5,
       spine.schema_fingerprint('AVRO', s, 'sha-256') = sha256(c::bytea) AS sha,
       spine.schema_fingerprint('AVRO', s, 'SHA256') = sha256(c::bytea) AS sha
FROM (VALUES ('{"type": "map", "values": "long"}')) t(s),
     spine.canonical_schema('AVRO', s) c;
SELECT spine.schema_fingerprint('AVRO', '"int"', 'crc-32');    -- fails
SELECT spine.schema_fingerprint('AVRO', '"in"', 'md5');    -- fails
SELECT spine.schema_fingerprint('AVRO', '"int"', NULL);    -- fails

-- All transformations of the specification at once.
SELECT spine.canonical_schema('AVRO', '{
  "doc": "d", "aliases": ["Q"], "x": {"y": [1, 2.50]},
  "fields": [
    {"default": 5, "type": {"type": "long", "logicalType": "timestamp-millis"},
     "doc": "d", "order": "ignore", "aliases": ["b"], "name": "\u0061"},
    {"type": ["null", {"items": "R", "type": "array"}], "name": "r"},
    {"name": "e", "type": {"default": "A", "symbols": ["\u0041", "B"],
     "name": "E", "type": "enum", "namespace": "q"}},
    {"name": "f", "type": {"size": 12, "name": "F", "type": "fixed",
     "logicalType": "duration"}},
    {"name": "g", "type": {"type": "map", "values": ["q.E", "F", "R"]}}],
  "namespace": "n.m", "name": "R", "type": "record"}');

-- It is a fixpoint, and full to the schema that it came from.
SELECT c = spine.canonical_schema('AVRO', c) AS fixpoint,
       spine.is_compatible('AVRO', 'FULL', c, ARRAY[s]) AS full
FROM (VALUES ('{"type": "record", "name": "a.b.R", "fields": [
    {"name": "x", "type": ["null", "R", {"type": "enum", "name": "E",
     "symbols": ["A"]}]}, {"name": "y", "type": "E"}]}')) t(s),
     spine.canonical_schema('AVRO', s) c;
