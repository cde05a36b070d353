-- registry: the migration gate, and what owners let through it.

CREATE TABLE spine.migration_approval (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset     text        NOT NULL,
    reason      text        NOT NULL,
    until       timestamptz NOT NULL,
    changes     text[],
    approved_by text        NOT NULL,
    approved_at timestamptz NOT NULL,
    revoked_by  text,
    revoked_at  timestamptz
);
CREATE INDEX migration_approval_dataset_idx ON spine.migration_approval (dataset);
SELECT pg_catalog.pg_extension_config_dump('spine.migration_approval', '');
SELECT pg_catalog.pg_extension_config_dump('spine.migration_approval_id_seq', '');
REVOKE ALL ON spine.migration_approval FROM PUBLIC;
GRANT SELECT ON spine.migration_approval TO spine_reader, spine_steward, spine_auditor, spine_admin;
COMMENT ON TABLE spine.migration_approval IS
    'Migrations that owners approved: what may break the level of a dataset, until when, and why';
COMMENT ON SEQUENCE spine.migration_approval_id_seq IS 'Numbers of approvals';
COMMENT ON COLUMN spine.migration_approval.changes IS
    'Kinds (COLUMN_REMOVED), paths (/columns/note) or both with a blank between; NULL: whatever it is';

CREATE FUNCTION spine.approve_migration(dataset text, reason text, until timestamptz,
                                        changes text[] DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'spine_approve_migration';
COMMENT ON FUNCTION spine.approve_migration(text, text, timestamptz, text[]) IS
    'Let migrations of a dataset break its level until then: all, or those changes; the owner or a schema delegate may';

CREATE FUNCTION spine.revoke_migration(id bigint) RETURNS boolean
    LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'spine_revoke_migration';
COMMENT ON FUNCTION spine.revoke_migration(bigint) IS
    'Take an approval back; false if it had ended already';

CREATE FUNCTION spine.gate_start() RETURNS event_trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_gate_start';
COMMENT ON FUNCTION spine.gate_start() IS
    'Event trigger: takes the shapes of governed relations before a command changes them';
CREATE FUNCTION spine.gate_drop() RETURNS event_trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_gate_drop';
COMMENT ON FUNCTION spine.gate_drop() IS
    'Event trigger: notes governed relations that lost something, for the migration gate';
CREATE FUNCTION spine.gate_command() RETURNS event_trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_gate_command';
COMMENT ON FUNCTION spine.gate_command() IS
    'Event trigger: warns of a change of shape that would be refused at the end of the transaction';
REVOKE ALL ON FUNCTION spine.gate_start(), spine.gate_drop(), spine.gate_command() FROM PUBLIC;

CREATE EVENT TRIGGER spine_gate_start ON ddl_command_start
    EXECUTE FUNCTION spine.gate_start();
ALTER EVENT TRIGGER spine_gate_start ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER spine_gate_start IS
    'Takes shapes before they change, for spine_gate_command and the end of the transaction';
CREATE EVENT TRIGGER spine_gate_drop ON sql_drop
    EXECUTE FUNCTION spine.gate_drop();
ALTER EVENT TRIGGER spine_gate_drop ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER spine_gate_drop IS
    'Notes what was dropped, for the end of the transaction';
CREATE EVENT TRIGGER spine_gate_command ON ddl_command_end
    EXECUTE FUNCTION spine.gate_command();
ALTER EVENT TRIGGER spine_gate_command ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER spine_gate_command IS
    'A migration that breaks the level of a dataset is refused unless its owner approved it';
