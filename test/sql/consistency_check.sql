-- check_replica: copies that are stored here, compared with their source.
-- Not about the migration gate.
SELECT spine.set_level('', 'NONE') \gset
SET client_min_messages = warning;
CREATE ROLE regress_owner;
CREATE ROLE regress_keeper;
CREATE ROLE regress_stranger;
GRANT CREATE ON DATABASE :"DBNAME" TO regress_owner;
CREATE SCHEMA orders AUTHORIZATION regress_owner;
CREATE SCHEMA mart AUTHORIZATION regress_keeper;
GRANT USAGE ON SCHEMA orders, mart TO PUBLIC;
SET ROLE regress_owner;
CREATE TABLE orders.item (id int PRIMARY KEY, name text, price numeric(10,2), state text NOT NULL DEFAULT 'open', paid_at timestamptz);
GRANT SELECT ON orders.item TO regress_keeper;
SET ROLE regress_keeper;
CREATE TABLE mart.item (item bigint PRIMARY KEY, label text, cents bigint, loaded_at timestamptz);
CREATE TABLE mart.plain (id int PRIMARY KEY, name text, price numeric, state text, paid_at timestamptz);
CREATE TABLE mart.bag (LIKE mart.plain);
CREATE TABLE mart.kept (id int PRIMARY KEY, name text);
GRANT SELECT ON ALL TABLES IN SCHEMA mart TO regress_owner;
RESET ROLE;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1",
  "stores": {"main": {"kind": "postgres"}, "away": {"kind": "other"}},
  "parties": {"owner": {"kind": "team", "role": "regress_owner"}, "keeper": {"kind": "team", "role": "regress_keeper"}},
  "contexts": {"orders": {"owner": "owner", "datasets": {"items": {"relation": "orders.item", "sot": {"store": "main"},
    "enforcement": "observe",
    "replicas": {
      "mart": {"store": "main", "locator": "mart.item", "owner": "keeper", "flow": "etl", "key": ["item"],
               "columns": {"item": "id", "label": "upper(name)", "cents": "(price * 100)::bigint"},
               "filter": "state <> ''draft''", "validate": {"mode": "digest", "share": 0.5}},
      "plain": {"store": "main", "locator": "mart.plain", "owner": "keeper", "flow": "etl", "max_lag": "PT1H"},
      "bag": {"store": "main", "locator": "mart.bag", "owner": "keeper", "flow": "etl", "max_lag": "PT1H"},
      "far": {"store": "away", "locator": "somewhere"}},
    "snapshots": {"kept": {"store": "main", "locator": "mart.kept", "owner": "keeper", "flow": "manual"}}}}}}}') > 0 AS applied;
SET ROLE regress_owner;
INSERT INTO orders.item SELECT i, 'item ' || i, i / 4.0, CASE WHEN i % 10 = 0 THEN 'draft' ELSE 'open' END FROM generate_series(1, 2000) i;
SET ROLE regress_keeper;
INSERT INTO mart.item SELECT id, upper(name), price * 100 FROM orders.item WHERE state <> 'draft';
INSERT INTO mart.plain SELECT id, name, price, state, paid_at FROM orders.item;
INSERT INTO mart.bag SELECT * FROM mart.plain;
INSERT INTO mart.kept SELECT id, name FROM orders.item WHERE id < 10;

-- Equal, in each mode.
SELECT run_id, verdict, rows_sot, rows_replica, drifted, lag, method, as_of_lsn IS NOT NULL AS as_of
  FROM unnest(ARRAY['count', 'sample', 'digest', 'rows']) m, spine.check_replica('orders.items.mart', m)
 WHERE m <> 'sample';
SELECT verdict, rows_sot BETWEEN 700 AND 1100 AS about_half, rows_sot = rows_replica AS same FROM spine.check_replica('orders.items.mart', 'sample');
SELECT verdict, rows_sot FROM spine.check_replica('orders.items.plain');

-- Missing, extra, changed; without a bound for lag each is drift at once.
DELETE FROM mart.item WHERE item = 3;
INSERT INTO mart.item VALUES (10, 'never', 1), (-1, NULL, NULL);
UPDATE mart.item SET cents = cents + 1 WHERE item = 7;
UPDATE mart.item SET label = NULL WHERE item = 8;
UPDATE mart.item SET loaded_at = now() WHERE item = 9;
SELECT verdict, rows_sot, rows_replica, drifted FROM spine.check_replica('orders.items.mart');
SELECT verdict, drifted FROM spine.check_replica('orders.items.mart', 'rows');
SELECT verdict, drifted FROM spine.check_replica('orders.items.mart', 'count');
RESET ROLE;
SELECT placement, key, kind, columns, confirmed_at IS NOT NULL AS confirmed, first_run, last_run FROM spine.drift ORDER BY key;
SELECT placement, kind, last_mode, verdict, last_proof IS NOT NULL AS proved, drift_open, suspects FROM spine.consistency ORDER BY 1;

-- Closed by a proof alone.
SET ROLE regress_keeper;
DELETE FROM mart.item WHERE item IN (10, -1);
INSERT INTO mart.item SELECT id, upper(name), price * 100 FROM orders.item WHERE id = 3;
UPDATE mart.item SET cents = cents - 1 WHERE item = 7;
SELECT verdict FROM spine.check_replica('orders.items.mart', 'count');
SELECT verdict, drifted FROM spine.check_replica('orders.items.mart');
UPDATE mart.item SET label = 'ITEM 8' WHERE item = 8;
SELECT verdict, drifted FROM spine.check_replica('orders.items.mart');
RESET ROLE;
SELECT key, kind, closed_run IS NOT NULL AS closed FROM spine.drift_log ORDER BY key;

-- With a bound a difference is a suspect until the same version of the row has
-- been different for so long.
SET ROLE regress_owner;
UPDATE orders.item SET name = 'renamed' WHERE id = 5;
SELECT verdict, drifted FROM spine.check_replica('orders.items.plain');
SELECT verdict, drifted FROM spine.check_replica('orders.items.plain');
RESET ROLE;
SELECT key, kind, columns, confirmed_at IS NOT NULL AS confirmed FROM spine.drift;
UPDATE spine.drift_log SET first_seen = first_seen - interval '2 hours' WHERE closed_at IS NULL;
SET ROLE regress_owner;
UPDATE orders.item SET name = 'renamed again' WHERE id = 5;
SELECT verdict FROM spine.check_replica('orders.items.plain');
RESET ROLE;
UPDATE spine.drift_log SET first_seen = first_seen - interval '2 hours' WHERE closed_at IS NULL;
SELECT verdict FROM spine.check_replica('orders.items.plain');
SELECT key, kind, columns, confirmed_at IS NOT NULL AS confirmed FROM spine.drift;

-- An extra row is told by the copy's version.
SET ROLE regress_keeper;
UPDATE mart.plain SET name = 'renamed again' WHERE id = 5;
INSERT INTO mart.plain VALUES (9999, 'extra');
SELECT verdict, drifted FROM spine.check_replica('orders.items.plain');
RESET ROLE;
UPDATE spine.drift_log SET first_seen = first_seen - interval '2 hours' WHERE closed_at IS NULL;
SET ROLE regress_keeper;
UPDATE mart.plain SET state = 'written anew' WHERE id = 9999;
SELECT verdict FROM spine.check_replica('orders.items.plain');
RESET ROLE;
UPDATE spine.drift_log SET first_seen = first_seen - interval '2 hours' WHERE closed_at IS NULL;
SELECT verdict FROM spine.check_replica('orders.items.plain');

-- Without a key the whole row is one; rows that are there twice count twice.
SET ROLE regress_keeper;
INSERT INTO mart.bag SELECT * FROM mart.bag WHERE id = 6;
SELECT verdict, rows_sot, rows_replica, drifted FROM spine.check_replica('orders.items.bag', 'rows');
SELECT verdict, drifted FROM spine.check_replica('orders.items.bag');
RESET ROLE;
SELECT key ->> 'id' AS id, key ->> 'name' AS name, kind, columns FROM spine.drift WHERE placement = 'orders.items.bag' ORDER BY 1, 2;

-- A snapshot is compared with itself.
SET ROLE regress_keeper;
SELECT verdict, rows_replica FROM spine.check_replica('orders.items.kept');
SELECT verdict FROM spine.check_replica('orders.items.kept');
UPDATE mart.kept SET name = 'touched' WHERE id = 1;
SELECT verdict FROM spine.check_replica('orders.items.kept');

-- Keys of fixed width, and keys whose types differ: one side's value need not
-- be one of the other's.
RESET ROLE;
CREATE SCHEMA keys;
CREATE TYPE keys.code AS ENUM ('ab', 'cd');
CREATE TABLE keys.fixed (id char(3) PRIMARY KEY, name text);
CREATE TABLE keys.fixed_copy (id char(3) PRIMARY KEY, name text);
CREATE TABLE keys.small (id smallint PRIMARY KEY, name text);
CREATE TABLE keys.small_copy (id bigint PRIMARY KEY, name text);
CREATE TABLE keys.whole (id int PRIMARY KEY, name text);
CREATE TABLE keys.whole_copy (id numeric PRIMARY KEY, name text);
CREATE TABLE keys.label (id keys.code PRIMARY KEY, name text);
CREATE TABLE keys.label_copy (id text PRIMARY KEY, name text);
INSERT INTO keys.fixed VALUES ('abc', 'a'), ('bcd', 'b'), ('e', 'c');
INSERT INTO keys.fixed_copy VALUES ('abc', 'x'), ('bcx', 'b'), ('e', 'c');
INSERT INTO keys.small VALUES (1, 'a');
INSERT INTO keys.small_copy VALUES (1, 'b'), (100000, 'c');
INSERT INTO keys.whole VALUES (1, 'a');
INSERT INTO keys.whole_copy VALUES (1.5, 'b');
INSERT INTO keys.label VALUES ('ab', 'a');
INSERT INTO keys.label_copy VALUES ('xy', 'b');
SELECT spine.apply(format('{"kind": "DataSpine", "apiVersion": "spine/v1", "contexts": {"keys": {"owner": "owner", "datasets": {%s}}}}',
  (SELECT string_agg(format('"%1$s": {"relation": "keys.%1$s", "sot": {"store": "main"}, "enforcement": "observe",
    "replicas": {"copy": {"store": "main", "locator": "keys.%1$s_copy", "flow": "etl"}}}', t), ',')
     FROM unnest(ARRAY['fixed', 'small', 'whole', 'label']) t))::jsonb) > 0 AS applied;
SELECT t, c.verdict, c.drifted FROM unnest(ARRAY['fixed', 'small', 'whole', 'label']) WITH ORDINALITY u(t, n),
  LATERAL spine.check_replica(format('keys.%s.copy', t)) c ORDER BY n;
SELECT placement, key, kind FROM spine.drift WHERE placement LIKE 'keys.%' ORDER BY placement, key, kind;
SELECT action, key, outcome FROM spine.repair_replica('keys.fixed.copy', false);
SELECT verdict, drifted FROM spine.check_replica('keys.fixed.copy');
SET ROLE regress_keeper;

-- What cannot be compared, and who may not ask.
ALTER TABLE mart.plain ADD COLUMN own text;
SELECT verdict, rows_sot FROM spine.check_replica('orders.items.plain');
RESET ROLE;
SELECT verdict, why FROM spine.check_log ORDER BY run_id DESC LIMIT 1;
SELECT verdict, rows_sot FROM spine.check_replica('orders.items.far');
SELECT why FROM spine.check_log ORDER BY run_id DESC LIMIT 1;
SELECT * FROM spine.check_replica('orders.items.nothing');
SELECT * FROM spine.check_replica('orders');
SELECT * FROM spine.check_replica('orders.items.mart', 'guess');
SET ROLE regress_stranger;
SELECT * FROM spine.check_replica('orders.items.mart');
SELECT count(*) FROM spine.drift;
SET ROLE regress_keeper;
REVOKE SELECT ON mart.item FROM regress_owner;
SET ROLE regress_owner;
SELECT * FROM spine.check_replica('orders.items.mart');
RESET ROLE;
ALTER TABLE orders.item ENABLE ROW LEVEL SECURITY;
SET ROLE regress_keeper;
SELECT * FROM spine.check_replica('orders.items.mart');
RESET ROLE;
ALTER TABLE orders.item DISABLE ROW LEVEL SECURITY;
BEGIN READ ONLY;
SELECT * FROM spine.check_replica('orders.items.mart');
ROLLBACK;
SELECT spine.detach_all() >= 0 AS detached;
DROP SCHEMA orders, mart, keys CASCADE;
REVOKE CREATE ON DATABASE :"DBNAME" FROM regress_owner;
