-- JSON Schema: what is valid, forms and lint.

CREATE FUNCTION try(schema text, refs jsonb DEFAULT '[]') RETURNS text
    LANGUAGE plpgsql AS $$
DECLARE
    place text;
BEGIN
    PERFORM spine.is_compatible('JSON', 'NONE', schema, '{}',
        jsonb_build_object('references', jsonb_build_object('new', refs)));
    RETURN 'valid';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS place = PG_EXCEPTION_DETAIL;
    RETURN format('%s: %s | %s', SQLSTATE, SQLERRM, place);
END $$;

-- The value of each keyword.
SELECT s AS schema, try(s)
FROM unnest(ARRAY[
    '{}', 'true', '[]', '1', '"string"', 'null', '', '{"a"',
    '{"type": "object", "type": "array"}',
    '{"type": "text"}', '{"type": []}', '{"type": ["null", "null"]}', '{"type": 1}',
    '{"enum": 1}', '{"enum": []}', '{"const": null}',
    '{"maxLength": -1}', '{"maxLength": 1.5}', '{"maxLength": 10e-1}', '{"minItems": "1"}',
    '{"maximum": "1"}', '{"maximum": 1e400}', '{"exclusiveMaximum": true}', '{"exclusiveMaximum": null}',
    '{"multipleOf": 0}', '{"multipleOf": -0.1}',
    '{"pattern": "("}', '{"pattern": "[a"}', '{"pattern": "a)"}', '{"pattern": "a\\"}', '{"pattern": "[(]\\)"}', '{"pattern": 1}',
    '{"uniqueItems": 1}', '{"required": true}', '{"required": ["a", "a"]}', '{"required": [1]}',
    '{"properties": []}', '{"properties": {"a": 1}}', '{"properties": {"a": {"items": {"type": "x"}}}}',
    '{"patternProperties": {"(": {}}}', '{"additionalProperties": "no"}',
    '{"items": 1}', '{"items": []}', '{"prefixItems": []}', '{"prefixItems": {}}', '{"items": [{}, 1]}',
    '{"allOf": []}', '{"anyOf": {}}', '{"oneOf": [1]}', '{"not": []}', '{"if": 1}',
    '{"dependencies": {"a": ["b", "b"]}}', '{"dependencies": {"a": 1}}', '{"dependentRequired": {"a": {}}}',
    '{"$id": 1}', '{"title": 1}', '{"default": {"type": 1}}', '{"unknown": {"type": 1}}'
]) s;

-- References.
SELECT s AS schema, try(s)
FROM unnest(ARRAY[
    '{"$ref": "#"}', '{"$ref": "#/$defs/a"}', '{"$ref": "#/$defs/a", "$defs": {"a": {}}}',
    '{"$ref": "#/a b", "a b": {"type": "string"}}', '{"$ref": "#/a%20b", "a b": {"type": "text"}}',
    '{"$ref": "#/allOf/1", "allOf": [{}]}', '{"$ref": "#/allOf/00", "allOf": [{}]}', '{"$ref": "#/allOf/0", "allOf": [{}]}',
    '{"$ref": "#a"}', '{"$ref": "#a", "$defs": {"x": {"$anchor": "a"}}}', '{"$ref": "#a", "definitions": {"x": {"id": "#a"}}}',
    '{"$ref": "other.json"}', '{"$ref": "http://json-schema.org/draft-07/schema#"}',
    '{"$dynamicRef": "#a", "$defs": {"x": {"$dynamicAnchor": "a"}}}', '{"$recursiveRef": "#"}',
    '{"$id": "http://e/a/b.json", "$ref": "c.json", "$defs": {"x": {"$id": "/a/c.json"}}}',
    '{"$id": "http://e/a/b/d.json", "$ref": "../c.json", "$defs": {"x": {"$id": "http://e/a/c.json"}}}'
]) s;
SELECT try('{"properties": {"a": {"$ref": "other.json#/$defs/n"}, "b": {"$ref": "dir/b.json"}}}', refs)
FROM (VALUES ('[{"name": "other.json", "schema": "{\"$defs\": {\"n\": {\"$ref\": \"#/$defs/m\"}, \"m\": true}}"},
                {"name": "dir/b.json", "schema": "{\"$ref\": \"c.json\"}"},
                {"name": "dir/c.json", "schema": "{\"$ref\": \"../other.json\"}"}]'::jsonb),
             ('[{"name": "other.json", "schema": "{\"$defs\": {\"n\": {\"type\": 1}}}"}]'),
             ('[{"name": "other.json", "schema": "{}"}]')) t (refs);

-- What references give counts.
SELECT kind, path, backward, forward
FROM spine.compare_schemas('JSON', '{"items": {"$ref": "n.json"}}', '{"items": {"$ref": "n.json"}}',
    '{"references": {"old": [{"name": "n.json", "schema": "{\"type\": \"integer\"}"}],
                     "new": [{"name": "n.json", "schema": "{\"type\": \"number\"}"}]}}');

-- Forms: what means the same is the same.
SELECT spine.canonical_schema('JSON', s)
FROM unnest(ARRAY[
    '{"type": ["string"], "title": "t", "description": "d", "$comment": "c", "minLength": 0, "uniqueItems": false, "required": []}',
    '{"enum": [2, 1.0, 10e-1, 0.10, -0, 1e400, 10e399, 100], "required": ["b", "a"]}',
    '{"properties": {"b": {}, "a": {"title": "only"}}, "maximum": 12300, "minimum": -1.50e-3}',
    '{"dependencies": {"a": ["c", "b"], "b": {"title": "x"}}, "x": {"b": 1.0, "a": "\u00e9\u0000\n"}}',
    'true', '{}', '{"type": ["null", "array"], "items": [{"type": ["null"]}]}'
]) s;
SELECT spine.schema_fingerprint('JSON', '{"type": "string", "maxLength": 10}', 'sha-256') =
       spine.schema_fingerprint('JSON', '{"maxLength": 1e1, "type": ["string"], "title": "x"}', 'sha-256') AS same;

-- Differences have places.
SELECT * FROM spine.compare_schemas('JSON',
    '{"$defs": {"n": {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}, "v": {"type": "string"}}}},
      "properties": {"list": {"$ref": "#/$defs/n"}, "gone/x~": {"type": "string"}}, "title": "a", "maximum": 3}',
    '{"$defs": {"n": {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}, "v": {"type": "string", "maxLength": 3}}}},
      "properties": {"list": {"$ref": "#/$defs/n"}, "new": {"oneOf": [{"type": "null"}]}}, "title": "b", "exclusiveMaximum": 3}');
-- Names that must not come back.
SELECT kind, path, backward, forward, message
FROM spine.compare_schemas('JSON', '{"type": "object"}', '{"type": "object", "properties": {"b": true}}',
    '{"metadata": {"old": {"properties": {"confluent:reserved": "a"}}, "new": {"properties": {"confluent:reserved": "b"}}}}');

-- Lint.
SELECT * FROM spine.lint_schema('JSON', '{
  "type": "object", "maxlength": 3, "x-own": 1, "propertys": {},
  "$defs": {"used": {"type": "string"}, "unused": {"type": "string"}},
  "properties": {
    "a": {"$ref": "#/$defs/used"},
    "b": {"description": "b"},
    "c": {"type": "object", "title": "c", "properties": {}, "additionalProperties": false}
  }}');
SELECT * FROM spine.lint_schema('JSON', '{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "t", "type": "string"}');

DROP FUNCTION try;
