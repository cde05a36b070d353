-- The guard on UPDATE, INSERT, DELETE and TRUNCATE: who may write what in
-- which state, and what a refusal says.
-- Not about the migration gate.
SELECT spine.set_level('', 'NONE') \gset
SET client_min_messages = warning;
CREATE ROLE regress_maker;
CREATE ROLE regress_keeper;
CREATE ROLE regress_stranger;
CREATE ROLE regress_clerk IN ROLE regress_keeper;
CREATE ROLE regress_guest NOINHERIT IN ROLE regress_keeper;
CREATE ROLE regress_owner;

CREATE SCHEMA desk AUTHORIZATION regress_owner;
SET ROLE regress_owner;
CREATE TYPE desk.status AS ENUM ('draft', 'open', 'closed');
CREATE TABLE desk.ticket (
    id      int PRIMARY KEY,
    status  desk.status DEFAULT 'draft',
    title   text DEFAULT 'untitled',
    notes   text,
    price   jsonb,
    twice   int GENERATED ALWAYS AS (id * 2) STORED,
    version int NOT NULL DEFAULT 1,
    since   timestamptz DEFAULT now()
);
GRANT USAGE ON SCHEMA desk TO PUBLIC;
GRANT ALL ON desk.ticket TO PUBLIC;
RESET ROLE;

\set document '{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}}, "parties": {"maker": {"kind": "service", "role": "regress_maker"}, "keeper": {"kind": "team", "role": "regress_keeper"}}, "contexts": {"desk": {"owner": "maker", "datasets": {"tickets": {"relation": "desk.ticket", "sot": {"store": "main", "locator": "desk.ticket"}, "lifecycle": {"governing": "status", "entered_at": "since", "contention": {"version": {"attribute": "version", "mode": "auto"}}, "states": {"draft": {"initial": true, "owner": "maker", "write": {"*": ["maker"]}, "delete": ["maker"]}, "open": {"owner": "keeper", "write": {"notes": ["keeper", "maker"], "price.tax": ["keeper"]}}, "closed": {"terminal": true}}, "transitions": {"draft -> open": {"by": ["maker"], "guard": "NEW.title IS NOT NULL", "with_write": ["title"]}, "open -> closed": {"by": ["keeper"], "with_write": ["notes"]}}}}}}}}'
SELECT severity, code, pointer, message FROM spine.validate(:'document') WHERE severity = 'error';
SELECT spine.apply(:'document');

-- inserts: only the maker, only into draft, only with what it may write
SET ROLE regress_maker;
INSERT INTO desk.ticket (id, price) VALUES (1, '{"net": 10, "tax": 0}'), (2, NULL), (3, NULL);
INSERT INTO desk.ticket (id, status) VALUES (9, 'open');		-- fails: not initial
INSERT INTO desk.ticket (id, status) VALUES (9, NULL);			-- fails: NULL state
INSERT INTO desk.ticket (id, version) VALUES (9, 7);			-- fails: kept by the guard
INSERT INTO desk.ticket (id, since) VALUES (9, '2001-01-01');	-- fails: kept by the guard
SET ROLE regress_keeper;
INSERT INTO desk.ticket (id) VALUES (9);						-- fails: not an inserter

-- updates: image-equal is free, everything else is judged
SET ROLE regress_stranger;
UPDATE desk.ticket SET title = title, notes = notes;
UPDATE desk.ticket SET title = 'mine' WHERE id = 1;				-- fails
UPDATE desk.ticket SET version = 5 WHERE id = 1 RETURNING version;	-- exempt: counted, not taken
SET ROLE regress_maker;
UPDATE desk.ticket SET title = 'A ticket', notes = 'n' WHERE id = 1 RETURNING title, version;
UPDATE desk.ticket SET id = 100 WHERE id = 1;					-- fails: the key
UPDATE desk.ticket SET since = now() - interval '1 day' WHERE id = 1;	-- fails: kept by the guard
UPDATE desk.ticket SET status = 'closed' WHERE id = 1;			-- fails: no such transition
SET ROLE regress_keeper;
UPDATE desk.ticket SET status = 'open' WHERE id = 1;			-- fails: wrong party
SET ROLE regress_maker;
UPDATE desk.ticket SET status = 'open', title = NULL WHERE id = 1;	-- fails: guard is false
UPDATE desk.ticket SET status = 'open', title = 'Ready' WHERE id = 1 RETURNING status, title, version, since = now() AS now;
UPDATE desk.ticket SET title = 'Changed' WHERE id = 1;			-- fails: the maker has handed over
UPDATE desk.ticket SET notes = 'still mine' WHERE id = 1;
DELETE FROM desk.ticket WHERE id = 1;							-- fails: not in this state
DELETE FROM desk.ticket WHERE id = 3;

-- paths of a jsonb column: the keeper may set tax, and nothing beside it
SET ROLE regress_clerk;
UPDATE desk.ticket SET price = jsonb_set(price, '{tax}', '2') WHERE id = 1 RETURNING price;
UPDATE desk.ticket SET price = jsonb_set(price, '{net}', '2') WHERE id = 1;		-- fails
UPDATE desk.ticket SET price = price || '{"tip": 1}' WHERE id = 1;				-- fails
UPDATE desk.ticket SET price = NULL WHERE id = 1;								-- fails
UPDATE desk.ticket SET price = price - 'tax' WHERE id = 1 RETURNING price;

-- members count as far as they inherit; a superuser is nobody
SET ROLE regress_guest;
UPDATE desk.ticket SET notes = 'guest' WHERE id = 1;			-- fails
SET ROLE regress_keeper;
UPDATE desk.ticket SET notes = 'keeper' WHERE id = 1;
RESET ROLE;
UPDATE desk.ticket SET notes = 'superuser' WHERE id = 1;		-- fails
SET ROLE regress_owner;
UPDATE desk.ticket SET notes = 'table owner' WHERE id = 1;		-- fails
TRUNCATE desk.ticket;											-- fails: a lifecycle
RESET ROLE;

-- a terminal state lets nothing through
SET ROLE regress_clerk;
UPDATE desk.ticket SET status = 'closed', notes = 'done' WHERE id = 1 RETURNING status, notes;
UPDATE desk.ticket SET notes = 'again' WHERE id = 1;			-- fails
UPDATE desk.ticket SET status = 'open' WHERE id = 1;			-- fails
RESET ROLE;

-- COPY, ON CONFLICT and MERGE are judged as what they do
SET ROLE regress_maker;
COPY desk.ticket (id, title) FROM stdin;
4	copied
\.
INSERT INTO desk.ticket (id, notes) VALUES (2, 'x') ON CONFLICT (id) DO UPDATE SET notes = EXCLUDED.notes RETURNING notes;
INSERT INTO desk.ticket (id, notes) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET notes = EXCLUDED.notes;	-- fails
MERGE INTO desk.ticket t USING (VALUES (2), (5)) v (id) ON t.id = v.id
 WHEN MATCHED THEN UPDATE SET title = 'merged' WHEN NOT MATCHED THEN INSERT (id) VALUES (v.id);
SET ROLE regress_keeper;
COPY desk.ticket (id, title) FROM stdin;
6	copied
\.
MERGE INTO desk.ticket t USING (VALUES (2)) v (id) ON t.id = v.id WHEN MATCHED THEN DELETE;	-- fails
RESET ROLE;

-- even where ordinary triggers do not fire
SET session_replication_role = replica;
UPDATE desk.ticket SET title = 'replica' WHERE id = 2;			-- fails
RESET session_replication_role;

-- the refusal tells drivers where: SQLSTATE, schema, table, column
\set VERBOSITY verbose
\set SHOW_CONTEXT never
DO $$
DECLARE s text; t text; c text; n text;
BEGIN
    UPDATE desk.ticket SET title = 'x' WHERE id = 1;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS n = SCHEMA_NAME, t = TABLE_NAME, c = COLUMN_NAME, s = RETURNED_SQLSTATE;
    RAISE NOTICE USING MESSAGE = format('%s %s.%s.%s', s, n, t, c);
    PERFORM set_config('regress.at', format('%s %s.%s.%s', s, n, t, c), false);
END $$;
\set VERBOSITY default
SELECT current_setting('regress.at');

-- a state that no rule names: closed to all
ALTER TYPE desk.status ADD VALUE 'lost';
ALTER TABLE desk.ticket DISABLE TRIGGER ALL;
UPDATE desk.ticket SET status = 'lost' WHERE id = 4;
ALTER TABLE desk.ticket ENABLE ALWAYS TRIGGER "~spine_guard";
ALTER TABLE desk.ticket ENABLE ALWAYS TRIGGER "~spine_guard_insert";
ALTER TABLE desk.ticket ENABLE ALWAYS TRIGGER "~spine_guard_truncate";
ALTER TABLE desk.ticket ENABLE ALWAYS TRIGGER "~spine_guard_flush";
SET ROLE regress_maker;
UPDATE desk.ticket SET notes = 'x' WHERE id = 4;				-- fails
UPDATE desk.ticket SET status = 'draft' WHERE id = 4;			-- fails
DELETE FROM desk.ticket WHERE id = 4;							-- fails
RESET ROLE;

-- the trigger functions are no functions, and no triggers of other tables
SELECT spine.guard();
CREATE TABLE desk.other (id int PRIMARY KEY, status desk.status);
CREATE TRIGGER t BEFORE UPDATE ON desk.other FOR EACH ROW EXECUTE FUNCTION spine.guard('desk.tickets');
CREATE TRIGGER u BEFORE INSERT ON desk.other FOR EACH ROW EXECUTE FUNCTION spine.guard('desk.tickets');
INSERT INTO desk.other VALUES (1, 'draft');
DROP TRIGGER u ON desk.other;
INSERT INTO desk.other VALUES (1, 'draft');
UPDATE desk.other SET status = 'open';

SELECT spine.detach_all();
UPDATE desk.ticket SET notes = 'free again' WHERE id = 1 RETURNING notes;
DROP SCHEMA desk CASCADE;
