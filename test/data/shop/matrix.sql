-- matrix.sql: what every role may do to every table of the shop, found out by
-- trying, against what matrix.csv says.  test/run.d/shop_matrix.sh runs this in
-- a database with the world and loads trial.seed in between.
--
-- Nothing here reads the document: who may what comes from matrix.csv alone,
-- and from the few lines of trial.other and trial.stateful.
CREATE SCHEMA trial;

-- A row of the matrix, as it is written.
CREATE TABLE trial.seed (
	data_type text, owner_context text, read_access text, write_access text, relation regclass
);

-- What a context owns by its description, without a row of the matrix.
CREATE TABLE trial.other (relation regclass, owner_context text);
INSERT INTO trial.other VALUES
	('customer.credentials', 'Customer'), ('orders.addresses', 'Order'), ('orders.history', 'Order'),
	('product.images', 'Product'), ('inventory.warehouses', 'Inventory'), ('inventory.movements', 'Inventory');

-- Tables whose rows have states: those nobody truncates.
CREATE TABLE trial.stateful (relation regclass);
INSERT INTO trial.stateful VALUES ('orders.orders'), ('orders.addresses'), ('inventory.reservations');

-- For each table: the key of a row that nothing refers to, an attribute and a
-- new value for it, and a new row.
CREATE TABLE trial.sample (relation regclass PRIMARY KEY, key jsonb, attribute name, value text, new_row text);
INSERT INTO trial.sample VALUES
('customer.profiles', '{"customer_id": 2}', 'membership', '''gold''', '(customer_id, name, email) VALUES (9, ''Eve'', ''eve@example.org'')'),
('customer.addresses', '{"address_id": 2}', 'city', '''Bonn''', 'VALUES (9, 2, ''billing'', ''Bob'', ''Alley 2'', ''53111'', ''Bonn'', ''DE'')'),
('customer.preferences', '{"customer_id": 1}', 'currency', '''USD''', '(customer_id) VALUES (2)'),
('customer.credentials', '{"customer_id": 1}', 'password_hash', '''scrypt:2''', '(customer_id, password_hash) VALUES (2, ''scrypt:3'')'),
('orders.orders', '{"order_id": 2}', 'item_count', '3', '(order_id, customer_id) VALUES (9, 1)'),
('orders.items', '{"order_id": 1, "line": 1}', 'quantity', '5', 'VALUES (2, 1, 2, 1, ''a table'', 9000, ''EUR'')'),
('orders.addresses', '{"order_id": 1, "kind": "shipping"}', 'city', '''Bonn''', 'VALUES (2, ''billing'', ''Bob'', ''Alley 2'', ''53111'', ''Bonn'', ''DE'')'),
('orders.history', '{"order_id": 1, "step": 1}', 'what', '''changed''', '(order_id, step, what) VALUES (1, 2, ''seen'')'),
('product.products', '{"product_id": 2}', 'base_price', '8000', '(product_id, seller_id, name, category, base_price) VALUES (9, 1, ''a lamp'', ''light'', 3000)'),
('product.specifications', '{"product_id": 1, "name": "material"}', 'value', '''beech''', 'VALUES (1, ''height'', ''90 cm'')'),
('product.images', '{"product_id": 1, "n": 1}', 'url', '''https://img.example.org/x''', '(product_id, n, url) VALUES (2, 1, ''https://img.example.org/2/1'')'),
('inventory.warehouses', '{"warehouse_id": 2}', 'name', '''West''', 'VALUES (9, ''East'', ''PL'')'),
('inventory.levels', '{"warehouse_id": 1, "product_id": 1}', 'on_hand', '11', '(warehouse_id, product_id, on_hand) VALUES (1, 2, 3)'),
('inventory.reservations', '{"reservation_id": 1}', 'quantity', '3', '(reservation_id, order_id, product_id, quantity) VALUES (9, 2, 2, 1)'),
('inventory.movements', '{"movement_id": 1}', 'quantity', '12', '(movement_id, warehouse_id, product_id, kind, quantity) VALUES (9, 1, 2, ''receipt'', 3)'),
('payment.transactions', '{"transaction_id": 1}', 'status', '''authorized''', '(transaction_id, order_id, method_id, kind, amount) VALUES (9, 1, 1, ''capture'', 16000)'),
('payment.methods', '{"method_id": 2}', 'token', '''tok_3''', 'VALUES (9, 2, ''card'', ''tok_9'', ''1111'')'),
('shipping.tracking', '{"shipment_id": 1}', 'status', '''collected''', '(shipment_id, order_id, carrier) VALUES (9, 2, ''post'')'),
('delivery.routes', '{"route_id": 1}', 'vehicle', '''van 2''', '(route_id, day, vehicle) VALUES (9, ''2026-01-24'', ''van 1'')'),
('promotion.promotions', '{"promotion_id": 2}', 'active', 'true', '(promotion_id, name, rule, starts_on) VALUES (9, ''winter'', ''{}'', ''2026-12-01'')'),
('promotion.coupons', '{"code": "SPRING10"}', 'times_used', '1', '(code, promotion_id) VALUES (''AUTUMN5'', 2)'),
('review.reviews', '{"review_id": 1}', 'moderation', '''approved''', '(review_id, product_id, customer_id, order_id, stars) VALUES (9, 2, 1, 1, 4)'),
('review.ratings', '{"product_id": 1}', 'average_rating', '4.5', 'VALUES (2, 4, 1)'),
('cart.carts', '{"cart_id": 2}', 'total', '9000', '(cart_id, customer_id) VALUES (9, 1)'),
('cart.items', '{"cart_id": 1, "product_id": 2}', 'quantity', '2', 'VALUES (1, 1, 4)'),
('pricing.rules', '{"rule_id": 1}', 'priority', '1', '(rule_id, effect) VALUES (9, ''{"percent": 1}'')'),
('seller.profiles', '{"seller_id": 1}', 'status', '''suspended''', 'VALUES (9, ''Lamps'', ''Lamps Ltd'', ''lamps@example.org'')'),
('notification.templates', '{"template_id": "order-submitted", "language": "en", "channel": "email"}', 'body', '''Thanks.''', 'VALUES (''order-submitted'', ''de'', ''email'', ''Ihre Bestellung'', ''Danke.'')'),
('notification.logs', '{"notification_id": 1}', 'status', '''sent''', '(notification_id, customer_id, template_id, channel, recipient) VALUES (9, 2, ''order-submitted'', ''email'', ''bob@example.org'')');

-- The contexts of the matrix: what the document calls them, and their role.
CREATE VIEW trial.context AS
	SELECT DISTINCT owner_context AS name, lower(replace(owner_context, ' ', '-')) AS party,
		'shop_' || CASE owner_context WHEN 'Shopping Cart' THEN 'cart' ELSE lower(owner_context) END AS role
	  FROM trial.seed;

-- A cell of the matrix as names of contexts.
CREATE FUNCTION trial.named(cell text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT name FROM trial.context
	 WHERE cell = 'All contexts' OR name = ANY (string_to_array(replace(cell, ' only', ''), ', '))
$$;

-- Every role that tries, and the context that it acts for, if any.
CREATE VIEW trial.role AS
	SELECT r.role, name AS context FROM trial.context c, unnest(ARRAY[c.role, c.role || '_member']) AS r (role)
	UNION ALL
	SELECT role, NULL FROM unnest(ARRAY['shop_stranger', 'shop_architecture', session_user::text]) AS role;

-- Who may write and who may read which table.
CREATE VIEW trial.writer AS
	SELECT relation, role FROM
		(SELECT relation, trial.named(write_access) AS context FROM trial.seed
		 UNION ALL SELECT relation, owner_context FROM trial.other) w JOIN trial.role USING (context);
CREATE VIEW trial.reader AS
	TABLE trial.writer
	UNION
	SELECT relation, role FROM (SELECT relation, trial.named(read_access) AS context FROM trial.seed) r
		JOIN trial.role USING (context)
	UNION		-- addresses belong to their order
	SELECT 'orders.addresses', role FROM trial.seed, trial.named(read_access) JOIN trial.role ON context = named
		WHERE relation = 'orders.orders'::regclass
	UNION
	SELECT relation, session_user::text FROM trial.sample;		-- superusers read everything

-- A table and those that TRUNCATE ... CASCADE takes with it.
CREATE RECURSIVE VIEW trial.emptied (relation, taken) AS
	SELECT relation, relation FROM trial.sample
	UNION
	SELECT e.relation, c.conrelid::regclass FROM emptied e JOIN pg_constraint c ON c.confrelid = e.taken AND contype = 'f';

-- Every statement that is tried by every role, and whether it may pass.
CREATE VIEW trial.attempt AS
	SELECT relation, role, action, statement,
		CASE action
			WHEN 'select' THEN EXISTS (SELECT FROM trial.reader r WHERE r.relation = s.relation AND r.role = x.role)
			WHEN 'truncate' THEN NOT EXISTS (SELECT FROM trial.emptied e WHERE e.relation = s.relation
				AND (taken IN (TABLE trial.stateful)
					OR NOT EXISTS (SELECT FROM trial.writer w WHERE w.relation = taken AND w.role = x.role)))
			ELSE EXISTS (SELECT FROM trial.writer w WHERE w.relation = s.relation AND w.role = x.role)
		END AS allowed
	  FROM trial.sample s, trial.role x,
		LATERAL (SELECT string_agg(format('%I = %L', k.key, k.value), ' AND ') AS this
			FROM jsonb_each_text(s.key) k) w,
		LATERAL (VALUES
			('insert', format('INSERT INTO %s %s', relation, new_row)),
			('update', format('UPDATE %s SET %I = %s WHERE %s', relation, attribute, value, this)),
			('delete', format('DELETE FROM %s WHERE %s', relation, this)),
			('truncate', format('TRUNCATE %s CASCADE', relation)),
			('select', format('SELECT FROM %s WHERE %s', relation, this))) a (action, statement);

-- What was tried: outcome is empty, an SQLSTATE, or what else went wrong.
CREATE TABLE trial.result (
	run text, relation regclass, role text, action text, statement text, allowed boolean, outcome text
);

-- Try one statement as a role and undo it.
CREATE FUNCTION trial.try(role text, action text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	touched bigint;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE statement;
	GET DIAGNOSTICS touched = ROW_COUNT;
	RAISE SQLSTATE 'TRY00' USING MESSAGE =
		CASE WHEN action = 'truncate' OR touched = 1 THEN '' ELSE touched || ' rows' END;
EXCEPTION
	WHEN SQLSTATE 'TRY00' THEN RETURN SQLERRM;
	WHEN OTHERS THEN RETURN SQLSTATE;
END $$;

-- Try everything, or one action only, under a name for the run.
CREATE PROCEDURE trial.run(run text, actions text[]) LANGUAGE plpgsql AS $$
DECLARE
	a record;
BEGIN
	FOR a IN SELECT * FROM trial.attempt WHERE action = ANY (actions) ORDER BY relation::text, role, action LOOP
		INSERT INTO trial.result VALUES
			(run, a.relation, a.role, a.action, a.statement, a.allowed, trial.try(a.role, a.action, a.statement));
	END LOOP;
END $$;

CREATE VIEW trial.surprise AS
	SELECT *, CASE WHEN allowed THEN '' ELSE '42501' END AS expected FROM trial.result
	 WHERE outcome <> CASE WHEN allowed THEN '' ELSE '42501' END;

-- The same questions to spine.may.
CREATE VIEW trial.question AS
	SELECT relation, role, action, ask, m.allowed AS answer, m.reason, a.allowed
	  FROM trial.attempt a JOIN trial.sample s USING (relation),
		LATERAL (SELECT CASE action WHEN 'update' THEN attribute ELSE action END) q (ask),
		LATERAL spine.may(role::name, relation, CASE action WHEN 'insert' THEN NULL ELSE key END, ask,
			CASE WHEN action = 'insert' AND relation = 'orders.addresses'::regclass
				THEN '{"order_id": 2, "kind": "billing"}'::jsonb END) m
	 WHERE action IN ('insert', 'update', 'delete');

-- The document, each dataset of which has its grants kept by spine.
CREATE FUNCTION trial.with_grants(doc jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	path text[];
BEGIN
	FOR path IN SELECT ARRAY['contexts', c.key, 'datasets', d.key, 'manage_grants']
			FROM jsonb_each(doc -> 'contexts') c, jsonb_each(c.value -> 'datasets') d LOOP
		doc := jsonb_set(doc, path, 'true');
	END LOOP;
	RETURN doc;
END $$;

-- What the document says in the words of the matrix, and what the matrix says
-- in the words of the document; both must be the same.
CREATE VIEW trial.said AS
	SELECT relation::regclass, asset, owner,
		ARRAY(SELECT jsonb_object_keys(definition -> 'consumers') ORDER BY 1) AS readers,
		ARRAY(SELECT jsonb_object_keys(definition -> 'producers') ORDER BY 1) AS producers
	  FROM spine.asset WHERE kind = 'dataset';
CREATE VIEW trial.meant AS
	SELECT relation, data_type, c.party AS owner,
		ARRAY(SELECT r.party FROM trial.named(read_access) n JOIN trial.context r ON r.name = n
			WHERE r.name <> owner_context ORDER BY 1) AS readers,
		ARRAY(SELECT w.party FROM trial.named(write_access) n JOIN trial.context w ON w.name = n
			WHERE w.name <> owner_context ORDER BY 1) AS producers
	  FROM trial.seed JOIN trial.context c ON c.name = owner_context;

-- The same from the view that a person reads.
CREATE VIEW trial.listed AS
	SELECT relation,
		array_agg(DISTINCT party ORDER BY party) FILTER (WHERE action IN ('insert', 'delete', 'write')) AS writers,
		array_agg(DISTINCT party ORDER BY party) FILTER (WHERE action = 'read') AS all_readers
	  FROM trial.said JOIN spine.matrix m ON m.dataset = asset GROUP BY relation;
