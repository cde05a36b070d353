-- catalog: what crosses the boundaries of contexts without being declared.
-- The body names nothing but catalogs and spine's own tables, under a pinned
-- search path; it runs with the caller's rights.

CREATE FUNCTION spine.check_boundaries()
RETURNS TABLE (severity text, code text, object text, contexts text[],
               message text, hint text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET jit = off
AS $body$
WITH RECURSIVE
-- What the document says: contexts, schemas, datasets and who they name.
context AS MATERIALIZED (
    SELECT a.name AS context, a.definition
      FROM spine.asset a WHERE a.kind = 'context'
),
listed AS MATERIALIZED (
    SELECT n.oid AS nsp, array_agg(DISTINCT c.context ORDER BY c.context) AS contexts
      FROM context c
     CROSS JOIN LATERAL jsonb_array_elements_text(
           CASE jsonb_typeof(c.definition -> 'schemas')
           WHEN 'array' THEN c.definition -> 'schemas' ELSE '[]' END) s (name)
      JOIN pg_namespace n ON n.nspname = s.name
     GROUP BY n.oid
),
dataset AS MATERIALIZED (
    SELECT a.asset, c.name AS context, a.owner, a.definition, a.local
      FROM spine.asset a
      JOIN spine.asset c ON c.kind = 'context' AND c.asset = a.parent
     WHERE a.kind = 'dataset'
),
-- Who stands for a context: the party of its name, and those who own it, its
-- datasets, or look after them.
stands AS MATERIALIZED (
    SELECT c.context, p.party
      FROM context c
     CROSS JOIN LATERAL (VALUES (c.context), (c.definition ->> 'owner'),
           (c.definition ->> 'interim_owner'), (c.definition ->> 'steward')) AS p (party)
     WHERE p.party IS NOT NULL
    UNION
    SELECT d.context, p.party
      FROM dataset d
     CROSS JOIN LATERAL (VALUES (d.owner), (d.definition ->> 'interim_owner'),
           (d.definition ->> 'steward')) AS p (party)
     WHERE p.party IS NOT NULL
),
-- Whom a dataset declares, and whether to read only.
declared AS MATERIALIZED (
    SELECT d.asset, d.owner AS party, true AS writes FROM dataset d WHERE d.owner IS NOT NULL
    UNION
    SELECT d.asset, p.party, p.writes
      FROM dataset d
     CROSS JOIN LATERAL (
           SELECT jsonb_object_keys(d.definition -> 'consumers'), false
            WHERE jsonb_typeof(d.definition -> 'consumers') = 'object'
           UNION ALL
           SELECT jsonb_object_keys(d.definition -> 'producers'), true
            WHERE jsonb_typeof(d.definition -> 'producers') = 'object'
           UNION ALL
           SELECT jsonb_array_elements_text(d.definition -> 'producers'), true
            WHERE jsonb_typeof(d.definition -> 'producers') = 'array'
           UNION ALL
           SELECT q.value #>> '{}', true
             FROM (SELECT jsonb_path_query(d.definition,
                     '$.lifecycle.states.*.owner') AS value
                   UNION ALL SELECT jsonb_path_query(d.definition,
                     '$.lifecycle.states.*.insert[*]')
                   UNION ALL SELECT jsonb_path_query(d.definition,
                     '$.lifecycle.states.*.delete[*]')
                   UNION ALL SELECT jsonb_path_query(d.definition,
                     '$.lifecycle.states.*.write.*[*]')
                   UNION ALL SELECT jsonb_path_query(d.definition,
                     '$.lifecycle.transitions.*.by[*]')
                   UNION ALL SELECT jsonb_path_query(d.definition,
                     '$.lifecycle.children.*.write.*[*]')) q
            WHERE d.definition ? 'lifecycle'
           UNION ALL
           SELECT jsonb_path_query(d.definition,
                  '$.lifecycle.states.*.read[*]') #>> '{}', false
            WHERE d.definition ? 'lifecycle') AS p (party, writes)
),
-- Contexts and roles that may use a dataset.
admitted AS MATERIALIZED (
    SELECT DISTINCT d.asset, s.context
      FROM declared d JOIN stands s ON s.party = d.party
),
admitted_role AS MATERIALIZED (
    SELECT d.asset, p.roleid, bool_or(d.writes) AS writes
      FROM declared d JOIN spine.party p ON p.party = d.party
     WHERE p.roleid IS NOT NULL GROUP BY d.asset, p.roleid
),
-- The tables that datasets name, their lifecycles' child tables too.
claim AS MATERIALIZED (
    SELECT a.relid, a.relation, d.asset, d.context
      FROM spine.asset a JOIN dataset d ON d.asset = a.asset
     WHERE a.local AND a.kind = 'dataset'
    UNION ALL
    SELECT a.relid, a.relation, d.asset, d.context
      FROM spine.asset a JOIN dataset d ON d.asset = a.parent
     WHERE a.local AND a.kind = 'child'
),
-- Those that were made after the document was applied go by name.
lost AS MATERIALIZED (
    SELECT parse_ident(c.relation, false) AS parts, c.asset, c.context
      FROM claim c LEFT JOIN pg_class k ON k.oid = c.relid
     WHERE k.oid IS NULL AND c.relation IS NOT NULL
),
named AS MATERIALIZED (
    SELECT k.oid AS relid, c.asset, c.context
      FROM claim c JOIN pg_class k ON k.oid = c.relid
    UNION
    SELECT k.oid, l.asset, l.context
      FROM lost l
      JOIN pg_namespace n ON n.nspname = l.parts[1]
      JOIN pg_class k ON k.relnamespace = n.oid AND k.relname = l.parts[2]
),
-- Partitions and inheritance children belong to their ancestor's dataset.
tree AS (
    SELECT relid, asset, context FROM named
    UNION
    SELECT i.inhrelid, t.asset, t.context
      FROM tree t JOIN pg_inherits i ON i.inhparent = t.relid
     WHERE NOT EXISTS (SELECT FROM named n WHERE n.relid = i.inhrelid)
),
member AS MATERIALIZED (
    SELECT relid, array_agg(DISTINCT asset ORDER BY asset) AS datasets,
           array_agg(DISTINCT context ORDER BY context) AS contexts
      FROM tree GROUP BY relid
),
-- Whom each table admits, ready to be looked at.
admitting AS MATERIALIZED (
    SELECT t.relid, array_agg(DISTINCT a.context) AS admits
      FROM tree t JOIN admitted a ON a.asset = t.asset GROUP BY t.relid
),
using_role AS MATERIALIZED (
    SELECT t.relid, array_agg(DISTINCT a.roleid) AS readers,
           array_agg(DISTINCT a.roleid) FILTER (WHERE a.writes) AS writers
      FROM tree t JOIN admitted_role a ON a.asset = t.asset GROUP BY t.relid
),
governed AS MATERIALIZED (
    SELECT nsp FROM listed
    UNION
    SELECT k.relnamespace FROM named n JOIN pg_class k ON k.oid = n.relid
),
-- Every relation of a user: whose it is, by its dataset or else its schema.
relation AS MATERIALIZED (
    SELECT k.oid AS relid, k.relkind, k.relispartition, k.relnamespace AS nsp,
           k.relowner, k.relacl,
           format('%I.%I', n.nspname, k.relname) AS name,
           n.nspname AS schema_name, k.relname AS rel_name,
           m.datasets, COALESCE(m.contexts, l.contexts) AS contexts,
           l.contexts AS schema_contexts, COALESCE(a.admits, '{}') AS admits,
           COALESCE(o.readers, '{}') AS readers, COALESCE(o.writers, '{}') AS writers
      FROM pg_class k
      JOIN pg_namespace n ON n.oid = k.relnamespace
      LEFT JOIN member m ON m.relid = k.oid
      LEFT JOIN admitting a ON a.relid = k.oid
      LEFT JOIN using_role o ON o.relid = k.oid
      LEFT JOIN listed l ON l.nsp = k.relnamespace
     WHERE k.relkind IN ('r', 'p', 'f', 'v', 'm') AND k.relpersistence <> 't'
       AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'spine')
),
-- Everything that uses a relation: the user's contexts and owner, and what.
use AS MATERIALIZED (
    -- foreign keys; those of partitions come with their root's
    SELECT 'foreign_key_crosses' AS code,
           format('constraint %I on %s', f.conname, x.name) AS object,
           x.contexts AS by_contexts, x.relowner AS by_owner, f.confrelid AS relid,
           format('foreign key of %s refers to', x.name) AS message,
           CASE WHEN f.confdeltype IN ('c', 'n', 'd') OR f.confupdtype IN ('c', 'n', 'd')
                THEN ', whose changes are written back to it' ELSE '' END AS remark
      FROM pg_constraint f JOIN relation x ON x.relid = f.conrelid
     WHERE f.contype = 'f' AND f.conparentid = 0
    UNION ALL
    -- views and materialised views, and rules of tables
    SELECT DISTINCT 'view_crosses',
           format('%s %s', CASE x.relkind WHEN 'v' THEN 'view'
                  WHEN 'm' THEN 'materialized view' ELSE 'rule of table' END, x.name),
           x.contexts, x.relowner, d.refobjid,
           format('%s %s reads', CASE x.relkind WHEN 'v' THEN 'view'
                  WHEN 'm' THEN 'materialized view' ELSE 'rule of table' END, x.name), ''
      FROM pg_depend d
      JOIN pg_rewrite w ON w.oid = d.objid
      JOIN relation x ON x.relid = w.ev_class
     WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
       AND d.refobjid <> w.ev_class
    UNION ALL
    -- functions: what a SQL-standard body names, and row types of arguments
    SELECT DISTINCT 'function_crosses', format('function %s', p.oid::regprocedure),
           l.contexts, p.proowner, COALESCE(k.oid, t.typrelid),
           format('function %s uses', p.oid::regprocedure), ''
      FROM pg_depend d
      JOIN pg_proc p ON p.oid = d.objid
      LEFT JOIN listed l ON l.nsp = p.pronamespace
      LEFT JOIN pg_class k ON d.refclassid = 'pg_class'::regclass AND k.oid = d.refobjid
      LEFT JOIN pg_type t ON d.refclassid = 'pg_type'::regclass AND t.oid = d.refobjid
     WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'n'
       AND d.refclassid IN ('pg_class'::regclass, 'pg_type'::regclass)
    UNION ALL
    -- inheritance and partitions: the child's own schema or dataset
    SELECT 'inheritance_crosses', format('table %s', x.name),
           COALESCE(n.contexts, x.schema_contexts), x.relowner, i.inhparent,
           format('table %s inherits from', x.name), ''
      FROM pg_inherits i JOIN relation x ON x.relid = i.inhrelid
      LEFT JOIN (SELECT relid, array_agg(DISTINCT context) AS contexts
                   FROM named GROUP BY relid) n ON n.relid = i.inhrelid
    UNION ALL
    -- triggers: a function of one context that runs in writes of another
    SELECT 'trigger_crosses', format('trigger %I on %s', g.tgname, x.name),
           l.contexts, p.proowner, g.tgrelid,
           format('function %s runs as a trigger of', p.oid::regprocedure), ''
      FROM pg_trigger g
      JOIN pg_proc p ON p.oid = g.tgfoid
      JOIN listed l ON l.nsp = p.pronamespace
      JOIN relation x ON x.relid = g.tgrelid
     WHERE NOT g.tgisinternal AND g.tgparentid = 0
),
-- Foreign tables: the dataset that lies where they point.
store AS MATERIALIZED (
    SELECT e.name, e.definition ->> 'server' AS server
      FROM spine.entry e WHERE e.section = 'stores'
),
place AS MATERIALIZED (
    SELECT d.asset, d.context, s.name AS store,
           COALESCE(s.locator, d.definition ->> 'relation') AS locator
      FROM dataset d
     CROSS JOIN LATERAL (VALUES (d.definition #>> '{sot,store}',
                                 d.definition #>> '{sot,locator}')) AS s (name, locator)
    UNION ALL
    SELECT d.asset, d.context, r.value ->> 'store', r.value ->> 'locator'
      FROM dataset d
     CROSS JOIN LATERAL (VALUES (d.definition -> 'replicas'), (d.definition -> 'caches'),
           (d.definition -> 'snapshots'), (d.definition -> 'derived')) AS m (map)
     CROSS JOIN LATERAL jsonb_each(
           CASE jsonb_typeof(m.map) WHEN 'object' THEN m.map ELSE '{}' END) r
),
outside AS MATERIALIZED (
    SELECT x.*, s.srvname, t.name AS store,
           format('%s.%s',
                  COALESCE((SELECT option_value FROM pg_options_to_table(f.ftoptions)
                             WHERE option_name = 'schema_name'), x.schema_name),
                  COALESCE((SELECT option_value FROM pg_options_to_table(f.ftoptions)
                             WHERE option_name = 'table_name'), x.rel_name)) AS remote
      FROM pg_foreign_table f
      JOIN relation x ON x.relid = f.ftrelid
      JOIN pg_foreign_server s ON s.oid = f.ftserver
      LEFT JOIN store t ON t.server = s.srvname
     WHERE x.contexts IS NOT NULL
),
-- Uses of one context's relation by another, not declared.
crossing AS (
    SELECT u.code, u.object, u.by_contexts, r.contexts, r.datasets,
           format('%s %s of context %s%s', u.message, r.name,
                  array_to_string(r.contexts, ', '), u.remark) AS message
      FROM use u JOIN relation r ON r.relid = u.relid
     WHERE u.by_contexts IS NOT NULL AND r.contexts IS NOT NULL
       AND NOT u.by_contexts && r.contexts AND NOT u.by_contexts && r.admits
    UNION ALL
    SELECT 'foreign_table_crosses', format('foreign table %s', o.name), o.contexts,
           ARRAY[p.context], ARRAY[p.asset],
           format('foreign table %s reads dataset %s of context %s in store %s', o.name,
                  p.asset, p.context, o.store)
      FROM outside o JOIN place p ON p.store = o.store AND p.locator = o.remote
     WHERE NOT p.context = ANY (o.contexts)
       AND NOT EXISTS (SELECT FROM admitted a
                        WHERE a.asset = p.asset AND a.context = ANY (o.contexts))
),
-- Objects of no context that bring several together: judged by their owner.
mixing AS (
    SELECT u.code, u.object, r.datasets,
           array_agg(DISTINCT c.context ORDER BY c.context) AS contexts,
           string_agg(DISTINCT r.name, ', ' ORDER BY r.name) AS names
      FROM use u JOIN relation r ON r.relid = u.relid
     CROSS JOIN LATERAL unnest(r.contexts) AS c (context)
     WHERE u.by_contexts IS NULL AND u.code IN ('view_crosses', 'function_crosses')
       AND NOT u.by_owner = ANY (r.readers)
     GROUP BY u.code, u.object, r.datasets
),
mixed AS (
    SELECT m.code, m.object, array_agg(DISTINCT c.context ORDER BY c.context) AS contexts,
           string_agg(DISTINCT m.names, ', ' ORDER BY m.names) AS names
      FROM mixing m CROSS JOIN LATERAL unnest(m.contexts) AS c (context)
     GROUP BY m.code, m.object
),
-- Privileges on the tables of datasets, columns' too.
acl AS MATERIALIZED (
    SELECT r.relid, r.name, r.contexts, r.relowner, r.readers, r.writers, g.grantee,
           g.privilege_type AS privilege
      FROM relation r
     CROSS JOIN LATERAL aclexplode(r.relacl) g
     WHERE r.datasets IS NOT NULL AND NOT r.relispartition
    UNION
    SELECT r.relid, r.name, r.contexts, r.relowner, r.readers, r.writers, g.grantee,
           g.privilege_type
      FROM pg_attribute t JOIN relation r ON r.relid = t.attrelid
     CROSS JOIN LATERAL aclexplode(t.attacl) g
     WHERE t.attacl IS NOT NULL AND NOT t.attisdropped
       AND r.datasets IS NOT NULL AND NOT r.relispartition
),
party_role AS MATERIALIZED (
    SELECT p.roleid, array_agg(DISTINCT s.context ORDER BY s.context)
                     FILTER (WHERE s.context IS NOT NULL) AS contexts
      FROM spine.party p LEFT JOIN stands s ON s.party = p.party
     WHERE p.roleid IS NOT NULL GROUP BY p.roleid
),
stranger AS (
    SELECT a.name, a.contexts, a.grantee,
           COALESCE(o.rolname::text, 'PUBLIC') AS role,
           string_agg(DISTINCT a.privilege, ', ' ORDER BY a.privilege) AS privileges,
           bool_or(a.privilege <> 'SELECT') AS writes,
           p.contexts AS of_contexts, p.roleid IS NOT NULL AS is_party
      FROM acl a
      LEFT JOIN pg_roles o ON o.oid = a.grantee
      LEFT JOIN party_role p ON p.roleid = a.grantee
     WHERE a.privilege IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
       AND a.grantee <> a.relowner AND NOT COALESCE(o.rolsuper, false)
       AND NOT a.grantee = ANY (CASE a.privilege WHEN 'SELECT' THEN a.readers ELSE a.writers END)
     GROUP BY a.name, a.contexts, a.grantee, o.rolname, p.contexts, p.roleid
),
-- Publications and what they carry.
carried AS (
    SELECT b.pubname, b.puballtables AS whole, r.name, r.contexts
      FROM pg_publication b
      JOIN pg_publication_rel x ON x.prpubid = b.oid
      JOIN relation r ON r.relid = x.prrelid
    UNION
    SELECT b.pubname, false, r.name, r.contexts
      FROM pg_publication b
      JOIN pg_publication_namespace x ON x.pnpubid = b.oid
      JOIN relation r ON r.nsp = x.pnnspid AND r.relkind IN ('r', 'p')
    UNION
    SELECT b.pubname, true, r.name, r.contexts
      FROM pg_publication b JOIN relation r ON r.relkind IN ('r', 'p')
     WHERE b.puballtables
),
publication AS (
    SELECT k.pubname, bool_or(k.whole) AS whole,
           array_agg(DISTINCT c.context ORDER BY c.context) AS contexts
      FROM carried k CROSS JOIN LATERAL unnest(k.contexts) AS c (context)
     GROUP BY k.pubname
),
finding AS (
    SELECT 'warning' AS severity, c.code, c.object,
           (SELECT array_agg(DISTINCT x ORDER BY x)
              FROM unnest(c.by_contexts || c.contexts) AS x) AS contexts,
           c.message,
           CASE WHEN c.datasets IS NULL
                THEN 'Name the table in a dataset, and who uses it among its consumers.'
                ELSE format('Name a party of context %s among the consumers of %s, or take the object away.',
                            array_to_string(c.by_contexts, ', '), array_to_string(c.datasets, ', '))
           END AS hint
      FROM crossing c
    UNION ALL
    SELECT CASE WHEN cardinality(m.contexts) > 1 THEN 'warning' ELSE 'info' END,
           CASE WHEN cardinality(m.contexts) > 1 THEN m.code
                ELSE replace(m.code, '_crosses', '_outside') END,
           m.object, m.contexts,
           format('%s belongs to no context and uses %s', m.object, m.names),
           'Put it into a schema of a context, or let its owner''s party be a consumer of what it uses.'
      FROM mixed m
    UNION ALL
    SELECT CASE WHEN s.grantee = 0 AND s.writes THEN 'error'
                WHEN s.grantee = 0 OR s.is_party THEN 'warning' ELSE 'info' END,
           CASE WHEN s.grantee = 0 THEN 'grant_to_public'
                WHEN s.is_party THEN 'grant_crosses' ELSE 'grant_to_stranger' END,
           format('table %s', s.name),
           (SELECT array_agg(DISTINCT x ORDER BY x)
              FROM unnest(s.contexts || COALESCE(s.of_contexts, '{}')) AS x),
           format('%s holds %s on %s and is not declared for that',
                  CASE WHEN s.grantee = 0 THEN s.role ELSE format('role %I', s.role) END,
                  s.privileges, s.name),
           CASE WHEN s.is_party THEN 'Declare the party as consumer or producer, or revoke the grant.'
                ELSE 'Revoke it; "manage_grants": true keeps the grants of a table as declared.' END
      FROM stranger s
    UNION ALL
    SELECT 'warning', 'publication_crosses', format('publication %I', p.pubname), p.contexts,
           format('publication %I carries tables of several contexts: %s', p.pubname,
                  array_to_string(p.contexts, ', ')),
           'Make a publication for each context.'
      FROM publication p WHERE cardinality(p.contexts) > 1
    UNION ALL
    SELECT 'warning', 'publication_of_all', format('publication %I', p.pubname), p.contexts,
           format('publication %I carries every table, present and future', p.pubname),
           'Name the tables or schemas that it is to carry.'
      FROM publication p WHERE p.whole
    UNION ALL
    SELECT 'info', 'foreign_table_unknown', format('foreign table %s', o.name), o.contexts,
           format('no store of the document is on server %I, which %s reads', o.srvname, o.name),
           'Name the server in a store, so that it is known whose data comes in.'
      FROM outside o WHERE o.store IS NULL
    UNION ALL
    SELECT 'warning', 'table_without_owner', format('table %s', r.name),
           COALESCE(r.schema_contexts, h.contexts),
           format('table %s is in a governed schema, and no dataset names it', r.name),
           'Name it in a dataset; the setting spine.require_owner keeps new ones out.'
      FROM relation r
      JOIN governed g ON g.nsp = r.nsp
      LEFT JOIN (SELECT x.nsp, array_agg(DISTINCT c ORDER BY c) AS contexts
                   FROM relation x CROSS JOIN LATERAL unnest(x.contexts) AS c
                  GROUP BY x.nsp) h ON h.nsp = r.nsp
     WHERE r.relkind IN ('r', 'p', 'f') AND r.datasets IS NULL AND NOT r.relispartition
       AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_class'::regclass AND d.objid = r.relid
                          AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')
    UNION ALL
    SELECT 'error', 'table_shared', format('table %s', r.name), r.contexts,
           format('table %s is named by datasets of several contexts: %s', r.name,
                  array_to_string(r.datasets, ', ')),
           'One context owns a table; the others are its consumers or producers.'
      FROM relation r WHERE r.datasets IS NOT NULL AND cardinality(r.contexts) > 1
    UNION ALL
    SELECT 'warning', 'table_in_foreign_schema', format('table %s', r.name),
           (SELECT array_agg(DISTINCT x ORDER BY x)
              FROM unnest(r.contexts || r.schema_contexts) AS x),
           format('table %s is of context %s, in a schema of context %s', r.name,
                  array_to_string(r.contexts, ', '), array_to_string(r.schema_contexts, ', ')),
           'Move it to a schema of its own context, or list the schema there.'
      FROM relation r
     WHERE r.datasets IS NOT NULL AND NOT r.relispartition
       AND NOT r.contexts && r.schema_contexts
    UNION ALL
    SELECT 'warning', 'schema_shared', format('schema %I', n.nspname), l.contexts,
           format('schema %I is listed by several contexts', n.nspname),
           'List it in one context.'
      FROM listed l JOIN pg_namespace n ON n.oid = l.nsp WHERE cardinality(l.contexts) > 1
    UNION ALL
    SELECT 'info', 'function_text', format('schema %I', n.nspname), l.contexts,
           format('%s of schema %I have bodies that are text: what they use is not known',
                  CASE count(*) WHEN 1 THEN '1 function' ELSE format('%s functions', count(*)) END,
                  n.nspname),
           'A body in BEGIN ATOMIC … END is known; lineage shows what the others read when they run.'
      FROM pg_proc p
      JOIN governed g ON g.nsp = p.pronamespace
      JOIN pg_namespace n ON n.oid = p.pronamespace
      LEFT JOIN listed l ON l.nsp = p.pronamespace
     WHERE p.prosqlbody IS NULL
       AND p.prolang NOT IN (SELECT oid FROM pg_language WHERE lanname IN ('internal', 'c'))
       AND p.prokind IN ('f', 'p')
     GROUP BY n.nspname, l.contexts
)
SELECT f.severity, f.code, f.object, f.contexts, f.message, f.hint
  FROM finding f
 ORDER BY array_position(ARRAY['error', 'warning', 'info'], f.severity),
          f.code COLLATE "C", f.object COLLATE "C", f.message COLLATE "C"
$body$;
COMMENT ON FUNCTION spine.check_boundaries() IS
    'What crosses the boundaries of contexts without a declared consumer, tables that nobody owns or several share: a row for each, nothing is changed';

REVOKE ALL ON FUNCTION spine.check_boundaries() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION spine.check_boundaries()
    TO spine_reader, spine_steward, spine_auditor, spine_admin;
