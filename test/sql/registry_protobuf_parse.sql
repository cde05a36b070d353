-- Protobuf: what is no schema, and where it is wrong; what is one.

-- The outcome of a text: its canonical form, or the error and its place.
CREATE FUNCTION outcome(schema text, OUT outcome text, OUT place text)
    LANGUAGE plpgsql AS $$
BEGIN
    outcome := translate(left(spine.canonical_schema('PROTOBUF', schema), 200),
                         E'\n', ' ');
EXCEPTION WHEN SQLSTATE 'SP008' THEN
    GET STACKED DIAGNOSTICS outcome = MESSAGE_TEXT, place = PG_EXCEPTION_DETAIL;
    outcome := replace(outcome, 'invalid schema: ', '! ');
    place := replace(place, 'It stands at ', '');
END $$;

-- syntax, and what stands at the top
SELECT replace(schema, chr(65279), 'BOM ') AS schema, o.* FROM (VALUES
    (''), ('// nothing'), ('syntax = "proto4";'), ('edition = "2022";'),
    ('edition = "2024";'), ('syntax = "2023";'), ('edition = "proto3";'),
    (E'syntax = "proto3"\nmessage M {}'), ('message M {'), ('message M {}}'),
    ('message {}'), ('foo'), ('foo bar;'), (E'message M {\n  int32\n'),
    (E'\n\n  /* no end'), (E'message M { optional string s = 1 [default = "a\nb"]; }'),
    ('package a; package b;'), ('message M {} package late; message N { optional late.M m = 1; }'),
    ('import "x.proto";'), ('import "google/protobuf/any.proto"; import "google/protobuf/any.proto";'),
    ('message é {}'), (chr(65279) || 'syntax = "proto3";'), (E'\tmessage\t1 {}'))
    t(schema), outcome(schema) o;

-- fields
SELECT schema, o.* FROM (VALUES
    ('int32 a = 1;'), ('optional int32 a = 0;'), ('optional int32 a = 536870912;'),
    ('optional int32 a = 19500;'), (E'optional int32 a = 1;\noptional int32 b = 1;'),
    (E'optional int32 a = 1;\noptional int32 a = 2;'), ('optional Missing a = 1;'),
    ('optional N.Missing a = 1; message N {}'), ('optional int32 a = 1a;'),
    ('optional int32 a = 08;'), ('optional int32 a = 1 [default = 2147483648];'),
    ('optional uint32 a = 1 [default = -1];'), ('optional bool a = 1 [default = 1];'),
    ('optional string a = 1 [default = "\q"];'), ('repeated int32 a = 1 [default = 1];'),
    ('optional M a = 1 [default = 1];'), ('optional int32 a = 1 [packed = true];'),
    ('optional int32 a = 1 [nope = true];'), ('optional int32 a = 1 [(nope) = true];'),
    ('optional int32 a = 1 [deprecated = true, deprecated = true];'),
    ('reserved 1 to 3; optional int32 a = 2;'), ('reserved "a"; optional int32 a = 2;'),
    ('reserved 1 to 3, 3;'), ('extensions 1 to 3; reserved 2;'), ('extensions 5; optional int32 a = 5;'),
    ('extensions 5; extend M { optional int32 a = 6; }'), ('extensions 5; extend M { required int32 a = 5; }'),
    ('oneof o {}'), ('oneof o { repeated int32 a = 1; }'), ('map<float, int32> a = 1;'),
    ('repeated map<int32, int32> a = 1;'), ('map<int32, int32> a = 1; optional AEntry b = 2;'),
    ('optional group g = 1 {}'), ('enum E {}'), ('enum E { A = 0; B = 0; }'), ('enum E { A = 0; } enum F { A = 0; }'),
    ('enum E { A = 0; reserved 0; }'), ('enum E { A = 2147483648; }'), ('optional E e = 1 [default = B]; enum E { A = 0; }'))
    t(schema), outcome(E'syntax = "proto2";\nmessage M {\n' || schema || ' }') o;

-- proto3
SELECT schema, o.* FROM (VALUES
    ('required int32 a = 1;'), ('int32 a = 1 [default = 1];'), ('group G = 1 {}'), ('extensions 5;'),
    ('enum E { A = 1; }'), ('int32 foo_bar = 1; int32 fooBar = 2;'), ('int32 a = 1 [json_name = "b"]; int32 b = 2;'),
    ('enum E { E_A = 0; A = 1; }'), ('optional int32 a = 1; oneof _a { int32 b = 2; }'))
    t(schema), outcome('syntax = "proto3"; message M { ' || schema || ' }') o;

-- editions
SELECT schema, o.* FROM (VALUES
    ('optional int32 a = 1;'), ('required int32 a = 1;'), ('repeated int32 a = 1;'), ('group G = 1 {}'),
    ('int32 a = 1 [features.field_presence = IMPLICIT];'), ('int32 a = 1 [features.field_presence = EXPLICIT];'),
    ('int32 a = 1 [features.field_presence = LEGACY_REQUIRED];'), ('repeated int32 a = 1 [features.field_presence = IMPLICIT];'),
    ('int32 a = 1 [features.field_presence = FIELD_PRESENCE_UNKNOWN];'), ('M a = 1 [features.field_presence = IMPLICIT];'),
    ('int32 a = 1 [features.field_presence = IMPLICIT, default = 1];'), ('int32 a = 1 [default = 1];'),
    ('oneof o { int32 a = 1 [features.field_presence = IMPLICIT]; }'), ('repeated int32 a = 1 [features.repeated_field_encoding = EXPANDED];'),
    ('int32 a = 1 [features.repeated_field_encoding = EXPANDED];'), ('repeated string a = 1 [features.repeated_field_encoding = PACKED];'),
    ('repeated int32 a = 1 [packed = true];'), ('M a = 1 [features.message_encoding = DELIMITED];'), ('int32 a = 1 [features.message_encoding = DELIMITED];'),
    ('string a = 1 [features.utf8_validation = NONE];'), ('int32 a = 1 [features.utf8_validation = NONE];'), ('map<string, int32> a = 1 [features.utf8_validation = NONE];'),
    ('enum E { A = 1; }'), ('enum E { option features.enum_type = CLOSED; A = 1; }'), ('reserved a, b;'), ('reserved "a";'),
    ('option features.json_format = LEGACY_BEST_EFFORT; int32 foo_bar = 1; int32 fooBar = 2;'), ('option features = { json_format: LEGACY_BEST_EFFORT };'),
    ('extensions 5; extend M { int32 a = 5; }'), ('option features.nope = 1;'),
    ('enum E { option features.enum_type = CLOSED; A = 0; } E e = 1 [features.field_presence = IMPLICIT];'))
    t(schema), outcome('edition = "2023"; message M { ' || schema || ' }') o;
SELECT o.* FROM (VALUES
    ('syntax = "proto3"; option features.field_presence = IMPLICIT;'),
    ('edition = "2023"; option features.field_presence = IMPLICIT; message M { int32 a = 1; }'),
    ('edition = "2023"; option features.field_presence = LEGACY_REQUIRED;'),
    ('edition = "2023"; option features.field_presence = EXPLICIT; message M { int32 a = 1 [features.field_presence = EXPLICIT]; }'))
    t(schema), outcome(schema) o;

-- Each feature has its places.
SELECT feature, string_agg(holder, ' ' ORDER BY n) AS places
FROM unnest('{field_presence=EXPLICIT,enum_type=OPEN,
        repeated_field_encoding=PACKED,utf8_validation=VERIFY,
        message_encoding=LENGTH_PREFIXED,json_format=ALLOW}'::text[]) feature,
    (VALUES (1, 'file', 'option features.%s;'),
        (2, 'message', 'message M { option features.%s; }'),
        (3, 'field', 'message M { repeated int32 a = 1 [features.%s]; }'),
        (4, 'optional', 'message M { int32 a = 1 [features.%s]; }'),
        (5, 'string', 'message M { string a = 1 [features.%s]; }'),
        (6, 'submessage', 'message M { M a = 1 [features.%s]; }'),
        (7, 'map', 'message M { map<string, M> a = 1 [features.%s]; }'),
        (8, 'oneof', 'message M { oneof o { option features.%s; int32 a = 1; } }'),
        (9, 'member', 'message M { oneof o { string a = 1 [features.%s]; } }'),
        (10, 'extension', 'message M { extensions 5; extend M { string a = 5 [features.%s]; } }'),
        (11, 'enum', 'enum E { option features.%s; A = 0; }'),
        (12, 'value', 'enum E { A = 0 [features.%s]; }'),
        (13, 'service', 'service S { option features.%s; }')) t(n, holder, body),
    outcome('edition = "2023"; ' || format(body, feature)) o
WHERE o.outcome NOT LIKE '!%' GROUP BY feature ORDER BY feature;
SELECT (outcome('edition = "2023"; option java_string_check_utf8 = true;')).*;

-- References, by their names; errors say which one it was.
CREATE FUNCTION with_references(schema text, VARIADIC refs text[])
    RETURNS boolean LANGUAGE sql AS $$
    SELECT spine.is_compatible('PROTOBUF', 'FULL', schema, '{}',
        jsonb_build_object('references', jsonb_build_object('new',
            (SELECT jsonb_agg(jsonb_build_object('name', split_part(r, '|', 1),
                                                 'schema', split_part(r, '|', 2)))
             FROM unnest(refs) r)))) $$;
SELECT with_references('import "a.proto"; message M { optional A a = 1; }',
                       'a.proto|message A {}');
SELECT with_references('import "a.proto"; message M { optional B b = 1; }',
                       'a.proto|import public "b.proto";', 'b.proto|message B {}');
SELECT with_references('import "a.proto"; message M { optional B b = 1; }',
                       'a.proto|import "b.proto"; message A { optional B b = 1; }', 'b.proto|message B {}'); -- fails
SELECT with_references('import "a.proto"; message M {}', 'b.proto|message B {}'); -- fails
SELECT with_references('import "a.proto"; message M {}', E'a.proto|message A {\n  int32 x; }'); -- fails
SELECT with_references('import "a.proto"; message A {}', 'a.proto|message A {}'); -- fails
SELECT with_references('import "a.proto";', 'a.proto|import "b.proto";', 'b.proto|import "a.proto";'); -- fails
SELECT with_references('import "google/protobuf/timestamp.proto"; message M { optional google.protobuf.Timestamp t = 1; }',
                       'google/protobuf/timestamp.proto|package google.protobuf; message Other {}'); -- fails
SELECT with_references('import weak "a.proto"; message M { optional A a = 1; }',
                       'a.proto|' || encode('\x0a07612e70726f746f22030a0141', 'base64'));

-- Built in: everything that is.
SELECT name, o.place IS NULL AS there FROM unnest('{any,api,descriptor,duration,
    empty,field_mask,source_context,struct,timestamp,type,wrappers}'::text[]) name,
    outcome(format('import "google/protobuf/%s.proto";', name)) o;
SELECT count(*) FROM unnest('{calendar_period,color,date,datetime,dayofweek,decimal,
    expr,fraction,interval,latlng,localized_text,money,month,phone_number,
    postal_address,quaternion,timeofday}'::text[]) name,
    outcome(format('import "google/type/%s.proto";', name)) o WHERE place IS NULL;
\pset format unaligned
SELECT spine.canonical_schema('PROTOBUF', $$syntax = "proto3"; import "confluent/meta.proto";
    import "confluent/type/decimal.proto"; import "google/type/money.proto";
    message M {
        option (confluent.message_meta) = { doc: "a message", tags: ["PII"] };
        confluent.type.Decimal d = 1 [(confluent.field_meta) = {
            doc: "a decimal" params: [{ key: "scale" value: "2" },
                                      { key: "precision" value: "9" }] }];
        google.type.Money m = 2; }$$);
\pset format aligned

-- Serialised descriptors that are none.
SELECT x, o.* FROM (VALUES ('00'), ('0a'), ('0a05'), ('0aff'), ('0affffffffffffffffffff01'), ('2200'),
    ('22030a0130'), ('22030a014d'), ('22050a014d1200'), ('220a0a014d12050a01611801'),
    ('22100a014d120b0a0161180120012805320178'), ('220e0a014d12090a0161180120012805'),
    ('6206656e6f756768'), ('12032e2e2e'), ('1a0178'), ('50'), ('5005'), ('0b'), ('0b0c'),
    ('22080a014d2a0408051003'), ('220a0a014d3a025801')) t(x),
    outcome(encode(decode(x, 'hex'), 'base64')) o;
