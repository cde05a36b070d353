-- ownership: the event triggers that keep governed tables governed.

CREATE FUNCTION spine.ddl_start() RETURNS event_trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_ddl_start';
COMMENT ON FUNCTION spine.ddl_start() IS
    'Event trigger: notes where a command begins, for the DDL guard';

CREATE FUNCTION spine.ddl_guard() RETURNS event_trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_ddl_guard';
COMMENT ON FUNCTION spine.ddl_guard() IS
    'Event trigger: refuses or logs what weakens the guard of a governed table, attaches it to new partitions and children, follows renames';

CREATE FUNCTION spine.sql_drop() RETURNS event_trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_sql_drop';
COMMENT ON FUNCTION spine.sql_drop() IS
    'Event trigger: notes which governed tables lost something, for the DDL guard';

CREATE FUNCTION spine.table_rewrite() RETURNS event_trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_table_rewrite';
COMMENT ON FUNCTION spine.table_rewrite() IS
    'Event trigger: refuses or logs a rewrite of a governed table''s values, which fires no trigger of the table';

CREATE EVENT TRIGGER spine_ddl_start ON ddl_command_start
    EXECUTE FUNCTION spine.ddl_start();
ALTER EVENT TRIGGER spine_ddl_start ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER spine_ddl_start IS
    'Notes where a command begins, for spine_ddl_guard';

CREATE EVENT TRIGGER spine_sql_drop ON sql_drop
    EXECUTE FUNCTION spine.sql_drop();
ALTER EVENT TRIGGER spine_sql_drop ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER spine_sql_drop IS
    'Notes which governed tables lost something, for spine_ddl_guard';

CREATE EVENT TRIGGER spine_table_rewrite ON table_rewrite
    EXECUTE FUNCTION spine.table_rewrite();
ALTER EVENT TRIGGER spine_table_rewrite ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER spine_table_rewrite IS
    'The values of a governed table change by writes that the guard judges, not by ALTER TABLE';

CREATE EVENT TRIGGER spine_ddl_guard ON ddl_command_end
    EXECUTE FUNCTION spine.ddl_guard();
ALTER EVENT TRIGGER spine_ddl_guard ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER spine_ddl_guard IS
    'A governed table stays as it was applied: what weakens its guard is refused, or logged for those who may';

-- The server calls them; nobody else does.
REVOKE ALL ON FUNCTION spine.ddl_start(), spine.ddl_guard(), spine.sql_drop(),
    spine.table_rewrite() FROM PUBLIC;
