-- Actions of foreign keys: judged as the table's owner, unless the dataset
-- names the constraint; then the constraint's own query writes, and no other.
-- Not about the migration gate.
SELECT spine.set_level('', 'NONE') \gset
SET client_min_messages = warning;
\set VERBOSITY terse
\set SHOW_CONTEXT never
CREATE ROLE regress_fk_keeper;
CREATE ROLE regress_fk_owner;
CREATE ROLE regress_fk_shop;
CREATE SCHEMA keys AUTHORIZATION regress_fk_owner;
GRANT USAGE ON SCHEMA keys TO PUBLIC;
SET ROLE regress_fk_owner;
CREATE TABLE keys.buyer (id int PRIMARY KEY, region text NOT NULL DEFAULT 'x', UNIQUE (id, region));
CREATE TABLE keys.shop (id bigint PRIMARY KEY);
CREATE TABLE keys.agent (id int PRIMARY KEY);
CREATE TABLE keys.sale (
    id      int PRIMARY KEY,
    state   text NOT NULL DEFAULT 'new',
    buyer   int CONSTRAINT sale_buyer REFERENCES keys.buyer ON DELETE CASCADE ON UPDATE CASCADE,
    shop    int DEFAULT 1 CONSTRAINT sale_shop REFERENCES keys.shop ON DELETE SET DEFAULT ON UPDATE CASCADE,
    agent   int CONSTRAINT sale_agent REFERENCES keys.agent ON DELETE SET NULL ON UPDATE SET NULL,
    price   int NOT NULL DEFAULT 0);
CREATE TABLE keys.line (
    sale int CONSTRAINT line_sale REFERENCES keys.sale ON DELETE CASCADE, n int, PRIMARY KEY (sale, n));
CREATE TABLE keys.audit_probe (note text);
INSERT INTO keys.buyer SELECT generate_series(1, 20);
INSERT INTO keys.shop SELECT generate_series(1, 20);
INSERT INTO keys.agent SELECT generate_series(1, 20);
INSERT INTO keys.sale SELECT n, 'new', n, n, n, 100 FROM generate_series(1, 20) n;
INSERT INTO keys.line SELECT n, 1 FROM generate_series(1, 20) n;
GRANT ALL ON ALL TABLES IN SCHEMA keys TO PUBLIC;
RESET ROLE;
\set doc '{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}}, "parties": {"keeper": {"kind": "team", "role": "regress_fk_keeper"}}, "contexts": {"keys": {"owner": "keeper", "datasets": {"sales": {"relation": "keys.sale", "sot": {"store": "main"}, "allow_fk_actions": ACTIONS, "triggers": ["add"], "lifecycle": {"governing": "state", "states": {"new": {"initial": true, "owner": "keeper", "write": {"price": ["keeper"]}, "delete": ["keeper"]}}, "transitions": {}, "children": {"lines": {"relation": "keys.line", "via": ["sale"], "write": {"new": ["keeper"]}}}}}}}}}'
CREATE TEMP TABLE doc (text text);
INSERT INTO doc VALUES (:'doc');
CREATE FUNCTION pg_temp.doc(actions text) RETURNS jsonb LANGUAGE sql AS
    $$ SELECT replace(text, 'ACTIONS', actions)::jsonb FROM doc $$;

-- what validate says of names, and of actions without one
SELECT severity, code, pointer, message FROM spine.validate(pg_temp.doc('["sale_buyer", "no_such"]')) WHERE code LIKE '%foreign_key%' ORDER BY 1, 4;
SELECT spine.apply(pg_temp.doc('[]'));

-- no constraint is named: each action is a write of the table's owner
SET ROLE regress_fk_shop;
DELETE FROM keys.buyer WHERE id = 1;				-- fails: CASCADE
UPDATE keys.buyer SET id = 101 WHERE id = 1;		-- fails: CASCADE
DELETE FROM keys.agent WHERE id = 1;				-- fails: SET NULL
UPDATE keys.agent SET id = 101 WHERE id = 1;		-- fails: SET NULL
DELETE FROM keys.shop WHERE id = 2;					-- fails: SET DEFAULT
UPDATE keys.shop SET id = 101 WHERE id = 2;			-- fails: CASCADE
RESET ROLE;
SET ROLE regress_fk_keeper;
DELETE FROM keys.sale WHERE id = 1;					-- fails: the lines
RESET ROLE;
-- a table's owner that is a party is judged as one
SELECT spine.apply(pg_temp.doc('["sale_buyer", "sale_shop", "sale_agent", "line_sale"]'));

-- now the actions write, chained ones too, as their audit says; the first one
-- in a session that has not loaded spine
\connect
SET ROLE regress_fk_shop;
DELETE FROM keys.buyer WHERE id = 1;
UPDATE keys.buyer SET id = 102 WHERE id = 2;
DELETE FROM keys.agent WHERE id = 3;
UPDATE keys.agent SET id = 104 WHERE id = 4;
DELETE FROM keys.shop WHERE id = 5;
UPDATE keys.shop SET id = 106 WHERE id = 6;
SET ROLE regress_fk_keeper;
DELETE FROM keys.sale WHERE id = 7;
-- by more than one row, from a function, from a modifying CTE, prepared
WITH gone AS (DELETE FROM keys.agent WHERE id IN (8, 9) RETURNING id) SELECT count(*) FROM gone;
DO $$ BEGIN DELETE FROM keys.agent WHERE id = 10; END $$;
PREPARE gone AS DELETE FROM keys.agent WHERE id = $1;
EXECUTE gone(11);
EXPLAIN (ANALYZE) DELETE FROM keys.agent WHERE id = 12 \g /dev/null
-- a direct write beside it is judged as ever
DELETE FROM keys.line WHERE sale = 11;
SET ROLE regress_fk_shop;
UPDATE keys.sale SET buyer = NULL WHERE id = 12;	-- fails
DELETE FROM keys.line WHERE sale = 12;				-- fails
RESET ROLE;
SELECT * FROM keys.sale WHERE id < 13 ORDER BY id;
SELECT dataset, key, action, actor, via, detail, new FROM spine.audit_trail WHERE via = 'fk' ORDER BY xid, n;

-- an AFTER trigger of the owner on the cascaded table is no part of it
SET ROLE regress_fk_owner;
CREATE FUNCTION keys.launder() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE keys.sale SET price = 0 WHERE id = 20;
    RETURN NULL;
END $$;
CREATE TRIGGER launder AFTER UPDATE OR DELETE ON keys.agent FOR EACH ROW EXECUTE FUNCTION keys.launder();
DELETE FROM keys.agent WHERE id = 13;				-- fails
DROP TRIGGER launder ON keys.agent;

-- a table between, whose BEFORE trigger runs below the constraint's flag
CREATE TABLE keys.mid (id int PRIMARY KEY, agent int REFERENCES keys.agent ON DELETE CASCADE, sale int);
INSERT INTO keys.mid SELECT n, n, 19 FROM generate_series(13, 18) n;
CREATE FUNCTION keys.below() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE TG_ARGV[0] USING OLD.sale, OLD.sale;
    RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER below BEFORE DELETE ON keys.mid FOR EACH ROW
    EXECUTE FUNCTION keys.below('UPDATE keys.sale SET price = $1 - $2 WHERE id = $1');
DELETE FROM keys.agent WHERE id = 14;				-- fails: not a constraint's query
DROP TRIGGER below ON keys.mid;
-- nor with the very text of one
CREATE TRIGGER below BEFORE DELETE ON keys.mid FOR EACH ROW
    EXECUTE FUNCTION keys.below('DELETE FROM ONLY "keys"."sale" WHERE $1 OPERATOR(pg_catalog.=) "buyer"');
DELETE FROM keys.agent WHERE id = 14;				-- fails
DROP TRIGGER below ON keys.mid;
CREATE TRIGGER below BEFORE DELETE ON keys.mid FOR EACH ROW
    EXECUTE FUNCTION keys.below('UPDATE ONLY "keys"."sale" SET "agent" = NULL WHERE $1 OPERATOR(pg_catalog.=) "agent"');
DELETE FROM keys.agent WHERE id = 14;				-- fails
DROP TRIGGER below ON keys.mid;
-- nor by firing a real one below the flag of another
CREATE TRIGGER below BEFORE DELETE ON keys.mid FOR EACH ROW
    EXECUTE FUNCTION keys.below('DELETE FROM keys.buyer WHERE id = $1');
DELETE FROM keys.agent WHERE id = 14;				-- fails
DROP TRIGGER below ON keys.mid;

-- what the owner's trigger adds to the constraint's own row is not conceded
CREATE FUNCTION keys.add() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.price := 1;
    RETURN NEW;
END $$;
CREATE TRIGGER add BEFORE UPDATE ON keys.sale FOR EACH ROW EXECUTE FUNCTION keys.add();
DELETE FROM keys.agent WHERE id = 15;				-- fails: price
CREATE OR REPLACE FUNCTION keys.add() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.agent := 20; NEW.buyer := 20; NEW.shop := 20;
    RETURN NEW;
END $$;
DELETE FROM keys.agent WHERE id = 15;				-- fails: another value
UPDATE keys.buyer SET id = 115 WHERE id = 15;		-- fails: another value
DELETE FROM keys.shop WHERE id = 15;				-- fails: another value
CREATE OR REPLACE FUNCTION keys.add() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RETURN NEW;
END $$;
DELETE FROM keys.agent WHERE id = 15;
UPDATE keys.buyer SET id = 115 WHERE id = 15;
DELETE FROM keys.shop WHERE id = 15;
DROP TRIGGER add ON keys.sale;

-- a rule makes more of the query
RESET ROLE;
CREATE RULE more AS ON DELETE TO keys.sale DO ALSO UPDATE keys.sale SET price = 1 WHERE id = 20;
SET ROLE regress_fk_owner;
DELETE FROM keys.buyer WHERE id = 16;				-- fails
DROP RULE more ON keys.sale;

-- another constraint with the same text must be named too
ALTER TABLE keys.sale ADD CONSTRAINT sale_other FOREIGN KEY (buyer) REFERENCES keys.agent ON DELETE CASCADE NOT VALID;
DELETE FROM keys.buyer WHERE id = 17;				-- fails
ALTER TABLE keys.sale DROP CONSTRAINT sale_other;

-- an error on the way leaves nothing behind
DO $$
BEGIN
    BEGIN
        DELETE FROM keys.agent WHERE id = 17 / (id - 17);
    EXCEPTION WHEN division_by_zero THEN NULL;
    END;
    DELETE FROM keys.agent WHERE id = 17;
END $$;
SELECT * FROM keys.sale WHERE id > 12 ORDER BY id;
RESET ROLE;

-- partitioned on both sides
SET ROLE regress_fk_owner;
CREATE TABLE keys.place (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE keys.place_1 PARTITION OF keys.place FOR VALUES FROM (0) TO (10);
CREATE TABLE keys.place_2 PARTITION OF keys.place FOR VALUES FROM (10) TO (20);
CREATE TABLE keys.visit (id int, place int CONSTRAINT visit_place REFERENCES keys.place ON DELETE CASCADE ON UPDATE CASCADE, note text)
    PARTITION BY LIST (place);
CREATE TABLE keys.visit_1 (gone int, note text, id int, place int);
ALTER TABLE keys.visit_1 DROP COLUMN gone;
ALTER TABLE keys.visit ATTACH PARTITION keys.visit_1 FOR VALUES IN (1, 2, 3);
CREATE TABLE keys.visit_2 PARTITION OF keys.visit DEFAULT;
INSERT INTO keys.place SELECT generate_series(1, 19);
INSERT INTO keys.visit SELECT n, n, 'n' FROM generate_series(1, 19) n;
GRANT ALL ON ALL TABLES IN SCHEMA keys TO PUBLIC;
RESET ROLE;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "contexts": {"places": {"owner": "keeper", "datasets": {"visits": {"relation": "keys.visit", "key": ["id"], "sot": {"store": "main"}, "allow_fk_actions": ["visit_place"]}}}}}');
SET ROLE regress_fk_shop;
DELETE FROM keys.place WHERE id IN (1, 11);
UPDATE keys.place SET id = 100 WHERE id = 2;		-- fails: no partition of place
UPDATE keys.place SET id = 1 WHERE id = 3;
UPDATE keys.place SET id = 0 WHERE id = 1;
DELETE FROM keys.visit_1;							-- fails
RESET ROLE;
SELECT count(*), sum(place) FROM keys.visit;
SELECT key, action, actor, via, detail, new FROM spine.audit_trail WHERE dataset = 'places.visits' ORDER BY xid, n;

-- a session's first action is told by its frame alone: not below another
RESET ROLE;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "contexts": {"others": {"owner": "keeper", "datasets": {"mids": {"relation": "keys.mid", "sot": {"store": "main"}, "allow_fk_actions": ["mid_agent_fkey"]}}}}}');
\connect
\set VERBOSITY terse
SET client_min_messages = warning;
SET ROLE regress_fk_owner;
DO $$ BEGIN DELETE FROM keys.agent WHERE id = 14; EXCEPTION WHEN insufficient_privilege THEN RAISE WARNING '%', SQLERRM; END $$;
\connect
\set VERBOSITY terse
SET client_min_messages = warning;
SET ROLE regress_fk_owner;
DELETE FROM keys.agent WHERE id = 14;
RESET ROLE;
SELECT key, via, detail FROM spine.audit_trail WHERE dataset = 'others.mids';

-- a state out of order that does nothing would break the foreign key, so it
-- is refused; a state never changes by a foreign key, named or not
CREATE TABLE keys.label (name text PRIMARY KEY);
CREATE TABLE keys.task (id int PRIMARY KEY, state text CONSTRAINT task_state REFERENCES keys.label ON UPDATE CASCADE);
INSERT INTO keys.label VALUES ('new');
INSERT INTO keys.task VALUES (1, 'new');
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "contexts": {"tasks": {"owner": "keeper", "datasets": {"tasks": {"relation": "keys.task", "sot": {"store": "main"}, "allow_fk_actions": ["task_state"], "lifecycle": {"governing": "state", "contention": {"out_of_order": "no_op"}, "states": {"new": {"initial": true, "owner": "keeper"}, "done": {"initial": true, "terminal": true, "insert": ["keeper"]}}, "transitions": {}}}}}}}');
UPDATE keys.label SET name = 'done';				-- fails
SELECT * FROM keys.task;
UPDATE keys.task SET state = 'done';				-- does nothing
SELECT * FROM keys.task;

SELECT spine.detach_all() > 0;
DROP SCHEMA keys CASCADE;
DROP ROLE regress_fk_keeper, regress_fk_owner, regress_fk_shop;
