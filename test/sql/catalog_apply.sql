-- apply: what it merges, what it refuses, what it leaves behind.
SET client_min_messages = warning;
CREATE ROLE regress_seller;
CREATE ROLE regress_clerk;
CREATE SCHEMA shop;
CREATE TABLE shop.cart (id int PRIMARY KEY, status text NOT NULL, note text);

\set head '{"kind": "DataSpine", "apiVersion": "spine/v1"}'
SELECT :'head'::jsonb || '{"parties": {"seller": {"kind": "service", "role": "regress_seller"}, "clerk": {"kind": "team", "role": "regress_clerk"}}, "terms": {"pii": {"email": {}}}, "contexts": {"sales": {"owner": "seller", "datasets": {"carts": {"relation": "shop.cart", "attributes": {"note": {}}}, "plans": {"owner": "clerk"}}}}}' AS doc \gset

-- before the first document
SELECT spine.export();
SELECT spine.apply(:'head');
SELECT count(*) FROM spine.revision;

-- the first document, and the same again
SELECT spine.apply(:'doc', 'the first');
SELECT spine.apply(:'doc', 'the same');
SELECT spine.export() = :'doc'::jsonb AS exported;
SELECT rev, author = session_user AS author, session_author = session_user AS session, message, length(sha256), parent_sha256
  FROM spine.revision ORDER BY rev;
SELECT asset, kind, parent, name, owner, relation, relid::regclass, rev, local
  FROM spine.asset ORDER BY asset;
SELECT party, kind, role, roleid::regrole FROM spine.party ORDER BY party;
SELECT section, name, definition FROM spine.entry ORDER BY section, name;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'shop.cart'::regclass ORDER BY tgname;

-- a number that is written in another way says the same
SELECT spine.apply(:'head'::jsonb || '{"terms": {"classification": {"high": {"rank": 1.0}}}}');
SELECT spine.apply(:'head'::jsonb || '{"terms": {"classification": {"high": {"rank": 1}}}}');

-- a partial document touches what it names: entities are replaced whole
SELECT spine.apply(:'head'::jsonb || '{"contexts": {"sales": {"description": "What is sold", "datasets": {"plans": {"owner": "seller"}}}}}');
SELECT asset, owner, rev FROM spine.asset ORDER BY asset;
SELECT spine.export('sales') #- '{contexts,sales,datasets,carts}';

-- the context's owner is the owner of its datasets that name none
SELECT spine.apply(:'head'::jsonb || '{"contexts": {"sales": {"owner": "clerk"}}}');
SELECT asset, owner, rev FROM spine.asset WHERE kind <> 'attribute' ORDER BY asset;

-- prune removes what sections and contexts that are named leave out
SELECT spine.apply(:'head'::jsonb || '{"contexts": {"other": {"owner": "seller", "datasets": {"x": {}}}}}');
SELECT spine.apply(:'head'::jsonb || '{"terms": {"pii": {"address": {}}}, "contexts": {"sales": {"owner": "clerk", "datasets": {"carts": {"relation": "shop.cart"}}}}}', prune => true);
SELECT spine.export() -> 'terms' AS terms, jsonb_pretty(spine.export() -> 'contexts') AS contexts;
-- a context goes when it is named empty
SELECT spine.apply(:'head'::jsonb || '{"contexts": {"other": {}}}', prune => true);
SELECT jsonb_object_keys(spine.export() -> 'contexts');

-- a stale expect_rev is refused, even where nothing would change
SELECT spine.apply(:'head', expect_rev => 1);					-- fails
SELECT spine.apply(:'head', expect_rev => 7);
\set VERBOSITY sqlstate
SELECT spine.apply(:'head', expect_rev => 1);					-- fails: SP003
\set VERBOSITY default

-- errors name every place, and nothing is half applied
SELECT spine.apply(:'head'::jsonb || '{"partys": {}, "parties": {"ghost": {"kind": "robot"}}}');	-- fails
SELECT spine.apply(:'head'::jsonb || '{"parties": {"ghost": {"kind": "team", "role": "regress_nobody"}}, "contexts": {"sales": {"owner": "nobody"}}}');	-- fails
SELECT spine.apply(NULL);						-- fails
SELECT spine.apply('"text"');					-- fails
SELECT spine.apply('[]');						-- fails
SELECT spine.rollback(NULL);					-- fails
SELECT spine.rollback(4711);					-- fails
SELECT max(rev) FROM spine.revision;

-- in the caller's transaction: all or nothing
BEGIN;
SELECT spine.apply(:'head'::jsonb || '{"contexts": {"sales": {"owner": "seller"}}}');
SELECT owner FROM spine.asset WHERE asset = 'sales';
ROLLBACK;
SELECT owner FROM spine.asset WHERE asset = 'sales';
BEGIN READ ONLY;
SELECT spine.apply(:'doc');						-- fails
ROLLBACK;

-- rollback applies an old document whole
SELECT spine.rollback(1, 'as it was');
SELECT spine.export() = :'doc'::jsonb AS exported;
SELECT rev, owner FROM spine.asset WHERE asset = 'sales.carts';
SELECT rev, message FROM spine.revision ORDER BY rev DESC LIMIT 1;

-- what was taken off by hand is mended by the next apply, without a revision
DROP TRIGGER "~spine_guard" ON shop.cart;
SELECT action, kind, key FROM spine.plan(:'head');
SELECT spine.apply(:'head');
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'shop.cart'::regclass;

-- revisions are for ever, also for a superuser
UPDATE spine.revision SET message = 'better';	-- fails
DELETE FROM spine.revision;						-- fails
TRUNCATE spine.revision;						-- fails

-- a lost projection is told and comes back
TRUNCATE spine.asset, spine.projection;
SELECT check_name, ok, detail, hint FROM spine.health() WHERE NOT ok;
SELECT spine.apply(:'head');
SELECT count(*) FROM spine.asset;
DELETE FROM spine.asset WHERE kind = 'attribute';
SELECT check_name, ok, detail, hint FROM spine.health() WHERE NOT ok;
SELECT spine.refresh_projection();
SELECT check_name FROM spine.health() WHERE NOT ok;

-- a role that is renamed is told, and any apply writes its new name down
ALTER ROLE regress_clerk RENAME TO regress_office;
SELECT check_name, detail FROM spine.health() WHERE NOT ok;
SELECT action, kind, key, before, after FROM spine.plan(:'head');
SELECT spine.apply(:'head');
SELECT spine.export() #>> '{parties,clerk,role}' AS role, (SELECT roleid::regrole FROM spine.party WHERE party = 'clerk');
-- but not if somebody else has taken the old name: the oid stays
ALTER ROLE regress_office RENAME TO regress_bureau;
CREATE ROLE regress_office;
SELECT * FROM spine.plan(:'head');
SELECT check_name, detail FROM spine.health() WHERE NOT ok;
SELECT roleid::regrole FROM spine.party WHERE party = 'clerk';
DROP ROLE regress_office;
ALTER ROLE regress_bureau RENAME TO regress_clerk;
SELECT spine.apply(:'doc');

-- a role that is dropped is told, one that comes back is found again
DROP ROLE regress_clerk;
SELECT check_name, detail FROM spine.health() WHERE NOT ok;
CREATE ROLE regress_clerk;
SELECT spine.apply(:'head');
SELECT check_name FROM spine.health() WHERE NOT ok;

-- functions are pinned as they were; who names the dataset again takes them
-- as they are
CREATE FUNCTION shop.may_go(shop.cart, shop.cart) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true';
SELECT jsonb_set(spine.export('sales.carts'), '{contexts,sales,datasets,carts,lifecycle}', '{"governing": "status", "states": {"open": {"initial": true, "owner": "seller"}, "gone": {"terminal": true}}, "transitions": {"open -> gone": {"by": ["seller"], "guard": {"function": "shop.may_go(shop.cart,shop.cart)"}}}}') AS guarded \gset
SELECT spine.apply(:'guarded');
SELECT dataset, identity FROM spine.pin;
SELECT sha256 AS pinned FROM spine.pin \gset
CREATE OR REPLACE FUNCTION shop.may_go(shop.cart, shop.cart) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT false';
SELECT count(*) FROM spine.plan(:'head');
SELECT action, kind, key, risk, sql FROM spine.plan(:'guarded');
SELECT spine.apply(:'head');
SELECT sha256 = :'pinned' AS as_it_was FROM spine.pin;
SELECT spine.apply(:'guarded');
SELECT sha256 = :'pinned' AS as_it_was FROM spine.pin;
SELECT count(*) FROM spine.plan(:'guarded');

-- everything off the tables, and the extension can go
SELECT spine.detach_all();
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'shop.cart'::regclass;
SELECT spine.detach_all();
DROP SCHEMA shop CASCADE;
DROP EXTENSION spine;
DROP ROLE regress_seller, regress_clerk;
