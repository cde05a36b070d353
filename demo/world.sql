-- The world of the worked example: the tables of a shop, and one login role
-- for each party of test/data/order.spec.json.
CREATE ROLE cart_service LOGIN;
CREATE ROLE billing_service LOGIN;
CREATE ROLE fulfilment_team LOGIN;
CREATE ROLE platform_team LOGIN;
CREATE ROLE stranger LOGIN;

CREATE FOREIGN DATA WRAPPER elsewhere;
CREATE SERVER analytics FOREIGN DATA WRAPPER elsewhere;

CREATE SCHEMA shop;
CREATE TABLE shop.orders (
    order_id       bigint PRIMARY KEY,
    status         text NOT NULL DEFAULT 'cart',
    customer_email text,
    total_price    jsonb,
    tracking_code  text,
    version        int NOT NULL DEFAULT 1,
    status_since   timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE shop.order_items (
    order_id bigint NOT NULL REFERENCES shop.orders,
    item     text NOT NULL,
    quantity int NOT NULL DEFAULT 1,
    PRIMARY KEY (order_id, item)
);

-- As far as PostgreSQL itself is concerned, everybody here may do anything.
GRANT USAGE ON SCHEMA shop TO PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shop TO PUBLIC;
