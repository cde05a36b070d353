-- check_replica: why a row differs, by what the audit log says of the source.
-- Not about the migration gate.
SELECT spine.set_level('', 'NONE') \gset
SET client_min_messages = warning;
CREATE ROLE regress_owner;
CREATE ROLE regress_keeper;
CREATE SCHEMA shop AUTHORIZATION regress_owner;
SET ROLE regress_owner;
-- A domain whose check tells who runs it: a version of the past is made as the
-- table's owner, whoever checks.
CREATE FUNCTION shop.look(text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF current_user <> 'regress_owner' THEN
        RAISE EXCEPTION 'run by %', current_user;
    END IF;
    RETURN true;
END $$;
CREATE DOMAIN shop.word AS text;
CREATE TABLE shop.item (region text, id int, name shop.word, price numeric(10,2), data jsonb, at timestamptz, bits bytea, note text,
    PRIMARY KEY (region, id));
CREATE TABLE shop.copy (area text, item bigint, label text, price numeric, data jsonb, at timestamptz, bits bytea, PRIMARY KEY (area, item));
RESET ROLE;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}},
  "parties": {"owner": {"kind": "team", "role": "regress_owner"}, "keeper": {"kind": "team", "role": "regress_keeper"}},
  "contexts": {"shop": {"owner": "owner", "datasets": {"items": {"relation": "shop.item", "sot": {"store": "main"},
    "enforcement": "observe", "steward": "keeper",
    "replicas": {"copy": {"store": "main", "locator": "shop.copy", "flow": "etl",
      "columns": {"area": "region", "item": "id", "label": "upper(name)", "price": "price", "data": "data", "at": "at", "bits": "bits"},
      "filter": "note IS DISTINCT FROM ''left out''"}}}}}}}') > 0 AS applied;
SET ROLE regress_owner;
INSERT INTO shop.item SELECT 'r' || i % 2, i, 'item ' || i, i / 4.0, jsonb_build_object('n', i / 3.0), timestamptz '2024-02-29 12:00:00.123456+01', '\x00ff'
  FROM generate_series(1, 20) i;
INSERT INTO shop.copy SELECT region, id, upper(name), price, data, at, bits FROM shop.item;
SELECT verdict FROM spine.check_replica('shop.items.copy');
ALTER DOMAIN shop.word ADD CONSTRAINT looks CHECK (shop.look(VALUE)) NOT VALID;
-- What the sync missed: two updates, the last of two, a delete, an insert, a
-- row that came in by the filter and one that went out.
UPDATE shop.item SET name = 'renamed' WHERE id = 1;
UPDATE shop.item SET price = 100, data = NULL, at = 'infinity', bits = '\x01' WHERE id = 1;
UPDATE shop.item SET price = 200 WHERE id = 2;
UPDATE shop.copy SET price = 200 WHERE item = 2;
UPDATE shop.item SET price = 300, name = NULL WHERE id = 2;
DELETE FROM shop.item WHERE id = 3;
UPDATE shop.item SET price = 4.5 WHERE id = 4;
DELETE FROM shop.item WHERE id = 4;
INSERT INTO shop.item VALUES ('r1', 21, 'new');
UPDATE shop.item SET note = 'left out' WHERE id = 5;
-- What was written in the copy.
UPDATE shop.copy SET label = 'ITEM 7' WHERE item = 6;
UPDATE shop.item SET price = 7 WHERE id = 7;
UPDATE shop.copy SET label = 'OTHER' WHERE item = 7;
INSERT INTO shop.copy VALUES ('r0', 22, 'NEVER');
-- Inserted a moment before the proof: it cannot be told whether it was there.
DELETE FROM shop.copy WHERE item = 8;
RESET ROLE;
GRANT USAGE ON SCHEMA shop TO regress_keeper;
GRANT SELECT ON shop.item, shop.copy TO regress_keeper;
SET ROLE regress_keeper;
SELECT verdict, drifted FROM spine.check_replica('shop.items.copy');
RESET ROLE;
SELECT key, kind, columns, root_cause FROM spine.drift ORDER BY (key -> 'item')::int;

-- What a person says of a cause stays.
UPDATE spine.drift_log SET root_cause = 'a person said so' WHERE key @> '{"item": 1}';
SELECT verdict FROM spine.check_replica('shop.items.copy');
SELECT root_cause FROM spine.drift WHERE key @> '{"item": 1}';

-- Where the past cannot be made any more, causes stay open.
DELETE FROM spine.drift_log;
ALTER TABLE shop.item DROP COLUMN data, ADD COLUMN data int;
ALTER TABLE shop.copy DROP COLUMN data, ADD COLUMN data int;
SELECT verdict, drifted FROM spine.check_replica('shop.items.copy');
SELECT key, kind, root_cause FROM spine.drift ORDER BY (key -> 'item')::int;
SELECT spine.detach_all() >= 0 AS detached;
DROP SCHEMA shop CASCADE;
