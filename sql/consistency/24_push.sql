-- consistency: digests that other stores computed and pushed.

-- History: what was pushed.  Only the last few pushes of a copy keep their buckets.
CREATE TABLE spine.push_log (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    placement  text        NOT NULL,
    pushed_by  text        NOT NULL,
    as_of      timestamptz NOT NULL,
    judged_at  timestamptz NOT NULL,
    buckets    int         NOT NULL,
    columns    text[]      NOT NULL,
    row_counts bigint[],
    digests    text[],
    equal      boolean     NOT NULL
);
CREATE INDEX push_log_placement_idx ON spine.push_log (placement, id);
SELECT pg_catalog.pg_extension_config_dump('spine.push_log', '');
SELECT pg_catalog.pg_extension_config_dump('spine.push_log_id_seq', '');
REVOKE ALL ON spine.push_log FROM PUBLIC;
GRANT SELECT ON spine.push_log TO spine_steward, spine_auditor, spine_admin;
COMMENT ON TABLE spine.push_log IS 'Digests of copies in other stores, as they were pushed';
COMMENT ON SEQUENCE spine.push_log_id_seq IS 'Numbers of pushes';
COMMENT ON COLUMN spine.push_log.as_of IS
    'When reading of the copy began, as who pushed says; what is known of the copy is not newer';
COMMENT ON COLUMN spine.push_log.judged_at IS 'When it was first compared with the source';
COMMENT ON COLUMN spine.push_log.row_counts IS
    'Rows of each bucket, the first one first; NULL where newer pushes replaced it';

-- State: since when each bucket of a source is as it is now, as far as was seen.
-- A dump carries what snapshots were when they were first pushed, and no more.
CREATE TABLE spine.push_source (
    placement text        NOT NULL,
    buckets   int         NOT NULL,
    bucket    int         NOT NULL,
    rows      bigint      NOT NULL,
    digest    text        NOT NULL,
    versions  text        NOT NULL,
    since     timestamptz NOT NULL,
    PRIMARY KEY (placement, buckets, bucket)
);
SELECT pg_catalog.pg_extension_config_dump('spine.push_source', 'WHERE versions OPERATOR(pg_catalog.=) ''''');
REVOKE ALL ON spine.push_source FROM PUBLIC;
GRANT SELECT ON spine.push_source TO spine_steward, spine_auditor, spine_admin;
COMMENT ON TABLE spine.push_source IS
    'Buckets of the sources of copies whose digests are pushed, as they were last seen; of a snapshot, its own as first pushed';
COMMENT ON COLUMN spine.push_source.versions IS
    'Digest of the versions of its rows: the same as long as none was written';
COMMENT ON COLUMN spine.push_source.since IS
    'Since when it has been seen so: whoever read the source later read these rows';

CREATE FUNCTION spine.push_digest(placement text, buckets jsonb, as_of timestamptz,
        OUT run_id bigint, OUT verdict text, OUT rows_sot bigint, OUT rows_replica bigint,
        OUT drifted bigint, OUT lag interval, OUT method text, OUT as_of_lsn pg_lsn)
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'spine_push_digest';
COMMENT ON FUNCTION spine.push_digest(text, jsonb, timestamptz) IS
    'Compare a copy in another store, by digests of its buckets that were computed there, with its source of truth; reads the source as the caller';
