-- Datasets without a lifecycle, and the modes enforce, observe and off.
SET client_min_messages = warning;
CREATE ROLE regress_catalog;
CREATE ROLE regress_seller;
CREATE ROLE regress_stranger;
CREATE SCHEMA mart;
CREATE TABLE mart.product (id int PRIMARY KEY, name text);
GRANT USAGE ON SCHEMA mart TO PUBLIC;
GRANT ALL ON mart.product TO PUBLIC;

\set document '{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}}, "parties": {"catalog": {"kind": "context", "role": "regress_catalog"}, "seller": {"kind": "context", "role": "regress_seller"}}, "contexts": {"mart": {"owner": "catalog", "datasets": {"products": {"relation": "mart.product", "producers": {"seller": {}}, "sot": {"store": "main", "locator": "mart.product"}}}}}}'
SELECT spine.apply(:'document');

-- the owner (here the context's) and the producers do everything
SET ROLE regress_catalog;
INSERT INTO mart.product VALUES (1, 'chair'), (2, 'table');
UPDATE mart.product SET id = 3 WHERE id = 2;
SET ROLE regress_seller;
UPDATE mart.product SET name = 'armchair' WHERE id = 1;
SET ROLE regress_stranger;
INSERT INTO mart.product VALUES (9, 'x');		-- fails
UPDATE mart.product SET name = 'x';				-- fails
DELETE FROM mart.product;						-- fails
TRUNCATE mart.product;							-- fails

-- observe: the same writes pass and are recorded
RESET ROLE;
SELECT jsonb_set(:'document', '{contexts,mart,datasets,products,enforcement}', '"observe"') AS observe,
       jsonb_set(:'document', '{contexts,mart,datasets,products,enforcement}', '"off"') AS off \gset
SELECT spine.apply(:'observe');
SET ROLE regress_stranger;
INSERT INTO mart.product VALUES (9, 'x');
UPDATE mart.product SET name = 'y' WHERE id = 9;
BEGIN;
DELETE FROM mart.product WHERE id = 9;
ROLLBACK;
DELETE FROM mart.product WHERE id = 3;
RESET ROLE;
SELECT action, key, attribute, actor, sqlstate, mode, message FROM spine.denied ORDER BY at, n;
SELECT action, key, actor, party, via FROM spine.audit_trail ORDER BY at, n;

-- off: nothing is attached
SELECT spine.apply(:'off');
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'mart.product'::regclass;
SET ROLE regress_stranger;
UPDATE mart.product SET name = 'z' WHERE id = 9;
RESET ROLE;

-- and back
SELECT action, kind, key FROM spine.plan(:'document') ORDER BY 1, 2, 3;
SELECT spine.apply(:'document');
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'mart.product'::regclass ORDER BY 1;
SET ROLE regress_stranger;
UPDATE mart.product SET name = 'w' WHERE id = 9;	-- fails
RESET ROLE;
-- a party's membership is obeyed at the next statement
GRANT regress_seller TO regress_stranger;
SET ROLE regress_stranger;
UPDATE mart.product SET name = 'seller now' WHERE id = 9;
RESET ROLE;
REVOKE regress_seller FROM regress_stranger;
SET ROLE regress_stranger;
UPDATE mart.product SET name = 'w' WHERE id = 9;	-- fails
TRUNCATE mart.product;								-- fails
RESET ROLE;
SET ROLE regress_seller;
TRUNCATE mart.product;
RESET ROLE;
-- who is merely proposed owns nothing yet; who owned it stands in
SELECT spine.own('mart.products', 'seller') > 0 AS proposed;
SELECT spine.apply(jsonb_build_object('kind', 'DataSpine', 'apiVersion', 'spine/v1', 'contexts',
    jsonb_build_object('mart', jsonb_build_object('datasets', jsonb_build_object('products',
    spine.export() #> '{contexts,mart,datasets,products}' #- '{producers}'))))) > 0 AS without_producers;
SET ROLE regress_catalog;
INSERT INTO mart.product VALUES (20, 'still mine');
SET ROLE regress_seller;
INSERT INTO mart.product VALUES (21, 'not mine yet');	-- fails
RESET ROLE;
SELECT spine.accept('mart.products') > 0 AS accepted;
SET ROLE regress_seller;
INSERT INTO mart.product VALUES (21, 'mine now');
SET ROLE regress_catalog;
INSERT INTO mart.product VALUES (22, 'no longer mine');	-- fails
RESET ROLE;
SELECT spine.detach_all();
DROP SCHEMA mart CASCADE;
