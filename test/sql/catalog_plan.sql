-- plan and diff: a row for each entity that differs, and its risk.
SET client_min_messages = warning;
CREATE ROLE regress_seller;
CREATE ROLE regress_packer;
CREATE ROLE regress_other;
CREATE SCHEMA shop;
CREATE TABLE shop.sale (id int PRIMARY KEY, status text NOT NULL, price int, note jsonb, version int NOT NULL DEFAULT 1);
CREATE TABLE shop.line (id int PRIMARY KEY, sale int, n int);

\set doc '{"kind": "DataSpine", "apiVersion": "spine/v1", "terms": {"classification": {"internal": {"rank": 1}}}, "parties": {"seller": {"kind": "service", "role": "regress_seller"}, "packer": {"kind": "team", "role": "regress_packer"}}, "stores": {"main": {"kind": "postgres"}}, "contexts": {"s.t": {"owner": "seller", "datasets": {"sales": {"relation": "shop.sale", "description": "Sold.", "retention": {"old": {"keep": "P1Y", "action": "delete", "clock": "status"}}, "attributes": {"note": {"erasure": "null"}, "note.a": {}}, "caches": {"fast.cache": {"store": "main", "locator": "x"}}, "lifecycle": {"governing": "status", "contention": {"version": {"attribute": "version", "mode": "require"}}, "states": {"open": {"initial": true, "owner": "seller", "write": {"*": ["seller"]}}, "paid": {"owner": "packer", "write": {"note": ["seller", "packer"]}}, "gone": {"terminal": true}}, "transitions": {"open -> paid": {"by": ["seller", "packer"]}, "paid -> gone": {"by": ["packer"], "guard": "NEW.price > 0"}}, "invariants": {"priced": {"not_null": ["price"], "except_in": ["open"]}}, "children": {"lines": {"relation": "shop.line", "via": ["sale"], "write": {"open": ["seller"]}}}}}}}}, "slos": {"fresh": {"indicator": "lag", "objective": 0.9}}}'

-- everything is new
SELECT action, kind, key, risk, CASE WHEN kind IN ('guard', 'constraint') THEN '(statements)' ELSE sql END AS sql
  FROM spine.plan(:'doc');
SELECT count(*) FROM spine.revision;
SELECT before, after FROM spine.plan(:'doc') WHERE kind IN ('context', 'dataset', 'cache');
SELECT spine.apply(:'doc');
SELECT * FROM spine.plan(:'doc');
SELECT * FROM spine.plan(spine.export('"s.t".sales'));

-- how a change of one member of the dataset is judged: set a path to a value
CREATE FUNCTION pg_temp.change(path text, value jsonb)
RETURNS TABLE (action text, kind text, key text, before jsonb, after jsonb, risk text, sql text)
LANGUAGE sql AS $$
    SELECT p.action, p.kind, p.key, p.before, p.after, p.risk, p.sql
      FROM spine.plan(CASE WHEN value IS NULL
             THEN spine.export() #- ('{contexts,s.t,datasets,sales}'::text[] || path::text[])
             ELSE jsonb_set(spine.export(), '{contexts,s.t,datasets,sales}'::text[] || path::text[], value) END) p
     WHERE p.action IN ('create', 'update', 'delete') AND p.kind <> 'constraint'
$$;
\pset format unaligned
\pset tuples_only on
SELECT * FROM pg_temp.change('{description}', '"Sold or to be sold."');
SELECT * FROM pg_temp.change('{enforcement}', '"observe"');
SELECT * FROM pg_temp.change('{enforcement}', '"enforce"');
SELECT * FROM pg_temp.change('{audit}', '"none"');
SELECT * FROM pg_temp.change('{owner}', '"packer"');
SELECT * FROM pg_temp.change('{producers}', '{"packer": {}}');
SELECT * FROM pg_temp.change('{retention,old,keep}', '"P2Y"');
SELECT * FROM pg_temp.change('{attributes,note,description}', '"Words."');
SELECT * FROM pg_temp.change('{attributes,note}', NULL);
SELECT * FROM pg_temp.change('{caches,fast.cache}', NULL);
-- states: who may write
SELECT * FROM pg_temp.change('{lifecycle,states,paid,meaning}', '"Paid."');
SELECT * FROM pg_temp.change('{lifecycle,states,paid,write,note}', '["packer"]');
SELECT * FROM pg_temp.change('{lifecycle,states,open,write,*}', '["seller", "packer"]');
SELECT * FROM pg_temp.change('{lifecycle,states,open,write,note.a}', '["seller"]');
SELECT * FROM pg_temp.change('{lifecycle,states,open,write,note.a}', '["packer"]');
SELECT * FROM pg_temp.change('{lifecycle,states,paid,locked}', 'false');
SELECT * FROM pg_temp.change('{lifecycle,states,open,delete}', '["seller"]');
SELECT * FROM pg_temp.change('{lifecycle,states,open,insert}', '["packer"]');
-- transitions, invariants, children, the lifecycle itself
SELECT * FROM pg_temp.change('{lifecycle,transitions,open -> paid,by}', '["seller"]');
SELECT * FROM pg_temp.change('{lifecycle,transitions,open -> paid,with_write}', '["price"]');
SELECT * FROM pg_temp.change('{lifecycle,transitions,paid -> gone,guard}', '"NEW.price > 1"');
SELECT * FROM pg_temp.change('{lifecycle,transitions,paid -> gone,guard}', NULL);
SELECT * FROM pg_temp.change('{lifecycle,transitions,open -> gone}', '{"by": ["seller"]}');
SELECT * FROM pg_temp.change('{lifecycle,invariants,priced}', NULL);
SELECT * FROM pg_temp.change('{lifecycle,children,lines,write,paid}', '["packer"]');
SELECT * FROM pg_temp.change('{lifecycle,children,lines,write}', '{}');
SELECT * FROM pg_temp.change('{lifecycle,contention,version,mode}', '"auto"');
SELECT * FROM pg_temp.change('{lifecycle,contention,out_of_order}', '"reject"');
SELECT action, kind, key, risk FROM pg_temp.change('{lifecycle}', NULL);

-- other sections, and what prune removes
SELECT action, kind, key, risk FROM spine.plan('{"kind": "DataSpine", "apiVersion": "spine/v1", "parties": {"packer": {"kind": "team", "role": "regress_other"}, "new": {"kind": "team"}}, "slos": {"fresh": {"indicator": "lag", "objective": 0.95}}}');
SELECT action, kind, key, risk, sql FROM spine.plan('{"kind": "DataSpine", "apiVersion": "spine/v1", "slos": {}, "contexts": {"s.t": {"owner": "seller"}}}', true) WHERE kind <> 'guard' AND kind <> 'constraint';

-- diff says the same of revisions, without looking at the database
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "slos": {"fresh": {"indicator": "lag", "objective": 0.95}}, "contexts": {"s.t": {"owner": "packer"}}}');
SELECT * FROM spine.diff(1, 2);
SELECT * FROM spine.diff(2, 1);
SELECT count(*) FROM spine.diff(0, 1);
SELECT count(*) FROM spine.diff(2, 2);
SELECT * FROM spine.diff(1, 99);		-- fails
SELECT * FROM spine.diff(NULL, 1);

-- plan judges the merged document
SELECT * FROM spine.plan(NULL);		-- fails
SELECT * FROM spine.plan('{"kind": "DataSpine", "apiVersion": "spine/v1", "contexts": {"s.t": {"owner": "nobody"}}}');	-- fails

SELECT spine.detach_all();
DROP SCHEMA shop CASCADE;
DROP EXTENSION spine;
DROP ROLE regress_seller, regress_packer, regress_other;
