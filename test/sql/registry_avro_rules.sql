-- Avro: which schema reads what another one writes.  Each case stands with its
-- verdict; those that come out otherwise are printed, so no row is good.

CREATE TABLE rule (
    n      int GENERATED ALWAYS AS IDENTITY,
    about  text,
    reader text,
    writer text,
    reads  boolean
);

-- A record, enum or fixed of a name, for short.
CREATE FUNCTION rec(name text, VARIADIC fields text[] DEFAULT '{}')
    RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format('{"type": "record", "name": "%s", "fields": [%s]}', name,
                  array_to_string(fields, ', ')) $$;
CREATE FUNCTION fld(name text, type text, more text DEFAULT '')
    RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format('{"name": "%s", "type": %s%s}', name, type, more) $$;
CREATE FUNCTION enu(name text, symbols text, more text DEFAULT '')
    RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format('{"type": "enum", "name": "%s", "symbols": [%s]%s}', name,
                  (SELECT coalesce(string_agg('"' || s || '"', ', ' ORDER BY i),
                                   '')
                   FROM string_to_table(symbols, ' ')
                        WITH ORDINALITY t(s, i)
                   WHERE s <> ''),
                  more) $$;
CREATE FUNCTION fix(name text, size int, more text DEFAULT '')
    RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format('{"type": "fixed", "name": "%s", "size": %s%s}', name, size,
                  more) $$;

-- Every primitive type with every other one: promotions and nothing else.
INSERT INTO rule (about, reader, writer, reads)
SELECT 'primitive', format('"%s"', r), format('"%s"', w),
       r = w OR (w, r) IN (('int', 'long'), ('int', 'float'),
                           ('int', 'double'), ('long', 'float'),
                           ('long', 'double'), ('float', 'double'),
                           ('string', 'bytes'), ('bytes', 'string'))
FROM unnest('{"null",boolean,int,long,float,double,bytes,string}'::text[]) r,
     unnest('{"null",boolean,int,long,float,double,bytes,string}'::text[]) w;
-- The same inside arrays, maps, unions of one and fields.
INSERT INTO rule (about, reader, writer, reads)
SELECT 'inside ' || f, format(f, reader), format(f, writer), reads
FROM rule, unnest(ARRAY['{"type": "array", "items": %s}',
    '{"type": "map", "values": %s}', '[%s]',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": %s}]}'])
    f;

INSERT INTO rule (about, reader, writer, reads) VALUES
-- kinds
('kinds', '{"type": "array", "items": "int"}', '{"type": "map", "values": "int"}', false),
('kinds', '{"type": "map", "values": "int"}', '{"type": "array", "items": "int"}', false),
('kinds', rec('A'), enu('A', 'X'), false),
('kinds', enu('A', 'X'), rec('A'), false),
('kinds', fix('A', 1), '"bytes"', false),
('kinds', '"bytes"', fix('A', 1), false),
('kinds', '"string"', enu('A', 'X'), false),
('kinds', enu('A', 'X'), '"string"', false),
('kinds', '"null"', rec('A'), false),
('attributes of a primitive', '{"type": "int", "logicalType": "date"}', '"int"', true),
('attributes of a primitive', '"int"', '{"type": "int", "x": [1]}', true),
-- names: without namespace, or by an alias in full
('names', rec('a.X'), rec('b.X'), true),
('names', rec('X'), rec('b.X'), true),
('names', rec('a.X'), rec('X'), true),
('names', rec('X'), rec('Y'), false),
('names', rec('a.X'), rec('a.Y'), false),
('names', enu('a.X', 'A'), enu('b.X', 'A'), true),
('names', enu('X', 'A'), enu('Y', 'A'), false),
('names', fix('a.X', 3), fix('b.X', 3), true),
('names', fix('X', 3), fix('Y', 3), false),
('names are case sensitive', rec('X'), rec('x'), false),
('alias', '{"type": "record", "name": "X", "aliases": ["Y"], "fields": []}', rec('Y'), true),
('alias', rec('Y'), '{"type": "record", "name": "X", "aliases": ["Y"], "fields": []}', false),
('alias', '{"type": "record", "name": "n.X", "aliases": ["Y"], "fields": []}', rec('n.Y'), true),
('alias', '{"type": "record", "name": "n.X", "aliases": ["Y"], "fields": []}', rec('m.Y'), false),
('alias', '{"type": "record", "name": "n.X", "aliases": ["m.Y"], "fields": []}', rec('m.Y'), true),
('alias', '{"type": "record", "name": "n.X", "aliases": ["o.Z", "m.Y"], "fields": []}', rec('m.Y'), true),
('alias', enu('X', 'A', ', "aliases": ["Y"]'), enu('Y', 'A'), true),
('alias', enu('Y', 'A'), enu('X', 'A', ', "aliases": ["Y"]'), false),
('alias', fix('X', 2, ', "aliases": ["Y"]'), fix('Y', 2), true),
('alias', fix('X', 2, ', "aliases": ["Y"]'), fix('Y', 3), false),
-- fixed
('fixed', fix('X', 2), fix('X', 2), true),
('fixed', fix('X', 2), fix('X', 3), false),
('fixed', fix('X', 3), fix('X', 2), false),
-- fields
('field only in the writer', rec('R', fld('a', '"int"')), rec('R', fld('a', '"int"'), fld('b', '"int"')), true),
('field only in the reader', rec('R', fld('a', '"int"'), fld('b', '"int"')), rec('R', fld('a', '"int"')), false),
('field with a default', rec('R', fld('a', '"int"'), fld('b', '"int"', ', "default": 0')), rec('R', fld('a', '"int"')), true),
('field with default null', rec('R', fld('b', '["null", "int"]', ', "default": null')), rec('R'), true),
('optional field, no default', rec('R', fld('b', '["null", "int"]')), rec('R'), false),
('null field, no default', rec('R', fld('b', '"null"')), rec('R'), false),
('a default of the writer is no help', rec('R', fld('b', '"int"')), rec('R', fld('a', '"int"', ', "default": 1')), false),
('order of fields', rec('R', fld('b', '"int"'), fld('a', '"string"')), rec('R', fld('a', '"string"'), fld('b', '"int"')), true),
('type of a field', rec('R', fld('a', '"int"')), rec('R', fld('a', '"string"')), false),
('a default does not mend a type', rec('R', fld('a', '"int"', ', "default": 0')), rec('R', fld('a', '"string"')), false),
('field alias', rec('R', fld('a', '"int"', ', "aliases": ["b"]')), rec('R', fld('b', '"int"')), true),
('field alias', rec('R', fld('b', '"int"')), rec('R', fld('a', '"int"', ', "aliases": ["b"]')), false),
('field alias', rec('R', fld('a', '"int"', ', "aliases": ["b"]')), rec('R', fld('b', '"string"')), false),
('field alias, name first', rec('R', fld('a', '"int"', ', "aliases": ["b"]')), rec('R', fld('b', '"string"'), fld('a', '"int"')), true),
('field alias, several', rec('R', fld('a', '"int"', ', "aliases": ["c", "b"]')), rec('R', fld('b', '"int"')), true),
('alias of a field that is there', rec('R', fld('a', '"int"', ', "aliases": ["b"]'), fld('b', '"int"')), rec('R', fld('b', '"int"')), false),
('alias of a field that is there', rec('R', fld('a', '"int"', ', "aliases": ["b"], "default": 1'), fld('b', '"int"')), rec('R', fld('b', '"int"')), true),
('an enum''s default is none of its field', rec('R', fld('e', enu('E', 'A', ', "default": "A"'))), rec('R'), false),
('a field''s default is none of its enum', rec('R', fld('e', enu('E', 'A'), ', "default": "A"')), rec('R', fld('e', enu('E', 'A B'))), false),
('no fields', rec('R'), rec('R'), true),
-- enums
('symbols', enu('E', 'A B'), enu('E', 'A'), true),
('symbols', enu('E', 'A'), enu('E', 'A B'), false),
('symbols', enu('E', 'B A'), enu('E', 'A B'), true),
('symbols', enu('E', 'A', ', "default": "A"'), enu('E', 'A B C'), true),
('symbols', enu('E', 'A'), enu('E', 'A B', ', "default": "A"'), false),
('symbols', enu('E', ''), enu('E', ''), true),
('symbols', enu('E', 'A'), enu('E', ''), true),
('symbols', enu('E', ''), enu('E', 'A'), false),
-- unions
('union of the writer', '"int"', '["int"]', true),
('union of the writer', '"int"', '["null", "int"]', false),
('union of the writer', '"long"', '["int", "long"]', true),
('union of the writer', '"double"', '["int", "long", "float"]', true),
('union of the reader', '["int"]', '"int"', true),
('union of the reader', '["null", "int"]', '"int"', true),
('union of the reader', '["null", "int"]', '"null"', true),
('union of the reader', '["null", "string"]', '"int"', false),
('union of the reader', '["null", "string"]', '"bytes"', true),
('union of the reader', '["null", "double"]', '"int"', true),
('union of the reader', '["int", "long"]', '"long"', true),
('union of the reader', '[]', '"null"', false),
('unions', '["null", "int"]', '["int", "null"]', true),
('unions', '["null", "int", "string"]', '["null", "int"]', true),
('unions', '["null", "int"]', '["null", "int", "string"]', false),
('unions', '["null", "long"]', '["null", "int"]', true),
('unions', '["null", "int"]', '["null", "long"]', false),
('unions', '["float", "null"]', '["int", "long"]', true),
('empty union of the writer', '["int"]', '[]', true),
('empty union of the writer', '"int"', '[]', true),
('empty union of the writer', '[]', '[]', true),
('array in a union', '["null", {"type": "array", "items": "long"}]', '{"type": "array", "items": "int"}', true),
('array in a union', '["null", {"type": "array", "items": "int"}]', '{"type": "array", "items": "long"}', false),
('map in a union', '[{"type": "map", "values": "int"}, {"type": "array", "items": "int"}]', '{"type": "map", "values": "string"}', false),
('records in a union', '[' || rec('a.X', fld('f', '"int"')) || ', ' || rec('a.Y', fld('f', '"int"')) || ']', rec('b.Y', fld('f', '"int"')), true),
('records in a union: any name', '[' || rec('a.X', fld('f', '"string"')) || ', ' || rec('b.X', fld('f', '"int"')) || ']', rec('c.X', fld('f', '"int"')), true),
('records in a union: the full name', '[' || rec('a.X', fld('f', '"string"')) || ', ' || rec('b.X', fld('f', '"int"')) || ']', rec('a.X', fld('f', '"int"')), false),
('records in a union: alias', '["null", {"type": "record", "name": "X", "aliases": ["Y"], "fields": []}]', rec('Y'), true),
('records in a union: other name', '["null", ' || rec('X') || ']', rec('Y'), false),
('enum in a union', '["null", ' || enu('E', 'A') || ']', enu('E', 'A B'), false),
('enum in a union', '["null", ' || enu('E', 'A', ', "default": "A"') || ']', enu('E', 'A B'), true),
('fixed in a union', '["null", ' || fix('F', 2) || ']', fix('F', 3), false),
('fixed in a union', '[' || fix('a.F', 2) || ', ' || fix('b.F', 3) || ']', fix('c.F', 3), true),
('name of another kind in a union', '[' || enu('a.X', 'A') || ', ' || rec('b.X') || ']', rec('a.X'), true),
-- logical types
('logical types', '{"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}', '{"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 1}', true),
('logical types', '{"type": "long", "logicalType": "timestamp-millis"}', '{"type": "int", "logicalType": "date"}', true),
('logical types', '"string"', '{"type": "string", "logicalType": "uuid"}', true),
-- recursion
('recursion', rec('L', fld('v', '"long"'), fld('n', '["null", "L"]')), rec('L', fld('v', '"int"'), fld('n', '["null", "L"]')), true),
('recursion', rec('L', fld('v', '"int"'), fld('n', '["null", "L"]')), rec('L', fld('v', '"long"'), fld('n', '["null", "L"]')), false),
('recursion', rec('L', fld('n', '["null", "L"]'), fld('v', '"int"')), rec('L', fld('n', '["null", "L"]')), false),
('recursion through a map', rec('T', fld('c', '{"type": "map", "values": "T"}'), fld('x', '"int"', ', "default": 1')), rec('T', fld('c', '{"type": "map", "values": "T"}')), true),
('recursion, rolled out once', rec('L', fld('n', '["null", ' || rec('b.L', fld('n', '["null", "L"]')) || ']')), rec('L', fld('n', '["null", "L"]')), true);

-- What is found while something is taken for readable must not outlive it:
-- b.B reads B only if A reads A, which it does not, since z is missing.
INSERT INTO rule (about, reader, writer, reads) VALUES
('an assumption that failed',
 rec('R',
     fld('u', '[' || rec('n.A', fld('b', rec('n.B', fld('a', '["null", "n.A"]'))), fld('z', '"int"')) || ', "null"]'),
     fld('v', '"n.B"')),
 rec('R',
     fld('u', '[' || rec('n.A', fld('b', rec('n.B', fld('a', '["null", "n.A"]')))) || ', "null"]'),
     fld('v', '"n.B"')),
 false),
-- The first way is denied by x, the second stands: u is read as m.A.
('an assumption that failed, and another way',
 rec('R', fld('u', '[' ||
     rec('k.A', fld('s', '["null", "k.A"]'), fld('x', '"int"')) || ', ' ||
     rec('m.A', fld('s', '["null", "m.A"]')) || ']')),
 rec('R', fld('u', rec('w.A', fld('s', '["null", "w.A"]')))),
 true),
('two that need each other',
 rec('P', fld('q', '["null", ' || rec('Q', fld('p', '["null", "P"]'), fld('y', '"long"')) || ']')),
 rec('P', fld('q', '["null", ' || rec('Q', fld('p', '["null", "P"]'), fld('y', '"int"')) || ']')),
 true),
('two that need each other',
 rec('P', fld('q', '["null", ' || rec('Q', fld('p', '["null", "P"]'), fld('y', '"int"')) || ']')),
 rec('P', fld('q', '["null", ' || rec('Q', fld('p', '["null", "P"]'), fld('y', '"long"')) || ']')),
 false);

-- BACKWARD: the new schema reads.  FORWARD: the old one does.  (No rows.)
SELECT * FROM rule
WHERE spine.is_compatible('AVRO', 'BACKWARD', reader, ARRAY[writer]) <> reads
   OR spine.is_compatible('AVRO', 'FORWARD', writer, ARRAY[reader]) <> reads
ORDER BY n;
SELECT count(*), count(*) FILTER (WHERE reads) AS reads FROM rule;

-- Each schema reads itself, and FULL is both.
SELECT * FROM rule
WHERE NOT spine.is_compatible('AVRO', 'FULL', reader, ARRAY[reader])
   OR NOT spine.is_compatible('AVRO', 'FULL', writer, ARRAY[writer])
   OR spine.is_compatible('AVRO', 'FULL', reader, ARRAY[writer]) <>
      (reads AND spine.is_compatible('AVRO', 'FORWARD', reader, ARRAY[writer]))
ORDER BY n;

-- The differences say the same as the verdicts, each side being new once.
SELECT n, about
FROM rule
WHERE (SELECT coalesce(bool_and(backward), true)
       FROM spine.compare_schemas('AVRO', writer, reader)) <> reads
   OR (SELECT coalesce(bool_and(forward), true)
       FROM spine.compare_schemas('AVRO', reader, writer)) <> reads
   OR (SELECT coalesce(bool_and(forward), true)
       FROM spine.compare_schemas('AVRO', writer, reader)) <>
      spine.is_compatible('AVRO', 'FORWARD', reader, ARRAY[writer])
ORDER BY n;

-- Nothing differs between a schema and itself.
SELECT n, d.*
FROM rule, spine.compare_schemas('AVRO', reader, reader) d
ORDER BY n;

-- Levels: the last of the old ones, or all of them.
SELECT level,
       spine.is_compatible('AVRO', level, '"long"', '{"\"string\"","\"int\""}')
           AS string_int,
       spine.is_compatible('AVRO', level, '"long"', '{"\"int\"","\"string\""}')
           AS int_string,
       spine.is_compatible('AVRO', level, '"long"', '{"\"int\"","\"long\""}')
           AS int_long,
       spine.is_compatible('AVRO', level, '"long"', '{}') AS nothing
FROM unnest('{NONE,BACKWARD,BACKWARD_TRANSITIVE,FORWARD,FORWARD_TRANSITIVE,
              FULL,FULL_TRANSITIVE,full_transitive}'::text[]) level;

-- Fails: levels of others, old ones that are not valid, NULLs.
SELECT spine.is_compatible('AVRO', 'WIRE', '"int"', '{}');
SELECT spine.is_compatible('AVRO', 'NONE_TRANSITIVE', '"int"', '{}');
SELECT spine.is_compatible('AVRO', '', '"int"', '{}');
SELECT spine.is_compatible('AVRO', 'NONE', '"in"', '{}');
SELECT spine.is_compatible('AVRO', 'FULL', '"int"', '{x,"\"int\"",y}');
SELECT spine.is_compatible('AVRO', 'FULL_TRANSITIVE', '"int"',
                           '{x,"\"int\""}');
SELECT spine.is_compatible('AVRO', 'FULL', '"int"', '{x}');
SELECT spine.is_compatible('AVRO', 'FULL', '"int"', '{NULL,"\"int\""}');
SELECT spine.is_compatible('AVRO', 'FULL', '"int"', NULL);
SELECT spine.is_compatible('AVRO', 'FULL', '"int"', '{}', NULL);
