-- audit: what was written, what would have been denied, and the outbox.
-- All three are history: no foreign key leaves them, no index is kept on the
-- write path, and nobody but the extension itself inserts.

-- Every governed write.  Months are made ahead by a job; this script makes the
-- default partition only, since same-named months would break a restore.
CREATE TABLE spine.audit_log (
    at            timestamptz NOT NULL,
    xid           xid8        NOT NULL,
    n             integer     NOT NULL,
    rev           bigint      NOT NULL,
    dataset       text        NOT NULL,
    action        text        NOT NULL,
    key           jsonb,
    actor         text        NOT NULL,
    session_actor text        NOT NULL,
    party         text,
    from_state    text,
    to_state      text,
    old           jsonb,
    new           jsonb,
    rule          text,
    via           text        NOT NULL,
    application   text,
    client        inet,
    detail        jsonb
) PARTITION BY RANGE (at);
CREATE TABLE spine.audit_log_default PARTITION OF spine.audit_log DEFAULT;
-- pg_dump takes rows from partitions, never from the partitioned table.
SELECT pg_catalog.pg_extension_config_dump('spine.audit_log_default', '');
REVOKE ALL ON spine.audit_log, spine.audit_log_default FROM PUBLIC;
GRANT SELECT ON spine.audit_log TO spine_auditor, spine_admin;

COMMENT ON TABLE spine.audit_log IS
    'Every governed write: who, when, what, by which rule; in the writer''s own transaction';
COMMENT ON TABLE spine.audit_log_default IS
    'Audit rows of months that have no partition of their own';
COMMENT ON COLUMN spine.audit_log.at IS
    'Clock time of the first row of the statement; its rows share it';
COMMENT ON COLUMN spine.audit_log.xid IS
    'Top-level transaction; the same that pg_current_xact_id() gave the writer';
COMMENT ON COLUMN spine.audit_log.n IS
    'Order within the transaction, from 1; gaps are rows of rolled back savepoints or of the other logs';
COMMENT ON COLUMN spine.audit_log.rev IS
    'Revision of the document whose rule judged the write';
COMMENT ON COLUMN spine.audit_log.dataset IS
    'Asset key of the dataset, or of the child table governed by its state';
COMMENT ON COLUMN spine.audit_log.action IS
    'insert, update, delete, truncate; retention where old months were removed';
COMMENT ON COLUMN spine.audit_log.key IS
    'Key columns of the row as an object; NULL for truncate';
COMMENT ON COLUMN spine.audit_log.actor IS
    'current_user when the row was written';
COMMENT ON COLUMN spine.audit_log.session_actor IS
    'session_user: who logged in';
COMMENT ON COLUMN spine.audit_log.party IS
    'Party that the actor wrote as';
COMMENT ON COLUMN spine.audit_log.from_state IS
    'State before the write; NULL for insert and without a lifecycle';
COMMENT ON COLUMN spine.audit_log.to_state IS
    'State after the write; NULL for delete and without a lifecycle';
COMMENT ON COLUMN spine.audit_log.old IS
    'Values before the write, of the attributes that changed';
COMMENT ON COLUMN spine.audit_log.new IS
    'Values after the write, of the attributes that changed';
COMMENT ON COLUMN spine.audit_log.rule IS
    'Rule that allowed the write';
COMMENT ON COLUMN spine.audit_log.via IS
    'How the write came about: direct, fk, apply, or the job that made it';
COMMENT ON COLUMN spine.audit_log.application IS
    'application_name of the session; NULL if it has none';
COMMENT ON COLUMN spine.audit_log.client IS
    'Address of the client; NULL on a unix socket and in a background worker';
COMMENT ON COLUMN spine.audit_log.detail IS
    'What only some writes have to say, such as the override that was used';

-- Writes that a rule denies: those that observe mode let pass stand here in
-- the writer's own transaction, those that were refused come from shared memory.
CREATE TABLE spine.denied_log (
    at            timestamptz NOT NULL,
    xid           xid8,
    n             integer,
    rev           bigint      NOT NULL,
    dataset       text        NOT NULL,
    action        text        NOT NULL,
    key           jsonb,
    attribute     text,
    actor         text        NOT NULL,
    session_actor text        NOT NULL,
    from_state    text,
    to_state      text,
    sqlstate      text        NOT NULL,
    message       text        NOT NULL,
    rule          text,
    mode          text        NOT NULL,
    application   text,
    client        inet,
    detail        jsonb
);
SELECT pg_catalog.pg_extension_config_dump('spine.denied_log', '');
REVOKE ALL ON spine.denied_log FROM PUBLIC;
GRANT SELECT ON spine.denied_log TO spine_auditor, spine_admin;

COMMENT ON TABLE spine.denied_log IS
    'Writes that a rule denies, with what was or would have been raised';
COMMENT ON COLUMN spine.denied_log.at IS
    'Clock time of the attempt; those that passed share the time of their statement';
COMMENT ON COLUMN spine.denied_log.xid IS
    'Top-level transaction; NULL if it wrote nothing';
COMMENT ON COLUMN spine.denied_log.n IS
    'Order within the transaction, in one sequence with audit_log and outbox; NULL for a refused attempt';
COMMENT ON COLUMN spine.denied_log.rev IS
    'Revision of the document whose rule judged the write';
COMMENT ON COLUMN spine.denied_log.dataset IS
    'Asset key of the dataset, or of the child table governed by its state';
COMMENT ON COLUMN spine.denied_log.action IS
    'insert, update, delete, truncate, or transition for a refused change of state';
COMMENT ON COLUMN spine.denied_log.key IS
    'Key columns of the row as an object';
COMMENT ON COLUMN spine.denied_log.attribute IS
    'Attribute or path that the actor may not write; NULL if the whole action is denied';
COMMENT ON COLUMN spine.denied_log.actor IS
    'current_user of the attempt';
COMMENT ON COLUMN spine.denied_log.session_actor IS
    'session_user: who logged in';
COMMENT ON COLUMN spine.denied_log.from_state IS
    'State of the row before the attempt';
COMMENT ON COLUMN spine.denied_log.to_state IS
    'State that the attempt asked for';
COMMENT ON COLUMN spine.denied_log.sqlstate IS
    'SQLSTATE that enforce mode raises';
COMMENT ON COLUMN spine.denied_log.message IS
    'Primary message that enforce mode raises';
COMMENT ON COLUMN spine.denied_log.rule IS
    'Rule that denies the write';
COMMENT ON COLUMN spine.denied_log.mode IS
    'observe: the write passed; enforce: it was refused';
COMMENT ON COLUMN spine.denied_log.application IS
    'application_name of the session; NULL if it has none';
COMMENT ON COLUMN spine.denied_log.client IS
    'Address of the client; NULL on a unix socket and in a background worker';
COMMENT ON COLUMN spine.denied_log.detail IS
    'What only some attempts have to say: fields that were clipped, how many attempts were only counted';

-- What the world is to be told, if the transaction commits.
CREATE TABLE spine.outbox (
    at      timestamptz NOT NULL,
    xid     xid8        NOT NULL,
    n       integer     NOT NULL,
    kind    text        NOT NULL,
    topic   text        NOT NULL,
    dataset text,
    key     jsonb,
    payload jsonb,
    actor   text        NOT NULL
);
SELECT pg_catalog.pg_extension_config_dump('spine.outbox', '');
REVOKE ALL ON spine.outbox FROM PUBLIC;
GRANT SELECT ON spine.outbox TO spine_admin;

COMMENT ON TABLE spine.outbox IS
    'Events made by writes, in the writer''s own transaction';
COMMENT ON COLUMN spine.outbox.at IS
    'Clock time of the first row of the statement; its rows share it';
COMMENT ON COLUMN spine.outbox.xid IS
    'Top-level transaction; the same as in audit_log';
COMMENT ON COLUMN spine.outbox.n IS
    'Order within the transaction, in one sequence with audit_log and denied_log';
COMMENT ON COLUMN spine.outbox.kind IS
    'snapshot, notify, emit or signal';
COMMENT ON COLUMN spine.outbox.topic IS
    'Topic, or name of the event';
COMMENT ON COLUMN spine.outbox.dataset IS
    'Asset key that the event is about';
COMMENT ON COLUMN spine.outbox.key IS
    'Key columns of the row that the event is about';
COMMENT ON COLUMN spine.outbox.payload IS
    'What the event says';
COMMENT ON COLUMN spine.outbox.actor IS
    'current_user when the event was made';

-- Readers' views.  Their order is the reader's: ORDER BY xid, n.
CREATE VIEW spine.audit_trail AS
    SELECT l.at, l.xid, l.n, l.rev, l.dataset, l.action, l.key,
           ARRAY(SELECT pg_catalog.jsonb_object_keys(
                            coalesce(l.old, '{}'::pg_catalog.jsonb)
                            OPERATOR(pg_catalog.||)
                            coalesce(l.new, '{}'::pg_catalog.jsonb)))
               AS attributes,
           l.action OPERATOR(pg_catalog.=) 'update'
               AND l.to_state IS NOT NULL
               AND (l.from_state IS NULL
                    OR l.from_state OPERATOR(pg_catalog.<>) l.to_state)
               AS transition,
           l.actor, l.session_actor, l.party, l.from_state, l.to_state,
           l.old, l.new, l.rule, l.via, l.application, l.client, l.detail
      FROM spine.audit_log l;
REVOKE ALL ON spine.audit_trail FROM PUBLIC;
GRANT SELECT ON spine.audit_trail TO spine_auditor, spine_admin;
COMMENT ON VIEW spine.audit_trail IS
    'Every governed write with the names of what changed; order by xid, n';
COMMENT ON COLUMN spine.audit_trail.attributes IS
    'Names of the attributes whose values changed';
COMMENT ON COLUMN spine.audit_trail.transition IS
    'Did the write change the state of an existing row?';

CREATE VIEW spine.denied AS
    SELECT d.at, d.xid, d.n, d.rev, d.dataset, d.action, d.key, d.attribute,
           d.actor, d.session_actor, d.from_state, d.to_state, d.sqlstate,
           d.message, d.rule, d.mode, d.application, d.client, d.detail
      FROM spine.denied_log d;
REVOKE ALL ON spine.denied FROM PUBLIC;
GRANT SELECT ON spine.denied TO spine_auditor, spine_admin;
COMMENT ON VIEW spine.denied IS
    'Writes that a rule denies: refused, or let pass by observe mode';
