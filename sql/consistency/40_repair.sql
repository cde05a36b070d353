-- consistency: repairs of copies, and the rows as they were before.

-- History: every run, also those that only proposed.
CREATE TABLE spine.repair_run (
    run_id        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token         uuid        NOT NULL,
    placement     text        NOT NULL,
    relation      text        NOT NULL,
    key           text[]      NOT NULL,
    columns       text[]      NOT NULL,
    server        text,
    dry_run       boolean     NOT NULL,
    by_policy     boolean     NOT NULL,
    undo_of       bigint,
    started_at    timestamptz NOT NULL,
    finished_at   timestamptz,
    actor         text        NOT NULL,
    session_actor text        NOT NULL,
    proposed      int,
    repaired      int,
    skipped       int,
    failed        int,
    outcome       text,
    check_run     bigint,
    undone_run    bigint
);
CREATE INDEX repair_run_placement_idx ON spine.repair_run (placement, run_id);
CREATE INDEX repair_run_token_idx ON spine.repair_run (token);
SELECT pg_catalog.pg_extension_config_dump('spine.repair_run', '');
SELECT pg_catalog.pg_extension_config_dump('spine.repair_run_run_id_seq', '');
REVOKE ALL ON spine.repair_run FROM PUBLIC;
GRANT SELECT ON spine.repair_run TO spine_steward, spine_auditor, spine_admin;
COMMENT ON TABLE spine.repair_run IS
    'Every repair of a copy: who, when, and what came out';
COMMENT ON SEQUENCE spine.repair_run_run_id_seq IS 'Numbers of repairs';
COMMENT ON COLUMN spine.repair_run.token IS
    'The same in the journals of both nodes, where the copy is on another one';
COMMENT ON COLUMN spine.repair_run.relation IS 'The copy, as SQL spelled it then';
COMMENT ON COLUMN spine.repair_run.key IS 'Columns that told its rows apart';
COMMENT ON COLUMN spine.repair_run.columns IS 'Columns that were compared, in the digest''s order';
COMMENT ON COLUMN spine.repair_run.server IS 'Foreign server of the copy''s node; NULL: this one';
COMMENT ON COLUMN spine.repair_run.by_policy IS 'On behalf of the document rather than of a person';
COMMENT ON COLUMN spine.repair_run.undo_of IS 'Repair that this one takes back';
COMMENT ON COLUMN spine.repair_run.check_run IS 'Check of the copy that followed';
COMMENT ON COLUMN spine.repair_run.undone_run IS 'Run that took rows of it back';

-- History: what was done to each row.  It holds whole rows, so those who may
-- read runs may not read this.
CREATE TABLE spine.repair_row (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id     bigint NOT NULL,
    n          int    NOT NULL,
    action     text   NOT NULL,
    key        jsonb,
    columns    text[],
    outcome    text   NOT NULL,
    wanted     text,
    seen       text,
    old_row    jsonb,
    new_row    jsonb,
    undone_run bigint
);
CREATE INDEX repair_row_run_idx ON spine.repair_row (run_id, n);
SELECT pg_catalog.pg_extension_config_dump('spine.repair_row', '');
SELECT pg_catalog.pg_extension_config_dump('spine.repair_row_id_seq', '');
REVOKE ALL ON spine.repair_row FROM PUBLIC;
GRANT SELECT ON spine.repair_row TO spine_admin;
COMMENT ON TABLE spine.repair_row IS
    'What repairs did to each row of a copy, with the row before and after: what an undo goes by';
COMMENT ON SEQUENCE spine.repair_row_id_seq IS 'Numbers of repaired rows';
COMMENT ON COLUMN spine.repair_row.n IS 'Order within the run';
COMMENT ON COLUMN spine.repair_row.seen IS 'Digest of the row before; NULL: an insert';
COMMENT ON COLUMN spine.repair_row.wanted IS 'Digest of the row after; NULL: a delete';
COMMENT ON COLUMN spine.repair_row.old_row IS 'All columns before, as texts';
COMMENT ON COLUMN spine.repair_row.new_row IS 'All columns after, as texts';
COMMENT ON COLUMN spine.repair_row.undone_run IS 'Run that took it back';

CREATE FUNCTION spine.repair_replica(placement text, dry_run boolean DEFAULT true,
        max_rows int DEFAULT NULL)
    RETURNS TABLE (run_id bigint, action text, key jsonb, columns text[], outcome text, statement text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'spine_repair_replica';
COMMENT ON FUNCTION spine.repair_replica(text, boolean, int) IS
    'Make confirmed drift of a copy equal to its source of truth; a dry run only says by which statements';

CREATE FUNCTION spine.repair_order(placements text[])
    RETURNS TABLE (placement text, depth int)
    LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'spine_repair_order';
COMMENT ON FUNCTION spine.repair_order(text[]) IS
    'Copies in the order of their foreign keys: upsert in this order, delete in the reverse one';

CREATE FUNCTION spine.undo_repair(run_id bigint)
    RETURNS TABLE (undo_run bigint, action text, key jsonb, outcome text)
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'spine_undo_repair';
COMMENT ON FUNCTION spine.undo_repair(bigint) IS
    'Take a repair back: rows that still are what it made of them become what they were';

CREATE FUNCTION spine.undo_repair(token uuid)
    RETURNS TABLE (undo_run bigint, action text, key jsonb, outcome text)
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'spine_undo_repair_of';
COMMENT ON FUNCTION spine.undo_repair(uuid) IS
    'The same by the repair''s token, which is the same on both nodes';

CREATE FUNCTION spine.apply_repair(token uuid, placement text, relation text, key text[], columns text[],
        operations jsonb, dry_run boolean DEFAULT true, triggers boolean DEFAULT true)
    RETURNS TABLE (run_id bigint, n int, "position" int, outcome text, statement text)
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'spine_apply_repair';
COMMENT ON FUNCTION spine.apply_repair(uuid, text, text, text[], text[], jsonb, boolean, boolean) IS
    'What spine.repair_replica of another node calls on the one that has the copy: write its rows, each guarded by what it was seen to be';

CREATE FUNCTION spine.repair_rows(run_id bigint)
    RETURNS TABLE (n int, action text, key jsonb, columns text[], outcome text,
                   old_row jsonb, new_row jsonb, undone_run bigint)
    LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'spine_repair_rows';
COMMENT ON FUNCTION spine.repair_rows(bigint) IS
    'Rows of a repair with their values before and after; for the copy''s owner and spine_admin';

CREATE FUNCTION spine.forget_repairs(before timestamptz) RETURNS bigint
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'spine_forget_repairs';
COMMENT ON FUNCTION spine.forget_repairs(timestamptz) IS
    'Forget the rows, with their values, of repairs that began before then, so that those cannot be undone any more; returns their number';
REVOKE EXECUTE ON FUNCTION spine.forget_repairs(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION spine.forget_repairs(timestamptz) TO spine_admin;

CREATE VIEW spine.repair_log AS
    SELECT r.run_id, r.placement, r.server, r.started_at, r.finished_at, r.actor, r.session_actor,
           r.dry_run, r.by_policy, r.proposed, r.repaired, r.skipped, r.failed, r.outcome,
           r.check_run, c.verdict, r.undo_of, r.undone_run, r.token
      FROM spine.repair_run r
      LEFT JOIN spine.check_log c ON c.run_id OPERATOR(pg_catalog.=) r.check_run;
REVOKE ALL ON spine.repair_log FROM PUBLIC;
GRANT SELECT ON spine.repair_log TO spine_steward, spine_auditor, spine_admin;
COMMENT ON VIEW spine.repair_log IS
    'Every repair of a copy: who, when, how many rows, what the check afterwards said, whether it was taken back';
