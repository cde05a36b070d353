-- The buffer of audit rows where statements fail, are cancelled or run others:
-- a row of each committed write, none of an undone one.
SET client_min_messages = warning;
CREATE ROLE regress_writer;
CREATE TABLE public.item (id int PRIMARY KEY, v int);
GRANT ALL ON public.item TO regress_writer;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}}, "parties": {"writer": {"kind": "team", "role": "regress_writer"}}, "contexts": {"shop": {"owner": "writer", "datasets": {"items": {"relation": "public.item", "sot": {"store": "main", "locator": "public.item"}}}}}}');
CREATE VIEW public.differs AS
    SELECT i.id, i.v, l.v AS audited
    FROM public.item i FULL JOIN (
        SELECT DISTINCT ON (key) (key ->> 'id')::int AS id, (new ->> 'v')::int AS v
        FROM spine.audit_log WHERE dataset = 'shop.items' ORDER BY key, xid DESC, n DESC) l ON l.id = i.id
    WHERE i.v IS DISTINCT FROM l.v;
SET ROLE regress_writer;
INSERT INTO public.item SELECT g, 0 FROM generate_series(1, 3000) g;

-- a statement that fails beyond what the buffer holds, caught and not
BEGIN;
SAVEPOINT a;
UPDATE public.item SET v = 1 / (2500 - id);		-- fails
ROLLBACK TO a;
UPDATE public.item SET v = 1 WHERE id = 1;
COMMIT;
UPDATE public.item SET v = 1 / (2500 - id);		-- fails
DO $$
BEGIN
    UPDATE public.item SET v = 2 WHERE id <= 1500;
    BEGIN
        UPDATE public.item SET v = 1 / (2500 - id);
    EXCEPTION WHEN division_by_zero THEN
        UPDATE public.item SET v = 3 WHERE id <= 10;
    END;
END $$;

-- cancelled in the middle
\set SHOW_CONTEXT never
SET statement_timeout = '50ms';
DO $$
BEGIN
    UPDATE public.item SET v = 4;
    LOOP
        UPDATE public.item SET v = v + 1 WHERE id = 1;
    END LOOP;
END $$;											-- fails
RESET statement_timeout;
\unset SHOW_CONTEXT
RESET ROLE;
SELECT count(*) FROM public.differs;

-- the log refuses a row in the middle of a flush: the write fails, and the
-- rows that wait around it stay
ALTER TABLE spine.audit_log_default ADD CONSTRAINT few CHECK (coalesce((new ->> 'v')::int, 0) <> 66) NOT VALID;
SET ROLE regress_writer;
BEGIN;
UPDATE public.item SET v = 5 WHERE id < 10;
SAVEPOINT a;
UPDATE public.item SET v = CASE WHEN id = 20 THEN 66 ELSE 6 END WHERE id BETWEEN 10 AND 30;	-- fails
ROLLBACK TO a;
UPDATE public.item SET v = 7 WHERE id BETWEEN 10 AND 12;
SAVEPOINT b;
UPDATE public.item SET v = 66 WHERE id = 13;	-- fails
ROLLBACK TO b;
UPDATE public.item SET v = 8 WHERE id = 13;
COMMIT;
RESET ROLE;
ALTER TABLE spine.audit_log_default DROP CONSTRAINT few;
SELECT count(*) FROM public.differs;
SELECT v, count(*) FROM public.item WHERE id <= 30 GROUP BY v ORDER BY v;

-- an index that somebody gave the log calls a function with subtransactions
-- of its own, one that commits and one that aborts: every row still arrives
CREATE FUNCTION public.careful(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    BEGIN
        IF i % 2 = 0 THEN
            RAISE EXCEPTION 'no';
        END IF;
    EXCEPTION WHEN raise_exception THEN
        RETURN -i;
    END;
    RETURN i;
END $$;
CREATE INDEX careful ON spine.audit_log_default (public.careful(n));
SET ROLE regress_writer;
BEGIN;
UPDATE public.item SET v = 9 WHERE id <= 700;
SELECT pg_current_xact_id() AS xid \gset
COMMIT;
RESET ROLE;
SELECT count(*), count(DISTINCT n) FROM spine.audit_log WHERE xid = :'xid';
SET enable_seqscan = off;
SELECT count(*) FROM spine.audit_log_default WHERE public.careful(n) < 0 AND xid = :'xid';
RESET enable_seqscan;
DROP INDEX spine.careful;
SELECT count(*) FROM public.differs;

-- prepared with rows of savepoints kept and undone, committed elsewhere
SET ROLE regress_writer;
BEGIN;
UPDATE public.item SET v = 10 WHERE id = 1;
SAVEPOINT a;
UPDATE public.item SET v = 11 WHERE id = 2;
ROLLBACK TO a;
SAVEPOINT b;
UPDATE public.item SET v = 12 WHERE id = 3;
RELEASE b;
PREPARE TRANSACTION 'regress_buffer';
\c - -
SELECT count(*) FROM public.differs;
COMMIT PREPARED 'regress_buffer';
SELECT count(*) FROM public.differs;
SELECT id, v FROM public.item WHERE id <= 3 ORDER BY id;

SELECT spine.detach_all();
