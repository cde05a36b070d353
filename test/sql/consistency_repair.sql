-- Repair: confirmed drift becomes what the source says, and back again.
SET client_min_messages = warning;
CREATE ROLE regress_owner;
CREATE ROLE regress_keeper;
CREATE ROLE regress_stranger;
CREATE SCHEMA orders AUTHORIZATION regress_owner;
CREATE SCHEMA mart AUTHORIZATION regress_keeper;
GRANT USAGE ON SCHEMA orders, mart TO PUBLIC;
SET ROLE regress_owner;
CREATE TYPE orders.mood AS ENUM ('happy', 'it''s "odd"');
CREATE TABLE orders.item (id int PRIMARY KEY, name text, price numeric(10,2), state text NOT NULL DEFAULT 'open',
    raw bytea, doc jsonb, tags text[], at timestamptz, span interval, ratio float8, mood orders.mood);
CREATE TABLE orders.event (id int PRIMARY KEY, what text, n int, doc json);
CREATE TABLE orders.node (id int PRIMARY KEY, parent int);
GRANT SELECT ON ALL TABLES IN SCHEMA orders TO regress_keeper;
SET ROLE regress_keeper;
-- A copy with names and types of its own, a dropped column, and columns that only it has.
CREATE TABLE mart."Item ""x""" (gone int, "Item" bigint PRIMARY KEY, label varchar(40), cents bigint, loaded_at timestamptz DEFAULT '2020-01-01', note text DEFAULT 'fresh');
ALTER TABLE mart."Item ""x""" DROP COLUMN gone;
CREATE TABLE mart.plain (id int GENERATED ALWAYS AS IDENTITY, name text, price numeric(10,2), state text,
    raw bytea, doc jsonb, tags text[], at timestamptz, span interval, ratio float8, mood orders.mood,
    twice numeric GENERATED ALWAYS AS (price * 2) STORED, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE mart.plain_low PARTITION OF mart.plain FOR VALUES FROM (MINVALUE) TO (100);
CREATE TABLE mart.plain_high PARTITION OF mart.plain FOR VALUES FROM (100) TO (MAXVALUE);
CREATE TABLE mart.event (what text, n int, doc json);
CREATE TABLE mart.node (id int PRIMARY KEY, parent int REFERENCES mart.node);
CREATE TABLE mart.child (node int PRIMARY KEY REFERENCES mart.node);
CREATE TABLE mart.kept (id int PRIMARY KEY, name text);
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA mart TO regress_owner;
RESET ROLE;
CREATE FUNCTION document(repair jsonb DEFAULT '{}', sot jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('kind', 'DataSpine', 'apiVersion', 'spine/v1',
   'stores', '{"main": {"kind": "postgres"}, "away": {"kind": "other"}}'::jsonb,
   'parties', '{"owner": {"kind": "team", "role": "regress_owner"}, "keeper": {"kind": "team", "role": "regress_keeper"}}'::jsonb,
   'contexts', jsonb_build_object('orders', jsonb_build_object('owner', 'owner', 'datasets', jsonb_build_object(
     'items', jsonb_build_object('relation', 'orders.item', 'sot', '{"store": "main"}'::jsonb || sot, 'enforcement', 'enforce',
       'replicas', jsonb_build_object(
         'mart', jsonb_build_object('store', 'main', 'locator', 'mart."Item ""x"""', 'owner', 'keeper', 'flow', 'logical_replication', 'key', '["Item"]'::jsonb,
           'columns', '{"Item": "id", "label": "upper(name)", "cents": "(price * 100)::bigint"}'::jsonb, 'filter', 'state <> ''draft''', 'repair', repair),
         'plain', jsonb_build_object('store', 'main', 'locator', 'mart.plain', 'owner', 'keeper', 'flow', 'etl',
           'columns', '{"id": "id", "name": "name", "price": "price", "state": "state", "raw": "raw", "doc": "doc", "tags": "tags", "at": "at", "span": "span", "ratio": "ratio", "mood": "mood"}'::jsonb)),
       'snapshots', '{"kept": {"store": "main", "locator": "mart.kept", "owner": "keeper", "flow": "manual"}}'::jsonb),
     'events', '{"relation": "orders.event", "sot": {"store": "main"}, "enforcement": "enforce",
       "replicas": {"bag": {"store": "main", "locator": "mart.event", "owner": "keeper", "flow": "etl", "columns": {"what": "what", "n": "n", "doc": "doc"}},
                    "child": {"store": "main", "locator": "mart.child", "owner": "keeper", "flow": "etl", "columns": {"node": "id"}}}}'::jsonb,
     'nodes', '{"relation": "orders.node", "sot": {"store": "main"}, "enforcement": "enforce",
       "replicas": {"tree": {"store": "main", "locator": "mart.node", "owner": "keeper", "flow": "etl"}}}'::jsonb))))
$$;
SELECT spine.apply(document()) > 0 AS applied;
SET ROLE regress_owner;
INSERT INTO orders.item SELECT i, 'item ' || i, i / 4.0, CASE WHEN i % 10 = 0 THEN 'draft' ELSE 'open' END,
    decode(md5(i::text), 'hex'), jsonb_build_object('a', i, 'b', 'it''s \ ' || i), ARRAY['x', 'it''s', NULL, '{' || i], '2024-03-01 12:00:00.123456+02',
    '1 mon -3 days 04:05:06.7', 1 / 3.0::float8 * i, 'it''s "odd"' FROM generate_series(1, 200) i;
INSERT INTO orders.event SELECT i, 'e' || i % 5, i % 3, '{"a": 1.10}' FROM generate_series(1, 30) i;
INSERT INTO orders.node SELECT i, nullif(i / 2, 0) FROM generate_series(1, 15) i;
RESET ROLE;
-- What fills the copies is their flow; here it is a repair.
SELECT verdict, drifted FROM spine.check_replica('orders.items.mart');
SELECT verdict, drifted FROM spine.check_replica('orders.items.plain');
SELECT verdict, drifted FROM spine.check_replica('orders.events.bag');
SELECT verdict, drifted FROM spine.check_replica('orders.nodes.tree');

-- The guard lets nobody write the copy of a logical flow, but a repair.
SET ROLE regress_keeper;
INSERT INTO mart."Item ""x""" VALUES (1);
SELECT action, count(*), outcome FROM spine.repair_replica('orders.items.mart', dry_run => false) GROUP BY 1, 3;
SELECT action, count(*), outcome FROM spine.repair_replica('orders.items.plain', false) GROUP BY 1, 3;
SELECT action, count(*), outcome FROM spine.repair_replica('orders.events.bag', false) GROUP BY 1, 3;
-- Rows refer to one another: parents are tried again after them.
SELECT action, count(*), outcome FROM spine.repair_replica('orders.nodes.tree', false) GROUP BY 1, 3;
SELECT verdict, rows_sot, rows_replica, drifted FROM unnest(ARRAY['orders.items.mart', 'orders.items.plain', 'orders.events.bag', 'orders.nodes.tree']) p, spine.check_replica(p);
SELECT * FROM mart."Item ""x""" WHERE "Item" < 3;
SELECT count(*) FROM mart.plain JOIN orders.item USING (id, name, price, state, raw, doc, tags, at, span, ratio, mood) WHERE twice = 2 * price;
-- Nothing is left to do.
SELECT * FROM spine.repair_replica('orders.items.plain', false);

-- Each kind of drift, told exactly, and nothing done.
CREATE FUNCTION mart.disturb() RETURNS void LANGUAGE sql AS $$
  UPDATE mart.plain SET name = 'wrong', price = NULL WHERE id = 3;
  UPDATE mart.plain SET raw = '\x00ff', at = '1999-12-31 23:59:59.5 BC', span = '-1 year 2 days', ratio = 'NaN' WHERE id = 4;
  UPDATE mart.plain SET doc = NULL, tags = '{}' WHERE id = 150;
  DELETE FROM mart.plain WHERE id = 7;
  INSERT INTO mart.plain (id, name, ratio) OVERRIDING SYSTEM VALUE VALUES (1000, 'it''s \extra', '-0');
$$;
SELECT mart.disturb();
SELECT verdict, drifted FROM spine.check_replica('orders.items.plain');
SET timezone = 'Asia/Tokyo';
SET datestyle = 'SQL, DMY';
SET intervalstyle = 'sql_standard';
SET bytea_output = 'escape';
SET extra_float_digits = 0;
SET search_path = mart, orders;
SELECT action, key, columns, outcome, statement FROM spine.repair_replica('orders.items.plain') ORDER BY key;
SELECT count(*) FROM mart.plain WHERE name IN ('wrong', 'it''s \extra');
-- Executed: as many statements as rows, the same ones.
SET search_path = pg_catalog;
CREATE TABLE mart.statement (said text);
CREATE FUNCTION mart.count_statement() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO mart.statement VALUES (TG_OP); RETURN NULL; END $$;
CREATE TRIGGER statements AFTER INSERT OR UPDATE OR DELETE ON mart.plain FOR EACH STATEMENT EXECUTE FUNCTION mart.count_statement();
SELECT action, key, columns, outcome, statement IS NOT NULL AS said FROM spine.repair_replica('orders.items.plain', false) ORDER BY key;
SELECT said, count(*) FROM mart.statement GROUP BY 1 ORDER BY 1;
DROP TRIGGER statements ON mart.plain;
TRUNCATE mart.statement;
RESET timezone; RESET datestyle; RESET intervalstyle; RESET bytea_output; RESET extra_float_digits; RESET search_path;
SELECT verdict, drifted FROM spine.check_replica('orders.items.plain');
SELECT count(*) FROM mart.plain JOIN orders.item USING (id, name, price, state, raw, doc, tags, at, span, ratio, mood) WHERE twice = 2 * price;
RESET ROLE;
SELECT placement, actor, dry_run, by_policy, proposed, repaired, skipped, failed, outcome, verdict, undo_of, undone_run
  FROM spine.repair_log ORDER BY run_id;
SELECT dataset, action, key, via, detail - 'run' AS detail, old, new FROM spine.audit_log WHERE via = 'repair' AND detail ->> 'run' = (SELECT max(run_id)::text FROM spine.repair_run WHERE NOT dry_run);

-- Undone: rows are what they were, but those that changed since.
SET ROLE regress_keeper;
UPDATE mart.plain SET state = 'later' WHERE id = 4;
SELECT max(n) AS rows, count(old_row) AS old, count(new_row) AS new FROM spine.repair_rows(7);
SELECT * FROM spine.undo_repair(7);
SELECT id, name, price, doc, tags, ratio FROM mart.plain WHERE id IN (3, 4, 7, 150, 1000) ORDER BY id;
SELECT * FROM spine.undo_repair(7);
UPDATE mart.plain SET state = 'open' WHERE id = 4;
SELECT * FROM spine.undo_repair(7);
SELECT * FROM spine.undo_repair(7);
SELECT id, name, raw, at AT TIME ZONE 'UTC' AS at, span, ratio FROM mart.plain WHERE id = 4;
SELECT * FROM spine.undo_repair(8);
SELECT * FROM spine.undo_repair(6);
SELECT * FROM spine.undo_repair(999);
SELECT action, count(*), outcome FROM spine.repair_replica('orders.items.plain', false) GROUP BY 1, 3 ORDER BY 1;

-- A column that the repair does not know keeps its value, and a row of a
-- copy of a logical flow is restored with it.
RESET ROLE;
SET session_replication_role = replica;
ALTER TABLE mart."Item ""x""" DISABLE TRIGGER "~spine_replica";
UPDATE mart."Item ""x""" SET label = 'wrong', note = 'kept' WHERE "Item" = 1;
DELETE FROM mart."Item ""x""" WHERE "Item" = 2;
INSERT INTO mart."Item ""x""" VALUES (-1, 'extra', 1, NULL, 'own');
ALTER TABLE mart."Item ""x""" ENABLE ALWAYS TRIGGER "~spine_replica";
RESET session_replication_role;
SET ROLE regress_owner;
SELECT verdict, drifted FROM spine.check_replica('orders.items.mart');
SELECT action, key, columns, outcome, statement FROM spine.repair_replica('orders.items.mart', false) ORDER BY key;
SELECT * FROM mart."Item ""x""" WHERE "Item" < 3 ORDER BY 1;
RESET ROLE;
SELECT action, key, outcome FROM spine.undo_repair((SELECT max(run_id) FROM spine.repair_run WHERE placement = 'orders.items.mart' AND NOT dry_run));
SELECT * FROM mart."Item ""x""" WHERE "Item" < 3 ORDER BY 1;

-- Modes.
SELECT spine.apply(document('{"mode": "insert_only"}')) > 0 AS applied;
SELECT action, key, outcome FROM spine.repair_replica('orders.items.mart', false) ORDER BY 1;
SELECT spine.apply(document('{"mode": "upsert_only"}')) > 0 AS applied;
SELECT action, key, outcome FROM spine.repair_replica('orders.items.mart', false) ORDER BY 1;
SELECT spine.apply(document('{"mode": "full"}')) > 0 AS applied;
SELECT action, key, outcome FROM spine.repair_replica('orders.items.mart', false) ORDER BY 1;

-- Caps: all or nothing.
SET ROLE regress_keeper;
SELECT mart.disturb();
RESET ROLE;
SELECT verdict, drifted FROM spine.check_replica('orders.items.plain');
SELECT * FROM spine.repair_replica('orders.items.plain', false, 4);
SELECT * FROM spine.repair_replica('orders.items.plain', false, -1);
SELECT * FROM spine.repair_replica('orders.items.plain', NULL);
SELECT count(*) FROM spine.repair_replica('orders.items.plain', true, 4);
SET session_replication_role = replica;
ALTER TABLE mart."Item ""x""" DISABLE TRIGGER "~spine_replica";
UPDATE mart."Item ""x""" SET cents = 0 WHERE "Item" <= 10;
ALTER TABLE mart."Item ""x""" ENABLE ALWAYS TRIGGER "~spine_replica";
RESET session_replication_role;
SELECT verdict, drifted FROM spine.check_replica('orders.items.mart');
SELECT spine.apply(document('{"max_rows": 8, "policy": "auto"}')) > 0 AS applied;
SELECT * FROM spine.repair_replica('orders.items.mart', false, 100);
SELECT spine.apply(document('{"max_share": 0.04}')) > 0 AS applied;
SELECT * FROM spine.repair_replica('orders.items.mart', false);
SELECT spine.apply(document('{"max_share": 0.06, "max_rows": 9, "policy": "off"}')) > 0 AS applied;
SELECT * FROM spine.repair_replica('orders.items.mart', false);
SELECT count(*) FROM spine.repair_replica('orders.items.mart');
SELECT spine.apply(document('{"max_share": 0.06, "max_rows": 9}', '{"provisional": true}')) > 0 AS applied;
SELECT * FROM spine.repair_replica('orders.items.mart', false);
SELECT spine.apply(document('{"max_share": 0.06, "max_rows": 9}', '{"target": {"store": "away"}}')) > 0 AS applied;
SELECT * FROM spine.repair_replica('orders.items.mart', false);
SELECT spine.apply(document('{"max_share": 0.06, "max_rows": 9}')) > 0 AS applied;
SELECT count(*), outcome FROM spine.repair_replica('orders.items.mart', false) GROUP BY 2;

-- What changed since the drift was confirmed is left alone.
SET ROLE regress_owner;
UPDATE orders.item SET name = 'newer' WHERE id = 3;
SET ROLE regress_keeper;
UPDATE mart.plain SET doc = jsonb_build_object('a', 150, 'b', 'it''s \ 150'), tags = ARRAY['x', 'it''s', NULL, '{150'] WHERE id = 150;
UPDATE mart.plain SET name = 'more extra' WHERE id = 1000;
SELECT action, key, outcome FROM spine.repair_replica('orders.items.plain', false) ORDER BY 2;
SELECT verdict, drifted FROM spine.check_replica('orders.items.plain');
SELECT action, key, outcome FROM spine.repair_replica('orders.items.plain', false) ORDER BY 2;

-- Rows without a key: so many more or fewer of them, by place.
INSERT INTO mart.event SELECT 'e1', 1, '{"a": 1.10}' FROM generate_series(1, 3);
DELETE FROM mart.event WHERE ctid IN (SELECT ctid FROM mart.event WHERE what = 'e2' AND n = 2 LIMIT 1);
INSERT INTO mart.event VALUES (NULL, NULL, NULL), ('e3', 0, '{"a":1.10}');
SELECT verdict, drifted FROM spine.check_replica('orders.events.bag');
SELECT action, key, columns, outcome, statement FROM spine.repair_replica('orders.events.bag') ORDER BY key, statement;
SELECT action, key, outcome FROM spine.repair_replica('orders.events.bag', false) ORDER BY key;
SELECT what, n, count(*) FROM mart.event WHERE what IN ('e1', 'e2') OR what IS NULL GROUP BY 1, 2 ORDER BY 1, 2;
RESET ROLE;
SELECT action, outcome FROM spine.undo_repair((SELECT max(run_id) FROM spine.repair_run WHERE placement = 'orders.events.bag' AND NOT dry_run));
SELECT what, n, count(*) FROM mart.event WHERE what IN ('e1', 'e2') OR what IS NULL GROUP BY 1, 2 ORDER BY 1, 2;

-- Triggers of the copy: one that changes the row, one that keeps it as it is.
SET ROLE regress_keeper;
CREATE FUNCTION mart.meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN RETURN NULL; END IF;
    IF NEW.id = 3 THEN RETURN NULL; END IF;
    NEW.name := NEW.name || '!';
    RETURN NEW;
END $$;
SELECT mart.disturb();
SELECT verdict, drifted FROM spine.check_replica('orders.items.plain');
CREATE TRIGGER meddle BEFORE INSERT OR UPDATE OR DELETE ON mart.plain FOR EACH ROW EXECUTE FUNCTION mart.meddle();
SELECT action, key, outcome FROM spine.repair_replica('orders.items.plain', false) ORDER BY 2;
SELECT id, name FROM mart.plain WHERE id IN (3, 4, 7, 150, 1000) ORDER BY 1;
DROP TRIGGER meddle ON mart.plain;
CREATE FUNCTION mart.meddle_after() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() = 1 THEN UPDATE mart.plain SET name = name || '?' WHERE id = NEW.id; END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER meddle AFTER INSERT OR UPDATE ON mart.plain FOR EACH ROW EXECUTE FUNCTION mart.meddle_after();
SELECT action, key, outcome FROM spine.repair_replica('orders.items.plain', false) ORDER BY 2;
DROP TRIGGER meddle ON mart.plain;

-- A row that does not fit the copy fails alone.
ALTER TABLE mart.plain ADD CHECK (name <> 'item 7');
SELECT action, key, outcome FROM spine.repair_replica('orders.items.plain', false) ORDER BY 2;
ALTER TABLE mart.plain DROP CONSTRAINT plain_name_check;

-- Rows of other tables that would go along.
CREATE TABLE mart.leaf (id int PRIMARY KEY, node int REFERENCES mart.node ON DELETE CASCADE);
INSERT INTO mart.node VALUES (100, 1), (101, 100);
INSERT INTO mart.leaf VALUES (1, 101);
SELECT verdict, drifted FROM spine.check_replica('orders.nodes.tree');
SELECT action, key, outcome FROM spine.repair_replica('orders.nodes.tree', false) ORDER BY 2;
DELETE FROM mart.leaf;
SELECT action, key, outcome FROM spine.repair_replica('orders.nodes.tree', false) ORDER BY key;
DROP TABLE mart.leaf;

-- Who may, and what is refused.
SET ROLE regress_stranger;
SELECT * FROM spine.repair_replica('orders.items.plain');
SELECT * FROM spine.repair_replica('orders.items.nothing');
SELECT * FROM spine.undo_repair(7);
SELECT * FROM spine.repair_rows(7);
SELECT spine.forget_repairs(now());
SELECT count(*) FROM spine.repair_log;
SELECT count(*) FROM spine.repair_row;
RESET ROLE;
GRANT spine_steward TO regress_stranger;
SET ROLE regress_stranger;
SELECT count(*) > 0 AS runs FROM spine.repair_log;
SELECT count(*) FROM spine.repair_row;
SELECT count(*) FROM spine.repair_rows(7);
\set SHOW_CONTEXT never
SELECT * FROM spine.repair_replica('orders.items.plain');
\unset SHOW_CONTEXT
RESET ROLE;
REVOKE spine_steward FROM regress_stranger;
-- What must not be kept is not undone.
GRANT spine_admin TO regress_stranger;
SET ROLE regress_stranger;
DELETE FROM spine.repair_row;
SELECT spine.forget_repairs('-infinity');
SELECT spine.forget_repairs(started_at) AS forgotten FROM spine.repair_run WHERE run_id = 6;
SELECT count(*) FROM spine.undo_repair(1);
SELECT count(*) FROM spine.undo_repair(7);
SELECT dataset, action, via, detail ? 'before' AS before, detail ->> 'rows' AS rows FROM spine.audit_log WHERE action = 'retention';
RESET ROLE;
REVOKE spine_admin FROM regress_stranger;
SET ROLE regress_keeper;
SELECT mart.disturb();
SELECT verdict, drifted FROM spine.check_replica('orders.items.plain');
REVOKE DELETE ON mart.plain FROM regress_owner;
SET ROLE regress_owner;
SELECT action, key, outcome FROM spine.repair_replica('orders.items.plain', false) ORDER BY 2;
RESET ROLE;
SELECT * FROM spine.repair_replica('orders.items.kept');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM spine.repair_replica('orders.items.plain', false);
ROLLBACK;
BEGIN READ ONLY;
SELECT * FROM spine.repair_replica('orders.items.plain');
ROLLBACK;
ALTER TABLE mart.plain ENABLE ROW LEVEL SECURITY;
SET ROLE regress_owner;
SELECT * FROM spine.repair_replica('orders.items.plain');
RESET ROLE;
ALTER TABLE mart.plain DISABLE ROW LEVEL SECURITY;
-- A verdict that is not drift, and none.
UPDATE spine.check_log SET verdict = 'incomparable' WHERE run_id = (SELECT max(run_id) FROM spine.check_log WHERE placement = 'orders.items.plain');
SELECT * FROM spine.repair_replica('orders.items.plain', false);
DELETE FROM spine.check_log WHERE placement = 'orders.items.plain';
SELECT * FROM spine.repair_replica('orders.items.plain');

-- The shape of a side that is not what was checked.
SELECT verdict, drifted FROM spine.check_replica('orders.events.child');
ALTER TABLE mart.child ALTER COLUMN node TYPE bigint;
SELECT * FROM spine.repair_replica('orders.events.child', false);
SELECT verdict, drifted FROM spine.check_replica('orders.events.child');
SELECT count(*) FROM spine.repair_replica('orders.events.child');
-- What other nodes call is not for copies whose source is here.
SELECT * FROM spine.apply_repair(gen_random_uuid(), 'orders.events.child', 'mart.child', '{node}', '{node}', '[]');
SELECT * FROM spine.apply_repair(gen_random_uuid(), 'orders.events.child', 'mart.plain', '{node}', '{node}', '[]');
-- A copy that no document names: whoever may write it.
SET ROLE regress_keeper;
SELECT * FROM spine.apply_repair('5eed5eed-0000-4000-8000-000000000001', 'a.b.c', 'mart.statement', '{said}', '{said}', '[{"action": "insert", "key": {"said": "x"}, "columns": ["said"], "values": ["x"], "key_values": ["x"], "wanted": "no such digest", "have": 0}]', false);
SELECT n, outcome FROM spine.apply_repair('5eed5eed-0000-4000-8000-000000000002', 'a.b.c', 'mart.statement', '{said}', '{said}', jsonb_build_array(jsonb_build_object('action', 'insert', 'key', '{"said": "x"}'::jsonb, 'columns', '["said"]'::jsonb, 'values', '["x"]'::jsonb, 'key_values', '["x"]'::jsonb, 'wanted', spine.digest_row('x'::text), 'have', 0)), false);
SELECT action, key, outcome FROM spine.undo_repair('5eed5eed-0000-4000-8000-000000000002'::uuid);
SELECT count(*) FROM mart.statement WHERE said = 'x';
SELECT * FROM spine.undo_repair('5eed5eed-0000-4000-8000-00000000000f'::uuid);
SET ROLE regress_stranger;
SELECT * FROM spine.apply_repair(gen_random_uuid(), 'a.b.c', 'mart.statement', '{said}', '{said}', '[]');
SELECT * FROM spine.undo_repair('5eed5eed-0000-4000-8000-000000000002'::uuid);
RESET ROLE;
-- A copy that is not here of a dataset that is: not everybody may have its journal and its audit log say so.
CREATE TABLE mart.loose (said text PRIMARY KEY);
GRANT ALL ON mart.loose TO regress_stranger;
SET ROLE regress_stranger;
SELECT * FROM spine.apply_repair(gen_random_uuid(), 'orders.events.nowhere', 'mart.loose', '{said}', '{said}', jsonb_build_array(jsonb_build_object('action', 'insert', 'key', '{"node": 1}'::jsonb, 'columns', '["said"]'::jsonb, 'values', '["x"]'::jsonb, 'key_values', '["x"]'::jsonb, 'wanted', spine.digest_row('x'::text), 'have', 0)), false);
RESET ROLE;
SELECT count(*) FROM spine.repair_log WHERE placement = 'orders.events.nowhere';
DROP TABLE mart.loose;
-- What is malformed.
SELECT ops, (SELECT outcome FROM spine.apply_repair(gen_random_uuid(), 'a.b.c', 'mart.statement', '{said}', '{said}', ops, false)) FROM (VALUES ('[]'::jsonb)) v(ops);
SELECT * FROM spine.apply_repair(gen_random_uuid(), 'a.b', 'mart.statement', '{said}', '{said}', '[]');
SELECT * FROM spine.apply_repair(gen_random_uuid(), 'a.b.c', 'mart.nothing', '{said}', '{said}', '[]');
SELECT * FROM spine.apply_repair(gen_random_uuid(), 'a.b.c', 'mart.statement', '{}', '{said}', '[]');
SELECT * FROM spine.apply_repair(gen_random_uuid(), 'a.b.c', 'mart.statement', '{said}', '{said}', '{}');
SELECT * FROM spine.apply_repair(gen_random_uuid(), 'a.b.c', 'mart.statement', '{said}', '{said}', '[1]');
SELECT * FROM spine.apply_repair(gen_random_uuid(), 'a.b.c', 'mart.statement', '{said}', '{said}', '[{"action": "drop", "key": {}, "columns": [], "values": [], "key_values": []}]');
SELECT * FROM spine.apply_repair(gen_random_uuid(), 'a.b.c', 'mart.statement', '{said}', '{said}', '[{"action": "insert", "key": {}, "columns": ["ctid"], "values": ["x"], "key_values": ["x"], "wanted": "x"}]');
SELECT * FROM spine.apply_repair(gen_random_uuid(), 'a.b.c', 'mart.statement', '{said}', '{said}', '[{"action": "update", "key": {}, "columns": ["said"], "values": ["x"], "key_values": ["x"], "wanted": "x"}]');
SELECT * FROM spine.apply_repair(gen_random_uuid(), 'a.b.c', 'mart.statement', '{said}', '{said}', '[{"action": "delete", "key": {}, "columns": [], "values": [], "key_values": [], "seen": "x"}]');
SELECT * FROM spine.apply_repair(gen_random_uuid(), 'a.b.c', 'mart.statement', '{nothing}', '{said}', '[{"action": "delete", "key": {}, "columns": [], "values": [], "key_values": ["x"], "seen": "x"}]');

-- Copies that refer to one another, children given first.
SELECT * FROM spine.repair_order(ARRAY['no.such.copy', 'orders.events.child', 'orders.nodes.tree', 'orders.items.mart']);
-- Rows that were kept go back where they came from, whatever the document says now.
CREATE TABLE mart.elsewhere (LIKE mart."Item ""x""" INCLUDING ALL);
SELECT spine.apply(jsonb_set(spine.export(), '{contexts,orders,datasets,items,replicas,mart,locator}', '"mart.elsewhere"')) > 0 AS applied;
SELECT * FROM spine.undo_repair((SELECT max(run_id) FROM spine.repair_run WHERE placement = 'orders.items.mart' AND NOT dry_run AND undo_of IS NULL));
SELECT spine.detach_all() >= 0 AS detached;
DROP SCHEMA orders, mart CASCADE;
DROP FUNCTION document;
