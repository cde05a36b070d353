-- catalog: the verbs over the document, and the trigger that keeps the
-- projection.  Who may call what stands in 40_rights.sql.

CREATE FUNCTION spine.plan(doc jsonb, prune boolean DEFAULT false)
RETURNS TABLE (action text, kind text, key text, before jsonb, after jsonb,
               risk text, sql text)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'spine_plan';
COMMENT ON FUNCTION spine.plan(jsonb, boolean) IS
    'What apply would change: a row for each entity and attachment that differs, with its risk; executes nothing';

CREATE FUNCTION spine.apply(doc jsonb, message text DEFAULT '', prune boolean DEFAULT false,
                            expect_rev bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'spine_apply';
COMMENT ON FUNCTION spine.apply(jsonb, text, boolean, bigint) IS
    'Merge a document over the accepted one and make the database fit it; returns the revision, the same one if nothing differs';

CREATE FUNCTION spine.rollback(rev bigint, message text DEFAULT '')
RETURNS bigint
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'spine_rollback';
COMMENT ON FUNCTION spine.rollback(bigint, text) IS
    'Apply the document of an old revision whole, as a new revision';

CREATE FUNCTION spine.diff(a bigint, b bigint)
RETURNS TABLE (action text, kind text, key text, before jsonb, after jsonb,
               risk text, sql text)
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'spine_diff';
COMMENT ON FUNCTION spine.diff(bigint, bigint) IS
    'What differs between two revisions, in the columns of spine.plan, and each right that differs; revision 0 is the empty document';

CREATE FUNCTION spine.diff_rights(a bigint, b bigint, of_dataset text DEFAULT NULL)
RETURNS TABLE (dataset text, party text, state text, action text, target text,
               change text, before text, after text)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'spine_diff_rights';
COMMENT ON FUNCTION spine.diff_rights(bigint, bigint, text) IS
    'What two revisions allow and deny differently: a row for each party, state, action and target, wildcards expanded';

CREATE FUNCTION spine.export(scope text DEFAULT NULL, as_of timestamptz DEFAULT NULL)
RETURNS jsonb
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'spine_export';
COMMENT ON FUNCTION spine.export(text, timestamptz) IS
    'The accepted document, or the part that a context or context.dataset names, now or as of a time; applies again';

CREATE FUNCTION spine.detach_all()
RETURNS integer
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'spine_detach_all';
COMMENT ON FUNCTION spine.detach_all() IS
    'Take spine''s triggers and constraints off all tables, so that the extension can be dropped; returns how many tables had them';

CREATE FUNCTION spine.health()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'spine_health';
COMMENT ON FUNCTION spine.health() IS
    'Whether what is enforced is what was applied: a row for each check, with what to do about it';

CREATE FUNCTION spine.refresh_projection()
RETURNS bigint
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'spine_refresh_projection';
COMMENT ON FUNCTION spine.refresh_projection() IS
    'Rebuild the projection from the newest revision, which it returns; needed only after damage';

-- The projection follows the revisions, also when a restore copies them.
CREATE FUNCTION spine.project()
RETURNS trigger
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'spine_project';
COMMENT ON FUNCTION spine.project() IS
    'Trigger of spine.revision: keeps the projection equal to the newest revision';

CREATE TRIGGER project
    AFTER INSERT ON spine.revision
    FOR EACH STATEMENT EXECUTE FUNCTION spine.project();
ALTER TABLE spine.revision ENABLE ALWAYS TRIGGER project;

-- Revisions are for ever, whoever asks.
CREATE FUNCTION spine.refuse_change()
RETURNS trigger
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'spine_refuse_change';
COMMENT ON FUNCTION spine.refuse_change() IS
    'Trigger that refuses UPDATE, DELETE and TRUNCATE of a table that only grows';

CREATE TRIGGER refuse_change
    BEFORE UPDATE OR DELETE OR TRUNCATE ON spine.revision
    FOR EACH STATEMENT EXECUTE FUNCTION spine.refuse_change();
ALTER TABLE spine.revision ENABLE ALWAYS TRIGGER refuse_change;
