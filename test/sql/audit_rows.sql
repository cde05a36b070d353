-- What the audit log says of values: old and new are what to_jsonb makes of
-- the row, for every family of types, any number of columns, any name.
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE ROLE regress_owner;
CREATE TYPE public.mood AS ENUM ('sad', 'ok', 'häppy');
CREATE DOMAIN public.positive AS int CHECK (VALUE > 0);
CREATE DOMAIN public.small_positive AS public.positive;
CREATE DOMAIN public.document AS jsonb;
CREATE DOMAIN public.numbers AS int[];
CREATE TYPE public.pair AS (a int, b text, c numeric[]);
CREATE TABLE public.family (
    id bigint PRIMARY KEY, bool_ bool, int2_ int2, int4_ int4, int8_ int8,
    float4_ float4, float8_ float8, numeric_ numeric, numeric_2 numeric(20,5),
    money_ money, text_ text, varchar_ varchar(40), bpchar_ bpchar(10),
    char_ "char", name_ name, bytea_ bytea, date_ date, time_ time,
    timetz_ timetz, timestamp_ timestamp, timestamptz_ timestamptz,
    interval_ interval, uuid_ uuid, json_ json, jsonb_ jsonb,
    document_ public.document, mood_ public.mood,
    positive_ public.small_positive, inet_ inet, cidr_ cidr, macaddr_ macaddr,
    macaddr8_ macaddr8, bit_ bit(5), varbit_ varbit, xml_ xml, point_ point,
    line_ line, lseg_ lseg, box_ box, path_ path, polygon_ polygon,
    circle_ circle, tsvector_ tsvector, tsquery_ tsquery, range_ int4range,
    numrange_ numrange, multirange_ int4multirange, ints_ int[], texts_ text[],
    matrix_ int[][], numbers_ public.numbers, pairs_ public.pair[],
    pair_ public.pair, oid_ oid, regtype_ regtype, oidvector_ oidvector,
    int2vector_ int2vector, pg_lsn_ pg_lsn, xid_ xid, xid8_ xid8, tid_ tid,
    snapshot_ pg_snapshot, jsonpath_ jsonpath, "Ünï ""q"" \ 名" text, "é" int
);
GRANT ALL ON public.family TO regress_owner;

\set document '{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}}, "parties": {"owner": {"kind": "team", "role": "regress_owner"}}, "contexts": {"types": {"owner": "owner", "datasets": {"family": {"relation": "public.family", "sot": {"store": "main", "locator": "public.family"}}}}}}'
SELECT severity, code, pointer, message FROM spine.validate(:'document') WHERE severity = 'error';
SELECT spine.apply(:'document');

SET ROLE regress_owner;
INSERT INTO public.family (id) VALUES (1);
INSERT INTO public.family VALUES (
    2, true, -32768, 2147483647, -9223372036854775808, 1.5, 1e300,
    123456789.123456789000, 0.00001, 1234.56, 'héllo', 'vc', 'bp', 'x', 'nm',
    '\xdeadbeef', '2024-02-29', '12:34:56.789', '12:34:56+05:30',
    '2024-01-01 01:02:03.4', '2024-06-01 01:02:03+00', '1 mon 2 days 03:04:05',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    '{"z":1, "a" : [1,2,{"k":null}], "a": 3}',
    '{"q":[1.50,"x",null,true,{"deep":{"er":1}}],"aa":"b"}', '[1,2]', 'häppy',
    5, '10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03',
    '08:00:2b:01:02:03:04:05', '10101', '110', '<a>b</a>', '(1,2)', '{1,2,3}',
    '[(0,0),(1,1)]', '((0,0),(1,1))', '((0,0),(1,1))', '((0,0),(1,1),(2,0))',
    '<(0,0),1>', 'a b:1A', 'a & b', '[1,5)', '[1.5,2.5]', '{[1,2),[5,6)}',
    '{1,NULL,3}', '{"a","b,c",NULL}', '{{1,2},{3,4}}', '{1,2}',
    ARRAY[ROW(1, 'x', '{1.50,2}')::public.pair],
    ROW(NULL, 'y "q"', '{}')::public.pair, 42, 'int4', '1 2', '3 4',
    '0/16B3748', '77', '78', '(0,1)', '10:20:10,14', '$.a[*] ? (@.b > 1)',
    'ü v', -1);

-- the edges of each type
INSERT INTO public.family (id, float4_, float8_, numeric_, jsonb_, json_, document_, date_, timestamp_, timestamptz_, text_, int8_)
VALUES
(11, 'NaN', 'Infinity', 'NaN', '1', '"s"', 'null', 'infinity', '-infinity', 'infinity', '', 0),
(12, '-Infinity', '-0', 'Infinity', '"str"', 'null', 'true', '0044-03-15 BC', '0001-01-01 BC', '294276-12-31 00:00+00', repeat('x', 200), -1),
(13, '1e-38', '5e-324', '-Infinity', '{}', '[]', '{}', '5874897-12-31', '294276-12-31', '4714-11-24 00:00+00 BC', repeat('é', 3000), 9999),
(14, '3.4028235e38', '1.7976931348623157e308', '0', '[]', '{}', '[]', 'epoch', 'epoch', 'epoch', repeat('abc ', 100000), 10000),
(15, '0.1', '0.1', '-0.000000', '1.500', '1.500', '-12345678901234567890.123456789', '2024-01-01', '2024-01-01', '2024-01-01', 'a', 100000000),
(16, '-0', '123456789012345678', ('1e' || 1000)::numeric, '[[[]]]', 'true', '"x"', '2024-01-01', '2024-01-01', '2024-01-01', 'a', 9223372036854775807),
(17, '16777216', '1e15', ('1e-' || 1000)::numeric, '-0', '-0.0', '0.0', '2024-01-01', '2024-01-01', '2024-01-01', 'a', -10000),
(18, '100', '1e22', 12345678901234567890123456789012345678901234567890.5, 'false', 'false', 'false', '2024-01-01', '2024-01-01', '2024-01-01', 'a', 20000);

-- integers around every power of ten, both signs
INSERT INTO public.family (id, int8_)
SELECT 1000 + e * 20 + k, s * (power(10::numeric, e) + k - 3)::int8
FROM generate_series(0, 18) e, generate_series(0, 6) k, (VALUES (1)) v(s);
INSERT INTO public.family (id, int8_)
SELECT 2000 + e * 20 + k, s * (power(10::numeric, e) + k - 3)::int8
FROM generate_series(0, 18) e, generate_series(0, 6) k, (VALUES (-1)) v(s);

-- values spread over the ranges of the types, the same in each run
INSERT INTO public.family (id, int2_, int4_, float4_, float8_, numeric_, numeric_2, text_, date_, timestamp_, timestamptz_, interval_, jsonb_, ints_)
SELECT 10000 + g, r % 32768, r, r / 7.0e-10, r * power(10::float8, r % 290),
       r::numeric * power(10::numeric, (r % 40)::int), r % 10000 / 13.0,
       substr(repeat(md5(g::text), 60), 1, abs(r) % 1800),
       '2000-01-01'::date + r % 10000, '2000-01-01'::timestamp + r * interval '1.001 s',
       '2000-01-01 00:00+00'::timestamptz + r * interval '1.001 s',
       r * interval '0.37 s', jsonb_build_array(r / 11.0, g), ARRAY[g, r]
FROM (SELECT g, hashint4(g) AS r FROM generate_series(1, 2000) g) rows;

-- null, one and all of them on the way out
DELETE FROM public.family WHERE id IN (1, 2, 14) RETURNING id;
RESET ROLE;

-- nothing of it differs from to_jsonb: not as value, not as text, not by key
SELECT count(*) AS rows,
       count(*) FILTER (WHERE l.new IS DISTINCT FROM to_jsonb(f)) AS value_differs,
       count(*) FILTER (WHERE l.new::text <> to_jsonb(f)::text) AS text_differs,
       sum((SELECT count(*) FROM jsonb_object_keys(to_jsonb(f)) k
             WHERE (l.new -> k)::text IS DISTINCT FROM (to_jsonb(f) -> k)::text)) AS member_differs
FROM public.family f LEFT JOIN spine.audit_log l
     ON l.key = jsonb_build_object('id', f.id) AND l.action = 'insert';
SELECT count(*) AS deletes, count(*) FILTER (WHERE d.old = i.new AND d.new IS NULL AND i.old IS NULL) AS same
FROM spine.audit_log d JOIN spine.audit_log i ON i.key = d.key AND i.action = 'insert'
WHERE d.action = 'delete';

-- it depends on the time zone, and on no other setting of the session
SET ROLE regress_owner;
SET datestyle = 'SQL, DMY';
SET extra_float_digits = -10;
SET timezone = 'Asia/Kolkata';
INSERT INTO public.family (id, date_, timestamp_, timestamptz_, float8_, float4_) VALUES (50, '2024-02-01', '2024-02-01 03:04:05', '2024-02-01 03:04:05+00', 0.1, 1.1);
RESET ROLE; RESET datestyle; RESET extra_float_digits; SET timezone = 'UTC';
SELECT jsonb_strip_nulls(new) FROM spine.audit_log WHERE key = '{"id": 50}';

-- an update keeps what changed, and a large value that stays is not touched
SET ROLE regress_owner;
UPDATE public.family SET int4_ = 7, "é" = NULL, jsonb_ = '[1, {"a": 2.0}]', pair_ = ROW(1, NULL, NULL)::public.pair WHERE id IN (13, 16);
UPDATE public.family SET text_ = text_ || '!' WHERE id = 13;
RESET ROLE;
SELECT key, attributes, old, new FROM spine.audit_trail WHERE action = 'update' AND NOT new ? 'text_' ORDER BY xid, n;
SELECT attributes, length(old ->> 'text_') AS old, length(new ->> 'text_') AS new FROM spine.audit_trail WHERE action = 'update' AND new ? 'text_';

-- tables of every width around the strides of jsonb's offsets
CREATE FUNCTION public.width_holds(width int) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    document jsonb := current_setting('regress.document');
    holds bool;
BEGIN
    EXECUTE 'CREATE TABLE public.wide (id int PRIMARY KEY' || coalesce((
        SELECT string_agg(format(', %I %s', CASE WHEN g % 7 = 0 THEN repeat('c', g % 40 + 1) || g ELSE 'c' || g END,
                                 (ARRAY['int', 'text', 'numeric', 'jsonb', 'bool', 'float8'])[1 + g % 6]), '' ORDER BY g)
        FROM generate_series(2, width) g), '') || ')';
    GRANT ALL ON public.wide TO regress_owner;
    PERFORM spine.apply(jsonb_set(document, ARRAY['contexts', 'types', 'datasets', 'wide' || width],
        '{"relation": "public.wide", "sot": {"store": "main", "locator": "public.wide"}}'));
    SET LOCAL ROLE regress_owner;
    FOR r IN 1..4 LOOP
        EXECUTE 'INSERT INTO public.wide VALUES (' || r || coalesce((
            SELECT string_agg(', ' || CASE WHEN (g + r) % 5 = 0 THEN 'NULL'
                ELSE (ARRAY['7', '''t''', '1.50', '''{"a":[1,2]}''', 'true', '0.25'])[1 + g % 6] END, '' ORDER BY g)
            FROM generate_series(2, width) g), '') || ')';
    END LOOP;
    RESET ROLE;
    SELECT count(*) = 4 AND bool_and(l.new = to_jsonb(w) AND l.new::text = to_jsonb(w)::text
            AND NOT EXISTS (SELECT FROM jsonb_object_keys(to_jsonb(w)) k WHERE l.new -> k IS DISTINCT FROM to_jsonb(w) -> k))
      INTO holds
      FROM public.wide w JOIN spine.audit_log l ON l.key = jsonb_build_object('id', w.id) AND l.dataset = 'types.wide' || width;
    PERFORM spine.apply(document, prune => true);
    DROP TABLE public.wide;
    RETURN holds;
END $$;
SELECT set_config('regress.document', :'document', false) IS NOT NULL AS set;
SELECT width, public.width_holds(width)
FROM unnest(ARRAY[1, 2, 3, 4, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 95, 96, 97, 129, 200, 600]) width;

-- columns that came, went or are generated
CREATE TABLE public.moving (id int PRIMARY KEY, gone int, a text);
INSERT INTO public.moving VALUES (1, 2, 'x');
ALTER TABLE public.moving DROP COLUMN gone;
ALTER TABLE public.moving ADD COLUMN b numeric DEFAULT 1.50;
ALTER TABLE public.moving ADD COLUMN g int GENERATED ALWAYS AS (id * 2) STORED;
INSERT INTO public.moving VALUES (2, 'y');
ALTER TABLE public.moving ADD COLUMN late jsonb DEFAULT '{"k":1}';
GRANT ALL ON public.moving TO regress_owner;
SELECT spine.apply(jsonb_set(:'document', '{contexts,types,datasets,moving}', '{"relation": "public.moving", "sot": {"store": "main", "locator": "public.moving"}}')) > 0 AS applied;
SET ROLE regress_owner;
UPDATE public.moving SET late = '[]' WHERE id = 1;
DELETE FROM public.moving;
RESET ROLE;
SELECT action, key, old, new FROM spine.audit_log WHERE dataset = 'types.moving' ORDER BY xid, n;

SELECT spine.detach_all();
