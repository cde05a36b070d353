-- What a transition hands over: outbox rows and calls, in the same
-- transaction, undone with the savepoint that they belong to.
SET client_min_messages = warning;
CREATE ROLE regress_hand;
CREATE ROLE regress_keep;
CREATE SCHEMA relay AUTHORIZATION regress_keep;
SET ROLE regress_keep;
CREATE TABLE relay.baton (id int PRIMARY KEY, leg text NOT NULL DEFAULT 'first', payload jsonb, secret text);
CREATE TABLE relay.log (id bigint GENERATED ALWAYS AS IDENTITY, line text);
CREATE FUNCTION relay.note(old relay.baton, new relay.baton) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO relay.log (line) VALUES (format('%s: %s to %s, stored as %s, by %s', new.id, old.leg, new.leg,
        (SELECT b.leg FROM relay.baton b WHERE b.id = new.id), current_user));
    IF new.secret = 'stop' THEN
        RAISE EXCEPTION 'stopped';
    END IF;
END $$;
CREATE FUNCTION relay.ready(old relay.baton, new relay.baton) RETURNS boolean LANGUAGE sql STABLE
    AS 'SELECT new.payload IS NOT NULL';
GRANT USAGE ON SCHEMA relay TO PUBLIC;
GRANT ALL ON relay.baton TO PUBLIC;
RESET ROLE;
\set document '{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}}, "parties": {"hand": {"kind": "service", "role": "regress_hand"}}, "contexts": {"relay": {"owner": "hand", "datasets": {"batons": {"relation": "relay.baton", "triggers": ["nested"], "sot": {"store": "main", "locator": "relay.baton"}, "lifecycle": {"governing": "leg", "states": {"first": {"initial": true, "owner": "hand", "write": {"*": ["hand"]}, "delete": ["hand"]}, "second": {"owner": "hand", "delete": ["hand"]}, "last": {"terminal": true}}, "transitions": {"first -> second": {"by": ["hand"], "guard": {"function": "relay.ready(relay.baton,relay.baton)"}, "handoff": [{"snapshot": ["payload", "id"]}, {"notify": "stadium"}, {"emit": "BatonPassed"}, {"freeze": ["payload"]}, {"call": "relay.note(relay.baton,relay.baton)"}]}, "second -> last": {"by": ["hand"]}}}}}}}}'
SELECT severity, code, pointer, message FROM spine.validate(:'document') WHERE severity = 'error';
SELECT spine.apply(:'document');

SET ROLE regress_hand;
INSERT INTO relay.baton (id, payload, secret) VALUES (1, '{"weight": 50}', 'x'), (2, NULL, 'y'), (3, '1', 'stop'), (4, '4', 'z');
UPDATE relay.baton SET leg = 'second' WHERE id = 2;		-- fails: the guard's function says no
UPDATE relay.baton SET leg = 'second' WHERE id = 1;
UPDATE relay.baton SET leg = 'second' WHERE id = 3;		-- fails: the call does
UPDATE relay.baton SET leg = 'last' WHERE id = 1;
RESET ROLE;
SELECT line FROM relay.log ORDER BY id;
SELECT kind, topic, dataset, key, payload, actor FROM spine.outbox ORDER BY at, n;
SELECT dataset, key, state FROM spine.state_entry ORDER BY key;

-- a savepoint takes its own with it, and nothing else
SET ROLE regress_hand;
BEGIN;
SAVEPOINT one;
UPDATE relay.baton SET leg = 'second' WHERE id = 4;
ROLLBACK TO one;
UPDATE relay.baton SET secret = 'kept' WHERE id = 4;
SAVEPOINT two;
UPDATE relay.baton SET payload = '5' WHERE id = 4;
RELEASE two;
COMMIT;
RESET ROLE;
SELECT action, key, new FROM spine.audit_trail WHERE key = '{"id": 4}' ORDER BY at, n;
SELECT count(*) FROM spine.outbox WHERE key = '{"id": 4}';
SELECT count(*) FROM relay.log;

-- nested statements inside an exception block of somebody's trigger
SET ROLE regress_keep;
CREATE FUNCTION relay.nested() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.secret LIKE 'nest%' AND new.id = 2 THEN
        BEGIN
            UPDATE relay.baton SET secret = 'inner' WHERE id = 4;
            RAISE EXCEPTION 'undo';
        EXCEPTION WHEN raise_exception THEN NULL;
        END;
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER nested BEFORE UPDATE ON relay.baton FOR EACH ROW EXECUTE FUNCTION relay.nested();
SET ROLE regress_hand;
UPDATE relay.baton SET secret = 'nest' || id WHERE id IN (2, 3);
RESET ROLE;
SELECT action, key, new FROM spine.audit_trail WHERE new ->> 'secret' LIKE 'nest%' OR new ->> 'secret' = 'inner' ORDER BY at, n;

-- two-phase commit and the deletion of a row
SET ROLE regress_hand;
DELETE FROM relay.baton WHERE id = 2;
RESET ROLE;
SELECT action, key, old FROM spine.audit_trail WHERE action = 'delete';
SELECT spine.detach_all();
DROP SCHEMA relay CASCADE;
