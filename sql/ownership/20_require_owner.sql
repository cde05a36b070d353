-- ownership: new tables of governed schemas need an owner, where the setting
-- spine.require_owner asks for one.

CREATE FUNCTION spine.require_owner() RETURNS event_trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_require_owner';
COMMENT ON FUNCTION spine.require_owner() IS
    'Event trigger: warns of a new table in a governed schema that no dataset names, or refuses it, as spine.require_owner says';

CREATE EVENT TRIGGER spine_require_owner ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE FOREIGN TABLE',
                 'IMPORT FOREIGN SCHEMA', 'CREATE SCHEMA', 'ALTER TABLE', 'ALTER FOREIGN TABLE')
    EXECUTE FUNCTION spine.require_owner();
ALTER EVENT TRIGGER spine_require_owner ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER spine_require_owner IS
    'Tables of governed schemas have an owner: the setting spine.require_owner says what happens to one that has none';

-- The server calls it; nobody else does.
REVOKE ALL ON FUNCTION spine.require_owner() FROM PUBLIC;
