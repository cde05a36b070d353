-- ownership: what happens when parties collide: overrides, and writes by
-- strangers that wait for the owner's decision.

-- History: every override that was given.  Sequences rather than identity
-- columns, since only a sequence of its own is carried by a dump.
CREATE SEQUENCE spine.override_id;
SELECT pg_catalog.pg_extension_config_dump('spine.override_id', '');
REVOKE ALL ON SEQUENCE spine.override_id FROM PUBLIC;
COMMENT ON SEQUENCE spine.override_id IS
    'Numbers of overrides';

CREATE TABLE spine.override_log (
    id                 bigint      NOT NULL PRIMARY KEY,
    at                 timestamptz NOT NULL,
    granted_by         text        NOT NULL,
    session_granted_by text        NOT NULL,
    dataset            text        NOT NULL,
    relation           text        NOT NULL,
    key                jsonb,
    party              text        NOT NULL,
    reason             text        NOT NULL,
    until              timestamptz NOT NULL,
    ended_at           timestamptz,
    ended_by           text
);
CREATE INDEX override_log_open_idx ON spine.override_log (dataset) WHERE ended_at IS NULL;
SELECT pg_catalog.pg_extension_config_dump('spine.override_log', '');
REVOKE ALL ON spine.override_log FROM PUBLIC;
GRANT SELECT ON spine.override_log TO spine_auditor, spine_admin;
COMMENT ON TABLE spine.override_log IS
    'Every override that was given: by whom, to which party, for which rows, why and until when';
COMMENT ON COLUMN spine.override_log.dataset IS
    'Asset key of the dataset, or of the child table governed by its state';
COMMENT ON COLUMN spine.override_log.key IS
    'Key columns of the row as an object; NULL for every row';
COMMENT ON COLUMN spine.override_log.ended_at IS
    'When it was ended, or its end as far as a job has seen that it expired';
COMMENT ON COLUMN spine.override_log.ended_by IS
    'current_user of spine.end_override; NULL if it expired';

CREATE VIEW spine.overrides AS
    SELECT o.id, o.at, o.granted_by, o.session_granted_by, o.dataset, o.relation, o.key, o.party,
           o.reason, o.until
      FROM spine.override_log o
     WHERE o.ended_at IS NULL AND o.until OPERATOR(pg_catalog.>) pg_catalog.clock_timestamp();
REVOKE ALL ON spine.overrides FROM PUBLIC;
GRANT SELECT ON spine.overrides TO spine_steward, spine_auditor, spine_admin;
COMMENT ON VIEW spine.overrides IS
    'Overrides that are in force now';

-- Anyone may call these: who may do what is decided inside.
CREATE FUNCTION spine.override(relation regclass, key jsonb, party text, reason text,
                               until timestamptz)
    RETURNS bigint
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_override';
COMMENT ON FUNCTION spine.override(regclass, jsonb, text, text, timestamptz) IS
    'Let a party do until then what the rules deny it, with the row of a key or, where the key is NULL, with every row; for the dataset''s owner and spine_admin; returns the override''s id';

CREATE FUNCTION spine.end_override(id bigint) RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_end_override';
COMMENT ON FUNCTION spine.end_override(bigint) IS
    'End an override that is in force; for the dataset''s owner and spine_admin';

-- History: writes that were not the writer's to make, and what became of them.
CREATE SEQUENCE spine.write_request_id;
SELECT pg_catalog.pg_extension_config_dump('spine.write_request_id', '');
REVOKE ALL ON SEQUENCE spine.write_request_id FROM PUBLIC;
COMMENT ON SEQUENCE spine.write_request_id IS
    'Numbers of write requests';

CREATE TABLE spine.write_request (
    id              bigint      NOT NULL PRIMARY KEY,
    at              timestamptz NOT NULL,
    dataset         text        NOT NULL,
    relation        text        NOT NULL,
    key             jsonb       NOT NULL,
    action          text        NOT NULL,
    old             jsonb       NOT NULL,
    new             jsonb,
    from_state      text,
    to_state        text,
    actor           text        NOT NULL,
    session_actor   text        NOT NULL,
    rule            text,
    rev             bigint      NOT NULL,
    status          text        NOT NULL,
    decided_by      text,
    decided_at      timestamptz,
    decision_reason text
);
CREATE INDEX write_request_pending_idx ON spine.write_request (dataset, actor, pg_catalog.jsonb_hash(key))
    WHERE status OPERATOR(pg_catalog.=) 'pending';
SELECT pg_catalog.pg_extension_config_dump('spine.write_request', '');
REVOKE ALL ON spine.write_request FROM PUBLIC;
GRANT SELECT ON spine.write_request TO spine_auditor, spine_admin;
COMMENT ON TABLE spine.write_request IS
    'Writes of datasets with non_owner "queue" that a rule denied: what was asked, and what was decided';
COMMENT ON COLUMN spine.write_request.action IS
    'update or delete';
COMMENT ON COLUMN spine.write_request.old IS
    'Values before, of what an update changes and of the whole row for a delete; each as its type''s text';
COMMENT ON COLUMN spine.write_request.new IS
    'Values asked for, each as its type''s text; NULL for a delete';
COMMENT ON COLUMN spine.write_request.rule IS
    'Rule that denied the write';
COMMENT ON COLUMN spine.write_request.status IS
    'pending, approved, declined, stale or withdrawn';

-- Who asked sees what was asked; the values that stood there are shown only
-- to those who decide or watch, since asking takes no SELECT.  Without SELECT
-- of his own he sees neither key nor new values: an UPDATE of all rows would
-- tell him their keys, one of an element what else the column holds.
CREATE VIEW spine.write_requests WITH (security_barrier) AS
    SELECT r.id, r.at, r.dataset, r.relation,
           CASE WHEN w.decides OR w.reads THEN r.key END AS key, r.action,
           CASE WHEN w.decides THEN r.old END AS old,
           CASE WHEN w.decides OR w.reads THEN r.new END AS new, r.from_state, r.to_state, r.actor,
           r.session_actor, r.rule, r.rev, r.status, r.decided_by, r.decided_at, r.decision_reason
      FROM spine.write_request r
     CROSS JOIN LATERAL (
        SELECT pg_catalog.pg_has_role('spine_auditor', 'USAGE')
               OR pg_catalog.pg_has_role('spine_admin', 'USAGE')
               OR pg_catalog.pg_has_role('spine_steward', 'USAGE')
               OR EXISTS (
                    SELECT
                      FROM spine.asset a
                      JOIN spine.party p
                        ON p.party OPERATOR(pg_catalog.=) a.standing
                           OR p.party OPERATOR(pg_catalog.=)
                              (a.definition OPERATOR(pg_catalog.#>>)
                               ARRAY['lifecycle', 'states', r.from_state, 'owner'])
                     WHERE a.asset OPERATOR(pg_catalog.=) r.dataset
                       AND a.kind OPERATOR(pg_catalog.=) 'dataset'
                       AND p.roleid IS NOT NULL
                       AND pg_catalog.pg_has_role(p.roleid, 'USAGE')) AS decides,
               EXISTS (
                    SELECT FROM spine.asset a
                     WHERE a.asset OPERATOR(pg_catalog.=) r.dataset
                       AND pg_catalog.has_table_privilege(a.relid, 'SELECT')) AS reads,
               EXISTS (
                    SELECT FROM pg_catalog.pg_roles u
                     WHERE u.rolname OPERATOR(pg_catalog.=) r.actor::pg_catalog.name
                       AND pg_catalog.pg_has_role(u.oid, 'USAGE')) AS asks) w
     WHERE w.decides OR w.asks;
REVOKE ALL ON spine.write_requests FROM PUBLIC;
GRANT SELECT ON spine.write_requests TO PUBLIC;
COMMENT ON VIEW spine.write_requests IS
    'Writes that wait for a decision or waited for one: one''s own, and those of states and datasets that one owns; stewards, auditors and spine_admin see all';

CREATE FUNCTION spine.approve_write(id bigint) RETURNS text
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_approve_write';
COMMENT ON FUNCTION spine.approve_write(bigint) IS
    'Make the write of a pending request as the caller, whom the guard must let make it; returns applied, or stale if the row is not any more what the request was made of';

CREATE FUNCTION spine.decline_write(id bigint, reason text) RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_decline_write';
COMMENT ON FUNCTION spine.decline_write(bigint, text) IS
    'Decline a pending request; for the owner of the row''s state, the dataset''s owner and spine_admin';

CREATE FUNCTION spine.withdraw_write(id bigint) RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'spine_withdraw_write';
COMMENT ON FUNCTION spine.withdraw_write(bigint) IS
    'Withdraw one''s own pending request';
