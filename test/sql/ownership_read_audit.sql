-- audit_reads: one row for each statement and governed relation that it reads,
-- whichever way, in the reader's own transaction.
SET client_min_messages = warning;
LOAD 'spine';
CREATE ROLE regress_reader;
CREATE ROLE regress_other;
CREATE ROLE regress_holder;
GRANT spine_auditor TO regress_other;
CREATE SCHEMA "Au d";
CREATE TABLE "Au d".base (gone int, id int PRIMARY KEY, name text, secret text, st text NOT NULL DEFAULT 'a') PARTITION BY RANGE (id);
ALTER TABLE "Au d".base DROP COLUMN gone;
CREATE TABLE "Au d"."lèaf" PARTITION OF "Au d".base FOR VALUES FROM (0) TO (100);
CREATE TABLE "Au d".rest PARTITION OF "Au d".base DEFAULT;
CREATE TABLE "Au d".child (id int PRIMARY KEY, base int REFERENCES "Au d".base ON DELETE CASCADE, n int);
CREATE TABLE "Au d".plain (id int PRIMARY KEY, base int REFERENCES "Au d".base);
INSERT INTO "Au d".base VALUES (1, 'one', 's1'), (2, 'two', 's2'), (200, 'many', 's3');
INSERT INTO "Au d".child VALUES (1, 1, 1);
ALTER TABLE "Au d".base OWNER TO regress_holder;
GRANT USAGE, CREATE ON SCHEMA "Au d" TO regress_holder;
GRANT USAGE ON SCHEMA "Au d" TO PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "Au d" TO regress_reader, regress_other;
\set doc '{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}}, "parties": {"p": {"kind": "team", "role": "regress_reader"}, "q": {"kind": "team", "role": "regress_other"}}, "contexts": {"c": {"owner": "p", "datasets": {"d": {"relation": "\\"Au d\\".base", "sot": {"store": "main"}, "audit_reads": 1, "read_view": "\\"Au d\\".seen", "allow_fk_actions": [], "lifecycle": {"governing": "st", "states": {"a": {"initial": true, "owner": "p", "delete": ["p"], "write": {"*": ["p"]}}}, "transitions": {}, "children": {"kids": {"relation": "\\"Au d\\".child", "via": ["base"], "write": {"a": ["p"]}}}}}}}}}'

-- before it is asked for, nothing is recorded
SET ROLE regress_reader;
SELECT count(*) FROM "Au d".base;
RESET ROLE;
SELECT spine.apply(:'doc');
SELECT count(*) FROM spine.read_log;
GRANT SELECT ON "Au d".seen TO regress_other, regress_reader;

-- what was recorded since it was last asked
CREATE TABLE asked (n bigint);
INSERT INTO asked VALUES (0);
GRANT SELECT, UPDATE ON asked TO PUBLIC;
CREATE FUNCTION news() RETURNS TABLE (dataset text, relation text, columns text, actor text, command text, detail jsonb) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE seen bigint;
BEGIN
    SELECT n INTO seen FROM public.asked;
    RETURN QUERY SELECT l.dataset, l.relation, l.columns::text, l.actor, l.command, l.detail FROM spine.read_log l ORDER BY l.ctid OFFSET seen;
    UPDATE public.asked SET n = (SELECT count(*) FROM spine.read_log);
END $$;

-- ---- the plain ways ----
SET ROLE regress_reader;
SELECT name FROM "Au d".base WHERE id = 1;
SELECT * FROM "Au d"."lèaf" ORDER BY id;
SELECT b FROM "Au d".base b WHERE id = 2;
SELECT count(*) FROM "Au d".base;
SELECT ctid IS NOT NULL FROM "Au d".base WHERE id = 1;
SELECT * FROM news();
-- two relations, one statement; the same relation twice; a child table
SELECT b.name FROM "Au d".base b JOIN "Au d".child c ON c.base = b.id JOIN "Au d".base b2 ON b2.id = b.id;
WITH x AS (SELECT secret FROM "Au d".base) SELECT 1;
SELECT (SELECT max(name) FROM "Au d".base) FROM "Au d".plain;
SELECT * FROM news();
-- COPY, of the table and of a query
COPY "Au d"."lèaf" (name) TO STDOUT;
COPY (SELECT name FROM "Au d".base WHERE id = 1) TO STDOUT;
SELECT * FROM news();
-- through views, ours and others
RESET ROLE;
CREATE VIEW "Au d"."v v" AS SELECT id, name FROM "Au d".base;
GRANT SELECT ON "Au d"."v v" TO regress_other;
SET ROLE regress_other;
SELECT name FROM "Au d"."v v" WHERE id = 1;
SELECT id FROM "Au d".seen ORDER BY id;
SELECT * FROM news();
-- writes that read, and writes that do not
SET ROLE regress_reader;
UPDATE "Au d".base SET name = 'uno' WHERE id = 1;
UPDATE "Au d".base SET name = 'all';
UPDATE "Au d".base SET name = 'one' WHERE id = 1 RETURNING secret;
INSERT INTO "Au d".base VALUES (3, 'three', 's3');
INSERT INTO "Au d".base VALUES (3, 'three', 's3') ON CONFLICT (id) DO UPDATE SET name = 'again' RETURNING name;
DELETE FROM "Au d".base WHERE id = 3;
MERGE INTO "Au d".base b USING (VALUES (2)) v (id) ON b.id = v.id WHEN MATCHED THEN UPDATE SET name = 'merged';
SELECT id FROM "Au d".base WHERE id = 1 FOR UPDATE;
SELECT * FROM news();
-- foreign keys check and lock, which reads nothing
INSERT INTO "Au d".plain VALUES (1, 1);
SELECT * FROM news();
-- CREATE TABLE AS, SELECT INTO, EXPLAIN ANALYZE read; EXPLAIN, PREPARE and DECLARE ... see
CREATE TEMP TABLE copied AS SELECT name FROM "Au d".base;
SELECT name INTO TEMP copied2 FROM "Au d".base;
DO $$ BEGIN EXECUTE 'EXPLAIN ANALYZE SELECT 1 FROM "Au d".rest WHERE name IS NULL'; END $$;
SELECT * FROM news();
EXPLAIN (COSTS OFF) SELECT name FROM "Au d".rest;
PREPARE q AS SELECT name FROM "Au d".rest;
SELECT * FROM news();
-- each execution is a read, by whoever executes it
SET plan_cache_mode = force_generic_plan;
EXECUTE q;
SET ROLE regress_other;
EXECUTE q;
SET ROLE regress_reader;
BEGIN;
DECLARE c CURSOR FOR SELECT name FROM "Au d".base;
CLOSE c;
COMMIT;
SELECT * FROM news();
-- functions: SQL, plpgsql, SECURITY DEFINER, DO
RESET ROLE;
CREATE FUNCTION "Au d".f() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(secret) FROM "Au d".base';
CREATE FUNCTION "Au d".g() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(secret) FROM "Au d".base); END $$;
ALTER FUNCTION "Au d".f() OWNER TO regress_holder;
SET ROLE regress_other;
SELECT "Au d".f(), "Au d".g();
DO $$ BEGIN PERFORM name FROM "Au d".rest; END $$;
SELECT * FROM news();
-- who may not read is refused, and nothing is recorded
RESET ROLE;
CREATE ROLE regress_nobody;
SET ROLE regress_nobody;
SELECT name FROM "Au d".base;
RESET ROLE;
SELECT * FROM news();
-- another search_path, a table of the same name
SET search_path = "Au d", pg_catalog;
CREATE TEMP TABLE base (id int);
SELECT count(*) FROM base;
SELECT count(id) FROM "Au d".base;
SELECT * FROM public.news();
DROP TABLE pg_temp.base;
RESET search_path;

-- ---- in parallel: the leader records, once ----
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT count(secret) FROM "Au d".base;
SELECT * FROM news();
RESET max_parallel_workers_per_gather;
RESET min_parallel_table_scan_size;
RESET parallel_tuple_cost;
RESET parallel_setup_cost;

-- ---- transactions ----
-- one that is rolled back leaves its trace in the server's log, as does a savepoint
CREATE FUNCTION in_log() RETURNS text LANGUAGE sql AS $$ SELECT substring(detail from 'log alone: .*') FROM spine.health() WHERE check_name = 'audit_reads' $$;
SELECT in_log();
BEGIN;
SELECT count(name) FROM "Au d".base;
SELECT count(name) FROM "Au d".base;
ROLLBACK;
SELECT in_log();
BEGIN;
SELECT count(id) FROM "Au d".base;
SAVEPOINT a;
SAVEPOINT b;
SELECT count(secret) FROM "Au d".base;
RELEASE b;
ROLLBACK TO a;
COMMIT;
SELECT in_log();
SELECT * FROM news();
BEGIN;
SAVEPOINT a;
SELECT count(id) FROM "Au d".base;
RELEASE a;
SAVEPOINT b;
ROLLBACK TO b;
COMMIT;
SELECT in_log();
SELECT * FROM news();
-- so does a statement that fails
SELECT 1 / (id - id) FROM "Au d".base;
SELECT in_log();
-- and a transaction that may not write
BEGIN READ ONLY;
SELECT count(name) FROM "Au d".base;
COMMIT;
SELECT in_log();
SELECT * FROM news();
-- deferred triggers read before the commit, and that is recorded
CREATE FUNCTION "Au d".late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM secret FROM "Au d".rest; RETURN NULL; END $$;
CREATE TABLE "Au d".notes (id int);
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON "Au d".notes DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION "Au d".late();
INSERT INTO "Au d".notes VALUES (1);
SELECT * FROM news();
-- who, from where
SET application_name = 'auditing';
SELECT count(name) FROM "Au d".base;
RESET application_name;
SELECT xid IS NOT NULL AS xid, at <= clock_timestamp() AS at, actor = session_actor AS actor, application, client, share FROM spine.read_log ORDER BY ctid DESC LIMIT 1;
SELECT count(*) > 0 FROM news();

-- ---- the log itself ----
SET ROLE regress_other;
SELECT count(*) > 0 FROM spine.read_log;
INSERT INTO spine.read_log SELECT * FROM spine.read_log LIMIT 1;
SET ROLE regress_reader;
SELECT count(*) > 0 FROM spine.read_log;
RESET ROLE;
UPDATE spine.read_log SET actor = 'nobody';
DELETE FROM spine.read_log;
TRUNCATE spine.read_log;
-- what cannot be recorded is not read
BEGIN;
ALTER TABLE spine.read_log RENAME TO elsewhere;
SELECT count(name) FROM "Au d".base;
ROLLBACK;
BEGIN;
ALTER TABLE spine.read_log ALTER COLUMN command TYPE varchar;
SELECT count(name) FROM "Au d".base;
ROLLBACK;
-- an index or a check that somebody adds is kept
CREATE INDEX ON spine.read_log (dataset);
ALTER TABLE spine.read_log ADD CONSTRAINT known CHECK (actor <> 'regress_other') NOT VALID;
SELECT count(name) FROM "Au d".base;
SELECT count(*) FROM spine.read_log \gset before_
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT count(*) = :before_count FROM spine.read_log WHERE dataset > 'a';
RESET enable_bitmapscan;
RESET enable_seqscan;
\set VERBOSITY terse
SET ROLE regress_other;
SELECT count(name) FROM "Au d".base;
RESET ROLE;
\set VERBOSITY default
ALTER TABLE spine.read_log DROP CONSTRAINT known;
SELECT count(*) FROM news();

-- ---- what is audited follows the document at once ----
SELECT spine.apply(spine.export() #- '{contexts,c,datasets,d,audit_reads}') > 0;
SELECT count(name) FROM "Au d".base;
SELECT count(name) FROM "Au d"."lèaf";
SELECT * FROM news();
SELECT count(*) FROM spine.health() WHERE check_name = 'audit_reads';
SELECT spine.apply(jsonb_set(spine.export(), '{contexts,c,datasets,d,audit_reads}', '0.25')) > 0;
DO $$ BEGIN FOR i IN 1..2000 LOOP PERFORM name FROM "Au d"."lèaf"; END LOOP; END $$;
SELECT count(*) BETWEEN 400 AND 600 AS a_quarter, min(relation), count(DISTINCT command) FROM news();
SELECT DISTINCT share FROM spine.read_log ORDER BY 1;
SELECT spine.apply(jsonb_set(spine.export(), '{contexts,c,datasets,d,audit_reads}', '1')) > 0;
-- a partition that leaves is no longer governed; one that comes is
ALTER TABLE "Au d".base DETACH PARTITION "Au d".rest;
SELECT count(name) FROM "Au d".rest;
SELECT * FROM news();
ALTER TABLE "Au d".base ATTACH PARTITION "Au d".rest DEFAULT;
SELECT count(name) FROM "Au d".rest;
SELECT * FROM news();
SELECT ok, detail, hint FROM spine.health() WHERE check_name = 'audit_reads';
SELECT severity, code, pointer, message FROM spine.validate(jsonb_set(:'doc', '{contexts,c,datasets,d,audit_reads}', '2')) WHERE severity = 'error';
SELECT spine.detach_all();
DROP SCHEMA "Au d" CASCADE;
DROP EXTENSION spine;
