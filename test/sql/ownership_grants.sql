-- manage_grants: apply grants and revokes just what the document says, what
-- plan showed, and health tells of drift from it.
SET client_min_messages = warning;
CREATE ROLE regress_own;
CREATE ROLE regress_prod;
CREATE ROLE "regress Con";
CREATE ROLE regress_cols;
CREATE ROLE regress_old;
CREATE ROLE regress_far;
CREATE ROLE regress_else;
CREATE ROLE regress_more;
CREATE ROLE regress_tab;
CREATE ROLE regress_super SUPERUSER;
CREATE SCHEMA gr AUTHORIZATION regress_tab;
GRANT USAGE ON SCHEMA gr TO regress_else;
ALTER DEFAULT PRIVILEGES IN SCHEMA gr GRANT SELECT, INSERT ON TABLES TO PUBLIC;
CREATE TABLE gr.good (id serial PRIMARY KEY, a text, "B%" text, c jsonb);
CREATE TABLE gr.sale (id int PRIMARY KEY, st text NOT NULL, v int);
CREATE TABLE gr.line (id int PRIMARY KEY, sale int, n int);
ALTER TABLE gr.good OWNER TO regress_tab;
-- what others hold: a stranger, with grant option and passing it on, a column, a superuser, the owner
GRANT SELECT, UPDATE, TRUNCATE ON gr.good TO regress_else WITH GRANT OPTION;
SET ROLE regress_else;
GRANT SELECT ON gr.good TO regress_more;
GRANT SELECT ON gr.good TO regress_own;
GRANT UPDATE (a) ON gr.good TO regress_more;
RESET ROLE;
GRANT UPDATE (a), SELECT ("B%") ON gr.good TO regress_cols;
GRANT SELECT, TRIGGER ON gr.good TO regress_super;
GRANT REFERENCES, TRIGGER ON gr.good TO "regress Con";

CREATE VIEW acl AS
    SELECT k.relname AS rel, NULL AS col, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS role,
           CASE WHEN is_grantable THEN '*' ELSE '' END AS opt, string_agg(privilege_type, ' ' ORDER BY privilege_type) AS rights
      FROM pg_class k, aclexplode(relacl) WHERE relnamespace = 'gr'::regnamespace AND relkind IN ('r', 'p') AND grantee <> relowner GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT k.relname, attname, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
           CASE WHEN is_grantable THEN '*' ELSE '' END, string_agg(privilege_type, ' ' ORDER BY privilege_type)
      FROM pg_class k JOIN pg_attribute a ON attrelid = k.oid, aclexplode(attacl) WHERE relnamespace = 'gr'::regnamespace AND grantee <> relowner GROUP BY 1, 2, 3, 4;
CREATE FUNCTION show_acl() RETURNS TABLE (rel text, col text, role text, opt text, rights text) LANGUAGE sql
    AS $$ SELECT rel, col, role, opt, rights FROM acl ORDER BY rel COLLATE "C", role COLLATE "C", col COLLATE "C" NULLS FIRST $$;
SELECT * FROM show_acl();

\set doc '{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}, "copy": {"kind": "warehouse"}}, "parties": {"own": {"kind": "team", "role": "regress_own"}, "prod": {"kind": "service", "role": "regress_prod"}, "con": {"kind": "team", "role": "regress Con"}, "cols": {"kind": "team", "role": "regress_cols"}, "old": {"kind": "team", "role": "regress_old"}, "far": {"kind": "team", "role": "regress_far"}, "tab": {"kind": "team", "role": "regress_tab"}}, "contexts": {"g": {"owner": "own", "datasets": {"goods": {"relation": "gr.good", "sot": {"store": "main"}, "manage_grants": true, "producers": ["prod", "tab"], "consumers": {"con": {}, "cols": {"attributes": ["id", "c.x", "B%"]}, "old": {"until": "2001-01-01"}, "far": {"reads": "copy"}}}, "sales": {"relation": "gr.sale", "sot": {"store": "main"}, "manage_grants": true, "producers": [], "consumers": {"con": {}}, "lifecycle": {"governing": "st", "states": {"open": {"initial": true, "owner": "own", "insert": ["prod"], "write": {"v": ["cols"]}, "delete": ["old"]}, "done": {"terminal": true, "read": ["far"]}}, "transitions": {"open -> done": {"by": ["tab"]}}, "children": {"lines": {"relation": "gr.line", "via": ["sale"], "write": {"open": ["cols"]}}}}}}}}}'
SELECT severity, code, pointer, message FROM spine.validate(:'doc') WHERE severity = 'error';
\pset format unaligned
SELECT action, key, risk, sql FROM spine.plan(:'doc') WHERE kind = 'grant';
SELECT count(*) FROM spine.plan(:'doc') WHERE sql LIKE '%not yet enforced%manage_grants%';
\pset format aligned
SELECT spine.apply(:'doc');
SELECT * FROM show_acl();
SELECT count(*) FROM spine.plan(spine.export());
SELECT check_name, ok, detail FROM spine.health() WHERE check_name = 'grants';
-- what is granted works: the schema, the sequence of a serial column
SET ROLE regress_prod;
INSERT INTO gr.good (a) VALUES ('x') RETURNING id, a;
SET ROLE regress_cols;
SELECT id, "B%" FROM gr.good;
SELECT a FROM gr.good;		-- fails
SET ROLE regress_else;
SELECT a FROM gr.good;		-- fails
RESET ROLE;

-- drift: told by health, mended by any apply
GRANT DELETE ON gr.good TO PUBLIC;
GRANT UPDATE (v) ON gr.sale TO regress_else;
REVOKE SELECT ON gr.good FROM "regress Con";
\pset format unaligned
SELECT ok, detail, hint FROM spine.health() WHERE check_name = 'grants';
\pset format aligned
SELECT spine.apply(spine.export());
SELECT ok FROM spine.health() WHERE check_name = 'grants';

-- a column's grant that hangs on the table's grant option goes too
GRANT SELECT ON gr.sale TO regress_else WITH GRANT OPTION;
SET ROLE regress_else;
GRANT SELECT (v) ON gr.sale TO regress_more;
RESET ROLE;
SELECT sql FROM spine.plan(spine.export());
SELECT spine.apply(spine.export());
SELECT * FROM show_acl() WHERE role IN ('regress_else', 'regress_more');

-- a party gets another role; a role is renamed
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "parties": {"con": {"kind": "team", "role": "regress_more"}}}');
SELECT * FROM show_acl() WHERE rel = 'good';
ALTER ROLE regress_prod RENAME TO regress_prod2;
SELECT count(*) FROM spine.plan(spine.export()) WHERE kind = 'grant';
SELECT spine.apply(spine.export()) > 0;
ALTER ROLE regress_prod2 RENAME TO regress_prod;
SELECT spine.apply(spine.export()) > 0;

-- a table's owner may apply, but not open a schema that is not theirs
CREATE SCHEMA gr2;
GRANT USAGE ON SCHEMA gr2 TO regress_tab;
CREATE TABLE gr2.t (id int PRIMARY KEY);
ALTER TABLE gr2.t OWNER TO regress_tab;
SELECT spine.apply(jsonb_set(:'doc', '{contexts}', '{"h": {"owner": "own", "datasets": {}}}'), 'a context');
SET ROLE regress_tab;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "contexts": {"h": {"owner": "own", "datasets": {"ts": {"relation": "gr2.t", "sot": {"store": "main"}, "manage_grants": true}}}}}') > 0;
RESET ROLE;
SELECT has_table_privilege('regress_own', 'gr2.t', 'INSERT'), has_schema_privilege('regress_own', 'gr2', 'USAGE');
SELECT action, key, sql FROM spine.plan(spine.export()) WHERE kind = 'grant';

-- no longer managed: what the document gave goes, what others gave stays
GRANT TRUNCATE ON gr.good TO regress_own;
SELECT spine.apply(spine.export() #- '{contexts,g,datasets,goods,manage_grants}') > 0;
SELECT * FROM show_acl() WHERE rel = 'good';
SELECT spine.detach_all();
SELECT * FROM show_acl();
SELECT spine.apply(spine.export()) > 0;
SELECT count(*) FROM show_acl();
SELECT spine.detach_all();
DROP SCHEMA gr CASCADE;
DROP SCHEMA gr2 CASCADE;
DROP EXTENSION spine;
