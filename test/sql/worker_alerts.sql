-- Alerts: rows stuck in a state, invariants that old rows break, tables that
-- are not guarded; who is told, in which order, and when it is over.

CREATE ROLE regress_maker;
CREATE ROLE regress_keeper;
CREATE ROLE regress_boss;
CREATE ROLE regress_stranger;
CREATE ROLE regress_steward IN ROLE spine_steward;
CREATE SCHEMA desk;
CREATE TABLE desk.ticket (
    id int, part text, state text NOT NULL DEFAULT 'draft', price int,
    since timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (id, part));
CREATE TABLE desk.slip (id int PRIMARY KEY, state text NOT NULL DEFAULT 'draft');
GRANT USAGE ON SCHEMA desk TO PUBLIC;
GRANT ALL ON desk.ticket, desk.slip TO PUBLIC;
INSERT INTO desk.ticket VALUES
    (1, 'a', 'open', NULL, now() - interval '3 h'),
    (2, 'a', 'open', 3, now() - interval '2 h'),
    (3, 'a', 'open', 3, now());

SELECT $${"kind": "DataSpine", "apiVersion": "spine/v1",
  "stores": {"main": {"kind": "postgres"}},
  "parties": {"maker": {"kind": "service", "role": "regress_maker"},
              "boss": {"kind": "person", "role": "regress_boss"},
              "keeper": {"kind": "team", "role": "regress_keeper", "escalation": ["maker", "boss"]}},
  "contexts": {"desk": {"owner": "maker", "datasets": {
    "tickets": {"relation": "desk.ticket", "sot": {"store": "main"},
      "lifecycle": {"governing": "state", "entered_at": "since",
        "states": {"draft": {"initial": true, "owner": "maker", "write": {"*": ["maker"]}},
                   "open": {"owner": "keeper", "write": {"price": ["keeper"]}},
                   "closed": {"terminal": true}},
        "transitions": {"draft -> open": {"by": ["maker"]}, "open -> closed": {"by": ["keeper"]}},
        "invariants": {"cheap": {"check": "price < 100"},
                       "priced": {"not_null": ["price"], "except_in": ["draft"]}},
        "alerts": {"stuck": {"state": "open", "longer_than": "PT1H", "severity": "page",
                             "runbook": "docs/stuck.md"}}}},
    "slips": {"relation": "desk.slip", "sot": {"store": "main"},
      "lifecycle": {"governing": "state",
        "states": {"draft": {"initial": true, "owner": "maker", "write": {"*": ["maker"]}},
                   "open": {"owner": "keeper"}},
        "transitions": {"draft -> open": {"by": ["maker"]}},
        "alerts": {"waiting": {"state": "open", "longer_than": "PT0S", "to": ["boss"]}}}}}}}}$$ AS doc \gset
SELECT spine.apply(:'doc');

-- An alert for each stuck row, and one for the invariant that a row breaks.
CALL spine.run_jobs();
SELECT kind, dataset, rule, key, state, severity, assigned_to, runbook
  FROM spine.open_alerts ORDER BY kind, key;
SELECT conname, convalidated FROM pg_constraint
 WHERE conrelid = 'desk.ticket'::regclass AND conname ~ '^spine_' ORDER BY 1;

-- Once, however often the jobs run; a broken invariant is tried again a day later.
SELECT detail ->> 'tried_at' AS tried FROM spine.alert WHERE kind = 'invariant' \gset
CALL spine.run_jobs();
SELECT kind, count(*), count(DISTINCT key) FROM spine.alert GROUP BY 1 ORDER BY 1;
SELECT detail ->> 'tried_at' = :'tried' AS left_alone, detail ->> 'sqlstate' AS sqlstate
  FROM spine.alert WHERE kind = 'invariant';

-- Everybody sees what his parties are told of; announced means NOTIFY was sent.
SELECT count(*) FILTER (WHERE announced_at IS NOT NULL) AS announced FROM spine.alert;
SET ROLE regress_keeper;
SELECT kind, key FROM spine.open_alerts ORDER BY key;
SET ROLE regress_maker;
SELECT kind, key FROM spine.open_alerts;
SET ROLE regress_stranger;
SELECT count(*) FROM spine.open_alerts;
SELECT count(*) FROM spine.alert; -- fails
SET ROLE regress_steward;
SELECT count(*) FROM spine.open_alerts;
RESET ROLE;

-- Not acknowledged: first the one, then the other of the escalation list.
UPDATE spine.alert SET escalate_at = now() WHERE key ->> 'id' = '1';
CALL spine.run_jobs('announce_alerts');
SELECT assigned_to, escalated_to, escalate_at - announced_at AS next, announced_at >= raised_at AS again
  FROM spine.alert WHERE key ->> 'id' = '1';
SET ROLE regress_maker;
SELECT kind, key FROM spine.open_alerts ORDER BY kind;
RESET ROLE;
UPDATE spine.alert SET escalate_at = now() WHERE key ->> 'id' = '1';
CALL spine.run_jobs('announce_alerts');
UPDATE spine.alert SET escalate_at = now() WHERE key ->> 'id' = '1';
CALL spine.run_jobs('announce_alerts');
SELECT escalated_to, escalate_at FROM spine.alert WHERE key ->> 'id' = '1';

-- Who was told acknowledges, once; then it goes no further.
SELECT id AS first FROM spine.alert WHERE key ->> 'id' = '1' \gset
SELECT id AS second FROM spine.alert WHERE key ->> 'id' = '2' \gset
SET ROLE regress_boss;
SELECT spine.acknowledge_alert(:first, 'I call them');
SELECT spine.acknowledge_alert(:first, 'again');
\set VERBOSITY terse
SELECT spine.acknowledge_alert(:second); -- fails
SET ROLE regress_stranger;
SELECT spine.acknowledge_alert(:second); -- fails
SELECT spine.acknowledge_alert(-1); -- fails
SELECT spine.acknowledge_alert(NULL); -- fails
\set VERBOSITY default
SET ROLE regress_steward;
SELECT spine.acknowledge_alert(:second);
RESET ROLE;
UPDATE spine.alert SET escalate_at = now() WHERE id = :second;
CALL spine.run_jobs('announce_alerts');
SELECT acknowledged_by, note, escalated_to FROM spine.alert WHERE kind = 'stuck_state' ORDER BY id;

-- A row that left the state, and one that left and came back.
SET ROLE regress_keeper;
UPDATE desk.ticket SET price = 5 WHERE id = 1;
UPDATE desk.ticket SET state = 'closed' WHERE id = 2;
RESET ROLE;
CALL spine.run_jobs('alerts');
SELECT key, resolved_at IS NOT NULL AS resolved FROM spine.alert WHERE kind = 'stuck_state' ORDER BY id;
UPDATE spine.alert SET since = since - interval '1 day' WHERE id = :first;
CALL spine.run_jobs('alerts');
SELECT key, resolved_at IS NOT NULL AS resolved, acknowledged_by
  FROM spine.alert WHERE kind = 'stuck_state' ORDER BY id;

-- A trigger that is not ENABLE ALWAYS: the next apply mends that.
SET allow_system_table_mods = on;
UPDATE pg_trigger SET tgenabled = 'O' WHERE tgrelid = 'desk.ticket'::regclass AND tgname = '~spine_guard';
RESET allow_system_table_mods;
CALL spine.run_jobs('attachments');
CALL spine.run_jobs('attachments');
SELECT kind, rule, severity, assigned_to, detail FROM spine.open_alerts WHERE kind = 'attachment';
SELECT spine.apply(spine.export());
CALL spine.run_jobs('attachments');
SELECT count(*) FROM spine.open_alerts WHERE kind = 'attachment';

-- A day later the invariant holds.
UPDATE spine.alert SET detail = jsonb_set(detail, '{tried_at}', '"2001-01-01"') WHERE kind = 'invariant';
CALL spine.run_jobs('invariants');
SELECT conname, convalidated FROM pg_constraint
 WHERE conrelid = 'desk.ticket'::regclass AND conname ~ '^spine_' ORDER BY 1;
SELECT count(*) FROM spine.open_alerts WHERE kind = 'invariant';

-- Where spine keeps the time itself; rows that never changed their state have none.
SET ROLE regress_maker;
INSERT INTO desk.slip VALUES (1), (2);
UPDATE desk.slip SET state = 'open' WHERE id = 1;
RESET ROLE;
CALL spine.run_jobs('alerts');
SELECT dataset, rule, key, assigned_to FROM spine.open_alerts WHERE dataset = 'desk.slips';

-- A rule that is gone leaves no open alert, nor does a dataset.
SELECT spine.apply(:'doc'::jsonb #- '{contexts,desk,datasets,slips}'
                                 #- '{contexts,desk,datasets,tickets,lifecycle,alerts}', prune => true);
CALL spine.run_jobs('alerts');
SELECT count(*) FROM spine.open_alerts;

-- Nobody but spine writes these tables.
SET ROLE regress_steward;
DELETE FROM spine.alert; -- fails
RESET ROLE;
