-- What crosses the boundaries of contexts without being declared.
SET client_min_messages = warning;
CREATE ROLE regress_b_order;
CREATE ROLE regress_b_stock;
CREATE ROLE regress_b_ship;
CREATE ROLE regress_b_none;
CREATE SCHEMA "ord%er";
CREATE SCHEMA stock;
CREATE SCHEMA ship;
CREATE SCHEMA report;
CREATE SCHEMA both;
CREATE SCHEMA lonely;
CREATE TABLE stock.item (id int PRIMARY KEY, n int);
CREATE TABLE stock.bin (id int PRIMARY KEY, item int REFERENCES stock.item);
CREATE TABLE stock.scrap (id int);
CREATE TABLE "ord%er".sale (id int PRIMARY KEY, item int CONSTRAINT "it%s" REFERENCES stock.item ON DELETE SET NULL, n int);
CREATE TABLE "ord%er".part (id int, k int) PARTITION BY LIST (k);
CREATE TABLE ship.part_1 PARTITION OF "ord%er".part FOR VALUES IN (1);
CREATE TABLE ship.parcel (id int PRIMARY KEY, sale int REFERENCES "ord%er".sale);
CREATE TABLE stock.moved (id int PRIMARY KEY);
CREATE TABLE both.t (id int);
CREATE TABLE lonely.t (id int);

\set doc '{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}, "old": {"kind": "postgres", "server": "regress_b_old"}}, "parties": {"order": {"kind": "team", "role": "regress_b_order"}, "stock": {"kind": "team", "role": "regress_b_stock"}, "ship": {"kind": "team", "role": "regress_b_ship"}}, "contexts": {"order": {"owner": "order", "schemas": ["ord%er", "both"], "datasets": {"sales": {"relation": "\\"ord%er\\".sale", "sot": {"store": "main"}, "enforcement": "off", "consumers": {"ship": {}}}}}, "stock": {"owner": "stock", "schemas": ["stock", "both", "absent"], "datasets": {"items": {"relation": "stock.item", "sot": {"store": "main"}, "enforcement": "off"}, "bins": {"relation": "stock.bin", "sot": {"store": "main"}, "enforcement": "off", "consumers": {"order": {}}}, "counts": {"sot": {"store": "old", "locator": "old.count"}}}}, "ship": {"owner": "ship", "schemas": ["ship"], "datasets": {"parcels": {"relation": "ship.parcel", "sot": {"store": "main"}, "enforcement": "off"}, "moves": {"relation": "stock.moved", "sot": {"store": "main"}, "enforcement": "off"}}}}}'
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
CREATE SERVER regress_b_old FOREIGN DATA WRAPPER postgres_fdw;
CREATE SERVER regress_b_far FOREIGN DATA WRAPPER postgres_fdw;
-- nothing is governed yet
SELECT * FROM spine.check_boundaries();
SELECT spine.apply(:'doc');
\pset format unaligned
-- foreign keys, partitions and tables as they are: ship is a declared consumer of sales
SELECT * FROM spine.check_boundaries();

-- views: of a context, of none, of a consumer, reading a view that reads
CREATE VIEW "ord%er".stocked AS SELECT s.id, b.id AS bin FROM "ord%er".sale s JOIN stock.bin b USING (item);
CREATE VIEW "ord%er".short AS SELECT s.id FROM "ord%er".sale s JOIN stock.item i ON i.id = s.item;
CREATE MATERIALIZED VIEW ship.todo AS SELECT p.id, i.n FROM ship.parcel p JOIN "ord%er".sale s ON s.id = p.sale JOIN stock.item i ON i.id = s.item;
CREATE VIEW report.mix AS SELECT s.id, i.n FROM "ord%er".sale s JOIN stock.item i ON i.id = s.item;
CREATE VIEW report.one AS SELECT id FROM stock.item;
CREATE VIEW report.shipped AS SELECT id FROM "ord%er".sale;
ALTER VIEW report.shipped OWNER TO regress_b_ship;
CREATE VIEW lonely.v AS SELECT id FROM lonely.t;
SELECT * FROM spine.check_boundaries() WHERE code LIKE 'view%';

-- functions: known by body, by argument, not known; triggers
CREATE FUNCTION ship.left_over() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT sum(n) FROM stock.item; END;
CREATE FUNCTION ship.weigh(stock.item) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION ship.guess() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM stock.item';
CREATE FUNCTION report.total() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM stock.item, "ord%er".sale; END;
CREATE FUNCTION ship.react() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER react AFTER INSERT ON stock.bin FOR EACH ROW EXECUTE FUNCTION ship.react();
CREATE TRIGGER react AFTER INSERT ON "ord%er".sale FOR EACH ROW EXECUTE FUNCTION ship.react();
SELECT * FROM spine.check_boundaries() WHERE code LIKE 'function%' OR code LIKE 'trigger%';

-- grants: PUBLIC, parties of other contexts, nobody's roles, columns
GRANT SELECT ON stock.item TO PUBLIC;
GRANT SELECT, INSERT ON stock.bin TO PUBLIC;
GRANT SELECT, UPDATE ON "ord%er".sale TO regress_b_ship, regress_b_order;
GRANT UPDATE (n) ON stock.item TO regress_b_order;
GRANT SELECT, TRIGGER ON stock.item TO regress_b_none, regress_b_stock;
GRANT ALL ON lonely.t TO PUBLIC;
SELECT * FROM spine.check_boundaries() WHERE code LIKE 'grant%';

-- publications and foreign tables
SET client_min_messages = error;
CREATE PUBLICATION regress_one FOR TABLE stock.item, stock.bin;
CREATE PUBLICATION regress_two FOR TABLE stock.item, "ord%er".sale;
CREATE PUBLICATION regress_schemas FOR TABLES IN SCHEMA stock, ship;
CREATE PUBLICATION regress_all FOR ALL TABLES;
CREATE FOREIGN TABLE ship.counts (id int) SERVER regress_b_old OPTIONS (schema_name 'old', table_name 'count');
CREATE FOREIGN TABLE stock.counts (id int) SERVER regress_b_old OPTIONS (schema_name 'old', table_name 'count');
CREATE FOREIGN TABLE ship.far (id int) SERVER regress_b_far;
CREATE FOREIGN TABLE lonely.far (id int) SERVER regress_b_far;
SELECT * FROM spine.check_boundaries() WHERE code LIKE 'publication%' OR code LIKE 'foreign_table%';

-- who is declared is not reported
SELECT count(*) AS before FROM spine.check_boundaries() WHERE 'stock' = ANY (contexts) AND code ~ '^(foreign_key|view|function|grant)_crosses';
SELECT spine.apply(jsonb_set(jsonb_set(spine.export(), '{contexts,stock,datasets,items,producers}', '["order", "ship"]'), '{contexts,stock,datasets,bins,consumers,ship}', '{}'));
SELECT * FROM spine.check_boundaries() WHERE code ~ '^(foreign_key|view|function|trigger|grant)_crosses';

-- readers of the document may ask, nobody else
GRANT spine_reader TO regress_b_ship;
SET ROLE regress_b_ship;
SELECT count(*) > 0 FROM spine.check_boundaries();
SET ROLE regress_b_none;
SELECT count(*) FROM spine.check_boundaries();	-- fails
RESET ROLE;

-- a thousand tables of ten contexts, each with a foreign key, a view and a grant
DROP PUBLICATION regress_all;
SELECT spine.detach_all();
DO $$
DECLARE
    contexts jsonb := '{}';
    datasets jsonb;
BEGIN
    FOR c IN 0 .. 9 LOOP
        EXECUTE format('CREATE SCHEMA many_%s', c);
        datasets := '{}';
        FOR t IN 1 .. 100 LOOP
            EXECUTE format('CREATE TABLE many_%s.t%s (id int PRIMARY KEY, other int)', c, t);
            IF c > 0 THEN
                EXECUTE format('ALTER TABLE many_%s.t%s ADD FOREIGN KEY (other) REFERENCES many_%s.t%s', c, t, c - 1, t);
                EXECUTE format('CREATE VIEW many_%s.v%s AS SELECT a.id FROM many_%s.t%s a JOIN many_%s.t%s b USING (id)', c, t, c, t, c - 1, t);
            END IF;
            EXECUTE format('GRANT SELECT ON many_%s.t%s TO regress_b_order', c, t);
            datasets := datasets || jsonb_build_object('t' || t, jsonb_build_object('relation', format('many_%s.t%s', c, t), 'enforcement', 'off', 'sot', '{"store": "main"}'::jsonb));
        END LOOP;
        contexts := contexts || jsonb_build_object('many' || c, jsonb_build_object('owner', 'stock', 'schemas', jsonb_build_array('many_' || c), 'datasets', datasets));
        -- a third of them are different people's
        IF c % 3 = 0 THEN
            contexts := jsonb_set(contexts, ARRAY['many' || c, 'owner'], '"ship"');
        END IF;
    END LOOP;
    PERFORM spine.apply(jsonb_build_object('kind', 'DataSpine', 'apiVersion', 'spine/v1', 'contexts', contexts));
END $$;
SELECT code, count(*) FROM spine.check_boundaries() WHERE array_to_string(contexts, ' ') ~ 'many' GROUP BY 1 ORDER BY 1;
DO $$
DECLARE
    start timestamptz := clock_timestamp();
BEGIN
    PERFORM count(*) FROM spine.check_boundaries();
    RAISE LOG 'check_boundaries of 1,000 tables: % ms', round(extract(epoch FROM clock_timestamp() - start) * 1000);
    IF clock_timestamp() - start > interval '5 s' THEN
        RAISE EXCEPTION 'check_boundaries took %', clock_timestamp() - start;
    END IF;
END $$;
DO $$ BEGIN FOR c IN REVERSE 9 .. 0 LOOP EXECUTE format('DROP SCHEMA many_%s CASCADE', c); END LOOP; END $$;
DROP SERVER regress_b_old CASCADE;
DROP SERVER regress_b_far CASCADE;
