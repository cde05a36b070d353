-- The DDL guard in trees: partitions and children get their triggers when they
-- join, cannot leave, and bring no rows that nobody judged unseen.
-- Not about the migration gate.
SELECT spine.set_level('', 'NONE') \gset
SET client_min_messages = warning;
CREATE ROLE regress_tree_maker;
CREATE ROLE regress_tree_owner;
CREATE SCHEMA tree AUTHORIZATION regress_tree_owner;
GRANT USAGE ON SCHEMA tree TO regress_tree_maker;
ALTER DEFAULT PRIVILEGES FOR ROLE regress_tree_owner GRANT ALL ON TABLES TO regress_tree_maker;
SET ROLE regress_tree_owner;
CREATE TYPE tree.phase AS ENUM ('new', 'done');
CREATE DOMAIN tree.step AS tree.phase;
CREATE TABLE tree.top (id int, state tree.step NOT NULL DEFAULT 'new', v int, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE tree.p1 PARTITION OF tree.top FOR VALUES FROM (0) TO (100);
CREATE TABLE tree.base (id int PRIMARY KEY, state text NOT NULL DEFAULT 'new', v int);
CREATE TABLE tree.above (id int, v int) PARTITION BY RANGE (id);
CREATE TABLE tree.middle PARTITION OF tree.above FOR VALUES FROM (0) TO (100);
RESET ROLE;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}},
  "parties": {"maker": {"kind": "team", "role": "regress_tree_maker"}},
  "contexts": {"tree": {"owner": "maker", "datasets": {
    "tops": {"relation": "tree.top", "sot": {"store": "main"},
      "lifecycle": {"governing": "state", "states": {"new": {"initial": true, "owner": "maker", "write": {"*": ["maker"]}}, "done": {"terminal": true}},
        "transitions": {"new -> done": {"by": ["maker"]}}}},
    "bases": {"relation": "tree.base", "sot": {"store": "main"},
      "lifecycle": {"governing": "state", "states": {"new": {"initial": true, "owner": "maker", "write": {"*": ["maker"]}}, "done": {"terminal": true}},
        "transitions": {"new -> done": {"by": ["maker"]}}}},
    "middles": {"relation": "tree.middle", "sot": {"store": "main"}, "key": ["id"]}}}}}');
CREATE VIEW triggers AS SELECT tgrelid::regclass AS relation, string_agg(tgname || ' ' || tgenabled::text, ', ' ORDER BY tgname) AS triggers
  FROM pg_trigger WHERE tgname LIKE '~spine%' GROUP BY 1 ORDER BY 1;

-- new members have all of it at once, whoever makes them
SET ROLE regress_tree_owner;
CREATE TABLE tree.p2 PARTITION OF tree.top FOR VALUES FROM (100) TO (200);
CREATE TABLE tree.p3 PARTITION OF tree.top FOR VALUES FROM (200) TO (300) PARTITION BY RANGE (id);
CREATE TABLE tree.p3a PARTITION OF tree.p3 FOR VALUES FROM (200) TO (250);
CREATE TABLE tree.extra (v int, state tree.step NOT NULL, id int NOT NULL);
ALTER TABLE tree.top ATTACH PARTITION tree.extra FOR VALUES FROM (300) TO (400);
CREATE TABLE tree.kid (note text) INHERITS (tree.base);
CREATE TEMP TABLE temp_kid () INHERITS (tree.base);
CREATE TABLE tree.stranger (id int NOT NULL, state text NOT NULL, v int);
ALTER TABLE tree.stranger INHERIT tree.base;
CREATE SCHEMA tree_more;															-- fails: no right to
RESET ROLE;
GRANT CREATE ON DATABASE :DBNAME TO regress_tree_owner;
SET ROLE regress_tree_owner;
CREATE SCHEMA tree_more CREATE TABLE tree_more.kid () INHERITS (tree.base);
CREATE TABLE tree.grandkid () INHERITS (tree.kid);
RESET ROLE;
SELECT * FROM triggers;
SELECT ok, detail FROM spine.health() WHERE check_name = 'guards';
SELECT count(*) FROM spine.plan(spine.export());
SET ROLE regress_tree_owner;
TRUNCATE tree.p2;										-- fails
TRUNCATE tree.grandkid;									-- fails
INSERT INTO tree.kid VALUES (1, 'new', 1, 'mine');		-- fails
INSERT INTO tree.extra VALUES (1, 'done', 300);			-- fails

-- and cannot leave, or lose it
ALTER TABLE tree.top DETACH PARTITION tree.p1;			-- fails, as all that follows
ALTER TABLE tree.top DETACH PARTITION tree.p1 CONCURRENTLY;
ALTER TABLE tree.stranger NO INHERIT tree.base;
DROP TABLE tree.p2;
DROP TABLE tree.p3;
DROP TABLE tree.kid CASCADE;
ALTER TABLE tree.p1 DISABLE TRIGGER "~spine_guard";
ALTER TABLE ONLY tree.p1 DISABLE TRIGGER "~spine_guard_truncate";
ALTER TABLE tree.kid DISABLE TRIGGER ALL;
DROP TRIGGER "~spine_guard" ON tree.kid;
ALTER TABLE tree.top ALTER COLUMN v TYPE int USING v + 1;
CREATE TRIGGER own BEFORE UPDATE ON tree.p1 FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
-- nor by way of what is above
ALTER TABLE tree.above ALTER COLUMN v TYPE int USING v + 1;
ALTER TABLE tree.above DROP COLUMN v;
CREATE TRIGGER own BEFORE UPDATE ON tree.above FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
DROP TABLE tree.above;
DROP TYPE tree.phase CASCADE;

-- what a table brings along
CREATE TABLE tree.odd (id int NOT NULL, state text, v int);
INSERT INTO tree.odd VALUES (1, 'new', 1), (2, 'strange', 2);
ALTER TABLE tree.odd ALTER COLUMN state SET NOT NULL;
ALTER TABLE tree.odd INHERIT tree.base;					-- fails: a state that no rule names
DELETE FROM tree.odd WHERE id = 2;
ALTER TABLE tree.odd INHERIT tree.base;					-- fails: nobody judged this row
CREATE TABLE tree.kept AS TABLE tree.odd;
DELETE FROM tree.odd;
ALTER TABLE tree.odd INHERIT tree.base;
CREATE TABLE tree.busy (id int NOT NULL, state text NOT NULL, v int);
CREATE TRIGGER own BEFORE UPDATE ON tree.busy FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
ALTER TABLE tree.busy INHERIT tree.base;				-- fails: an undeclared trigger
CREATE TABLE tree.odd_top (id int NOT NULL, state tree.step NOT NULL, v int);
INSERT INTO tree.odd_top VALUES (400, 'done', 1);
ALTER TABLE tree.top ATTACH PARTITION tree.odd_top FOR VALUES FROM (400) TO (500);	-- fails, likewise
DELETE FROM tree.odd_top;
ALTER TABLE tree.top ATTACH PARTITION tree.odd_top FOR VALUES FROM (400) TO (500);
RESET ROLE;
SELECT actor, dataset, detail FROM spine.audit_trail WHERE action = 'ddl' ORDER BY xid, n;

-- labels of the enum that holds the states
SET ROLE regress_tree_owner;
ALTER TYPE tree.phase ADD VALUE 'lost';					-- warns
ALTER TYPE tree.phase RENAME VALUE 'done' TO 'new2';	-- fails
RESET ROLE;
ALTER TYPE tree.phase RENAME VALUE 'done' TO 'new2';		-- warns
SELECT detail FROM spine.audit_trail WHERE action = 'ddl' ORDER BY xid DESC, n DESC LIMIT 1;
ALTER TYPE tree.phase RENAME VALUE 'new2' TO 'done';

-- a superuser may, and is logged
ALTER TABLE tree.top DETACH PARTITION tree.p2;
ALTER TABLE tree.top DETACH PARTITION tree.p1 CONCURRENTLY;
DROP TABLE tree.p3;
SELECT * FROM triggers;
SELECT actor, dataset, detail FROM spine.audit_trail WHERE action = 'ddl' AND actor = 'postgres' ORDER BY xid, n;
SELECT ok, detail FROM spine.health() WHERE check_name = 'guards';
SELECT spine.detach_all() > 0 AS detached;
