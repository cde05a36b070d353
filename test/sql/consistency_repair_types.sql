-- Values of many types go through a repair, and back through its undo.
SET client_min_messages = warning;
CREATE ROLE regress_keeper;
CREATE SCHEMA w;
GRANT USAGE ON SCHEMA w TO regress_keeper;
CREATE TYPE w."a mood" AS ENUM ('ok', 'it''s');
CREATE TYPE w.pair AS (x int, "Y y" text);
CREATE DOMAIN w.short AS varchar(12) CHECK (value <> 'forbidden');
CREATE TABLE w.s (id int PRIMARY KEY, b bool, i2 int2, i8 int8, n numeric, n2 numeric(6,3), f4 float4, f8 float8, m money, c char(5), v w.short,
    bits varbit, raw bytea, d date, t time, tz timetz, ts timestamp, tstz timestamptz, span interval, u uuid, j jsonb, js json, net inet,
    mood w."a mood", moods w."a mood"[], p w.pair, ps w.pair[], arr int[], txt text[], r int4range, q char, nm name);
CREATE TABLE w.c (LIKE w.s INCLUDING ALL);
CREATE TABLE w.log (what text);
GRANT SELECT ON w.s TO regress_keeper;
GRANT SELECT, INSERT, UPDATE, DELETE ON w.c TO regress_keeper;
CREATE FUNCTION document(repair jsonb) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('kind', 'DataSpine', 'apiVersion', 'spine/v1', 'stores', '{"main": {"kind": "postgres"}}'::jsonb,
    'parties', '{"k": {"kind": "team", "role": "regress_keeper"}}'::jsonb,
    'contexts', jsonb_build_object('w', jsonb_build_object('owner', 'k', 'datasets', jsonb_build_object('s', jsonb_build_object(
       'relation', 'w.s', 'sot', '{"store": "main"}'::jsonb, 'enforcement', 'observe', 'replicas', jsonb_build_object('c',
         '{"store": "main", "locator": "w.c", "flow": "route", "owner": "k"}'::jsonb || jsonb_build_object('repair', repair)))))))
$$;
SELECT spine.apply(document('{}')) > 0 AS applied;
INSERT INTO w.s VALUES
  (1, true, -7, 9223372036854775807, 1.2300, 1.5, 0.1, 1e-300, 1234.5, 'ab', 'it''s \', B'10110', '\x00ff5c27', '0044-03-15 BC', '23:59:59.999999',
   '12:00:00.5+05:30', '294276-12-31 23:59:59.999999', '1883-11-18 12:03:57.5-04:56:02', '1 year -2 mons +3 days -04:05:06.000007', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
   '{"a": 1.10, "b": [null, "\u00e9"]}', '{"z": 1}', '10.0.0.1/8', 'it''s', '{ok,it''s,NULL}', '(1,"a ""b"" , c")', ARRAY[ROW(NULL, '')::w.pair, NULL],
   '[2:3]={1,NULL}', ARRAY['', 'NULL', NULL, '{', '"', '\'], '[1,5)', 'x', 'a name'),
  (2, NULL, NULL, NULL, 'NaN', NULL, 'NaN', '-Infinity', -0.01, '', '', B'', '', 'infinity', '00:00', '24:00:00+15:59', '-infinity', 'infinity', '0', NULL,
   'null', NULL, '::1', NULL, '{}', ROW(NULL, NULL)::w.pair, '{}', '{}', '{}', 'empty', '', '');
INSERT INTO w.s (id) VALUES (3), (4);
SELECT verdict, drifted FROM spine.check_replica('w.s.c');
-- Settings that would lose something, or read it otherwise.
SET datestyle = 'Postgres, DMY';
SET intervalstyle = 'sql_standard';
SET extra_float_digits = -10;
SET bytea_output = 'escape';
SET timezone = 'Pacific/Apia';
SET ROLE regress_keeper;
SELECT action, key, outcome FROM spine.repair_replica('w.s.c', false) ORDER BY key;
SELECT verdict, drifted FROM spine.check_replica('w.s.c');
SELECT count(*) FROM w.s aa JOIN w.c bb ON aa::text = bb::text;
-- Wrong in each column, then right, then as it was.
RESET ROLE;
ALTER TABLE w.c DISABLE TRIGGER "~spine_replica";
SET ROLE regress_keeper;
UPDATE w.c SET b = NOT b, i2 = 0, i8 = 0, n = 0, n2 = 0, f4 = 0, f8 = 0, m = 0, c = 'x', v = 'x', bits = B'1', raw = 'x', d = '2000-01-01', t = '1:00', tz = '1:00+01',
    ts = '2000-01-01', tstz = '2000-01-01', span = '1 day', u = NULL, j = '{}', js = '{}', net = '1.2.3.4', mood = 'ok', moods = NULL, p = '(9,)', ps = NULL, arr = NULL,
    txt = NULL, r = NULL, q = 'q', nm = 'other' WHERE id IN (1, 2);
UPDATE w.c SET p = ROW(NULL, NULL)::w.pair WHERE id = 3;
RESET ROLE;
ALTER TABLE w.c ENABLE ALWAYS TRIGGER "~spine_replica";
CREATE TEMP TABLE wrong AS SELECT * FROM w.c;
SET ROLE regress_keeper;
SELECT verdict, drifted FROM spine.check_replica('w.s.c');
SELECT action, key, columns, outcome FROM spine.repair_replica('w.s.c', false) ORDER BY key;
SELECT verdict, drifted FROM spine.check_replica('w.s.c');
SELECT count(*) FROM w.s aa JOIN w.c bb ON aa::text = bb::text;
SELECT action, key, outcome FROM spine.undo_repair(2) ORDER BY key;
RESET ROLE;
SELECT count(*) FROM wrong aa JOIN w.c bb ON aa::text = bb::text;

-- Triggers of the copy are silent if the document says so, and who repairs
-- may have it so.
CREATE FUNCTION w.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO w.log VALUES (TG_OP); RETURN NEW; END $$;
CREATE TRIGGER note BEFORE INSERT OR UPDATE ON w.c FOR EACH ROW EXECUTE FUNCTION w.note();
SELECT spine.apply(document('{"triggers": false}')) > 0 AS applied;
SELECT verdict, drifted FROM spine.check_replica('w.s.c');
SET ROLE regress_keeper;
SELECT action, key, outcome FROM spine.repair_replica('w.s.c', false) ORDER BY key; -- fails
RESET ROLE;
SELECT action, key, outcome FROM spine.repair_replica('w.s.c', false) ORDER BY key;
SHOW session_replication_role;
SELECT count(*) FROM w.log;
SELECT spine.apply(document('{"triggers": true}')) > 0 AS applied;
SELECT verdict FROM spine.check_replica('w.s.c');
SELECT outcome, count(*) FROM spine.undo_repair((SELECT max(run_id) FROM spine.repair_run)) GROUP BY 1;
SELECT count(*) > 0 AS fired FROM w.log;
-- Not a document.
SELECT code, pointer FROM spine.validate(document('{"mode": "guess", "triggers": "no"}')) WHERE severity = 'error';
SELECT spine.detach_all() >= 0 AS detached;
DROP SCHEMA w CASCADE;
DROP FUNCTION document;
