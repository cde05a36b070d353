-- Drift of copies whose policy is auto is repaired by the job: once, as the
-- copy's owner, in the order of foreign keys, within the caps.
SET client_min_messages = error;
CREATE ROLE regress_owner;
CREATE ROLE regress_keeper;
GRANT CREATE ON DATABASE :"DBNAME" TO regress_owner;
CREATE SCHEMA shop AUTHORIZATION regress_owner;
CREATE SCHEMA mart AUTHORIZATION regress_keeper;
GRANT USAGE ON SCHEMA shop, mart TO PUBLIC;
SET ROLE regress_owner;
CREATE TABLE shop.orders (id int PRIMARY KEY, name text);
CREATE TABLE shop.item (id int PRIMARY KEY, orders int NOT NULL, name text);
INSERT INTO shop.orders SELECT i, 'order ' || i FROM generate_series(1, 50) i;
INSERT INTO shop.item SELECT i, 1 + i % 50, 'item ' || i FROM generate_series(1, 100) i;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO regress_keeper;
SET ROLE regress_keeper;
CREATE TABLE mart.orders (id int PRIMARY KEY, name text);
CREATE TABLE mart.item (id int PRIMARY KEY, orders int NOT NULL REFERENCES mart.orders, name text);
CREATE TABLE mart.proposed (id int PRIMARY KEY, name text);
CREATE TABLE mart.log (who name);
INSERT INTO mart.orders TABLE shop.orders;
INSERT INTO mart.item TABLE shop.item;
INSERT INTO mart.proposed TABLE shop.orders;
CREATE FUNCTION mart.note() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN INSERT INTO mart.log VALUES (current_user); RETURN NULL; END$$;
CREATE TRIGGER note AFTER UPDATE ON mart.item EXECUTE FUNCTION mart.note();
RESET ROLE;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}},
  "parties": {"owner": {"kind": "team", "role": "regress_owner"}, "keeper": {"kind": "team", "role": "regress_keeper"}},
  "contexts": {"shop": {"owner": "owner", "datasets": {
    "orders": {"relation": "shop.orders", "sot": {"store": "main"}, "enforcement": "observe", "replicas": {
      "mart": {"store": "main", "locator": "mart.orders", "owner": "keeper", "flow": "etl", "validate": {"mode": "digest"},
               "repair": {"policy": "auto", "max_rows": 10, "max_share": 1}},
      "proposed": {"store": "main", "locator": "mart.proposed", "owner": "keeper", "flow": "etl", "validate": {"mode": "digest"},
               "repair": {"policy": "propose"}}}},
    "items": {"relation": "shop.item", "sot": {"store": "main"}, "enforcement": "observe", "replicas": {
      "mart": {"store": "main", "locator": "mart.item", "owner": "keeper", "flow": "etl", "validate": {"mode": "digest"},
               "repair": {"policy": "auto", "max_rows": 10, "max_share": 1}}}}}}}}') > 0 AS applied;
CALL spine.run_jobs('check_replicas');
SELECT placement, verdict FROM spine.consistency ORDER BY 1;

-- A new order with its item is missing; an old one with its items is extra.
SET ROLE regress_owner;
INSERT INTO shop.orders VALUES (51, 'order 51');
INSERT INTO shop.item VALUES (101, 51, 'item 101');
DELETE FROM shop.item WHERE orders = 7;
DELETE FROM shop.orders WHERE id = 7;
UPDATE shop.item SET name = 'renamed' WHERE id = 3;
RESET ROLE;
SELECT spine.request_check(p) FROM unnest(ARRAY['shop.orders.mart', 'shop.orders.proposed', 'shop.items.mart']) p;
CALL spine.run_jobs('check_replicas');
SELECT placement, verdict, drift_open FROM spine.consistency ORDER BY 1;
CALL spine.run_jobs('repair_replicas');
SELECT placement, verdict, drift_open FROM spine.consistency ORDER BY 1;
SELECT placement, by_policy, actor, proposed, repaired, verdict FROM spine.repair_log ORDER BY run_id;
SELECT DISTINCT who FROM mart.log;
SELECT (SELECT count(*) FROM mart.item) = (SELECT count(*) FROM shop.item) AS same, count(*) FROM mart.orders;

-- Over the cap it is not repaired, but told of; once.
SET ROLE regress_keeper;
UPDATE mart.item SET name = 'lost' WHERE id < 20;
SELECT spine.request_check('shop.items.mart');
RESET ROLE;
CALL spine.run_jobs('check_replicas');
CALL spine.run_jobs('repair_replicas');
CALL spine.run_jobs('watch_replicas');
SELECT kind, rule, detail - 'run_id' AS detail FROM spine.open_alerts ORDER BY kind, rule;
SELECT count(*) AS runs FROM spine.repair_log \gset
CALL spine.run_jobs('repair_replicas');
SELECT count(*) = :runs AS tried_once FROM spine.repair_log;
SET ROLE regress_keeper;
UPDATE mart.item SET name = 'item ' || id WHERE name = 'lost' AND id <> 3;
UPDATE mart.item SET name = 'renamed' WHERE id = 3;
SELECT spine.request_check('shop.items.mart');
RESET ROLE;
CALL spine.run_jobs('check_replicas');
CALL spine.run_jobs('watch_replicas');
SELECT kind, rule FROM spine.open_alerts ORDER BY kind, rule;

-- Once a week page caches are compared with all rows.
SELECT count(*) AS due FROM spine.check_state WHERE scrubbed_at IS NOT NULL;
UPDATE spine.check_state SET seen_at = seen_at - interval '8 days' WHERE placement <> 'shop.orders.proposed';
CALL spine.run_jobs('scrub_copies');
SELECT placement, scrubbed_at IS NOT NULL AS scrubbed FROM spine.check_state ORDER BY 1;
CALL spine.run_jobs('scrub_copies');
