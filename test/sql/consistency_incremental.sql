-- incremental digests: what spine.digest gives, whatever happened since the
-- last one; how it was got, who may ask, and what is cached at all.
SET client_min_messages = warning;
CREATE ROLE regress_reader;
CREATE SCHEMA inc;
GRANT USAGE ON SCHEMA inc TO regress_reader;

-- Does the cache agree with all rows, in one statement?  And how did it go?
CREATE FUNCTION inc.proof(rel regclass, columns text[] DEFAULT NULL)
    RETURNS TABLE (same boolean, method text, reason text, hashed bigint) LANGUAGE plpgsql AS $$
BEGIN
    SELECT bool_and(a.digest = b.digest AND a.rows = b.rows) INTO same
      FROM spine.digest_incremental(rel, columns) a, spine.digest(rel, columns) b;
    SELECT l.method, l.reason, l.rows_hashed INTO method, reason, hashed FROM spine.last_incremental() l;
    RETURN NEXT;
END $$;

-- Built, unchanged, changed, unchanged.
CREATE TABLE inc.t (id int PRIMARY KEY, a int, b text) WITH (autovacuum_enabled = off, fillfactor = 90);
SELECT * FROM spine.last_incremental();
SELECT * FROM inc.proof('inc.t');
INSERT INTO inc.t SELECT i, i % 7, 'row ' || i FROM generate_series(1, 5000) i;
SELECT * FROM inc.proof('inc.t');
SELECT * FROM inc.proof('inc.t');
UPDATE inc.t SET a = -1 WHERE id % 100 = 1;
SELECT * FROM inc.proof('inc.t');
DELETE FROM inc.t WHERE id % 100 = 2;
SELECT * FROM inc.proof('inc.t');

-- Uncommitted, savepoints, abort.  Own rows are seen.
BEGIN;
UPDATE inc.t SET b = 'mine' WHERE id < 30;
SELECT same, method FROM inc.proof('inc.t');
SAVEPOINT s;
DELETE FROM inc.t WHERE id > 4000;
INSERT INTO inc.t VALUES (10001, 1, 'new');
SELECT same, method FROM inc.proof('inc.t');
ROLLBACK TO s;
SELECT same, method FROM inc.proof('inc.t');
INSERT INTO inc.t VALUES (10002, 1, 'new');
ROLLBACK;
SELECT same, method FROM inc.proof('inc.t');
SELECT same, method FROM inc.proof('inc.t');

-- Rows that are locked are the same rows; so are frozen and moved ones.
BEGIN;
SELECT count(*) FROM (SELECT FROM inc.t WHERE id < 200 FOR SHARE) s;
SELECT same, hashed FROM inc.proof('inc.t');
COMMIT;
VACUUM inc.t;
SELECT same, hashed FROM inc.proof('inc.t');
VACUUM FREEZE inc.t;
SELECT same, hashed FROM inc.proof('inc.t');
INSERT INTO inc.t SELECT i, 0, 'again ' || i FROM generate_series(20000, 20100) i;
SELECT same, method FROM inc.proof('inc.t');
INSERT INTO inc.t VALUES (20000, 1, 'x') ON CONFLICT (id) DO UPDATE SET a = 99;
INSERT INTO inc.t VALUES (20200, 1, 'x') ON CONFLICT DO NOTHING;
SELECT same, method FROM inc.proof('inc.t');

-- The table gets shorter, and longer again.
DELETE FROM inc.t WHERE id > 2000;
VACUUM inc.t;
SELECT same, method FROM inc.proof('inc.t');
INSERT INTO inc.t SELECT i, 0, 'third ' || i FROM generate_series(30000, 34000) i;
SELECT same, method FROM inc.proof('inc.t');
SELECT pages > 0 AS some, wrong FROM spine.scrub_digest('inc.t');

-- Buckets: of divisors of what is kept, and of any other number.
SELECT n, bool_and(a.digest = b.digest AND a.rows = b.rows) AS same
  FROM unnest(ARRAY[1, 2, 64, 4096, 3, 1000, 8192]) n,
       LATERAL spine.digest('inc.t', buckets => n) a
  JOIN LATERAL spine.digest_incremental('inc.t', buckets => n) b USING (bucket) GROUP BY n ORDER BY n;

-- Rewritten, cut, of another shape.
SELECT method FROM inc.proof('inc.t');
VACUUM FULL inc.t;
SELECT * FROM inc.proof('inc.t');
ALTER TABLE inc.t ADD COLUMN late int DEFAULT 5;
SELECT * FROM inc.proof('inc.t');
UPDATE inc.t SET late = 6 WHERE id < 10;
SELECT * FROM inc.proof('inc.t');
ALTER TABLE inc.t DROP COLUMN b;
SELECT * FROM inc.proof('inc.t');
ALTER TABLE inc.t ALTER a TYPE bigint;
SELECT * FROM inc.proof('inc.t');
ALTER TABLE inc.t RENAME a TO other;
SELECT same, method FROM inc.proof('inc.t');
BEGIN;
TRUNCATE inc.t;
SELECT * FROM inc.proof('inc.t');
INSERT INTO inc.t VALUES (1, 2, 3);
SELECT * FROM inc.proof('inc.t');
ROLLBACK;
SELECT same, method FROM inc.proof('inc.t');
TRUNCATE inc.t;
SELECT * FROM inc.proof('inc.t');

-- What is behind a type: labels of enums, attributes of composites.
CREATE TYPE inc.mood AS ENUM ('sad', 'glad');
CREATE TYPE inc.pair AS (l int, r inc.mood);
CREATE DOMAIN inc.moods AS inc.mood[];
CREATE TABLE inc.typed (id int, m inc.mood, p inc.pair, d inc.moods);
INSERT INTO inc.typed SELECT i, 'sad', ROW(i, 'glad'::inc.mood)::inc.pair, ARRAY['sad', 'glad']::inc.mood[] FROM generate_series(1, 100) i;
SELECT * FROM inc.proof('inc.typed');
SELECT * FROM inc.proof('inc.typed');
ALTER TYPE inc.mood RENAME VALUE 'sad' TO 'blue';
SELECT * FROM inc.proof('inc.typed');
ALTER TYPE inc.pair ADD ATTRIBUTE x text;
SELECT * FROM inc.proof('inc.typed');
SELECT * FROM inc.proof('inc.typed', ARRAY['p']);
SELECT * FROM inc.proof('inc.typed', ARRAY['p']);

-- Toast; more tuples on a page than a word has bits; no key, duplicates.
CREATE TABLE inc.toast (id int, v text);
ALTER TABLE inc.toast ALTER v SET STORAGE EXTERNAL;
INSERT INTO inc.toast SELECT i, repeat('long ', 1000 + i) FROM generate_series(1, 50) i;
SELECT same, method FROM inc.proof('inc.toast');
UPDATE inc.toast SET v = v || 'er' WHERE id % 5 = 0;
DELETE FROM inc.toast WHERE id % 5 = 1;
SELECT same, method FROM inc.proof('inc.toast');
CREATE TABLE inc.narrow (n int2) WITH (autovacuum_enabled = off);
INSERT INTO inc.narrow SELECT i % 5 FROM generate_series(1, 1000) i;
SELECT same, method FROM inc.proof('inc.narrow');
DELETE FROM inc.narrow WHERE ctid IN ('(0,1)', '(0,64)', '(0,65)', '(0,200)');
UPDATE inc.narrow SET n = 7 WHERE ctid IN ('(0,2)', '(0,201)');
SELECT same, method FROM inc.proof('inc.narrow');
VACUUM inc.narrow;
INSERT INTO inc.narrow SELECT 9 FROM generate_series(1, 5);
SELECT same, method FROM inc.proof('inc.narrow');
SELECT wrong FROM spine.scrub_digest('inc.narrow');

-- A partitioned table has a cache for each leaf.
CREATE TABLE inc.parted (id int, v text, n numeric) PARTITION BY RANGE (id);
CREATE TABLE inc.parted_1 PARTITION OF inc.parted FOR VALUES FROM (0) TO (100);
CREATE TABLE inc.parted_2 (n numeric, gone int, id int, v text);
ALTER TABLE inc.parted_2 DROP COLUMN gone;
ALTER TABLE inc.parted ATTACH PARTITION inc.parted_2 FOR VALUES FROM (100) TO (200);
INSERT INTO inc.parted SELECT i, 'v' || i, i FROM generate_series(0, 199) i;
SELECT * FROM inc.proof('inc.parted');
UPDATE inc.parted SET id = id + 100 WHERE id = 1;
SELECT same, method FROM inc.proof('inc.parted');
ALTER TABLE inc.parted DETACH PARTITION inc.parted_1;
SELECT same, method FROM inc.proof('inc.parted');
SELECT relation, rows FROM spine.page_cache() WHERE relation::text LIKE '%parted%' ORDER BY 1;
CREATE TABLE inc.child () INHERITS (inc.toast);
INSERT INTO inc.child VALUES (1, 'child');
SELECT same, method FROM inc.proof('inc.toast');

-- What is not cached, and why.
CREATE UNLOGGED TABLE inc.unlogged AS SELECT 1 AS x;
SELECT * FROM inc.proof('inc.unlogged');
CREATE TEMP TABLE temporary AS SELECT 1 AS x;
SELECT * FROM inc.proof('temporary');
SELECT same, method, reason FROM inc.proof('pg_catalog.pg_am', ARRAY['amname']);
CREATE VIEW inc.view AS SELECT id FROM inc.toast;
SELECT * FROM inc.proof('inc.view');
BEGIN;
CREATE TABLE inc.fresh AS SELECT 1 AS x;
SELECT * FROM inc.proof('inc.fresh');
COMMIT;
SELECT method FROM inc.proof('inc.fresh');
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT * FROM inc.proof('inc.fresh');
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT same, method FROM inc.proof('inc.fresh');
COMMIT;
SET spine.page_cache_limit = 0;
SELECT * FROM inc.proof('inc.fresh');
RESET spine.page_cache_limit;

-- Piece by piece.
CREATE TABLE inc.large AS SELECT i, repeat('x', 500) AS pad FROM generate_series(1, 1000) i;
SELECT pages_done, pages_total >= 67 AS large FROM spine.warm_digest('inc.large', pages => 20);
UPDATE inc.large SET pad = 'y' WHERE i % 100 = 0;
SELECT pages_done, pages_total >= 67 AS large FROM spine.warm_digest('inc.large', pages => 20);
SELECT pages_done = pages_total AS done FROM spine.warm_digest('inc.large');
SELECT same, method FROM inc.proof('inc.large');

-- Who may ask, and for what.
GRANT SELECT (id) ON inc.toast TO regress_reader;
SET ROLE regress_reader;
SELECT rows FROM spine.digest_incremental('inc.toast', ARRAY['id']);
SELECT rows FROM spine.digest_incremental('inc.toast');  -- fails
SELECT * FROM spine.warm_digest('inc.toast');  -- fails
SELECT * FROM spine.scrub_digest('inc.toast');  -- fails
SELECT count(*) FROM spine.page_cache();
SELECT spine.clean_page_cache();  -- fails
RESET ROLE;
SELECT * FROM spine.digest_incremental(NULL);  -- fails
SELECT * FROM spine.digest_incremental('inc.toast', ARRAY['nowhere']);  -- fails
SELECT * FROM spine.digest_incremental('inc.toast', buckets => 0);  -- fails
SELECT * FROM spine.warm_digest('inc.toast', pages => 0);  -- fails
SELECT * FROM spine.warm_digest('inc.view');  -- fails
ALTER TABLE inc.toast ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON inc.toast TO regress_reader;
SET ROLE regress_reader;
SELECT * FROM spine.digest_incremental('inc.toast');  -- fails
RESET ROLE;

-- Files of what is gone are removed.
SELECT count(*) > 0 AS some FROM spine.page_cache();
DROP SCHEMA inc CASCADE;
SELECT spine.clean_page_cache() > 0 AS some;
SELECT spine.clean_page_cache();
DROP ROLE regress_reader;
