-- Contention: overrides, the fallback of an owner, transitions out of order.
SET client_min_messages = warning;
CREATE ROLE regress_maker;
CREATE ROLE regress_keeper;
CREATE ROLE regress_backup;
CREATE ROLE regress_oncall;
CREATE ROLE regress_dana IN ROLE regress_oncall;
CREATE ROLE regress_stranger;
CREATE SCHEMA desk;
CREATE TABLE desk.ticket (
    id int PRIMARY KEY, state text NOT NULL DEFAULT 'draft', title text,
    version int NOT NULL DEFAULT 1, since timestamptz NOT NULL DEFAULT now());
CREATE TABLE desk.line (ticket int REFERENCES desk.ticket, n int, PRIMARY KEY (ticket, n));
CREATE TABLE desk.note (id int PRIMARY KEY, body text);
GRANT USAGE ON SCHEMA desk TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA desk TO PUBLIC;

\set document '{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}}, "parties": {"maker": {"kind": "service", "role": "regress_maker"}, "keeper": {"kind": "team", "role": "regress_keeper", "fallback": "backup"}, "backup": {"kind": "team", "role": "regress_backup", "fallback": "oncall"}, "oncall": {"kind": "team", "role": "regress_oncall"}, "nobody": {"kind": "team"}}, "contexts": {"desk": {"owner": "maker", "datasets": {"notes": {"relation": "desk.note", "sot": {"store": "main"}}, "tickets": {"relation": "desk.ticket", "sot": {"store": "main"}, "audit": "transitions", "lifecycle": {"governing": "state", "entered_at": "since", "contention": {"version": {"attribute": "version", "mode": "auto"}, "out_of_order": "no_op", "fallback_after": "PT4H"}, "states": {"draft": {"initial": true, "owner": "maker", "write": {"*": ["maker"]}}, "open": {"owner": "keeper", "write": {"title": ["keeper"]}, "delete": ["keeper"]}, "closed": {"terminal": true}}, "transitions": {"draft -> open": {"by": ["maker"], "guard": "NEW.title IS NOT NULL", "handoff": [{"emit": "Opened"}]}, "open -> closed": {"by": ["keeper"]}}, "children": {"lines": {"relation": "desk.line", "via": ["ticket"], "write": {"draft": ["maker"]}}}}}}}}}'
SELECT severity, code, pointer, message FROM spine.validate(:'document') WHERE pointer ~ 'fallback_after' ORDER BY 2, 4;
SELECT severity, code, pointer, message FROM spine.validate(:'document'::jsonb #- '{contexts,desk,datasets,tickets,lifecycle,entered_at}') WHERE pointer ~ 'fallback_after' ORDER BY 2, 4;
INSERT INTO desk.ticket (id, state, title, since) VALUES
  (40, 'open', 'old', now() - interval '5 hours'), (41, 'draft', 'old', now() - interval '5 hours'), (42, 'open', 'old', now() - interval '5 hours'), (43, 'open', 'newer', now() - interval '3 hours');
SELECT spine.apply(:'document');
SET ROLE regress_maker;
INSERT INTO desk.ticket (id, title) VALUES (1, 'one'), (2, 'two'), (3, NULL), (4, 'four');
INSERT INTO desk.line VALUES (1, 1);
UPDATE desk.ticket SET state = 'open' WHERE id IN (1, 2);
RESET ROLE;

-- who may give one, and what it needs
SET ROLE regress_oncall;
SELECT spine.override('desk.ticket', '{"id": 1}', 'oncall', 'I want to', now() + '1 hour');	-- fails
SET ROLE regress_maker;
SELECT spine.override('desk.ticket', '{"id": 1}', 'oncall', 'late', now() - interval '1 s');		-- fails
SELECT spine.override('desk.ticket', '{"id": 1}', 'oncall', 'long', now() + interval '25 hours');	-- fails
SELECT spine.override('desk.ticket', '{"id": 1}', 'oncall', 'ever', 'infinity');		-- fails
SELECT spine.override('desk.ticket', '{"id": 1}', 'oncall', ' ', now() + interval '1 hour');		-- fails
SELECT spine.override('desk.ticket', '{"id": 1}', 'who', 'x', now() + interval '1 hour');			-- fails
SELECT spine.override('desk.ticket', '{"id": 1}', 'nobody', 'x', now() + interval '1 hour');		-- fails
SELECT spine.override('desk.ticket', '{"id": 1, "n": 2}', 'oncall', 'x', now() + interval '1 hour');	-- fails
SELECT spine.override('desk.ticket', '{}', 'oncall', 'x', now() + interval '1 hour');				-- fails
SELECT spine.override('desk.ticket', '{"id": 1}', NULL, 'x', now() + interval '1 hour');			-- fails
SELECT spine.override('pg_class', NULL, 'oncall', 'x', now() + interval '1 hour');				-- fails
RESET ROLE;
SET spine.override_max = '2d';
SET ROLE regress_maker;
SET spine.override_max = '9d';		-- fails
SELECT spine.override('desk.ticket', '{"id": 4}', 'oncall', 'long', now() + interval '25 hours');
RESET ROLE;
RESET spine.override_max;

-- what it lifts, for that row alone
SET ROLE regress_maker;
SELECT spine.override('desk.ticket', '{"id": 1}', 'oncall', 'customer waits', now() + interval '1 hour') AS id \gset
SET ROLE regress_dana;
SELECT allowed, reason FROM spine.may('regress_dana', 'desk.ticket', '{"id": 1}', 'title');
SELECT allowed, reason FROM spine.may('regress_dana', 'desk.ticket', '{"id": 2}', 'title');
SELECT allowed, reason FROM spine.may('regress_dana', 'desk.ticket', '{"id": 1}', 'title', '{"title": "b", "id": 5}');
SELECT * FROM spine.next_states('regress_dana', 'desk.ticket', '{"id": 1}');
UPDATE desk.ticket SET title = 'mended' WHERE id = 1 RETURNING title, version;
UPDATE desk.ticket SET title = 'mended' WHERE id = 2;		-- fails
UPDATE desk.ticket SET id = 9 WHERE id = 1;					-- fails: the key
UPDATE desk.ticket SET title = 'x', id = 9 WHERE id = 1;		-- fails: the key behind the title
UPDATE desk.ticket SET since = '2000-01-01' WHERE id = 1;	-- fails: the guard keeps it
UPDATE desk.ticket SET title = 'x', since = '2000-01-01' WHERE id = 1;	-- fails
UPDATE desk.ticket SET state = 'draft' WHERE id = 1;		-- SP001 lifted: it is no no_op
UPDATE desk.ticket SET state = 'odd' WHERE id = 1;			-- unknown, too
SELECT allowed, reason FROM spine.may('regress_dana', 'desk.ticket', '{"id": 1}', 'title');
UPDATE desk.ticket SET title = 'odd', state = 'closed' WHERE id = 1;
INSERT INTO desk.line VALUES (1, 2);						-- fails: the child has rules of its own
DELETE FROM desk.ticket WHERE id = 2;						-- fails
RESET ROLE;
SELECT action, actor, from_state, to_state, via, detail - 'override' AS detail, (detail -> 'override')::bigint = :id AS used
  FROM spine.audit_trail WHERE detail IS NOT NULL ORDER BY xid, n;
SELECT key, party, reason, granted_by FROM spine.overrides WHERE id = :id;
SELECT topic, dataset, key, payload - 'override' AS payload, actor FROM spine.outbox WHERE topic ~ 'Override' ORDER BY xid, n;

-- every row: inserts, TRUNCATE, and guards that do not hold
SET ROLE regress_maker;
SELECT spine.override('desk.ticket', NULL, 'oncall', 'clear the desk', now() + interval '1 hour') AS every \gset
SELECT spine.override('desk.line', NULL, 'oncall', 'clear the desk', now() + interval '1 hour') AS lines \gset
SET ROLE regress_dana;
SELECT allowed, reason FROM spine.may('regress_dana', 'desk.ticket', NULL, 'insert');
INSERT INTO desk.ticket (id, state, title) VALUES (5, 'open', 'five');
INSERT INTO desk.ticket (id, state, version) VALUES (6, 'open', 7);		-- fails: the guard keeps it
COPY desk.ticket (id, state) FROM stdin;
7	closed
\.
UPDATE desk.ticket SET state = 'open' WHERE id = 3;			-- the guard is false
INSERT INTO desk.line VALUES (2, 2);
DELETE FROM desk.ticket WHERE id = 7;
BEGIN;
TRUNCATE desk.ticket CASCADE;
ROLLBACK;
-- ended: obeyed at the next statement, in an open transaction too
BEGIN ISOLATION LEVEL REPEATABLE READ;
UPDATE desk.ticket SET title = 'again' WHERE id = 5;
RESET ROLE;
SET ROLE regress_dana;
SELECT spine.end_override(:every);							-- fails
ROLLBACK;
SET ROLE regress_maker;
SELECT spine.end_override(:every);
SELECT spine.end_override(:lines);
SELECT spine.end_override(:every);							-- fails
SELECT spine.end_override(99);								-- fails
SET ROLE regress_dana;
UPDATE desk.ticket SET title = 'again' WHERE id = 5;		-- fails
TRUNCATE desk.line;											-- fails
RESET ROLE;
SELECT action, from_state, to_state, detail -> 'override' = to_jsonb(:every::bigint) AS of_every FROM spine.audit_trail
 WHERE detail -> 'override' IN (to_jsonb(:every::bigint), to_jsonb(:lines::bigint)) ORDER BY xid, n;

-- expired: by the clock; the job writes it down and tells
SELECT spine.override('desk.ticket', '{"id": 3}', 'oncall', 'a while', now() + interval '1 hour') AS short \gset
SET ROLE regress_dana;
UPDATE desk.ticket SET title = 'a while' WHERE id = 3 RETURNING title;
RESET ROLE;
UPDATE spine.override_log SET until = now() - interval '1 s' WHERE id = :short;
SET ROLE regress_dana;
UPDATE desk.ticket SET title = 'too late' WHERE id = 3;		-- fails
RESET ROLE;
SELECT count(*) FROM spine.overrides WHERE id = :short;
SELECT spine.end_override(:short);							-- fails
SELECT ended_at FROM spine.override_log WHERE id = :short;
CALL spine.run_jobs('overrides');
CALL spine.run_jobs('overrides');
SELECT ended_at = until AS ended, ended_by FROM spine.override_log WHERE id = :short;
SELECT topic, dataset, key, (payload -> 'override')::bigint = :short AS this, actor = current_user AS by_job FROM spine.outbox WHERE topic = 'OverrideExpired';

-- observe: an override comes first, so nothing is recorded as denied
SELECT spine.apply(jsonb_set(:'document', '{contexts,desk,datasets,tickets,enforcement}', '"observe"')) > 0 AS applied;
SET ROLE regress_dana;
UPDATE desk.ticket SET title = 'looked at' WHERE id = 1;
UPDATE desk.ticket SET title = 'looked at' WHERE id = 2;
RESET ROLE;
SELECT key, mode, actor FROM spine.denied ORDER BY xid, n;
SELECT spine.apply(:'document') > 0 AS applied;

-- a dataset without a lifecycle
SET ROLE regress_maker;
SELECT spine.override('desk.note', NULL, 'oncall', 'notes', now() + interval '1 hour') AS id \gset
SET ROLE regress_dana;
INSERT INTO desk.note VALUES (1, 'x');
UPDATE desk.note SET body = 'y';
TRUNCATE desk.note;
RESET ROLE;

-- the fallback: after four hours in the state, one step, with the owner's rights
SET ROLE regress_backup;
UPDATE desk.ticket SET title = 'mine' WHERE id = 43;		-- fails: too early
SELECT allowed, reason FROM spine.may('regress_backup', 'desk.ticket', '{"id": 43}', 'title');
SELECT allowed, reason, owner FROM spine.may('regress_backup', 'desk.ticket', '{"id": 40}', 'title');
SELECT allowed, reason, owner FROM spine.may('regress_backup', 'desk.ticket', '{"id": 40}', 'title', '{"title": "mine"}');
SELECT allowed, reason FROM spine.may('regress_backup', 'desk.ticket', '{"id": 40}', 'delete');
SELECT * FROM spine.next_states('regress_backup', 'desk.ticket', '{"id": 40}');
UPDATE desk.ticket SET title = 'mine' WHERE id = 40;
UPDATE desk.ticket SET since = now() WHERE id = 40;			-- fails: the owner may not either
UPDATE desk.ticket SET title = 'mine' WHERE id = 41;		-- fails: its owner has no fallback
DELETE FROM desk.ticket WHERE id = 42;
SET ROLE regress_oncall;
UPDATE desk.ticket SET title = 'theirs' WHERE id = 40;		-- fails: no chains
SET ROLE regress_backup;
UPDATE desk.ticket SET state = 'closed' WHERE id = 40;
RESET ROLE;
SELECT action, actor, party, key, to_state, detail FROM spine.audit_trail WHERE detail ? 'fallback_for' ORDER BY xid, n;

-- and where spine keeps the time itself
SELECT spine.apply(:'document'::jsonb #- '{contexts,desk,datasets,tickets,lifecycle,entered_at}') > 0 AS applied;
SET ROLE regress_maker;
INSERT INTO desk.ticket (id, title) VALUES (20, 'kept');
UPDATE desk.ticket SET state = 'open' WHERE id = 20;
RESET ROLE;
SET ROLE regress_backup;
UPDATE desk.ticket SET title = 'mine' WHERE id = 20;		-- fails: too early
RESET ROLE;
UPDATE spine.state_entry SET entered_at = entered_at - interval '5 hours';
SET ROLE regress_backup;
UPDATE desk.ticket SET title = 'mine' WHERE id = 20 RETURNING title;
RESET ROLE;
DELETE FROM spine.state_entry;
SET ROLE regress_backup;
UPDATE desk.ticket SET title = 'nobody knows' WHERE id = 20;	-- fails: no entry
RESET ROLE;
SELECT spine.apply(:'document') > 0 AS applied;

-- out of order: no_op
SET ROLE regress_maker;
INSERT INTO desk.ticket (id, title) VALUES (30, 'thirty');
UPDATE desk.ticket SET state = 'open' WHERE id = 30;
RESET ROLE;
SELECT since AS since_before FROM desk.ticket WHERE id = 30 \gset
SELECT count(*) AS audited FROM spine.audit_log \gset
SELECT count(*) AS told FROM spine.outbox \gset
SET ROLE regress_keeper;
UPDATE desk.ticket SET state = 'draft' WHERE id = 30 RETURNING id, state, title, version;
UPDATE desk.ticket SET state = 'draft', version = 99 WHERE id = 30 RETURNING state, version;
UPDATE desk.ticket SET state = 'draft', title = 'x' WHERE id = 30;	-- fails: it changes more
UPDATE desk.ticket SET state = 'odd' WHERE id = 30;				-- fails: no such state
SET ROLE regress_maker;
UPDATE desk.ticket SET state = 'open' WHERE id = 30;			-- in that state already
SELECT allowed, reason FROM spine.may('regress_maker', 'desk.ticket', '{"id": 30}', '-> draft');
RESET ROLE;
SELECT state, version, since = :'since_before' AS same_time FROM desk.ticket WHERE id = 30;
SELECT count(*) - :audited AS audited FROM spine.audit_log;
SELECT count(*) - :told AS told FROM spine.outbox;
SELECT action, actor, from_state, to_state, sqlstate, mode FROM spine.denied WHERE mode = 'no_op' ORDER BY xid, n;

-- on partitions: the row stays where it is
CREATE TABLE desk.part (id int, state text NOT NULL DEFAULT 'draft', title text, PRIMARY KEY (id, state)) PARTITION BY LIST (state);
CREATE TABLE desk.part_a PARTITION OF desk.part FOR VALUES IN ('draft');
CREATE TABLE desk.part_b PARTITION OF desk.part FOR VALUES IN ('open', 'closed');
GRANT ALL ON desk.part TO PUBLIC;
SELECT spine.apply(jsonb_set(:'document', '{contexts,desk,datasets,parts}',
  '{"relation": "desk.part", "key": ["id"], "sot": {"store": "main"}, "lifecycle": {"governing": "state", "contention": {"out_of_order": "no_op"},
    "states": {"draft": {"initial": true, "owner": "maker", "write": {"*": ["maker"]}}, "open": {"owner": "maker"}, "closed": {"terminal": true}},
    "transitions": {"draft -> open": {"by": ["maker"]}}}}')) > 0 AS applied;
SET ROLE regress_maker;
INSERT INTO desk.part VALUES (1, 'draft', 'p');
UPDATE desk.part SET state = 'open' WHERE id = 1;
UPDATE desk.part SET state = 'draft' WHERE id = 1 RETURNING tableoid::regclass, state;
SELECT spine.override('desk.part_b', NULL, 'oncall', 'x', now() + interval '1 hour');		-- fails
SELECT spine.override('desk.part', '{"id": 1}', 'oncall', 'x', now() + interval '1 hour') > 0 AS given;
SET ROLE regress_dana;
UPDATE desk.part SET state = 'draft', title = 'back' WHERE id = 1 RETURNING tableoid::regclass, state, title;
RESET ROLE;

-- nobody writes the log by hand but the owner of the tables
SET ROLE regress_maker;
SELECT count(*) FROM spine.override_log;		-- fails
DELETE FROM spine.override_log;					-- fails
RESET ROLE;
SELECT spine.detach_all() > 0 AS detached;
