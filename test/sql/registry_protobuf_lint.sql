-- Protobuf: what lint says, and where.

-- Nothing to say but about comments.
SELECT * FROM spine.lint_schema('PROTOBUF', $$syntax = "proto3";
package shop.v1;
import "google/protobuf/timestamp.proto";
message Order {
  int64 order_id = 1;
  google.protobuf.Timestamp created_at = 2;
  oneof pay { string card_number = 3; }
  OrderStatus status = 4;
}
enum OrderStatus { ORDER_STATUS_UNSPECIFIED = 0; ORDER_STATUS_OPEN = 1; }
message GetOrderRequest {}
message GetOrderResponse {}
service OrderService { rpc GetOrder(GetOrderRequest) returns (GetOrderResponse); }
$$) ORDER BY line, rule, path;

-- Everything documented: nothing.
SELECT count(*) FROM spine.lint_schema('PROTOBUF', $$syntax = "proto3";
package shop.v1beta2;
// An order.
message Order {
  // Its number.
  int64 order_id = 1;
  /* How it is paid. */
  oneof pay {
    // By card.
    string card = 2;
  }
}
/** What becomes of it. */
enum OrderStatus {
  // Not known.
  ORDER_STATUS_UNSPECIFIED = 0;
}
$$);

-- Everything wrong.
SELECT rule, severity, path, line, message
FROM spine.lint_schema('PROTOBUF', $$package Shop.v0;
import "google/protobuf/timestamp.proto";
import public "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
message some_message {
  required google.protobuf.Duration someField = 1;
  oneof Choice { int32 a__b = 2; int32 _c = 3; }
  enum kind { option allow_alias = true;
    A = 1;
    b = 0;
    KIND_UNSPECIFIED = 0; }
  extensions 10;
}
extend some_message { optional int32 Ext = 10; }
service shop {
  rpc get_it(some_message) returns (some_message);
  rpc Get(some_message) returns (Response);
}
message Response {}
$$) WHERE rule NOT LIKE 'comment%' ORDER BY line, rule, message;

-- Packages and their versions.
SELECT package, string_agg(rule, ' ' ORDER BY rule) FROM
    unnest('{foo,foo.v1,foo.v1.bar,foo.v0,foo.v12,foo.v1alpha,foo.v1alpha0,
        foo.v1beta3,foo.v2p1alpha3,foo.v2p0alpha3,foo.v2p1,foo.v1test,foo.v1testing,
        foo.V1,v1,foo_bar.v1,_foo.v1,foo_.v1,foo__bar.v1,fooBar.v1}'::text[]) package
    LEFT JOIN LATERAL spine.lint_schema('PROTOBUF',
        format('syntax = "proto3"; package %s;', package)) ON true
GROUP BY package ORDER BY package COLLATE "C";

-- Prefixes of values.
SELECT enum, substring(message FROM 'with "(.*)"') AS prefix FROM
    unnest('{Kind,HTTPStatus,SomeKind,V1Beta1,A1B2,FooB1ar,ABc,iPhone,some_kind,_x_}'::text[]) enum,
    spine.lint_schema('PROTOBUF', format('syntax = "proto3"; enum %s { x = 0; }', enum))
WHERE rule = 'enum_value_prefix';

-- A serialised descriptor has no lines and, here, no comments.
SELECT * FROM spine.lint_schema('PROTOBUF',
    encode('\x0a07612e70726f746f22030a0161620670726f746f33', 'base64'));
SELECT * FROM spine.lint_schema('PROTOBUF', 'message'); -- fails
