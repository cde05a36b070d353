-- Jobs without workers: CALL spine.run_jobs() runs them, each by itself, and
-- spine.job says how it went.  The library is not preloaded here.

CREATE ROLE regress_admin IN ROLE spine_admin;
CREATE ROLE regress_nobody;

-- Who may: spine_admin.
SET ROLE regress_nobody;
CALL spine.run_jobs(); -- fails
SELECT name FROM spine.job; -- fails
SELECT spine.request_jobs(); -- fails
SET ROLE regress_admin;
CALL spine.run_jobs();
SELECT name, every, preload_only, runs_by, ok, failures, last_sqlstate
  FROM spine.job
 WHERE name IN ('alerts', 'announce_alerts', 'attachments', 'invariants', 'signals')
 ORDER BY name;
SELECT bool_and(ok AND next_due >= last_finished AND last_finished >= last_started)
  FROM spine.job WHERE runs_by = 'run_jobs';
SELECT spine.request_jobs() AS there_are_workers;

-- Each job has a transaction of its own, so there is no place for another.
BEGIN;
CALL spine.run_jobs(); -- fails
ROLLBACK;
RESET ROLE;
CREATE PROCEDURE public.all_of_it() LANGUAGE plpgsql AS
    $$BEGIN CALL spine.run_jobs('alerts'); END$$;
CALL public.all_of_it();
ALTER PROCEDURE public.all_of_it() SECURITY DEFINER;
CALL public.all_of_it(); -- fails
SET ROLE regress_admin;
SET default_transaction_read_only = on;
CALL spine.run_jobs(); -- fails
RESET default_transaction_read_only;
RESET ROLE;
\set VERBOSITY terse
CALL spine.run_jobs('dust'); -- fails
\set VERBOSITY default

-- One that fails stops no other, is noted and reported.
ALTER TABLE spine.outbox_progress RENAME TO hidden;
SELECT now() AS begun \gset
CALL spine.run_jobs(); -- fails
SELECT name, ok, failures_in_a_row, last_sqlstate, last_error
  FROM spine.job WHERE NOT ok;
SELECT count(*) > 3 AS others_ran FROM spine.job WHERE ok AND last_started > :'begun';
SELECT ok, detail, hint FROM spine.health() WHERE check_name = 'jobs';

-- The pauses grow with the failures, up to an hour; the third is an alert.
CALL spine.run_jobs('signals'); -- fails
CALL spine.run_jobs('signals'); -- fails
SELECT failures_in_a_row, extract(epoch FROM next_due - last_finished)::int AS pause
  FROM spine.job WHERE name = 'signals';
UPDATE spine.job_run SET failures_in_a_row = 30 WHERE job = 'signals';
CALL spine.run_jobs('signals'); -- fails
SELECT failures_in_a_row, extract(epoch FROM next_due - last_finished)::int AS pause
  FROM spine.job WHERE name = 'signals';
CALL spine.run_jobs('announce_alerts');
SELECT kind, rule, severity, assigned_to, detail FROM spine.open_alerts;

-- It works again.
ALTER TABLE spine.hidden RENAME TO outbox_progress;
CALL spine.run_jobs();
SELECT ok, failures_in_a_row, failures, last_sqlstate FROM spine.job WHERE name = 'signals';
SELECT ok FROM spine.health() WHERE check_name = 'jobs';
SELECT count(*) FROM spine.open_alerts;

-- What is noted of an error holds no value of a row: here the message would.
CREATE TYPE mood AS ENUM ('calm');
CREATE TABLE public.secret (id mood PRIMARY KEY, state text NOT NULL, since timestamptz NOT NULL DEFAULT now());
INSERT INTO public.secret VALUES ('calm', 'new', '2001-01-01');
CREATE FUNCTION public.tell(mood) RETURNS json LANGUAGE plpgsql AS
    $$BEGIN RAISE 'the secret of % is 42', $1; END$$;
CREATE CAST (mood AS json) WITH FUNCTION public.tell(mood);
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1",
  "stores": {"main": {"kind": "postgres"}},
  "parties": {"nobody": {"kind": "service", "role": "regress_nobody"}},
  "contexts": {"c": {"owner": "nobody", "datasets": {"d": {"relation": "public.secret",
    "sot": {"store": "main"}, "lifecycle": {"governing": "state", "entered_at": "since",
      "states": {"new": {"initial": true, "owner": "nobody"}},
      "alerts": {"old": {"state": "new", "longer_than": "P1D"}}}}}}}}');
CALL spine.run_jobs('alerts');
SELECT kind, dataset, rule, assigned_to, detail FROM spine.open_alerts;
DROP CAST (mood AS json);
CALL spine.run_jobs('alerts');
SELECT kind, dataset, rule, key, assigned_to FROM spine.open_alerts;

-- Without preload, health says what is left to do.
SELECT ok, detail LIKE 'no background worker; by CALL spine.run_jobs(): %signals%', hint
  FROM spine.health() WHERE check_name = 'workers';
