-- The DDL guard: what weakens the guard of a governed table is refused for
-- its owner, and logged for a superuser or spine_admin.
-- Not about the migration gate.
SELECT spine.set_level('', 'NONE') \gset
SET client_min_messages = warning;
CREATE ROLE regress_ddl_maker;
CREATE ROLE regress_ddl_keeper;
CREATE ROLE regress_ddl_owner NOINHERIT;
CREATE ROLE regress_ddl_admin IN ROLE spine_admin;
GRANT regress_ddl_owner TO regress_ddl_admin;
CREATE ACCESS METHOD regress_heap TYPE TABLE HANDLER heap_tableam_handler;
CREATE SCHEMA ddl AUTHORIZATION regress_ddl_owner;
SET ROLE regress_ddl_owner;
CREATE TABLE ddl.doc (id int PRIMARY KEY, state text NOT NULL DEFAULT 'draft', body text, amount int);
CREATE TABLE ddl.line (doc int, n int, PRIMARY KEY (doc, n));
CREATE TABLE ddl.plain (id int);
CREATE FUNCTION ddl.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.body := NEW.body; RETURN NEW; END';
CREATE TRIGGER allowed BEFORE UPDATE ON ddl.doc FOR EACH ROW EXECUTE FUNCTION ddl.touch();
RESET ROLE;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}},
  "parties": {"maker": {"kind": "team", "role": "regress_ddl_maker"}, "keeper": {"kind": "team", "role": "regress_ddl_keeper"}},
  "contexts": {"ddl": {"owner": "maker", "datasets": {"docs": {"relation": "ddl.doc", "sot": {"store": "main"}, "triggers": ["allowed", "second"],
   "lifecycle": {"governing": "state", "states": {"draft": {"initial": true, "owner": "maker", "write": {"*": ["maker"]}},
     "final": {"terminal": true, "write": {"body": ["keeper"]}}},
    "transitions": {"draft -> final": {"by": ["maker"]}},
    "invariants": {"positive": {"check": "amount >= 0"}},
    "children": {"lines": {"relation": "ddl.line", "via": ["doc"], "write": {"draft": ["maker"]}}}}}}}}}');
SELECT identity FROM spine.pin;

-- the owner of the table
SET ROLE regress_ddl_owner;
ALTER TABLE ddl.doc DISABLE TRIGGER "~spine_guard";					-- fails, as all that follows
ALTER TABLE ddl.doc DISABLE TRIGGER ALL;
ALTER TABLE ddl.doc DISABLE TRIGGER USER;
ALTER TABLE ddl.doc ENABLE TRIGGER "~spine_guard_insert";
ALTER TABLE ddl.doc ENABLE REPLICA TRIGGER "~spine_guard_flush";
DROP TRIGGER "~spine_guard_truncate" ON ddl.doc;
ALTER TRIGGER "~spine_guard" ON ddl.doc RENAME TO harmless;
ALTER TABLE ddl.line DISABLE TRIGGER "~spine_guard_insert";
CREATE OR REPLACE TRIGGER "~spine_guard" BEFORE UPDATE OR DELETE ON ddl.doc FOR EACH ROW EXECUTE FUNCTION ddl.touch();
CREATE TRIGGER "~spine_guarx" BEFORE UPDATE ON ddl.doc FOR EACH ROW EXECUTE FUNCTION ddl.touch();
CREATE TRIGGER after_all AFTER UPDATE ON ddl.doc FOR EACH ROW EXECUTE FUNCTION ddl.touch();
CREATE CONSTRAINT TRIGGER later AFTER UPDATE ON ddl.doc DEFERRABLE FOR EACH ROW EXECUTE FUNCTION ddl.touch();
ALTER TRIGGER allowed ON ddl.doc RENAME TO other;
CREATE RULE never AS ON UPDATE TO ddl.doc DO INSTEAD NOTHING;
ALTER TABLE ddl.doc ALTER COLUMN amount TYPE int USING amount + 100;
ALTER TABLE ddl.doc ALTER COLUMN amount TYPE bigint;
ALTER TABLE ddl.doc ALTER COLUMN body TYPE varchar;
ALTER TABLE ddl.doc DROP COLUMN body;
ALTER TABLE ddl.doc DROP COLUMN state CASCADE;
ALTER TABLE ddl.doc DROP CONSTRAINT spine_positive;
ALTER TABLE ddl.doc RENAME CONSTRAINT spine_positive TO positive;
ALTER TABLE ddl.doc DROP CONSTRAINT spine_positive, ADD CONSTRAINT spine_positive CHECK (true);
ALTER TABLE ddl.doc DROP CONSTRAINT doc_pkey;
ALTER TABLE ddl.doc SET ACCESS METHOD regress_heap;
DROP TABLE ddl.doc;
DROP TABLE ddl.line;
DROP SCHEMA ddl CASCADE;
DROP OWNED BY regress_ddl_owner CASCADE;
DO $$ BEGIN ALTER TABLE ddl.doc DISABLE TRIGGER ALL; EXCEPTION WHEN insufficient_privilege THEN RAISE WARNING '%', SQLERRM; END $$;
-- more than one thing at once: the first is the message, the others are told
ALTER TABLE ddl.doc DROP COLUMN body, DISABLE TRIGGER "~spine_guard", DROP CONSTRAINT spine_positive;
RESET ROLE;
SELECT check_name, ok FROM spine.health() WHERE check_name IN ('guards', 'functions', 'triggers', 'relations');
SELECT count(*) FROM spine.audit_trail WHERE action = 'ddl';

-- what weakens nothing
SET ROLE regress_ddl_owner;
ALTER TABLE ddl.doc ADD COLUMN extra int DEFAULT 1, ADD COLUMN more timestamptz DEFAULT clock_timestamp();
ALTER TABLE ddl.doc SET UNLOGGED;
ALTER TABLE ddl.doc SET LOGGED;
ALTER TABLE ddl.doc ENABLE ROW LEVEL SECURITY;
ALTER TABLE ddl.doc DISABLE ROW LEVEL SECURITY;
ALTER TABLE ddl.doc ALTER COLUMN body SET STATISTICS 10, SET (fillfactor = 70), ADD CONSTRAINT amount_low CHECK (amount < 1000);
ALTER TABLE ddl.doc DROP CONSTRAINT amount_low;
CREATE INDEX ON ddl.doc (state);
CREATE TRIGGER second AFTER INSERT ON ddl.doc FOR EACH ROW EXECUTE FUNCTION ddl.touch();
ALTER TABLE ddl.doc DISABLE TRIGGER allowed;
ALTER TABLE ddl.doc ENABLE TRIGGER allowed;
DROP TRIGGER second ON ddl.doc;
DROP TABLE ddl.plain;
CREATE TEMP TABLE scratch (id int) ON COMMIT DROP;
RESET ROLE;
SELECT count(*) FROM spine.audit_trail WHERE action = 'ddl';

-- spine_admin and superusers are logged
GRANT USAGE, CREATE ON SCHEMA ddl TO regress_ddl_admin;
ALTER ROLE regress_ddl_admin INHERIT;
SET ROLE regress_ddl_admin;
BEGIN;
ALTER TABLE ddl.doc DISABLE TRIGGER "~spine_guard", DROP COLUMN more;
-- what was wrong before is not told again
ALTER TABLE ddl.doc ADD COLUMN again int;
ALTER TABLE ddl.doc ALTER COLUMN amount TYPE bigint USING amount + 1;
ALTER TABLE ddl.doc ALTER COLUMN amount TYPE bigint USING amount + 1;
COMMIT;
RESET ROLE;
ALTER TABLE ddl.doc OWNER TO regress_ddl_admin;
CREATE TRIGGER unknown AFTER UPDATE ON ddl.line FOR EACH ROW EXECUTE FUNCTION ddl.touch();
BEGIN;
DROP TABLE ddl.line;
ROLLBACK;
DROP TRIGGER unknown ON ddl.line;
SELECT action, dataset, actor, via, rev, detail FROM spine.audit_trail WHERE action = 'ddl' ORDER BY xid, n;
SELECT check_name, ok, detail FROM spine.health() WHERE check_name IN ('guards', 'functions', 'triggers');
SELECT spine.apply(spine.export());

-- an owner cannot get worse what is bad already, and is not blamed for it
ALTER TABLE ddl.doc OWNER TO regress_ddl_owner;
ALTER TABLE ddl.doc DISABLE TRIGGER "~spine_guard";
SET ROLE regress_ddl_owner;
ALTER TABLE ddl.doc ADD COLUMN later int;
ALTER TABLE ddl.doc DISABLE TRIGGER "~spine_guard_flush";			-- fails
RESET ROLE;
SELECT spine.apply(spine.export());

-- observe records and warns, off does neither
SELECT spine.apply(jsonb_set(spine.export('ddl.docs'), '{contexts,ddl,datasets,docs,enforcement}', '"observe"')) AS revision;
SET ROLE regress_ddl_owner;
ALTER TABLE ddl.doc DISABLE TRIGGER "~spine_guard";
RESET ROLE;
SELECT actor, rev, detail FROM spine.audit_trail WHERE action = 'ddl' ORDER BY xid DESC, n DESC LIMIT 1;
SELECT spine.apply(jsonb_set(spine.export('ddl.docs'), '{contexts,ddl,datasets,docs,enforcement}', '"off"')) AS revision;
SET ROLE regress_ddl_owner;
ALTER TABLE ddl.doc DROP COLUMN later;
RESET ROLE;
SELECT spine.apply(jsonb_set(spine.export('ddl.docs'), '{contexts,ddl,datasets,docs,enforcement}', '"enforce"')) AS revision;
SET ROLE regress_ddl_owner;
ALTER TABLE ddl.doc DROP COLUMN again;								-- fails
RESET ROLE;

-- another owner: passes, and is told
GRANT regress_ddl_keeper TO regress_ddl_owner;
GRANT CREATE ON SCHEMA ddl TO regress_ddl_keeper;
SET ROLE regress_ddl_owner;
ALTER TABLE ddl.line OWNER TO regress_ddl_keeper;
RESET ROLE;
SELECT actor, detail FROM spine.audit_trail WHERE action = 'ddl' ORDER BY xid DESC, n DESC LIMIT 1;
ALTER TABLE ddl.line OWNER TO regress_ddl_owner;

-- without the trigger that notes where commands begin, nothing is let through
ALTER EVENT TRIGGER spine_ddl_start DISABLE;
SET ROLE regress_ddl_owner;
ALTER TABLE ddl.doc DISABLE TRIGGER "~spine_guard";					-- fails
DROP TABLE ddl.line;												-- fails
RESET ROLE;
ALTER EVENT TRIGGER spine_ddl_start ENABLE ALWAYS;
-- savepoints and errors leave nothing behind
SET ROLE regress_ddl_owner;
BEGIN;
SAVEPOINT a;
ALTER TABLE ddl.doc DISABLE TRIGGER "~spine_guard";					-- fails
ROLLBACK TO a;
CREATE TABLE ddl.nothing (id int);
DROP TABLE ddl.nothing;
ALTER TABLE ddl.doc DROP COLUMN amount;								-- fails
ROLLBACK;
RESET ROLE;

-- functions behind declared triggers: the inventory tells when they change
CREATE OR REPLACE FUNCTION ddl.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
SELECT ok, detail FROM spine.health() WHERE check_name = 'functions';
SELECT action, kind, key FROM spine.plan(spine.export());
SELECT spine.apply(spine.export()) AS revision;
SELECT ok, detail FROM spine.health() WHERE check_name = 'functions';
-- one that nobody declared is a warning when the document is applied
ALTER TABLE ddl.doc DISABLE TRIGGER "~spine_guard";
CREATE TRIGGER "~zz" BEFORE UPDATE ON ddl.doc FOR EACH ROW EXECUTE FUNCTION ddl.touch();
SELECT severity, code, pointer, message FROM spine.validate(jsonb_set(spine.export(), '{contexts,ddl,datasets,docs,description}', '"x"'))
 WHERE code LIKE '%trigger';
SELECT ok, detail FROM spine.health() WHERE check_name = 'triggers';
DROP TRIGGER "~zz" ON ddl.doc;

-- a detached dataset is nobody's business any more
SELECT spine.detach_all();
SET ROLE regress_ddl_owner;
ALTER TABLE ddl.doc RENAME TO doc_away;
ALTER TABLE ddl.doc_away DISABLE TRIGGER ALL, DROP COLUMN body;
DROP TABLE ddl.doc_away;
RESET ROLE;
SELECT spine.export() #>> '{contexts,ddl,datasets,docs,relation}';
DROP ACCESS METHOD regress_heap;
