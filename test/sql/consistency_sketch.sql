-- consistency: sketches name the rows in which two sides differ.

CREATE TABLE a (id bigint PRIMARY KEY, t text, n numeric);
INSERT INTO a SELECT i, 'row ' || i, i / 7.0 FROM generate_series(-5000, 5000) i;
CREATE TABLE b AS SELECT * FROM a;

-- Equal sides: nothing to name.
SELECT spine.sketch_estimate(x.s, y.s), (SELECT count(*) FROM spine.sketch_difference(x.s, y.s))
  FROM (SELECT spine.sketch_agg(64, 1, id, t, n) AS s FROM a) x,
       (SELECT spine.sketch_agg(64, 1, id, t, n) AS s FROM b) y;

-- One changed, missing, extra row each; an integer key is itself.  Keys next
-- to zero share a residue with others, and are told apart.
UPDATE b SET t = t || '!' WHERE id IN (0, 7, -1, -59, -60, 58, 59);
DELETE FROM b WHERE id IN (-5, 100);
INSERT INTO b VALUES (9223372036854775807, 'max', 1), (-9223372036854775808, 'min', 1);
CREATE VIEW sides AS
    SELECT (SELECT spine.sketch_agg(256, 1, id, t, n) FROM a) AS a,
           (SELECT spine.sketch_agg(256, 1, id, t, n) FROM b) AS b;
SELECT d.* FROM sides, spine.sketch_difference(a, b) d ORDER BY 1;
SELECT spine.sketch_estimate(a, b) BETWEEN 8 AND 14 AS about FROM sides;
-- Fewer cells of the same scan do too; too few say so.
SELECT count(*) FROM sides, spine.sketch_difference(spine.sketch_fold(a, 64), spine.sketch_fold(b, 64));
SELECT count(*) FROM sides, spine.sketch_difference(a, spine.sketch_fold(b, 100));
SELECT count(*) FROM sides, spine.sketch_difference(spine.sketch_fold(a, 4), spine.sketch_fold(b, 4));  -- fails
SELECT count(*) FROM sides, spine.sketch_difference(spine.sketch_fold(spine.sketch_fold(a, 64), 32), b);  -- fails

-- Keys of several columns, of text, NULLs.
SELECT spine.key_hash(7::int2), spine.key_hash(-7::int8), spine.key_hash(NULL::int) IS NOT NULL AS null_has_one,
       spine.key_hash('7'::text) = ('x' || substr(spine.digest_row('7'::text), 17))::bit(64)::bigint AS half;
SELECT count(*), bool_and(spine.key_hash(t, n) = d.key) AS found
  FROM (SELECT * FROM a WHERE n > 714) r
  JOIN spine.sketch_difference((SELECT spine.sketch_agg(64, 2, t, n, id) FROM a),
       (SELECT spine.sketch_agg(64, 2, t, n, id) FROM a WHERE n <= 714)) d
    ON d.key = spine.key_hash(t, n);
-- No key: the row is one, and how often it is there counts.
SELECT d.net FROM spine.sketch_difference(
    (SELECT spine.sketch_agg(64, 0, t) FROM (SELECT t FROM a UNION ALL SELECT 'row 1' FROM generate_series(1, 5)) q),
    (SELECT spine.sketch_agg(64, 0, t) FROM (SELECT t FROM a UNION ALL SELECT 'row 2' FROM generate_series(1, 9)) q)) d
  ORDER BY 1;

-- No rows on one side, or on both.
SELECT octet_length(spine.sketch_agg(64, 1, id, t)) FROM a WHERE false;
SELECT d.*, spine.sketch_estimate(x.s, y.s)
  FROM (SELECT spine.sketch_agg(64, 1, id) AS s FROM a WHERE id = 3) x,
       (SELECT spine.sketch_agg(64, 1, id) AS s FROM a WHERE false) y,
       spine.sketch_difference(x.s, y.s) d;
SELECT d.*, spine.sketch_estimate(y.s, x.s)
  FROM (SELECT spine.sketch_fold(spine.sketch_agg(64, 1, id), 8) AS f, spine.sketch_agg(64, 1, id) AS s
          FROM a WHERE id = 3) x,
       (SELECT spine.sketch_agg(64, 1, id) AS s FROM a WHERE false) y,
       spine.sketch_difference(y.s, x.f) d;
SELECT spine.sketch_estimate(s, s), (SELECT count(*) FROM spine.sketch_difference(s, s))
  FROM (SELECT spine.sketch_agg(64, 1, id) AS s FROM a WHERE false) x;

-- In parallel as alone.
CREATE TABLE one AS SELECT spine.sketch_agg(256, 1, id, t, n) AS s FROM a;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT spine.sketch_agg(256, 1, id, t, n) FROM a;
SELECT spine.sketch_agg(256, 1, id, t, n) = (SELECT s FROM one) AS same FROM a;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- From the pages, the same: the primary key comes first, whatever the order of
-- the table; keys of several columns, of text, none; trees; old columns.
SELECT spine.sketch('a', cells => 256) = s AS same FROM one;
CREATE TABLE wide (t text, b int2, a int, n numeric, PRIMARY KEY (a, b));
INSERT INTO wide SELECT 'w' || i, i % 100, i, NULLIF(i % 7, 3) FROM generate_series(1, 3000) i;
ALTER TABLE wide ADD COLUMN later date DEFAULT '2020-01-01', DROP COLUMN t;
UPDATE wide SET n = 5 WHERE a < 100;
DELETE FROM wide WHERE a = 200;
SELECT spine.sketch('wide', cells => 64) = spine.sketch_agg(64, 2, a, b, n, later) AS same,
       spine.sketch('wide', '{n,a}', 64) = spine.sketch_agg(64, 2, a, b, n) AS some,
       spine.sketch('wide', '{b,a}', 64, 1) = spine.sketch_agg(64, 1, b, a) AS other_key,
       spine.sketch('wide', '{n,a}', 64, 1) = spine.sketch_agg(64, 1, n, a) AS key_with_nulls,
       spine.sketch('wide', '{n,a}', 64, 0) = spine.sketch_agg(64, 0, n, a) AS no_key FROM wide;
CREATE TABLE bag (v bigint);
INSERT INTO bag SELECT NULLIF(i % 50, 7) FROM generate_series(1, 500) i;
SELECT spine.sketch('bag', cells => 64) = spine.sketch_agg(64, 0, v) AS no_key,
       spine.sketch('bag', NULL, 64, 1) = spine.sketch_agg(64, 1, v) AS nulls FROM bag;
CREATE DOMAIN number AS int2;
CREATE TABLE part (id number NOT NULL, t text, PRIMARY KEY (id)) PARTITION BY LIST (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1, -1);
CREATE TABLE part_2 (t text, gone int, id number NOT NULL);
ALTER TABLE part_2 DROP COLUMN gone;
ALTER TABLE part ATTACH PARTITION part_2 DEFAULT;
INSERT INTO part SELECT i, 'p' || i FROM generate_series(-20, 20) i;
CREATE VIEW seen AS SELECT * FROM part;
SELECT spine.sketch('part', cells => 64) = spine.sketch_agg(64, 1, id, t) AS tree,
       spine.sketch('seen', NULL, 64, 1) = spine.sketch_agg(64, 1, id, t) AS view FROM part;
CREATE TABLE nothing (id int PRIMARY KEY);
SELECT spine.sketch_estimate(spine.sketch('nothing'), spine.sketch('nothing')), spine.sketch_estimate(spine.sketch('bag'), spine.sketch('nothing')) > 40 AS much;
SELECT spine.sketch('a', '{nowhere}');  -- fails
SELECT spine.sketch('a', '{}');  -- fails
SELECT spine.sketch('a', NULL, 2);  -- fails
SELECT spine.sketch('a', NULL, 64, 9);  -- fails
SELECT spine.sketch(NULL);  -- fails
CREATE ROLE regress_reader;
GRANT SELECT (b, n) ON wide TO regress_reader;
GRANT USAGE ON SCHEMA spine TO regress_reader;
SET ROLE regress_reader;
SELECT octet_length(spine.sketch('wide', '{b,n}', 64, 1));
SELECT spine.sketch('wide', '{b,n}', 64);  -- fails
SELECT spine.sketch('wide');  -- fails
RESET ROLE;
REVOKE ALL ON wide FROM regress_reader;

-- A side that gives away a few bytes at a time.
BEGIN;
SELECT spine.sketch_kept(64);  -- fails
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT octet_length(spine.sketch_keep(b)) AS estimate, spine.sketch_estimate(a, spine.sketch_keep(b)) > 0 AS differ FROM sides;
SELECT octet_length(spine.sketch_kept(40)) AS bytes, count(*) FROM sides, spine.sketch_difference(a, spine.sketch_kept(40));
SELECT spine.sketch_kept(3000) = spine.sketch_kept(256) AS no_more_than_there_are;
SELECT spine.sketch_estimate(spine.sketch_kept(64), a) FROM sides;  -- fails
ROLLBACK;
SELECT spine.sketch_kept(64);  -- fails
SELECT spine.sketch_fold(a, 0) FROM sides;  -- fails
SELECT spine.sketch_fold(spine.sketch_keep(a), 8) FROM sides;  -- fails
SELECT count(*) FROM sides, spine.sketch_difference(spine.sketch_keep(b), a);  -- fails

-- What is asked wrongly.
SELECT spine.sketch_agg(0, 1, id) FROM a;  -- fails
SELECT spine.sketch_agg(2000000000, 1, id) FROM a;  -- fails
SELECT spine.sketch_agg(64, 2, id) FROM a;  -- fails
SELECT spine.sketch_agg(64, -1, id) FROM a;  -- fails
SELECT spine.sketch_agg(NULL, 1, id) FROM a;  -- fails
SELECT spine.sketch_agg(64, 1, VARIADIC ARRAY[1, 2]);  -- fails
SELECT spine.sketch_cells(-1);  -- fails
SELECT count(*) FROM spine.sketch_difference((SELECT spine.sketch_agg(64, 1, id) FROM a), (SELECT spine.sketch_agg(128, 1, id) FROM a));  -- fails

-- What is no sketch is refused.
SELECT spine.sketch_fold('', 4);  -- fails
SELECT spine.sketch_fold('\x0201030000000000000000', 4);  -- fails
SELECT spine.sketch_fold('\x020103000000000000000000', 4);  -- fails
SELECT spine.sketch_fold('\x010203000000000000000000', 4);  -- fails
SELECT spine.sketch_fold('\x010107000000000000000000', 4);  -- fails
SELECT spine.sketch_fold('\x0101020000000000ffffff7f', 4);  -- fails
SELECT spine.sketch_fold('\x010102000400000004000000', 4);  -- fails
SELECT spine.sketch_fold('\x010102000400000004000000' || decode(repeat('ff', 68), 'hex'), 4);  -- fails

-- Random bytes, alone and in place of some of a sketch's own: an error of
-- these or an answer, never anything else.
CREATE FUNCTION fuzz(image bytea, other bytea) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM spine.sketch_estimate(image, other);
    PERFORM spine.sketch_fold(image, 8);
    PERFORM count(*) FROM spine.sketch_difference(image, other);
    PERFORM count(*) FROM spine.sketch_difference(other, image);
    RETURN 'answer';
EXCEPTION WHEN OTHERS THEN
    IF SQLSTATE IN ('22023', 'SP007') THEN
        RETURN 'error';
    END IF;
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE FUNCTION noise(n int) RETURNS bytea LANGUAGE sql AS $$
    SELECT coalesce(string_agg(set_byte('\x00', 0, (random() * 255)::int), ''), '') FROM generate_series(1, n) $$;
CREATE FUNCTION hurt(image bytea, n int) RETURNS bytea LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. n LOOP
        image := set_byte(image, (random() * (octet_length(image) - 1))::int, (random() * 255)::int);
    END LOOP;
    RETURN CASE WHEN random() < 0.2 THEN substr(image, 1, (random() * octet_length(image))::int) ELSE image END;
END $$;
SELECT setseed(0.5);
SELECT fuzz(noise((random() * 60)::int), a), count(*) > 0 FROM sides, generate_series(1, 300) GROUP BY 1;
SELECT r, count(*) > 0 FROM (SELECT fuzz('\x010103000001000000010000'::bytea || noise(536 + 17 * 256), a) AS r
    FROM sides, generate_series(1, 50)) q GROUP BY 1;
SELECT r, count(*) > 0 FROM (SELECT fuzz(hurt(b, (random() * 5)::int), a) AS r
    FROM (SELECT * FROM sides OFFSET 0) s, generate_series(1, 300)) q GROUP BY 1 ORDER BY 1;

-- The number of cells by an estimate does what it says: at the first try
-- almost always.
CREATE FUNCTION try(d int, salt int) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    x bytea;
    y bytea;
    n int;
BEGIN
    -- A third of them changed, a third missing, a third extra.
    SELECT spine.sketch_agg(16384, 1, i, salt) FILTER (WHERE g % 3 <> 1),
           spine.sketch_agg(16384, 1, i, salt + 1) FILTER (WHERE g % 3 <> 2)
      INTO x, y FROM (SELECT g, salt * 1000000 + g AS i FROM generate_series(1, d) g) s;
    n := spine.sketch_cells(spine.sketch_estimate(x, y));
    RETURN (SELECT count(*) = d FROM spine.sketch_difference(spine.sketch_fold(x, n), spine.sketch_fold(y, n)));
EXCEPTION WHEN SQLSTATE 'SP007' THEN
    RETURN false;
END $$;
SELECT d, count(*) FILTER (WHERE NOT try(d, salt)) <= 1 AS fine
  FROM (VALUES (1, 150), (2, 150), (3, 150), (10, 150), (30, 100), (100, 50), (1000, 10), (10000, 1)) v(d, times),
       LATERAL generate_series(1, times) salt GROUP BY d ORDER BY d;
