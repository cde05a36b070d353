-- ownership: the Read column, and who read what.

CREATE FUNCTION spine.may_read(dataset text, state text, attribute text DEFAULT NULL)
    RETURNS boolean
    LANGUAGE c STABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'spine_may_read';
COMMENT ON FUNCTION spine.may_read(text, text, text) IS
    'May the current user read rows of a dataset in a state, and an attribute of them? What the read_view of a dataset asks for each row';

-- Every recorded read.  No index on the readers' path.
CREATE TABLE spine.read_log (
    at            timestamptz NOT NULL,
    xid           xid8,
    dataset       text        NOT NULL,
    relation      text        NOT NULL,
    columns       text[]      NOT NULL,
    actor         text        NOT NULL,
    session_actor text        NOT NULL,
    command       text        NOT NULL,
    application   text,
    client        inet,
    share         float8      NOT NULL,
    detail        jsonb
);
SELECT pg_catalog.pg_extension_config_dump('spine.read_log', '');
REVOKE ALL ON spine.read_log FROM PUBLIC;
GRANT SELECT ON spine.read_log TO spine_auditor, spine_admin;

-- It only grows, whoever asks.
CREATE FUNCTION spine.refuse_read_change() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_refuse_read_change';
COMMENT ON FUNCTION spine.refuse_read_change() IS
    'Trigger that refuses UPDATE, DELETE and TRUNCATE of spine.read_log';
REVOKE ALL ON FUNCTION spine.refuse_read_change() FROM PUBLIC;
CREATE TRIGGER refuse_change
    BEFORE UPDATE OR DELETE OR TRUNCATE ON spine.read_log
    FOR EACH STATEMENT EXECUTE FUNCTION spine.refuse_read_change();
ALTER TABLE spine.read_log ENABLE ALWAYS TRIGGER refuse_change;

COMMENT ON TABLE spine.read_log IS
    'Statements that read relations of datasets with audit_reads: one row for each relation, in the reader''s own transaction';
COMMENT ON COLUMN spine.read_log.at IS
    'Clock time when the statement started';
COMMENT ON COLUMN spine.read_log.xid IS
    'Top-level transaction of the reader';
COMMENT ON COLUMN spine.read_log.dataset IS
    'Asset key of the dataset, or of the child table governed by its state';
COMMENT ON COLUMN spine.read_log.relation IS
    'The relation that was read: a partition where the statement names it, the table below a view';
COMMENT ON COLUMN spine.read_log.columns IS
    'Columns that the statement reads, in conditions too; empty where it only counts rows; through a view all that the view needs';
COMMENT ON COLUMN spine.read_log.actor IS
    'current_user when the statement started';
COMMENT ON COLUMN spine.read_log.session_actor IS
    'session_user: who logged in';
COMMENT ON COLUMN spine.read_log.command IS
    'SELECT, COPY, or the write that read: INSERT, UPDATE, DELETE, MERGE';
COMMENT ON COLUMN spine.read_log.application IS
    'application_name of the session; NULL if it has none';
COMMENT ON COLUMN spine.read_log.client IS
    'Address of the client; NULL on a unix socket and in a background worker';
COMMENT ON COLUMN spine.read_log.share IS
    'Share of such statements that were recorded then: audit_reads of the dataset';
COMMENT ON COLUMN spine.read_log.detail IS
    'as: whose rights a view gave; through: the views of the statement with the columns that it reads of each; NULL for a direct read';
