-- ownership: the triggers on copies that are stored here.

CREATE FUNCTION spine.guard_replica() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_guard_replica';
COMMENT ON FUNCTION spine.guard_replica() IS
    'Trigger of copies: lets only the sync that the document names write their rows';

CREATE FUNCTION spine.guard_replica_truncate() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_guard_replica_truncate';
COMMENT ON FUNCTION spine.guard_replica_truncate() IS
    'Trigger of copies: lets only the sync that the document names truncate them';

CREATE FUNCTION spine.keep_replica_guard() RETURNS event_trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_keep_replica_guard';
COMMENT ON FUNCTION spine.keep_replica_guard() IS
    'Event trigger: refuses to take the triggers of registered copies away';

CREATE EVENT TRIGGER spine_keep_replica_guard ON ddl_command_start
    WHEN TAG IN ('ALTER TABLE', 'DROP TRIGGER', 'ALTER TRIGGER', 'CREATE TRIGGER')
    EXECUTE FUNCTION spine.keep_replica_guard();
ALTER EVENT TRIGGER spine_keep_replica_guard ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER spine_keep_replica_guard IS
    'Copies take writes from their sync alone: their triggers stay where apply put them';
