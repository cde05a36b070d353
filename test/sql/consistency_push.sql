-- consistency: digests of a copy that another store computed and pushed.
-- Not about the migration gate.
SELECT spine.set_level('', 'NONE') \gset

CREATE ROLE regress_shop;
CREATE ROLE regress_search;
CREATE ROLE regress_reader;
CREATE SCHEMA shop;
CREATE TABLE shop.customer (id int PRIMARY KEY, name text, city text, active boolean NOT NULL DEFAULT true);
INSERT INTO shop.customer SELECT i, 'name ' || i, 'city ' || i % 7, i % 10 > 0 FROM generate_series(1, 100) i;
CREATE VIEW shop.view AS SELECT id, name FROM shop.customer;
GRANT USAGE ON SCHEMA shop TO regress_search, regress_reader;
GRANT SELECT ON shop.customer TO regress_search, regress_reader;
GRANT USAGE ON SCHEMA spine TO regress_search, regress_reader;
SET client_min_messages = warning;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1",
  "stores": {"main": {"kind": "postgres"}, "search": {"kind": "search"}},
  "parties": {"shop": {"kind": "team", "role": "regress_shop"}, "search": {"kind": "team", "role": "regress_search"}},
  "contexts": {"shop": {"owner": "shop", "datasets": {
    "customers": {
     "relation": "shop.customer", "sot": {"store": "main"}, "enforcement": "observe",
     "replicas": {
       "search": {"store": "search", "flow": "etl", "owner": "search", "key": ["customer"],
         "columns": {"customer": "id", "words": "lower(name || '' '' || city)"}, "filter": "active"},
       "slow": {"store": "search", "flow": "etl", "max_lag": "PT1H", "key": ["id"], "columns": {"id": "id", "name": "name"}},
       "all": {"store": "search", "flow": "etl"}},
     "snapshots": {"january": {"store": "search", "flow": "etl", "columns": {"id": "id"}}},
     "derived": {"count": {"store": "search", "inputs": ["shop.customers"]}}},
    "views": {"relation": "shop.view", "sot": {"store": "main"}, "enforcement": "off",
     "replicas": {"copy": {"store": "search", "flow": "etl", "key": ["id"]}}},
    "else": {"relation": "shop.customer2", "sot": {"store": "search"},
     "replicas": {"copy": {"store": "search", "flow": "etl"}}}}}}}') IS NOT NULL AS applied;
RESET client_min_messages;

-- What the other store holds, and what it would push.
CREATE TABLE held (customer bigint, words text);
CREATE FUNCTION pushed(n int) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('canonical', 1, 'columns', '["customer", "words"]'::jsonb, 'buckets', n,
        'digests', coalesce(jsonb_agg(jsonb_build_object('bucket', b, 'rows', r, 'digest', d)), '[]'))
      FROM (SELECT spine.digest_bucket(n, customer) AS b, count(*) AS r, spine.digest_agg(customer, words) AS d
              FROM held GROUP BY 1) q $$;
CREATE FUNCTION push(n int, OUT verdict text, OUT rows_sot bigint, OUT rows_replica bigint, OUT drifted bigint) LANGUAGE sql AS $$
    SELECT verdict, rows_sot, rows_replica, drifted
      FROM spine.push_digest('shop.customers.search', pushed(n), clock_timestamp()) $$;
CREATE FUNCTION sync() RETURNS void LANGUAGE sql AS $$
    DELETE FROM held;
    INSERT INTO held SELECT id, lower(name || ' ' || city) FROM shop.customer WHERE active $$;
GRANT SELECT ON held TO regress_search;
CREATE VIEW state AS SELECT key, kind, confirmed_at IS NOT NULL AS confirmed FROM spine.drift ORDER BY key;

-- Equal: a proof as of then, and no newer.
SELECT sync();
SELECT * FROM push(8);
SELECT run_id > 0 AS run, verdict, method, lag < '1 min' AS lag, as_of_lsn IS NOT NULL AS lsn
  FROM spine.push_digest('shop.customers.search', pushed(8), clock_timestamp() + '0 s');
SELECT l.verdict, l.complete, l.finished_at = p.as_of AS as_of, l.digest_sot = l.digest_replica AS same,
       l.digest_sot = (SELECT spine.digest_agg(customer, words) FROM held) AS total
  FROM (SELECT * FROM spine.check_log ORDER BY run_id DESC LIMIT 1) l,
       (SELECT * FROM spine.push_log ORDER BY id DESC LIMIT 1) p;

-- A changed and a missing row: suspects, until the source was seen without a
-- write from before the copy was read until after.
UPDATE held SET words = words || '!' WHERE customer = 1;
DELETE FROM held WHERE customer = 2;
TRUNCATE spine.push_source;
SELECT * FROM push(8);
SELECT * FROM state;
SELECT * FROM push(8);
SELECT * FROM state;
-- Finer buckets: what is proved equal by all of its parts is closed.
UPDATE held SET words = rtrim(words, '!') WHERE customer = 1;
SELECT * FROM push(64);
SELECT * FROM push(64);
SELECT * FROM state;
-- Coarser ones prove less, so nothing is closed by them but by equality.
SELECT * FROM push(4);
SELECT * FROM state;
SELECT sync();
SELECT * FROM push(3);
SELECT count(*) FROM state;

-- The source is written meanwhile, to and fro: nobody knows what the copy saw.
UPDATE held SET words = 'saw' WHERE customer = 5;
UPDATE shop.customer SET city = 'X' WHERE id = 5;
UPDATE shop.customer SET city = 'city 5' WHERE id = 5;
SELECT * FROM push(8);
SELECT * FROM state;
SELECT * FROM push(8);
SELECT * FROM state;
SELECT sync();
SELECT * FROM push(8);

-- One row more: may have come and gone.  The same one again has not.
INSERT INTO held VALUES (1000, 'extra');
SELECT * FROM push(8);
SELECT * FROM state;
UPDATE held SET customer = 1001 WHERE customer = 1000;
SELECT * FROM push(8);
SELECT * FROM state;
SELECT * FROM push(8);
SELECT * FROM state;
SELECT sync();
SELECT * FROM push(8);

-- check_replica judges again what was pushed last: what was equal stays so, as
-- of then; what differed is compared with the source as it is now.
SELECT verdict, rows_sot, drifted, method, lag > '0' AS lag FROM spine.check_replica('shop.customers.search');
UPDATE shop.customer SET city = 'Y' WHERE id = 5;
SELECT verdict, drifted, method FROM spine.check_replica('shop.customers.search');
SELECT count(*) FROM state;
SELECT * FROM push(8);
SELECT verdict, drifted, method FROM spine.check_replica('shop.customers.search');
SELECT * FROM state;
SELECT sync();
SELECT * FROM push(8);
SELECT verdict, method FROM spine.check_replica('shop.customers.all');
SELECT why FROM spine.check_log ORDER BY run_id DESC LIMIT 1;

-- Within max_lag nothing is drift.
SELECT verdict, drifted FROM spine.push_digest('shop.customers.slow', '{"canonical": 1, "columns": ["name", "id"], "buckets": 1, "digests": []}', now());
SELECT verdict, drifted FROM spine.push_digest('shop.customers.slow', '{"canonical": 1, "columns": ["name", "id"], "buckets": 1, "digests": []}', now());
UPDATE spine.push_source SET since = since - interval '2 h' WHERE placement = 'shop.customers.slow';
SELECT verdict, drifted FROM spine.push_digest('shop.customers.slow', '{"canonical": 1, "columns": ["name", "id"], "buckets": 1, "digests": []}', now());
DELETE FROM spine.drift_log;

-- All columns of the source, without a key, in the order of the list; a view.
SELECT verdict, rows_sot FROM spine.push_digest('shop.customers.all',
  (SELECT jsonb_build_object('canonical', 1, 'columns', '["name", "id", "active", "city"]'::jsonb, 'buckets', 5, 'digests',
     jsonb_agg(jsonb_build_object('bucket', b, 'rows', r, 'digest', d)))
     FROM (SELECT spine.digest_bucket(5, name, id, active, city) AS b, count(*) AS r, spine.digest_agg(name, id, active, city) AS d
             FROM shop.customer GROUP BY 1) q), now());
SELECT verdict, rows_sot FROM spine.push_digest('shop.views.copy',
  (SELECT jsonb_build_object('canonical', 1, 'columns', '["id", "name"]'::jsonb, 'buckets', 1, 'digests',
     jsonb_build_array(jsonb_build_object('bucket', 0, 'rows', count(*), 'digest', spine.digest_agg(id, name)))) FROM shop.view), now());

-- A snapshot is compared with itself.
CREATE FUNCTION january(n int, buckets int) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('canonical', 1, 'columns', '["id"]'::jsonb, 'buckets', buckets, 'digests', jsonb_agg(jsonb_build_object('bucket', b, 'rows', r, 'digest', d)))
      FROM (SELECT spine.digest_bucket(buckets, i) AS b, count(*) AS r, spine.digest_agg(i) AS d FROM generate_series(1, n) i GROUP BY 1) q $$;
SELECT verdict, rows_sot FROM spine.push_digest('shop.customers.january', january(10, 4), now());
SELECT verdict, rows_sot FROM spine.push_digest('shop.customers.january', january(10, 4), now());
SELECT verdict, rows_sot, rows_replica, drifted FROM spine.push_digest('shop.customers.january', january(11, 4), now());
SELECT spine.push_digest('shop.customers.january', january(11, 8), now());  -- fails
SELECT * FROM state;
DELETE FROM spine.drift_log;

-- Who may: owner of the copy or the dataset, who can read the source.
SET ROLE regress_search;
SELECT verdict FROM spine.push_digest('shop.customers.search', '{"canonical": 1, "columns": ["customer", "words"], "buckets": 1, "digests": []}', now());
SELECT spine.push_digest('shop.customers.slow', '{}', now());  -- fails
SELECT count(*) FROM spine.push_log;  -- fails
SET ROLE regress_shop;
SELECT spine.push_digest('shop.customers.search', '{"canonical": 1, "columns": ["customer", "words"], "buckets": 1, "digests": []}', now());  -- fails
SET ROLE regress_reader;
SELECT spine.push_digest('shop.customers.search', '{"canonical": 1, "columns": ["customer", "words"], "buckets": 1, "digests": []}', now());  -- fails
RESET ROLE;
SELECT pushed_by, count(*) FROM spine.push_log WHERE placement = 'shop.customers.search' AND pushed_by = 'regress_search' GROUP BY 1;
ALTER TABLE shop.customer ENABLE ROW LEVEL SECURITY;
SET ROLE regress_search;
SELECT spine.push_digest('shop.customers.search', '{"canonical": 1, "columns": ["customer", "words"], "buckets": 1, "digests": []}', now());  -- fails
RESET ROLE;
ALTER TABLE shop.customer DISABLE ROW LEVEL SECURITY;

-- When: not of the future, not older than what is known, not by an old snapshot.
SELECT spine.push_digest('shop.customers.search', pushed(1), clock_timestamp() + interval '1 min');  -- fails
SELECT spine.push_digest('shop.customers.search', pushed(1), 'infinity');  -- fails
SELECT spine.push_digest('shop.customers.search', pushed(1), now() - interval '1 h');  -- fails
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT spine.push_digest('shop.customers.search', pushed(1), now());  -- fails
ROLLBACK;
BEGIN READ ONLY;
SELECT spine.push_digest('shop.customers.search', pushed(1), now());  -- fails
ROLLBACK;
SELECT spine.push_digest('shop.customers.search', NULL, now()) IS NULL AS strict;

-- Of what.
SELECT spine.push_digest('shop.customers.nowhere', '{}', now());  -- fails
SELECT spine.push_digest('', '{}', now());  -- fails
SELECT spine.push_digest('shop.customers.count', '{}', now());  -- fails
SELECT spine.push_digest('shop.else.copy', '{}', now());  -- fails

-- What is wrong with it, each with its place.
CREATE FUNCTION refused(pushed jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    d text;
BEGIN
    PERFORM spine.push_digest('shop.customers.search', pushed, clock_timestamp());
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || E'\n' || d;
END $$;
SELECT refused('[]');
SELECT refused('7');
SELECT refused('{}');
SELECT refused('{"canonical": 2, "columns": ["customer", "words"], "buckets": 1, "digests": []}');
SELECT refused('{"canonical": "1", "columns": "words", "buckets": 0, "digests": {}, "digest/s": []}');
SELECT refused('{"canonical": 1, "columns": ["words", "words", 1, "name"], "buckets": 65537, "digests": [1, []]}');
SELECT refused('{"canonical": 1, "columns": ["customer", "words"], "buckets": 2, "digests": [{}, {"bucket": 2, "rows": -1, "digest": "x", "row": 1},
   {"bucket": 0, "rows": 1.5, "digest": "0123456789ABCDEF0123456789abcdef"}, {"bucket": 1e400, "rows": 1000000000001, "digest": 1},
   {"bucket": 0, "rows": 1, "digest": "0123456789abcdef0123456789abcdef"}, {"bucket": 0, "rows": 1, "digest": "0123456789abcdef0123456789abcdef"},
   {"bucket": 1, "rows": 0, "digest": "0123456789abcdef0123456789abcdef"}]}');
-- Random documents: refused, or accepted, never anything else.
SELECT setseed(0.25);
SELECT answer, count(*) > 0 AS some FROM (SELECT left(refused(jsonb_build_object('canonical', 1, 'columns', '["customer", "words"]'::jsonb, 'buckets', (random() * 10)::int, 'digests',
    (SELECT jsonb_agg(jsonb_build_object('bucket', (random() * 10 + i - i + s - s)::int, 'rows', (random() * 5)::int, 'digest', md5(random()::text))) FROM generate_series(1, 3) s))), 5) AS answer
    FROM generate_series(1, 100) i) q GROUP BY 1 ORDER BY 1;
DELETE FROM spine.drift_log;

-- What was pushed is kept for a while; what came out, for good.
SELECT sync();
SELECT count(*) FROM generate_series(1, 40) i, spine.push_digest('shop.customers.search', pushed(2 + i * 0), clock_timestamp());
SELECT count(*) > 40 AS pushes, count(digests) AS with_buckets FROM spine.push_log WHERE placement = 'shop.customers.search';
SELECT placement, verdict, last_checked IS NOT NULL AS checked FROM spine.consistency WHERE placement = 'shop.customers.search';
