-- Protobuf: the canonical form, which is equal for equal meanings.

-- All that the language has, once.
CREATE TABLE whole (schema text);
INSERT INTO whole VALUES ($$
/* a comment */
syntax = "proto2";
import "google/protobuf/descriptor.proto";
package shop.v1; // of the shop
import public "google/protobuf/timestamp.proto";
option java_package = "org.shop"; option optimize_for = SPEED;
option java_multiple_files = true;

message Order {
  optional Status status = 5 [default = OPEN, (note).text = "a\tb\303\251", (note).level = 3];
  required int64 id = 0x1 [json_name = "ID", deprecated = true];
  repeated int32 ns = 03 [packed = true]; repeated int32 ms = 4 [packed = false];
  map<string, Item> items = 9;
  oneof pay { Cash cash = 12; string card = 11; option (once) = true; }
  optional group Extra = 13 { optional float f = 1 [default = -1.50]; optional double d = 2 [default = inf]; }
  extensions 100 to 199, 200 to 299, 500 to max;
  reserved 20, 18 to 19, 30 to 40; reserved "old", "ancient";
  enum Status { option allow_alias = true; UNKNOWN = 0; OPEN = 2; SHUT = 1; CLOSED = 1; reserved -5 to -1; reserved "GONE"; }
  message Item { optional google.protobuf.Timestamp at = 1; }
  message Cash { optional Order back = 1; }
  extend Order { optional int32 inside = 100; }
}
message Note { optional string text = 1; optional int32 level = 2; repeated Note notes = 3; }
extend google.protobuf.FieldOptions { optional Note note = 50001; }
extend google.protobuf.OneofOptions { optional bool once = 50001; }
extend Order { repeated string more = 101; }
service Shop {
  rpc Watch(stream Order) returns (stream Order.Item);
  rpc Get(.shop.v1.Order) returns (v1.Order) { option idempotency_level = NO_SIDE_EFFECTS; }
}
enum Colour { RED = 1; BLUE = 0; }
$$);
\pset format unaligned
SELECT spine.canonical_schema('PROTOBUF', schema) FROM whole;
\pset format aligned
-- Its own canonical form is the same.
SELECT c = spine.canonical_schema('PROTOBUF', c) AS same
FROM whole, spine.canonical_schema('PROTOBUF', schema) c;

-- What means the same.
CREATE FUNCTION same(a text, b text) RETURNS boolean LANGUAGE sql AS $$
    SELECT spine.canonical_schema('PROTOBUF', a) = spine.canonical_schema('PROTOBUF', b)
       AND spine.schema_fingerprint('PROTOBUF', a, 'sha-256') = spine.schema_fingerprint('PROTOBUF', b, 'sha-256') $$;
SELECT about, same(a, b) FROM (VALUES
    ('space', 'message M{optional int32 a=1;}', E'message M {\n\toptional int32 a = 1 ;; }'),
    ('comments', 'message M {}', E'// x\nmessage /* y */ M {} // z'),
    ('syntax', 'message M {}', 'syntax = "proto2"; message M {}'),
    ('order of fields', 'message M { optional int32 a = 1; optional int32 b = 2; }', 'message M { optional int32 b = 2; optional int32 a = 1; }'),
    ('order of values', 'enum E { A = 0; B = 1; C = 2; }', 'enum E { A = 0; C = 2; B = 1; }'),
    ('order of enums', 'enum E { A = 0; } enum F { B = 0; }', 'enum F { B = 0; } enum E { A = 0; }'),
    ('order of options', 'option java_package = "a"; option go_package = "b";', 'option go_package = "b"; option java_package = "a";'),
    ('order of imports', 'import "google/protobuf/any.proto"; import "google/protobuf/empty.proto";', 'import "google/protobuf/empty.proto"; import "google/protobuf/any.proto";'),
    ('names', 'package p; message M { optional M m = 1; }', 'package p; message M { optional .p.M m = 1; }'),
    ('numbers', 'message M { optional int32 a = 16 [default = 255]; }', 'message M { optional int32 a = 0x10 [default = 0xFF]; }'),
    ('floats', 'message M { optional float a = 1 [default = 0.1]; }', 'message M { optional float a = 1 [default = 100e-3]; }'),
    ('strings', $$message M { optional string a = 1 [default = "a'b"]; }$$, $$message M { optional string a = 1 [default = 'a\'' "b"]; }$$),
    ('what holds anyway', 'message M { optional int32 a_b = 1; }', 'message M { optional int32 a_b = 1 [json_name = "aB", deprecated = false, packed = false]; }'),
    ('packed in proto3', 'syntax = "proto3"; message M { repeated int32 a = 1; }', 'syntax = "proto3"; message M { repeated int32 a = 1 [packed = true]; }'),
    ('features', 'edition = "2023"; message M { int32 a = 1; }', 'edition = "2023"; option features.field_presence = EXPLICIT; message M { int32 a = 1; }'),
    ('reserved', 'message M { reserved 1 to 3; }', 'message M { reserved 2, 3, 1; }'),
    ('package below', 'package p; message M {}', 'message M {} package p;'),
    ('options in parts', 'import "google/protobuf/descriptor.proto"; message N { optional int32 a = 1; optional int32 b = 2; } extend google.protobuf.FileOptions { optional N n = 50000; } option (n).a = 1; option (n).b = 2;',
     'import "google/protobuf/descriptor.proto"; message N { optional int32 a = 1; optional int32 b = 2; } extend google.protobuf.FileOptions { optional N n = 50000; } option (n) = { b: 2, a: 1 };'),
    ('default of zero', 'message M { optional int32 a = 1; }', 'message M { optional int32 a = 1 [default = 0]; }'),
    -- and what does not
    ('order of messages', 'message M {} message N {}', 'message N {} message M {}'),
    ('first value', 'enum E { A = 0; B = 1; }', 'enum E { B = 1; A = 0; }'),
    ('packed in proto2', 'message M { repeated int32 a = 1; }', 'message M { repeated int32 a = 1 [packed = true]; }'),
    ('optional in proto3', 'syntax = "proto3"; message M { int32 a = 1; }', 'syntax = "proto3"; message M { optional int32 a = 1; }'),
    ('syntax', 'syntax = "proto2";', 'syntax = "proto3";'),
    ('json_name', 'message M { optional int32 a = 1; }', 'message M { optional int32 a = 1 [json_name = "b"]; }'))
    t(about, a, b);

-- A serialised descriptor, as protoc makes it, is the same as its text.
SELECT same($$syntax = "proto3"; package p;
message M { map<string, int32> m = 1; optional int32 o = 2; oneof x { string s = 3; bytes b = 4; } reserved 9 to 11; }
enum E { A = 0; B = -1; } service S { rpc R(M) returns (stream M); }$$,
'CghkZC5wcm90bxIBcCKYAQoBTRIZCgFtGAEgAygLMgsucC5NLk1FbnRyeVIBbRIRCgFvGAIgASgF
SAFSAW+IAQESDgoBcxgDIAEoCUgAUgFzEg4KAWIYBCABKAxIAFIBYho0CgZNRW50cnkSEAoDa2V5
GAEgASgJUgNrZXkSFAoFdmFsdWUYAiABKAVSBXZhbHVlOgI4AUIDCgF4QgQKAl9vSgQICRAMKhoK
AUUSBQoBQRAAEg4KAUIQ////////////ATIWCgFTEhEKAVISBC5wLk0aBC5wLk0wAWIGcHJvdG8z');
