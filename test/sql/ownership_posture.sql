-- health() tells of what the guard cannot prevent: settings, roles and the
-- extension's own triggers.
SET client_min_messages = error;
CREATE SCHEMA posture;
CREATE ROLE regress_posture_party;
CREATE ROLE regress_posture_owner IN ROLE regress_posture_party;
CREATE TABLE posture.t (id int PRIMARY KEY, secret text, sealed bytea);
ALTER TABLE posture.t OWNER TO regress_posture_owner;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}},
  "parties": {"party": {"kind": "team", "role": "regress_posture_party"}},
  "contexts": {"posture": {"owner": "party", "datasets": {"ts": {"relation": "posture.t", "sot": {"store": "main"},
    "attributes": {"secret": {"encrypted": true}, "sealed": {"encrypted": true}}}}}}}');
CREATE VIEW posture AS SELECT check_name, ok, detail FROM spine.health()
 WHERE check_name IN ('event_triggers', 'own_triggers', 'party_makers', 'bypass_roles', 'replica_role', 'ssl', 'table_owners', 'encrypted');
SELECT * FROM posture;
-- what would not be well, each of it rolled back
BEGIN;
ALTER EVENT TRIGGER spine_ddl_guard ENABLE;
ALTER EVENT TRIGGER spine_sql_drop DISABLE;
ALTER EVENT TRIGGER spine_ddl_start ENABLE REPLICA;
ALTER TABLE spine.revision DISABLE TRIGGER project;
CREATE ROLE regress_posture_maker CREATEROLE;
CREATE ROLE regress_posture_copy REPLICATION BYPASSRLS;
CREATE ROLE regress_posture_files IN ROLE pg_write_server_files, pg_execute_server_program;
GRANT SET ON PARAMETER session_replication_role TO regress_posture_files, PUBLIC;
SELECT check_name, detail, hint FROM spine.health()
 WHERE check_name IN ('event_triggers', 'own_triggers', 'bypass_roles', 'replica_role');
-- until 15, CREATEROLE makes anybody a member of anything
SELECT ok = (current_setting('server_version_num')::int >= 160000) AS as_it_should_be FROM posture WHERE check_name = 'party_makers';
ROLLBACK;
BEGIN;
DROP EVENT TRIGGER spine_table_rewrite;				-- fails: it belongs to the extension
ROLLBACK;
-- on a database or a role
BEGIN;
INSERT INTO pg_db_role_setting SELECT 0, oid, '{event_triggers=off}' FROM pg_authid WHERE rolname = 'regress_posture_owner';
SELECT detail FROM posture WHERE check_name = 'event_triggers';
ROLLBACK;
DROP VIEW posture;
SELECT spine.detach_all();
DROP SCHEMA posture CASCADE;
