-- views that a person works with: datasets, rights, places, what nobody
-- answers for, what is due, what changed.
SET client_min_messages = warning;
SET datestyle = iso;
CREATE ROLE regress_seller;
CREATE ROLE regress_clerk;
CREATE ROLE regress_shipper;
CREATE ROLE regress_gone;
CREATE SCHEMA shop;
CREATE TABLE shop.cart (id int PRIMARY KEY, status text NOT NULL, price jsonb, note text);
CREATE TABLE shop.item (cart_id int NOT NULL REFERENCES shop.cart, item text NOT NULL, PRIMARY KEY (cart_id, item));
CREATE TABLE shop.product (id int PRIMARY KEY, name text);
CREATE TABLE shop.rate (id int PRIMARY KEY);
CREATE TABLE shop.parcel (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE shop.parcel_1 PARTITION OF shop.parcel FOR VALUES FROM (1) TO (100);
CREATE TABLE shop.odd_product () INHERITS (shop.product);
CREATE TABLE shop.odder_product () INHERITS (shop.odd_product);
CREATE TABLE shop.monthly (id int);
CREATE TABLE shop.elsewhere (id int);
CREATE VIEW shop.cheap AS SELECT 1 AS x;

-- nothing yet
SELECT count(*) FROM spine.dataset;
SELECT count(*) FROM spine.matrix;
SELECT count(*) FROM spine.topology;
SELECT count(*) FROM spine.unowned;
SELECT count(*) FROM spine.reviews_due;
SELECT count(*) FROM spine.changelog;

\set head '{"kind": "DataSpine", "apiVersion": "spine/v1"}'
SELECT :'head'::jsonb || '{
  "terms": {"classification": {"internal": {"rank": 1}, "secret": {"rank": 2}}, "region": {"eu": {}, "us": {}}, "pii": {"name": {}}, "purpose": {"delivery": {}}},
  "parties": {"seller": {"kind": "service", "role": "regress_seller"}, "clerk": {"kind": "team", "role": "regress_clerk"},
              "shipper": {"kind": "team", "role": "regress_shipper"}, "board": {"kind": "team"}, "gone": {"kind": "person", "role": "regress_gone"}},
  "stores": {"main": {"kind": "postgres", "region": "eu"}, "cache": {"kind": "cache", "region": "us", "owner": "clerk"}, "lake": {"kind": "object_store"}},
  "contexts": {
    "sales": {"owner": "seller", "steward": "clerk", "classification": "internal", "schemas": ["shop", "no_such_schema"], "datasets": {
      "carts": {"description": "What somebody wants.", "relation": "shop.cart", "classification": "secret", "enforcement": "observe", "audit": "transitions",
        "tags": ["pii:name"], "delegates": {"clerk": ["schema_change"], "board": ["retention"]}, "links": {"wiki": "https://example.org/carts"},
        "sot": {"store": "main", "locator": "shop.cart"},
        "caches": {"hot carts": {"store": "cache", "flow": "app", "consistency": "eventual", "max_lag": "PT1.5S", "ttl": "PT1H"}},
        "replicas": {"copy.2": {"store": "lake", "locator": "s3://carts", "flow": "etl", "trigger": "batch", "max_lag": "P1D", "conflict": "sot_wins", "owner": "shipper", "provisional": true}},
        "derived": {"totals": {"store": "lake", "upstream": "copy.2", "flow": "etl", "consistency": "bounded", "runbook": "docs/totals"}},
        "consumers": {"shipper": {"purpose": "delivery", "attributes": ["price", "status"]}, "board": {}},
        "retention": {"old": {"keep": "P7D", "clock": "id"}, "all": {"keep": "P10Y", "clock": "id"}},
        "lifecycle": {"governing": "status",
          "states": {
            "open": {"initial": true, "owner": "seller", "delete": ["seller", "clerk"], "write": {"*": ["seller"], "price.tax": ["clerk"]}, "read": ["seller"]},
            "held": {"owner": "clerk", "locked": false},
            "new": {"initial": true, "owner": "clerk", "insert": ["seller", "shipper"], "locked": false, "write": {"*": ["clerk"]}},
            "sent": {"terminal": true}},
          "transitions": {
            "open -> held": {"by": ["seller"], "guard": "NEW.price IS NOT NULL", "with_write": ["note"]},
            "held -> sent": {"by": ["clerk", "shipper"]}, "new -> open": {"by": ["clerk"]}},
          "children": {"items": {"relation": "shop.item", "via": ["cart_id"], "write": {"open": ["seller"], "held": ["clerk", "seller"]}}}}},
      "products": {"relation": "shop.product", "producers": ["clerk"], "consumers": {"seller": {}, "shipper": {}}, "sot": {"store": "main", "provisional": true},
        "snapshots": {"monthly": {"store": "main", "locator": "shop.monthly"}, "far": {"store": "lake", "locator": "shop.elsewhere"}}},
      "rates": {"owner": "board", "relation": "shop.rate", "producers": {"shipper": {"writes": "main"}}},
      "ideas": {"owner": "clerk", "owner_state": "proposed", "interim_owner": "shipper"},
      "plans": {"owner": "clerk", "owner_state": "proposed"},
      "odd.\"name\"": {"snapshots": {"a \"first\" one": {"store": "lake", "consistency": "snapshot"}}}}},
    "void": {"datasets": {"nothing": {}, "stand-in": {"interim_owner": "gone"}}},
    "lent": {"owner": "gone", "owner_state": "interim", "datasets": {"goods": {}}}}}' AS doc \gset
-- days count from today
SELECT jsonb_set(jsonb_set(jsonb_set(jsonb_set(jsonb_set(jsonb_set(jsonb_set(jsonb_set(:'doc'::jsonb,
         '{contexts,void,datasets,stand-in,review_on}', to_jsonb((current_date + 60)::text)),
         '{contexts,lent,review_on}', to_jsonb((current_date - 1)::text)),
         '{contexts,sales,review_on}', to_jsonb((current_date + 31)::text)),
         '{contexts,sales,datasets,ideas,review_on}', to_jsonb((current_date + 40)::text)),
         '{contexts,sales,datasets,rates,review_on}', to_jsonb((current_date + 30)::text)),
         '{contexts,sales,datasets,rates,sot}', jsonb_build_object('store', 'lake', 'target', jsonb_build_object('store', 'main', 'by', (current_date + 3)::text))),
         '{contexts,sales,datasets,rates,consumers}', jsonb_build_object('clerk', jsonb_build_object('until', (current_date - 2)::text), 'shipper', jsonb_build_object('until', (current_date + 99)::text))),
         '{residency}', jsonb_build_object('for-a-while', jsonb_build_object('term', 'pii:name', 'effect', 'allow', 'exception', true,
           'approved_by', 'board', 'reason', 'a trial', 'expires', (current_date)::text))) AS doc \gset
SELECT severity, code, pointer FROM spine.validate(:'doc') WHERE severity = 'error';
SELECT spine.apply(:'doc', 'all of it');

-- datasets
SELECT dataset, context, name, owner, owner_state, interim_owner, owner_via, steward, classification, has_lifecycle, review_on - current_date AS review_in
  FROM spine.dataset ORDER BY dataset;
SELECT dataset, relation, local, enforcement, audit, governing, sot_store, sot_locator, sot_provisional, sot_target
  FROM spine.dataset ORDER BY dataset;
SELECT dataset, replicas, caches, snapshots, derived, consumers, producers, delegates, retention, tags
  FROM spine.dataset ORDER BY dataset;
SELECT dataset, description, links, contract, rev FROM spine.dataset WHERE name = 'carts';

-- rights: of states, of a child table, of a dataset without a lifecycle
SELECT state, party, role, action, target, condition FROM spine.matrix WHERE dataset = 'sales.carts'
 ORDER BY state COLLATE "C", action, party, target COLLATE "C";
SELECT dataset, state, party, action, target FROM spine.matrix WHERE dataset LIKE 'sales.carts._%' ORDER BY state, action, party;
SELECT dataset, state, party, role, action, target FROM spine.matrix WHERE dataset IN ('sales.products', 'sales.rates')
 ORDER BY dataset, action, party;
-- the rows say what the guard says, for everybody, in every state (none differs)
INSERT INTO shop.cart (id, status, price) VALUES (1, 'open', '{"tax": 1}'), (2, 'held', '{"tax": 1}'), (3, 'new', '{"tax": 1}'), (4, 'sent', '{"tax": 1}');
WITH asked AS (
    SELECT c.status AS state, p.party, a.action, m.allowed,
           EXISTS (SELECT FROM spine.matrix r
                    WHERE r.dataset = 'sales.carts' AND r.state = c.status AND coalesce(r.party, p.party) = p.party
                      AND (r.action = a.action AND r.action IN ('insert', 'delete')
                           OR r.action = 'transition' AND r.target = a.action
                           OR r.action = 'write' AND r.condition IS NULL AND r.target = a.action
                           OR r.action = 'write' AND r.condition IS NULL AND r.target = '*' AND a.action IN ('note', 'price.tax')
                              AND NOT EXISTS (SELECT FROM spine.matrix s WHERE s.dataset = 'sales.carts' AND s.state = c.status
                                                 AND s.action = 'write' AND s.target = a.action AND s.condition IS NULL))) AS expected
      FROM shop.cart c, spine.party p,
           unnest(ARRAY['insert', 'delete', 'note', 'price.tax', '-> open', '-> held', '-> new', '-> sent']) AS a (action),
           spine.may(p.role, 'shop.cart', CASE WHEN a.action <> 'insert' THEN jsonb_build_object('id', c.id) END, a.action,
                     CASE WHEN a.action = 'insert' THEN jsonb_build_object('id', 99, 'status', c.status) END) m
     WHERE p.role IS NOT NULL AND a.action <> '-> ' || c.status
)
SELECT state, party, action, allowed, expected FROM asked WHERE allowed <> expected
UNION ALL SELECT 'asked', count(*)::text, 'allowed', NULL, NULL FROM asked
UNION ALL SELECT 'allowed', (count(*) FILTER (WHERE allowed))::text, 'expected', NULL, NULL FROM asked
 ORDER BY 1, 2, 3;
-- nobody may do anything
SELECT count(*) FROM spine.matrix WHERE dataset = 'void.nothing';
-- what the definition alone means
SELECT * FROM spine.rights('a.b', '{"producers": ["y", "x"]}', NULL) ORDER BY party, action;
SELECT count(*) FROM spine.rights(NULL, '{}', 'x');
SELECT count(*) FROM spine.rights('a.b', NULL, 'x');
SELECT count(*) FROM spine.rights('a.b', '[]', NULL);
SELECT count(*) FROM spine.rights('a.b', '"text"', NULL);
SELECT * FROM spine.rights('a.b', '{"producers": 1, "consumers": [], "lifecycle": {"governing": 5, "states": {"a": 3, "b": {"write": ["x"], "insert": "x"}}, "transitions": {"x": {}, "b -> ": {"by": ["p", 1]}, "b": []}, "children": {"c": {"write": {"b": "p"}}, "d": null}}}', 'o');

-- places
SELECT dataset, placement, kind, store, store_kind, region, locator, upstream, provisional, owner
  FROM spine.topology ORDER BY dataset, kind, placement;
SELECT placement, flow, trigger, consistency, max_lag, conflict, route, runbook
  FROM spine.topology WHERE placement IS NOT NULL ORDER BY dataset, kind, placement;

-- names and members of parts of a document
SELECT spine.names('{"bb": 1, "a": 2}'), spine.names('["z", 1, "y", null]'), spine.names('{}'), spine.names('[]'), spine.names('"x"'), spine.names('1'), spine.names(NULL);
SELECT * FROM spine.members('{"b": {"x": 1}, "a": null}') ORDER BY name;

-- what nobody answers for
SELECT asset, kind, reason, party, replace(detail, current_user, '(me)') AS detail FROM spine.unowned ORDER BY kind, asset;
-- a role that is gone; parties as only a broken document has them
BEGIN;
DROP OWNED BY regress_seller;
DROP ROLE regress_seller;
SELECT asset, reason, party, detail FROM spine.unowned WHERE party = 'seller' ORDER BY asset;
UPDATE spine.party SET definition = '{"retired": true}' WHERE party = 'seller';
DELETE FROM spine.party WHERE party = 'clerk';
SELECT asset, reason, party, detail FROM spine.unowned WHERE party IN ('seller', 'clerk') ORDER BY asset;
ROLLBACK;
-- an extension's table belongs to its extension; a new table is nobody's
BEGIN;
CREATE TABLE shop.member (x int);
ALTER EXTENSION spine ADD TABLE shop.member;
CREATE TABLE shop."New one" (x int);
SELECT asset FROM spine.unowned WHERE kind = 'table' ORDER BY asset;
ROLLBACK;

-- what is due
SELECT asset, kind, reason, due - current_date AS due_in, overdue, party, detail
  FROM spine.reviews_due ORDER BY asset, reason;

-- what changed when
SELECT spine.apply(:'head'::jsonb || '{"parties": {"board": {"kind": "team", "description": "They meet on Mondays."}}}', 'a word about the board');
SELECT spine.apply(:'head'::jsonb || '{"contexts": {"void": {"datasets": {"stand-in": {"owner": "clerk"}}}}}', 'the void is smaller', true);
SELECT spine.rollback(2, 'not so fast');
SELECT rev, author = session_user AS author, session_author = session_user AS session, message, created, updated, deleted, risk, changes
  FROM spine.changelog ORDER BY rev;
SELECT c.rev FROM spine.changelog c JOIN spine.revision r USING (rev) WHERE c.at = r.at AND c.sha256 = r.sha256 ORDER BY 1;
-- who does not ask what changed does not pay for it
EXPLAIN (COSTS OFF) SELECT rev, message FROM spine.changelog ORDER BY rev DESC LIMIT 3;

-- every column says what it is (none does not)
SELECT attrelid::regclass, attname FROM pg_attribute
 WHERE attrelid IN ('spine.dataset'::regclass, 'spine.matrix'::regclass, 'spine.topology'::regclass, 'spine.unowned'::regclass, 'spine.reviews_due'::regclass, 'spine.changelog'::regclass)
   AND col_description(attrelid, attnum) IS NULL AND attnum > 0;

-- readers, stewards, auditors and admins read; nobody writes
CREATE ROLE regress_reader;
CREATE ROLE regress_nobody;
GRANT spine_reader TO regress_reader;
SELECT view, string_agg(role, ', ' ORDER BY role) AS may_read
  FROM unnest(ARRAY['dataset', 'matrix', 'topology', 'unowned', 'reviews_due', 'changelog']) view,
       unnest(ARRAY['spine_reader', 'spine_steward', 'spine_auditor', 'spine_admin', 'spine_publisher', 'regress_reader', 'regress_nobody']) role
 WHERE has_table_privilege(role, 'spine.' || view, 'SELECT')
 GROUP BY view ORDER BY view;
SET ROLE regress_reader;
SELECT count(*) > 0 AS dataset FROM spine.dataset;
SELECT count(*) > 0 AS matrix FROM (SELECT * FROM spine.matrix) m;
SELECT count(*) > 0 AS topology FROM (SELECT * FROM spine.topology) t;
SELECT count(*) > 0 AS unowned FROM (SELECT * FROM spine.unowned) u;
SELECT count(*) > 0 AS due FROM (SELECT * FROM spine.reviews_due) r;
SELECT sum(created) > 0 AS changelog FROM spine.changelog;
DELETE FROM spine.matrix;			-- fails
UPDATE spine.dataset SET owner = 'me';	-- fails
SET ROLE regress_nobody;
SELECT * FROM spine.dataset;		-- fails
SELECT * FROM spine.matrix;			-- fails
SELECT * FROM spine.topology;		-- fails
SELECT * FROM spine.unowned;		-- fails
SELECT * FROM spine.reviews_due;	-- fails
SELECT * FROM spine.changelog;		-- fails
SELECT spine.names('{}');			-- fails
SELECT * FROM spine.members('{}');	-- fails
SELECT * FROM spine.rights('', '{}', '');	-- fails
RESET ROLE;

SELECT spine.detach_all();
DROP EXTENSION spine;
DROP SCHEMA shop CASCADE;
