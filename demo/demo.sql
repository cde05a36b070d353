\set QUIET on
\set VERBOSITY default
\pset null '(null)'
\pset border 1
SET client_min_messages = warning;
\set ON_ERROR_STOP on

\echo
\echo '== 1. A shop, four parties, and one document that says who owns what when'
\echo
\ir world.sql
CREATE EXTENSION spine;
\set document `cat ../test/data/order.spec.json`

SELECT severity, code, pointer FROM spine.validate(:'document') WHERE severity = 'error';
SELECT spine.apply(:'document', 'the worked example') AS revision;

\echo '== 2. The cart service fills a cart: it owns the order while it is a cart'
\echo
SET ROLE cart_service;
INSERT INTO shop.orders (order_id, customer_email) VALUES (1, 'ada@example.org') RETURNING order_id, status;
INSERT INTO shop.order_items (order_id, item, quantity) VALUES (1, 'a chair', 4);
UPDATE shop.orders SET total_price = '{"amount": 4000, "taxes": 0, "fees": 0}', version = version + 1
 WHERE order_id = 1 RETURNING total_price, version;

\echo '== 3. What PostgreSQL refuses now'
\echo
\set ON_ERROR_STOP off
\echo '-- a stranger writes:'
SET ROLE stranger;
UPDATE shop.orders SET total_price = '{"amount": 1}', version = version + 1 WHERE order_id = 1;

\echo
\echo '-- a stranger inserts, deletes, truncates:'
INSERT INTO shop.orders (order_id) VALUES (9);
DELETE FROM shop.orders WHERE order_id = 1;
RESET ROLE;
TRUNCATE shop.orders CASCADE;

\echo
\echo '-- a state change that is not listed:'
SET ROLE cart_service;
UPDATE shop.orders SET status = 'paid', version = version + 1 WHERE order_id = 1;

\echo
\echo '-- a listed one, by the wrong party:'
SET ROLE billing_service;
UPDATE shop.orders SET status = 'payment_pending', version = version + 1 WHERE order_id = 1;

\echo
\echo '-- the right party, but an empty cart:'
SET ROLE cart_service;
INSERT INTO shop.orders (order_id, total_price) VALUES (2, '{"amount": 100}');
UPDATE shop.orders SET status = 'payment_pending', version = version + 1 WHERE order_id = 2;

\echo
\echo '-- a write that was made for an older version of the row:'
UPDATE shop.orders SET customer_email = 'bob@example.org', version = 2 WHERE order_id = 1;
\set ON_ERROR_STOP on

\echo
\echo '== 4. From cart to delivered, each step by the party that owns it'
\echo
SET ROLE cart_service;
UPDATE shop.orders SET status = 'payment_pending', version = version + 1 WHERE order_id = 1 RETURNING status;
SET ROLE billing_service;
UPDATE shop.orders SET total_price = jsonb_set(total_price, '{taxes}', '760'), version = version + 1
 WHERE order_id = 1 RETURNING total_price;

\echo '-- billing may set taxes and fees, not the amount; and the cart is out of the cart service''s hands:'
\set ON_ERROR_STOP off
UPDATE shop.orders SET total_price = jsonb_set(total_price, '{amount}', '9'), version = version + 1 WHERE order_id = 1;
SET ROLE cart_service;
UPDATE shop.order_items SET quantity = 5 WHERE order_id = 1;
\set ON_ERROR_STOP on
\echo

SET ROLE billing_service;
UPDATE shop.orders SET status = 'paid', version = version + 1 WHERE order_id = 1 RETURNING status;

\echo '-- the price is frozen once paid, for everybody:'
\set ON_ERROR_STOP off
UPDATE shop.orders SET total_price = jsonb_set(total_price, '{taxes}', '0'), version = version + 1 WHERE order_id = 1;
\set ON_ERROR_STOP on
\echo

\echo '== 5. What may fulfilment do next?'
\echo
SELECT * FROM spine.next_states('fulfilment_team', 'shop.orders', '{"order_id": 1}');
SELECT action, allowed, reason, who_may
  FROM unnest(ARRAY['tracking_code', 'total_price', '-> shipped', '-> refunded', 'delete']) action,
       spine.may('fulfilment_team', 'shop.orders', '{"order_id": 1}', action);

SET ROLE fulfilment_team;
UPDATE shop.orders SET status = 'shipped', tracking_code = 'DE-4711', version = version + 1
 WHERE order_id = 1 RETURNING status, tracking_code;
UPDATE shop.orders SET status = 'delivered', version = version + 1 WHERE order_id = 1 RETURNING status;

\echo '== 6. The audit trail, written in the same transactions; and the events for others'
\echo
RESET ROLE;
SELECT actor, action, from_state, to_state, attributes, rule
  FROM spine.audit_trail WHERE dataset = 'order.orders' AND key = '{"order_id": 1}' ORDER BY at, n;
SELECT kind, topic, payload ->> 'transition' AS transition FROM spine.outbox ORDER BY at, n;

\echo '== 7. The plan of a changed document: fulfilment may refund, too'
\echo
SELECT jsonb_set(:'document', '{contexts,order,datasets,orders,lifecycle,transitions,paid -> refunded,by}',
                 '["billing-service", "fulfilment-team"]') AS document \gset
SELECT action, kind, key, risk FROM spine.plan(:'document');
SELECT spine.apply(:'document', 'fulfilment may refund') AS revision;

\echo '== 8. Is everything in order?'
\echo
SELECT check_name, ok FROM spine.health() WHERE NOT ok;

\echo '== 9. A whole shop: each context has a schema and a role of its own, and spine a database more'
\echo
CREATE DATABASE shop;
\connect shop
SET client_min_messages = warning;
\cd ../test/data/shop
\i world.sql
\set document `cat shop.spec.json`
CREATE EXTENSION spine;
SELECT spine.apply(:'document', 'the shop') AS revision;
SELECT count(*) FILTER (WHERE kind = 'context') AS contexts, count(*) FILTER (WHERE kind = 'dataset') AS datasets,
       (SELECT count(*) FROM spine.asset, jsonb_each(definition -> 'caches')) AS caches,
       (SELECT count(*) FROM spine.entry WHERE section = 'events') AS events
  FROM spine.asset;

\echo '== 10. Who owns, reads and writes what, as Markdown'
\echo
\t on
\pset format unaligned
SELECT substring(spine.export_markdown('product') FROM '## Data ownership matrix.*(?=\n## Data copied)');
\pset format aligned
\t off

\echo '== 11. Sellers keep the product catalog, too; others do not'
\echo
SET ROLE shop_seller;
UPDATE product.products SET base_price = 3900 WHERE product_id = 1 RETURNING name, base_price;
\set ON_ERROR_STOP off
SET ROLE shop_stranger;
UPDATE product.products SET base_price = 1 WHERE product_id = 1;
SET ROLE shop_cart;
UPDATE orders.orders SET status = 'cancelled' WHERE order_id = 1;
\set ON_ERROR_STOP on
\echo

\echo '== 12. A view that looks over the fence'
\echo
RESET ROLE;
CREATE VIEW delivery.doorsteps AS
    SELECT route_id, street, city FROM delivery.routes, customer.addresses;
SELECT severity, code, object, contexts FROM spine.check_boundaries() WHERE object LIKE 'view %';

\echo '== 13. The review context hands the ratings over: it proposes, the product context accepts'
\echo
SET ROLE shop_review;
SELECT spine.own('review.ratings', 'product', rationale => 'product pages show them') AS revision;
SET ROLE shop_product;
SELECT spine.accept('review.ratings') AS revision;
UPDATE review.ratings SET average_rating = 4.9 RETURNING average_rating;
\set ON_ERROR_STOP off
SET ROLE shop_review;
UPDATE review.ratings SET average_rating = 4;
\set ON_ERROR_STOP on
\echo
RESET ROLE;
SELECT party, role, via, state, rev FROM spine.owner_of('review.ratings');

\echo '== 14. A copy for search: its rules stand in the document, and it is checked by itself'
\echo
CREATE SCHEMA search AUTHORIZATION shop_product;
SET ROLE shop_product;
CREATE TABLE search.product (id bigint PRIMARY KEY, title text, cents bigint);
INSERT INTO search.product SELECT product_id, upper(name), base_price * 100 FROM product.products;
RESET ROLE;
SELECT spine.apply(jsonb_set(spine.export(), '{contexts,product,datasets,catalog,replicas}', '{
    "search": {"store": "main", "locator": "search.product", "owner": "product", "flow": "etl", "trigger": "realtime",
               "consistency": "strong", "conflict": "sot_wins", "rationale": "words to search for",
               "columns": {"id": "product_id", "title": "upper(name)", "cents": "(base_price * 100)::bigint"},
               "key": ["id"], "validate": {"mode": "digest", "every": "P1D"}, "repair": {"policy": "propose", "max_share": 1}}}'),
    'a copy for search') AS revision;
CALL spine.run_jobs();
SELECT placement, verdict, unproven, slo_met FROM spine.consistency WHERE placement = 'product.catalog.search';

\echo '== 15. Drift is found, explained, repaired, and proved to be over'
\echo
SET ROLE shop_product;
UPDATE search.product SET title = 'RADIO' WHERE id = 1;
INSERT INTO search.product VALUES (0, 'PHANTOM', 1);
SELECT spine.request_check('product.catalog.search') \g /dev/null
RESET ROLE;
CALL spine.run_jobs();
SET ROLE shop_product;
SELECT kind, rule, severity FROM spine.open_alerts WHERE kind LIKE 'replica%';
RESET ROLE;
SELECT key, kind, columns FROM spine.drift ORDER BY key;
SELECT count(spine.explain_drift(id, 'written by hand, past the loader')) AS explained FROM spine.drift;
SET ROLE shop_product;
SELECT action, key, outcome FROM spine.repair_replica('product.catalog.search') ORDER BY key;
SELECT action, key, outcome FROM spine.repair_replica('product.catalog.search', dry_run => false) ORDER BY key;
RESET ROLE;
SELECT placement, verdict, drift_open, slo_met FROM spine.consistency WHERE placement = 'product.catalog.search';
SELECT key, kind, root_cause, closed_at IS NOT NULL AS closed FROM spine.drift_log ORDER BY key;

\echo 'Done: nothing was installed, and the server of this demo is gone with it.'
