-- Checks by the job run as nobody whose rights would be lent to somebody else:
-- what indexes, statistics, constraints, types, views and triggers of a copy
-- have run is code of the copy's owner.
SET client_min_messages = error;
CREATE ROLE regress_owner;
CREATE ROLE regress_keeper;
GRANT CREATE ON DATABASE :"DBNAME" TO regress_owner;
CREATE SCHEMA shop AUTHORIZATION regress_owner;
CREATE SCHEMA mart AUTHORIZATION regress_keeper;
GRANT USAGE ON SCHEMA shop, mart TO PUBLIC;
SET ROLE regress_owner;
CREATE TABLE shop.item (id text PRIMARY KEY, name text);
INSERT INTO shop.item VALUES ('a', 'one'), ('b', 'two');
SET ROLE regress_keeper;
CREATE TABLE mart.ran (who name, what text);
GRANT INSERT ON mart.ran TO PUBLIC;
CREATE FUNCTION mart.note(what text) RETURNS int LANGUAGE plpgsql AS
    $$BEGIN IF current_user <> 'regress_keeper' THEN INSERT INTO mart.ran VALUES (current_user, what); END IF; RETURN 1; END$$;
CREATE FUNCTION mart.constant(what text) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RETURN mart.note(what); END$$;
CREATE TYPE mart.code AS ENUM ('a', 'b', 'c');
CREATE FUNCTION mart.code_json(mart.code) RETURNS json LANGUAGE plpgsql AS $$BEGIN PERFORM mart.note('cast'); RETURN '1'; END$$;
CREATE CAST (mart.code AS json) WITH FUNCTION mart.code_json(mart.code);
CREATE FUNCTION mart.text_code(text) RETURNS mart.code LANGUAGE plpgsql AS $$BEGIN PERFORM mart.note('cast'); RETURN 'a'; END$$;
CREATE CAST (text AS mart.code) WITH FUNCTION mart.text_code(text);
CREATE FUNCTION mart.fire() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM mart.note('trigger'); RETURN NEW; END$$;
CREATE TABLE mart.indexed (id text PRIMARY KEY, name text);
CREATE INDEX ON mart.indexed ((mart.constant('index')));
CREATE TABLE mart.partial (id text PRIMARY KEY, name text);
CREATE INDEX ON mart.partial (id) WHERE mart.constant('index') = 1;
CREATE TABLE mart.measured (id text PRIMARY KEY, name text);
CREATE STATISTICS mart.measured_name ON (mart.constant('statistics') + length(name)), id FROM mart.measured;
CREATE TABLE mart.checked (id text PRIMARY KEY, name text CHECK (mart.constant('check') = 1));
CREATE TABLE mart.parted (id text, name text) PARTITION BY LIST ((length(name) + mart.constant('partition')));
CREATE TABLE mart.part PARTITION OF mart.parted DEFAULT;
CREATE TABLE mart.child (id text PRIMARY KEY, name text);
CREATE TABLE mart.child_of () INHERITS (mart.child);
CREATE INDEX ON mart.child_of ((mart.constant('index')));
CREATE VIEW mart.seen AS SELECT id, name, mart.note('view') AS noted FROM shop.item;
CREATE TABLE mart.typed (id mart.code PRIMARY KEY, name text);
CREATE TABLE mart.fired (id text PRIMARY KEY, name text);
CREATE TRIGGER fire BEFORE INSERT OR UPDATE ON mart.fired FOR EACH ROW EXECUTE FUNCTION mart.fire();
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA mart TO regress_owner;
RESET ROLE;
SELECT spine.apply(format('{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}},
  "parties": {"owner": {"kind": "team", "role": "regress_owner"}},
  "contexts": {"shop": {"owner": "owner", "datasets": {"items": {"relation": "shop.item", "sot": {"store": "main"},
    "enforcement": "observe", "replicas": {%s}}}}}}',
  (SELECT string_agg(format('"%1$s": {"store": "main", "locator": "mart.%1$s", "flow": "etl", "key": ["id"],
     "columns": {"id": "id", "name": "name"}, "validate": {"mode": "digest"}, "repair": {"policy": "auto"}}', c), ',')
     FROM unnest(ARRAY['indexed', 'partial', 'measured', 'checked', 'parted', 'child', 'seen', 'typed', 'fired']) c))::jsonb) > 0 AS applied;

-- The copy's owner may not read the source, and the source's owner trusts him in nothing.
CALL spine.run_jobs('check_replicas');
CALL spine.run_jobs('repair_replicas');
SELECT placement, verdict, last_sqlstate, last_error FROM spine.consistency ORDER BY 1;
SELECT placement, mend_sqlstate, mend_error FROM spine.check_state WHERE mend_error IS NOT NULL ORDER BY 1;
SELECT key, kind FROM spine.drift WHERE placement = 'shop.items.typed' ORDER BY 1, 2;
TABLE mart.ran;

-- Who inherits him does; and who owns the copy reads it as himself.
GRANT regress_keeper TO regress_owner;
UPDATE spine.check_state SET not_before = NULL, mended_run = NULL;
CALL spine.run_jobs('check_replicas');
SELECT placement, verdict, last_sqlstate FROM spine.consistency ORDER BY 1;
CALL spine.run_jobs('repair_replicas');
SELECT placement, actor, repaired, verdict FROM spine.repair_log WHERE repaired > 0 ORDER BY 1;
SELECT DISTINCT who FROM mart.ran;
REVOKE regress_keeper FROM regress_owner;

-- No lock that everybody may take keeps copies from being checked or repaired.
BEGIN;
SELECT verdict FROM spine.check_replica('shop.items.fired');
SELECT count(*) AS repaired FROM spine.repair_replica('shop.items.fired', false);
SELECT DISTINCT objsubid > 2 AS own FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
ROLLBACK;

-- What a check saw that began later is not closed by one that ends later.
UPDATE mart.fired SET name = 'other' WHERE id = 'a';
SELECT verdict FROM spine.check_replica('shop.items.fired');
UPDATE mart.fired SET name = 'one' WHERE id = 'a';
UPDATE spine.drift_log SET last_seen = now() + interval '1 h' WHERE closed_at IS NULL AND placement = 'shop.items.fired';
SELECT verdict FROM spine.check_replica('shop.items.fired');
SELECT key, kind FROM spine.drift WHERE placement = 'shop.items.fired';
UPDATE spine.drift_log SET last_seen = now() WHERE closed_at IS NULL AND placement = 'shop.items.fired';
SELECT verdict FROM spine.check_replica('shop.items.fired');
SELECT key, kind FROM spine.drift WHERE placement = 'shop.items.fired';
SELECT spine.detach_all() >= 0 AS detached;
DROP SCHEMA shop, mart CASCADE;
REVOKE CREATE ON DATABASE :"DBNAME" FROM regress_owner;
