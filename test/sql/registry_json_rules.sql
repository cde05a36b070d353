-- JSON Schema: what breaks which direction.  Each case stands with its verdict
-- under the strict and the lenient policy (b: backward, f: forward); those that
-- come out otherwise are printed, so no row is good.  Each case is tried in
-- reverse, too.

CREATE TABLE rule (
    n       int GENERATED ALWAYS AS IDENTITY,
    about   text,
    old     text,
    new     text,
    strict  text,
    lenient text
);

-- A schema of its keywords, for short.
CREATE FUNCTION js(keywords text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN keywords IN ('true', 'false') THEN keywords
                ELSE '{' || keywords || '}' END $$;

INSERT INTO rule (about, old, new, strict, lenient)
SELECT about, js(old), js(new), strict, coalesce(lenient, strict) FROM (VALUES
('same', '', '', '', NULL),
('annotations', '"title": "a", "description": "b", "default": 1', '"title": "c"', '', NULL),
('true', 'true', '', '', NULL),
('schema added', '', '"type": "string"', 'b', NULL),
('schema added', 'true', '"maxLength": 3', 'b', NULL),
('schema false', '"type": "string"', 'false', 'b', NULL),
('false to true', 'false', 'true', 'f', NULL),
-- types
('types', '"type": "integer"', '"type": "number"', 'f', NULL),
('types', '"type": "string"', '"type": ["string", "null"]', 'f', NULL),
('types', '"type": "string"', '"type": "integer"', 'bf', NULL),
('types', '"type": ["integer", "number"]', '"type": "number"', '', NULL),
('types', '"type": ["string"]', '"type": "string"', '', NULL),
('types', '"type": ["string", "null"]', '"type": ["null", "integer"]', 'bf', NULL),
-- strings
('maxLength', '"type": "string"', '"type": "string", "maxLength": 3', 'b', NULL),
('maxLength', '"type": "string", "maxLength": 3', '"type": "string", "maxLength": 4', 'f', NULL),
('maxLength', '"type": "string", "maxLength": 3', '"type": "string", "maxLength": 3.0', '', NULL),
('minLength', '"type": "string"', '"type": "string", "minLength": 1', 'b', NULL),
('minLength', '"type": "string"', '"type": "string", "minLength": 0', '', NULL),
('minLength', '"type": "string", "minLength": 1', '"type": "string", "minLength": 2', 'b', NULL),
('maxLength of no string', '"type": "integer"', '"type": "integer", "maxLength": 3', '', NULL),
('pattern', '"type": "string"', '"type": "string", "pattern": "^a"', 'b', NULL),
('pattern', '"type": "string", "pattern": "^b"', '"type": "string", "pattern": "^a"', 'bf', NULL),
('format', '"type": "string"', '"type": "string", "format": "date"', 'b', NULL),
('format', '"type": "string", "format": "time"', '"type": "string", "format": "date"', 'bf', NULL),
-- numbers
('maximum', '"type": "number"', '"type": "number", "maximum": 3', 'b', NULL),
('maximum', '"type": "number", "maximum": 0.1', '"type": "number", "maximum": 0.10000000000000000001', 'f', NULL),
('maximum', '"type": "number", "maximum": 0.1', '"type": "number", "maximum": 1e-1', '', NULL),
('maximum', '"type": "number", "maximum": 1e400', '"type": "number", "maximum": 1.0000000000000000001e400', 'f', NULL),
('maximum', '"type": "number", "maximum": 1e400', '"type": "number", "maximum": -1e400', 'b', NULL),
('minimum', '"type": "number", "minimum": 3', '"type": "number", "minimum": 2', 'f', NULL),
('minimum', '"type": "number", "minimum": 9007199254740993', '"type": "number", "minimum": 9007199254740992', 'f', NULL),
('exclusive', '"type": "number", "maximum": 3', '"type": "number", "exclusiveMaximum": 3', 'b', NULL),
('exclusive', '"type": "number", "maximum": 3', '"type": "number", "exclusiveMaximum": 4', 'f', NULL),
('exclusive', '"type": "number", "minimum": 3, "exclusiveMinimum": true', '"type": "number", "exclusiveMinimum": 3', '', NULL),
('exclusive', '"type": "number", "minimum": 3', '"type": "number", "minimum": 3, "exclusiveMinimum": false', '', NULL),
('exclusive', '"type": "number", "minimum": 3', '"type": "number", "minimum": 3, "exclusiveMinimum": true', 'b', NULL),
('exclusive', '"type": "number", "minimum": 3, "exclusiveMinimum": 1', '"type": "number", "minimum": 3', '', NULL),
('multipleOf', '"type": "number"', '"type": "number", "multipleOf": 2', 'b', NULL),
('multipleOf', '"type": "number", "multipleOf": 4', '"type": "number", "multipleOf": 2', 'f', NULL),
('multipleOf', '"type": "number", "multipleOf": 0.3', '"type": "number", "multipleOf": 0.1', 'f', NULL),
('multipleOf', '"type": "number", "multipleOf": 0.01', '"type": "number", "multipleOf": 0.010', '', NULL),
('multipleOf', '"type": "number", "multipleOf": 4', '"type": "number", "multipleOf": 6', 'bf', NULL),
('multipleOf', '"type": "number", "multipleOf": 1e400', '"type": "number", "multipleOf": 5e399', 'f', NULL),
('multipleOf', '"type": "integer"', '"type": "integer", "multipleOf": 0.5', '', NULL),
-- lists of values
('enum', '"enum": ["a"]', '"enum": ["a", "b"]', 'f', NULL),
('enum', '"enum": ["a", "c"]', '"enum": ["a", "b"]', 'bf', NULL),
('enum', '"enum": [1, 2]', '"enum": [2.0, 10e-1]', '', NULL),
('enum', '"type": "string"', '"type": "string", "enum": ["a"]', 'b', NULL),
('enum', '"enum": [1, 2]', '"type": "integer", "enum": [1, 2]', '', NULL),
('enum', '"enum": [1, 2]', '"type": "integer"', 'f', NULL),
('enum', '"enum": [1, "x"]', '"type": "integer"', 'bf', NULL),
('enum', '"enum": [{"a": 1, "b": [2]}]', '"enum": [{"b": [2.0], "a": 1}]', '', NULL),
('const', '"const": 1', '"const": 2', 'bf', NULL),
('const', '"const": 1', '"enum": [1]', '', NULL),
('const', '"const": 1', '"enum": [1, 2]', 'f', NULL),
-- required
('required', '"type": "object", "properties": {"a": true}', '"type": "object", "properties": {"a": true}, "required": ["a"]', 'b', NULL),
('required', '"type": "object", "properties": {"a": {"default": 1}}', '"type": "object", "properties": {"a": {"default": 1}}, "required": ["a"]', '', NULL),
('required', '"required": ["a", "b"]', '"required": ["b", "a"]', '', NULL),
('required', '"required": []', '', '', NULL),
-- properties, open
('open', '"type": "object"', '"type": "object", "properties": {"a": true}', '', NULL),
('open', '"type": "object"', '"type": "object", "properties": {"a": {"type": "string"}}', 'b', ''),
('open', '"type": "object"', '"type": "object", "properties": {"a": {"type": "string", "default": ""}}, "required": ["a"]', 'b', ''),
('open', '"type": "object"', '"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]', 'b', 'b'),
('open', '"type": "object", "properties": {"a": {"type": "string"}}', '"type": "object", "properties": {"a": {"type": "integer"}}', 'bf', NULL),
-- closed
('closed', '"type": "object", "additionalProperties": false', '"type": "object", "additionalProperties": false, "properties": {"a": {"type": "string"}}', 'f', ''),
('closed', '"type": "object", "additionalProperties": false', '"type": "object", "additionalProperties": false, "properties": {"a": {"type": "string", "default": ""}}, "required": ["a"]', 'f', ''),
('closed', '"type": "object", "additionalProperties": false', '"type": "object", "additionalProperties": false, "properties": {"a": {"type": "string"}}, "required": ["a"]', 'bf', 'b'),
('closed', '"type": "object", "additionalProperties": false, "properties": {"a": false}', '"type": "object", "additionalProperties": false', '', NULL),
-- partially open
('partial', '"type": "object", "additionalProperties": {"type": "string"}', '"type": "object", "additionalProperties": {"type": "string"}, "properties": {"a": {"type": "string", "maxLength": 3}}', 'b', ''),
('partial', '"type": "object", "additionalProperties": {"type": "string"}', '"type": "object", "additionalProperties": {"type": "string"}, "properties": {"a": {"type": "string"}}', '', NULL),
('partial', '"type": "object", "additionalProperties": {"type": "string"}', '"type": "object", "additionalProperties": {"type": "string"}, "properties": {"a": {"type": ["string", "null"]}}', 'f', ''),
('partial', '"type": "object", "additionalProperties": {"type": "string"}', '"type": "object", "additionalProperties": {"type": "string"}, "properties": {"a": {"type": "integer"}}', 'bf', ''),
('pattern', '"type": "object", "patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": false', '"type": "object", "patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": false, "properties": {"x-a": {"type": "string"}}', '', NULL),
('pattern', '"type": "object", "patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": false', '"type": "object", "patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": false, "properties": {"y": {"type": "string"}}', 'f', ''),
('pattern', '"type": "object", "patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": false', '"type": "object", "patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": false, "properties": {"x-a": {"type": "integer"}}', 'bf', ''),
('pattern', '"type": "object", "patternProperties": {"^[a-c]+\\d?$": {"type": "string"}}, "additionalProperties": false', '"type": "object", "patternProperties": {"^[a-c]+\\d?$": {"type": "string"}}, "additionalProperties": false, "properties": {"abc7": {"type": "string"}}', '', NULL),
('pattern beyond us', '"type": "object", "patternProperties": {"^(x|y)$": {"type": "string"}}, "additionalProperties": false', '"type": "object", "patternProperties": {"^(x|y)$": {"type": "string"}}, "additionalProperties": false, "properties": {"x": {"type": "string"}}', 'f', ''),
('pattern added', '"type": "object"', '"type": "object", "patternProperties": {"^x": {"type": "string"}}', 'b', ''),
('pattern added', '"type": "object", "additionalProperties": false', '"type": "object", "patternProperties": {"^x": {"type": "string"}}, "additionalProperties": false', 'f', ''),
('additional', '"type": "object"', '"type": "object", "additionalProperties": false', 'b', ''),
('additional', '"type": "object"', '"type": "object", "additionalProperties": {"type": "string"}', 'b', ''),
('additional', '"type": "object", "additionalProperties": {"type": "integer"}', '"type": "object", "additionalProperties": {"type": "number"}', 'f', ''),
('additional', '"type": "object", "additionalProperties": true', '"type": "object", "additionalProperties": {}', '', NULL),
('unevaluated', '"type": "object"', '"type": "object", "unevaluatedProperties": false', 'b', ''),
('unevaluated', '"type": "object", "allOf": [{"properties": {"a": true, "b": true}}], "unevaluatedProperties": false', '"type": "object", "allOf": [{"properties": {"a": true}}], "unevaluatedProperties": false', 'bf', ''),
('unevaluated', '"type": "object", "$ref": "#/$defs/d", "$defs": {"d": {"properties": {"a": {"type": "null"}, "b": true}}}, "unevaluatedProperties": false', '"type": "object", "$ref": "#/$defs/d", "$defs": {"d": {"properties": {"b": true}}}, "unevaluatedProperties": false', 'bf', ''),
('unevaluated', '"type": "array", "contains": {"type": "number"}, "unevaluatedItems": false', '"type": "array", "contains": {"type": "integer"}, "unevaluatedItems": false', 'bf', 'b'),
('counts of properties', '"type": "object"', '"type": "object", "minProperties": 1', 'b', NULL),
('counts of properties', '"type": "object", "maxProperties": 2', '"type": "object", "maxProperties": 1', 'b', NULL),
('names', '"type": "object"', '"type": "object", "propertyNames": {"maxLength": 3}', 'b', NULL),
('names', '"type": "object", "propertyNames": {"maxLength": 4}', '"type": "object", "propertyNames": {"maxLength": 3}', 'b', NULL),
('dependencies', '"type": "object"', '"type": "object", "dependencies": {"a": ["b"]}', 'b', NULL),
('dependencies', '"type": "object", "dependencies": {"a": ["b"]}', '"type": "object", "dependentRequired": {"a": ["b"]}', '', NULL),
('dependencies', '"type": "object", "dependencies": {"a": ["b"]}', '"type": "object", "dependencies": {"a": ["c", "b"]}', 'b', NULL),
('dependencies', '"type": "object", "dependencies": {"a": {"required": ["b"]}}', '"type": "object", "dependentSchemas": {"a": {"required": ["b"]}}', '', NULL),
('dependencies', '"type": "object"', '"type": "object", "dependentSchemas": {"a": {"required": ["b"]}}', 'b', NULL),
-- arrays
('items', '"type": "array"', '"type": "array", "items": {"type": "string"}', 'b', NULL),
('items', '"type": "array", "items": {"type": "integer"}', '"type": "array", "items": {"type": "number"}', 'f', NULL),
('items', '"type": "array", "items": true', '"type": "array"', '', NULL),
('tuple', '"type": "array", "items": [{"type": "string"}]', '"type": "array", "prefixItems": [{"type": "string"}]', '', NULL),
('tuple', '"type": "array", "items": [{"type": "string"}]', '"type": "array", "items": [{"type": "string"}, {"type": "string"}]', 'b', ''),
('tuple', '"type": "array", "items": [{"type": "string"}], "additionalItems": false', '"type": "array", "items": [{"type": "string"}, {"type": "string"}], "additionalItems": false', 'f', ''),
('tuple', '"type": "array", "items": [{"type": "string"}], "additionalItems": {"type": "string"}', '"type": "array", "items": [{"type": "string"}, {"type": "string"}], "additionalItems": {"type": "string"}', '', NULL),
('tuple', '"type": "array", "items": [{"type": "string"}], "additionalItems": {"type": "string"}', '"type": "array", "items": [{"type": "string"}, {"type": "integer"}], "additionalItems": {"type": "string"}', 'bf', ''),
('tuple', '"type": "array", "prefixItems": [{"type": "string"}]', '"type": "array", "prefixItems": [{"type": "string"}], "items": false', 'b', ''),
('unique', '"type": "array"', '"type": "array", "uniqueItems": true', 'b', NULL),
('unique', '"type": "array"', '"type": "array", "uniqueItems": false', '', NULL),
('counts of items', '"type": "array", "maxItems": 3', '"type": "array", "maxItems": 2', 'b', NULL),
('counts of items', '"type": "array", "minItems": 3', '"type": "array", "minItems": 2', 'f', NULL),
('contains', '"type": "array"', '"type": "array", "contains": {"type": "string"}', 'b', NULL),
('contains', '"type": "array", "contains": {"type": "integer"}', '"type": "array", "contains": {"type": "number"}', 'f', NULL),
('contains', '"type": "array", "contains": true', '"type": "array", "contains": true, "minContains": 2', 'b', NULL),
('contains', '"type": "array", "contains": true', '"type": "array", "contains": true, "maxContains": 2', 'b', NULL),
('contains', '"type": "array", "contains": true, "minContains": 0', '"type": "array"', '', NULL),
-- combined
('allOf', '"allOf": [{"maxLength": 3}]', '"allOf": [{"maxLength": 3}, {"minLength": 1}]', 'b', NULL),
('allOf', '"allOf": [{"maxLength": 3}, {"minLength": 1}]', '"allOf": [{"minLength": 1}, {"maxLength": 3}]', '', NULL),
('allOf', '"allOf": [{"type": "string"}]', '"type": "string"', '', NULL),
('anyOf', '"anyOf": [{"type": "string"}]', '"anyOf": [{"type": "string"}, {"type": "integer"}]', 'f', NULL),
('anyOf', '"anyOf": [{"type": "string"}, {"type": "integer"}]', '"anyOf": [{"type": "integer"}, {"type": "string"}]', '', NULL),
('anyOf', '"anyOf": [{"type": "string"}, {"type": "integer"}]', '"anyOf": [{"type": "number"}, {"type": "string"}]', 'f', NULL),
('oneOf', '"oneOf": [{"type": "string"}, {"type": "integer"}]', '"oneOf": [{"type": "number"}, {"type": "null"}]', 'bf', NULL),
('oneOf to anyOf', '"oneOf": [{"type": "string"}, {"type": "integer"}]', '"anyOf": [{"type": "integer"}, {"type": "string"}]', 'f', NULL),
('single to union', '"type": "string"', '"oneOf": [{"type": "integer"}, {"type": "string"}]', 'f', NULL),
('single to union', '"type": "string"', '"anyOf": [{"type": "integer"}, {"type": "null"}]', 'bf', NULL),
('union to single', '"anyOf": [{"type": "integer"}, {"type": "number", "maximum": 3}]', '"type": "number"', 'f', NULL),
('matching', '"oneOf": [{"type": "integer"}, {"type": "number", "maximum": 3}]', '"oneOf": [{"type": "number"}, {"type": ["integer", "null"]}]', 'f', NULL),
('not', '"not": {"type": "string"}', '"not": {"type": ["string", "null"]}', 'b', NULL),
('not', '', '"not": {"type": "string"}', 'b', NULL),
('not', '"type": "string", "not": {"maxLength": 3}', '"type": "string", "not": {"maxLength": 4}', 'b', NULL),
('if', '"if": {"type": "string"}, "then": {"maxLength": 3}', '"if": {"type": "string"}, "then": {"maxLength": 4}', 'f', NULL),
('if', '"if": {"type": "string"}, "then": {"maxLength": 3}', '"if": {"type": ["string", "null"]}, "then": {"maxLength": 3}', 'bf', NULL),
('if', '"type": "string"', '"type": "string", "if": {"maxLength": 9}, "else": {"pattern": "a"}', 'b', NULL),
('if alone', '', '"if": {"type": "string"}', 'b', NULL),
-- references and recursion
('ref', '"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}', '"type": "string"', '', NULL),
('ref', '"$ref": "#/definitions/a~1b~0c%25", "definitions": {"a/b~c%": {"type": "string"}}', '"type": "string"', '', NULL),
('ref to itself', '"$ref": "#"', 'true', '', NULL),
('anchor', '"$ref": "#x", "$defs": {"a": {"$anchor": "x", "type": "string"}}', '"type": "string"', '', NULL),
('id', '"$id": "http://e/s", "$ref": "t", "$defs": {"a": {"$id": "http://e/t", "type": "string"}}', '"type": "string"', '', NULL),
('siblings', '"$ref": "#/$defs/a", "maxLength": 3, "$defs": {"a": {"type": "string"}}', '"type": "string", "maxLength": 3', '', NULL),
('siblings', '"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/a", "maxLength": 3, "definitions": {"a": {"type": "string"}}', '"type": "string"', '', NULL),
('recursion', '"type": "object", "properties": {"next": {"$ref": "#"}}', '"type": "object", "properties": {"next": {"type": "object", "properties": {"next": {"$ref": "#"}}}}', '', NULL),
('recursion', '"type": "object", "properties": {"next": {"$ref": "#"}, "v": {"type": "integer"}}', '"type": "object", "properties": {"next": {"$ref": "#"}, "v": {"type": "number"}}', 'f', NULL)
) AS t (about, old, new, strict, lenient);

CREATE FUNCTION verdict(old text, new text, policy text) RETURNS text
    LANGUAGE sql AS $$
    SELECT CASE WHEN spine.is_compatible('JSON', 'BACKWARD', new, ARRAY[old],
                    jsonb_build_object('policy', policy)) THEN '' ELSE 'b' END
        || CASE WHEN spine.is_compatible('JSON', 'FORWARD', new, ARRAY[old],
                    jsonb_build_object('policy', policy)) THEN '' ELSE 'f' END
$$;

-- What differences say together.
CREATE FUNCTION told(old text, new text, policy text) RETURNS text
    LANGUAGE sql AS $$
    SELECT CASE WHEN coalesce(bool_and(backward), true) THEN '' ELSE 'b' END
        || CASE WHEN coalesce(bool_and(forward), true) THEN '' ELSE 'f' END
    FROM spine.compare_schemas('JSON', old, new,
                               jsonb_build_object('policy', policy)) $$;

CREATE FUNCTION reversed(verdict text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN verdict IN ('b', 'f')
                THEN translate(verdict, 'bf', 'fb') ELSE verdict END $$;

SELECT count(*) > 100 AS many FROM rule;
SELECT n, about, old, new, policy, wanted, verdict(old, new, policy),
       told(old, new, policy), verdict(new, old, policy) AS reverse
FROM rule, LATERAL (VALUES ('strict', strict), ('lenient', lenient))
     AS t (policy, wanted)
WHERE verdict(old, new, policy) <> wanted
   OR told(old, new, policy) <> wanted
   OR verdict(new, old, policy) <> reversed(wanted);

-- A schema does not differ from itself.
SELECT s FROM (SELECT old AS s FROM rule UNION SELECT new FROM rule) t
WHERE EXISTS (SELECT FROM spine.compare_schemas('JSON', s, s));

DROP FUNCTION verdict, told, reversed, js;
DROP TABLE rule;
