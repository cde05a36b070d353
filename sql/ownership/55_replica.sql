-- ownership: the triggers on copies that are stored here.

CREATE FUNCTION spine.guard_replica() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_guard_replica';
COMMENT ON FUNCTION spine.guard_replica() IS
    'Trigger of copies: lets only the sync that the document names write their rows';

CREATE FUNCTION spine.guard_replica_truncate() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_guard_replica_truncate';
COMMENT ON FUNCTION spine.guard_replica_truncate() IS
    'Trigger of copies: lets only the sync that the document names truncate them';
