-- spine.validate: who answers for a dataset, where its truth lies, which
-- copies exist, who reads and writes.  Contradictions are errors, what is not
-- said or due is a warning.
SET client_min_messages = warning;
CREATE ROLE regress_team LOGIN;
CREATE ROLE regress_other LOGIN;
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id int PRIMARY KEY, email text, "Weird" text, amount int, note jsonb);

-- a dataset about which nothing is left to say
CREATE FUNCTION base() RETURNS jsonb LANGUAGE sql AS $$ SELECT '{
  "kind": "DataSpine", "apiVersion": "spine/v1",
  "terms": {
    "classification": {"public": {"rank": 0}, "internal": {"rank": 1},
                       "secret": {"rank": 2, "no_copy": true}, "top": {"rank": 3, "parent": "secret"}},
    "pii": {"email": {"no_copy": true}},
    "size": {"large": {"no_copy": true}},
    "purpose": {"reports": {}}},
  "parties": {"team": {"kind": "team", "role": "regress_team"},
              "other": {"kind": "team", "role": "regress_other"},
              "nobody": {"kind": "team"},
              "gone": {"kind": "team", "retired": true, "fallback": "team"}},
  "stores": {"main": {"kind": "postgres"}, "mart": {"kind": "warehouse"}, "memory": {"kind": "cache"},
             "second": {"kind": "postgres", "server": "second"}},
  "contexts": {"shop": {"owner": "team", "steward": "other", "datasets": {"orders": {
    "relation": "shop.orders", "classification": "internal", "review_on": "2999-01-01",
    "sot": {"store": "main", "locator": "shop.orders"},
    "replicas": {"far": {"store": "mart", "locator": "raw.orders", "flow": "etl", "trigger": "realtime",
      "consistency": "eventual", "max_lag": "PT60S", "conflict": "sot_wins", "runbook": "docs/far.md"}},
    "caches": {"fast": {"store": "memory", "flow": "app", "trigger": "on_demand", "consistency": "eventual",
      "ttl": "PT5M", "conflict": "sot_wins", "runbook": "docs/fast.md", "upstream": "far"}},
    "snapshots": {"nightly": {"store": "mart", "locator": "cold.orders", "flow": "etl", "trigger": "batch", "every": "P1D",
      "consistency": "snapshot", "conflict": "sot_wins", "runbook": "docs/nightly.md"}},
    "derived": {"totals": {"store": "mart", "locator": "mart.totals", "flow": "etl", "trigger": "batch", "every": "PT1H",
      "consistency": "bounded", "max_lag": "PT2H", "conflict": "sot_wins", "runbook": "docs/totals.md",
      "transformation": "sums by day"}},
    "consumers": {"other": {"purpose": "reports", "reads": "mart"}},
    "producers": {"other": {"writes": "main"}},
    "attributes": {"email": {}, "Weird": {}}
  }}}}}'::jsonb $$;
CREATE FOREIGN DATA WRAPPER regress_fdw;
CREATE SERVER second FOREIGN DATA WRAPPER regress_fdw;

CREATE FUNCTION findings(place text, value jsonb)
RETURNS TABLE (severity text, code text, pointer text, message text) LANGUAGE sql AS $$
    SELECT v.severity, v.code, replace(v.pointer, '/contexts/shop/datasets/orders', '..'), v.message
    FROM (SELECT CASE WHEN place LIKE '/%' THEN string_to_array(substr(place, 2), '/')
                      ELSE '{contexts,shop,datasets,orders}' || string_to_array(place, '/') END) p(path),
         spine.validate(CASE WHEN value IS NULL THEN base() #- path ELSE jsonb_set(base(), path, value) END) v
$$;

SELECT * FROM spine.validate(base());

-- who answers for it
SELECT c.n, f.*
FROM (VALUES
    (1, 'owner_state', '"proposed"'::jsonb),
    (2, '/contexts/shop/owner_state', '"proposed"'),
    (3, '/contexts/shop/owner_state', '"declined"'),
    (4, '/contexts/shop/owner_state', '"interim"'),
    (5, '/contexts/shop/interim_owner', '"other"'),
    (6, '/contexts/shop/owner', '"gone"'),
    (7, '/contexts/shop/owner', '"stranger"'),
    (8, '/contexts/shop/owner', '"nobody"'),
    (9, '/contexts/shop/steward', NULL),
    (10, 'delegates', '{"other": []}'),
    (11, 'delegates', '{"gone": ["access"], "stranger": ["access"]}'),
    (12, '/contexts/shop/delegates', '{"team": ["access"]}'),
    (13, 'review_on', '"2020-02-29"'),
    (14, '/contexts/shop/review_on', '"2020-02-29"'),
    (15, 'attributes/email/owner', '"gone"')
) c(n, place, value), findings(c.place, c.value) f ORDER BY c.n, f.pointer, f.code;
-- proposed or declined with an interim owner and a date: nothing is missing
SELECT state, v.* FROM unnest('{proposed,declined,interim,accepted}'::text[]) state,
    spine.validate(jsonb_set(base(), '{contexts,shop}', base() #> '{contexts,shop}' || jsonb_build_object(
        'owner_state', state, 'interim_owner', 'other', 'review_on', '2999-01-01', 'rationale', 'no time'))) v;

-- the source of truth
SELECT c.n, f.*
FROM (VALUES
    (1, 'sot', NULL::jsonb),
    (2, 'sot/provisional', 'true'),
    (3, 'sot/target', '{"store": "second", "by": "2999-01-01"}'),
    (4, 'sot/target', '{"store": "second", "plan": "docs/move.md"}'),
    (5, 'sot/target', '{"store": "second"}'),
    (6, 'sot/target', '{"store": "second", "by": "2020-01-01"}'),
    (7, 'sot/target', '{"store": "main", "by": "2999-01-01"}'),
    (8, 'sot/target', '{"store": "main", "by": "2999-01-01", "locator": "shop.orders"}'),
    (9, 'sot/target', '{"store": "main", "by": "2999-01-01", "locator": "shop.orders2"}'),
    (10, 'sot/target', '{"store": "attic", "by": "2999-01-01"}')
) c(n, place, value), findings(c.place, c.value) f ORDER BY c.n, f.pointer, f.code;

-- copies
SELECT c.n, f.*
FROM (VALUES
    (1, 'replicas/far', '{"store": "mart"}'::jsonb),
    (2, 'caches/fast', '{"store": "memory"}'),
    (3, 'snapshots/nightly', '{"store": "mart", "locator": "x"}'),
    (4, 'derived/totals', '{"store": "mart", "locator": "x"}'),
    (5, 'snapshots/nightly/every', NULL),
    (6, 'snapshots/nightly/trigger', '"realtime"'),
    (7, 'snapshots/nightly/repair', '{"policy": "auto"}'),
    (8, 'snapshots/nightly/consistency', '"eventual"'),
    (9, 'derived/totals/consistency', '"strong"'),
    (10, 'replicas/far/store', '"main"'),
    (11, 'replicas/far', base() #> '{contexts,shop,datasets,orders,replicas,far}' || '{"store": "main", "locator": "shop.orders"}'),
    (12, 'replicas/far/store', '"second"'),
    (13, 'replicas/fast', base() #> '{contexts,shop,datasets,orders,replicas,far}'),
    (14, 'replicas/far/provisional', 'true'),
    (15, 'replicas/far/upstream', '"nowhere"'),
    (16, 'replicas/far/upstream', '"far"'),
    (17, 'replicas/far/upstream', '"fast"'),
    (18, 'derived/totals/upstream', '"nightly"'),
    (19, 'replicas/far/route', '"west"')
) c(n, place, value), findings(c.place, c.value) f ORDER BY c.n, f.pointer, f.code;
-- a postgres copy that says why it is not the source
SELECT * FROM findings('replicas/far', base() #> '{contexts,shop,datasets,orders,replicas,far}' || '{"store": "second", "rationale": "read only"}');
-- a longer circle, and one beside it, are each told once
SELECT * FROM findings('replicas', (SELECT jsonb_object_agg(name, base() #> '{contexts,shop,datasets,orders,replicas,far}' || jsonb_build_object('upstream', upstream))
    FROM (VALUES ('a', 'b'), ('b', 'c'), ('c', 'a'), ('d', 'a'), ('e', 'e'), ('far', 'd')) r(name, upstream)));

-- who reads and writes
SELECT c.n, f.*
FROM (VALUES
    (1, 'consumers/other', '{}'::jsonb),
    (2, 'consumers/other/purpose', '"fun"'),
    (3, 'consumers/other/confirmed', 'false'),
    (4, 'consumers/other/confirmed', 'true'),
    (5, 'consumers/other/reads', '"second"'),
    (6, 'consumers/other/reads', '"main"'),
    (7, 'consumers/other/until', '"2020-01-01"'),
    (8, 'producers/other/writes', '"mart"'),
    (9, 'producers/other/writes', '"second"'),
    (10, 'producers/other/confirmed', 'false'),
    (11, 'producers', '["other"]'),
    (12, 'consumers/gone', '{"purpose": "reports"}')
) c(n, place, value), findings(c.place, c.value) f ORDER BY c.n, f.pointer, f.code;
-- during a migration both stores are the source's
SELECT v.* FROM spine.validate(jsonb_set(jsonb_set(base(), '{contexts,shop,datasets,orders,sot,target}',
    '{"store": "second", "plan": "docs/move.md"}'), '{contexts,shop,datasets,orders,producers,other,writes}', '"second"')) v;

-- one classification, known terms
SELECT c.n, f.*
FROM (VALUES
    (1, 'tags', '["classification:internal"]'::jsonb),
    (2, 'tags', '["classification:public"]'),
    (3, 'attributes/email', '{"tags": ["classification:public", "classification:internal"]}'),
    (4, 'attributes/email', '{"classification": "hidden", "tags": ["size:huge"]}')
) c(n, place, value), findings(c.place, c.value) f ORDER BY c.n, f.pointer, f.code;

-- data that is never duplicated: all of the dataset, by term or by its parent
SELECT c.n, f.*
FROM (VALUES
    (1, 'classification', '"secret"'::jsonb),
    (2, 'classification', '"top"'),
    (3, 'tags', '["size:large"]'),
    (4, 'attributes/email', '{"classification": "secret"}')
) c(n, place, value), findings(c.place, c.value) f ORDER BY c.n, f.pointer, f.code;
SELECT severity, code, pointer FROM spine.validate(jsonb_set(base() #- '{contexts,shop,datasets,orders,classification}', '{contexts,shop,classification}', '"secret"'));
-- or an attribute, which the columns of a copy may leave out
CREATE FUNCTION copied(attribute text, expression text) RETURNS TABLE (severity text, code text, message text) LANGUAGE sql AS $$
    SELECT v.severity, v.code, v.message FROM spine.validate(jsonb_set(jsonb_set(base()
        #- '{contexts,shop,datasets,orders,caches}' #- '{contexts,shop,datasets,orders,snapshots}',
        ARRAY['contexts', 'shop', 'datasets', 'orders', 'attributes', attribute], '{"classification": "secret"}'),
        '{contexts,shop,datasets,orders,replicas,far,columns}', jsonb_build_object('id', 'id', 'x', expression))) v
$$;
SELECT n, c.attribute, c.expression, f.severity, f.code
FROM (VALUES
    (1, 'email', 'note'),
    (2, 'email', 'email'),
    (3, 'email', 'lower(Email)'),
    (4, 'email', '"email"'),
    (5, 'email', '"Email"'),
    (6, 'email', 'note ->> ''email'''),
    (7, 'email', E'note ->> E''\\'' || email || '''''),
    (8, 'email', 'emails'),
    (9, 'email', 'orders.*'),
    (10, 'email', 'to_jsonb(orders) - ''email'''),
    (11, 'email', '''x'' || email'),
    (12, 'email', 'note /* '' */ || email'),
    (13, 'Weird', '"Weird"'),
    (14, 'Weird', 'weird'),
    (15, 'note.deep', 'note'),
    (16, 'note.deep', 'amount'),
    (17, 'email', '"unclosed'),
    (18, 'email', '''unclosed'),
    (19, 'email', E'U&"em\\0061il"')
) c(n, attribute, expression) LEFT JOIN LATERAL copied(c.attribute, c.expression) f ON f.code = 'never_copied' ORDER BY n;

-- links are URLs or paths
SELECT c.n, f.*
FROM (VALUES
    (1, 'links', '{"a": "https://example.org/x?y=1#z", "b": "docs/x.md#a", "c": "../x", "d": "/srv/x", "e": "mailto:a@example.org", "f": "#here"}'::jsonb),
    (2, 'links', '{"a": "javascript:alert(1)", "b": "JavaScript:x", "c": "data:text/html,x", "d": "", "e": "two words", "f": "a\tb"}'::jsonb),
    (3, 'attributes/email/links', '{"a": "ask Bob"}'),
    (4, '/parties/team/links', '{"a": "ask Bob"}')
) c(n, place, value), findings(c.place, c.value) f ORDER BY c.n, f.pointer, f.code;

-- what makes an accepted dataset wrong without naming it is refused as well
SELECT spine.apply(base());
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "terms": {"classification": {"internal": {"rank": 1, "no_copy": true}}}}');	-- fails
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "contexts": {"shop": {"interim_owner": "other", "review_on": "2999-01-01"}}}');	-- fails
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "contexts": {"shop": {"description": "All there is to buy"}}}');
SELECT spine.detach_all();
DROP SERVER second;
DROP FOREIGN DATA WRAPPER regress_fdw;
