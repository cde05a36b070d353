-- digests: the same rows give the same digest whatever way they are stored
-- or read; what may not be digested, and by whom.
SET client_min_messages = warning;
CREATE ROLE regress_reader;
CREATE SCHEMA side;
GRANT USAGE ON SCHEMA side TO regress_reader;

-- No rows: zeros; the order of rows is nothing, their number is.
CREATE TABLE side.plain (id int PRIMARY KEY, v text, n numeric);
SELECT * FROM spine.digest('side.plain');
SELECT spine.digest_agg(id, v, n) FROM side.plain;
INSERT INTO side.plain SELECT i, 'value ' || i, i / 8.0 FROM generate_series(1, 1000) i;
CREATE TABLE side.turned AS SELECT n, id::bigint, v::varchar FROM side.plain ORDER BY id DESC;
SELECT d.rows, d.digest = t.digest AS same
  FROM spine.digest('side.plain', ARRAY['id', 'v', 'n']) d,
       spine.digest('side.turned', ARRAY['id', 'v', 'n']) t;
INSERT INTO side.turned SELECT * FROM side.turned WHERE id = 7;
SELECT d.rows, d.digest = t.digest AS same
  FROM spine.digest('side.plain', ARRAY['id', 'v', 'n']) d,
       spine.digest('side.turned', ARRAY['id', 'v', 'n']) t;

-- Dropped and added columns, a fast default, toast, compression, NULLs.
CREATE TABLE side.grown (gone int, id int, v text);
INSERT INTO side.grown SELECT i, i, repeat('long ', i * 400) FROM generate_series(1, 20) i;
ALTER TABLE side.grown DROP COLUMN gone;
ALTER TABLE side.grown ADD COLUMN extra numeric DEFAULT 1.50;
ALTER TABLE side.grown ADD COLUMN later text;
CREATE TABLE side.built (id int, v text, extra numeric, later text);
ALTER TABLE side.built ALTER v SET STORAGE EXTERNAL;
INSERT INTO side.built SELECT id, v, 1.5, NULL FROM side.grown;
SELECT (SELECT digest FROM spine.digest('side.grown')) = (SELECT digest FROM spine.digest('side.built')) AS same,
       (SELECT digest FROM spine.digest('side.grown')) = (SELECT spine.digest_agg(id, v, extra, later) FROM side.grown) AS as_query;

-- Dead, aborted and own uncommitted rows.
BEGIN;
UPDATE side.plain SET v = 'other' WHERE id = 1;
SELECT d.digest = (SELECT spine.digest_agg(id, v, n) FROM side.plain) AS sees_own FROM spine.digest('side.plain') d;
SAVEPOINT s;
DELETE FROM side.plain;
ROLLBACK TO s;
SELECT rows FROM spine.digest('side.plain');
ROLLBACK;
SELECT d.digest = (SELECT spine.digest_agg(id, v, n) FROM side.plain) AS as_before FROM spine.digest('side.plain') d;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT rows FROM spine.digest('side.plain');
COMMIT;

-- Buckets by the primary key; without one by the whole row.
SELECT count(*), sum(rows), min(bucket), max(bucket) FROM spine.digest('side.plain', buckets => 64);
SELECT bool_and(d.digest = q.digest AND d.rows = q.rows) AS by_key
  FROM spine.digest('side.plain', buckets => 8) d
  JOIN (SELECT spine.digest_bucket(8, id) AS bucket, count(*) AS rows, spine.digest_agg(id, v, n) AS digest
          FROM side.plain GROUP BY 1) q USING (bucket);
SELECT bool_and(d.digest = q.digest) AS by_row
  FROM spine.digest('side.turned', buckets => 8) d
  JOIN (SELECT spine.digest_bucket(8, n, id, v) AS bucket, spine.digest_agg(n, id, v) AS digest
          FROM side.turned GROUP BY 1) q USING (bucket);

-- Partitions with other column numbers, inheritance, views, materialized views.
CREATE TABLE side.parted (id int, v text, n numeric) PARTITION BY HASH (id);
CREATE TABLE side.parted_0 PARTITION OF side.parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE side.parted_1 (n numeric, dropped int, v text, id int);
ALTER TABLE side.parted_1 DROP COLUMN dropped;
ALTER TABLE side.parted ATTACH PARTITION side.parted_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO side.parted SELECT * FROM side.plain;
CREATE TABLE side.parent (id int, v text, n numeric);
CREATE TABLE side.child (more text) INHERITS (side.parent);
INSERT INTO side.parent SELECT * FROM side.plain WHERE id <= 500;
INSERT INTO side.child SELECT *, 'x' FROM side.plain WHERE id > 500;
CREATE VIEW side.seen AS TABLE side.plain;
CREATE MATERIALIZED VIEW side.kept AS TABLE side.plain;
SELECT r AS relation, d.rows, d.digest = p.digest AS same
  FROM unnest(ARRAY['side.parted', 'side.parent', 'side.seen', 'side.kept']::regclass[]) r,
       spine.digest(r) d, spine.digest('side.plain') p;

-- Several processes find what one finds; temporary tables are left to one.
CREATE TEMP TABLE passing AS TABLE side.plain;
CREATE TABLE side.alone AS
    SELECT r AS relation, n, d.* FROM unnest(ARRAY['side.parted', 'side.parent', 'side.plain', 'passing']::regclass[]) r,
           unnest(ARRAY[1, 16]) n, spine.digest(r, buckets => n) d;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT count(*), bool_and(a.digest = d.digest AND a.rows = d.rows) AS same
  FROM side.alone a, spine.digest(a.relation, buckets => a.n) d WHERE d.bucket = a.bucket;
BEGIN;
UPDATE side.parted SET v = 'changed here' WHERE id = 3;
SELECT d.digest = (SELECT spine.digest_agg(id, v, n) FROM side.parted) AS sees_own FROM spine.digest('side.parted') d;
ROLLBACK;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;

-- Names that need quoting.
CREATE TABLE side."Odd ""name" ("Ä col" int, "select" text);
INSERT INTO side."Odd ""name" VALUES (1, 'x');
SELECT d.digest = spine.digest_row(1, 'x'::text) AS same FROM spine.digest('side."Odd ""name"') d;
SELECT d.digest = spine.digest_row('x'::text, 1) AS same
  FROM spine.digest('side."Odd ""name"', ARRAY['select', 'Ä col'], '"Ä col" = 1') d;

-- Filters: one expression, the caller's.
SELECT rows FROM spine.digest('side.plain', filter => 'id <= 10 -- ten of them');
SELECT rows FROM spine.digest('side.plain', filter => 'id IN (SELECT id FROM side.turned WHERE id < 4)');
SELECT rows FROM spine.digest('side.plain', filter => 'NULL');
SELECT * FROM spine.digest('side.plain', filter => 'true) UNION SELECT 1, 2, (''x''');
SELECT * FROM spine.digest('side.plain', filter => 'true; DROP TABLE side.plain');
SELECT * FROM spine.digest('side.plain', filter => 'true GROUP BY 1');
SELECT * FROM spine.digest('side.plain', filter => 'no_such = 1');

-- Rights: SELECT on what is read, and no row security that hides rows.
SET ROLE regress_reader;
SELECT * FROM spine.digest('side.plain');
RESET ROLE;
GRANT SELECT (id, v) ON side.plain TO regress_reader;
SET ROLE regress_reader;
SELECT rows FROM spine.digest('side.plain', ARRAY['v']);
SELECT * FROM spine.digest('side.plain', ARRAY['n']);
SELECT * FROM spine.digest('side.plain', ARRAY['v'], 'n > 1');
RESET ROLE;
ALTER TABLE side.plain ENABLE ROW LEVEL SECURITY;
SET ROLE regress_reader;
SELECT * FROM spine.digest('side.plain', ARRAY['v']);
RESET ROLE;
CREATE VIEW side.as_invoker WITH (security_invoker) AS SELECT id, v FROM side.plain;
GRANT SELECT ON side.as_invoker TO regress_reader;
SET ROLE regress_reader;
SELECT * FROM spine.digest('side.as_invoker');
RESET ROLE;
SELECT rows FROM spine.digest('side.plain', ARRAY['v']);
ALTER TABLE side.plain DISABLE ROW LEVEL SECURITY;

-- What has no canonical form, and what is no question.
CREATE TABLE side.odd (a int, r regclass);
SELECT * FROM spine.digest('side.odd');
SELECT rows FROM spine.digest('side.odd', ARRAY['a']);
SELECT spine.digest_row('side.odd'::regclass);
SELECT * FROM spine.digest('side.plain', ARRAY['missing']);
SELECT * FROM spine.digest('side.plain', ARRAY['id', NULL]);
SELECT * FROM spine.digest('side.plain', '{}');
SELECT * FROM spine.digest('side.plain', (SELECT array_fill(attname::text, ARRAY[100000]) FROM pg_attribute WHERE attrelid = 'side.plain'::regclass AND attnum = 1));
SELECT * FROM spine.digest('side.plain', (SELECT array_fill(attname::text, ARRAY[1600]) FROM pg_attribute WHERE attrelid = 'side.plain'::regclass AND attnum = 1));
SELECT * FROM spine.digest('side.plain', buckets => 0);
SELECT * FROM spine.digest('side.plain', buckets => NULL);
SELECT * FROM spine.digest('side.plain_pkey');
SELECT * FROM spine.digest(NULL);
SELECT spine.digest_row(VARIADIC ARRAY[1, 2]);
SELECT spine.digest_bucket(0, 1), 1;
SELECT spine.digest_bucket(NULL, 1) IS NULL AS none;

-- Enums, domains, composites: by what they say.
CREATE TYPE side.mood AS ENUM ('glad', 'sad');
CREATE TYPE side.glad_first AS ENUM ('sad', 'other', 'glad');
CREATE DOMAIN side.score AS int CHECK (VALUE > 0);
CREATE TYPE side.pair AS (gone int, a side.score, b text);
ALTER TYPE side.pair DROP ATTRIBUTE gone;
SELECT spine.digest_row('glad'::side.mood) = spine.digest_row('glad'::side.glad_first) AS enum,
       spine.digest_row(7::side.score) = spine.digest_row(7) AS domain,
       spine.canonical_row(ROW(1, NULL)::side.pair) AS composite,
       spine.digest_row('a') = spine.digest_row('a'::text) AS literal;
DROP SCHEMA side CASCADE;
