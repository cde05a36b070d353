-- spine.owner_of, own, accept, decline: who answers, and how that changes.
SET client_min_messages = warning;
\pset null '-'
CREATE ROLE regress_old;
CREATE ROLE regress_new;
CREATE ROLE regress_lord;
CREATE ROLE regress_gone;
CREATE ROLE regress_stranger;
CREATE ROLE regress_reader IN ROLE spine_reader;
CREATE SCHEMA shop;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
CREATE TABLE shop.orders (id int PRIMARY KEY, note text, price jsonb);
GRANT ALL ON shop.orders TO PUBLIC;
INSERT INTO shop.orders VALUES (1, 'x', '{}');
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1",
  "parties": {"old": {"kind": "team", "role": "regress_old"}, "new": {"kind": "team", "role": "regress_new"},
              "lord": {"kind": "context", "role": "regress_lord"}, "paper": {"kind": "team"},
              "gone": {"kind": "team", "role": "regress_gone", "fallback": "old"},
              "lost": {"kind": "team", "role": "regress_lost", "fallback": "gone"}},
  "contexts": {"shop": {"owner": "lord", "datasets": {
    "orders": {"relation": "shop.orders", "owner": "old", "attributes": {"price": {"owner": "new"}, "price.net": {}, "price.tax.vat": {"owner": "gone"}}},
    "ideas": {}, "a.b": {"owner": "paper"}}},
    "empty": {"datasets": {"nothing": {}}}}}', 'start');

-- one row, whatever is asked
CREATE VIEW answers AS SELECT asset, party, role, via, state, rev, since IS NOT NULL AS since FROM (VALUES ('shop'), ('shop.orders'),
    ('shop.orders.note'), ('shop.orders.price'), ('shop.orders.price.net'), ('shop.orders.price.tax'), ('shop.orders.price.tax.vat'),
    ('shop.orders.price.tax.vat.eu'), ('shop.ideas'), ('shop.ideas.x'), ('shop."a.b"'), ('empty'), ('empty.nothing')) a(asset), spine.owner_of(asset);
SELECT * FROM answers;
SELECT * FROM spine.owner_of('shop.none');			-- fails
SELECT * FROM spine.owner_of('none');				-- fails
SELECT * FROM spine.owner_of('shop.a.b');			-- fails
SELECT * FROM spine.owner_of('shop..x');			-- fails
SELECT * FROM spine.owner_of('');					-- fails
SELECT * FROM spine.owner_of(NULL);
SET ROLE regress_stranger;
SELECT * FROM spine.owner_of('shop');				-- fails
SET ROLE regress_reader;
SELECT party FROM spine.owner_of('shop');
RESET ROLE;

-- a hand-over: the owner proposes, and stands in until the other accepts
SET ROLE regress_stranger;
SELECT spine.own('shop.orders', 'new');				-- fails
SELECT spine.accept('shop.orders');					-- fails
SET ROLE regress_new;
SELECT spine.own('shop.orders', 'new', 'accepted');	-- fails: not yet his
SELECT spine.accept('shop.orders');					-- fails
SET ROLE regress_lord;
SELECT spine.own('shop.orders', 'new');				-- fails: owns what is around it only
SET ROLE regress_old;
SELECT spine.own('shop.orders', 'new', rationale => 'moves to the new team');
RESET ROLE;
SELECT definition ->> 'owner' AS owner, definition ->> 'owner_state' AS state, definition ->> 'interim_owner' AS interim,
       (definition ->> 'review_on')::date - current_date AS days, definition ->> 'rationale' AS rationale
FROM spine.asset WHERE asset = 'shop.orders' AND kind = 'dataset';
SELECT party, state, via, rev FROM spine.owner_of('shop.orders');
SET ROLE regress_old;
SELECT spine.accept('shop.orders');					-- fails: not his answer
SELECT spine.decline('shop.orders', 'no');			-- fails
SET ROLE regress_new;
SELECT spine.decline('shop.orders', '  ');			-- fails: no reason
SELECT spine.decline('shop.orders', 'no capacity');
SELECT spine.accept('shop.orders');					-- fails: declined is declined
SELECT spine.decline('shop.orders', 'again');		-- fails
RESET ROLE;
SELECT party, state, via, rev FROM spine.owner_of('shop.orders');
SET ROLE regress_old;
SELECT spine.own('shop.orders', 'new', review_on => '2999-01-01');
SET ROLE regress_new;
SELECT spine.accept('shop.orders');
SELECT spine.accept('shop.orders') AS same_revision;
SELECT spine.decline('shop.orders', 'late');		-- fails
RESET ROLE;
SELECT party, state, via, rev FROM spine.owner_of('shop.orders');
SELECT definition - 'attributes' FROM spine.asset WHERE asset = 'shop.orders' AND kind = 'dataset';

-- the new owner writes, the old one does not, and hands nothing over any more
SET ROLE regress_old;
UPDATE shop.orders SET note = 'old';				-- fails
SELECT spine.own('shop.orders', 'old', 'accepted');	-- fails
SET ROLE regress_new;
UPDATE shop.orders SET note = 'new';
RESET ROLE;

-- interim owners need a date; contexts go the same way
SET ROLE regress_lord;
SELECT spine.own('shop', 'old', 'interim');			-- fails: no date
SELECT spine.own('shop', 'old', 'interim', '2999-01-01');
SELECT spine.own('shop', 'lord', 'accepted');		-- fails: not his any more
RESET ROLE;
SELECT party, state, via, rev FROM spine.owner_of('shop.ideas');
SET ROLE regress_old;
SELECT spine.accept('shop');
RESET ROLE;
SELECT party, state, via, rev FROM spine.owner_of('shop.ideas');
-- a dataset that had its context's owner gets one of its own
SET ROLE regress_old;
SELECT spine.own('shop.ideas', 'new');
RESET ROLE;
SELECT party, state, via FROM spine.owner_of('shop.ideas');
-- where nobody owns, an administrator names somebody
SET ROLE regress_new;
SELECT spine.own('empty.nothing', 'new');			-- fails
RESET ROLE;
SELECT spine.own('empty.nothing', 'new');
SELECT party, state, via FROM spine.owner_of('empty.nothing');
SELECT spine.own('empty.nothing', 'nobody');		-- fails
SELECT spine.own('empty.nothing', 'new', 'declined');	-- fails
SELECT spine.own('empty.nothing', NULL);			-- fails
SELECT spine.own('empty.nothing', 'new', review_on => 'infinity');	-- fails
SELECT spine.own('shop.orders.price', 'new');		-- fails: attributes by apply
SELECT spine.own('none', 'new');					-- fails
SELECT spine.accept('empty');						-- fails
SELECT spine.accept(NULL), spine.decline('empty', NULL);
BEGIN READ ONLY;
SELECT spine.own('shop', 'new');					-- fails
ROLLBACK;

-- history: what was asked then is what was true then
SELECT r.rev, r.message, o.party, o.state, o.rev AS since_rev, o.since = s.at AS since
FROM spine.revision r, spine.owner_of('shop.orders', r.at) o LEFT JOIN spine.revision s ON s.rev = o.rev ORDER BY r.rev;
SELECT * FROM spine.owner_of('shop.orders', '2001-01-01');	-- fails: it was not there

-- a party whose role is gone is answered for by its fallback
SELECT spine.own('empty.nothing', 'lost', 'accepted');
SELECT party, role, via, state FROM spine.owner_of('empty.nothing');
DROP ROLE regress_gone;
SELECT party, role, via, state FROM spine.owner_of('empty.nothing');
SELECT party, role, via, state FROM spine.owner_of('shop.orders.price.tax.vat');

-- the world hears of it, from the transaction that did it
SELECT topic, dataset, payload, actor = session_user AS admin FROM spine.outbox WHERE kind = 'signal' ORDER BY at, n;
BEGIN;
SELECT spine.own('shop.orders', 'old', 'accepted');
ROLLBACK;
SELECT count(*) FROM spine.outbox WHERE kind = 'signal' AND payload ->> 'owner' = 'old' AND dataset = 'shop.orders';
SELECT count(*) AS differences FROM spine.plan(spine.export());
SELECT spine.detach_all();
