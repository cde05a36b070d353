-- check_replica: copies behind a foreign server, here the same database again.
SET client_min_messages = warning;
CREATE ROLE regress_owner;
CREATE ROLE regress_stranger;
CREATE SCHEMA shop;
CREATE SCHEMA mart;
CREATE TABLE shop.item (id int PRIMARY KEY, name text, price numeric(10,2), state text NOT NULL DEFAULT 'open');
CREATE TABLE mart.item (id bigint PRIMARY KEY, name varchar(40), price numeric, state text, loaded_at timestamptz);
CREATE TABLE mart.label (code text, item int, "Label, quoted" text, PRIMARY KEY (code, item));
CREATE TABLE mart.bag (id int, name text);
CREATE TABLE mart.kept (id int, name text);
CREATE TABLE mart.number (id int PRIMARY KEY);
CREATE TABLE mart.part (id int PRIMARY KEY);
GRANT USAGE ON SCHEMA shop, mart TO regress_owner;
GRANT SELECT ON ALL TABLES IN SCHEMA shop, mart TO regress_owner;
CREATE FOREIGN DATA WRAPPER regress_wrapper;
DO $$
DECLARE
    host text := current_setting('unix_socket_directories');
    port text := current_setting('port');
BEGIN
    EXECUTE format('CREATE SERVER regress_far FOREIGN DATA WRAPPER regress_wrapper OPTIONS (host %L, port %L, dbname %L, nonsense ''left out'')',
        host, port, current_database());
    EXECUTE format('CREATE SERVER regress_nowhere FOREIGN DATA WRAPPER regress_wrapper OPTIONS (host %L, port ''1'')', host);
    EXECUTE format('CREATE SERVER regress_bare FOREIGN DATA WRAPPER regress_wrapper OPTIONS (host %L, port %L, dbname ''template1'')', host, port);
    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER regress_far OPTIONS (user %L)', current_user);
    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER regress_nowhere OPTIONS (user %L)', current_user);
    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER regress_bare OPTIONS (user %L)', current_user);
END $$;
\set shop '"parties": {"owner": {"kind": "team", "role": "regress_owner"}}, "contexts": {"shop": {"owner": "owner", "datasets": {"items": {"relation": "shop.item", "enforcement": "observe",'
SELECT spine.apply(('{"kind": "DataSpine", "apiVersion": "spine/v1",
  "stores": {"main": {"kind": "postgres"}, "far": {"kind": "postgres", "server": "regress_far"},
             "nowhere": {"kind": "postgres", "server": "regress_nowhere"}, "bare": {"kind": "postgres", "server": "regress_bare"}},'
  || :'shop' || '"sot": {"store": "main"},
    "replicas": {
      "mart": {"store": "far", "locator": "mart.item", "flow": "etl", "columns": {"id": "id", "name": "name", "price": "price", "state": "state"}},
      "label": {"store": "far", "locator": "mart.label", "flow": "etl", "filter": "state <> ''draft''",
                "columns": {"code": "state || ''-'' || id::text", "item": "id", "Label, quoted": "upper(name)"}},
      "bag": {"store": "far", "locator": "mart.bag", "flow": "etl"},
      "slow": {"store": "far", "locator": "mart.bag", "flow": "etl", "max_lag": "PT1H"},
      "gone": {"store": "far", "locator": "mart.gone", "flow": "etl"},
      "odd": {"store": "far", "locator": "mart", "flow": "etl"},
      "nowhere": {"store": "nowhere", "locator": "mart.item", "flow": "etl"},
      "bare": {"store": "bare", "locator": "mart.item", "flow": "etl"}},
    "derived": {"summed": {"store": "far", "locator": "mart.item", "flow": "etl"}},
    "snapshots": {"kept": {"store": "far", "locator": "mart.kept", "flow": "manual"}}}}}}}')::jsonb) > 0 AS applied;
INSERT INTO shop.item SELECT i, 'item ' || i, i / 4.0, CASE WHEN i % 10 = 0 THEN 'draft' ELSE 'open' END FROM generate_series(1, 2000) i;
INSERT INTO mart.item SELECT * FROM shop.item;
INSERT INTO mart.label SELECT state || '-' || id, id, upper(name) FROM shop.item WHERE state <> 'draft';
INSERT INTO mart.bag SELECT id, name FROM shop.item;
INSERT INTO mart.kept SELECT id, name FROM shop.item WHERE id < 10;

-- Equal, in each mode.
SELECT m, verdict, rows_sot, rows_replica, drifted, lag, method
  FROM unnest(ARRAY['count', 'digest', 'rows']) m, spine.check_replica('shop.items.mart', m);
SELECT verdict, rows_sot = rows_replica AS same, method FROM spine.check_replica('shop.items.mart', 'sample');
SELECT verdict, rows_sot, rows_replica, drifted, method FROM spine.check_replica('shop.items.label');
SELECT verdict, rows_sot, rows_replica, drifted, method FROM spine.check_replica('shop.items.bag');
SELECT verdict, rows_sot, rows_replica, drifted, method FROM spine.check_replica('shop.items.kept');
SELECT why FROM spine.check_log WHERE why IS NOT NULL;

-- Missing, extra, changed: read again on both sides, and the same still.
DELETE FROM mart.item WHERE id IN (3, 4);
INSERT INTO mart.item VALUES (9999, 'never', 1, 'x');
UPDATE mart.item SET price = price + 0.01, state = '' WHERE id = 7;
UPDATE mart.item SET loaded_at = now() WHERE id = 9;
SELECT verdict, rows_sot, rows_replica, drifted, method FROM spine.check_replica('shop.items.mart');
SELECT verdict, drifted FROM spine.check_replica('shop.items.mart', 'rows');
SELECT verdict, drifted FROM spine.check_replica('shop.items.mart', 'count');
SELECT key, kind, columns, confirmed_at IS NOT NULL AS confirmed, root_cause FROM spine.drift ORDER BY key;
SELECT mode, method, wire_bytes BETWEEN 1000 AND 20000 AS little FROM spine.check_log WHERE placement = 'shop.items.mart' AND verdict = 'drift' ORDER BY run_id LIMIT 1;
TRUNCATE mart.item;
INSERT INTO mart.item SELECT * FROM shop.item;
SELECT verdict, drifted FROM spine.check_replica('shop.items.mart');
SELECT count(*) FROM spine.drift;

-- A key of several columns, one of them an expression, with quotes.
DELETE FROM mart.label WHERE item = 5;
UPDATE mart.label SET "Label, quoted" = NULL WHERE item = 6;
INSERT INTO mart.label VALUES ('"it''s"', 1, '{}');
SELECT verdict, drifted, method FROM spine.check_replica('shop.items.label');
SELECT key, kind, columns FROM spine.drift ORDER BY key;
TRUNCATE mart.label;
SELECT verdict, rows_sot, rows_replica, drifted FROM spine.check_replica('shop.items.label');
INSERT INTO mart.label SELECT state || '-' || id, id, upper(name) FROM shop.item WHERE state <> 'draft';
SELECT verdict FROM spine.check_replica('shop.items.label');

-- Without a key; with a bound a difference is a suspect first.
INSERT INTO mart.bag SELECT * FROM mart.bag WHERE id = 6;
INSERT INTO mart.bag VALUES (NULL, NULL), (NULL, NULL);
SELECT verdict, drifted FROM spine.check_replica('shop.items.bag');
SELECT verdict, drifted, lag < interval '1 minute' AS lag FROM spine.check_replica('shop.items.slow', 'rows');
SELECT placement, key, kind, confirmed_at IS NOT NULL AS confirmed FROM spine.drift ORDER BY 1, 2::text;
UPDATE spine.drift_log SET first_seen = first_seen - interval '2 hours' WHERE closed_at IS NULL;
SELECT verdict, drifted FROM spine.check_replica('shop.items.slow', 'rows');

-- In other transactions than the usual; what wrote to the source commits first.
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT verdict FROM spine.check_replica('shop.items.mart');
SELECT verdict FROM spine.check_replica('shop.items.bag');
COMMIT;
BEGIN;
UPDATE mart.item SET name = name WHERE id = 1;
SELECT verdict FROM spine.check_replica('shop.items.mart');
UPDATE shop.item SET name = 'here alone' WHERE id = 1;
SELECT verdict FROM spine.check_replica('shop.items.mart');
ROLLBACK;
PREPARE check_it AS SELECT verdict FROM spine.check_replica('shop.items.mart');
EXECUTE check_it;
EXECUTE check_it;
DEALLOCATE check_it;

-- A snapshot.
UPDATE mart.kept SET name = 'touched' WHERE id = 1;
SELECT verdict FROM spine.check_replica('shop.items.kept');

-- What cannot be compared, or not be reached.
SET client_min_messages = error;
SELECT p, verdict, rows_sot FROM unnest('{gone,odd,summed,nowhere,bare}'::text[]) p, spine.check_replica('shop.items.' || p);
SELECT placement, verdict, why FROM spine.check_log ORDER BY run_id DESC LIMIT 5;
ALTER TABLE mart.item DROP price, ADD price pg_snapshot;
SELECT verdict, drifted FROM spine.check_replica('shop.items.mart');
ALTER TABLE mart.item DROP price, ADD price numeric;
UPDATE mart.item m SET price = s.price FROM shop.item s WHERE s.id = m.id;
SELECT verdict, drifted FROM spine.check_replica('shop.items.mart');
SET client_min_messages = warning;

-- A mapping says who, not where: that is the server's to say.
ALTER USER MAPPING FOR CURRENT_USER SERVER regress_far OPTIONS (ADD host 'nowhere.invalid', ADD port '1', ADD dbname 'template1', ADD passfile '/nowhere', ADD service 'nowhere');
SELECT verdict FROM spine.check_replica('shop.items.mart', 'count');
ALTER USER MAPPING FOR CURRENT_USER SERVER regress_far OPTIONS (DROP host, DROP port, DROP dbname, DROP passfile, DROP service);

-- Rights: of the server, of the mapping, and a password.
SET ROLE regress_owner;
SELECT * FROM spine.check_replica('shop.items.bag');
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER regress_far TO regress_owner;
SET ROLE regress_owner;
\set VERBOSITY sqlstate
SELECT * FROM spine.check_replica('shop.items.bag');
\set VERBOSITY default
CREATE USER MAPPING FOR CURRENT_USER SERVER regress_far OPTIONS (user 'regress_owner', password_required 'false', sslcert 'x');
SELECT * FROM spine.check_replica('shop.items.bag');
ALTER USER MAPPING FOR CURRENT_USER SERVER regress_far OPTIONS (ADD password 'secret');
SET client_min_messages = error;
SELECT verdict FROM spine.check_replica('shop.items.bag');
SET client_min_messages = warning;
RESET ROLE;
ALTER ROLE regress_owner LOGIN;
SET ROLE regress_owner;
SELECT * FROM spine.check_replica('shop.items.bag');
RESET ROLE;
SET ROLE regress_stranger;
SELECT * FROM spine.check_replica('shop.items.bag');
RESET ROLE;

-- The other way round: the source there, the copy here.
SELECT spine.apply(('{"kind": "DataSpine", "apiVersion": "spine/v1",
  "stores": {"main": {"kind": "postgres"}, "far": {"kind": "postgres", "server": "regress_far"}},'
  || :'shop' || '"sot": {"store": "far"},
    "replicas": {
      "mart": {"store": "main", "locator": "mart.item", "flow": "etl", "columns": {"id": "id", "name": "name", "price": "price", "state": "state"}},
      "far": {"store": "far", "locator": "mart.bag", "flow": "etl"},
      "number": {"store": "main", "locator": "mart.number", "flow": "etl", "columns": {"id": "id + 0"}},
      "user": {"store": "main", "locator": "mart.bag", "flow": "etl", "columns": {"id": "id", "name": "user"}},
      "part": {"store": "main", "locator": "mart.part", "flow": "etl", "filter": "id < 5", "columns": {"id": "id"}}}}}}}}')::jsonb) > 0 AS applied;
SELECT verdict, rows_sot, rows_replica, method FROM spine.check_replica('shop.items.mart');
UPDATE mart.item SET name = 'other' WHERE id = 3;
SELECT verdict, drifted, method FROM spine.check_replica('shop.items.mart');
SELECT key, kind, columns FROM spine.drift WHERE placement = 'shop.items.mart';
SELECT verdict, drifted, method FROM spine.check_replica('shop.items.far');
SELECT p, verdict FROM unnest('{number,user,part}'::text[]) p, spine.check_replica('shop.items.' || p);
SELECT placement, why FROM spine.check_log ORDER BY run_id DESC LIMIT 3;
-- A foreign table that stands for the copy, or for the source.
CREATE EXTENSION postgres_fdw;
DO $$
BEGIN
    EXECUTE format('CREATE SERVER regress_fdw FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L)',
        current_setting('unix_socket_directories'), current_setting('port'), current_database());
    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER regress_fdw OPTIONS (user %L)', current_user);
END $$;
CREATE SCHEMA f;
CREATE FOREIGN TABLE f.part (id int, name text) SERVER regress_fdw OPTIONS (schema_name 'mart', table_name 'bag');
CREATE FOREIGN TABLE f.item (id int, name text, price numeric(10,2), state text) SERVER regress_fdw OPTIONS (schema_name 'shop', table_name 'item');
CREATE TABLE f.here (id int PRIMARY KEY, name text);
INSERT INTO f.here SELECT id, name FROM shop.item;
DELETE FROM mart.bag;
INSERT INTO mart.bag SELECT id, name FROM shop.item;
SELECT spine.apply(('{"kind": "DataSpine", "apiVersion": "spine/v1",
  "stores": {"main": {"kind": "postgres"}, "fdw": {"kind": "postgres", "server": "regress_fdw"}},
  "parties": {"owner": {"kind": "team", "role": "regress_owner"}}, "contexts": {"shop": {"owner": "owner", "datasets": {
    "items": {"relation": "shop.item", "enforcement": "observe", "sot": {"store": "main"}, "replicas": {
      "foreign": {"store": "main", "locator": "f.part", "flow": "fdw", "key": ["id"]},
      "wrapper": {"store": "fdw", "locator": "mart.bag", "flow": "etl", "key": ["id"]}}},
    "elsewhere": {"relation": "f.item", "enforcement": "off", "sot": {"store": "main"}, "replicas": {
      "here": {"store": "main", "locator": "f.here", "flow": "etl"}}}}}}}')::jsonb) > 0 AS applied;
SELECT p, verdict, rows_replica, method FROM unnest('{items.foreign,items.wrapper,elsewhere.here}'::text[]) p, spine.check_replica('shop.' || p);
UPDATE mart.bag SET name = '' WHERE id = 3;
UPDATE f.here SET name = NULL WHERE id = 3;
SELECT p, verdict, drifted FROM unnest('{items.foreign,items.wrapper}'::text[]) p, spine.check_replica('shop.' || p);
-- Read once in a transaction, such a source tells at the second check only.
SELECT verdict, drifted FROM spine.check_replica('shop.elsewhere.here');
SELECT verdict, drifted FROM spine.check_replica('shop.elsewhere.here');
SELECT placement, key, kind, columns FROM spine.drift WHERE placement ~ 'foreign|wrapper|here' ORDER BY 1;
DROP EXTENSION postgres_fdw CASCADE;
DROP SCHEMA f CASCADE;
SELECT spine.detach_all() >= 0 AS detached;
DROP SCHEMA shop, mart CASCADE;
DROP FOREIGN DATA WRAPPER regress_wrapper CASCADE;
