-- The audit log itself: in the writer's transaction or not at all, whatever
-- the transaction does; who may read it; how it can be kept.
SET client_min_messages = warning;
CREATE ROLE regress_writer;
CREATE ROLE regress_definer;
CREATE ROLE regress_auditor IN ROLE spine_auditor;
CREATE ROLE regress_reader;
CREATE TABLE public.item (id int PRIMARY KEY, v int, note text);
CREATE TABLE public.tally (id int PRIMARY KEY, v int);
GRANT ALL ON public.item, public.tally TO regress_writer, regress_definer;
\set document '{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}}, "parties": {"writer": {"kind": "team", "role": "regress_writer"}, "definer": {"kind": "team", "role": "regress_definer"}}, "contexts": {"shop": {"owner": "writer", "datasets": {"items": {"relation": "public.item", "producers": ["definer"], "sot": {"store": "main", "locator": "public.item"}}, "tallies": {"relation": "public.tally", "sot": {"store": "main", "locator": "public.tally"}}}}}}'
SELECT severity, code, pointer, message FROM spine.validate(:'document') WHERE severity = 'error';
SELECT spine.apply(:'document');

-- one row a row, numbered through the transaction, one time a statement
SET application_name = 'trail';
SET ROLE regress_writer;
BEGIN;
INSERT INTO public.item SELECT g, g * 10, 'n' || g FROM generate_series(1, 3) g;
UPDATE public.item SET v = v + 1 WHERE id < 3;
UPDATE public.item SET v = v;					-- image-equal: not audited
DELETE FROM public.item WHERE id = 3;
COMMIT;
RESET ROLE;
SELECT n, rev, dataset, action, key, attributes, transition, actor, session_actor = session_user AS session, party,
       from_state, to_state, old, new, via, application, client, detail
FROM spine.audit_trail ORDER BY xid, n;
SELECT count(DISTINCT xid) AS transactions, count(DISTINCT at) AS times, bool_and(at BETWEEN now() - interval '5 minutes' AND now()) AS sane FROM spine.audit_log;

-- the log of a transaction by its id
SET ROLE regress_writer;
BEGIN;
UPDATE public.item SET v = 0 WHERE id = 1;
SELECT pg_current_xact_id() AS xid \gset
COMMIT;
RESET ROLE;
SELECT action, new FROM spine.audit_trail WHERE xid = :'xid';

-- savepoints: what was rolled back leaves no row, what was released does
SET ROLE regress_writer;
BEGIN;
UPDATE public.item SET v = 100 WHERE id = 1;
SAVEPOINT a;
UPDATE public.item SET v = 200 WHERE id = 1;
SAVEPOINT b;
UPDATE public.item SET v = 250 WHERE id = 1;
RELEASE b;
ROLLBACK TO a;
UPDATE public.item SET v = 300 WHERE id = 1;
RELEASE a;
SAVEPOINT c;
UPDATE public.item SET v = 400 WHERE id = 1;
SELECT pg_current_xact_id() AS xid \gset
COMMIT;
RESET ROLE;
SELECT n, new FROM spine.audit_log WHERE xid = :'xid' ORDER BY n;
SELECT count(*) AS before FROM spine.audit_log \gset
BEGIN;
UPDATE public.item SET v = -1 WHERE id = 1;		-- fails: not a party
ROLLBACK;
SET ROLE regress_writer;
BEGIN;
UPDATE public.item SET v = -1 WHERE id = 1;
ROLLBACK;
RESET ROLE;
SELECT count(*) - :before AS left_by_rollback FROM spine.audit_log;

-- a statement inside a statement, in a subtransaction that may abort, while
-- rows of the outer statement still wait
CREATE FUNCTION public.tally() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        UPDATE public.tally SET v = v + 1 WHERE id = NEW.id;
        IF NEW.id % 2 = 0 THEN
            RAISE EXCEPTION 'no';
        END IF;
    EXCEPTION WHEN raise_exception THEN
        NULL;
    END;
    RETURN NEW;
END $$;
CREATE TRIGGER tally BEFORE UPDATE ON public.item FOR EACH ROW EXECUTE FUNCTION public.tally();
SET ROLE regress_writer;
INSERT INTO public.tally SELECT g, 0 FROM generate_series(1, 6) g;
INSERT INTO public.item SELECT g, g FROM generate_series(4, 6) g;
BEGIN;
UPDATE public.item SET note = 'tallied';
SELECT pg_current_xact_id() AS xid \gset
COMMIT;
RESET ROLE;
SELECT dataset, action, key, new FROM spine.audit_log WHERE xid = :'xid' ORDER BY dataset, key;
SELECT count(*) = count(DISTINCT n) AS distinct_n FROM spine.audit_log WHERE xid = :'xid';
SELECT * FROM public.tally WHERE v > 0 ORDER BY id;
DROP TRIGGER tally ON public.item;

-- more rows than the buffer holds, in many levels
SET ROLE regress_writer;
INSERT INTO public.item SELECT g, 0 FROM generate_series(101, 2600) g;
DO $$
BEGIN
    FOR i IN 1..20 LOOP
        BEGIN
            UPDATE public.item SET v = i WHERE id > 100;
            IF i % 2 = 0 THEN
                RAISE EXCEPTION 'no';
            END IF;
        EXCEPTION WHEN raise_exception THEN
            NULL;
        END;
    END LOOP;
END $$;
RESET ROLE;
SELECT action, count(*), count(DISTINCT (xid, n)), sum((new ->> 'v')::int) FROM spine.audit_log WHERE (key ->> 'id')::int > 100 GROUP BY action ORDER BY action;

-- COPY, cursors, ON CONFLICT, MERGE, a large value
SET ROLE regress_writer;
COPY public.item FROM stdin;
3001	1	copied
\.
INSERT INTO public.item VALUES (3001, 2, 'again'), (3002, 2, 'new') ON CONFLICT (id) DO UPDATE SET v = excluded.v;
MERGE INTO public.item USING (VALUES (3001), (3003)) s(id) ON item.id = s.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (s.id, 9);
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM public.item WHERE id = 3002 FOR UPDATE;
FETCH c;
UPDATE public.item SET v = 3 WHERE CURRENT OF c;
COMMIT;
UPDATE public.item SET note = repeat('long ', 100000) WHERE id = 3002;
RESET ROLE;
SELECT action, key, attributes, length(new::text) FROM spine.audit_trail WHERE (key ->> 'id')::int > 3000 ORDER BY xid, n;

-- two-phase commit
SET ROLE regress_writer;
BEGIN;
UPDATE public.item SET v = 1 WHERE id = 3003;
PREPARE TRANSACTION 'regress_audit';
SELECT count(*) FROM public.item WHERE v = 1 AND id = 3003;
RESET ROLE;
SELECT count(*) FROM spine.audit_log WHERE key = '{"id": 3003}';
SET ROLE regress_writer;
COMMIT PREPARED 'regress_audit';
RESET ROLE;
SELECT action, new FROM spine.audit_log WHERE key = '{"id": 3003}' ORDER BY xid, n;

-- who acted: the role of the moment, and who logged in
CREATE FUNCTION public.touch(i int) RETURNS void LANGUAGE sql SECURITY DEFINER AS 'UPDATE public.item SET v = v + 1 WHERE id = i';
ALTER FUNCTION public.touch(int) OWNER TO regress_definer;
SET ROLE regress_writer;
BEGIN;
UPDATE public.item SET v = 7 WHERE id = 1;
SELECT public.touch(1);
UPDATE public.item SET v = 9 WHERE id = 1;
SELECT pg_current_xact_id() AS xid \gset
COMMIT;
RESET ROLE;
ALTER ROLE regress_writer RENAME TO regress_scribe;
SET ROLE regress_scribe;
SET application_name = '';
BEGIN;
UPDATE public.item SET v = 10 WHERE id = 1;
SELECT pg_current_xact_id() AS xid2 \gset
COMMIT;
RESET ROLE;
ALTER ROLE regress_scribe RENAME TO regress_writer;
SELECT actor, party, new, application FROM spine.audit_trail WHERE xid IN (:'xid', :'xid2') ORDER BY xid, n;

-- who may read it, and that nobody writes it
SET ROLE regress_auditor;
SELECT count(*) > 0 AS seen FROM spine.audit_trail;
SELECT count(*) FROM spine.denied;
SELECT count(*) FROM spine.outbox;				-- fails
INSERT INTO spine.audit_log (at) VALUES (now());	-- fails
UPDATE spine.audit_log SET actor = 'me';		-- fails
DELETE FROM spine.audit_log;					-- fails
DELETE FROM spine.audit_log_default;			-- fails
TRUNCATE spine.audit_log;						-- fails
DELETE FROM spine.audit_trail;					-- fails
SET ROLE regress_reader;
SELECT count(*) FROM spine.audit_trail;			-- fails
SELECT count(*) FROM spine.audit_log_default;	-- fails
SELECT count(*) FROM spine.denied;				-- fails
RESET ROLE;
SELECT relname, relacl::text FROM pg_class
WHERE relnamespace = 'spine'::regnamespace AND relname IN ('audit_log', 'audit_log_default', 'denied_log', 'outbox', 'audit_trail', 'denied')
  AND relacl::text ~ '[{,](spine_[a-z]+)?=[^/]*[awdD]';		-- nobody: no rows

-- months of their own: another column order, dropped columns, indexes
CREATE TABLE spine.regress_month (detail jsonb, junk int, new jsonb, at timestamptz NOT NULL, xid xid8 NOT NULL, n integer NOT NULL,
    rev bigint NOT NULL, dataset text NOT NULL, action text NOT NULL, key jsonb, actor text NOT NULL, session_actor text NOT NULL,
    party text, from_state text, to_state text, old jsonb, rule text, via text NOT NULL, application text, client inet);
ALTER TABLE spine.regress_month DROP COLUMN junk;
SELECT clock_timestamp() AS start \gset
ALTER TABLE spine.audit_log ATTACH PARTITION spine.regress_month FOR VALUES FROM (:'start') TO ('2999-01-01');
SET ROLE regress_writer;
UPDATE public.item SET v = 1 WHERE id < 3;
RESET ROLE;
CREATE INDEX ON spine.regress_month USING brin (at);
CREATE UNIQUE INDEX ON spine.regress_month (xid, n);
CREATE INDEX ON spine.regress_month ((new ->> 'v')) WHERE action = 'update';
SET ROLE regress_writer;
UPDATE public.item SET v = 2 WHERE id < 3;
INSERT INTO public.item SELECT g, 5, repeat('long ', g) FROM generate_series(4001, 4300) g;
RESET ROLE;
SELECT tableoid::regclass, action, count(*), sum((new ->> 'v')::int) AS v, count(new ->> 'note') AS notes FROM spine.audit_log WHERE at >= :'start' GROUP BY 1, 2 ORDER BY 2;
SET enable_seqscan = off;
SELECT count(*) FROM spine.regress_month WHERE new ->> 'v' = '2' AND action = 'update';
RESET enable_seqscan;
-- a constraint of that month holds too, and refuses the write
ALTER TABLE spine.regress_month ADD CONSTRAINT few CHECK (n < 2) NOT VALID;
SET ROLE regress_writer;
UPDATE public.item SET v = 3 WHERE id < 3;		-- fails
UPDATE public.item SET v = 3 WHERE id = 1;
RESET ROLE;
SELECT id, v FROM public.item WHERE id < 3 ORDER BY id;
ALTER TABLE spine.audit_log DETACH PARTITION spine.regress_month;
DROP TABLE spine.regress_month;

-- where it cannot be recorded, it is not written
BEGIN;
ALTER TABLE spine.audit_log RENAME TO elsewhere;
SET LOCAL ROLE regress_writer;
UPDATE public.item SET v = 4 WHERE id = 1;		-- fails
ROLLBACK;
BEGIN;
ALTER TABLE spine.audit_log DETACH PARTITION spine.audit_log_default;
SET LOCAL ROLE regress_writer;
UPDATE public.item SET v = 4 WHERE id = 1;		-- fails
ROLLBACK;
SELECT id, v FROM public.item WHERE id = 1;

SELECT spine.detach_all();
