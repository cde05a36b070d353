-- Contention: what spine.may answers is what the statement meets, for every
-- role, row and action, under overrides, fallbacks and the queue.
SET client_min_messages = error;
CREATE ROLE regress_maker;
CREATE ROLE regress_keeper;
CREATE ROLE regress_backup;
CREATE ROLE regress_oncall;
CREATE ROLE regress_both IN ROLE regress_backup, regress_oncall;
CREATE ROLE regress_stranger;
CREATE SCHEMA desk;
CREATE TABLE desk.ticket (
    id int PRIMARY KEY, state text NOT NULL DEFAULT 'draft', title text, note text,
    version int NOT NULL DEFAULT 1, since timestamptz NOT NULL DEFAULT now());
GRANT USAGE ON SCHEMA desk TO PUBLIC;
GRANT ALL ON desk.ticket TO PUBLIC;
-- two rows for each state, one of them old, and two in a state that no rule names
INSERT INTO desk.ticket SELECT i, (ARRAY['draft', 'open', 'closed', 'odd'])[1 + i / 2], 'title', CASE WHEN i % 2 = 0 THEN 'note' END, 1,
    now() - i % 2 * interval '5 hours' FROM generate_series(0, 7) i;

SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}},
 "parties": {"maker": {"kind": "service", "role": "regress_maker", "fallback": "backup"}, "keeper": {"kind": "team", "role": "regress_keeper", "fallback": "backup"},
             "backup": {"kind": "team", "role": "regress_backup"}, "oncall": {"kind": "team", "role": "regress_oncall"}},
 "contexts": {"desk": {"owner": "maker", "datasets": {"tickets": {"relation": "desk.ticket", "sot": {"store": "main"}, "lifecycle": {
  "governing": "state", "entered_at": "since", "contention": {"version": {"attribute": "version"}, "fallback_after": "PT4H"},
  "states": {"draft": {"initial": true, "owner": "maker", "write": {"*": ["maker"]}, "delete": ["maker"]},
             "open": {"owner": "keeper", "write": {"title": ["keeper"], "note": ["maker"]}, "delete": ["maker", "keeper"]},
             "closed": {"owner": "keeper", "terminal": true}},
  "transitions": {"draft -> open": {"by": ["maker"], "guard": "NEW.note IS NOT NULL", "with_write": ["title"]},
                  "open -> draft": {"by": ["maker", "keeper"]}, "open -> closed": {"by": ["keeper"], "with_write": ["note"]}}}}}}}}') > 0 AS applied;

-- statements as changes of a row, with the version step or without
CREATE TABLE desk.trial (n int GENERATED ALWAYS AS IDENTITY, action text, set_list text, changes jsonb);
GRANT SELECT ON desk.trial TO PUBLIC;
INSERT INTO desk.trial (action, set_list, changes)
SELECT CASE WHEN s IS NULL THEN 'title' ELSE '-> ' || s END,
       concat_ws(', ', v.set_list, 'state = ' || quote_literal(s), w.set_list),
       v.changes || CASE WHEN s IS NULL THEN '{}' ELSE jsonb_build_object('state', s) END || w.changes
  FROM (VALUES (NULL), ('draft'), ('open'), ('closed'), ('odd')) states (s),
       (VALUES ('title = ''t''', '{"title": "t"}'::jsonb), ('note = ''n''', '{"note": "n"}'), ('title = NULL, note = NULL', '{"title": null, "note": null}'),
               ('id = 77', '{"id": 77}'), ('title = ''t'', id = 77', '{"title": "t", "id": 77}'), ('since = ''2001-01-01''', '{"since": "2001-01-01T00:00:00Z"}')) v (set_list, changes),
       (VALUES ('version = version + 1', '{}'::jsonb), ('version = 9', '{"version": 9}')) w (set_list, changes);
SELECT count(*) FROM desk.trial;

CREATE TABLE desk.answer (run text, role name, key int, statement text, allowed boolean, reason text, met text);
CREATE PROCEDURE desk.try_one(run text, role name, key int, action text, changes jsonb, statement text) LANGUAGE plpgsql AS $$
DECLARE a record; done bigint; met text;
BEGIN
    SELECT m.allowed, m.reason INTO a FROM spine.may(role, 'desk.ticket', jsonb_build_object('id', key), action, changes) m;
    BEGIN
        EXECUTE format('SET LOCAL ROLE %I', role);
        EXECUTE statement;
        GET DIAGNOSTICS done = ROW_COUNT;
        RAISE EXCEPTION USING errcode = 'ZZ' || lpad(done::text, 3, '0');
    EXCEPTION WHEN OTHERS THEN
        met := SQLSTATE;
    END;
    INSERT INTO desk.answer VALUES (run, role, key, statement, a.allowed, a.reason, met);
END $$;
CREATE PROCEDURE desk.try_all(run text) LANGUAGE plpgsql AS $$
DECLARE t record; r name; k int;
BEGIN
    FOREACH r IN ARRAY ARRAY['regress_maker', 'regress_keeper', 'regress_backup', 'regress_oncall', 'regress_both', 'regress_stranger'] LOOP
        FOR k IN 0..7 LOOP
            FOR t IN SELECT * FROM desk.trial LOOP
                CALL desk.try_one(run, r, k, t.action, t.changes, format('UPDATE desk.ticket SET %s WHERE id = %s', t.set_list, k));
            END LOOP;
            CALL desk.try_one(run, r, k, 'delete', NULL, format('DELETE FROM desk.ticket WHERE id = %s', k));
            CALL desk.try_one(run, r, k + 10, 'insert', jsonb_build_object('id', k + 10, 'state', (ARRAY['draft', 'open', 'odd'])[1 + k % 3], 'version', k % 2 + 1, 'note', 'n'),
                format('INSERT INTO desk.ticket (id, state, version, note) VALUES (%s, %L, %s, ''n'')', k + 10, (ARRAY['draft', 'open', 'odd'])[1 + k % 3], k % 2 + 1));
        END LOOP;
    END LOOP;
END $$;

CALL desk.try_all('reject');
SELECT spine.override('desk.ticket', jsonb_build_object('id', i), 'oncall', 'test', now() + interval '1 hour') > 0 AS given FROM generate_series(0, 6, 3) i;
CALL desk.try_all('some rows');
SELECT spine.override('desk.ticket', NULL, 'oncall', 'test', now() + interval '1 hour') AS every \gset
CALL desk.try_all('every row');
SELECT spine.end_override(:every);
SELECT spine.apply(jsonb_set(spine.export(), '{contexts,desk,datasets,tickets,lifecycle,contention,non_owner}', '"queue"')) > 0 AS applied;
CALL desk.try_all('queue');

-- allowed: just one row was written; queued: none, and no error
SELECT run, count(*), count(*) FILTER (WHERE allowed) AS allowed, count(*) FILTER (WHERE reason = 'allowed_by_override') AS by_override,
       count(*) FILTER (WHERE reason = 'allowed_by_fallback') AS by_fallback, count(*) FILTER (WHERE reason ~ ', queued$') AS queued,
       count(*) FILTER (WHERE allowed <> (met = 'ZZ001')) AS wrong,
       count(*) FILTER (WHERE (reason ~ ', queued$') <> (met = 'ZZ000')) AS wrongly_queued
  FROM desk.answer GROUP BY run ORDER BY min(ctid);
SELECT run, role, key, statement, allowed, reason, met FROM desk.answer
 WHERE allowed <> (met = 'ZZ001') OR (reason ~ ', queued$') <> (met = 'ZZ000') ORDER BY run, role, key, statement LIMIT 20;
SELECT reason, array_agg(DISTINCT met ORDER BY met) AS met FROM desk.answer GROUP BY reason ORDER BY reason;
-- nothing was left behind
SELECT count(*) FROM spine.write_request;
SELECT spine.detach_all() > 0 AS detached;
