-- Copies with more columns than a function takes arguments: with a key, with
-- a filter, and without a key.
SET client_min_messages = error;
CREATE ROLE regress_owner;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}},
  "parties": {"owner": {"kind": "team", "role": "regress_owner"}}}') > 0 AS applied;
CREATE SCHEMA wide;
DO $$
DECLARE
    columns text := (SELECT string_agg(format('c%s int', i), ', ') FROM generate_series(1, 150) i);
BEGIN
    EXECUTE format('CREATE TABLE wide.item (id int PRIMARY KEY, %s)', columns);
    EXECUTE format('CREATE TABLE wide.same (id int PRIMARY KEY, %s)', columns);
    EXECUTE format('CREATE TABLE wide.part (id int PRIMARY KEY, %s)', columns);
    EXECUTE format('CREATE TABLE wide.bag (id int, %s)', columns);
END $$;
INSERT INTO wide.item (id, c1, c150) SELECT i, i, -i FROM generate_series(1, 500) i;
INSERT INTO wide.same TABLE wide.item;
INSERT INTO wide.part SELECT * FROM wide.item WHERE id > 100;
INSERT INTO wide.bag TABLE wide.item;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "contexts": {"wide": {"owner": "owner", "datasets": {"items":
  {"relation": "wide.item", "sot": {"store": "main"}, "enforcement": "observe", "replicas": {
    "same": {"store": "main", "locator": "wide.same", "flow": "etl"},
    "part": {"store": "main", "locator": "wide.part", "flow": "etl", "filter": "id > 100"},
    "bag": {"store": "main", "locator": "wide.bag", "flow": "etl"}}}}}}}') > 0 AS applied;
SELECT c, m, r.verdict, r.drifted FROM unnest(ARRAY['same', 'part', 'bag']) c, unnest(ARRAY['digest', 'rows', 'sample']) m,
  LATERAL spine.check_replica('wide.items.' || c, m) r ORDER BY 1, 2;
UPDATE wide.item SET c150 = 0 WHERE id = 200;
DELETE FROM wide.item WHERE id = 300;
INSERT INTO wide.item VALUES (501, 1);
SELECT c, m, r.verdict, r.drifted, r.method FROM unnest(ARRAY['same', 'part', 'bag']) c, unnest(ARRAY['digest', 'rows']) m,
  LATERAL spine.check_replica('wide.items.' || c, m) r ORDER BY 1, 2;
SELECT placement, key ->> 'id' AS id, kind, columns FROM spine.drift WHERE placement ~ 'wide' ORDER BY 1, 2, 3;
SELECT c, r.action, r.key ->> 'id' AS id, r.outcome FROM unnest(ARRAY['same', 'part', 'bag']) c, LATERAL spine.repair_replica('wide.items.' || c, false) r ORDER BY 1, 2, 3;
SELECT c, r.verdict FROM unnest(ARRAY['same', 'part', 'bag']) c, LATERAL spine.check_replica('wide.items.' || c) r ORDER BY 1;
SELECT spine.detach_all() >= 0 AS detached;
DROP SCHEMA wide CASCADE;
