-- consistency: whether copies are equal to their source of truth.

-- History: every comparison.
CREATE TABLE spine.check_log (
    run_id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    placement      text        NOT NULL,
    mode           text        NOT NULL,
    started_at     timestamptz NOT NULL,
    finished_at    timestamptz,
    as_of_lsn      pg_lsn      NOT NULL,
    verdict        text,
    why            text,
    rows_sot       bigint,
    rows_replica   bigint,
    drifted        bigint,
    digest_sot     text,
    digest_replica text,
    complete       boolean     NOT NULL DEFAULT false,
    method         text,
    lag            interval,
    wire_bytes     bigint
);
CREATE INDEX check_log_placement_idx ON spine.check_log (placement, run_id);
SELECT pg_catalog.pg_extension_config_dump('spine.check_log', '');
SELECT pg_catalog.pg_extension_config_dump('spine.check_log_run_id_seq', '');
REVOKE ALL ON spine.check_log FROM PUBLIC;
GRANT SELECT ON spine.check_log TO spine_steward, spine_auditor, spine_admin;
COMMENT ON TABLE spine.check_log IS
    'Every comparison of a copy with its source of truth, and what came out';
COMMENT ON SEQUENCE spine.check_log_run_id_seq IS 'Numbers of checks';
COMMENT ON COLUMN spine.check_log.why IS
    'Why the sides cannot be compared, or a server not be reached';
COMMENT ON COLUMN spine.check_log.complete IS
    'Did it look at every row? Only such a run proves that the sides are equal';
COMMENT ON COLUMN spine.check_log.as_of_lsn IS
    'Position in the WAL of the source before it was read';
COMMENT ON COLUMN spine.check_log.method IS
    'How each side was read, and how rows that differ were found';
COMMENT ON COLUMN spine.check_log.lag IS
    'How far behind the copy was, at most; NULL where it does not tell';
COMMENT ON COLUMN spine.check_log.wire_bytes IS
    'Bytes of queries and answers between this server and others';

-- History: rows that differ, or did.
CREATE TABLE spine.drift_log (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    placement    text        NOT NULL,
    key          jsonb       NOT NULL,
    kind         text        NOT NULL,
    columns      jsonb,
    first_run    bigint      NOT NULL,
    last_run     bigint      NOT NULL,
    first_seen   timestamptz NOT NULL,
    last_seen    timestamptz NOT NULL,
    identity     text,
    confirmed_at timestamptz,
    closed_at    timestamptz,
    closed_run   bigint,
    root_cause   text
);
CREATE INDEX drift_log_open_idx ON spine.drift_log (placement) WHERE closed_at IS NULL;
SELECT pg_catalog.pg_extension_config_dump('spine.drift_log', '');
SELECT pg_catalog.pg_extension_config_dump('spine.drift_log_id_seq', '');
REVOKE ALL ON spine.drift_log FROM PUBLIC;
GRANT SELECT ON spine.drift_log TO spine_steward, spine_auditor, spine_admin;
COMMENT ON TABLE spine.drift_log IS
    'Rows in which a copy differs from its source of truth, or did until a check proved them equal';
COMMENT ON SEQUENCE spine.drift_log_id_seq IS 'Numbers of differing rows';
COMMENT ON COLUMN spine.drift_log.key IS
    'Key columns of the row in the copy; all columns where it has no key';
COMMENT ON COLUMN spine.drift_log.kind IS
    'missing from the copy, extra in it, changed, or stale: equal to what the source had before';
COMMENT ON COLUMN spine.drift_log.identity IS
    'Digest of which version of the row differs: the source''s, of an extra row the copy''s';
COMMENT ON COLUMN spine.drift_log.confirmed_at IS
    'When it was clear that lag does not explain it; NULL: a suspect';
COMMENT ON COLUMN spine.drift_log.root_cause IS
    'Why it happened, as a person or a rule says';

CREATE FUNCTION spine.check_replica(placement text, mode text DEFAULT 'digest',
        OUT run_id bigint, OUT verdict text, OUT rows_sot bigint, OUT rows_replica bigint,
        OUT drifted bigint, OUT lag interval, OUT method text, OUT as_of_lsn pg_lsn)
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'spine_check_replica';
COMMENT ON FUNCTION spine.check_replica(text, text) IS
    'Compare a copy, here or on another server, with its source of truth (count, sample, digest, rows); reads both sides as the caller';

CREATE FUNCTION spine.canonical_version() RETURNS int
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_canonical_version';
COMMENT ON FUNCTION spine.canonical_version() IS
    'Version of canonical bytes (docs/canonical.md); digests of two versions cannot be compared';

CREATE VIEW spine.drift AS
    SELECT d.id, d.placement, d.key, d.kind, d.columns, d.first_seen, d.last_seen,
           d.confirmed_at, d.first_run, d.last_run, d.root_cause
      FROM spine.drift_log d
     WHERE d.closed_at IS NULL;
REVOKE ALL ON spine.drift FROM PUBLIC;
GRANT SELECT ON spine.drift TO spine_steward, spine_auditor, spine_admin;
COMMENT ON VIEW spine.drift IS
    'Rows in which a copy differs: confirmed as drift, or still suspects that lag may explain';
