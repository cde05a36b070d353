-- A first document from pg_catalog: what it holds, and that it applies as it
-- is, whatever the tables are called.
SET client_min_messages = warning;
SET timezone = UTC;
CREATE ROLE regress_keeper LOGIN;
CREATE ROLE regress_app LOGIN;
CREATE ROLE regress_report LOGIN;
CREATE ROLE regress_team;
CREATE ROLE regress_other LOGIN;
COMMENT ON ROLE regress_team IS 'The people of the shop';
CREATE SCHEMA shop;
COMMENT ON SCHEMA shop IS 'All that is sold';
CREATE SCHEMA ledger;

CREATE TABLE shop.customer (
    id    int PRIMARY KEY,
    email text NOT NULL,
    "a.b" text,
    gone  int
);
ALTER TABLE shop.customer DROP COLUMN gone;
COMMENT ON TABLE shop.customer IS 'Who buys';
COMMENT ON COLUMN shop.customer.email IS 'Where mail goes';
COMMENT ON COLUMN shop.customer."a.b" IS 'A dot in it';
CREATE TABLE shop.orders (
    id       int GENERATED ALWAYS AS IDENTITY,
    customer int REFERENCES shop.customer ON DELETE CASCADE,
    placed   date NOT NULL,
    net      numeric,
    gross    numeric GENERATED ALWAYS AS (net * 1.2) STORED,
    PRIMARY KEY (id, placed)
) PARTITION BY RANGE (placed);
CREATE TABLE shop.orders_2026 PARTITION OF shop.orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE shop.tag (code text NOT NULL UNIQUE, label text);
CREATE TABLE shop.note (text text);
CREATE TABLE shop.animal (id int PRIMARY KEY);
CREATE TABLE shop.dog (breed text) INHERITS (shop.animal);
CREATE TABLE shop.pet (name text PRIMARY KEY);
CREATE TABLE shop.cat (breed text) INHERITS (shop.animal, shop.pet);	-- obeys one
CREATE VIEW shop.open_orders AS SELECT * FROM shop.orders;
CREATE MATERIALIZED VIEW shop.mails AS SELECT email FROM shop.customer;
CREATE MATERIALIZED VIEW shop.both AS SELECT email, net FROM shop.customer, shop.orders;
CREATE TABLE ledger.entry (id int PRIMARY KEY, customer int CONSTRAINT entry_customer REFERENCES shop.customer);
CREATE TEMPORARY TABLE passing (id int PRIMARY KEY);

ALTER TABLE shop.customer OWNER TO regress_keeper;
ALTER TABLE shop.orders OWNER TO regress_keeper;
ALTER TABLE shop.orders_2026 OWNER TO regress_keeper;
ALTER TABLE shop.tag OWNER TO regress_keeper;
ALTER TABLE shop.note OWNER TO regress_keeper;
ALTER TABLE shop.animal OWNER TO regress_team;
ALTER TABLE shop.dog OWNER TO regress_team;
ALTER TABLE shop.pet OWNER TO regress_keeper;
ALTER TABLE shop.cat OWNER TO regress_team;
ALTER TABLE ledger.entry OWNER TO regress_other;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
GRANT SELECT, INSERT, UPDATE ON shop.customer TO regress_app;
GRANT SELECT (id, "a.b") ON shop.customer TO regress_report;
GRANT INSERT ON shop.orders_2026 TO regress_app;
GRANT SELECT ON shop.orders TO regress_report;
GRANT UPDATE (label) ON shop.tag TO regress_report;
GRANT ALL ON shop.note TO PUBLIC;
SET client_min_messages = error;	-- wal_level
CREATE PUBLICATION regress_out FOR TABLE shop.orders, shop.customer WHERE (id > 0) WITH (publish_via_partition_root = false);
SET client_min_messages = warning;
CREATE FOREIGN DATA WRAPPER regress_wrapper;
CREATE SERVER regress_far FOREIGN DATA WRAPPER regress_wrapper;
COMMENT ON SERVER regress_far IS 'Far away';

SELECT jsonb_pretty(spine.introspect('shop'));

-- nothing of it is an error; what keeps a table out of the guard is a warning
SELECT severity, code, pointer FROM spine.validate(spine.introspect('shop'))
WHERE severity <> 'info' ORDER BY pointer COLLATE "C", code;

-- it applies, and from then on there is nothing left to introspect
SELECT spine.apply(spine.introspect('shop'), 'as found');
SELECT count(*) FROM spine.plan(spine.export());
SELECT jsonb_pretty(spine.introspect('shop'));
SELECT count(*) FROM spine.plan(spine.introspect('shop'));

-- observe: everybody still writes; who is no party is told of
SET ROLE regress_app;
INSERT INTO shop.customer VALUES (1, 'a@example.org');
SET ROLE regress_keeper;
UPDATE shop.customer SET email = 'b@example.org';
RESET ROLE;
UPDATE shop.customer SET email = 'c@example.org';
SELECT dataset, action, party FROM spine.audit_trail ORDER BY xid, n;
SELECT dataset, action, actor = current_user AS mine, mode FROM spine.denied ORDER BY xid, n;

-- the next schema: parties, stores and the accepted context are found again
SELECT jsonb_pretty(spine.introspect('ledger'));
CREATE TABLE shop.later (id int PRIMARY KEY);
ALTER TABLE shop.later OWNER TO regress_app;
SELECT jsonb_pretty(spine.introspect('shop'));
SELECT spine.apply(jsonb_set(spine.export(), '{contexts,ledger}', '{"owner": "regress_team", "schemas": ["shop"]}'));
SELECT jsonb_object_keys(spine.introspect('shop') -> 'contexts');

-- a party that was retired gets no duty, a dataset's name that is taken another
SELECT spine.apply(jsonb_set(spine.export(), '{parties,regress_app}',
    '{"kind": "service", "role": "regress_app", "retired": true}')
    #- '{contexts,shop,datasets,customer,producers}' #- '{contexts,shop,datasets,orders,producers}'
    #- '{contexts,shop,datasets,customer,consumers,regress_app}', prune => true);
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "contexts": {"ledger": {"datasets": {"later": {}}}}}');
SELECT jsonb_pretty(spine.introspect('shop'));
SELECT count(*) FROM spine.validate(spine.introspect('shop')) WHERE severity = 'error';
SELECT spine.detach_all() > 0 AS detached;

-- who may ask, and about what
SELECT spine.introspect('nowhere');			-- fails
SELECT spine.introspect('pg_catalog');		-- fails
SELECT spine.introspect('pg_toast');		-- fails
SELECT spine.introspect('information_schema');	-- fails
SELECT spine.introspect('spine');			-- fails
\set VERBOSITY sqlstate
SELECT spine.introspect(nspname) FROM pg_namespace WHERE oid = pg_my_temp_schema();	-- fails
\set VERBOSITY default
SELECT spine.introspect(NULL) IS NULL AS nothing;
SET ROLE regress_keeper;
SELECT spine.introspect('shop');			-- fails
RESET ROLE;
GRANT spine_reader TO regress_report;
SET ROLE regress_report;
SELECT jsonb_object_keys(spine.introspect('shop') -> 'contexts');
RESET ROLE;
REVOKE spine_reader FROM regress_report;

-- names: what the format cannot hold is spelt otherwise
SELECT name, spine.fit_name(name) AS fit, spine.fit_name(name, true) AS taken
FROM (VALUES ('plain'), ('a.b'), ('*'), (' edge '), (E'new\nline'), (U&'\2039fill in\203a'), ('')) v (name);
SELECT spine.fit_text('a text'), spine.fit_text(U&'a \2039form\203a') IS NULL AS refused;
SELECT spine.attribute_key('plain'), spine.attribute_key('a.b'), spine.attribute_key('"');

-- a schema of odd names, and tables that have no key but a deferrable one
CREATE ROLE "regress_Ünï ""x"".y" LOGIN;
CREATE ROLE " regress_edge " LOGIN;
CREATE SCHEMA "Select.""from";
CREATE TABLE "Select.""from"."table" ("select" int PRIMARY KEY DEFERRABLE, " edge" text);
CREATE TABLE "Select.""from"."*" (a int, " b" int NOT NULL UNIQUE);
CREATE TABLE "Select.""from"." edge " (a int, b int NOT NULL, c int NOT NULL, UNIQUE (c, b), UNIQUE (a));
CREATE TABLE "Select.""from"."übergroß, sechzig und drei Byte lang, mehr geht wirklich nicht" (a int PRIMARY KEY);
CREATE TABLE "Select.""from"."new
line" (a int PRIMARY KEY);
CREATE TABLE "Select.""from".empty ();
COMMENT ON COLUMN "Select.""from"."table"." edge" IS 'left out';
COMMENT ON TABLE "Select.""from"."table" IS U&'a \2039form\203a';
ALTER TABLE "Select.""from"."table" OWNER TO "regress_Ünï ""x"".y";
ALTER TABLE "Select.""from"." edge " OWNER TO " regress_edge ";
GRANT INSERT ON "Select.""from"."*" TO "regress_Ünï ""x"".y", " regress_edge ";
SET quote_all_identifiers = on;
SELECT jsonb_pretty(spine.introspect('Select."from') #- '{parties,postgres}');
RESET quote_all_identifiers;
SELECT severity, code, pointer FROM spine.validate(spine.introspect('Select."from'))
WHERE severity <> 'info' ORDER BY pointer COLLATE "C", code;
SELECT spine.apply(spine.introspect('Select."from')) > 0 AS applied;
SELECT count(*) FROM spine.plan(spine.export());
SELECT spine.detach_all() > 0 AS detached;
DROP SCHEMA "Select.""from" CASCADE;
DROP ROLE " regress_edge ", "regress_Ünï ""x"".y";
