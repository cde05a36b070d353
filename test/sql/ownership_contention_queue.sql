-- Contention: writes by strangers that wait for the owner's decision.
-- Not about the migration gate.
SELECT spine.set_level('', 'NONE') \gset
SET client_min_messages = warning;
CREATE ROLE regress_maker;
CREATE ROLE regress_keeper;
CREATE ROLE regress_mina IN ROLE regress_keeper;
CREATE ROLE regress_asker;
CREATE ROLE regress_other;
CREATE ROLE regress_auditor IN ROLE spine_auditor;
CREATE SCHEMA desk;
CREATE TABLE desk.folder (id int PRIMARY KEY);
CREATE TABLE desk.ticket (
    id int PRIMARY KEY, state text NOT NULL DEFAULT 'draft', title text, secret text,
    folder int REFERENCES desk.folder ON DELETE SET NULL, version int NOT NULL DEFAULT 1);
CREATE TABLE desk.line (ticket int REFERENCES desk.ticket, n int, PRIMARY KEY (ticket, n));
GRANT USAGE ON SCHEMA desk TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA desk TO PUBLIC;

\set document '{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}}, "parties": {"maker": {"kind": "service", "role": "regress_maker"}, "keeper": {"kind": "team", "role": "regress_keeper"}}, "contexts": {"desk": {"owner": "maker", "datasets": {"tickets": {"relation": "desk.ticket", "sot": {"store": "main"}, "audit": "transitions", "lifecycle": {"governing": "state", "contention": {"version": {"attribute": "version", "mode": "auto"}, "non_owner": "queue"}, "states": {"draft": {"initial": true, "owner": "maker", "write": {"*": ["maker"]}}, "open": {"owner": "keeper", "write": {"title": ["keeper"], "secret": []}, "delete": ["keeper"]}, "closed": {"terminal": true}}, "transitions": {"draft -> open": {"by": ["maker"]}, "open -> closed": {"by": ["keeper"], "guard": "NEW.title IS NOT NULL"}}, "children": {"lines": {"relation": "desk.line", "via": ["ticket"], "write": {"draft": ["maker"]}}}}}}}}}'
SELECT spine.apply(:'document');
INSERT INTO desk.folder VALUES (1);
SET ROLE regress_maker;
INSERT INTO desk.ticket (id, title, folder) SELECT i, 'title ' || i, 1 FROM generate_series(1, 9) i;
UPDATE desk.ticket SET state = 'open' WHERE id <= 6;
RESET ROLE;

-- a denied write waits, the row is left out, asking again makes no second one
SET ROLE regress_asker;
SELECT allowed, reason FROM spine.may('regress_asker', 'desk.ticket', '{"id": 1}', 'title');
SELECT * FROM spine.next_states('regress_asker', 'desk.ticket', '{"id": 1}');
UPDATE desk.ticket SET title = 'asked' WHERE id = 1 RETURNING id, title;
UPDATE desk.ticket SET title = 'asked' WHERE id = 1;
UPDATE desk.ticket SET title = 'asked otherwise' WHERE id = 1;
UPDATE desk.ticket SET state = 'closed', title = 'shut' WHERE id = 2;
DELETE FROM desk.ticket WHERE id = 3 RETURNING id;
-- what cannot wait is refused as ever
UPDATE desk.ticket SET secret = 'x' WHERE id = 1;			-- fails: nobody may
UPDATE desk.ticket SET id = 11 WHERE id = 1;				-- fails: the key
UPDATE desk.ticket SET title = 'x', id = 11 WHERE id = 1;	-- fails: the key behind the title
UPDATE desk.ticket SET state = 'draft' WHERE id = 1;		-- fails: not listed
INSERT INTO desk.ticket (id) VALUES (12);					-- fails
INSERT INTO desk.line VALUES (9, 1);						-- fails
TRUNCATE desk.line;											-- fails
DELETE FROM desk.ticket WHERE id = 9;						-- fails: nobody may
-- an action of a foreign key cannot wait either
DELETE FROM desk.folder;									-- fails
-- a request is the writer's: it goes with his transaction
BEGIN;
UPDATE desk.ticket SET title = 'rolled back' WHERE id = 4;
ROLLBACK;
RESET ROLE;
SELECT id, key, action, old, new, from_state, to_state, actor, rule, status FROM spine.write_requests ORDER BY id;
SELECT id, title, state, version FROM desk.ticket WHERE id <= 4 ORDER BY id;

-- who sees what
SET ROLE regress_asker;
SELECT id, key, old, new, status FROM spine.write_requests ORDER BY id;
-- without SELECT not even what was asked: an UPDATE of all rows would tell keys
RESET ROLE;
REVOKE SELECT ON desk.ticket FROM PUBLIC;
SET ROLE regress_asker;
SELECT count(*), count(key) AS keys, count(new) AS new FROM spine.write_requests;
RESET ROLE;
GRANT SELECT ON desk.ticket TO PUBLIC;
SET ROLE regress_other;
SELECT count(*) FROM spine.write_requests;
SELECT count(*) FROM spine.write_request;					-- fails
SET ROLE regress_mina;
SELECT id, key, old, new, status FROM spine.write_requests ORDER BY id;
SET ROLE regress_auditor;
SELECT count(*) FROM spine.write_requests WHERE old IS NOT NULL;
RESET ROLE;

-- approving is writing: only whom the guard lets
SET ROLE regress_asker;
SELECT spine.approve_write(1);								-- fails
SET ROLE regress_maker;
SELECT spine.approve_write(1);								-- fails: another state's owner
SET ROLE regress_mina;
SELECT spine.approve_write(1);
SELECT spine.approve_write(1);								-- fails
SELECT spine.approve_write(2);								-- what it was made of is gone
SELECT spine.approve_write(99);								-- fails
SELECT spine.approve_write(NULL);							-- fails
BEGIN;
SELECT spine.approve_write(4);
SELECT id FROM desk.ticket WHERE id = 3;
ROLLBACK;
SELECT spine.approve_write(3);
SELECT id, title, state, version FROM desk.ticket WHERE id <= 3 ORDER BY id;
-- declining takes a reason and an owner, withdrawing the asker
SET ROLE regress_asker;
SELECT spine.decline_write(4, 'no');						-- fails
SET ROLE regress_mina;
SELECT spine.withdraw_write(4);								-- fails
SELECT spine.decline_write(4, ' ');							-- fails
SELECT spine.decline_write(4, NULL);						-- fails
SELECT spine.decline_write(4, 'it is needed');
SET ROLE regress_asker;
UPDATE desk.ticket SET title = 'never mind' WHERE id = 5;
SELECT id AS last FROM spine.write_requests WHERE key = '{"id": 5}' \gset
SET ROLE regress_other;
SELECT spine.withdraw_write(:last);							-- fails
SET ROLE regress_asker;
SELECT spine.withdraw_write(:last);
SELECT key, action, status, decided_by, decision_reason FROM spine.write_requests ORDER BY id;
RESET ROLE;
SELECT action, actor, via, key, from_state, to_state, detail FROM spine.audit_trail WHERE via = 'request' ORDER BY xid, n;
SELECT topic, dataset, key, payload, actor FROM spine.outbox WHERE topic ~ 'Write' ORDER BY xid, n;

-- a changed state is stale, a row that came back as it was is not
SET ROLE regress_asker;
UPDATE desk.ticket SET title = 'late' WHERE id = 4;
UPDATE desk.ticket SET title = 'still' WHERE id = 5;
SET ROLE regress_mina;
UPDATE desk.ticket SET state = 'closed' WHERE id = 4;
UPDATE desk.ticket SET title = 'other' WHERE id = 5;
UPDATE desk.ticket SET title = 'title 5' WHERE id = 5;
SELECT key, spine.approve_write(id) FROM spine.write_requests WHERE status = 'pending' ORDER BY id;
SELECT id, title, state FROM desk.ticket WHERE id IN (4, 5) ORDER BY id;

-- a guard that does not hold refuses whoever approves; the request stays
SET ROLE regress_asker;
UPDATE desk.ticket SET state = 'closed', title = NULL WHERE id = 6;
SELECT id AS last FROM spine.write_requests WHERE status = 'pending' \gset
SET ROLE regress_mina;
SELECT spine.approve_write(:last);							-- fails
-- without the privilege on the table, with row security, with another trigger
RESET ROLE;
REVOKE UPDATE ON desk.ticket FROM PUBLIC;
SET ROLE regress_mina;
SELECT spine.approve_write(:last);							-- fails
RESET ROLE;
GRANT UPDATE ON desk.ticket TO PUBLIC;
SET ROLE regress_asker;
SELECT spine.withdraw_write(:last);
UPDATE desk.ticket SET title = 'hidden' WHERE id = 6;
SELECT id AS last FROM spine.write_requests WHERE status = 'pending' \gset
RESET ROLE;
ALTER TABLE desk.ticket ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON desk.ticket TO regress_asker USING (true);
SET ROLE regress_mina;
SELECT spine.approve_write(:last);							-- fails
RESET ROLE;
ALTER TABLE desk.ticket DISABLE ROW LEVEL SECURITY;
CREATE FUNCTION desk.keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER keep BEFORE UPDATE ON desk.ticket FOR EACH ROW EXECUTE FUNCTION desk.keep();
SET ROLE regress_mina;
SELECT spine.approve_write(:last);							-- fails
RESET ROLE;
DROP TRIGGER keep ON desk.ticket;

-- what an approved write makes others write is judged as their own
CREATE FUNCTION desk.spread() RETURNS trigger LANGUAGE plpgsql AS
 'BEGIN IF NEW.id = 6 THEN UPDATE desk.ticket SET title = NEW.title WHERE id = 7; END IF; RETURN NEW; END';
CREATE TRIGGER spread AFTER UPDATE ON desk.ticket FOR EACH ROW EXECUTE FUNCTION desk.spread();
SET ROLE regress_mina;
SELECT spine.approve_write(:last);
RESET ROLE;
DROP TRIGGER spread ON desk.ticket;
SELECT id, title FROM desk.ticket WHERE id IN (6, 7) ORDER BY id;
SELECT key, actor, new, status FROM spine.write_requests ORDER BY id DESC LIMIT 2;

-- ON CONFLICT DO UPDATE, MERGE, cursors
SET ROLE regress_asker;
INSERT INTO desk.ticket AS t (id, title) VALUES (1, 'upsert') ON CONFLICT (id) DO UPDATE SET title = EXCLUDED.title RETURNING t.id;
MERGE INTO desk.ticket t USING (VALUES (1), (6)) v (id) ON t.id = v.id
  WHEN MATCHED AND t.id = 1 THEN DELETE WHEN MATCHED THEN UPDATE SET title = 'merged';
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM desk.ticket WHERE id = 1 FOR UPDATE;
FETCH c;
UPDATE desk.ticket SET title = 'current' WHERE CURRENT OF c;
COMMIT;
RESET ROLE;
SELECT key, action, new FROM spine.write_requests ORDER BY id DESC LIMIT 4;

-- the client's version is part of what is asked where it must be sent
SELECT spine.apply(jsonb_set(:'document', '{contexts,desk,datasets,tickets,lifecycle,contention,version,mode}', '"require"')) > 0 AS applied;
SET ROLE regress_asker;
UPDATE desk.ticket SET title = 'no step' WHERE id = 6;		-- fails: it could never be applied
UPDATE desk.ticket SET title = 'a step', version = version + 1 WHERE id = 6;
RESET ROLE;
SELECT id AS last, old, new FROM spine.write_requests ORDER BY id DESC LIMIT 1 \gset
\echo :old :new
SET ROLE regress_mina;
SELECT spine.approve_write(:last);
RESET ROLE;
SELECT title, version FROM desk.ticket WHERE id = 6;

-- an override comes before the queue, observe too
SELECT spine.apply(:'document') > 0 AS applied;
SELECT spine.override('desk.ticket', '{"id": 6}', 'maker', 'now', now() + interval '1 hour') AS override;
SET ROLE regress_maker;
UPDATE desk.ticket SET title = 'at once' WHERE id = 6;
RESET ROLE;
SELECT spine.apply(jsonb_set(:'document', '{contexts,desk,datasets,tickets,enforcement}', '"observe"')) > 0 AS applied;
SET ROLE regress_asker;
UPDATE desk.ticket SET title = 'observed' WHERE id = 6;
RESET ROLE;
SELECT count(*) FROM spine.write_requests WHERE key = '{"id": 6}' AND status = 'pending';
SELECT spine.apply(:'document') > 0 AS applied;

-- every type comes back as it was asked for
CREATE TYPE desk.mood AS ENUM ('sad', 'so so');
CREATE DOMAIN desk.short AS varchar(4) CHECK (VALUE <> 'evil');
CREATE TYPE desk.pair AS (a int, b text);
CREATE TABLE desk.thing (
    id timestamptz, tag text, state text NOT NULL DEFAULT 'draft',
    num numeric, scaled numeric(8,2), f8 float8, f4 float4, ts timestamptz, tz timetz, d date, iv interval, tags text[], nums numeric[], js jsonb, jt json,
    bytes bytea, mood desk.mood, short desk.short, pair desk.pair, pairs desk.pair[], ch char(5), net inet, u uuid, r tstzrange, bits varbit, m money, x xml,
    nothing int DEFAULT 1, rel regclass, q "char", gone int, PRIMARY KEY (id, tag));
ALTER TABLE desk.thing DROP COLUMN gone;
GRANT ALL ON desk.thing TO PUBLIC;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "contexts": {"desk": {"datasets": {"things": {"relation": "desk.thing", "sot": {"store": "main"},
  "lifecycle": {"governing": "state", "contention": {"non_owner": "queue"}, "states": {"draft": {"initial": true, "owner": "keeper", "write": {"*": ["keeper"]}, "delete": ["keeper"]}}}}}}}}') > 0 AS applied;
CREATE TEMP TABLE asked AS SELECT 1 AS n, t.* FROM desk.thing t WITH NO DATA;
SET TIME ZONE 'America/St_Johns';
INSERT INTO asked VALUES
  (1, '2026-01-01 00:00:00.123456+00', 'a', 'draft', 1.500, 1.5, 0.1::float8 + 0.2, 0.1::float4 / 3, '0044-03-15 12:00:00+00 BC', '12:30:00.5-03:30', '2026-02-03', '-1 mons +3 days -04:05:06.789', '{a,NULL,"b,c","\"x\\y","NULL"}', '{1.10,2.00}',
   '{"b": [1.0, 1.00, null, "\u00e9"], "a": {}}', '{"b" : 1,   "a":2, "a": 3}', '\x00ff5c27', 'so so', 'abcd', '(7,"x, ""y")', ARRAY[ROW(1, NULL), ROW(NULL, '')]::desk.pair[], 'ab', '10.0.0.1/8', '6ba7b810-9dad-11d1-80b4-00c04fd430c8',
   '[2026-01-01 00:00+00,infinity)', B'10110', '12.34', '<a b="1">&amp;</a>', NULL, 'desk.thing', 'x'),
  (2, '2026-06-30 23:30:00+02', 'b "quoted" \ ''key''', 'draft', 'NaN', -0.01, '-infinity', '-0', 'infinity', '00:00:00+00', '-infinity', 'P1Y2M3DT4H5M6S', '{}', '{}', 'null', '"s"', '', 'sad', '', ROW(NULL, NULL)::desk.pair, '{}', '', '::1', NULL,
   'empty', B'', '-0.01', '', 2147483647, NULL, ''),
  (3, '2026-06-30 23:30:00.5+02', 'ünïcödé', 'draft', 100000000000000000000000000000.00, 0, 5e-324, 3.4e38, now(), now()::timetz, current_date, '0', '{{a,b},{c,d}}', '[2:3]={1,2}', '[]', '[]', decode(repeat('00ff', 3000), 'hex'), NULL, NULL, NULL, NULL, 'abcde', NULL, NULL,
   NULL, NULL, NULL, NULL, 0, NULL, NULL);
INSERT INTO desk.thing (id, tag) SELECT id, tag FROM asked;	-- fails: a superuser is no party
SET ROLE regress_mina;
INSERT INTO desk.thing (id, tag) VALUES ('2026-01-01 00:00:00.123456+00', 'a'), ('2026-06-30 23:30:00+02', 'b "quoted" \ ''key'''), ('2026-06-30 23:30:00.5+02', 'ünïcödé');
RESET ROLE;
GRANT SELECT ON asked TO PUBLIC;
SET client_min_messages = error;
-- asked and decided in sessions with different settings
SET DateStyle = 'SQL, DMY';
SET IntervalStyle = 'sql_standard';
SET bytea_output = 'escape';
SET extra_float_digits = -10;
SET search_path = desk, pg_catalog;
SET ROLE regress_asker;
DO $$
DECLARE cols text;
BEGIN
  SELECT string_agg(quote_ident(attname), ', ') INTO cols FROM pg_attribute
   WHERE attrelid = 'desk.thing'::regclass AND attnum > 3 AND NOT attisdropped;
  EXECUTE format('UPDATE desk.thing t SET (%1$s) = (SELECT %1$s FROM asked a WHERE a.id = t.id AND a.tag = t.tag)', cols);
END $$;
RESET ROLE;
SET DateStyle = 'German';
SET IntervalStyle = 'iso_8601';
SET TIME ZONE 'Asia/Tokyo';
SET bytea_output = 'hex';
SET extra_float_digits = 3;
SET lc_monetary = 'C';
RESET search_path;
SET ROLE regress_mina;
SELECT spine.approve_write(id) FROM spine.write_requests WHERE dataset = 'desk.things' ORDER BY id;
RESET ROLE;
RESET ALL;
SET client_min_messages = error;
SELECT count(*) FILTER (WHERE record_image_eq((a.num, a.scaled, a.f8, a.f4, a.ts, a.tz, a.d, a.iv, a.tags, a.nums, a.js, a.mood, a.pair, a.pairs, a.ch, a.net, a.u, a.r, a.bits, a.m, a.nothing, a.rel, a.q),
                                              (t.num, t.scaled, t.f8, t.f4, t.ts, t.tz, t.d, t.iv, t.tags, t.nums, t.js, t.mood, t.pair, t.pairs, t.ch, t.net, t.u, t.r, t.bits, t.m, t.nothing, t.rel, t.q))
         AND (a.jt::text, a.x::text, a.bytes, a.short::text) IS NOT DISTINCT FROM (t.jt::text, t.x::text, t.bytes, t.short::text)) AS same, count(*)
  FROM asked a JOIN desk.thing t USING (id, tag);
-- and a row is found again to be deleted
SET TIME ZONE 'America/St_Johns';
SET ROLE regress_asker;
DELETE FROM desk.thing;
SET TIME ZONE 'Asia/Tokyo';
SET ROLE regress_mina;
SELECT spine.approve_write(id) FROM spine.write_requests WHERE dataset = 'desk.things' AND status = 'pending' ORDER BY id;
SELECT count(*) FROM desk.thing;
RESET ROLE;
RESET TIME ZONE;
-- a value that the type refuses by now
SET ROLE regress_mina;
INSERT INTO desk.thing (id, tag) VALUES ('2026-01-01', 'z');
SET ROLE regress_asker;
UPDATE desk.thing SET short = 'bad' WHERE tag = 'z';
RESET ROLE;
ALTER DOMAIN desk.short ADD CHECK (VALUE <> 'bad');
SELECT id AS last FROM spine.write_requests WHERE status = 'pending' AND dataset = 'desk.things' \gset
SET ROLE regress_mina;
SELECT spine.approve_write(:last);							-- fails
RESET ROLE;
-- a column that is gone
ALTER TABLE desk.thing DROP COLUMN short;
SET ROLE regress_mina;
SELECT spine.approve_write(:last);
RESET ROLE;

-- recorded also where the dataset's audit would not have the write
CREATE TABLE desk.plain (id int PRIMARY KEY, state text NOT NULL DEFAULT 'draft', title text);
GRANT ALL ON desk.plain TO PUBLIC;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "contexts": {"desk": {"datasets": {"plain": {"relation": "desk.plain", "sot": {"store": "main"}, "audit": "none",
  "lifecycle": {"governing": "state", "contention": {"non_owner": "queue"}, "states": {"draft": {"initial": true, "owner": "keeper", "write": {"*": ["keeper"]}}}}}}}}}') > 0 AS applied;
SET ROLE regress_mina;
INSERT INTO desk.plain VALUES (1);
SET ROLE regress_asker;
UPDATE desk.plain SET title = 'asked';
SET ROLE regress_mina;
SELECT spine.approve_write(max(id)) FROM spine.write_requests WHERE dataset = 'desk.plain';
UPDATE desk.plain SET title = 'not recorded';
RESET ROLE;
SELECT action, via, new FROM spine.audit_trail WHERE dataset = 'desk.plain' ORDER BY xid, n;

-- partitions: the request is about the row, wherever it lies
CREATE TABLE desk.part (id int, state text NOT NULL DEFAULT 'draft', title text, PRIMARY KEY (id, state)) PARTITION BY LIST (state);
CREATE TABLE desk.part_a (junk int, title text, state text NOT NULL DEFAULT 'draft', id int NOT NULL);
ALTER TABLE desk.part_a DROP COLUMN junk;
ALTER TABLE desk.part ATTACH PARTITION desk.part_a FOR VALUES IN ('draft');
CREATE TABLE desk.part_b PARTITION OF desk.part DEFAULT;
GRANT ALL ON desk.part, desk.part_a TO PUBLIC;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "contexts": {"desk": {"datasets": {"parts": {"relation": "desk.part", "key": ["id"], "sot": {"store": "main"},
  "lifecycle": {"governing": "state", "contention": {"non_owner": "queue"}, "states": {"draft": {"initial": true, "owner": "keeper", "write": {"*": ["keeper"]}}, "open": {"owner": "maker"}}, "transitions": {"draft -> open": {"by": ["keeper"]}}}}}}}}') > 0 AS applied;
SET ROLE regress_mina;
INSERT INTO desk.part VALUES (1, 'draft', 'p');
SET client_min_messages = warning;
SET ROLE regress_asker;
UPDATE desk.part_a SET state = 'draft', title = 'by the leaf' WHERE id = 1;
UPDATE desk.part SET state = 'open', title = 'moved' WHERE id = 1;
RESET ROLE;
SELECT relation, key, old, new FROM spine.write_requests WHERE dataset = 'desk.parts' ORDER BY id;
SET ROLE regress_mina;
SELECT spine.approve_write(max(id)) FROM spine.write_requests WHERE dataset = 'desk.parts';
SELECT spine.approve_write(min(id)) FROM spine.write_requests WHERE dataset = 'desk.parts';
RESET ROLE;
SELECT tableoid::regclass, * FROM desk.part;
SELECT action, via, detail - 'request' AS detail FROM spine.audit_trail WHERE dataset = 'desk.parts' ORDER BY xid, n;

SELECT spine.detach_all() > 0 AS detached;
