-- The Read column: grants where it is the same in all states, a view where it
-- differs, and who reads past it.
-- Not about the migration gate.
SELECT spine.set_level('', 'NONE') \gset
SET client_min_messages = warning;
CREATE ROLE regress_own;
CREATE ROLE regress_write;
CREATE ROLE regress_shop;
CREATE ROLE regress_some;
CREATE ROLE regress_cols;
CREATE ROLE regress_none;
CREATE ROLE regress_member IN ROLE regress_shop;
CREATE ROLE regress_tab;
CREATE ROLE regress_super SUPERUSER;
CREATE SCHEMA rd AUTHORIZATION regress_tab;
CREATE SCHEMA "Re ad" AUTHORIZATION regress_tab;
CREATE TYPE rd.phase AS ENUM ('draft', 'Öp en', 'done', 'lost');
CREATE TABLE rd.thing (gone int, id int PRIMARY KEY, st rd.phase, v int NOT NULL DEFAULT 1, "Co st" numeric(10,2), memo varchar(20));
ALTER TABLE rd.thing DROP COLUMN gone;
ALTER TABLE rd.thing OWNER TO regress_tab;
INSERT INTO rd.thing VALUES (1, 'draft', 1, 10, 'one'), (2, 'Öp en', 1, 20, 'two'), (3, 'done', 1, 30, 'three'), (4, 'lost', 1, 40, 'four'), (5, NULL, 1, 50, 'five');

CREATE VIEW acl AS
    SELECT k.relname AS rel, NULL AS col, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS role, string_agg(privilege_type, ' ' ORDER BY privilege_type) AS rights
      FROM pg_class k, aclexplode(relacl) WHERE relnamespace IN ('rd'::regnamespace, '"Re ad"'::regnamespace) AND grantee <> relowner GROUP BY 1, 2, 3
    UNION ALL
    SELECT k.relname, attname, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, string_agg(privilege_type, ' ' ORDER BY privilege_type)
      FROM pg_class k JOIN pg_attribute a ON attrelid = k.oid, aclexplode(attacl) WHERE relnamespace = 'rd'::regnamespace AND grantee <> relowner GROUP BY 1, 2, 3;
CREATE FUNCTION show_acl() RETURNS TABLE (rel text, col text, role text, rights text) LANGUAGE sql
    AS $$ SELECT rel, col, role, rights FROM acl ORDER BY rel COLLATE "C", role COLLATE "C", col COLLATE "C" NULLS FIRST $$;

-- ---- the same in all states: grants say it all ----
\set same '{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}}, "parties": {"own": {"kind": "team", "role": "regress_own"}, "write": {"kind": "team", "role": "regress_write"}, "shop": {"kind": "team", "role": "regress_shop"}, "some": {"kind": "team", "role": "regress_some"}, "cols": {"kind": "team", "role": "regress_cols"}, "none": {"kind": "team", "role": "regress_none"}}, "contexts": {"r": {"owner": "own", "datasets": {"things": {"relation": "rd.thing", "sot": {"store": "main"}, "manage_grants": true, "consumers": {"shop": {}, "none": {}, "cols": {"attributes": ["id", "memo"]}}, "lifecycle": {"governing": "st", "contention": {"version": {"attribute": "v", "mode": "auto"}}, "states": {"draft": {"initial": true, "owner": "own", "read": ["shop", "cols"]}, "Öp en": {"owner": "own", "read": ["shop", "cols"]}, "done": {"terminal": true, "read": ["shop", "cols"]}}, "transitions": {"draft -> Öp en": {"by": ["own"]}, "Öp en -> done": {"by": ["own"]}}}}}}}}'
SELECT severity, code, pointer, message, hint FROM spine.validate(:'same') WHERE code LIKE 'read%' OR severity = 'error';
SELECT count(*) FROM spine.plan(:'same') WHERE sql LIKE '%not yet enforced%read%';
SELECT spine.apply(:'same');
-- "none" is a consumer that no state lets read; "cols" reads no more for being named
SELECT * FROM show_acl();
SELECT count(*) FROM spine.plan(spine.export());

-- ---- it differs: a view ----
\set lifecycle '{"governing": "st", "contention": {"version": {"attribute": "v", "mode": "auto"}}, "states": {"draft": {"initial": true, "owner": "own", "write": {"memo": ["write"]}, "read": []}, "Öp en": {"owner": "own", "read": ["some", "cols"]}, "done": {"terminal": true}}, "transitions": {"draft -> Öp en": {"by": ["own"]}, "Öp en -> done": {"by": ["own"]}}}'
SELECT jsonb_set(:'same', '{contexts,r,datasets,things}', (:'same'::jsonb #> '{contexts,r,datasets,things}') || jsonb_build_object('read_view', '"Re ad"."Thi ng"', 'lifecycle', :'lifecycle'::jsonb)) AS doc \gset
SELECT severity, code, pointer, message FROM spine.validate(:'doc') WHERE code LIKE 'read%' OR severity = 'error';
\pset format unaligned
SELECT action, kind, key, risk, sql FROM spine.plan(:'doc') WHERE kind IN ('view', 'grant', 'state');
\pset format aligned
SELECT spine.apply(:'doc');
SELECT * FROM show_acl();
SELECT count(*) FROM spine.plan(spine.export());
SELECT reloptions, pg_get_userbyid(relowner), obj_description(oid) FROM pg_class WHERE relname = 'Thi ng';
SELECT check_name, ok, detail FROM spine.health() WHERE check_name IN ('read_views', 'grants', 'audit_reads');

CREATE FUNCTION see(role name) RETURNS TABLE (id int, st text, v int, cost numeric, memo text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    RETURN QUERY SELECT t.id, t.st::text, t.v, t."Co st", t.memo::text FROM "Re ad"."Thi ng" t ORDER BY t.id;
    RESET ROLE;
END $$;
SELECT r.role, s.* FROM unnest('{regress_own,regress_write,regress_shop,regress_member,regress_some,regress_cols,regress_super}'::name[]) WITH ORDINALITY AS r (role, n), see(r.role) s ORDER BY n, id;
SET ROLE regress_none;
SELECT count(*) FROM "Re ad"."Thi ng";
RESET ROLE;
-- a stranger with SELECT on the view alone
CREATE ROLE regress_stranger;
GRANT USAGE ON SCHEMA "Re ad" TO regress_stranger;
GRANT SELECT ON "Re ad"."Thi ng" TO regress_stranger;
SELECT * FROM see('regress_stranger');
REVOKE SELECT ON "Re ad"."Thi ng" FROM regress_stranger;
-- the function itself
SET ROLE regress_cols;
SELECT spine.may_read('r.things', s), spine.may_read('r.things', s, 'memo'), spine.may_read('r.things', s, 'Co st'), s FROM unnest(ARRAY['draft', 'Öp en', 'done', 'lost', '', NULL]) AS s;
SELECT spine.may_read(NULL, 'draft');
SELECT spine.may_read('r.nothing', 'draft');
RESET ROLE;

-- the base table: a party that reads some states cannot; a writer finds its rows
SET ROLE regress_some;
SELECT memo FROM rd.thing;
SET ROLE regress_write;
SELECT memo FROM rd.thing;
UPDATE rd.thing SET memo = 'written' WHERE id = 1 RETURNING id, st, v;
UPDATE rd.thing SET memo = 'written' WHERE id = 2;
-- nobody writes through the view, whoever they are
SET ROLE regress_tab;
INSERT INTO "Re ad"."Thi ng" (id) VALUES (9);
UPDATE "Re ad"."Thi ng" SET memo = 'x';
DELETE FROM "Re ad"."Thi ng";
RESET ROLE;

-- a leaky condition does not see hidden rows
CREATE FUNCTION rd.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE WARNING 'saw %', $1; RETURN true; END $$;
GRANT USAGE ON SCHEMA rd TO regress_some;
SET ROLE regress_some;
SELECT id FROM "Re ad"."Thi ng" WHERE rd.leak(memo) ORDER BY id;
RESET ROLE;

-- who acts is asked row by row, whatever was planned or opened before
PREPARE q AS SELECT count(*) FROM "Re ad"."Thi ng";
SET plan_cache_mode = force_generic_plan;
EXECUTE q;
SET ROLE regress_some;
EXECUTE q;
SET ROLE regress_own;
EXECUTE q;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM "Re ad"."Thi ng";
FETCH 1 c;
SET LOCAL ROLE regress_some;
FETCH ALL c;
COMMIT;
RESET ROLE;
BEGIN;
GRANT regress_own TO regress_some;
SET LOCAL ROLE regress_some;
DECLARE c CURSOR FOR SELECT id FROM "Re ad"."Thi ng";
FETCH 1 c;
RESET ROLE;
REVOKE regress_own FROM regress_some;
SET LOCAL ROLE regress_some;
FETCH ALL c;
COMMIT;
RESET ROLE;
RESET plan_cache_mode;
-- a SECURITY DEFINER function reads as its owner
CREATE FUNCTION rd.through() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM "Re ad"."Thi ng"';
ALTER FUNCTION rd.through() OWNER TO regress_own;
SET ROLE regress_some;
SELECT rd.through(), count(*) FROM "Re ad"."Thi ng";
RESET ROLE;
-- a membership counts at once, and ends at once
GRANT regress_own TO regress_some;
SELECT count(*) FROM see('regress_some');
REVOKE regress_own FROM regress_some;
SELECT count(*) FROM see('regress_some');
-- so does a rule, and so does taking it back
BEGIN;
SELECT spine.apply(jsonb_set(spine.export(), '{contexts,r,datasets,things,lifecycle,states,draft,read}', '["some"]')) > 0;
SELECT count(*) FROM see('regress_some');
ROLLBACK;
SELECT count(*) FROM see('regress_some');
-- in parallel workers too
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
SET ROLE regress_some;
EXPLAIN (COSTS OFF) SELECT count(*) FROM "Re ad"."Thi ng";
SELECT count(*) FROM "Re ad"."Thi ng";
RESET ROLE;
RESET parallel_leader_participation;
RESET max_parallel_workers_per_gather;

-- ---- the view follows the table ----
ALTER TABLE rd.thing RENAME COLUMN memo TO note;
ALTER TABLE rd.thing ADD COLUMN extra text COLLATE "C" DEFAULT 'x';
SELECT ok, detail, hint FROM spine.health() WHERE check_name = 'read_views';
SELECT replace(spine.export()::text, '"memo"', '"note"') AS doc2 \gset
\pset format unaligned
SELECT action, key, risk, sql FROM spine.plan(:'doc2') WHERE kind = 'view';
\pset format aligned
SELECT spine.apply(:'doc2') > 0;
SELECT attname FROM pg_attribute WHERE attrelid = '"Re ad"."Thi ng"'::regclass AND attnum > 0 ORDER BY attnum;
SELECT count(*) FROM spine.plan(spine.export());
-- columns that change names with one another
ALTER TABLE rd.thing RENAME COLUMN extra TO tmp;
ALTER TABLE rd.thing RENAME COLUMN note TO extra;
ALTER TABLE rd.thing RENAME COLUMN tmp TO note;
SELECT spine.apply(spine.export()) > 0;
SELECT attname FROM pg_attribute WHERE attrelid = '"Re ad"."Thi ng"'::regclass AND attnum > 0 ORDER BY attnum;
SELECT count(*) FROM spine.plan(spine.export());
-- a column that goes takes the view with it, or does not go
ALTER TABLE rd.thing DROP COLUMN note;
ALTER TABLE rd.thing DROP COLUMN note CASCADE;
SELECT check_name, ok FROM spine.health() WHERE check_name IN ('grants', 'read_views');
SELECT spine.apply(spine.export()) > 0;
SELECT count(*) FROM spine.plan(spine.export());
ALTER TABLE rd.thing RENAME COLUMN extra TO memo;
SELECT spine.apply(:'doc') > 0;

-- ---- drift ----
CREATE OR REPLACE VIEW "Re ad"."Thi ng" WITH (security_barrier) AS SELECT id, st, v, "Co st"::numeric AS "Co st", memo FROM rd.thing;
SELECT ok, detail FROM spine.health() WHERE check_name = 'read_views';
SELECT spine.apply(spine.export()) > 0;
SELECT count(*) FROM see('regress_some');
ALTER VIEW "Re ad"."Thi ng" RESET (security_barrier);
SELECT spine.apply(spine.export()) > 0;
ALTER VIEW "Re ad"."Thi ng" SET (security_invoker = true);
SELECT spine.apply(spine.export()) > 0;
ALTER VIEW "Re ad"."Thi ng" OWNER TO regress_super;
SELECT spine.apply(spine.export()) > 0;
SELECT reloptions, pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'Thi ng';
SELECT count(*) FROM spine.plan(spine.export());
-- other columns: dropped and made anew, keeping what was granted
DROP VIEW "Re ad"."Thi ng";
SET ROLE regress_tab;
CREATE VIEW "Re ad"."Thi ng" AS SELECT 'all'::text AS what;
GRANT SELECT ON "Re ad"."Thi ng" TO regress_shop;
RESET ROLE;
CREATE VIEW rd.user AS SELECT * FROM "Re ad"."Thi ng";
SELECT ok, detail, hint FROM spine.health() WHERE check_name = 'read_views';
SELECT code, message FROM spine.validate(jsonb_set(spine.export(), '{contexts,r,datasets,things,description}', '"new"')) WHERE severity = 'error';
SELECT spine.apply(spine.export()) > 0;		-- changes nothing here
DROP VIEW rd.user;
SELECT spine.apply(spine.export()) > 0;
SELECT * FROM show_acl() WHERE rel = 'Thi ng';
SELECT count(*) FROM spine.plan(spine.export());
-- things of others are left alone
SELECT d.name, v.code, v.message FROM (VALUES ('rd.thing'), ('nowhere.v'), ('spine.v'), ('pg_catalog.v'), ('public.v'), ('rd.other')) AS d (name),
    spine.validate(jsonb_set(:'doc', '{contexts,r,datasets,things,read_view}', to_jsonb(d.name))) v WHERE v.severity = 'error';
CREATE VIEW rd.other AS SELECT 1 AS one;
SELECT code, message FROM spine.validate(jsonb_set(:'doc', '{contexts,r,datasets,things,read_view}', '"rd.other"')) WHERE severity = 'error';
SELECT code, message FROM spine.validate(jsonb_set(:'doc', '{contexts,r,datasets,more}', '{"relation": "rd.more", "read_view": "\"Re ad\".\"Thi ng\""}')) WHERE code LIKE 'read%' AND severity = 'error';

-- ---- who reads past it ----
GRANT SELECT (memo) ON rd.thing TO regress_shop;
GRANT SELECT (id) ON rd.thing TO regress_some;
GRANT pg_read_all_data TO regress_none;
SELECT severity, code, message, hint FROM spine.validate(jsonb_set(:'doc', '{contexts,r,datasets,things,description}', '"new"')) WHERE code LIKE 'read%';
GRANT SELECT (memo) ON rd.thing TO PUBLIC;
SELECT message, hint FROM spine.validate(:'doc'::jsonb #- '{contexts,r,datasets,things,read_view}') WHERE code = 'reads_past';
SELECT message FROM spine.validate(:'same'::jsonb #- '{contexts,r,datasets,things,lifecycle,states,done,read}') WHERE code = 'reads_past';
REVOKE pg_read_all_data FROM regress_none;

ALTER TABLE rd.thing ENABLE ROW LEVEL SECURITY;
SELECT severity, code, message FROM spine.validate(jsonb_set(:'doc', '{contexts,r,datasets,things,description}', '"new"')) WHERE code LIKE 'read_view%';
ALTER TABLE rd.thing DISABLE ROW LEVEL SECURITY;

-- ---- risk ----
SELECT r.read, p.risk FROM (VALUES ('["some"]'::jsonb), ('["some", "cols", "none"]'), (NULL)) AS r (read),
    spine.plan(CASE WHEN r.read IS NULL THEN :'doc'::jsonb #- '{contexts,r,datasets,things,lifecycle,states,Öp en,read}'
               ELSE jsonb_set(:'doc', '{contexts,r,datasets,things,lifecycle,states,Öp en,read}', r.read) END) p WHERE kind = 'state';
SELECT key, risk FROM spine.plan(jsonb_set(:'doc', '{contexts,r,datasets,things,lifecycle,states,done,read}', '["shop"]')) WHERE kind = 'state';
SELECT kind, risk, sql FROM spine.plan(:'doc'::jsonb #- '{contexts,r,datasets,things,read_view}') WHERE kind IN ('dataset', 'view');

-- ---- gone again ----
SELECT spine.apply(:'doc'::jsonb #- '{contexts,r,datasets,things,read_view}') > 0;
SELECT to_regclass('"Re ad"."Thi ng"');
SELECT spine.apply(:'doc') > 0;
DROP TABLE rd.thing;
SELECT spine.detach_all();
SELECT to_regclass('"Re ad"."Thi ng"');
DROP SCHEMA rd CASCADE;

-- ---- without a lifecycle: only columns; a partitioned table; without manage_grants ----
CREATE SCHEMA pt;
CREATE TABLE pt.p (k int, x text, y text) PARTITION BY LIST (k);
CREATE TABLE pt.p1 (y text, x text, k int);
ALTER TABLE pt.p ATTACH PARTITION pt.p1 FOR VALUES IN (1);
CREATE TABLE pt.p2 PARTITION OF pt.p DEFAULT;
INSERT INTO pt.p VALUES (1, 'x1', 'y1'), (2, 'x2', 'y2');
GRANT USAGE ON SCHEMA pt TO PUBLIC;
\set parts '{"kind": "DataSpine", "apiVersion": "spine/v1", "contexts": {"r": {"owner": "own", "datasets": {"parts": {"relation": "pt.p", "sot": {"store": "main"}, "key": ["k"], "read_view": "pt.v", "consumers": {"cols": {"attributes": ["k", "x"]}, "none": {"attributes": ["k"], "until": "2001-01-01"}}}}}}}'
\pset format unaligned
SELECT sql FROM spine.plan(:'parts', true) WHERE kind = 'view';
\pset format aligned
SELECT spine.apply(:'parts', prune => true) > 0;
GRANT SELECT ON pt.v TO PUBLIC;
SET ROLE regress_cols;
SELECT * FROM pt.v ORDER BY k;
SET ROLE regress_none;
SELECT * FROM pt.v ORDER BY k;
SET ROLE regress_own;
SELECT * FROM pt.v ORDER BY k;
RESET ROLE;
SELECT count(*) FROM spine.plan(spine.export());
SELECT spine.detach_all();
DROP SCHEMA pt CASCADE;
DROP SCHEMA "Re ad" CASCADE;
DROP EXTENSION spine CASCADE;
