-- Protobuf: what differences are called, where they are, what they say.

CREATE FUNCTION told(old text, new text, options jsonb DEFAULT '{}')
    RETURNS SETOF record LANGUAGE sql AS
    $$ SELECT kind, path, backward, forward, message
       FROM spine.compare_schemas('PROTOBUF', old, new, options) $$;

SELECT * FROM told($$
syntax = "proto3";
package shop.v1;
message Order {
  int64 id = 1;
  string note = 2;
  repeated int32 ns = 3;
  Item item = 4;
  oneof pay { string card = 5; string cash = 6; }
  map<string, int32> counts = 7;
  message Item { string name = 1; }
}
message Gone {}
enum Status { STATUS_UNSPECIFIED = 0; OPEN = 1; SHUT = 2; }
service Shop { rpc Get(Order) returns (Order); rpc Put(Order) returns (Order); }
$$, $$
syntax = "proto3";
package shop.v1;
message New {}
message Order {
  string id = 1;
  string remark = 2;
  int32 ns = 3;
  New item = 4;
  oneof pay { string card = 5; int32 points = 8; }
  string cash = 6;
  map<string, int64> counts = 7;
  message Item { string name = 1; bool b = 2; }
  reserved 90;
}
enum Status { STATUS_UNSPECIFIED = 0; OPENED = 1; LOST = 3; }
service Shop { rpc Get(stream Order) returns (New); rpc List(Order) returns (Order); }
service Store {}
$$) AS t(kind text, path text, backward bool, forward bool, message text);

-- Text alone: no level is broken, nothing that data show.
SELECT * FROM told($$
// An order.
message Order {
  optional int64 id = 1; // trailing words are nobody's
  optional string note = 2;
}
$$, $$
/* An order of a customer. */
message Order {
  // Never zero.
  optional int64 id = 1;

  // This stands alone.

  optional string note = 2 [deprecated = true];
}
$$) AS t(kind text, path text, backward bool, forward bool, message text);
SELECT * FROM told('message M {}', 'message M { reserved 5; }')
    AS t(kind text, path text, backward bool, forward bool, message text);
SELECT * FROM told('message M { optional int32 a = 1; }',
                   E'// hi\nmessage M {optional int32 a=0x1;}')
    AS t(kind text, path text, backward bool, forward bool, message text);

-- Names that metadata reserve must not come back.
SELECT * FROM told('syntax = "proto3"; package p; message M { int32 b = 2; message N {} }',
    'syntax = "proto3"; package p; message M { int32 a = 1; int32 b = 2; message N { int32 c = 1; int32 d = 2; } }',
    '{"metadata": {"old": {"properties": {"confluent:reserved": "a,x"}},
                   "new": {"properties": {"confluent:reserved": "a, M.N.c, p.M.b"}}}}')
    AS t(kind text, path text, backward bool, forward bool, message text);
SELECT level, spine.is_compatible('PROTOBUF', level, m2, ARRAY[m1], options)
FROM (VALUES ('message M {}', 'message M { optional int32 a = 1; }',
    '{"metadata": {"old": {"properties": {"confluent:reserved": "a"}},
                   "new": {"properties": {"confluent:reserved": "a"}}}}'::jsonb)) t(m1, m2, options),
    unnest('{BACKWARD,FORWARD,FULL,WIRE,FILE}'::text[]) level;

-- What references define is compared through the fields that use it, and what
-- moved into a reference is gone from the file but not from the package.
SELECT * FROM told('syntax = "proto3"; package p; import "a.proto"; message M { A a = 1; q.B b = 2; }',
    'syntax = "proto3"; package p; import "a.proto"; message M { A a = 1; q.B b = 2; }',
    '{"references": {"old": [{"name": "a.proto", "schema": "syntax = \"proto3\"; package p; import public \"b.proto\"; message A { int32 x = 1; A next = 2; }"},
                             {"name": "b.proto", "schema": "syntax = \"proto3\"; package q; message B { int32 y = 1; }"}],
                     "new": [{"name": "a.proto", "schema": "syntax = \"proto3\"; package p; import public \"b.proto\"; message A { string x = 1; A next = 2; }"},
                             {"name": "b.proto", "schema": "syntax = \"proto3\"; package q; message B { int64 y = 1; }"}]}}')
    AS t(kind text, path text, backward bool, forward bool, message text);
SELECT * FROM told('syntax = "proto3"; package p; message A { int32 x = 1; } message M { A a = 1; }',
    'syntax = "proto3"; package p; import "a.proto"; message M { A a = 1; }',
    '{"references": {"new": [{"name": "a.proto", "schema": "syntax = \"proto3\"; package p; message A { string x = 1; }"}]}}')
    AS t(kind text, path text, backward bool, forward bool, message text);

-- Levels, transitive ones, and what is no level.
SELECT level, spine.is_compatible('PROTOBUF', level,
    'message M { optional int64 a = 1; }',
    ARRAY['message M { optional string a = 1; }', 'message M { optional int32 a = 1; }']) AS kept
FROM unnest('{NONE,BACKWARD,FORWARD,FULL,WIRE,WIRE_JSON,PACKAGE,FILE,BACKWARD_TRANSITIVE,
    FULL_TRANSITIVE,WIRE_TRANSITIVE,wire}'::text[]) level;
SELECT spine.is_compatible('PROTOBUF', 'CSR', '', '{}'); -- fails
SELECT spine.is_compatible('PROTOBUF', 'WIRE', 'message M {}', '{message M}'); -- fails
