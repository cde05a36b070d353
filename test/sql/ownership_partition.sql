-- Partitions and inheritance: every leaf is guarded, a row that moves is an
-- UPDATE, leaves may have other attribute numbers.
SET client_min_messages = warning;
CREATE ROLE regress_left;
CREATE ROLE regress_right;
CREATE SCHEMA part;
-- the state is the partition key: every transition moves the row
CREATE TABLE part.task (id int, gone int, state text NOT NULL, note text, n int DEFAULT 0, PRIMARY KEY (id, state))
    PARTITION BY LIST (state);
ALTER TABLE part.task DROP COLUMN gone;
CREATE TABLE part.task_new PARTITION OF part.task FOR VALUES IN ('new');
CREATE TABLE part.task_done (n int DEFAULT 0, note text, state text NOT NULL, id int NOT NULL);
ALTER TABLE part.task ATTACH PARTITION part.task_done FOR VALUES IN ('done');
GRANT USAGE ON SCHEMA part TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA part TO PUBLIC;

\set document '{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}}, "parties": {"left": {"kind": "team", "role": "regress_left"}, "right": {"kind": "team", "role": "regress_right"}}, "contexts": {"part": {"owner": "left", "datasets": {"tasks": {"relation": "part.task", "key": ["id"], "sot": {"store": "main", "locator": "part.task"}, "lifecycle": {"governing": "state", "states": {"new": {"initial": true, "owner": "left", "write": {"*": ["left"]}, "delete": ["left"]}, "done": {"terminal": true, "write": {"note": ["right"]}}}, "transitions": {"new -> done": {"by": ["left"]}}}}}}}}'
SELECT spine.apply(:'document');
SELECT tgrelid::regclass AS relation, tgname, tgenabled FROM pg_trigger
 WHERE tgname LIKE '~spine%' ORDER BY 1, 2;

SET ROLE regress_left;
INSERT INTO part.task VALUES (1, 'new', 'a'), (2, 'new', 'b'), (3, 'new', 'c');
INSERT INTO part.task VALUES (4, 'done', 'd');				-- fails: not initial
INSERT INTO part.task_done (id, state) VALUES (4, 'done');	-- fails on the leaf as well
UPDATE part.task SET state = 'done' WHERE id IN (1, 2) RETURNING tableoid::regclass, id, state;
UPDATE part.task SET note = 'x' WHERE id = 1;				-- fails
UPDATE part.task_done SET note = 'x' WHERE id = 1;			-- fails on the leaf as well
DELETE FROM part.task WHERE id = 1;							-- fails
TRUNCATE part.task_done;									-- fails
SET ROLE regress_right;
UPDATE part.task SET note = 'right' WHERE id = 1;
UPDATE part.task_done SET note = 'right on the leaf' WHERE id = 1;
UPDATE part.task SET state = 'done' WHERE id = 3;			-- fails: not a transitioner
UPDATE part.task SET state = 'new' WHERE id = 1;			-- fails: no such transition
-- a move does not open the door for a row that merely looks alike
SET ROLE regress_left;
WITH moved AS (UPDATE part.task SET state = 'done' WHERE id = 3 RETURNING id)
INSERT INTO part.task SELECT 30, 'done', 'c', 0 FROM moved;	-- fails: not initial
BEGIN;
SAVEPOINT s;
UPDATE part.task SET state = 'done' WHERE id = 3;
ROLLBACK TO s;
INSERT INTO part.task VALUES (3, 'done', 'c', 0);			-- fails: not initial
ROLLBACK;
RESET ROLE;
-- one audit row for a move
SELECT action, key, from_state, to_state, old, new FROM spine.audit_trail WHERE key = '{"id": 1}' ORDER BY at, n;

-- a new leaf carries all triggers from the start
CREATE TABLE part.task_more PARTITION OF part.task DEFAULT;
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'part.task_more'::regclass ORDER BY 1;
SELECT action, kind, key FROM spine.plan(:'document');
SELECT spine.apply(:'document');
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'part.task_more'::regclass ORDER BY 1;
SELECT spine.detach_all();
SELECT count(*) FROM pg_trigger WHERE tgname LIKE '~spine%';
DROP SCHEMA part CASCADE;

-- plain inheritance: children get triggers of their own
CREATE SCHEMA kin;
CREATE TABLE kin.parent (id int PRIMARY KEY, note text);
CREATE TABLE kin.child (extra text) INHERITS (kin.parent);
GRANT USAGE ON SCHEMA kin TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA kin TO PUBLIC;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "contexts": {"kin": {"owner": "left", "datasets": {"things": {"relation": "kin.parent", "sot": {"store": "main", "locator": "kin.parent"}}}}, "part": {"owner": "left"}}}', 'kin');
SET ROLE regress_left;
INSERT INTO kin.child VALUES (1, 'a', 'b');
SET ROLE regress_right;
UPDATE kin.parent SET note = 'x' WHERE id = 1;		-- fails
UPDATE kin.child SET extra = 'x';					-- fails
TRUNCATE kin.child;									-- fails
RESET ROLE;
SELECT spine.detach_all();
DROP SCHEMA kin CASCADE;

-- written through a table that is not governed itself: judged all the same
CREATE SCHEMA through;
CREATE TABLE through.all_rows (id int, state text, v int, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE through.some PARTITION OF through.all_rows FOR VALUES FROM (0) TO (10);
CREATE TABLE through.rest PARTITION OF through.all_rows DEFAULT;
GRANT USAGE ON SCHEMA through TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA through TO PUBLIC;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "contexts": {"through": {"owner": "left", "datasets": {"some": {"relation": "through.some", "sot": {"store": "main", "locator": "through.some"}, "lifecycle": {"governing": "state", "states": {"on": {"initial": true, "owner": "left", "write": {"*": ["left"]}}, "off": {"terminal": true}}, "transitions": {"on -> off": {"by": ["left"]}}}}}}}}', 'one leaf') > 0 AS applied;
SET ROLE regress_left;
INSERT INTO through.all_rows VALUES (1, 'on', 1), (100, 'what', 1);
UPDATE through.all_rows SET state = 'off' WHERE id = 1;
UPDATE through.all_rows SET v = 2 WHERE id = 1;			-- fails
UPDATE through.all_rows SET v = 2 WHERE id = 100;
RESET ROLE;
SELECT dataset, key, state FROM spine.state_entry;
SELECT action, key, to_state FROM spine.audit_trail WHERE dataset = 'through.some' ORDER BY at, n;
SELECT spine.detach_all();
DROP SCHEMA through CASCADE;
