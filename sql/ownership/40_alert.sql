-- ownership: what somebody should look at: rows that are stuck in a state,
-- governed tables that are not whole, invariants that old rows break, jobs
-- that fail, writes that strangers tried.

-- History: an alert stays when it is resolved.
CREATE TABLE spine.alert (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    raised_at       timestamptz NOT NULL,
    kind            text        NOT NULL,
    dataset         text,
    rule            text        NOT NULL,
    key             jsonb,
    state           text,
    since           timestamptz,
    severity        text        NOT NULL,
    assigned_to     text[]      NOT NULL,
    escalated_to    text[]      NOT NULL DEFAULT '{}',
    escalate_after  interval    NOT NULL,
    escalate_at     timestamptz,
    announced_at    timestamptz,
    acknowledged_by text,
    acknowledged_at timestamptz,
    note            text,
    resolved_at     timestamptz,
    runbook         text,
    detail          jsonb
);
-- One open alert for each thing that is wrong.
CREATE UNIQUE INDEX alert_open_idx ON spine.alert
    (kind, rule, coalesce(dataset, ''), pg_catalog.md5(coalesce(key::text, '')))
    WHERE resolved_at IS NULL;
CREATE INDEX alert_due_idx ON spine.alert (escalate_at)
    WHERE resolved_at IS NULL AND acknowledged_at IS NULL;
SELECT pg_catalog.pg_extension_config_dump('spine.alert', '');
SELECT pg_catalog.pg_extension_config_dump('spine.alert_id_seq', '');
REVOKE ALL ON spine.alert FROM PUBLIC;
GRANT SELECT ON spine.alert TO spine_steward, spine_auditor, spine_admin;
COMMENT ON SEQUENCE spine.alert_id_seq IS 'Numbers of alerts';
COMMENT ON TABLE spine.alert IS
    'What somebody should look at, or should have: one row for each thing that is or was wrong';
COMMENT ON COLUMN spine.alert.kind IS
    'stuck_state, escalated_write, attachment, invariant, job_failed, or replica_ and what is wrong with a copy';
COMMENT ON COLUMN spine.alert.rule IS
    'Name of the alert in the document, of the check, constraint, job or copy';
COMMENT ON COLUMN spine.alert.key IS
    'Key columns of the row that it is about, as an object';
COMMENT ON COLUMN spine.alert.since IS
    'When the row came to the state';
COMMENT ON COLUMN spine.alert.assigned_to IS
    'Parties that are told first; none: spine_steward and spine_admin';
COMMENT ON COLUMN spine.alert.escalated_to IS
    'Parties that were told later, in this order, as nobody acknowledged it';
COMMENT ON COLUMN spine.alert.escalate_at IS
    'When the next party is told; NULL if there is none left';

-- When a rule was last looked after, and how long that took: a rule that
-- takes long is looked after less often.
CREATE TABLE spine.alert_scan (
    dataset    text        NOT NULL,
    rule       text        NOT NULL,
    scanned_at timestamptz NOT NULL,
    took       interval    NOT NULL,
    PRIMARY KEY (dataset, rule)
) WITH (fillfactor = 50);
REVOKE ALL ON spine.alert_scan FROM PUBLIC;
GRANT SELECT ON spine.alert_scan TO spine_steward, spine_auditor, spine_admin;
COMMENT ON TABLE spine.alert_scan IS
    'When each rule of stuck states was last looked after, and how long that took';

-- Everybody sees the alerts that his parties are told of.
CREATE VIEW spine.open_alerts WITH (security_barrier) AS
    SELECT a.id, a.raised_at, a.kind, a.dataset, a.rule, a.key, a.state,
           a.since, a.severity, a.assigned_to, a.escalated_to, a.escalate_at,
           a.acknowledged_by, a.acknowledged_at, a.note, a.runbook, a.detail
      FROM spine.alert a
     WHERE a.resolved_at IS NULL
       AND (pg_catalog.pg_has_role(CURRENT_USER, 'spine_steward', 'USAGE')
            OR pg_catalog.pg_has_role(CURRENT_USER, 'spine_auditor', 'USAGE')
            OR pg_catalog.pg_has_role(CURRENT_USER, 'spine_admin', 'USAGE')
            OR EXISTS (
                SELECT FROM spine.party p
                  JOIN pg_catalog.pg_roles r
                    ON r.oid OPERATOR(pg_catalog.=) p.roleid
                 WHERE p.party OPERATOR(pg_catalog.=)
                           ANY (a.assigned_to OPERATOR(pg_catalog.||) a.escalated_to)
                   AND pg_catalog.pg_has_role(CURRENT_USER, r.oid, 'USAGE')));
REVOKE ALL ON spine.open_alerts FROM PUBLIC;
GRANT SELECT ON spine.open_alerts TO PUBLIC;
COMMENT ON VIEW spine.open_alerts IS
    'Alerts that are not resolved: all for readers of spine.alert, for others those that their parties are told of';

CREATE FUNCTION spine.acknowledge_alert(id bigint, note text DEFAULT NULL)
RETURNS boolean
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'spine_acknowledge_alert';
COMMENT ON FUNCTION spine.acknowledge_alert(bigint, text) IS
    'Say that an alert is seen to, which ends its escalation; false if somebody said so before';
