-- worker: what was noted of each job's last run, and running them by hand.

-- State of this database, not of its document: no dump carries it, and in a
-- copy every job is due.
CREATE TABLE spine.job_run (
    job               text        NOT NULL PRIMARY KEY,
    started_at        timestamptz NOT NULL,
    finished_at       timestamptz NOT NULL,
    ok                boolean     NOT NULL,
    runs              bigint      NOT NULL,
    failures          bigint      NOT NULL,
    failures_in_a_row integer     NOT NULL,
    last_sqlstate     text,
    last_error        text,
    last_failed_at    timestamptz,
    next_due          timestamptz NOT NULL,
    run_by            text        NOT NULL
) WITH (fillfactor = 50);
REVOKE ALL ON spine.job_run FROM PUBLIC;
GRANT SELECT ON spine.job_run TO spine_steward, spine_auditor, spine_admin;
COMMENT ON TABLE spine.job_run IS
    'The last run of each job in this database; the view spine.job has more';

CREATE FUNCTION spine.jobs()
RETURNS TABLE (name text, description text, every interval, preload_only boolean,
               runs_by text)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'spine_jobs';
COMMENT ON FUNCTION spine.jobs() IS
    'The jobs that there are, and who runs each here: steward, run_jobs or nobody';
REVOKE ALL ON FUNCTION spine.jobs() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION spine.jobs() TO spine_steward, spine_auditor, spine_admin;

CREATE VIEW spine.job AS
    SELECT j.name, j.description, j.every, j.preload_only, j.runs_by,
           r.started_at AS last_started, r.finished_at AS last_finished,
           r.ok, r.runs, r.failures, r.failures_in_a_row,
           r.last_sqlstate, r.last_error, r.last_failed_at, r.next_due
      FROM spine.jobs() j
      LEFT JOIN spine.job_run r ON r.job OPERATOR(pg_catalog.=) j.name;
REVOKE ALL ON spine.job FROM PUBLIC;
GRANT SELECT ON spine.job TO spine_steward, spine_auditor, spine_admin;
COMMENT ON VIEW spine.job IS
    'Each job: what it does, how often, how its last run went, when the next one is due';

CREATE PROCEDURE spine.run_jobs(job text DEFAULT NULL)
LANGUAGE c AS 'MODULE_PATHNAME', 'spine_run_jobs';
COMMENT ON PROCEDURE spine.run_jobs(text) IS
    'Run a job, or all, now and here, each in transactions of its own';
REVOKE ALL ON PROCEDURE spine.run_jobs(text) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE spine.run_jobs(text) TO spine_admin;

CREATE FUNCTION spine.request_jobs() RETURNS boolean
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'spine_request_jobs';
COMMENT ON FUNCTION spine.request_jobs() IS
    'Ask for a steward to run the jobs that are due here, once this transaction is committed; false if there are no workers';
REVOKE ALL ON FUNCTION spine.request_jobs() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION spine.request_jobs() TO spine_admin;

-- So that a new database of spine's is known at once.
SELECT spine.request_jobs();
