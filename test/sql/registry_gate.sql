-- The migration gate: what breaks the level of a dataset does not commit.
SET client_min_messages = warning;
SET spine.migration_gate = on;
CREATE ROLE regress_owner; CREATE ROLE regress_delegate; CREATE ROLE regress_stranger; CREATE ROLE regress_consumer;
GRANT CREATE ON DATABASE :"DBNAME" TO regress_owner;
CREATE SCHEMA shop AUTHORIZATION regress_owner;
SET ROLE regress_owner;
CREATE TYPE shop.state AS ENUM ('open', 'paid');
CREATE TABLE shop.orders (id int PRIMARY KEY, state shop.state NOT NULL DEFAULT 'open', note varchar(20), total numeric(10,2));
CREATE VIEW shop.seen AS SELECT id, note FROM shop.orders;
RESET ROLE;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}, "away": {"kind": "warehouse"}},
  "parties": {"owner": {"kind": "team", "role": "regress_owner"}, "delegate": {"kind": "team", "role": "regress_delegate"},
              "consumer": {"kind": "team", "role": "regress_consumer"}},
  "contexts": {"shop": {"owner": "owner", "datasets": {"orders": {"relation": "shop.orders", "sot": {"store": "main"},
    "delegates": {"delegate": ["schema_change"]}, "consumers": {"consumer": {}},
    "replicas": {"mart": {"store": "away", "locator": "orders"}}}}}}}') > 0 AS applied;

-- What a restore adds to a table behind its guard passes until there is a version; no more then.
ALTER TABLE shop.orders ADD CONSTRAINT early CHECK (id > 0);
SELECT count(*) FROM spine.subject_version;
ALTER TABLE shop.orders DROP CONSTRAINT early;
ALTER TABLE shop.orders ADD COLUMN first int;

-- Refused, with who is affected and what to do; nothing has changed.  Nobody is exempt.
ALTER TABLE shop.orders ADD COLUMN needed int NOT NULL;
ALTER TABLE shop.orders ALTER COLUMN total TYPE numeric(12,2);
ALTER TABLE shop.orders ALTER COLUMN note SET NOT NULL;
ALTER TYPE shop.state ADD VALUE 'gone';
ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON shop.orders USING (true);
ALTER TABLE shop.orders ADD CHECK (total > 0);
SELECT spine.table_schema('shop.orders') -> 'columns' -> 'note' ->> 'not_null' AS not_null, count(*) FROM spine.subject_version GROUP BY 1;

-- What everybody can live with passes, and is a version.
ALTER TABLE shop.orders ADD COLUMN extra int;
ALTER TABLE shop.orders ALTER COLUMN extra SET DEFAULT 1;
COMMENT ON TABLE shop.orders IS 'passes';
CREATE INDEX ON shop.orders (note);
SELECT subject, version, semver, origin, metadata FROM spine.subject_version ORDER BY version;
SELECT version, kind, path FROM spine.schema_changelog ORDER BY 1, 2;

-- The net change of the transaction counts.
BEGIN;
ALTER TABLE shop.orders ADD CHECK (total > 0);
ALTER TABLE shop.orders DROP CONSTRAINT orders_total_check;
COMMIT;
BEGIN;
ALTER TABLE shop.orders ADD CHECK (total > 0);
COMMIT;
SELECT count(*) FROM pg_constraint WHERE conname = 'orders_total_check';
DO $$ BEGIN
  ALTER TABLE shop.orders ADD CHECK (total > 0);
  ALTER TABLE shop.orders DROP CONSTRAINT orders_total_check;
END $$;
BEGIN;
SAVEPOINT s;
ALTER TABLE shop.orders ADD CHECK (total > 0);
ROLLBACK TO s;
ALTER TABLE shop.orders ADD COLUMN other text;
COMMIT;

-- An approval by the owner or a delegate, for a while, of some changes.
SELECT spine.approve_migration('shop.orders', 'none of my business', now() + '1 hour');
SET ROLE regress_stranger;
SELECT spine.approve_migration('shop.orders', 'mine', now() + '1 hour');
SET ROLE regress_delegate;
SELECT spine.approve_migration('shop.orders', ' ', now() + '1 hour');
SELECT spine.approve_migration('shop.orders', 'late', now() - interval '1 hour');
SELECT spine.approve_migration('shop.nothing', 'x', now() + '1 hour');
SELECT spine.approve_migration('shop.orders', 'totals are checked', now() + '1 hour', ARRAY['CONSTRAINT_ADDED']) AS approval \gset
RESET ROLE;
ALTER TABLE shop.orders ADD CHECK (total > 0);
ALTER TABLE shop.orders ALTER COLUMN total TYPE numeric(12,2);
SET ROLE regress_owner;
SELECT spine.revoke_migration(:approval), spine.revoke_migration(:approval);
RESET ROLE;
ALTER TABLE shop.orders ADD CHECK (total < 1000);
SELECT dataset, action, actor, detail FROM spine.audit_log WHERE action LIKE '%migration%' AND detail IS NOT NULL ORDER BY at, n;

-- A rename with a view under the old name; without one.
ALTER TABLE shop.orders RENAME TO orders_v2;
BEGIN;
ALTER TABLE shop.orders RENAME TO orders_v2;
CREATE VIEW shop.orders AS SELECT * FROM shop.orders_v2;
COMMIT;
SELECT relation FROM spine.dataset;
SELECT metadata FROM spine.get_subject('shop.orders');
DROP TABLE shop.orders_v2 CASCADE;

-- Levels are the subject's; observe records, off looks away.
SET ROLE regress_owner;
SELECT spine.set_level('shop.orders', 'BACKWARD');
RESET ROLE;
ALTER TABLE shop.orders_v2 ADD COLUMN late int;
ALTER TABLE shop.orders_v2 ALTER COLUMN late TYPE bigint;
ALTER TABLE shop.orders_v2 ALTER COLUMN late TYPE int;
SELECT spine.apply(jsonb_set(spine.export(), '{contexts,shop,datasets,orders,enforcement}', '"observe"')) > 0 AS applied;
ALTER TABLE shop.orders_v2 ALTER COLUMN other SET NOT NULL;
SELECT dataset, action, attribute, sqlstate, rule, mode FROM spine.denied WHERE action = 'migration';
SELECT version, semver FROM spine.subject_version WHERE subject = 'shop.orders' ORDER BY 1;

-- What a command takes along; children, domains, partitions and odd names.
CREATE TABLE shop.target (id int PRIMARY KEY);
CREATE DOMAIN shop."wo rd" AS text;
CREATE TABLE shop."He ads" (id int PRIMARY KEY REFERENCES shop.target, w shop."wo rd"[], state text NOT NULL) PARTITION BY RANGE (id);
CREATE TABLE shop.part PARTITION OF shop."He ads" FOR VALUES FROM (0) TO (10);
CREATE TABLE shop.line (head int, n int, PRIMARY KEY (head, n), FOREIGN KEY (head) REFERENCES shop."He ads");
SELECT spine.apply(jsonb_set(spine.export(), '{contexts,shop,datasets,He ads}', '{"relation": "shop.\"He ads\"", "sot": {"store": "main"},
  "lifecycle": {"governing": "state", "states": {"new": {"initial": true, "owner": "owner", "write": {"*": ["owner"]}}},
    "children": {"lines": {"relation": "shop.line", "via": ["head"], "write": {"new": ["owner"]}}}}}')) > 0 AS applied;
ALTER TABLE shop.target DROP CONSTRAINT target_pkey CASCADE;
DROP TABLE shop.target CASCADE;
ALTER DOMAIN shop."wo rd" ADD CHECK (VALUE <> '') NOT VALID;
DROP DOMAIN shop."wo rd" CASCADE;
ALTER TABLE shop.line ALTER COLUMN n TYPE smallint;
ALTER TABLE shop.part ADD CHECK (id <> 5);
ALTER SCHEMA shop RENAME TO shop2;
ALTER TABLE shop."He ads" ADD COLUMN "ex tra" int;
SELECT detail FROM spine.health() WHERE check_name = 'shapes';
CALL spine.run_jobs('table_shapes');
CALL spine.run_jobs('table_shapes');
SELECT subject, version, origin FROM spine.subject_version WHERE subject LIKE '%He%' ORDER BY 1, 2;
SELECT detail, hint FROM spine.health() WHERE check_name = 'shapes';
-- Nobody's business: tables of others, of the session, of extensions.
ALTER TABLE shop.target ADD COLUMN x int NOT NULL, ADD CHECK (x > 0);
CREATE TEMP TABLE orders (id int);
ALTER TABLE orders RENAME id TO no;
DROP TABLE orders;

SELECT spine.detach_all() >= 0 AS detached;
DROP SCHEMA shop CASCADE;
REVOKE CREATE ON DATABASE :"DBNAME" FROM regress_owner;
