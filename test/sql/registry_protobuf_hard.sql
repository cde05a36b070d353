-- Protobuf: big, deep and strange schemas.

-- 10,000 fields, read and compared in a time that grows with them.
CREATE TABLE big AS
SELECT n, 'syntax = "proto3"; message M { ' ||
       string_agg(format('int32 field_%s = %s;', i, i + CASE WHEN i >= 19000 THEN 1000 ELSE 0 END), E'\n' ORDER BY i)
       || ' }' AS schema
FROM (VALUES (10000), (10001)) v(n), generate_series(1, n) i GROUP BY n;
SELECT spine.is_compatible('PROTOBUF', 'FULL', b.schema, ARRAY[a.schema]) AS kept,
       (SELECT count(*) FROM spine.compare_schemas('PROTOBUF', a.schema, b.schema)) AS differences,
       length(spine.canonical_schema('PROTOBUF', a.schema)) > 100000 AS long
FROM big a, big b WHERE a.n = 10000 AND b.n = 10001;
SELECT count(*) FROM big, spine.lint_schema('PROTOBUF', schema) WHERE rule = 'comment_field';
-- As many values, and messages that refer to one another.
SELECT length(spine.canonical_schema('PROTOBUF', 'enum E { ' ||
    (SELECT string_agg(format('V%s = %s;', i, i), ' ') FROM generate_series(1, 10000) i) || ' }')) > 100000 AS long;
SELECT spine.is_compatible('PROTOBUF', 'FULL', s, ARRAY[s]) FROM
    (SELECT string_agg(format('message M%s { optional M%s next = 1; optional M%s last = 2; }', i, i % 2000 + 1, (i + 1999) % 2000 + 1), ' ') AS s
     FROM generate_series(1, 2000) i) t;

-- Deep ones: 1,000 levels are read, what is too deep is refused.
CREATE FUNCTION deep(n int, open text DEFAULT 'message M { ', inside text DEFAULT '') RETURNS text LANGUAGE sql AS
    $$ SELECT repeat(open, n) || inside || repeat('} ', n) $$;
SELECT spine.is_compatible('PROTOBUF', 'FULL', deep(1000, inside => 'optional int32 x = 1; '), ARRAY[deep(1000)]),
       (SELECT count(*) FROM spine.compare_schemas('PROTOBUF', deep(1000), deep(1001))) AS differences,
       c = spine.canonical_schema('PROTOBUF', c) AS same
FROM spine.canonical_schema('PROTOBUF', deep(1000)) c;
CREATE FUNCTION refused(schema text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM spine.canonical_schema('PROTOBUF', schema);
    RETURN 'read';
EXCEPTION WHEN SQLSTATE 'SP008' THEN RETURN SQLERRM;
    WHEN statement_too_complex THEN RETURN 'stack';
END $$;
SELECT refused(deep(100000)) IN ('stack', 'invalid schema: nested deeper than 4000 levels') AS message,
       refused('message M { ' || deep(100000, 'optional group G = 1 { ') || '}') IN ('stack', 'invalid schema: nested deeper than 4000 levels') AS groups,
       refused('import "google/protobuf/descriptor.proto"; extend google.protobuf.FileOptions { optional N n = 50000; } message N { optional N n = 1; } option (n) = '
               || repeat('{ n ', 100000)) IN ('stack', 'invalid schema: nested deeper than 4000 levels') AS aggregate;
-- Names that multiply.
SELECT refused(deep(2000, 'message ' || repeat('M', 1000) || ' { '));
SELECT refused('message ' || repeat('M', 1000000) || ' { ' ||
    (SELECT string_agg(format('optional int32 a%s = %s;', i, i), '') FROM generate_series(1, 1000) i) || '}');
-- Too long a text.
SELECT refused('//' || repeat('x', 17000000));

-- Scopes: the innermost one that knows the first part of a name decides.
SELECT label, refused('syntax = "proto3"; package a.b; ' || schema) FROM (VALUES
    ('own', 'message M { message N {} N n = 1; }'),
    ('outer', 'message N {} message M { N n = 1; }'),
    ('own before outer', 'message N {} message M { message N {} N n = 1; }'),
    ('first part decides', 'message N { message O {} } message M { message N {} N.O n = 1; }'),
    ('absolute', 'message N { message O {} } message M { message N {} .a.b.N.O n = 1; }'),
    ('part of the package', 'message M { b.M m = 1; }'),
    ('package hidden by a message', 'message M { message b {} b.M m = 1; }'),
    ('field is no type', 'message M { int32 N = 1; N n = 2; } message N {}'),
    ('group', 'message M {} message G {} message H { G g = 1; }'),
    ('value of an enumeration', 'enum E { A = 0; } message A {}'),
    ('package and message', 'message b { M m = 1; } message M { b x = 1; }')) t(label, schema);

-- Words of the language as names.
SELECT refused($$message message { optional int32 optional = 1; repeated string repeated = 2;
    optional int32 required = 3; optional int32 group = 4; optional int32 oneof = 5; optional int32 extensions = 6;
    optional int32 reserved = 7; optional int32 max = 8; optional int32 to = 9; optional int32 syntax = 10; optional int32 package = 11;
    optional int32 import = 12; optional int32 option = 13; optional int32 map = 14; optional int32 string = 15; optional message rpc = 16; oneof stream { int32 returns = 17; } }$$);

-- Message sets, whose extensions have greater numbers.
SELECT refused('message S { option message_set_wire_format = true; extensions 4 to max; } message M { extend S { optional M m = 2000000000; } }');
SELECT refused('message S { extensions 4 to max; } message M { extend S { optional M m = 2000000000; } }');

-- Groups and extensions of proto2 in one another.
SELECT count(*) FROM spine.compare_schemas('PROTOBUF',
    'message M { extensions 1 to 9; repeated group G = 10 { optional group H = 1 { optional int32 x = 1; } } }
     extend M { optional group X = 5 { extensions 1 to 5; } } extend X { optional int32 y = 1; }',
    'message M { extensions 1 to 9; repeated group G = 10 { optional group H = 1 { optional string x = 1; } } }
     extend M { optional group X = 5 { extensions 1 to 5; } } extend X { optional string y = 1; }') WHERE NOT backward;

-- The search path, quoted names and other schemas mean nothing here.
SET search_path = '';
SELECT spine.canonical_schema('protobuf', 'message "M" {}'); -- fails
SELECT spine.canonical_schema('Protobuf', 'message M {}');
