-- consistency: what stands of each copy, and what keeps it so by itself.

-- State of this database, not of its document: no dump carries it, so in a
-- restored copy nothing counts as proved until it is checked there.
CREATE TABLE spine.check_state (
    placement       text        NOT NULL PRIMARY KEY,
    seen_at         timestamptz NOT NULL,
    rules           text,
    last_run        bigint,
    last_verdict    text,
    last_started    timestamptz,
    last_finished   timestamptz,
    checked_shape   text,
    proved_shape    text,
    proved_run      bigint,
    proved_at       timestamptz,
    announced_shape text,
    announced_at    timestamptz,
    broken          boolean     NOT NULL DEFAULT false,
    tried_at        timestamptz,
    tried_shape     text,
    failures        integer     NOT NULL DEFAULT 0,
    last_sqlstate   text,
    last_error      text,
    last_failed_at  timestamptz,
    not_before      timestamptz,
    over_since      timestamptz,
    slots           text[],
    scrubbed_at     timestamptz,
    mended_run      bigint,
    mend_sqlstate   text,
    mend_error      text
) WITH (fillfactor = 50);
REVOKE ALL ON spine.check_state FROM PUBLIC;
GRANT SELECT ON spine.check_state TO spine_steward, spine_auditor, spine_admin;
COMMENT ON TABLE spine.check_state IS
    'What is known of each copy in this database; the view spine.consistency has it for people';
COMMENT ON COLUMN spine.check_state.rules IS
    'Fingerprint of the sync rules when they were last announced';
COMMENT ON COLUMN spine.check_state.checked_shape IS
    'Fingerprint of what the last complete check compared';
COMMENT ON COLUMN spine.check_state.proved_shape IS
    'The same of the last check that proved the copy equal';
COMMENT ON COLUMN spine.check_state.broken IS
    'Was anything but equal found since the last ConsistencyValidated?';
COMMENT ON COLUMN spine.check_state.tried_shape IS
    'Fingerprint of what the job last tried to compare in full';
COMMENT ON COLUMN spine.check_state.failures IS
    'Checks by the job that failed in a row; a verdict, whichever, is no failure';
COMMENT ON COLUMN spine.check_state.not_before IS
    'When the job tries again after a failure';
COMMENT ON COLUMN spine.check_state.scrubbed_at IS
    'When the page caches of both sides were last compared with all rows';
COMMENT ON COLUMN spine.check_state.mended_run IS
    'Check whose drift the job repaired, or tried to; each is tried once';
COMMENT ON COLUMN spine.check_state.mend_error IS
    'Why the last repair by the job failed; NULL: it did not';
COMMENT ON COLUMN spine.check_state.slots IS
    'Replication slots that feed the copy, as the last check found';
COMMENT ON COLUMN spine.check_state.over_since IS
    'Since when the copy has been further behind than it may be';

-- History: checks by the job that came to no verdict.
CREATE TABLE spine.check_failure (
    placement text        NOT NULL,
    failed_at timestamptz NOT NULL,
    sqlstate  text        NOT NULL,
    message   text        NOT NULL
);
CREATE INDEX check_failure_placement_idx ON spine.check_failure (placement, failed_at);
REVOKE ALL ON spine.check_failure FROM PUBLIC;
GRANT SELECT ON spine.check_failure TO spine_steward, spine_auditor, spine_admin;
COMMENT ON TABLE spine.check_failure IS
    'Checks by the job that came to no verdict, and why; messages that may hold values of rows are left out';

-- History: where flows that can tell were, once a minute.
CREATE TABLE spine.replica_sample (
    placement    text        NOT NULL,
    sampled_at   timestamptz NOT NULL,
    lag          interval,
    lag_bytes    bigint,
    transactions bigint,
    bytes        bigint,
    active       boolean     NOT NULL
);
CREATE INDEX replica_sample_placement_idx ON spine.replica_sample (placement, sampled_at);
REVOKE ALL ON spine.replica_sample FROM PUBLIC;
GRANT SELECT ON spine.replica_sample TO spine_steward, spine_auditor, spine_admin;
COMMENT ON TABLE spine.replica_sample IS
    'How far copies that are fed by logical replication were, once a minute, for a week';
COMMENT ON COLUMN spine.replica_sample.lag_bytes IS
    'WAL that the subscriber has not confirmed';
COMMENT ON COLUMN spine.replica_sample.transactions IS
    'Transactions that the slots have sent since their statistics were reset';
COMMENT ON COLUMN spine.replica_sample.bytes IS 'Bytes of changes, likewise';
COMMENT ON COLUMN spine.replica_sample.active IS 'Is a subscriber connected to each slot?';

-- Checks that somebody asked for.  A table of its own, since who asks must not
-- wait for a check that is running.
CREATE TABLE spine.check_request (
    placement    text        NOT NULL,
    mode         text,
    requested_at timestamptz NOT NULL,
    requested_by text        NOT NULL
);
CREATE INDEX check_request_placement_idx ON spine.check_request (placement);
REVOKE ALL ON spine.check_request FROM PUBLIC;
GRANT SELECT ON spine.check_request TO spine_steward, spine_auditor, spine_admin;
COMMENT ON TABLE spine.check_request IS
    'Checks that somebody asked for and that have not been made yet';

-- The last proof of a copy, however long ago.
CREATE INDEX check_log_proof_idx ON spine.check_log (placement, run_id)
    WHERE verdict OPERATOR(pg_catalog.=) 'equal' AND complete;

CREATE FUNCTION spine.copy_shape(section text, relation text, definition jsonb, here boolean)
RETURNS text LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'spine_copy_shape';
COMMENT ON FUNCTION spine.copy_shape(text, text, jsonb, boolean) IS
    'Fingerprint of what a check of a copy compares: columns and types of both sides, mapping, filter, format';
CREATE FUNCTION spine.copy_rules(section text, relation text, definition jsonb)
RETURNS text LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_copy_rules';
COMMENT ON FUNCTION spine.copy_rules(text, text, jsonb) IS
    'Fingerprint of the sync rules of a copy: all of its definition but what is for people';
REVOKE ALL ON FUNCTION spine.copy_shape(text, text, jsonb, boolean),
    spine.copy_rules(text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION spine.copy_shape(text, text, jsonb, boolean),
    spine.copy_rules(text, text, jsonb)
    TO spine_steward, spine_auditor, spine_admin;

CREATE VIEW spine.check_plan AS
    SELECT c.placement, c.dataset, c.kind, c.store, c.store_kind, c.locator, c.here, c.automatic,
           c.mode, c.every, c.after_change, c.max_lag, c.max_age, c.policy, c.owner,
           c.dataset_owner, c.runbook, f.shape, f.rules,
           s.proved_shape IS DISTINCT FROM f.shape
               OR s.checked_shape IS DISTINCT FROM f.shape AS unproven,
           w.reason,
           greatest(w.due, s.not_before) AS due,
           CASE WHEN w.reason OPERATOR(pg_catalog.=) 'request' THEN coalesce(q.mode, c.mode)
                WHEN w.reason OPERATOR(pg_catalog.=) 'change' AND c.mode OPERATOR(pg_catalog.<>) ALL (ARRAY['digest', 'rows']) THEN 'digest'
                ELSE c.mode END AS next_mode
      FROM (SELECT a.asset AS dataset,
                   a.asset OPERATOR(pg_catalog.||) '.' OPERATOR(pg_catalog.||)
                       CASE WHEN l.name OPERATOR(pg_catalog.~) '[."]'
                            THEN '"' OPERATOR(pg_catalog.||) pg_catalog.replace(l.name, '"', '""') OPERATOR(pg_catalog.||) '"'
                            ELSE l.name END AS placement,
                   l.section, pg_catalog.rtrim(l.section, 's') AS kind,
                   l.definition, a.relation, m.store, m.locator, e.definition OPERATOR(pg_catalog.->>) 'kind' AS store_kind,
                   e.definition OPERATOR(pg_catalog.->>) 'kind' OPERATOR(pg_catalog.=) 'postgres' AND e.definition OPERATOR(pg_catalog.->) 'server' IS NULL
                       AND coalesce(pg_catalog.current_setting('spine.store', true), '')
                           OPERATOR(pg_catalog.=) ANY (ARRAY['', m.store]) AS here,
                   a.local AND v.definition IS NOT NULL AND l.section OPERATOR(pg_catalog.<>) 'derived'
                       AND e.definition OPERATOR(pg_catalog.->>) 'kind' OPERATOR(pg_catalog.=) 'postgres' AS automatic,
                   coalesce(r.mode, 'digest') AS mode, r.every,
                   coalesce(r.after_change, true) AS after_change, m.max_lag,
                   coalesce(r.max_age, 2 OPERATOR(pg_catalog.*) r.every) AS max_age,
                   coalesce(m.repair OPERATOR(pg_catalog.->>) 'policy', 'propose') AS policy,
                   m.owner, a.standing AS dataset_owner, m.runbook
              FROM spine.asset a
             CROSS JOIN LATERAL pg_catalog.jsonb_to_record(a.definition) d
                       (replicas jsonb, caches jsonb, snapshots jsonb, derived jsonb)
             CROSS JOIN LATERAL (
                       SELECT 'replicas' AS section, x.* FROM spine.members(d.replicas) x
                       UNION ALL
                       SELECT 'caches', x.* FROM spine.members(d.caches) x
                       UNION ALL
                       SELECT 'snapshots', x.* FROM spine.members(d.snapshots) x
                       UNION ALL
                       SELECT 'derived', x.* FROM spine.members(d.derived) x) l
             CROSS JOIN LATERAL pg_catalog.jsonb_to_record(l.definition) m
                       (store text, locator text, max_lag interval, owner text, runbook text,
                        validate jsonb, repair jsonb)
             CROSS JOIN LATERAL (SELECT m.validate AS definition) v
             CROSS JOIN LATERAL pg_catalog.jsonb_to_record(coalesce(m.validate, '{}')) r
                       (mode text, every interval, after_change boolean, max_age interval)
              LEFT JOIN spine.entry e ON e.section OPERATOR(pg_catalog.=) 'stores' AND e.name OPERATOR(pg_catalog.=) m.store
             WHERE a.kind OPERATOR(pg_catalog.=) 'dataset') c
     CROSS JOIN LATERAL (
               SELECT spine.copy_shape(c.section, c.relation, c.definition, c.here) AS shape,
                      spine.copy_rules(c.section, c.relation, c.definition) AS rules
               OFFSET 0) f
      LEFT JOIN spine.check_state s ON s.placement OPERATOR(pg_catalog.=) c.placement
      LEFT JOIN LATERAL (
               SELECT pg_catalog.min(r.requested_at) AS requested_at,
                      pg_catalog.max(r.mode) AS mode
                 FROM spine.check_request r
                WHERE r.placement OPERATOR(pg_catalog.=) c.placement) q ON true
      LEFT JOIN LATERAL (
               SELECT x.due, x.reason
                 FROM (VALUES
                       (q.requested_at, 'request'),
                       (CASE WHEN s.failures OPERATOR(pg_catalog.>) 0 THEN s.not_before END, 'retry'),
                       (CASE WHEN c.automatic AND c.after_change
                              AND s.checked_shape IS DISTINCT FROM f.shape
                              AND s.tried_shape IS DISTINCT FROM f.shape
                             THEN coalesce(s.last_finished, s.seen_at, pg_catalog.now()) END,
                        'change'),
                       (CASE WHEN c.automatic AND s.last_verdict OPERATOR(pg_catalog.=) 'lagging'
                             THEN s.last_finished OPERATOR(pg_catalog.+) greatest(c.max_lag, '5 s') END,
                        'lagging'),
                       (CASE WHEN c.automatic AND c.every IS NOT NULL
                             THEN coalesce(s.last_started OPERATOR(pg_catalog.+) c.every, s.seen_at,
                                           pg_catalog.now()) END,
                        'schedule')) x (due, reason)
                WHERE x.due IS NOT NULL
                ORDER BY x.due, x.reason LIMIT 1) w ON true;
REVOKE ALL ON spine.check_plan FROM PUBLIC;
GRANT SELECT ON spine.check_plan TO spine_steward, spine_auditor, spine_admin;
COMMENT ON VIEW spine.check_plan IS
    'Each copy of the document: how it is to be checked, when next and why: request, change, lagging, retry or schedule';
COMMENT ON COLUMN spine.check_plan.here IS 'Is the copy stored in this database?';
COMMENT ON COLUMN spine.check_plan.automatic IS
    'Does the job check it by itself? Where the source is here and the copy has "validate"';
COMMENT ON COLUMN spine.check_plan.max_age IS
    'How old the last proof may be: validate.max_age, else twice validate.every';
COMMENT ON COLUMN spine.check_plan.policy IS 'What may be done about drift';
COMMENT ON COLUMN spine.check_plan.shape IS
    'Fingerprint of what a check compares, as it is now';
COMMENT ON COLUMN spine.check_plan.rules IS
    'Fingerprint of the sync rules as they are now';
COMMENT ON COLUMN spine.check_plan.unproven IS
    'Has no check proved it equal as both sides and the rules are now?';
COMMENT ON COLUMN spine.check_plan.due IS 'When the job checks it next; NULL: not by itself';

CREATE VIEW spine.replica_lag AS
    SELECT c.placement, m.measured_at, m.measured_by, m.lag, m.lag_bytes, c.max_lag,
           m.lag OPERATOR(pg_catalog.>) c.max_lag AS over
      FROM (SELECT l.placement, l.finished_at AS measured_at, 'check' AS measured_by,
                   l.lag, NULL::bigint AS lag_bytes
              FROM spine.check_log l WHERE l.lag IS NOT NULL
            UNION ALL
            SELECT s.placement, s.sampled_at, 'slot', s.lag, s.lag_bytes
              FROM spine.replica_sample s) m
      JOIN spine.topology c ON c.placement OPERATOR(pg_catalog.=) m.placement;
REVOKE ALL ON spine.replica_lag FROM PUBLIC;
GRANT SELECT ON spine.replica_lag TO spine_steward, spine_auditor, spine_admin;
COMMENT ON VIEW spine.replica_lag IS
    'How far behind each copy was, whenever that was measured';
COMMENT ON COLUMN spine.replica_lag.measured_by IS
    'check: by a check; slot: by the statistics of its replication slots';
COMMENT ON COLUMN spine.replica_lag.over IS 'Was it further behind than max_lag?';

CREATE VIEW spine.consistency AS
    SELECT c.placement, c.dataset, c.kind, c.store, c.mode, c.every, c.max_lag, c.max_age,
           l.run_id AS last_run, l.finished_at AS last_checked, l.mode AS last_mode,
           CASE WHEN s.last_run IS NULL OR s.checked_shape OPERATOR(pg_catalog.<>) c.shape THEN 'unproven'
                ELSE l.verdict END AS verdict,
           p.finished_at AS last_proof,
           pg_catalog.now() OPERATOR(pg_catalog.-) p.finished_at AS proof_age,
           g.lag,
           c.unproven,
           NOT c.unproven AND o.drift_open OPERATOR(pg_catalog.=) 0
               AND coalesce(pg_catalog.now() OPERATOR(pg_catalog.-) p.finished_at OPERATOR(pg_catalog.<=) c.max_age, true)
               AND coalesce(g.lag OPERATOR(pg_catalog.<=) c.max_lag, true) AS slo_met,
           o.drift_open, o.suspects,
           c.due AS next_due, c.reason AS next_reason,
           coalesce(s.failures, 0) AS failures, s.last_sqlstate, s.last_error
      FROM spine.check_plan c
      LEFT JOIN spine.check_state s ON s.placement OPERATOR(pg_catalog.=) c.placement
      LEFT JOIN LATERAL (SELECT x.* FROM spine.check_log x
                          WHERE x.placement OPERATOR(pg_catalog.=) c.placement
                          ORDER BY x.run_id DESC LIMIT 1) l ON true
      LEFT JOIN LATERAL (SELECT x.* FROM spine.check_log x
                          WHERE x.placement OPERATOR(pg_catalog.=) c.placement
                            AND x.verdict OPERATOR(pg_catalog.=) 'equal' AND x.complete
                          ORDER BY x.run_id DESC LIMIT 1) p ON true
     CROSS JOIN LATERAL (
               SELECT pg_catalog.count(d.confirmed_at) AS drift_open,
                      pg_catalog.count(*) OPERATOR(pg_catalog.-) pg_catalog.count(d.confirmed_at) AS suspects,
                      pg_catalog.now() OPERATOR(pg_catalog.-) pg_catalog.min(d.first_seen)
                          FILTER (WHERE d.confirmed_at IS NULL) AS suspect_for
                 FROM spine.drift_log d
                WHERE d.placement OPERATOR(pg_catalog.=) c.placement AND d.closed_at IS NULL) o
      LEFT JOIN LATERAL (SELECT x.lag FROM spine.replica_sample x
                          WHERE x.placement OPERATOR(pg_catalog.=) c.placement
                            AND x.sampled_at OPERATOR(pg_catalog.>) coalesce(l.finished_at, '-infinity')
                          ORDER BY x.sampled_at DESC LIMIT 1) m ON true
     CROSS JOIN LATERAL (SELECT greatest(o.suspect_for, coalesce(m.lag, l.lag)) AS lag) g;
REVOKE ALL ON spine.consistency FROM PUBLIC;
GRANT SELECT ON spine.consistency TO spine_steward, spine_auditor, spine_admin;
COMMENT ON VIEW spine.consistency IS
    'Each copy of the document: when it was last compared and with what verdict, when it was last proved equal, what is open';
COMMENT ON COLUMN spine.consistency.verdict IS
    'Of the last check; unproven if there was none here, or if a side or the rules changed since';
COMMENT ON COLUMN spine.consistency.lag IS
    'How far behind it was when that was last measured, or for how long rows have differed that lag may explain, if that is more';
COMMENT ON COLUMN spine.consistency.slo_met IS
    'Is it proved as it is now, by a proof no older than max_age, without open drift, and no further behind than max_lag?';
COMMENT ON COLUMN spine.consistency.drift_open IS 'Rows that are confirmed to differ';
COMMENT ON COLUMN spine.consistency.suspects IS 'Rows that differ, as lag may explain';
COMMENT ON COLUMN spine.consistency.failures IS
    'Checks by the job that failed in a row; last_sqlstate and last_error say why';

CREATE FUNCTION spine.running_checks()
RETURNS TABLE (pid int, placement bigint, phase text, done bigint, total bigint,
               started timestamptz, phase_started timestamptz, phase_from bigint)
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'spine_running_checks';
COMMENT ON FUNCTION spine.running_checks() IS
    'Checks that backends of this database are making; the view spine.progress has their names';
CREATE FUNCTION spine.placement_number(placement text) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_placement_number';
COMMENT ON FUNCTION spine.placement_number(text) IS
    'The number by which spine.running_checks names a copy';
REVOKE ALL ON FUNCTION spine.running_checks(), spine.placement_number(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION spine.running_checks(), spine.placement_number(text)
    TO spine_steward, spine_auditor, spine_admin;

CREATE VIEW spine.progress AS
    SELECT c.placement, r.pid, r.phase, r.done, nullif(r.total, 0) AS total,
           pg_catalog.round(((r.done OPERATOR(pg_catalog.-) r.phase_from) OPERATOR(pg_catalog./) s.seconds)::numeric, 1) AS per_second,
           r.started, r.phase_started,
           CASE WHEN r.done OPERATOR(pg_catalog.>) r.phase_from AND r.total OPERATOR(pg_catalog.>=) r.done
                THEN pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) pg_catalog.make_interval(
                         secs => s.seconds OPERATOR(pg_catalog.*) (r.total OPERATOR(pg_catalog.-) r.done) OPERATOR(pg_catalog./) (r.done OPERATOR(pg_catalog.-) r.phase_from))
           END AS expected_end
      FROM spine.running_checks() r
     CROSS JOIN LATERAL (
               SELECT greatest(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()
                          OPERATOR(pg_catalog.-) r.phase_started), 0.001) AS seconds) s
      LEFT JOIN spine.topology c
        ON spine.placement_number(c.placement) OPERATOR(pg_catalog.=) r.placement;
REVOKE ALL ON spine.progress FROM PUBLIC;
GRANT SELECT ON spine.progress TO spine_steward, spine_auditor, spine_admin;
COMMENT ON VIEW spine.progress IS
    'Checks that are being made, by whichever backend of this database';
COMMENT ON COLUMN spine.progress.phase IS
    'starting, warming, comparing, locating, confirming, writing or repairing';
COMMENT ON COLUMN spine.progress.done IS
    'Pages read in this phase, or rows where the sides are read by queries';
COMMENT ON COLUMN spine.progress.total IS 'How many there are; NULL: not known';
COMMENT ON COLUMN spine.progress.expected_end IS
    'When the phase ends if it goes on as fast; NULL: not known';

CREATE VIEW spine.replica_errors AS
    SELECT c.placement, w.name AS within, x.checks, x.errors,
           pg_catalog.round(x.errors::numeric OPERATOR(pg_catalog./) nullif(x.checks, 0), 4) AS error_rate,
           x.drift, x.last_error
      FROM (SELECT t.placement FROM spine.topology t WHERE t.placement IS NOT NULL) c
     CROSS JOIN (VALUES ('hour', '1 hour'::interval), ('day', '1 day'),
                        ('week', '7 days')) w (name, length)
     CROSS JOIN LATERAL (
               SELECT pg_catalog.count(*) AS checks,
                      pg_catalog.count(*) FILTER (WHERE e.failed) AS errors,
                      pg_catalog.count(*) FILTER (WHERE e.verdict OPERATOR(pg_catalog.=) 'drift') AS drift,
                      pg_catalog.max(e.at) FILTER (WHERE e.failed) AS last_error
                 FROM (SELECT l.finished_at AS at, l.verdict,
                              l.verdict OPERATOR(pg_catalog.=) ANY (ARRAY['unreachable', 'incomparable']) AS failed
                         FROM spine.check_log l WHERE l.placement OPERATOR(pg_catalog.=) c.placement
                       UNION ALL
                       SELECT f.failed_at, NULL, true
                         FROM spine.check_failure f WHERE f.placement OPERATOR(pg_catalog.=) c.placement) e
                WHERE e.at OPERATOR(pg_catalog.>) (pg_catalog.now() OPERATOR(pg_catalog.-) w.length)) x;
REVOKE ALL ON spine.replica_errors FROM PUBLIC;
GRANT SELECT ON spine.replica_errors TO spine_steward, spine_auditor, spine_admin;
COMMENT ON VIEW spine.replica_errors IS
    'How many checks of each copy came to nothing within an hour, a day and a week';
COMMENT ON COLUMN spine.replica_errors.errors IS
    'Checks that failed, or whose verdict was unreachable or incomparable';

CREATE VIEW spine.replica_throughput AS
    SELECT c.placement, l.finished_at AS last_checked,
           pg_catalog.round((l.rows_sot OPERATOR(pg_catalog./) l.seconds)::numeric) AS rows_per_second,
           d.rows_checked AS rows_checked_day, d.wire_bytes AS wire_bytes_day,
           s.sampled_at AS last_sampled,
           pg_catalog.round(((s.transactions OPERATOR(pg_catalog.-) s.transactions_before) OPERATOR(pg_catalog./) s.seconds)::numeric, 2)
               AS transactions_per_second,
           pg_catalog.round(((s.bytes OPERATOR(pg_catalog.-) s.bytes_before) OPERATOR(pg_catalog./) s.seconds)::numeric)
               AS bytes_per_second
      FROM (SELECT t.placement FROM spine.topology t WHERE t.placement IS NOT NULL) c
      LEFT JOIN LATERAL (
               SELECT x.finished_at, x.rows_sot,
                      greatest(pg_catalog.date_part('epoch', x.finished_at OPERATOR(pg_catalog.-) x.started_at),
                               0.001) AS seconds
                 FROM spine.check_log x WHERE x.placement OPERATOR(pg_catalog.=) c.placement AND x.complete
                ORDER BY x.run_id DESC LIMIT 1) l ON true
     CROSS JOIN LATERAL (
               SELECT pg_catalog.sum(x.rows_sot) AS rows_checked,
                      pg_catalog.sum(x.wire_bytes) AS wire_bytes
                 FROM spine.check_log x
                WHERE x.placement OPERATOR(pg_catalog.=) c.placement
                  AND x.finished_at OPERATOR(pg_catalog.>) (pg_catalog.now() OPERATOR(pg_catalog.-) '1 day'::interval)) d
      LEFT JOIN LATERAL (
               SELECT x.sampled_at, x.transactions, x.bytes,
                      pg_catalog.lead(x.transactions) OVER w AS transactions_before,
                      pg_catalog.lead(x.bytes) OVER w AS bytes_before,
                      greatest(pg_catalog.date_part('epoch', x.sampled_at
                          OPERATOR(pg_catalog.-) pg_catalog.lead(x.sampled_at) OVER w), 0.001) AS seconds
                 FROM spine.replica_sample x WHERE x.placement OPERATOR(pg_catalog.=) c.placement
               WINDOW w AS (ORDER BY x.sampled_at DESC)
                ORDER BY x.sampled_at DESC LIMIT 1) s ON true;
REVOKE ALL ON spine.replica_throughput FROM PUBLIC;
GRANT SELECT ON spine.replica_throughput TO spine_steward, spine_auditor, spine_admin;
COMMENT ON VIEW spine.replica_throughput IS
    'How fast each copy is checked, and how fast changes flow to it where its flow can tell';
COMMENT ON COLUMN spine.replica_throughput.rows_per_second IS
    'Rows of the source by the time that the last complete check took';
COMMENT ON COLUMN spine.replica_throughput.transactions_per_second IS
    'Between the last two samples of its replication slots; bytes_per_second likewise';

CREATE FUNCTION spine.request_check(placement text, mode text DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'spine_request_check';
COMMENT ON FUNCTION spine.request_check(text, text) IS
    'Ask for a check of a copy by the job check_replicas, at once after commit';

CREATE FUNCTION spine.explain_drift(id bigint, root_cause text)
RETURNS boolean LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'spine_explain_drift';
COMMENT ON FUNCTION spine.explain_drift(bigint, text) IS
    'Say why a row of a copy differed; false if that is what stands there already';
