-- Open Data Contracts: kept verbatim, projected, merged again, made anew.
SET client_min_messages = warning;
CREATE ROLE regress_admin IN ROLE spine_admin;
CREATE ROLE regress_reader IN ROLE spine_reader;
CREATE ROLE regress_analyst;
CREATE ROLE regress_stranger;
CREATE SCHEMA shop;
CREATE TABLE shop.customers (id bigint PRIMARY KEY, email text);
CREATE TABLE shop.orders (
    order_id bigint PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES shop.customers,
    placed_at timestamptz NOT NULL,
    code varchar(12),
    price numeric(10,2),
    tags text[],
    info jsonb);
CREATE TABLE shop.bare (a int, b int);
COMMENT ON COLUMN shop.orders.code IS 'Code on the bill';
-- what is not used is told in a notice, asked for below
CREATE FUNCTION dataset(name text) RETURNS text LANGUAGE sql AS
    $$SELECT jsonb_pretty(spine.export() #> ARRAY['contexts', 'sales', 'datasets', name])$$;

\set contract '{"kind": "DataContract", "apiVersion": "v3.1.0", "id": "c-1", "version": "1.0.0", "status": "active", "domain": "sales", "tags": ["web"], "description": {"purpose": "Orders of the shop."}, "servers": [{"server": "prod", "type": "postgresql", "host": "user@db.example.org", "port": 5432, "database": "shop", "schema": "shop"}, {"server": "lake", "type": "s3", "location": "s3://lake/orders?token=x", "region": "eu-1"}], "schema": [{"name": "orders", "tags": ["pii:order"], "properties": [{"name": "order_id"}, {"name": "buyer", "physicalName": "customer_id", "description": "Who buys", "classification": "confidential"}, {"name": "price", "criticalDataElement": true}, {"name": "info", "properties": [{"name": "gift.note", "tags": ["pii:text"]}]}, {"name": "price", "physicalName": "nowhere"}]}, {"name": "visits", "properties": [{"name": "page", "description": "Address"}]}], "team": {"members": [{"username": "mia", "role": "Data Owner", "dateOut": "2025-01-01"}, {"username": "noa", "name": "Noa", "role": "Data Owner"}, {"username": "kim", "role": "data_steward"}]}, "roles": [{"role": "regress_analyst", "access": "read"}, {"role": "loader", "access": "write"}], "slaProperties": [{"property": "retention", "value": 3, "unit": "y", "element": "orders.placed_at"}], "support": [{"channel": "#help", "url": "https://chat.example.org"}]}'

-- two properties of one name are an error, told by its pointer
SELECT spine.import_odcs(:'contract');	-- fails
SELECT (:'contract'::jsonb #- '{schema,0,properties,4}')::text AS contract \gset
SET client_min_messages = notice;
SET ROLE regress_admin;
SELECT spine.import_odcs(:'contract');
RESET ROLE;
SET client_min_messages = warning;
SELECT dataset('orders');
SELECT dataset('visits');
SELECT jsonb_pretty(spine.export() #- '{contexts}' #- '{contracts}');
SELECT message FROM spine.revision;
-- the table is watched, nobody is refused
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'shop.orders'::regclass AND tgname LIKE '~spine%';
INSERT INTO shop.customers VALUES (1);
INSERT INTO shop.orders VALUES (1, 1, now());
-- it comes back as it was, and importing it again changes nothing
SELECT spine.export_odcs('sales.orders') = :'contract'::jsonb AS same,
       spine.export_odcs('sales.visits') = :'contract'::jsonb AS also;
SELECT spine.import_odcs(:'contract');

-- a person adds and changes
SELECT spine.apply(jsonb_build_object('kind', 'DataSpine', 'apiVersion', 'spine/v1',
    'parties', '{"zoe": {"kind": "person"}}'::jsonb,
    'contexts', jsonb_build_object('sales', jsonb_build_object('datasets', jsonb_build_object('orders',
        (spine.export() #> '{contexts,sales,datasets,orders}')
        || '{"steward": "zoe", "enforcement": "enforce", "triggers": ["t"]}'
        || jsonb_build_object('tags', '["pii:text", "tag:web"]'::jsonb)
        || jsonb_build_object('attributes',
            (spine.export() #> '{contexts,sales,datasets,orders,attributes}')
            || '{"code": {"erasure": "redact"}, "customer_id": {"description": "Who buys", "classification": "confidential", "erasure": "null"}}'))))));
-- the contract goes on: another owner and steward, a tag less and one more, a text, an attribute gone
SELECT (:'contract'::jsonb #- '{schema,0,properties,2}'
    || '{"version": "2.0.0", "tags": ["mail"], "team": [{"username": "lou", "role": "owner"}, {"username": "kim2", "role": "steward"}], "roles": []}'
    )::text AS contract2 \gset
SELECT jsonb_set(:'contract2', '{schema,0,properties,1,description}', '"The buyer"')::text AS contract2 \gset
SELECT spine.import_odcs(:'contract2', 'second');
SELECT dataset('orders');
SELECT key, before, after FROM spine.diff(2, 3) WHERE kind IN ('attribute', 'dataset') ORDER BY key;
SELECT spine.import_odcs(:'contract2') = 3 AS unchanged;
SELECT spine.export_odcs('sales.orders') = :'contract2'::jsonb AS same;

-- one table, one dataset; one dataset, one contract
SELECT spine.import_odcs(jsonb_set(:'contract', '{id}', '"c-2"'));	-- fails
SELECT spine.import_odcs('{"kind": "DataContract", "apiVersion": "v3.0.0", "id": "c-3", "version": "1", "status": "draft", "domain": "other", "schema": [{"name": "o", "physicalName": "shop.orders"}]}');	-- fails
-- no owner, no key
SELECT spine.import_odcs('{"kind": "DataContract", "apiVersion": "v3.0.0", "id": "c-3", "version": "1", "status": "draft", "domain": "other", "schema": [{"name": "c", "physicalName": "SHOP.Customers"}]}');	-- fails
SET client_min_messages = notice;
SELECT spine.import_odcs('{"kind": "DataContract", "apiVersion": "v3.0.0", "id": "c-3", "version": "1", "status": "draft", "domain": "other", "team": [{"username": "a", "role": "owner"}], "schema": [{"name": "bare", "physicalName": "shop.bare", "properties": [{"name": "a"}]}]}');
SELECT spine.import_odcs('{"kind": "DataContract", "apiVersion": "v3.0.0", "id": "c-3", "version": "1", "status": "draft", "domain": "other", "team": [{"username": "a", "role": "owner"}], "schema": [{"name": "bare", "physicalName": "shop.bare", "properties": [{"name": "a", "primaryKey": true}]}]}');
SET client_min_messages = warning;
SELECT spine.export() #> '{contexts,other}';

-- retention of all, in other units; a store that is this database; who left is no owner
SELECT spine.import_odcs(jsonb_build_object('kind', 'DataContract', 'apiVersion', 'v3.0.1', 'id', 'c-4', 'version', '1', 'status', 'x', 'tenant', 'four',
    'schema', '[{"name": "x"}, {"name": "y"}]'::jsonb,
    'slaProperties', '[{"property": "retention", "value": 18, "unit": "months"}, {"property": "retention", "value": "P1DT2H", "element": "y.at, x"}, {"property": "retention", "value": 1.5, "unit": "y"}, {"property": "latency", "value": 1}]'::jsonb,
    'servers', jsonb_build_array(jsonb_build_object('server', 'here', 'type', 'postgres', 'database', current_database(), 'host', '${HOST}', 'port', 5432)),
    'team', '[{"username": "old", "role": "owner", "dateOut": "2020-02-02"}]'::jsonb));
SELECT jsonb_pretty(spine.export() #> '{contexts,four}'), spine.export() #> '{stores,here,kind}' AS kind;

-- what is no contract
SELECT spine.import_odcs(NULL);			-- fails
SELECT spine.import_odcs('[]');			-- fails
SELECT spine.import_odcs('{"kind": "DataSpine", "apiVersion": "v3.0.0"}');	-- fails
SELECT spine.import_odcs('{"kind": "DataContract", "apiVersion": "v2.2.2", "uuid": "x"}');	-- fails
SELECT spine.import_odcs('{"kind": "DataContract", "apiVersion": "v4.0.0"}');	-- fails
SELECT spine.import_odcs('{"kind": "DataContract", "apiVersion": "v3.3.0"}');	-- fails
SELECT spine.import_odcs('{"kind": "DataContract", "apiVersion": "v3.1.0"}');	-- fails
SELECT spine.import_odcs('{"kind": "DataContract", "apiVersion": "v3.1.0", "id": " x", "version": 1, "status": null, "tags": ["a", 1], "schema": [{"name": "a"}, {"physicalName": 1}, {"name": "a", "properties": [{"items": [], "properties": [{"name": "x", "tags": {}}]}]}, 7], "team": "me", "roles": {}, "servers": [{"type": "s3", "location": "https://u:p@h/x"}], "slaProperties": [{"property": "retention", "value": {}}], "support": [{}], "description": "text"}');	-- fails

-- rights: apply's for the import, a reader's for the export
SET ROLE regress_stranger;
SELECT spine.import_odcs(:'contract2');	-- fails
SELECT spine.export_odcs('sales.orders');	-- fails
SET ROLE regress_reader;
SELECT spine.export_odcs('sales.orders') IS NOT NULL AS readable;
SELECT spine.import_odcs(:'contract2');	-- fails
RESET ROLE;

-- a dataset without a contract becomes one
SELECT spine.apply(jsonb_build_object('kind', 'DataSpine', 'apiVersion', 'spine/v1',
    'contexts', jsonb_build_object('sales', jsonb_build_object('datasets', jsonb_build_object('orders',
        (spine.export() #> '{contexts,sales,datasets,orders}') - 'contract')))));
SELECT jsonb_pretty(spine.export_odcs('sales.orders'));
SELECT spine.export_odcs('sales.nothing');	-- fails
SELECT spine.export_odcs('sales');	-- fails
SELECT spine.export_odcs(NULL) IS NULL AS nothing;

SELECT spine.detach_all();
DROP SCHEMA shop CASCADE;
DROP EXTENSION spine;
DROP ROLE regress_admin, regress_reader, regress_analyst, regress_stranger;
