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
\echo 'Done: nothing was installed, and the server of this demo is gone with it.'
