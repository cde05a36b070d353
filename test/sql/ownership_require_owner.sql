-- spine.require_owner: new tables in governed schemas need an owner.
-- Not about the migration gate.
SELECT spine.set_level('', 'NONE') \gset
CREATE ROLE regress_ro_dev;
CREATE ROLE regress_ro_admin IN ROLE spine_admin;
CREATE SCHEMA listed;
CREATE SCHEMA holds;
CREATE SCHEMA free;
GRANT ALL ON SCHEMA listed, holds, free TO regress_ro_dev, regress_ro_admin;
DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO regress_ro_dev', current_database()); END $$;
CREATE TABLE holds.t (id int, k int, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE holds.p (id int PRIMARY KEY);
ALTER TABLE holds.t OWNER TO regress_ro_dev;
ALTER TABLE holds.p OWNER TO regress_ro_dev;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}},
  "parties": {"dev": {"kind": "team", "role": "regress_ro_dev"}}, "contexts": {"a": {"owner": "dev", "schemas": ["listed", "made"], "datasets": {}},
  "b": {"owner": "dev", "datasets": {"ts": {"relation": "holds.t", "sot": {"store": "main"}}, "ps": {"relation": "holds.p", "sot": {"store": "main"}}}}}}');
-- off by default
SHOW spine.require_owner;
SET ROLE regress_ro_dev;
CREATE TABLE listed.off (id int);
SET spine.require_owner = error;		-- fails
RESET ROLE;
SET spine.require_owner = loud;			-- fails

SET spine.require_owner = warn;
SET ROLE regress_ro_dev;
CREATE TABLE listed.warned (id int);
CREATE TABLE holds.warned (id int);
CREATE TABLE IF NOT EXISTS holds.warned (id int);
CREATE TABLE free.fine (id int);
RESET ROLE;

SET spine.require_owner = error;
SET ROLE regress_ro_dev;
CREATE TABLE listed.t1 (id int);		-- fails
CREATE TABLE listed.t2 AS SELECT 1 AS a;		-- fails
SELECT 1 AS a INTO listed.t3;			-- fails
CREATE TABLE holds.t4 (LIKE holds.t);	-- fails
ALTER TABLE free.fine SET SCHEMA listed;	-- fails
CREATE SCHEMA made CREATE TABLE t5 (id int);	-- fails
-- not what it is about
CREATE TABLE free.more (id int);
CREATE TEMP TABLE t6 (id int);
CREATE TABLE holds.t_1 PARTITION OF holds.t FOR VALUES IN (1);
CREATE TABLE holds.heir () INHERITS (holds.p);
ALTER TABLE listed.off ADD COLUMN a int;
ALTER TABLE listed.off RENAME TO still;
ALTER TABLE listed.still RENAME COLUMN a TO b;
CREATE VIEW listed.v AS SELECT 1 AS a;
CREATE INDEX ON listed.still (b);
RESET ROLE;
-- a governed table may move, and is known
ALTER TABLE holds.p SET SCHEMA listed;
ALTER TABLE listed.p SET SCHEMA holds;
-- superusers and admins are warned
CREATE TABLE listed.super (id int);
SET ROLE regress_ro_admin;
CREATE TABLE listed.admin AS SELECT 1 AS a;
RESET ROLE;
CREATE FOREIGN DATA WRAPPER regress_fdw;
CREATE SERVER regress_server FOREIGN DATA WRAPPER regress_fdw;
CREATE FOREIGN TABLE listed.far (id int) SERVER regress_server;
SELECT relnamespace::regnamespace, relname FROM pg_class WHERE relnamespace IN ('listed'::regnamespace, 'holds'::regnamespace) AND relkind IN ('r', 'p', 'f') ORDER BY 1, 2;
-- a replica is no way round, the function no function
SET session_replication_role = replica;
SET ROLE regress_ro_dev;
CREATE TABLE listed.t7 (id int);		-- fails
RESET ROLE;
RESET session_replication_role;
SELECT spine.require_owner();			-- fails
SET client_min_messages = warning;
SELECT spine.detach_all();
DROP SCHEMA listed, holds, free CASCADE;
DROP FOREIGN DATA WRAPPER regress_fdw CASCADE;
DROP OWNED BY regress_ro_dev;
DROP EXTENSION spine;
