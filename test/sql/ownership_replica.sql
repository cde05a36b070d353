-- Copies that are stored here: only their sync writes them.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE ROLE regress_rep_keeper;
CREATE ROLE regress_rep_loader;
CREATE ROLE regress_rep_clerk IN ROLE regress_rep_loader;
CREATE ROLE regress_rep_owner;
CREATE SCHEMA rep AUTHORIZATION regress_rep_owner;
GRANT USAGE ON SCHEMA rep TO PUBLIC;
SET ROLE regress_rep_owner;
CREATE TABLE rep.sale (id int PRIMARY KEY, v int);
CREATE TABLE rep.sale_etl (id int PRIMARY KEY, v int);
CREATE TABLE rep.sale_sub (id int PRIMARY KEY, v int);
CREATE TABLE rep.sale_route (id int PRIMARY KEY, v int);
CREATE TABLE rep.sale_old (id int, v int) PARTITION BY LIST (v);
CREATE TABLE rep.sale_old_1 PARTITION OF rep.sale_old FOR VALUES IN (1);
CREATE TABLE rep.far (id int PRIMARY KEY);
CREATE VIEW rep.sale_view AS SELECT * FROM rep.sale;
GRANT ALL ON ALL TABLES IN SCHEMA rep TO PUBLIC;
RESET ROLE;
\set doc '{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}, "lake": {"kind": "object_store"}}, "parties": {"keeper": {"kind": "team", "role": "regress_rep_keeper"}, "loader": {"kind": "service", "role": "regress_rep_loader"}}, "contexts": {"rep": {"owner": "keeper", "datasets": {"sales": {"relation": "rep.sale", "sot": {"store": "main"}, "enforcement": "enforce", "replicas": {"etl": {"store": "main", "locator": "rep.sale_etl", "flow": "etl", "owner": "loader"}, "sub": {"store": "main", "locator": "rep.sale_sub", "flow": "logical_replication"}, "elsewhere": {"store": "lake", "locator": "rep.sale_route"}, "seen": {"store": "main", "locator": "rep.sale_view"}}, "caches": {"routed": {"store": "main", "locator": "rep.sale_route", "flow": "route"}}, "snapshots": {"old": {"store": "main", "locator": "rep.sale_old"}}}, "fars": {"relation": "lake.far", "sot": {"store": "lake"}, "replicas": {"near": {"store": "main", "locator": "rep.far", "flow": "manual", "owner": "loader"}}}}}}}'

-- what apply will attach
SELECT action, kind, key, risk, sql FROM spine.plan(:'doc') WHERE kind = 'copy guard';
SELECT spine.apply(:'doc');
SELECT count(*) FROM spine.plan(spine.export());
SELECT ok, detail, hint FROM spine.health() WHERE check_name = 'replicas';

-- nobody but the sync writes: not the owner of the source, not a superuser
SET ROLE regress_rep_keeper;
INSERT INTO rep.sale VALUES (1, 1);
INSERT INTO rep.sale_etl VALUES (1, 1);				-- fails
INSERT INTO rep.sale_sub VALUES (1, 1);				-- fails
INSERT INTO rep.sale_route VALUES (1, 1);			-- fails
INSERT INTO rep.far VALUES (1);						-- fails
INSERT INTO rep.sale_old VALUES (1, 1);				-- the dataset's owner runs what names nobody
TRUNCATE rep.sale_etl;								-- fails
RESET ROLE;
INSERT INTO rep.sale_etl VALUES (1, 1);				-- fails
SET session_replication_role = replica;
INSERT INTO rep.sale_sub VALUES (1, 1);				-- fails
RESET session_replication_role;

-- the loader is the sync of two of them, by membership too
SET ROLE regress_rep_clerk;
COPY rep.sale_etl FROM stdin;
1	1
2	2
\.
INSERT INTO rep.far VALUES (1);
UPDATE rep.sale_etl SET v = 7;
MERGE INTO rep.sale_etl e USING rep.sale s ON e.id = s.id WHEN MATCHED THEN DELETE;
TRUNCATE rep.sale_etl;
INSERT INTO rep.sale_route VALUES (1, 1);			-- fails
DELETE FROM rep.sale_old_1;							-- fails, by the leaf too
TRUNCATE rep.sale_old_1;							-- fails
INSERT INTO rep.sale VALUES (3, 3);					-- fails: not the dataset's owner
RESET ROLE;

-- observed only: noted, not refused
SELECT spine.apply(replace(:'doc', '"enforcement": "enforce"', '"enforcement": "observe"')::jsonb);
SET ROLE regress_rep_keeper;
INSERT INTO rep.sale_etl VALUES (5, 5);
RESET ROLE;
SELECT dataset, action, mode, sqlstate, rule, message FROM spine.denied ORDER BY message;

-- another flow, another sync; off: no guard
SELECT action, key, sql FROM spine.plan(replace(:'doc', '"flow": "route"', '"flow": "app"')::jsonb) WHERE kind = 'copy guard' AND key LIKE '%routed';
SELECT spine.apply(replace(:'doc', '"enforcement": "enforce"', '"enforcement": "off"')::jsonb);
SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE tgname LIKE '~spine_replica%' ORDER BY 1, 2;
SELECT spine.apply(:'doc');

-- a trigger that somebody switched off is mended; health tells
ALTER TABLE rep.far DISABLE TRIGGER "~spine_replica";
SELECT ok, detail FROM spine.health() WHERE check_name = 'replicas';
SELECT action, key, sql FROM spine.plan(spine.export()) WHERE kind = 'copy guard';
SELECT spine.apply(spine.export());
SELECT ok, detail FROM spine.health() WHERE check_name = 'replicas';

-- who owns the document but not the table cannot have it guarded
CREATE TABLE rep.others (id int);
GRANT ALL ON rep.others TO PUBLIC;
SELECT jsonb_build_object('kind', 'DataSpine', 'apiVersion', 'spine/v1', 'contexts', jsonb_set(spine.export(), '{contexts,rep,datasets,fars,replicas,near,locator}', '"rep.others"') -> 'contexts') AS moved \gset
SET ROLE regress_rep_keeper;
SELECT spine.apply(:'moved');
RESET ROLE;
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgname LIKE '~spine_replica' ORDER BY 1, 2;
SELECT ok, detail FROM spine.health() WHERE check_name = 'replicas';
DROP TABLE rep.others;

-- the functions are triggers and nothing else
SELECT spine.guard_replica();						-- fails
CREATE TABLE rep.stray (id int);
CREATE TRIGGER stray BEFORE INSERT ON rep.stray FOR EACH ROW EXECUTE FUNCTION spine.guard_replica('a');
INSERT INTO rep.stray VALUES (1);					-- fails
DROP TABLE rep.stray;

-- a copy that leaves the document is let go; everything is, by detach_all
SELECT action, key, risk FROM spine.plan((spine.export() #- '{contexts,rep,datasets,sales,caches}') || '{}') WHERE kind = 'copy guard';
SELECT spine.detach_all() > 0;
SELECT count(*) FROM pg_trigger WHERE tgname LIKE '~spine%';
SET ROLE regress_rep_keeper;
INSERT INTO rep.sale_route VALUES (9, 9);
RESET ROLE;
DROP SCHEMA rep CASCADE;
DROP ROLE regress_rep_keeper, regress_rep_clerk, regress_rep_loader, regress_rep_owner;
