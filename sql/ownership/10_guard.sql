-- ownership: the guard's triggers, when rows came to their state, and the
-- questions that the same rules answer.

-- History: when a row came to its state, for datasets whose lifecycle keeps
-- no entered_at attribute.
CREATE TABLE spine.state_entry (
    dataset    text        NOT NULL,
    key        jsonb       NOT NULL,
    state      text        NOT NULL,
    entered_at timestamptz NOT NULL,
    PRIMARY KEY (dataset, key)
);
SELECT pg_catalog.pg_extension_config_dump('spine.state_entry', '');
REVOKE ALL ON spine.state_entry FROM PUBLIC;
GRANT SELECT ON spine.state_entry TO spine_auditor, spine_admin;
COMMENT ON TABLE spine.state_entry IS
    'When a row last changed its state, for datasets whose lifecycle names no entered_at attribute';

-- Trigger functions.  Anyone may execute them: attached to another table or
-- under another key they refuse every write, and a restore by the table's
-- owner must be able to name them.
CREATE FUNCTION spine.guard() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_guard';
COMMENT ON FUNCTION spine.guard() IS
    'Trigger of governed tables: judges each UPDATE and DELETE by the dataset''s state matrix';

CREATE FUNCTION spine.guard_insert() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_guard_insert';
COMMENT ON FUNCTION spine.guard_insert() IS
    'Trigger of governed tables: judges each INSERT by the dataset''s state matrix';

CREATE FUNCTION spine.guard_truncate() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_guard_truncate';
COMMENT ON FUNCTION spine.guard_truncate() IS
    'Trigger of governed tables: judges TRUNCATE';

CREATE FUNCTION spine.guard_flush() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_guard_flush';
COMMENT ON FUNCTION spine.guard_flush() IS
    'Trigger of governed tables: writes the statement''s audit rows and runs its handoffs';

CREATE FUNCTION spine.may(role name, relation regclass, key jsonb, action text,
                          changes jsonb DEFAULT NULL)
    RETURNS TABLE (allowed boolean, reason text, rule text, state text, owner text,
                   who_may text[])
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'spine_may';
COMMENT ON FUNCTION spine.may(name, regclass, jsonb, text, jsonb) IS
    'May a role do an action (insert, delete, an attribute or path, "-> state") with the row of a key? Judged by the guard''s own rules as if enforced; the caller needs SELECT';

CREATE FUNCTION spine.next_states(role name, relation regclass, key jsonb)
    RETURNS TABLE (state text, allowed boolean, reason text)
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'spine_next_states';
COMMENT ON FUNCTION spine.next_states(name, regclass, jsonb) IS
    'The states that a row''s transitions lead to, and whether a role may make each one; the caller needs SELECT';

CREATE FUNCTION spine.refuse_drop() RETURNS event_trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_refuse_drop';
COMMENT ON FUNCTION spine.refuse_drop() IS
    'Event trigger: refuses to drop spine while it guards tables';

CREATE EVENT TRIGGER spine_refuse_drop ON ddl_command_start
    WHEN TAG IN ('DROP EXTENSION', 'DROP SCHEMA')
    EXECUTE FUNCTION spine.refuse_drop();
ALTER EVENT TRIGGER spine_refuse_drop ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER spine_refuse_drop IS
    'Guards must not vanish silently: spine.detach_all() comes before DROP EXTENSION spine';
