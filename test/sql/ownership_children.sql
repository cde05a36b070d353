-- Tables governed by their parent's state, and guards that count them.
-- Not about the migration gate.
SELECT spine.set_level('', 'NONE') \gset
SET client_min_messages = warning;
CREATE ROLE regress_cart;
CREATE ROLE regress_bill;
CREATE SCHEMA basket;
-- the key's own order is not the columns', and via follows the key
CREATE TABLE basket.head (b text, a int, state text DEFAULT 'cart', PRIMARY KEY (a, b));
CREATE TABLE basket.line (x text NOT NULL, y int NOT NULL, item text, q int DEFAULT 1, PRIMARY KEY (x, y, item),
                          FOREIGN KEY (y, x) REFERENCES basket.head (a, b) ON DELETE CASCADE);
GRANT USAGE ON SCHEMA basket TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA basket TO PUBLIC;
\set document '{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}}, "parties": {"cart": {"kind": "service", "role": "regress_cart"}, "bill": {"kind": "service", "role": "regress_bill"}}, "contexts": {"basket": {"owner": "cart", "datasets": {"heads": {"relation": "basket.head", "sot": {"store": "main", "locator": "basket.head"}, "lifecycle": {"governing": "state", "states": {"cart": {"initial": true, "owner": "cart", "write": {}, "delete": ["cart"]}, "billed": {"terminal": true}}, "transitions": {"cart -> billed": {"by": ["cart"], "guard": {"children": {"lines": 2}}}}, "children": {"lines": {"relation": "basket.line", "via": ["y", "x"], "write": {"cart": ["cart"]}}}}}}}}}'
SELECT severity, code, pointer, message FROM spine.validate(:'document') WHERE severity = 'error';
SELECT spine.apply(:'document');

SET ROLE regress_cart;
INSERT INTO basket.head (a, b) VALUES (1, 'one'), (2, 'two');
INSERT INTO basket.line VALUES ('one', 1, 'apple');
UPDATE basket.head SET state = 'billed' WHERE a = 1;		-- fails: one line, not two
INSERT INTO basket.line VALUES ('one', 1, 'pear'), ('two', 2, 'fig');
UPDATE basket.head SET state = 'billed' WHERE a = 1;
INSERT INTO basket.line VALUES ('one', 1, 'plum');			-- fails: the parent is billed
UPDATE basket.line SET q = 9 WHERE x = 'one';				-- fails
DELETE FROM basket.line WHERE x = 'one';					-- fails
UPDATE basket.line SET x = 'one', y = 1 WHERE x = 'two';	-- fails: into a billed one
UPDATE basket.line SET x = 'two', y = 2 WHERE x = 'one';	-- fails: out of a billed one
UPDATE basket.line SET q = 3 WHERE x = 'two';
SET ROLE regress_bill;
UPDATE basket.line SET q = 4 WHERE x = 'two';				-- fails: not a party there
TRUNCATE basket.line;										-- fails
RESET ROLE;
-- an orphan has no state at all
ALTER TABLE basket.line DROP CONSTRAINT line_y_x_fkey;
SET ROLE regress_cart;
INSERT INTO basket.line VALUES ('none', 7, 'kiwi');			-- fails
RESET ROLE;
SELECT dataset, action, key, from_state, party, rule FROM spine.audit_trail
 WHERE dataset = 'basket.heads.lines' ORDER BY at, n;
-- may speaks of children, too
SELECT allowed, reason, state FROM spine.may('regress_cart', 'basket.line', '{"x": "two", "y": 2, "item": "fig"}', 'q');
SELECT allowed, reason, state FROM spine.may('regress_cart', 'basket.line', '{"x": "one", "y": 1, "item": "pear"}', 'delete');
SELECT allowed, reason, state FROM spine.may('regress_cart', 'basket.line', NULL, 'insert', '{"x": "two", "y": 2, "item": "nut"}');
SELECT allowed, reason, state FROM spine.may('regress_cart', 'basket.line', NULL, 'insert', '{"x": "one", "y": 1, "item": "nut"}');
SELECT * FROM spine.next_states('regress_cart', 'basket.head', '{"a": 2, "b": "two"}');
SELECT spine.detach_all();
DROP SCHEMA basket CASCADE;
