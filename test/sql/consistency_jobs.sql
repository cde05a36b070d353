-- Copies that are checked by themselves: what is due and why, what counts as
-- unproven, who is told.
-- Not about the migration gate.
SELECT spine.set_level('', 'NONE') \gset
SET client_min_messages = warning;
CREATE ROLE regress_owner;
CREATE ROLE regress_keeper;
CREATE ROLE regress_stranger;
CREATE ROLE regress_steward IN ROLE spine_steward;
GRANT CREATE ON DATABASE :"DBNAME" TO regress_owner;
CREATE SCHEMA shop AUTHORIZATION regress_owner;
CREATE SCHEMA mart AUTHORIZATION regress_keeper;
GRANT USAGE ON SCHEMA shop, mart TO PUBLIC;
SET ROLE regress_owner;
CREATE TYPE shop.grade AS ENUM ('good', 'bad');
CREATE TABLE shop.item (id int PRIMARY KEY, name text, price numeric(10,2), grade shop.grade DEFAULT 'good', note text);
GRANT SELECT ON shop.item TO regress_keeper;
INSERT INTO shop.item SELECT i, 'item ' || i, i / 4.0 FROM generate_series(1, 100) i;
SET ROLE regress_keeper;
CREATE TABLE mart.item (id int PRIMARY KEY, name text, price numeric(10,2), grade shop.grade, note text);
CREATE TABLE mart.label (id bigint PRIMARY KEY, label text);
CREATE TABLE mart.counted (id int PRIMARY KEY, name text);
CREATE TABLE mart.slow (id int PRIMARY KEY, name text);
CREATE TABLE mart.byhand (id int PRIMARY KEY, name text);
CREATE TABLE mart.kept (id int PRIMARY KEY, name text);
INSERT INTO mart.item SELECT * FROM shop.item;
INSERT INTO mart.label SELECT id, upper(name) FROM shop.item;
INSERT INTO mart.counted SELECT id, name FROM shop.item;
INSERT INTO mart.slow SELECT id, name FROM shop.item;
INSERT INTO mart.byhand SELECT id, name FROM shop.item;
INSERT INTO mart.kept SELECT id, name FROM shop.item;
RESET ROLE;
SELECT $${"kind": "DataSpine", "apiVersion": "spine/v1",
  "stores": {"main": {"kind": "postgres"}, "away": {"kind": "kafka"}},
  "parties": {"owner": {"kind": "team", "role": "regress_owner"}, "keeper": {"kind": "team", "role": "regress_keeper"}},
  "contexts": {"shop": {"owner": "owner", "datasets": {"items": {"relation": "shop.item", "sot": {"store": "main"},
    "enforcement": "observe",
    "replicas": {
      "whole": {"store": "main", "locator": "mart.item", "owner": "keeper", "flow": "etl", "runbook": "https://wiki/whole",
                "validate": {"mode": "digest", "every": "P1D"}},
      "label": {"store": "main", "locator": "mart.label", "owner": "keeper", "flow": "etl",
                "columns": {"id": "id", "label": "upper(name)"}, "validate": {"mode": "digest"}},
      "counted": {"store": "main", "locator": "mart.counted", "owner": "keeper", "flow": "etl",
                "columns": {"id": "id", "name": "name"}, "validate": {"mode": "count", "every": "PT1H", "after_change": false}},
      "slow": {"store": "main", "locator": "mart.slow", "owner": "keeper", "flow": "etl", "max_lag": "PT1H",
                "columns": {"id": "id", "name": "name"}, "validate": {"mode": "digest", "every": "P1D"}},
      "byhand": {"store": "main", "locator": "mart.byhand", "flow": "manual", "columns": {"id": "id", "name": "name"}},
      "bus": {"store": "away", "locator": "topic", "validate": {"mode": "digest", "every": "PT1H"}}},
    "snapshots": {"kept": {"store": "main", "locator": "mart.kept", "owner": "keeper", "flow": "manual",
                "validate": {"mode": "digest", "every": "P1D"}}}}}}}}$$ AS doc \gset
SELECT spine.apply(:'doc') > 0 AS applied;

-- What is due before anything ran.
SELECT placement, automatic, mode, next_mode, reason, due <= now() AS due_now, unproven FROM spine.check_plan ORDER BY 1;
SELECT placement, verdict, last_run, unproven, slo_met FROM spine.consistency ORDER BY 1;

-- The job checks each once; a count proves nothing.
CALL spine.run_jobs('check_replicas');
CALL spine.run_jobs('watch_replicas');
SELECT placement, mode, verdict, complete FROM spine.check_log ORDER BY placement;
SELECT placement, verdict, unproven, slo_met, next_reason, next_due > now() AS later FROM spine.consistency ORDER BY 1;
SELECT topic, dataset, payload ->> 'placement' AS placement, payload ->> 'cause' AS cause, payload ->> 'mode' AS mode, payload ->> 'rows' AS rows
  FROM spine.outbox WHERE topic IN ('ConsistencyValidated', 'SyncUpdated') ORDER BY topic, 3;
CALL spine.run_jobs('check_replicas');
CALL spine.run_jobs('watch_replicas');
SELECT count(*) AS checks FROM spine.check_log;

-- Due by the clock; a proof that is no news is not told of again.
UPDATE spine.check_state SET last_started = now() - interval '25 h' WHERE placement = 'shop.items.whole';
SELECT placement, reason FROM spine.check_plan WHERE due <= now();
CALL spine.run_jobs('check_replicas');
SELECT count(*) AS proofs FROM spine.check_log WHERE placement = 'shop.items.whole' AND verdict = 'equal';
SELECT count(*) AS told FROM spine.outbox WHERE topic = 'ConsistencyValidated' AND payload ->> 'placement' = 'shop.items.whole';
UPDATE spine.check_state SET last_started = now() - interval '25 h', announced_at = now() - interval '2 h' WHERE placement = 'shop.items.whole';
CALL spine.run_jobs('check_replicas');
SELECT count(*) AS told FROM spine.outbox WHERE topic = 'ConsistencyValidated' AND payload ->> 'placement' = 'shop.items.whole';

-- A schema change of the source: what it touches is unproven until it passes.
SET ROLE regress_owner;
ALTER TABLE shop.item ALTER COLUMN name TYPE varchar(100);
RESET ROLE;
SELECT placement, verdict, unproven, slo_met, next_reason FROM spine.consistency ORDER BY 1;
CALL spine.run_jobs('check_replicas');
SELECT placement, verdict, unproven FROM spine.consistency WHERE placement ~ 'whole|label|slow' ORDER BY 1;
SELECT payload ->> 'placement' AS placement, payload ->> 'cause' AS cause FROM spine.outbox
 WHERE topic = 'SyncUpdated' AND payload ->> 'cause' <> 'added' ORDER BY 1;
-- Of a column that no expression names, only the whole copy takes notice.
SET ROLE regress_owner;
ALTER TABLE shop.item ALTER COLUMN note TYPE varchar;
RESET ROLE;
SELECT placement, next_reason FROM spine.consistency WHERE next_due <= now() ORDER BY 1;
CALL spine.run_jobs('check_replicas');
-- So does a label of an enum, a column more in the copy, a filter, the key.
SET ROLE regress_owner;
ALTER TYPE shop.grade RENAME VALUE 'bad' TO 'worse';
RESET ROLE;
SELECT placement, next_reason FROM spine.consistency WHERE next_due <= now() ORDER BY 1;
CALL spine.run_jobs('check_replicas');
SET ROLE regress_keeper;
ALTER TABLE mart.label ADD COLUMN loaded timestamptz;
RESET ROLE;
SELECT count(*) AS due FROM spine.consistency WHERE next_due <= now();
SET ROLE regress_keeper;
ALTER TABLE mart.label ALTER COLUMN id TYPE int;
RESET ROLE;
SELECT placement, next_reason FROM spine.consistency WHERE next_due <= now() ORDER BY 1;
CALL spine.run_jobs('check_replicas');
SELECT spine.apply(replace(:'doc', 'upper(name)', 'lower(name)')::jsonb) > 0 AS applied;
SELECT placement, verdict, unproven, next_reason FROM spine.consistency WHERE next_due <= now();
CALL spine.run_jobs('check_replicas');
CALL spine.run_jobs('watch_replicas');
SELECT placement, verdict, unproven, next_due > now() AS later FROM spine.consistency WHERE placement = 'shop.items.label';
SELECT payload ->> 'placement' AS placement, payload ->> 'cause' AS cause FROM spine.outbox
 WHERE topic = 'SyncUpdated' AND payload ->> 'cause' = 'changed' ORDER BY 1;
-- Words for people change nothing.
SELECT spine.apply(replace(replace(:'doc', 'upper(name)', 'lower(name)'), 'wiki/whole', 'wiki/w')::jsonb) > 0 AS applied;
SELECT count(*) AS due FROM spine.consistency WHERE next_due <= now();

-- Drift raises an alert for the copy's owner and the dataset's.
SELECT kind, dataset, rule, severity, assigned_to, detail - 'run_id' AS detail FROM spine.open_alerts ORDER BY kind, rule;
SELECT spine.apply(:'doc') > 0 AS applied;
CALL spine.run_jobs('check_replicas');
CALL spine.run_jobs('watch_replicas');
SELECT kind, rule, resolved_at IS NOT NULL AS resolved FROM spine.alert ORDER BY kind, rule;
SET ROLE regress_keeper;
UPDATE mart.item SET name = 'touched' WHERE id = 7;
SET ROLE regress_stranger;
SELECT spine.request_check('shop.items.whole'); -- fails
SET ROLE regress_keeper;
SELECT spine.request_check('shop.items.whole', 'all'); -- fails
SELECT spine.request_check('shop.items.none'); -- fails
SELECT spine.request_check('shop.items.whole', 'rows');
RESET ROLE;
SELECT placement, mode, requested_by FROM spine.check_request;
SELECT placement, next_mode, reason FROM spine.check_plan WHERE due <= now();
CALL spine.run_jobs('check_replicas');
CALL spine.run_jobs('watch_replicas');
SELECT count(*) AS waiting FROM spine.check_request;
SELECT placement, mode, verdict FROM spine.check_log ORDER BY run_id DESC LIMIT 1;
SET ROLE regress_keeper;
SELECT kind, dataset, rule, severity, assigned_to, runbook, detail - 'run_id' AS detail FROM spine.open_alerts;
-- It is explained.
RESET ROLE;
SELECT id AS drift FROM spine.drift \gset
SET ROLE regress_stranger;
SELECT spine.explain_drift(:drift, 'nothing'); -- fails
SET ROLE regress_keeper;
SELECT spine.explain_drift(:drift, ''); -- fails
SELECT spine.explain_drift(:drift, NULL); -- fails
SELECT spine.explain_drift(-1, 'x'); -- fails
SELECT spine.explain_drift(:drift, 'a person wrote to the mart');
SELECT spine.explain_drift(:drift, 'a person wrote to the mart');
SET ROLE regress_steward;
SELECT spine.explain_drift(:drift, 'a trigger wrote to the mart');
RESET ROLE;
SELECT root_cause FROM spine.drift;
SELECT dataset, action, key, old, new, actor, via, detail - 'drift' AS detail FROM spine.audit_log WHERE via = 'explain_drift' ORDER BY at, n;
-- Mended and proved, it is over; after drift a proof is news.
SET ROLE regress_keeper;
UPDATE mart.item SET name = 'item 7' WHERE id = 7;
SELECT spine.request_check('shop.items.whole');
RESET ROLE;
SELECT count(*) AS told FROM spine.outbox WHERE topic = 'ConsistencyValidated' AND payload ->> 'placement' = 'shop.items.whole' \gset before_
CALL spine.run_jobs('check_replicas');
CALL spine.run_jobs('watch_replicas');
SELECT kind, rule, resolved_at IS NOT NULL AS resolved FROM spine.alert WHERE rule = 'shop.items.whole';
SELECT count(*) - :before_told AS told_again FROM spine.outbox WHERE topic = 'ConsistencyValidated' AND payload ->> 'placement' = 'shop.items.whole';

-- Suspects are looked at again when lag can no longer explain them; lag that
-- stays is told of, and so is a proof that is too old.
SET ROLE regress_keeper;
UPDATE mart.slow SET name = 'old' WHERE id = 3;
SELECT spine.request_check('shop.items.slow');
RESET ROLE;
CALL spine.run_jobs('check_replicas');
SELECT verdict, suspects, next_reason, next_due > now() + interval '59 min' AS in_an_hour FROM spine.consistency WHERE placement = 'shop.items.slow';
UPDATE spine.drift_log SET first_seen = first_seen - interval '61 min' WHERE closed_at IS NULL;
CALL spine.run_jobs('watch_replicas');
SELECT over_since IS NOT NULL AS over FROM spine.check_state WHERE placement = 'shop.items.slow';
SELECT count(*) AS alerts FROM spine.open_alerts;
UPDATE spine.check_state SET over_since = over_since - interval '61 min' WHERE placement = 'shop.items.slow';
UPDATE spine.check_log SET finished_at = finished_at - interval '3 days';
CALL spine.run_jobs('watch_replicas');
SELECT kind, rule, severity, detail -> 'max_lag' AS max_lag, detail -> 'max_age' AS max_age FROM spine.open_alerts ORDER BY kind, rule;
UPDATE spine.check_state SET last_finished = last_finished - interval '61 min' WHERE placement = 'shop.items.slow';
SELECT placement, reason FROM spine.check_plan WHERE due <= now();
CALL spine.run_jobs('check_replicas');
SELECT verdict, drift_open, suspects FROM spine.consistency WHERE placement = 'shop.items.slow';
SET ROLE regress_keeper;
UPDATE mart.slow SET name = 'item 3' WHERE id = 3;
SELECT spine.request_check(p) FROM unnest(ARRAY['shop.items.slow', 'shop.items.whole', 'shop.items.kept']) p;
RESET ROLE;
CALL spine.run_jobs('check_replicas');
CALL spine.run_jobs('watch_replicas');
SELECT kind, rule FROM spine.open_alerts;

-- One bad copy stops no other, and is left alone for a while.
SET ROLE regress_owner;
REVOKE SELECT ON shop.item FROM regress_keeper;
SET ROLE regress_keeper;
REVOKE ALL ON mart.item FROM regress_keeper;
GRANT SELECT ON mart.item TO regress_stranger;
GRANT SELECT ON mart.slow, mart.label, mart.kept TO regress_owner;
SET ROLE regress_owner;
SELECT spine.request_check(p) FROM unnest(ARRAY['shop.items.slow', 'shop.items.whole', 'shop.items.label']) p;
RESET ROLE;
CALL spine.run_jobs('check_replicas');
SELECT placement, failures, last_sqlstate, last_error, next_due IS NULL OR next_due > now() AS later FROM spine.consistency WHERE failures > 0;
SELECT placement, verdict FROM spine.check_log ORDER BY run_id DESC LIMIT 2;
UPDATE spine.check_state SET failures = 3 WHERE failures > 0;
CALL spine.run_jobs('watch_replicas');
SELECT kind, rule, detail FROM spine.open_alerts;

-- Copies that the document no longer has are forgotten, their alerts resolved.
SELECT spine.apply(replace(:'doc', '"whole"', '"entire"')::jsonb) > 0 AS applied;
CALL spine.run_jobs('watch_replicas');
SELECT placement FROM spine.check_state ORDER BY 1;
SELECT count(*) AS alerts FROM spine.open_alerts;
SELECT payload ->> 'placement' AS placement, payload ->> 'cause' AS cause FROM spine.outbox
 WHERE topic = 'SyncUpdated' ORDER BY at DESC, n DESC LIMIT 2;

-- Nobody reads these but who may.
SET ROLE regress_stranger;
SELECT count(*) FROM spine.check_plan; -- fails
SELECT count(*) FROM spine.consistency; -- fails
SELECT spine.copy_shape('replicas', 'shop.item', '{}', true); -- fails
RESET ROLE;
SELECT spine.copy_shape('replicas', NULL, '[]', true), spine.copy_shape(NULL, NULL, NULL, NULL), length(spine.copy_shape('replicas', 'no.where', '{"columns": 1}', true));
SELECT spine.copy_rules(NULL, NULL, '{}'), length(spine.copy_rules('replicas', NULL, '{"a": null}'));

-- What is measured: how far behind, how often in vain, how fast.
SELECT placement, within, checks, errors, error_rate, drift FROM spine.replica_errors WHERE placement ~ 'entire|slow' ORDER BY 1, 2;
UPDATE spine.check_log SET lag = '2 h' WHERE run_id = (SELECT last_run FROM spine.check_state WHERE placement = 'shop.items.slow');
INSERT INTO spine.replica_sample VALUES
    ('shop.items.slow', now() - interval '1 min', '1 h', 100, 10, 1000, true),
    ('shop.items.slow', now() + interval '1 min', '3 h', 200, 130, 121000, true);
SELECT measured_by, lag, lag_bytes, max_lag, over FROM spine.replica_lag WHERE placement = 'shop.items.slow' AND lag > '1 min' ORDER BY measured_at DESC, lag DESC;
SELECT lag, slo_met FROM spine.consistency WHERE placement = 'shop.items.slow';
SELECT rows_per_second > 0 AS checked, rows_checked_day, transactions_per_second, bytes_per_second
  FROM spine.replica_throughput WHERE placement = 'shop.items.slow';
SELECT count(*) AS running FROM spine.progress;

-- What is kept: all of late, then a day's last proof and what is spoken of.
DELETE FROM spine.check_log;
DELETE FROM spine.drift_log;
INSERT INTO spine.check_log (placement, mode, started_at, finished_at, as_of_lsn, verdict, complete)
SELECT 'shop.items.kept', 'digest', t, t, '0/0', CASE WHEN i % 10 = 3 THEN 'drift' ELSE 'equal' END, i % 2 = 1
  FROM generate_series(0, 99) i, LATERAL (SELECT '2001-01-01'::timestamptz + i * interval '1 h' AS t) t;
INSERT INTO spine.check_log (placement, mode, started_at, finished_at, as_of_lsn, verdict, complete)
SELECT 'shop.items.kept', 'count', now(), now(), '0/0', 'equal', false FROM generate_series(1, 3);
SELECT min(run_id) AS run FROM spine.check_log WHERE verdict = 'drift' \gset
INSERT INTO spine.drift_log (placement, key, kind, first_run, last_run, first_seen, last_seen) VALUES ('shop.items.kept', '{}', 'extra', :run, :run, now(), now());
SET spine.check_keep = 'soon'; -- fails
SET spine.check_keep = '';
CALL spine.run_jobs('trim_checks');
SELECT count(*) FROM spine.check_log;
SET spine.check_keep = '3 months';
CALL spine.run_jobs('trim_checks');
SELECT finished_at::date AS day, verdict, complete, count(*) FROM spine.check_log WHERE finished_at < '2002-01-01' GROUP BY 1, 2, 3 ORDER BY 1, 2;
SELECT count(*) AS late FROM spine.check_log WHERE finished_at > '2002-01-01';

-- Sources of truth that are to be reviewed.
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "contexts": {"shop": {"owner": "owner", "datasets": {
  "tags": {"owner": "owner", "review_on": "2001-01-01", "sot": {"store": "main", "provisional": true, "rationale": "until somebody knows"}},
  "moved": {"owner": "owner", "sot": {"store": "main", "target": {"store": "away", "by": "2100-01-01", "plan": "docs/move.md"}}}}}}}') > 0 AS applied;
SELECT dataset, store, provisional, rationale, target_store, target_by, owner, review_on, overdue FROM spine.sot_review ORDER BY 1;
