-- audit: what keeps the logs as they are, what makes and drops their months,
-- and what tells of refused attempts on their way to the log.

CREATE FUNCTION spine.refuse_audit_change() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_refuse_audit_change';
COMMENT ON FUNCTION spine.refuse_audit_change() IS
    'Trigger that refuses UPDATE, DELETE and TRUNCATE of the logs';

-- Rows come in without triggers, so these cost a write nothing.
CREATE TRIGGER refuse_change
    BEFORE UPDATE OR DELETE OR TRUNCATE ON spine.audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION spine.refuse_audit_change();
ALTER TABLE spine.audit_log ENABLE ALWAYS TRIGGER refuse_change;
CREATE TRIGGER refuse_change
    BEFORE UPDATE OR DELETE OR TRUNCATE ON spine.audit_log_default
    FOR EACH STATEMENT EXECUTE FUNCTION spine.refuse_audit_change();
ALTER TABLE spine.audit_log_default ENABLE ALWAYS TRIGGER refuse_change;
CREATE TRIGGER refuse_change
    BEFORE UPDATE OR DELETE OR TRUNCATE ON spine.denied_log
    FOR EACH STATEMENT EXECUTE FUNCTION spine.refuse_audit_change();
ALTER TABLE spine.denied_log ENABLE ALWAYS TRIGGER refuse_change;

CREATE FUNCTION spine.refuse_audit_drop() RETURNS event_trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_refuse_audit_drop';
COMMENT ON FUNCTION spine.refuse_audit_drop() IS
    'Event trigger: refuses to drop a partition of the audit log by hand';
CREATE EVENT TRIGGER spine_refuse_audit_drop ON ddl_command_start
    WHEN TAG IN ('DROP TABLE')
    EXECUTE FUNCTION spine.refuse_audit_drop();
ALTER EVENT TRIGGER spine_refuse_audit_drop ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER spine_refuse_audit_drop IS
    'Months of the audit log go by spine.drop_audit_before(), which leaves a record';

CREATE FUNCTION spine.make_audit_months()
RETURNS integer
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'spine_make_audit_months';
COMMENT ON FUNCTION spine.make_audit_months() IS
    'Make the audit log''s partitions of this month and the next two, and of months that stand in the default partition; returns how many were made';

CREATE FUNCTION spine.drop_audit_before(month date)
RETURNS bigint
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'spine_drop_audit_before';
COMMENT ON FUNCTION spine.drop_audit_before(date) IS
    'Remove audited and denied rows of whole months before this one, which leaves an audit row of action retention; returns how many rows went';

CREATE FUNCTION spine.denied_ring(OUT capacity integer, OUT used integer,
    OUT recorded bigint, OUT suppressed bigint, OUT lost bigint,
    OUT last_lost timestamptz)
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'spine_denied_ring';
COMMENT ON FUNCTION spine.denied_ring() IS
    'Refused attempts since the server started: kept, counted only, and room for those that wait; capacity 0 without preload';

REVOKE ALL ON FUNCTION spine.refuse_audit_change(),
    spine.refuse_audit_drop(), spine.make_audit_months(),
    spine.drop_audit_before(date), spine.denied_ring() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION spine.make_audit_months(),
    spine.drop_audit_before(date) TO spine_admin;
GRANT EXECUTE ON FUNCTION spine.denied_ring() TO spine_auditor, spine_admin;
