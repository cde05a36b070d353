-- Protobuf: what a change breaks.  Each case stands with its verdict, one
-- letter for each level that it breaks: Backward and Forward as Confluent's
-- registry judges, Wire, wire Json, Package and fiLe as Buf does.  Those that
-- come out otherwise are printed, so no row is good.

CREATE TABLE rule (
    n      int GENERATED ALWAYS AS IDENTITY,
    about  text,
    old    text,
    new    text,
    breaks text
);

CREATE FUNCTION broken(old text, new text) RETURNS text
    LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT string_agg(letter, '' ORDER BY i) FROM
        (VALUES (1, 'B', 'BACKWARD'), (2, 'F', 'FORWARD'), (3, 'W', 'WIRE'),
                (4, 'J', 'WIRE_JSON'), (5, 'P', 'PACKAGE'), (6, 'L', 'FILE'))
            l(i, letter, level)
        WHERE NOT spine.is_compatible('PROTOBUF', level, new, ARRAY[old]));
EXCEPTION WHEN SQLSTATE 'SP008' THEN
    RETURN SQLERRM;
END $$;

-- A schema, and a message M of it, for short.
CREATE FUNCTION p2(body text) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT 'syntax = "proto2"; package p; ' || body $$;
CREATE FUNCTION p3(body text) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT 'syntax = "proto3"; package p; ' || body $$;
CREATE FUNCTION ed(body text) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT 'edition = "2023"; package p; ' || body $$;
CREATE FUNCTION m2(body text) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT p2('message M { ' || body || ' }') $$;
CREATE FUNCTION m3(body text) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT p3('message M { ' || body || ' }') $$;
CREATE FUNCTION me(body text) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT ed('message M { ' || body || ' }') $$;

-- ---- types: every one with every other one ----

-- Groups of types that are encoded alike: Confluent's, Buf's for the wire,
-- and Buf's for JSON.  NULL: none but the type itself.
CREATE TABLE kind (type text, confluent int, wire int, json int);
INSERT INTO kind VALUES
    ('double', 7, NULL, NULL), ('float', 6, NULL, NULL),
    ('int32', 1, 1, 1), ('int64', 1, 1, 2), ('uint32', 1, 1, 1),
    ('uint64', 1, 1, 2), ('sint32', 2, 2, NULL), ('sint64', 2, 2, NULL),
    ('fixed32', 4, 3, 3), ('fixed64', 5, 4, 4), ('sfixed32', 4, 3, 3),
    ('sfixed64', 5, 4, 4), ('bool', 1, 1, NULL), ('string', 3, NULL, NULL),
    ('bytes', 3, NULL, NULL), ('E', 1, NULL, NULL), ('F', 1, NULL, NULL),
    ('N', 8, NULL, NULL);

CREATE FUNCTION of_types(holder text, type text) RETURNS text
    LANGUAGE sql IMMUTABLE AS $$
    SELECT p3('enum E { E0 = 0; } enum F { F0 = 0; E1 = 1; } message N {} '
              || 'message M { ' || format(holder, type) || ' }') $$;

INSERT INTO rule (about, old, new, breaks)
SELECT holder || ' ' || a.type || ' to ' || b.type,
       of_types(holder, a.type), of_types(holder, b.type),
       nullif(concat(
           CASE WHEN a.confluent <> b.confluent THEN 'BF' END,
           CASE WHEN a.wire IS DISTINCT FROM b.wire
                     OR a.wire IS NULL AND a.type <> b.type
                THEN CASE WHEN (a.type, b.type) <> ('string', 'bytes')
                          THEN 'W' END END,
           CASE WHEN a.json IS DISTINCT FROM b.json
                     OR a.json IS NULL AND a.type <> b.type THEN 'J' END,
           CASE WHEN a.type <> b.type THEN 'PL' END), '')
FROM kind a, kind b,
     unnest(ARRAY['repeated %s f = 1;', 'oneof o { %s f = 1; }',
                  'map<int32, %s> f = 1;']) holder;

INSERT INTO rule (about, old, new, breaks) VALUES
-- ---- messages and enumerations as types ----
('another message', p3('message A {} message B {} message M { A a = 1; }'), p3('message A {} message B {} message M { B a = 1; }'), 'BFWJPL'),
('message renamed', p3('message A {} message M { A a = 1; }'), p3('message B {} message M { B a = 1; }'), 'BFWJPL'),
('message moved inside', p3('message A {} message M { A a = 1; }'), p3('message M { message A {} A a = 1; }'), 'BFWJPL'),
('enum moved inside', p3('enum E { A = 0; } message M { E a = 1; }'), p3('message M { enum E { A = 0; } E a = 1; }'), 'PL'),
('enum renamed', p3('enum E { A = 0; } message M { E a = 1; }'), p3('enum F { A = 0; } message M { F a = 1; }'), 'WJPL'),
('other enum of the name with fewer values', p3('enum E { A = 0; B = 1; } message M { E a = 1; }'), p3('message M { enum E { A = 0; } E a = 1; } enum F { B = 0; }'), 'WJPL'),
('scope decides', p3('message A {} message M { message A { int32 x = 1; } A a = 1; }'), p3('message A {} message M { message A { int32 x = 1; } .p.A a = 1; }'), 'BFWJPL'),
('the same by a longer name', p3('message A {} message M { A a = 1; }'), p3('message A {} message M { .p.A a = 1; }'), NULL),
('message to scalar', p3('message A {} message M { A a = 1; }'), p3('message A {} message M { optional bytes a = 1; }'), 'BFWJPL'),
('group to message', m2('optional group G = 1 {}'), m2('message G {} optional G g = 1;'), 'BFWJPL'),
('group to delimited', m2('optional group G = 1 {}'), me('message G {} G g = 1 [features.message_encoding = DELIMITED];'), 'PL'),
('length-prefixed to delimited', me('message G {} G g = 1;'), me('message G {} G g = 1 [features.message_encoding = DELIMITED];'), 'BFWJPL'),
('delimited by the file', me('message G {} G g = 1;'), ed('option features.message_encoding = DELIMITED; message M { message G {} G g = 1; }'), 'BFWJPL'),
('delimited map is none', me('map<int32, M> g = 1;'), ed('option features.message_encoding = DELIMITED; message M { map<int32, M> g = 1; }'), NULL),
-- ---- maps ----
('map to repeated message', m3('map<string, int32> f = 1;'), m3('message FEntry { string key = 1; int32 value = 2; } repeated FEntry f = 1;'), 'BFJPL'),
('map to scalar', m3('map<string, int32> f = 1;'), m3('int32 f = 1;'), 'BFWJPL'),
('repeated to map', m3('repeated int32 f = 1;'), m3('map<string, int32> f = 1;'), 'BFWJPL'),
('key of a map', m3('map<string, int32> f = 1;'), m3('map<int32, int32> f = 1;'), 'BFWJPL'),
('key alike', m3('map<int32, int32> f = 1;'), m3('map<int64, int32> f = 1;'), 'JPL'),
('map renamed', m3('map<int32, int32> f = 1;'), m3('map<int32, int32> g = 1;'), 'WJPL'),
-- ---- labels ----
('one number to many', m3('int32 f = 1;'), m3('repeated int32 f = 1;'), 'BFWJPL'),
('many numbers to one', m3('repeated int32 f = 1;'), m3('int32 f = 1;'), 'BFWJPL'),
('one string to many', m3('string f = 1;'), m3('repeated string f = 1;'), 'WJPL'),
('many bytes to one', m3('repeated bytes f = 1;'), m3('bytes f = 1;'), 'WJPL'),
('one message to many', m3('M f = 1;'), m3('repeated M f = 1;'), 'WJPL'),
('one enum to many', p3('enum E { A = 0; } message M { E f = 1; }'), p3('enum E { A = 0; } message M { repeated E f = 1; }'), 'BFWJPL'),
('implicit to explicit', m3('int32 f = 1;'), m3('optional int32 f = 1;'), 'PL'),
('explicit to implicit', m3('optional int32 f = 1;'), m3('int32 f = 1;'), 'PL'),
('required to optional', m2('required int32 f = 1;'), m2('optional int32 f = 1;'), 'BFWJPL'),
('optional to required', m2('optional int32 f = 1;'), m2('required int32 f = 1;'), 'BFWJPL'),
('required to repeated', m2('required string f = 1;'), m2('repeated string f = 1;'), 'BFWJPL'),
('required of an edition', m2('required int32 f = 1;'), me('int32 f = 1 [features.field_presence = LEGACY_REQUIRED];'), 'PL'),
('packed', m2('repeated int32 f = 1;'), m2('repeated int32 f = 1 [packed = true];'), NULL),
-- ---- fields ----
('field added', m3(''), m3('int32 f = 1;'), NULL),
('field removed', m3('int32 f = 1;'), m3(''), 'WJPL'),
('field removed, number reserved', m3('int32 f = 1;'), m3('reserved 1;'), 'JPL'),
('field removed, name reserved', m3('int32 f = 1;'), m3('reserved "f";'), 'WJPL'),
('field removed, both reserved', m3('int32 f = 1;'), m3('reserved 1; reserved "f";'), 'PL'),
('field removed, in a reserved range', m3('int32 f = 5;'), m3('reserved 1 to 4, 5 to 9; reserved "f";'), 'PL'),
('field removed, both reserved as words', me('int32 f = 1;'), me('reserved 1; reserved f;'), 'PL'),
('field renamed', m3('int32 f = 1;'), m3('int32 g = 1;'), 'JPL'),
('field renamed, JSON kept', m3('int32 f_f = 1;'), m3('int32 fF = 1;'), 'JPL'),
('field renumbered', m3('int32 f = 1;'), m3('int32 f = 2;'), 'WJPL'),
('fields swapped', m3('int32 f = 1; string g = 2;'), m3('string f = 1; int32 g = 2;'), 'BFWJPL'),
('required field added', m2(''), m2('required int32 f = 1;'), 'BFWJPL'),
('required field removed', m2('required int32 f = 1;'), m2('reserved 1; reserved "f";'), 'BFWJPL'),
('json_name', m3('int32 f = 1;'), m3('int32 f = 1 [json_name = "g"];'), 'JPL'),
('json_name as it was', m3('int32 f_f = 1;'), m3('int32 f_f = 1 [json_name = "fF"];'), NULL),
('order of fields', m3('int32 f = 1; int32 g = 2;'), m3('int32 g = 2; int32 f = 1;'), NULL),
('jstype', m3('int64 f = 1;'), m3('int64 f = 1 [jstype = JS_STRING];'), 'PL'),
('ctype', m3('string f = 1;'), m3('string f = 1 [ctype = CORD];'), 'PL'),
('deprecated', m3('string f = 1;'), m3('string f = 1 [deprecated = true];'), NULL),
('utf8', me('string f = 1;'), me('string f = 1 [features.utf8_validation = NONE];'), 'PL'),
-- ---- defaults ----
('default set', m2('optional int32 f = 1;'), m2('optional int32 f = 1 [default = 1];'), 'WJPL'),
('default dropped', m2('optional int32 f = 1 [default = 1];'), m2('optional int32 f = 1;'), 'WJPL'),
('default as it is', m2('optional int32 f = 1 [default = 0];'), m2('optional int32 f = 1;'), NULL),
('default written otherwise', m2('optional int32 f = 1 [default = 16];'), m2('optional int32 f = 1 [default = 0x10];'), NULL),
('default of string', m2('optional string f = 1 [default = "a"];'), m2('optional string f = 1 [default = "\x61"];'), NULL),
('default of another string', m2('optional string f = 1 [default = "a"];'), m2('optional string f = 1 [default = "b"];'), 'WJPL'),
('default of float', m2('optional float f = 1 [default = 0.1];'), m2('optional float f = 1 [default = 1e-1];'), NULL),
('default nan', m2('optional float f = 1 [default = nan];'), m2('optional float f = 1 [default = nan];'), NULL),
('default of enum', p2('enum E { A = 0; B = 1; } message M { optional E f = 1 [default = A]; }'), p2('enum E { A = 0; B = 1; } message M { optional E f = 1 [default = B]; }'), 'WJPL'),
('first value of enum', p2('enum E { A = 0; B = 1; } message M { optional E f = 1; }'), p2('enum E { B = 1; A = 0; } message M { optional E f = 1; }'), 'WJPL'),
-- ---- oneofs ----
('oneof added', m3('int32 a = 1;'), m3('int32 a = 1; oneof o { int32 b = 2; }'), NULL),
('oneof removed with its fields', m3('oneof o { int32 b = 2; }'), m3('reserved 2; reserved "b";'), 'PL'),
('field into a new oneof', m3('int32 a = 1;'), m3('oneof o { int32 a = 1; int32 b = 2; }'), 'WJPL'),
('optional field into a new oneof', m3('optional int32 a = 1;'), m3('oneof o { int32 a = 1; }'), 'WJPL'),
('fields into a new oneof', m3('int32 a = 1; int32 b = 2;'), m3('oneof o { int32 a = 1; int32 b = 2; }'), 'BWJPL'),
('two oneofs into one', m3('oneof o { int32 a = 1; } oneof q { int32 b = 2; }'), m3('oneof r { int32 a = 1; int32 b = 2; }'), 'BWJPL'),
('field into an old oneof', m3('int32 a = 1; oneof o { int32 b = 2; }'), m3('oneof o { int32 a = 1; int32 b = 2; }'), 'BWJPL'),
('field out of a oneof', m3('oneof o { int32 a = 1; int32 b = 2; }'), m3('int32 a = 1; oneof o { int32 b = 2; }'), 'FWJPL'),
('all fields out of a oneof', m3('oneof o { int32 a = 1; int32 b = 2; }'), m3('int32 a = 1; int32 b = 2;'), 'FWJPL'),
('the only field out of a oneof', m3('oneof o { int32 a = 1; }'), m3('int32 a = 1;'), 'WJPL'),
('field added to a oneof', m3('oneof o { int32 a = 1; }'), m3('oneof o { int32 a = 1; int32 b = 2; }'), 'F'),
('field removed from a oneof', m3('oneof o { int32 a = 1; int32 b = 2; }'), m3('oneof o { int32 a = 1; } reserved 2; reserved "b";'), 'BPL'),
('oneof renamed', m3('oneof o { int32 a = 1; int32 b = 2; }'), m3('oneof q { int32 a = 1; int32 b = 2; }'), 'WJPL'),
('oneof split', m3('oneof o { int32 a = 1; int32 b = 2; }'), m3('oneof o { int32 a = 1; } oneof q { int32 b = 2; }'), 'BFWJPL'),
('type within a oneof', m3('oneof o { int32 a = 1; }'), m3('oneof o { string a = 1; }'), 'BFWJPL'),
('type on the way out of a oneof', m3('oneof o { int32 a = 1; }'), m3('string a = 1;'), 'BFWJPL'),
('order within a oneof', m3('oneof o { int32 a = 1; int32 b = 2; }'), m3('oneof o { int32 b = 2; int32 a = 1; }'), NULL),
-- ---- messages ----
('message added', m3(''), m3('} message N {'), 'F'),
('message removed', m3('} message N {'), m3(''), 'BPL'),
('nested message added', m3(''), m3('message N {}'), 'F'),
('nested message removed', m3('message N {}'), m3(''), 'BPL'),
('messages in another order', p3('message A {} message B {}'), p3('message B {} message A {}'), NULL),
('accessor', m2(''), m2('option no_standard_descriptor_accessor = true;'), 'PL'),
('accessor back', m2('option no_standard_descriptor_accessor = true;'), m2(''), NULL),
('JSON format', me(''), me('option features.json_format = LEGACY_BEST_EFFORT;'), 'JPL'),
('JSON format back', me('option features.json_format = LEGACY_BEST_EFFORT;'), me(''), NULL),
('field deep inside', m3('message A { message B { int32 x = 1; } }'), m3('message A { message B { string x = 1; } }'), 'BFWJPL'),
('recursion', m3('M m = 1; repeated M n = 2; int32 x = 3;'), m3('M m = 1; repeated M n = 2; int64 x = 3;'), 'JPL'),
-- ---- reserved numbers and names, extension ranges ----
('reserved added', m3(''), m3('reserved 5, 7 to 9; reserved "x";'), NULL),
('reserved removed', m3('reserved 5;'), m3(''), 'WJPL'),
('reserved used', m3('reserved 5;'), m3('int32 f = 5;'), 'WJPL'),
('reserved range smaller', m3('reserved 5 to 9;'), m3('reserved 5 to 8;'), 'WJPL'),
('reserved range in parts', m3('reserved 5 to 9;'), m3('reserved 8 to 10, 5, 6 to 7;'), NULL),
('reserved to max', m3('reserved 5 to max;'), m3('reserved 5 to 536870910;'), 'WJPL'),
('reserved name removed', m3('reserved "a", "b";'), m3('reserved "b";'), 'WJPL'),
('extension range added', m2(''), m2('extensions 5 to 9;'), NULL),
('extension range smaller', m2('extensions 5 to 9;'), m2('extensions 5 to 7, 9;'), 'PL'),
('extension range in parts', m2('extensions 5 to 9;'), m2('extensions 5 to 7, 8 to 9;'), NULL),
('reserved of enum removed', p3('enum E { A = 0; reserved -5 to -3; }'), p3('enum E { A = 0; reserved -5, -4; }'), 'WJPL'),
('reserved name of enum removed', p3('enum E { A = 0; reserved "X"; }'), p3('enum E { A = 0; }'), 'WJPL'),
-- ---- enumerations ----
('enum added', m3(''), m3('enum E { A = 0; }'), NULL),
('enum removed', m3('enum E { A = 0; }'), m3(''), 'PL'),
('value added', p3('enum E { A = 0; }'), p3('enum E { A = 0; B = 1; }'), NULL),
('value removed', p3('enum E { A = 0; B = 1; }'), p3('enum E { A = 0; }'), 'WJPL'),
('value removed, number reserved', p3('enum E { A = 0; B = 1; }'), p3('enum E { A = 0; reserved 1; }'), 'JPL'),
('value removed, both reserved', p3('enum E { A = 0; B = 1; }'), p3('enum E { A = 0; reserved 1; reserved "B"; }'), 'PL'),
('value renamed', p3('enum E { A = 0; B = 1; }'), p3('enum E { A = 0; C = 1; }'), 'JPL'),
('alias added', p3('enum E { A = 0; B = 1; }'), p3('enum E { option allow_alias = true; A = 0; B = 1; C = 1; }'), NULL),
('alias removed', p3('enum E { option allow_alias = true; A = 0; B = 1; C = 1; }'), p3('enum E { A = 0; B = 1; }'), 'JPL'),
('open to closed', ed('enum E { A = 0; }'), ed('enum E { option features.enum_type = CLOSED; A = 0; }'), 'PL'),
('JSON format of enum', ed('enum E { A = 0; }'), ed('enum E { option features.json_format = LEGACY_BEST_EFFORT; A = 0; }'), 'JPL'),
('order of values', p3('enum E { A = 0; B = 1; C = 2; }'), p3('enum E { A = 0; C = 2; B = 1; }'), NULL),
-- ---- extensions ----
('extension added', m2('extensions 1 to 9;'), m2('extensions 1 to 9; extend M { optional int32 x = 1; }'), NULL),
('extension removed', m2('extensions 1 to 9; extend M { optional int32 x = 1; }'), m2('extensions 1 to 9;'), 'PL'),
('extension of another type', m2('extensions 1 to 9; extend M { optional int32 x = 1; }'), m2('extensions 1 to 9; extend M { optional string x = 1; }'), 'BFWJPL'),
('extension renamed', m2('extensions 1 to 9; extend M { optional int32 x = 1; }'), m2('extensions 1 to 9; extend M { optional int32 y = 1; }'), 'JPL'),
('extension of one to many', m2('extensions 1 to 9; extend M { optional int32 x = 1; }'), m2('extensions 1 to 9; extend M { repeated int32 x = 1; }'), 'BFWJPL'),
('type of an extension in a group', m2('extensions 1 to 9; extend M { optional group G = 1 { optional int32 a = 1; } }'), m2('extensions 1 to 9; extend M { optional group G = 1 { optional string a = 1; } }'), 'BFWJPL'),
-- ---- services ----
('service added', m3(''), m3('} service S { rpc R(M) returns (M);'), NULL),
('service removed', m3('} service S { rpc R(M) returns (M);'), m3(''), 'PL'),
('method added', m3('} service S {'), m3('} service S { rpc R(M) returns (M);'), NULL),
('method removed', m3('} service S { rpc R(M) returns (M);'), m3('} service S {'), 'PL'),
('request', p3('message M {} message N {} service S { rpc R(M) returns (M); }'), p3('message M {} message N {} service S { rpc R(N) returns (M); }'), 'WJPL'),
('response', p3('message M {} message N {} service S { rpc R(M) returns (M); }'), p3('message M {} message N {} service S { rpc R(M) returns (N); }'), 'WJPL'),
('client streaming', m3('} service S { rpc R(M) returns (M);'), m3('} service S { rpc R(stream M) returns (M);'), 'WJPL'),
('server streaming', m3('} service S { rpc R(M) returns (stream M);'), m3('} service S { rpc R(M) returns (M);'), 'WJPL'),
('idempotency', m3('} service S { rpc R(M) returns (M);'), m3('} service S { rpc R(M) returns (M) { option idempotency_level = IDEMPOTENT; }'), 'WJPL'),
-- ---- the file ----
('package', 'syntax = "proto3"; package a; message M { int32 x = 1; }', 'syntax = "proto3"; package b; message M { int32 x = 1; }', 'BFWJPL'),
('package dropped', 'syntax = "proto3"; package a; message M { int32 x = 1; }', 'syntax = "proto3"; message M { int32 x = 1; }', 'BFWJPL'),
('package given', 'syntax = "proto3"; message M { int32 x = 1; }', 'syntax = "proto3"; package a; message M { int32 x = 1; }', 'BFWJPL'),
('package, and a type of it', 'syntax = "proto3"; package a; message M { M x = 1; }', 'syntax = "proto3"; package b; message M { M x = 1; }', 'BFWJPL'),
('syntax not given is proto2', 'package p; message M { optional int32 f = 1; }', m2('optional int32 f = 1;'), NULL),
('syntax', m2('optional int32 f = 1;'), m3('optional int32 f = 1;'), 'PL'),
('syntax back, JSON', m3('optional int32 f = 1;'), m2('optional int32 f = 1;'), 'JPL'),
('comments', m3('int32 f = 1;'), m3(E'// why\n int32 f = 1; /* because */'), NULL);
-- options of files, each set and set to what it is anyway
INSERT INTO rule (about, old, new, breaks)
SELECT o, m3(''), p3('option ' || o || '; message M {}'),
       CASE WHEN idle THEN NULL ELSE 'PL' END
FROM (VALUES ('java_package = "x"', false), ('java_outer_classname = "X"', false),
    ('java_multiple_files = true', false), ('java_multiple_files = false', true),
    ('java_string_check_utf8 = true', true), ('optimize_for = CODE_SIZE', false),
    ('optimize_for = SPEED', true), ('go_package = "x"', false),
    ('cc_generic_services = true', false), ('java_generic_services = true', false),
    ('py_generic_services = true', false), ('cc_enable_arenas = false', false),
    ('cc_enable_arenas = true', true), ('objc_class_prefix = "X"', false),
    ('csharp_namespace = "X"', false), ('swift_prefix = "X"', false),
    ('php_class_prefix = "X"', false), ('php_namespace = "X"', false),
    ('php_metadata_namespace = "X"', false), ('ruby_package = "X"', false),
    ('deprecated = true', true)) t(o, idle);

SELECT r.about, r.breaks AS expected, b AS found, old, new
FROM rule r, broken(old, new) b WHERE b IS DISTINCT FROM breaks ORDER BY n;
SELECT count(*) > 1000 AS all_there FROM rule;

-- Nothing breaks between a schema and itself.
SELECT about, b FROM rule, broken(old, old) b WHERE b IS NOT NULL;

-- The reverse way breaks BACKWARD where this one breaks FORWARD.
SELECT about, there, back FROM rule, broken(old, new) there,
    broken(new, old) back
WHERE (there ~ 'B') IS DISTINCT FROM (back ~ 'F') AND
      coalesce(there, '') !~ ' ' AND
      coalesce(there ~ 'B', false) <> coalesce(back ~ 'F', false);

-- What breaks is told: the differences of each level are there.
SELECT about, found, told FROM rule, broken(old, new) found,
    LATERAL (SELECT nullif(concat(
        CASE WHEN NOT bool_and(backward) THEN 'B' END,
        CASE WHEN NOT bool_and(forward) THEN 'F' END), '') AS told
        FROM spine.compare_schemas('PROTOBUF', old, new)) d
WHERE found !~ ' ' AND
      nullif(regexp_replace(found, '[^BF]', '', 'g'), '')
      IS DISTINCT FROM told;

-- Where the canonical form changes there is a difference.
SELECT about FROM rule
WHERE spine.canonical_schema('PROTOBUF', old) <>
      spine.canonical_schema('PROTOBUF', new) AND
      NOT EXISTS (SELECT FROM spine.compare_schemas('PROTOBUF', old, new));
