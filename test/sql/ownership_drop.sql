-- Guards do not vanish silently, and what is detached leaves nothing behind.
SET client_min_messages = warning;
CREATE ROLE regress_dropper;
CREATE SCHEMA away;
CREATE TABLE away.t (id int PRIMARY KEY, state text NOT NULL DEFAULT 'a', v int);
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}},
  "parties": {"dropper": {"kind": "team", "role": "regress_dropper"}}, "contexts": {"away": {"owner": "dropper", "datasets": {"ts":
  {"relation": "away.t", "sot": {"store": "main", "locator": "away.t"}, "lifecycle": {"governing": "state", "states": {"a": {"initial": true, "owner": "dropper",
   "write": {"*": ["dropper"]}}}, "transitions": {}, "invariants": {"v-known": {"check": "v IS NOT NULL"}}}}}}}}');
SELECT conname, convalidated, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'away.t'::regclass AND contype = 'c';
DROP EXTENSION spine;						-- fails
DROP EXTENSION spine CASCADE;				-- fails
DROP SCHEMA spine CASCADE;					-- fails
CREATE SCHEMA other;
DROP SCHEMA other;
SELECT spine.refuse_drop();					-- fails
SELECT spine.detach_all();
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'away.t'::regclass;
SELECT count(*) FROM pg_constraint WHERE conrelid = 'away.t'::regclass AND contype = 'c';
DROP EXTENSION spine;
SELECT count(*) FROM pg_namespace WHERE nspname = 'spine';
SELECT count(*) FROM pg_event_trigger WHERE evtname LIKE 'spine%';
-- made anew, it knows nothing
CREATE EXTENSION spine;
SELECT spine.export();
SELECT count(*) FROM spine.audit_trail;
DROP SCHEMA away CASCADE;
