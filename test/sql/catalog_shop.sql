-- The shop: thirteen contexts and what each of them owns.  docs/shop.md tells
-- about it; here its document is applied, counted, and asked a few things.
SET client_min_messages = warning;
\set roles regress_shop_
\set ECHO none
\i test/data/shop/world.sql
\set document `sed 's/"shop_/"regress_shop_/' test/data/shop/shop.spec.json`
\set ECHO all

-- it is sound: warnings alone, where nobody has said how long data is kept
SELECT severity, code, pointer FROM spine.validate(:'document') WHERE severity <> 'info' AND code <> 'review_overdue' ORDER BY pointer COLLATE "C";
SELECT spine.apply(:'document', 'the shop');
SELECT count(*) FROM spine.plan(spine.export());

-- how much there is
SELECT kind, count(*) FROM spine.asset WHERE kind <> 'attribute' GROUP BY kind ORDER BY kind;
SELECT section, count(*) FROM spine.entry WHERE section = 'events' GROUP BY section;
SELECT count(*) AS subscriptions FROM spine.entry, jsonb_object_keys(definition -> 'subscriptions') WHERE section = 'events';
SELECT split_part(asset, '.', 1) AS context, string_agg(name, ', ' ORDER BY name COLLATE "C") AS datasets
  FROM spine.asset WHERE kind = 'dataset' GROUP BY 1 ORDER BY 1;

-- every table is a dataset, a child of one, or the place of a copy
SELECT count(*) FILTER (WHERE kind = 'dataset') AS datasets, count(*) FILTER (WHERE kind = 'child') AS children,
       count(*) FILTER (WHERE kind IS NULL) AS copies, count(*) FILTER (WHERE kind IS NULL AND place IS NULL) AS neither
  FROM pg_class c LEFT JOIN spine.asset a ON a.relid = c.oid AND a.kind IN ('dataset', 'child')
       LEFT JOIN (SELECT DISTINCT p.value ->> 'locator' AS place
                    FROM spine.asset d, unnest(ARRAY['caches', 'snapshots', 'derived']) AS sort,
                         jsonb_each(d.definition -> sort) p WHERE d.kind = 'dataset') p ON place = c.oid::regclass::text
 WHERE relkind = 'r' AND relnamespace::regnamespace::text IN
       (SELECT jsonb_array_elements_text(definition -> 'schemas') FROM spine.asset WHERE kind = 'context');

-- who caches what of whom
SELECT d.asset AS source, sort, p.key AS name, p.value ->> 'locator' AS place, p.value ->> 'flow' AS flow,
       p.value ->> 'consistency' AS consistency, p.value ->> 'max_lag' AS max_lag
  FROM spine.asset d, unnest(ARRAY['caches', 'snapshots', 'derived']) AS sort, jsonb_each(d.definition -> sort) p
 WHERE d.kind = 'dataset' ORDER BY d.asset COLLATE "C", sort, p.key COLLATE "C";

-- nothing that is marked as never to be duplicated is in any of them
WITH copied AS (
    SELECT asset, copied.key AS copy, attribute.key AS attribute,
           coalesce(definition -> 'tags', '[]') || coalesce(definition #> ARRAY['attributes', attribute.key, 'tags'], '[]') AS tags
      FROM spine.asset, unnest(ARRAY['replicas', 'caches', 'snapshots', 'derived']) AS sort,
           jsonb_each(definition -> sort) copied, jsonb_each(copied.value -> 'columns') attribute WHERE kind = 'dataset')
SELECT count(*) AS attributes, count(*) FILTER (WHERE tags ?| ARRAY(
           SELECT name FROM spine.entry WHERE section = 'terms' AND definition ->> 'no_copy' = 'true')) AS never
  FROM copied;
SELECT name FROM spine.entry WHERE section = 'terms' AND definition ->> 'no_copy' = 'true' ORDER BY name COLLATE "C";

-- and a copy of it would be refused
SELECT severity, code, pointer, message FROM spine.validate(jsonb_set(:'document', '{contexts,product,datasets,images,caches}',
       '{"order": {"store": "main", "locator": "orders.images"}}')) WHERE severity = 'error';
SELECT severity, code, pointer, message FROM spine.validate(jsonb_set(:'document', '{contexts,payment,datasets,methods,caches,customer,columns,token}',
       '"token"')) WHERE severity = 'error';

-- the product context and sellers write the catalog; the order context does not
SET ROLE regress_shop_product;
UPDATE product.products SET base_price = 4100 WHERE product_id = 1 RETURNING name, base_price;
SET ROLE regress_shop_seller_member;
UPDATE product.products SET base_price = 4200 WHERE product_id = 1 RETURNING name, base_price;
UPDATE product.specifications SET value = 'pine' WHERE product_id = 1;		-- fails
SET ROLE regress_shop_order;
UPDATE product.products SET base_price = 1 WHERE product_id = 1;			-- fails

-- an order: its addresses are closed once it is submitted, its total once it is confirmed
UPDATE orders.orders SET status = 'submitted' WHERE order_id = 1;			-- fails: no total
UPDATE orders.orders SET total = '{"amount": 16000}', item_count = 4 RETURNING order_id, status, version;
UPDATE orders.orders SET status = 'submitted' WHERE order_id = 1 RETURNING status, version;
UPDATE orders.addresses SET city = 'Bonn' WHERE order_id = 1;				-- fails
UPDATE orders.orders SET total = jsonb_set(total, '{discount}', '1600') WHERE order_id = 1 RETURNING total;
UPDATE orders.orders SET total = jsonb_set(total, '{amount}', '1') WHERE order_id = 1;	-- fails
UPDATE orders.orders SET status = 'confirmed' WHERE order_id = 1 RETURNING status, version;
UPDATE orders.orders SET total = jsonb_set(total, '{discount}', '0') WHERE order_id = 1;	-- fails
UPDATE orders.orders SET status = 'submitted' WHERE order_id = 2;			-- fails: no address
SET ROLE regress_shop_cart;
UPDATE orders.orders SET status = 'cancelled' WHERE order_id = 1;			-- fails

-- a reservation expires, by the hands of the inventory
SET ROLE regress_shop_inventory;
UPDATE inventory.reservations SET status = 'expired' WHERE reservation_id = 1 RETURNING status, status_since = now() AS just_now;
UPDATE inventory.reservations SET status = 'pending' WHERE reservation_id = 1;	-- fails
RESET ROLE;
SELECT kind, topic FROM spine.outbox ORDER BY at, n;

-- what there is to delete, and when
SELECT asset, r.key AS rule, r.value ->> 'keep' AS keep, r.value ->> 'clock' AS clock, r.value ->> 'action' AS action
  FROM spine.asset, jsonb_each(definition -> 'retention') r WHERE kind = 'dataset' ORDER BY asset COLLATE "C", r.key COLLATE "C";
SELECT count(*) AS expired FROM cart.carts WHERE last_active_at < now() - '7 days'::interval;

-- with a document that leaves the sellers out they are refused
SELECT spine.apply(:'document'::jsonb #- '{contexts,product,datasets,catalog,producers}', 'no sellers');
SET ROLE regress_shop_seller;
UPDATE product.products SET base_price = 4300 WHERE product_id = 1;			-- fails
