-- spine.validate: every finding about shape, references and the database.
SET client_min_messages = warning;
\pset null '-'
CREATE ROLE regress_cart LOGIN;
CREATE ROLE regress_billing LOGIN;
CREATE ROLE regress_nobody;
CREATE ROLE regress_member LOGIN IN ROLE regress_nobody;
CREATE ROLE regress_idle;

CREATE SCHEMA shop;
CREATE TYPE shop.status AS ENUM ('cart', 'paid', 'gone');
CREATE DOMAIN shop.state AS shop.status;
CREATE TABLE shop.orders (
    order_id bigint PRIMARY KEY,
    status   shop.status NOT NULL DEFAULT 'cart',
    price    jsonb,
    email    text,
    note     varchar(4),
    twice    bigint GENERATED ALWAYS AS (order_id * 2) STORED,
    since    timestamptz NOT NULL DEFAULT now(),
    version  int NOT NULL DEFAULT 1,
    number   int,
    flag     bool NOT NULL DEFAULT false,
    domained shop.state NOT NULL DEFAULT 'cart',
    moved    timestamptz DEFAULT clock_timestamp(),
    point    point,
    wide     bigint UNIQUE
);
CREATE TABLE shop.items (order_id bigint, line int, name text, PRIMARY KEY (order_id, line));
CREATE TABLE shop.pairs (a int, b text, c int, PRIMARY KEY (b, a));
CREATE TABLE shop.keyless (id int, status text NOT NULL);
CREATE TABLE shop.parted (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE shop.part PARTITION OF shop.parted FOR VALUES FROM (0) TO (9);
CREATE VIEW shop.seen AS SELECT 1 AS one;
CREATE TEMP TABLE passing (id int PRIMARY KEY);

-- the document that every case below changes in one place
CREATE FUNCTION base() RETURNS jsonb LANGUAGE sql AS $$ SELECT '{
  "kind": "DataSpine", "apiVersion": "spine/v1",
  "terms": {"classification": {"public": {"rank": 0}},
            "pii": {"email": {}},
            "region": {"eu": {}, "eu-de": {"parent": "eu"}}},
  "parties": {"cart": {"kind": "service", "role": "regress_cart"},
              "billing": {"kind": "team", "role": "regress_billing", "fallback": "cart"}},
  "stores": {"main": {"kind": "postgres", "region": "eu-de"}},
  "contexts": {"shop": {"owner": "billing", "datasets": {"orders": {
    "relation": "shop.orders", "classification": "public",
    "sot": {"store": "main"},
    "attributes": {"price": {}, "price.net": {}},
    "lifecycle": {
      "governing": "status", "entered_at": "since",
      "states": {
        "cart": {"initial": true, "owner": "cart",
                 "write": {"*": ["cart"], "price.net": ["billing"]}},
        "paid": {"owner": "billing", "write": {"email": ["billing"]}},
        "gone": {"terminal": true}},
      "transitions": {"cart -> paid": {"by": ["cart"]},
                      "paid -> gone": {"by": ["billing"]}},
      "contention": {"version": {"attribute": "version", "mode": "auto"}},
      "children": {"lines": {"relation": "shop.items", "via": ["order_id"],
                             "write": {"cart": ["cart"]}}}
    }}}}}}'::jsonb $$;

-- Change one place (the path is below the dataset unless it starts with /);
-- a NULL value removes it.
CREATE FUNCTION changed(place text, value jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT CASE WHEN value IS NULL THEN base() #- path
                ELSE jsonb_set(base(), path, value) END
    FROM (SELECT CASE WHEN place LIKE '/%' THEN string_to_array(substr(place, 2), '/')
                      ELSE '{contexts,shop,datasets,orders}' || string_to_array(place, '/') END) p(path)
$$;
CREATE FUNCTION findings(place text, value jsonb)
RETURNS TABLE (severity text, code text, pointer text, message text) LANGUAGE sql AS $$
    SELECT v.severity, v.code, replace(v.pointer, '/contexts/shop/datasets/orders', '..'), v.message
    FROM spine.validate(changed(place, value)) v
$$;

-- the base is sound
SELECT * FROM spine.validate(base());

-- documents that are none
SELECT severity, code, pointer, message, hint FROM spine.validate(NULL);
SELECT doc, v.code, v.message
FROM (VALUES ('null'::jsonb), ('1'), ('"text"'), ('[]'), ('[{"kind": "DataSpine"}]'), ('{}')) d(doc),
     spine.validate(doc) v;
SELECT * FROM spine.validate('{"kind": "DataSpine", "apiVersion": "spine/v1"}');

-- shape
SELECT c.n, f.*
FROM (VALUES
    (1, '/kind', '"dataspine"'::jsonb),
    (2, '/apiVersion', '"spine/v2"'),
    (3, '/apiVersion', NULL),
    (4, '/api_version', '"spine/v1"'),
    (5, '/contexts/shop/datasets/orders/ownr', '"cart"'),
    (6, '/partys', '{}'),
    (7, '/zzzzzzzzzzzzzzzzzzzz', '{}'),
    (8, '/parties', '[]'),
    (9, '/parties/cart', '"cart"'),
    (10, '/parties/cart/kind', NULL),
    (11, '/parties/cart/kind', '"robot"'),
    (12, '/parties/cart/role', 'null'),
    (13, '/parties/cart/role', '""'),
    (14, '/terms/classification/public/rank', '1.5'),
    (15, '/terms/classification/public/rank', '-1'),
    (16, '/terms/classification/public/rank', '2147483648'),
    (17, 'review_on', '"2027-02-30"'),
    (18, 'review_on', '"tomorrow"'),
    (19, 'lifecycle/contention/fallback_after', '"4 hours"'),
    (20, 'lifecycle/contention/fallback_after', '"PT4H"'),
    (21, 'lifecycle/contention/fallback_after', '"P99999999999Y"'),
    (22, 'lifecycle/states/cart/locked', '"no"'),
    (23, 'lifecycle/states/cart/initial', '1'),
    (24, 'lifecycle/states/cart/write', '{"*": "cart"}'),
    (25, 'lifecycle/states/', '{"owner": "cart"}'),
    (26, 'lifecycle/states', '{"\u0007": {"owner": "cart"}}'),
    (27, '/parties', '{" cart": {"kind": "team"}}'),
    (28, 'lifecycle/transitions/cart -> paid/by', '[]'),
    (29, 'lifecycle/transitions/cart -> paid/guard', '1'),
    (30, 'lifecycle/transitions/cart -> paid/guard', '{}'),
    (31, 'lifecycle/transitions/cart -> paid/guard', '{"children": {"lines": 0}}'),
    (32, 'lifecycle/transitions/cart -> paid/handoff', '[{"notify": "a", "emit": "b"}, {}, {"shout": "a"}]'),
    (33, 'enforcement', '"strict"'),
    (34, 'relation', '"  "'),
    (35, '/terms', '{"a:b": {}}'),
    (36, '/contracts', '{"c": [1]}')
) c(n, place, value), findings(c.place, c.value) f ORDER BY c.n, f.pointer, f.code;
-- hints name what is known
SELECT hint FROM spine.validate('{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"a": {"kind": "postgres", "sever": "b"}}}');
-- pointers are escaped as in RFC 6901
SELECT pointer, code FROM spine.validate('{"kind": "DataSpine", "apiVersion": "spine/v1", "parties": {"a/b~c": {"kind": 1}}}');

-- references
SELECT c.n, f.*
FROM (VALUES
    (1, '/contexts/shop/owner', '"nobody"'::jsonb),
    (2, 'lifecycle/states/cart/owner', '"nobody"'),
    (3, 'lifecycle/states/cart/write', '{"*": ["cart", "nobody"]}'),
    (4, '/parties/cart', '{"kind": "team", "role": "regress_cart", "retired": true}'),
    (5, 'sot/store', '"attic"'),
    (6, 'classification', '"secret"'),
    (7, '/terms/region/eu-de/parent', '"asia"'),
    (8, '/stores/main/region', '"asia"'),
    (9, 'tags', '["email", "pii:phone", "kin:x"]'),
    (10, 'lifecycle/alerts', '{"late": {"state": "lost", "longer_than": "PT1H"}}'),
    (11, 'lifecycle/children/lines/write', '{"lost": ["cart"]}'),
    (12, 'lifecycle/transitions/cart -> paid/guard', '{"children": {"toys": 1}}'),
    (13, 'lifecycle/transitions/cart -> paid/handoff', '[{"emit": "Paid"}, {"notify": "mail"}]'),
    (14, 'replicas', '{"copy": {"store": "main", "route": "west"}}'),
    (15, 'contract', '"c1"'),
    (16, '/residency', '{"r": {"dataset": "shop.carts", "effect": "deny"}, "s": {"dataset": "shop", "effect": "deny"}, "t": {"dataset": "shop.orders", "effect": "deny"}}'),
    (17, '/events', '{"e": {"context": "attic"}}'),
    (18, '/parties/cart/role', '"regress_billing"'),
    (19, '/parties/cart/fallback', '"billing"'),
    (20, '/parties/cart/fallback', '"cart"'),
    (21, '/terms/region/eu/parent', '"eu-de"'),
    (22, 'subjects', '["order", "ids", "order"]'),
    (23, '/parties/*', '{"kind": "team"}'),
    (24, 'lifecycle/states/a -> b', '{"owner": "cart"}'),
    (25, 'lifecycle/invariants', jsonb_build_object(repeat('i', 58), '{"check": "true"}'::jsonb)),
    (26, '/parties/cart/role', to_jsonb(repeat('r', 64))),
    (27, 'owner_state', '"interim"'),
    (28, '/residency', '{"r": {"effect": "mask", "exception": true, "attribute": "x"}}'),
    (29, '/routes', '{"r": {"to": "main"}}'),
    (30, 'retention', '{"r": {"keep": "P1D", "action": "transition"}}'),
    (31, '/privacy', '{"p": {"epsilon": 1}}'),
    (32, 'lifecycle/transitions/cart -> paid/by', '["cart", "cart"]'),
    (33, 'description', '"‹what it is›"'),
    (34, '/parties/‹P1›', '{"kind": "team"}'),
    (35, '/contracts', '{"c": {"a": [{"b": "‹x›"}, "‹y›"], "‹z›": 1, "d": {"e": [[1, "‹w›"]]}}}')
) c(n, place, value), findings(c.place, c.value) f ORDER BY c.n, f.pointer, f.code;
-- a topic is declared by an event's name or by its topic
SELECT code FROM findings('lifecycle/transitions/cart -> paid/handoff', '[{"notify": "mail"}]');
SELECT f.code FROM (SELECT jsonb_set(changed('lifecycle/transitions/cart -> paid/handoff', '[{"notify": "mail"}, {"notify": "Paid"}]'),
    '{events}', '{"Paid": {"topic": "mail"}}')) d(doc), spine.validate(doc) f;

-- two datasets, one relation; a child's counts too; the spelling does not matter
SELECT v.code, v.pointer, v.message
FROM spine.validate(jsonb_set(base(), '{contexts,shop,datasets,again}', '{"relation": "SHOP.\"orders\"", "producers": ["cart"]}')) v WHERE severity = 'error';
SELECT v.code, v.pointer
FROM spine.validate(jsonb_set(base(), '{contexts,shop,datasets,lines}', '{"relation": "shop.items"}')) v WHERE severity = 'error';
SELECT v.code, v.pointer, v.message
FROM spine.validate(jsonb_set(jsonb_set(base(), '{contexts,shop,datasets,whole}', '{"relation": "shop.parted"}'),
                              '{contexts,shop,datasets,half}', '{"relation": "shop.part"}')) v WHERE severity = 'error' ORDER BY 2;
-- unless one of them lives elsewhere
SELECT v.code, v.pointer
FROM spine.validate(jsonb_set(jsonb_set(base(), '{stores,away}', '{"kind": "kafka"}'),
    '{contexts,shop,datasets,again}', '{"relation": "shop.orders", "sot": {"store": "away"}}')) v WHERE severity = 'error';

-- roles and stores
SELECT c.n, f.*
FROM (VALUES
    (1, '/parties/cart/role', '"regress_missing"'::jsonb),
    (2, '/parties/idle', '{"kind": "team", "role": "regress_missing"}'),
    (3, '/parties/idle', '{"kind": "team", "role": "regress_idle"}'),
    (4, '/parties/idle', '{"kind": "team", "role": "regress_nobody"}'),
    (5, '/stores', '{"main": {"kind": "postgres"}, "other": {"kind": "postgres"}}'),
    (6, '/stores/other', '{"kind": "postgres", "server": "regress_missing"}'),
    (7, '/stores', '{"main": {"kind": "kafka"}}')
) c(n, place, value), findings(c.place, c.value) f ORDER BY c.n, f.pointer, f.code;
SET spine.store = 'other';
SELECT code, message FROM findings('/stores/other', '{"kind": "postgres"}') WHERE severity = 'error';
SET spine.store = 'lost';
SELECT code, message FROM findings('/stores/other', '{"kind": "postgres"}') WHERE severity = 'error';
RESET spine.store;

-- the relation and its columns
SELECT c.n, f.*
FROM (VALUES
    (1, 'relation', '"shop.missing"'::jsonb),
    (2, 'relation', '"orders"'),
    (3, 'relation', '"a.b.c"'),
    (4, 'relation', '"shop.seen"'),
    (5, 'relation', '"pg_catalog.pg_class"'),
    (6, 'relation', '"spine.revision"'),
    (8, 'attributes/missing', '{}'),
    (9, 'attributes/email.part', '{}'),
    (10, 'attributes/a..b', '{}'),
    (11, 'key', '["missing"]'),
    (12, 'key', '["order_id", "email"]'),
    (13, 'key', '["wide"]'),
    (14, 'lifecycle/governing', '"missing"'),
    (15, 'lifecycle/governing', '"twice"'),
    (16, 'lifecycle/governing', '"point"'),
    (17, 'lifecycle/governing', '"note"'),
    (18, 'lifecycle/governing', '"domained"'),
    (19, 'lifecycle/states/lost', '{"owner": "cart"}'),
    (20, 'lifecycle/states/gone', NULL),
    (21, 'lifecycle/states/cart/write', '{"twice": ["cart"], "missing": ["cart"], "since.x": ["cart"]}'),
    (22, 'lifecycle/transitions/cart -> paid/with_write', '["twice", "missing"]'),
    (23, 'lifecycle/transitions/cart -> paid/handoff', '[{"snapshot": ["missing", "price.net"]}, {"freeze": ["lines", "missing"]}]'),
    (24, 'lifecycle/invariants', '{"known": {"not_null": ["missing"], "except_in": ["lost"]}}'),
    (25, 'lifecycle/entered_at', '"email"'),
    (26, 'lifecycle/entered_at', '"moved"'),
    (27, 'lifecycle/contention/version/attribute', '"email"'),
    (28, 'lifecycle/contention/version/attribute', '"number"'),
    (29, 'lifecycle/contention/version', '{"attribute": "number"}'),
    (30, 'lifecycle/children/lines/via', '["line"]'),
    (31, 'lifecycle/children/lines/via', '["order_id", "line"]'),
    (32, 'lifecycle/children/lines/via', '["missing"]'),
    (33, 'lifecycle/children/lines/relation', '"shop.missing"'),
    (34, 'lifecycle/children/lines/relation', '"shop.seen"'),
    (35, 'lifecycle/children/price', '{"relation": "shop.pairs", "via": ["a"]}')
) c(n, place, value), findings(c.place, c.value) f
WHERE f.code NOT IN ('unreachable_state', 'dead_end', 're_entered', 'self_loop', 'volatile_default')
ORDER BY c.n, f.pointer, f.code;

SELECT f.code, f.message LIKE '% is temporary' AS temporary
FROM findings('relation', to_jsonb((SELECT nspname || '.passing' FROM pg_namespace WHERE oid = pg_my_temp_schema()))) f;

-- states in other types
CREATE FUNCTION states_as(governing text, VARIADIC names text[])
RETURNS TABLE (code text, pointer text, message text) LANGUAGE sql AS $$
    SELECT v.code, replace(v.pointer, '/contexts/shop/datasets/orders/lifecycle', '..'), v.message
    FROM spine.validate(changed('lifecycle', jsonb_build_object('governing', governing, 'states',
        (SELECT jsonb_object_agg(name, '{"initial": true, "terminal": true}'::jsonb) FROM unnest(names) name)))) v
    WHERE v.code IN ('bad_state_value', 'bad_governing_type', 'nullable_governing') ORDER BY 2
$$;
SELECT * FROM states_as('number', '0', '-7', '2147483647', '2147483648', '01', 'x', '1.0');
SELECT * FROM states_as('flag', 'true', 'false', 't', '1');
SELECT * FROM states_as('note', 'four', 'fiver');
SELECT * FROM states_as('domained', 'cart', 'trolley');

-- a key of two columns is matched in its own order
SELECT v.code, v.pointer, v.message FROM spine.validate('{"kind": "DataSpine", "apiVersion": "spine/v1",
  "parties": {"cart": {"kind": "service", "role": "regress_cart"}},
  "contexts": {"shop": {"owner": "cart", "datasets": {"pairs": {"relation": "shop.pairs", "lifecycle": {"governing": "c",
    "states": {"1": {"initial": true, "terminal": true}},
    "children": {"lines": {"relation": "shop.items", "via": ["name", "line"]},
                 "wrong": {"relation": "shop.keyless", "via": ["id", "status"]}}}}}}}}') v WHERE severity = 'error';
-- no key at all
SELECT v.code, v.pointer, v.message FROM spine.validate('{"kind": "DataSpine", "apiVersion": "spine/v1",
  "parties": {"cart": {"kind": "service", "role": "regress_cart"}},
  "contexts": {"shop": {"owner": "cart", "datasets": {"keyless": {"relation": "shop.keyless"}}}}}') v WHERE severity = 'error';

-- what a person should see
SELECT v.severity, v.code, v.pointer FROM spine.validate('{"kind": "DataSpine", "apiVersion": "spine/v1",
  "terms": {"pii": {"email": {}}},
  "contexts": {"shop": {"datasets": {
    "orders": {"relation": "shop.orders", "attributes": {"email": {"tags": ["pii:email"]}}},
    "idea": {}}}}}') v ORDER BY 3, 2;

-- off: the same about the relation, but nothing stops
SELECT f.severity, f.code FROM (SELECT jsonb_set(changed('enforcement', '"off"'), '{contexts,shop,datasets,orders,relation}', '"shop.missing"')) d(doc), spine.validate(doc) f;

-- large and deep
SELECT count(*) FROM spine.validate(changed('sot/rationale', to_jsonb(repeat('x', 5000000))));
SELECT count(*) FROM spine.validate(changed('description', to_jsonb(repeat('x', 5000000))));
SELECT v.severity, v.code, count(*), min(v.pointer) FROM spine.validate(changed('attributes',
    (SELECT jsonb_object_agg('a' || i, jsonb_build_object('description', repeat('y', 100))) FROM generate_series(1, 40000) i))) v GROUP BY 1, 2;
SELECT v.code, v.pointer FROM spine.validate((repeat('[', 1000) || repeat(']', 1000))::jsonb) v;
SELECT v.code, v.pointer FROM spine.validate(changed('description', (repeat('[', 1000) || repeat(']', 1000))::jsonb)) v;
SELECT count(*) FROM spine.validate(jsonb_set(base(), '{contracts}', (repeat('{"a":', 1000) || '1' || repeat('}', 1000))::jsonb));

-- who may ask
SET ROLE regress_idle;
SELECT * FROM spine.validate('{}');	-- fails
SELECT spine.spec_schema() ->> '$schema';
RESET ROLE;

-- the worked example has no error once its roles, its server and its tables
-- are there
CREATE ROLE regress_cart_service LOGIN;
CREATE ROLE regress_billing_service LOGIN;
CREATE ROLE regress_fulfilment_team;
CREATE ROLE regress_platform_team;
CREATE FOREIGN DATA WRAPPER regress_wrapper;
CREATE SERVER analytics FOREIGN DATA WRAPPER regress_wrapper;
DROP TABLE shop.orders, shop.items;
DROP TYPE shop.status CASCADE;
CREATE TYPE shop.status AS ENUM ('cart', 'payment_pending', 'paid', 'shipped', 'delivered', 'refunded');
CREATE TABLE shop.orders (
    order_id       bigint PRIMARY KEY,
    status         shop.status NOT NULL DEFAULT 'cart',
    total_price    jsonb,
    customer_email text,
    tracking_code  text,
    version        int NOT NULL DEFAULT 1,
    status_since   timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE shop.order_items (order_id bigint REFERENCES shop.orders, line int, PRIMARY KEY (order_id, line));
\set example `cat test/data/order.spec.json`
SELECT replace(:'example', '"role": "', '"role": "regress_') AS example \gset
SELECT severity, code, replace(pointer, '/contexts/order/datasets/orders/lifecycle', '..') AS pointer, message
FROM spine.validate(:'example') ORDER BY 1, 2, 3;
-- again with a status of type text
ALTER TABLE shop.orders ALTER status DROP DEFAULT, ALTER status TYPE text;
SELECT count(*) FROM spine.validate(:'example') WHERE severity = 'error';
-- and without its roles, server and tables
DROP TABLE shop.orders, shop.order_items;
DROP SERVER analytics;
DROP FOREIGN DATA WRAPPER regress_wrapper;
DROP ROLE regress_cart_service, regress_billing_service, regress_fulfilment_team,
    regress_platform_team;
SELECT severity, code, pointer, message FROM spine.validate(:'example') WHERE severity = 'error' ORDER BY 2, 3;

DROP SCHEMA shop CASCADE;
DROP FUNCTION base(), changed(text, jsonb), findings(text, jsonb), states_as(text, text[]);
