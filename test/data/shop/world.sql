-- The shop: thirteen bounded contexts with a schema, a login role and a second
-- role each, and every table that they own.  docs/shop.md tells about it;
-- shop.spec.json beside this file says who owns what.
--
-- psql variable "roles": what the names of the roles begin with, by default
-- "shop_".  Who sets it replaces "shop_ by it in the document, too.
\if :{?roles}
\else
	\set roles shop_
\endif

-- One role for each context, a second one that inherits from it, the team that
-- looks after all of them, and somebody who is nothing to any of them.
CREATE TEMP TABLE shop_context (role text, schema name);
INSERT INTO shop_context SELECT :'roles' || CASE name WHEN 'orders' THEN 'order' ELSE name END, name
  FROM unnest('{customer, orders, product, inventory, payment, shipping, delivery, promotion, review, cart,
	pricing, seller, notification}'::text[]) AS name;
SELECT format('CREATE ROLE %I LOGIN', role) FROM
	(SELECT role FROM shop_context UNION VALUES (:'roles' || 'architecture'), (:'roles' || 'stranger')) r ORDER BY 1
\gexec
SELECT format('CREATE ROLE %I LOGIN IN ROLE %I', role || '_member', role) FROM shop_context ORDER BY 1
\gexec
SELECT format('CREATE SCHEMA %I', schema) FROM shop_context ORDER BY 1
\gexec

-- customer ---------------------------------------------------------------
CREATE TABLE customer.profiles (
	customer_id bigint PRIMARY KEY,
	name        text NOT NULL,
	email       text NOT NULL,
	phone       text,
	membership  text NOT NULL DEFAULT 'standard',
	status      text NOT NULL DEFAULT 'active',
	updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE customer.addresses (
	address_id  bigint PRIMARY KEY,
	customer_id bigint NOT NULL REFERENCES customer.profiles,
	kind        text NOT NULL CHECK (kind IN ('billing', 'shipping')),
	recipient   text NOT NULL,
	street      text NOT NULL,
	postcode    text NOT NULL,
	city        text NOT NULL,
	country     text NOT NULL
);
CREATE TABLE customer.preferences (
	customer_id   bigint PRIMARY KEY REFERENCES customer.profiles,
	language      text NOT NULL DEFAULT 'en',
	currency      text NOT NULL DEFAULT 'EUR',
	notifications jsonb NOT NULL DEFAULT '{"email": true, "sms": false, "push": false}'
);
CREATE TABLE customer.credentials (
	customer_id   bigint PRIMARY KEY REFERENCES customer.profiles,
	password_hash text NOT NULL,
	changed_at    timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE customer.card_cache (		-- of payment.methods
	method_id   bigint PRIMARY KEY,
	customer_id bigint NOT NULL,
	last4       text NOT NULL
);

-- order ------------------------------------------------------------------
CREATE TABLE orders.orders (
	order_id     bigint PRIMARY KEY,
	customer_id  bigint NOT NULL,
	status       text NOT NULL DEFAULT 'created',
	ordered_at   timestamptz NOT NULL DEFAULT now(),
	item_count   int NOT NULL DEFAULT 0,
	total        jsonb,					-- amount, discount, shipping; minor units
	version      int NOT NULL DEFAULT 1,
	status_since timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE orders.items (
	order_id     bigint NOT NULL REFERENCES orders.orders,
	line         int NOT NULL,
	product_id   bigint NOT NULL,
	quantity     int NOT NULL CHECK (quantity > 0),
	product_name text NOT NULL,			-- as it was when the order was created
	unit_price   bigint NOT NULL,
	currency     text NOT NULL,
	PRIMARY KEY (order_id, line)
);
CREATE TABLE orders.addresses (			-- as they were when it was submitted
	order_id  bigint NOT NULL REFERENCES orders.orders,
	kind      text NOT NULL CHECK (kind IN ('billing', 'shipping')),
	recipient text NOT NULL,
	street    text NOT NULL,
	postcode  text NOT NULL,
	city      text NOT NULL,
	country   text NOT NULL,
	PRIMARY KEY (order_id, kind)
);
CREATE TABLE orders.history (
	order_id bigint NOT NULL REFERENCES orders.orders,
	step     int NOT NULL,
	at       timestamptz NOT NULL DEFAULT now(),
	what     text NOT NULL,
	PRIMARY KEY (order_id, step)
);
CREATE TABLE orders.customer_cache (	-- of customer.profiles
	customer_id bigint PRIMARY KEY,
	name        text NOT NULL,
	email       text NOT NULL
);
CREATE TABLE orders.product_cache (		-- of product.products
	product_id bigint PRIMARY KEY,
	name       text NOT NULL,
	price      bigint NOT NULL,
	currency   text NOT NULL,
	image_url  text
);
CREATE TABLE orders.specification_cache (	-- of product.specifications
	product_id bigint NOT NULL,
	name       text NOT NULL,
	value      text NOT NULL,
	PRIMARY KEY (product_id, name)
);
CREATE TABLE orders.reservation_cache (	-- of inventory.reservations
	reservation_id bigint PRIMARY KEY,
	order_id       bigint NOT NULL,
	status         text NOT NULL
);
CREATE TABLE orders.payment_cache (		-- of payment.transactions
	transaction_id bigint PRIMARY KEY,
	order_id       bigint NOT NULL,
	status         text NOT NULL
);
CREATE TABLE orders.promotion_cache (	-- of promotion.promotions
	promotion_id bigint PRIMARY KEY,
	name         text NOT NULL,
	rule         jsonb NOT NULL
);
CREATE TABLE orders.coupon_cache (		-- of promotion.coupons
	code        text PRIMARY KEY,
	valid_until date
);

-- product ----------------------------------------------------------------
CREATE TABLE product.products (
	product_id  bigint PRIMARY KEY,
	seller_id   bigint NOT NULL,
	name        text NOT NULL,
	description text,
	category    text NOT NULL,
	base_price  bigint NOT NULL CHECK (base_price >= 0),	-- minor units
	currency    text NOT NULL DEFAULT 'EUR',
	image_url   text,
	status      text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'discontinued')),
	updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE product.specifications (
	product_id bigint NOT NULL REFERENCES product.products,
	name       text NOT NULL,
	value      text NOT NULL,
	PRIMARY KEY (product_id, name)
);
CREATE TABLE product.images (
	product_id bigint NOT NULL REFERENCES product.products,
	n          int NOT NULL,
	url        text NOT NULL,
	content    bytea,
	PRIMARY KEY (product_id, n)
);
CREATE TABLE product.availability_cache (	-- of inventory.levels
	warehouse_id bigint NOT NULL,
	product_id   bigint NOT NULL,
	available    int NOT NULL,
	PRIMARY KEY (warehouse_id, product_id)
);
CREATE TABLE product.rating_cache (		-- of review.ratings
	product_id     bigint PRIMARY KEY,
	average_rating numeric(3,2) NOT NULL,
	review_count   int NOT NULL
);
CREATE TABLE product.seller_cache (		-- of seller.profiles
	seller_id    bigint PRIMARY KEY,
	display_name text NOT NULL
);

-- inventory --------------------------------------------------------------
CREATE TABLE inventory.warehouses (
	warehouse_id bigint PRIMARY KEY,
	name         text NOT NULL,
	country      text NOT NULL
);
CREATE TABLE inventory.levels (
	warehouse_id     bigint NOT NULL REFERENCES inventory.warehouses,
	product_id       bigint NOT NULL,
	on_hand          int NOT NULL DEFAULT 0 CHECK (on_hand >= 0),
	reserved         int NOT NULL DEFAULT 0 CHECK (reserved >= 0),
	available        int GENERATED ALWAYS AS (on_hand - reserved) STORED,
	reorder_point    int NOT NULL DEFAULT 0,
	reorder_quantity int NOT NULL DEFAULT 0,
	PRIMARY KEY (warehouse_id, product_id)
);
CREATE TABLE inventory.reservations (
	reservation_id bigint PRIMARY KEY,
	order_id       bigint NOT NULL,
	product_id     bigint NOT NULL,
	quantity       int NOT NULL CHECK (quantity > 0),
	status         text NOT NULL DEFAULT 'pending',
	status_since   timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE inventory.movements (
	movement_id  bigint PRIMARY KEY,
	warehouse_id bigint NOT NULL REFERENCES inventory.warehouses,
	product_id   bigint NOT NULL,
	kind         text NOT NULL CHECK (kind IN ('receipt', 'adjustment', 'shipment')),
	quantity     int NOT NULL,
	at           timestamptz NOT NULL DEFAULT now()
);

-- payment ----------------------------------------------------------------
CREATE TABLE payment.methods (
	method_id   bigint PRIMARY KEY,
	customer_id bigint NOT NULL,
	kind        text NOT NULL CHECK (kind IN ('card', 'paypal', 'transfer')),
	token       text NOT NULL,			-- the gateway's; never a card number
	last4       text CHECK (last4 ~ '^[0-9]{4}$')
);
CREATE TABLE payment.transactions (
	transaction_id bigint PRIMARY KEY,
	order_id       bigint NOT NULL,
	method_id      bigint NOT NULL REFERENCES payment.methods,
	kind           text NOT NULL CHECK (kind IN ('authorization', 'capture', 'refund')),
	status         text NOT NULL DEFAULT 'started',
	amount         bigint NOT NULL,
	currency       text NOT NULL DEFAULT 'EUR',
	gateway_ref    text,
	at             timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE payment.customer_cache (	-- of customer.profiles
	customer_id bigint PRIMARY KEY,
	email       text NOT NULL
);

-- shipping ---------------------------------------------------------------
CREATE TABLE shipping.tracking (
	shipment_id bigint PRIMARY KEY,
	order_id    bigint NOT NULL,
	carrier     text NOT NULL,
	code        text,
	status      text NOT NULL DEFAULT 'announced',
	updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE shipping.address_cache (	-- of customer.addresses
	address_id bigint PRIMARY KEY,
	recipient  text NOT NULL,
	street     text NOT NULL,
	postcode   text NOT NULL,
	city       text NOT NULL,
	country    text NOT NULL
);

-- delivery ---------------------------------------------------------------
CREATE TABLE delivery.routes (
	route_id   bigint PRIMARY KEY,
	day        date NOT NULL,
	vehicle    text NOT NULL,
	stops      jsonb NOT NULL DEFAULT '[]',
	updated_at timestamptz NOT NULL DEFAULT now()
);

-- promotion --------------------------------------------------------------
CREATE TABLE promotion.promotions (
	promotion_id bigint PRIMARY KEY,
	name         text NOT NULL,
	rule         jsonb NOT NULL,
	starts_on    date NOT NULL,
	ends_on      date,
	active       boolean NOT NULL DEFAULT false,
	times_used   int NOT NULL DEFAULT 0
);
CREATE TABLE promotion.coupons (
	code         text PRIMARY KEY,
	promotion_id bigint NOT NULL REFERENCES promotion.promotions,
	valid_until  date,
	times_used   int NOT NULL DEFAULT 0
);

-- review -----------------------------------------------------------------
CREATE TABLE review.reviews (
	review_id   bigint PRIMARY KEY,
	product_id  bigint NOT NULL,
	customer_id bigint NOT NULL,
	order_id    bigint NOT NULL,			-- the purchase that it is about
	stars       int NOT NULL CHECK (stars BETWEEN 1 AND 5),
	text        text,
	moderation  text NOT NULL DEFAULT 'submitted'
		CHECK (moderation IN ('submitted', 'approved', 'rejected')),
	written_at  timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE review.ratings (
	product_id     bigint PRIMARY KEY,
	average_rating numeric(3,2) NOT NULL,
	review_count   int NOT NULL
);
CREATE TABLE review.customer_cache (	-- of customer.profiles
	customer_id bigint PRIMARY KEY,
	name        text NOT NULL
);
CREATE TABLE review.product_cache (		-- of product.products
	product_id bigint PRIMARY KEY,
	name       text NOT NULL
);
CREATE TABLE review.specification_cache (	-- of product.specifications
	product_id bigint NOT NULL,
	name       text NOT NULL,
	value      text NOT NULL,
	PRIMARY KEY (product_id, name)
);

-- shopping cart ----------------------------------------------------------
CREATE TABLE cart.carts (
	cart_id        bigint PRIMARY KEY,
	customer_id    bigint,
	total          bigint NOT NULL DEFAULT 0,
	created_at     timestamptz NOT NULL DEFAULT now(),
	last_active_at timestamptz NOT NULL DEFAULT now(),
	abandoned_at   timestamptz,
	order_id       bigint,				-- what it was converted to
	converted_at   timestamptz
);
CREATE TABLE cart.items (
	cart_id    bigint NOT NULL REFERENCES cart.carts,
	product_id bigint NOT NULL,
	quantity   int NOT NULL CHECK (quantity > 0),
	PRIMARY KEY (cart_id, product_id)
);
CREATE TABLE cart.customer_cache (		-- of customer.profiles
	customer_id bigint PRIMARY KEY,
	name        text NOT NULL
);
CREATE TABLE cart.product_cache (		-- of product.products
	product_id bigint PRIMARY KEY,
	name       text NOT NULL,
	price      bigint NOT NULL,
	currency   text NOT NULL,
	image_url  text
);
CREATE TABLE cart.promotion_cache (		-- of promotion.promotions
	promotion_id bigint PRIMARY KEY,
	name         text NOT NULL,
	rule         jsonb NOT NULL
);

-- pricing ----------------------------------------------------------------
CREATE TABLE pricing.rules (
	rule_id    bigint PRIMARY KEY,
	product_id bigint,
	condition  jsonb NOT NULL DEFAULT '{}',
	effect     jsonb NOT NULL,
	priority   int NOT NULL DEFAULT 0
);
CREATE TABLE pricing.product_cache (	-- of product.products
	product_id bigint PRIMARY KEY,
	price      bigint NOT NULL,
	currency   text NOT NULL
);
CREATE TABLE pricing.promotion_cache (	-- of promotion.promotions
	promotion_id bigint PRIMARY KEY,
	name         text NOT NULL,
	rule         jsonb NOT NULL
);

-- seller -----------------------------------------------------------------
CREATE TABLE seller.profiles (
	seller_id    bigint PRIMARY KEY,
	display_name text NOT NULL,
	legal_name   text NOT NULL,
	email        text NOT NULL,
	status       text NOT NULL DEFAULT 'active'
);

-- notification -----------------------------------------------------------
CREATE TABLE notification.templates (
	template_id text NOT NULL,
	language    text NOT NULL,
	channel     text NOT NULL CHECK (channel IN ('email', 'sms', 'push')),
	subject     text,
	body        text NOT NULL,
	PRIMARY KEY (template_id, language, channel)
);
CREATE TABLE notification.logs (
	notification_id bigint PRIMARY KEY,
	customer_id     bigint NOT NULL,
	template_id     text NOT NULL,
	channel         text NOT NULL,
	recipient       text NOT NULL,
	status          text NOT NULL DEFAULT 'queued',
	attempts        int NOT NULL DEFAULT 0,
	at              timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE notification.customer_cache (	-- of customer.profiles
	customer_id bigint PRIMARY KEY,
	email       text NOT NULL,
	phone       text
);
CREATE TABLE notification.preference_cache (	-- of customer.preferences
	customer_id   bigint PRIMARY KEY,
	notifications jsonb NOT NULL
);
CREATE TABLE notification.order_cache (	-- of orders.orders
	order_id    bigint PRIMARY KEY,
	customer_id bigint NOT NULL,
	status      text NOT NULL
);

-- a few rows ---------------------------------------------------------------
INSERT INTO customer.profiles (customer_id, name, email, phone) VALUES
	(1, 'Ada', 'ada@example.org', '+49 30 1234'), (2, 'Bob', 'bob@example.org', NULL);
INSERT INTO customer.addresses VALUES
	(1, 1, 'shipping', 'Ada', 'Ring 1', '10115', 'Berlin', 'DE'),
	(2, 1, 'billing', 'Ada', 'Ring 1', '10115', 'Berlin', 'DE');
INSERT INTO customer.preferences (customer_id, language) VALUES (1, 'de');
INSERT INTO customer.credentials (customer_id, password_hash) VALUES (1, 'scrypt:1');
INSERT INTO customer.card_cache VALUES (1, 1, '4242');
INSERT INTO seller.profiles VALUES (1, 'Chairs and More', 'Chairs and More GmbH', 'sales@example.org');
INSERT INTO product.products (product_id, seller_id, name, category, base_price, image_url) VALUES
	(1, 1, 'a chair', 'furniture', 4000, 'https://img.example.org/1/1'),
	(2, 1, 'a table', 'furniture', 9000, NULL);
INSERT INTO product.specifications VALUES (1, 'material', 'oak');
INSERT INTO product.images VALUES (1, 1, 'https://img.example.org/1/1');
INSERT INTO product.availability_cache VALUES (1, 1, 6);
INSERT INTO product.rating_cache VALUES (1, 5, 1);
INSERT INTO product.seller_cache VALUES (1, 'Chairs and More');
INSERT INTO orders.orders (order_id, customer_id) VALUES (1, 1), (2, 2);
INSERT INTO orders.items VALUES (1, 1, 1, 4, 'a chair', 4000, 'EUR');
INSERT INTO orders.addresses VALUES (1, 'shipping', 'Ada', 'Ring 1', '10115', 'Berlin', 'DE');
INSERT INTO orders.history (order_id, step, what) VALUES (1, 1, 'created');
INSERT INTO orders.customer_cache VALUES (1, 'Ada', 'ada@example.org'), (2, 'Bob', 'bob@example.org');
INSERT INTO orders.product_cache VALUES (1, 'a chair', 4000, 'EUR', 'https://img.example.org/1/1');
INSERT INTO inventory.warehouses VALUES (1, 'North', 'DE'), (2, 'South', 'DE');
INSERT INTO inventory.levels (warehouse_id, product_id, on_hand, reserved) VALUES (1, 1, 10, 4);
INSERT INTO inventory.reservations (reservation_id, order_id, product_id, quantity) VALUES (1, 1, 1, 4);
INSERT INTO inventory.movements (movement_id, warehouse_id, product_id, kind, quantity) VALUES (1, 1, 1, 'receipt', 10);
INSERT INTO payment.methods VALUES (1, 1, 'card', 'tok_1', '4242'), (2, 2, 'paypal', 'tok_2', NULL);
INSERT INTO payment.transactions (transaction_id, order_id, method_id, kind, amount) VALUES (1, 1, 1, 'authorization', 16000);
INSERT INTO shipping.tracking (shipment_id, order_id, carrier) VALUES (1, 1, 'post');
INSERT INTO delivery.routes (route_id, day, vehicle) VALUES (1, '2026-01-23', 'van 1');
INSERT INTO promotion.promotions (promotion_id, name, rule, starts_on) VALUES
	(1, 'spring', '{"percent": 10}', '2026-03-01'), (2, 'autumn', '{"percent": 5}', '2026-09-01');
INSERT INTO promotion.coupons (code, promotion_id) VALUES ('SPRING10', 1);
INSERT INTO review.reviews (review_id, product_id, customer_id, order_id, stars) VALUES (1, 1, 1, 1, 5);
INSERT INTO review.ratings VALUES (1, 5, 1);
INSERT INTO cart.carts (cart_id, customer_id, last_active_at) VALUES (1, 1, now()), (2, 2, now() - '8 days'::interval);
INSERT INTO cart.items VALUES (1, 2, 1);
INSERT INTO pricing.rules (rule_id, product_id, effect) VALUES (1, 1, '{"percent": -5}');
INSERT INTO notification.templates VALUES ('order-submitted', 'en', 'email', 'Your order', 'Thank you.');
INSERT INTO notification.logs (notification_id, customer_id, template_id, channel, recipient) VALUES
	(1, 1, 'order-submitted', 'email', 'ada@example.org');

-- Each context owns its schema and its tables; as far as PostgreSQL itself is
-- concerned everybody may do anything, so that spine alone decides.
SELECT format('ALTER SCHEMA %I OWNER TO %I', schema, role) FROM shop_context ORDER BY 1
\gexec
SELECT format('ALTER TABLE %s OWNER TO %I', c.oid::regclass, role)
  FROM shop_context JOIN pg_class c ON relnamespace = schema::text::regnamespace AND relkind = 'r' ORDER BY 1
\gexec
SELECT format('GRANT USAGE ON SCHEMA %I TO PUBLIC', schema) FROM shop_context ORDER BY 1
\gexec
SELECT format('GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA %I TO PUBLIC', schema)
  FROM shop_context ORDER BY 1
\gexec
DROP TABLE shop_context;
