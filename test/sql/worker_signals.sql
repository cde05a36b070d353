-- Signals: the job announces each row of the outbox once, when its transaction
-- is committed, whatever order they commit in.  (The NOTIFY itself names a
-- process: test/t/020_workers.pl reads it.)

CREATE ROLE regress_maker;
CREATE SCHEMA desk;
CREATE TABLE desk.ticket (id int PRIMARY KEY, state text NOT NULL DEFAULT 'draft');
GRANT USAGE ON SCHEMA desk TO regress_maker;
GRANT ALL ON desk.ticket TO regress_maker;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1",
  "stores": {"main": {"kind": "postgres"}},
  "parties": {"maker": {"kind": "service", "role": "regress_maker"}},
  "contexts": {"desk": {"owner": "maker", "datasets": {"tickets": {"relation": "desk.ticket",
    "sot": {"store": "main"}, "lifecycle": {"governing": "state",
      "states": {"draft": {"initial": true, "owner": "maker"}, "open": {"owner": "maker"}},
      "transitions": {"draft -> open": {"by": ["maker"], "handoff": [{"notify": "opened"}, {"snapshot": ["id"]}]}}
  }}}}}}');

-- What is still to be announced.
CREATE VIEW public.waiting AS
    SELECT count(*) FROM spine.outbox o, spine.outbox_progress p
     WHERE p.part = 'tail' AND NOT pg_visible_in_snapshot(o.xid, p.seen) AND o.kind IN ('signal', 'notify');

SET ROLE regress_maker;
INSERT INTO desk.ticket SELECT generate_series(1, 10);
UPDATE desk.ticket SET state = 'open' WHERE id = 1;
RESET ROLE;
TABLE public.waiting;
CALL spine.run_jobs('signals');
TABLE public.waiting;

-- A prepared transaction is late: others that began after it go ahead.
SET ROLE regress_maker;
BEGIN;
UPDATE desk.ticket SET state = 'open' WHERE id = 2;
PREPARE TRANSACTION 'regress_late';
UPDATE desk.ticket SET state = 'open' WHERE id = 3;
RESET ROLE;
CALL spine.run_jobs('signals');
CALL spine.run_jobs('signals');
CALL spine.run_jobs('signals');
TABLE public.waiting;
COMMIT PREPARED 'regress_late';
TABLE public.waiting;
CALL spine.run_jobs('signals');
TABLE public.waiting;

-- Where nothing is new, nothing is written.
CALL spine.run_jobs('signals');
CALL spine.run_jobs('signals');
SELECT xmin AS before FROM spine.outbox_progress WHERE part = 'tail' \gset
CALL spine.run_jobs('signals');
SELECT xmin = :'before'::xid AS untouched FROM spine.outbox_progress WHERE part = 'tail';
SET ROLE regress_maker;
UPDATE desk.ticket SET state = 'open' WHERE id = 4;
RESET ROLE;
TABLE public.waiting;
CALL spine.run_jobs('signals');
TABLE public.waiting;

-- More transactions than one run announces.
DO $$
BEGIN
    SET LOCAL synchronous_commit = off;
    FOR i IN 1 .. 10200 LOOP
        INSERT INTO spine.outbox VALUES (clock_timestamp(), pg_current_xact_id(), 1, 'signal', 'many',
                                         'desk.tickets', NULL, NULL, current_user);
        COMMIT;
    END LOOP;
END$$;
TABLE public.waiting;
SELECT runs AS before FROM spine.job WHERE name = 'signals' \gset
CALL spine.run_jobs('signals');
TABLE public.waiting;
SELECT runs - :before AS runs FROM spine.job WHERE name = 'signals';

-- A large outbox has two parts; what fills room in front waits for a minute.
INSERT INTO spine.outbox SELECT now(), '3', i, 'signal', 'bulk', repeat('x', 900), NULL, NULL, 'x'
  FROM generate_series(1, 30000) i;
CALL spine.run_jobs('signals');
SELECT part, from_page > 1024 AS cut FROM spine.outbox_progress ORDER BY part;
DELETE FROM spine.outbox WHERE ctid < '(100,0)';
VACUUM spine.outbox;
INSERT INTO spine.outbox SELECT now(), pg_current_xact_id(), 1, 'signal', 'front', NULL, NULL, NULL, 'x'
  FROM generate_series(1, 100);
SELECT count(*) > 0 AS in_front FROM spine.outbox WHERE topic = 'front' AND ctid < '(100,0)';
CREATE VIEW public.waiting_in_front AS
    SELECT count(*) > 0 AS some FROM spine.outbox o, spine.outbox_progress p
     WHERE p.part = 'head' AND NOT pg_visible_in_snapshot(o.xid, p.seen) AND o.topic = 'front';
CALL spine.run_jobs('signals');
TABLE public.waiting_in_front;
UPDATE spine.outbox_progress SET ran_at = now() - interval '61 s';
CALL spine.run_jobs('signals');
TABLE public.waiting_in_front;
TRUNCATE spine.outbox;
SET ROLE regress_maker;
UPDATE desk.ticket SET state = 'open' WHERE id = 5;
RESET ROLE;
CALL spine.run_jobs('signals');
SELECT part, from_page FROM spine.outbox_progress ORDER BY part;
TABLE public.waiting;

-- What a restore brings was announced elsewhere.
INSERT INTO spine.outbox VALUES ('2001-01-01', '18446744073709551000', 1, 'signal', 'old', NULL, NULL, NULL, 'x');
CALL spine.run_jobs('signals');
SELECT ok FROM spine.job WHERE name = 'signals';
