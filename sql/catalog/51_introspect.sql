-- catalog: a first document from what pg_catalog knows of a schema.  It reads
-- system catalogs and the accepted document, no table of the schema itself.
-- The planner cannot know how much of the catalogs a schema is, and would join
-- row by row: without nested loops the time grows with the number of tables.

CREATE FUNCTION spine.user_schema(schema name) RETURNS oid
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_user_schema';
COMMENT ON FUNCTION spine.user_schema(name) IS
    'The oid of a schema whose tables can be governed; an error for schemas of the system';

CREATE FUNCTION spine.fit_name(name text, taken boolean DEFAULT false) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_fit_name';
COMMENT ON FUNCTION spine.fit_name(text, boolean) IS
    'A name as a document may hold it: itself, or one like it with a hash where it does not fit or is taken';

CREATE FUNCTION spine.fit_text(text text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_fit_text';
COMMENT ON FUNCTION spine.fit_text(text) IS
    'A text as a document may hold it; NULL where it has a placeholder that was never filled in';

CREATE FUNCTION spine.attribute_key(name text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_attribute_key';
COMMENT ON FUNCTION spine.attribute_key(text) IS
    'A column as documents name it among attributes: in double quotes where it holds a dot or a double quote';

CREATE FUNCTION spine.introspect(schema name) RETURNS jsonb
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET enable_nestloop = off
SET jit = off
AS $introspect$
WITH RECURSIVE
-- ---- what is accepted already ----
here AS MATERIALIZED (
    SELECT oid, nspname, nspowner
      FROM pg_catalog.pg_namespace WHERE oid = spine.user_schema(schema)
), accepted AS MATERIALIZED (
    SELECT '{"parties": {}, "stores": {}, "contexts": {}}' ||
           coalesce((SELECT document FROM spine.revision ORDER BY rev DESC LIMIT 1), '{}') AS document
), context AS MATERIALIZED (
    -- the one that claims the schema, or has its name, or a new one
    SELECT coalesce(c.key, spine.fit_name(h.nspname::text)) AS name, c.value AS entry,
           coalesce(c.value -> 'datasets', '{}') AS datasets, coalesce(c.value ? 'owner', false) AS owned
      FROM here h CROSS JOIN accepted a LEFT JOIN LATERAL (
           SELECT key, value FROM jsonb_each(a.document -> 'contexts')
            WHERE value -> 'schemas' ? h.nspname::text OR key = spine.fit_name(h.nspname::text)
            ORDER BY (value -> 'schemas' ? h.nspname::text) DESC NULLS LAST, key LIMIT 1) c ON true
), own_store AS MATERIALIZED (
    -- the store that is this database; NULL where the document leaves it open
    SELECT CASE WHEN set_name IS NOT NULL THEN set_name
                WHEN cardinality(names) = 0
                    THEN spine.fit_name('main', (a.document -> 'stores') ? 'main'
                         OR EXISTS (SELECT FROM pg_catalog.pg_foreign_server WHERE srvname = 'main'))
                WHEN cardinality(names) = 1 THEN names[1] END AS name
      FROM accepted a,
           LATERAL (SELECT nullif(current_setting('spine.store', true), '') AS set_name) s,
           LATERAL (SELECT ARRAY(SELECT key FROM jsonb_each(a.document -> 'stores')
                     WHERE value ->> 'kind' = 'postgres' AND NOT value ? 'server') AS names) n
),
-- ---- which tables ----
candidate AS MATERIALIZED (
    SELECT c.oid AS relid, c.relname, c.relowner,
           format('%I.%I', h.nspname, c.relname) AS relation
      FROM here h JOIN pg_catalog.pg_class c ON c.relnamespace = h.oid
     WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND NOT c.relispartition
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
                          AND d.objsubid = 0 AND d.deptype = 'e')
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
                        WHERE i.inhrelid = c.oid AND p.relkind IN ('r', 'p'))
), member (root, relid) AS (
    -- a table with its partitions and those that inherit from it
    SELECT relid, relid FROM candidate
     UNION
    SELECT m.root, i.inhrelid FROM member m JOIN pg_catalog.pg_inherits i ON i.inhparent = m.relid
), governed AS (
    SELECT m.root FROM member m JOIN spine.asset a ON a.relid = m.relid AND a.kind IN ('dataset', 'child')
     UNION
    SELECT c.relid FROM candidate c JOIN spine.asset a USING (relation) WHERE a.kind IN ('dataset', 'child')
), governed_member (relid) AS (
    SELECT relid FROM spine.asset WHERE kind IN ('dataset', 'child') AND relid IS NOT NULL
     UNION
    SELECT i.inhrelid FROM governed_member m JOIN pg_catalog.pg_inherits i ON i.inhparent = m.relid
), sharing AS (
    -- a child of several tables can obey only one: what is accepted, or the first by name
    SELECT root FROM (SELECT m.root, rank() OVER (PARTITION BY m.relid ORDER BY c.relname) AS n
                        FROM member m JOIN candidate c ON c.relid = m.root) r WHERE n > 1
     UNION
    SELECT m.root FROM member m JOIN governed_member USING (relid)
), chosen AS MATERIALIZED (
    SELECT c.relid, c.relation,
           spine.fit_name(c.relname::text, x.datasets ? c.relname::text) AS name,
           CASE WHEN c.relowner = 'pg_database_owner'::regrole THEN d.datdba ELSE c.relowner END AS owner,
           c.relid IN (SELECT root FROM sharing) AS shared
      FROM candidate c, context x, pg_catalog.pg_database d
     WHERE d.datname = current_database() AND spine.fit_name(c.relation) = c.relation
       AND c.relid NOT IN (SELECT root FROM governed)
),
-- ---- whose they are ----
owning AS MATERIALIZED (
    -- of the context: who owns most of its tables, or the schema
    SELECT coalesce((SELECT owner FROM chosen GROUP BY owner
                      ORDER BY count(*) DESC, owner LIMIT 1),
                    nullif(h.nspowner, 'pg_database_owner'::regrole), d.datdba) AS roleid
      FROM here h, pg_catalog.pg_database d WHERE d.datname = current_database()
), granted AS MATERIALIZED (
    SELECT m.root, a.grantee, a.privilege_type, NULL::name AS attname
      FROM member m JOIN pg_catalog.pg_class c ON c.oid = m.relid, aclexplode(c.relacl) a
     UNION
    SELECT m.root, a.grantee, a.privilege_type, t.attname
      FROM member m JOIN pg_catalog.pg_attribute t ON t.attrelid = m.relid, aclexplode(t.attacl) a
     WHERE t.attnum > 0 AND NOT t.attisdropped AND (m.root = m.relid OR a.privilege_type <> 'SELECT')
     UNION
    -- who owns a partition or a child writes to it
    SELECT m.root, c.relowner, 'INSERT', NULL
      FROM member m JOIN pg_catalog.pg_class c ON c.oid = m.relid
), allowed AS MATERIALIZED (
    SELECT c.relid, g.roleid, g.privilege_type <> 'SELECT' AS writes, g.attname
      FROM chosen c JOIN LATERAL (
           SELECT DISTINCT CASE WHEN grantee = 'pg_database_owner'::regrole
                                THEN (SELECT datdba FROM pg_catalog.pg_database WHERE datname = current_database())
                                ELSE grantee END AS roleid, privilege_type, attname
             FROM granted WHERE root = c.relid
              AND privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')) g
        ON g.roleid NOT IN (0, c.owner)
), reference AS MATERIALIZED (
    -- tables of other schemas whose foreign keys look here
    SELECT c.relid, r.relowner AS roleid,
           format('Foreign key %s of %I.%I', string_agg(f.conname, ', ' ORDER BY f.conname),
                  n.nspname, r.relname) AS what
      FROM chosen c JOIN pg_catalog.pg_constraint f ON f.confrelid = c.relid
      JOIN pg_catalog.pg_class r ON r.oid = f.conrelid
      JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace, here h
     WHERE f.contype = 'f' AND f.conparentid = 0 AND r.relnamespace <> h.oid AND r.relowner <> c.owner
     GROUP BY c.relid, r.relowner, n.nspname, r.relname
),
-- ---- parties: those of the document by their role, others by their name ----
party AS MATERIALIZED (
    SELECT r.oid AS roleid, p.known, p.can_act,
           coalesce(p.known, spine.fit_name(r.rolname::text,
               (a.document -> 'parties') ? spine.fit_name(r.rolname::text))) AS name,
           jsonb_build_object('kind', CASE WHEN r.rolcanlogin THEN 'service' ELSE 'team' END,
               'role', CASE WHEN p.can_act THEN r.rolname END,
               'description', spine.fit_text(shobj_description(r.oid, 'pg_authid'))) AS entry
      FROM accepted a, pg_catalog.pg_roles r
      LEFT JOIN LATERAL (
           SELECT party, coalesce(definition ->> 'retired' = 'true', false) AS retired FROM spine.party
            WHERE roleid = r.oid OR role = r.rolname
            ORDER BY (roleid = r.oid) DESC NULLS LAST, party LIMIT 1) found ON true,
           LATERAL (SELECT CASE WHEN NOT found.retired THEN found.party END AS known,
                           NOT coalesce(found.retired, false)
                           AND spine.fit_name(r.rolname::text) = r.rolname::text AS can_act) p
     WHERE r.oid IN (SELECT roleid FROM owning UNION ALL SELECT owner FROM chosen
                     UNION ALL SELECT roleid FROM allowed UNION ALL SELECT roleid FROM reference)
), context_owner AS MATERIALIZED (
    SELECT coalesce(x.entry ->> 'owner', p.name) AS name
      FROM context x, owning o LEFT JOIN party p USING (roleid)
), producer AS (
    SELECT relid, jsonb_agg(DISTINCT p.name ORDER BY p.name) AS list
      FROM allowed JOIN party p USING (roleid) WHERE writes AND p.can_act GROUP BY relid
), reading AS (
    SELECT relid, p.name, bool_or(what IS NULL AND attname IS NULL) AS whole,
           jsonb_agg(DISTINCT attribute) FILTER (WHERE attribute IS NOT NULL) AS attributes,
           bool_and(attname IS NULL OR attribute IS NOT NULL) AS nameable,
           string_agg(DISTINCT what, '; ' ORDER BY what) AS what
      FROM (SELECT relid, roleid, attname, NULL AS what,
                   CASE WHEN spine.fit_name(attname::text) = attname::text
                        THEN spine.attribute_key(attname::text) END AS attribute
              FROM allowed WHERE NOT writes
             UNION ALL
            SELECT relid, roleid, NULL, what, NULL FROM reference) r
      JOIN party p USING (roleid) WHERE p.can_act GROUP BY relid, p.name
), consumer AS (
    SELECT relid, jsonb_object_agg(name, jsonb_strip_nulls(jsonb_build_object(
               'attributes', CASE WHEN NOT whole AND nameable THEN attributes END,
               'description', spine.fit_text(what)))) AS map
      FROM reading GROUP BY relid
),
-- ---- columns, keys and links ----
attribute AS (
    SELECT c.relid, jsonb_object_agg(spine.attribute_key(t.attname::text),
               jsonb_build_object('description', d.description)) AS map
      FROM chosen c JOIN pg_catalog.pg_attribute t ON t.attrelid = c.relid
      JOIN pg_catalog.pg_description d ON d.objoid = c.relid AND d.objsubid = t.attnum
       AND d.classoid = 'pg_catalog.pg_class'::regclass
     WHERE t.attnum > 0 AND NOT t.attisdropped AND spine.fit_text(d.description) IS NOT NULL
       AND spine.fit_name(spine.attribute_key(t.attname::text)) = spine.attribute_key(t.attname::text)
     GROUP BY c.relid
), unique_index AS (
    -- what tells rows apart: the primary key, or another one without nulls
    SELECT DISTINCT ON (c.relid) c.relid, i.indisprimary AND i.indimmediate AS plain, k.columns
      FROM chosen c JOIN pg_catalog.pg_index i ON i.indrelid = c.relid
      JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid,
           LATERAL (SELECT jsonb_agg(t.attname ORDER BY u.n) AS columns,
                           bool_and(t.attnotnull AND spine.fit_name(t.attname::text) = t.attname::text) AS fit,
                           count(t.attname) = i.indnkeyatts AS complete
                      FROM unnest(i.indkey::int2[]) WITH ORDINALITY u (attnum, n)
                      LEFT JOIN pg_catalog.pg_attribute t ON t.attrelid = c.relid AND t.attnum = u.attnum
                     WHERE u.n <= i.indnkeyatts) k
     WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND k.complete
       AND (i.indisprimary AND i.indimmediate OR k.fit)
     ORDER BY c.relid, i.indisprimary AND i.indimmediate DESC, i.indimmediate DESC, i.indisprimary DESC,
              i.indisreplident DESC, i.indnkeyatts, x.relname
), link AS (
    SELECT c.relid, jsonb_object_agg(spine.fit_name(f.conname::text), spine.fit_text(replace(f.confrelid::regclass::text, ' ', '%20'))) AS map
      FROM chosen c JOIN pg_catalog.pg_constraint f ON f.conrelid = c.relid
     WHERE f.contype = 'f' AND f.conparentid = 0 GROUP BY c.relid
),
-- ---- copies ----
published AS MATERIALIZED (
    SELECT m.root AS relid, p.pubname::text AS name, 'subscribers of ' || p.pubname AS store,
           min(p.rowfilter) AS filter
      FROM pg_catalog.pg_publication_tables p
      JOIN pg_catalog.pg_namespace n ON n.nspname = p.schemaname
      JOIN pg_catalog.pg_class t ON t.relnamespace = n.oid AND t.relname = p.tablename
      JOIN member m ON m.relid = t.oid
     WHERE m.root IN (SELECT relid FROM chosen) GROUP BY m.root, p.pubname
), replica AS (
    SELECT relid, jsonb_object_agg(spine.fit_name(name), jsonb_strip_nulls(jsonb_build_object(
               'store', spine.fit_name(store), 'flow', 'logical_replication', 'trigger', 'realtime',
               'consistency', 'eventual', 'provisional', true,
               'description', spine.fit_text('Only rows where ' || filter)))) AS map
      FROM published GROUP BY relid
), view_source AS (
    -- a materialized view of one table, with no code that could read more
    SELECT min(d.refobjid::bigint)::oid AS relid, v.relname::text AS name,
           format('%I.%I', h.nspname, v.relname) AS locator
      FROM here h JOIN pg_catalog.pg_class v ON v.relnamespace = h.oid
      JOIN pg_catalog.pg_rewrite w ON w.ev_class = v.oid
      JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid
       AND NOT (d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = v.oid)
     WHERE v.relkind = 'm'
     GROUP BY v.oid, v.relname, h.nspname
    HAVING count(DISTINCT d.refobjid) FILTER (WHERE d.refclassid = 'pg_catalog.pg_class'::regclass) = 1
       AND bool_and(d.refclassid IN ('pg_catalog.pg_class'::regclass, 'pg_catalog.pg_collation'::regclass))
), derived AS (
    SELECT v.relid, jsonb_object_agg(spine.fit_name(v.name), jsonb_build_object(
               'store', s.name, 'locator', spine.fit_text(v.locator), 'trigger', 'on_demand',
               'consistency', 'snapshot', 'transformation', 'materialized view')) AS map
      FROM view_source v, own_store s WHERE s.name IS NOT NULL GROUP BY v.relid
), subscribed AS (
    SELECT m.root AS relid, string_agg(DISTINCT s.subname, ', ' ORDER BY s.subname) AS names
      FROM member m JOIN pg_catalog.pg_subscription_rel r ON r.srrelid = m.relid
      JOIN pg_catalog.pg_subscription s ON s.oid = r.srsubid GROUP BY m.root
),
-- ---- the document ----
dataset AS (
    SELECT c.name, jsonb_build_object(
           'relation', c.relation,
           'enforcement', CASE WHEN k.relid IS NULL OR c.shared THEN 'off' ELSE 'observe' END,
           'description', spine.fit_text(obj_description(c.relid, 'pg_class')),
           'owner', CASE WHEN o.name IS DISTINCT FROM x.name THEN o.name END,
           'key', CASE WHEN NOT k.plain THEN k.columns END,
           'sot', CASE WHEN s.name IS NOT NULL THEN jsonb_build_object(
                'store', s.name, 'locator', c.relation,
                'provisional', CASE WHEN b.relid IS NOT NULL THEN true END,
                'rationale', spine.fit_text('Written by subscription ' || b.names)) END,
           'producers', p.list, 'consumers', u.map, 'attributes', t.map, 'links', l.map,
           'replicas', r.map, 'derived', d.map) AS entry
      FROM chosen c CROSS JOIN own_store s CROSS JOIN context_owner x
      JOIN party o ON o.roleid = c.owner
      LEFT JOIN unique_index k ON k.relid = c.relid LEFT JOIN subscribed b ON b.relid = c.relid
      LEFT JOIN producer p ON p.relid = c.relid LEFT JOIN consumer u ON u.relid = c.relid
      LEFT JOIN attribute t ON t.relid = c.relid LEFT JOIN link l ON l.relid = c.relid
      LEFT JOIN replica r ON r.relid = c.relid LEFT JOIN derived d ON d.relid = c.relid
), store AS (
    SELECT name, jsonb_build_object('kind', 'postgres') AS entry FROM own_store WHERE name IS NOT NULL
     UNION ALL
    SELECT DISTINCT spine.fit_name(store), jsonb_build_object('kind', 'other',
           'description', spine.fit_text('Whoever subscribes to publication ' || name)) FROM published
     UNION ALL
    SELECT spine.fit_name(f.srvname::text, (a.document -> 'stores') ? f.srvname::text),
           jsonb_build_object('kind', CASE w.fdwname WHEN 'postgres_fdw' THEN 'postgres' ELSE 'other' END,
               'server', f.srvname, 'description', spine.fit_text(obj_description(f.oid, 'pg_foreign_server')))
      FROM accepted a, pg_catalog.pg_foreign_server f JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = f.srvfdw
     WHERE spine.fit_name(f.srvname::text) = f.srvname::text
       AND NOT EXISTS (SELECT FROM jsonb_each(a.document -> 'stores') WHERE value ->> 'server' = f.srvname)
)
SELECT jsonb_strip_nulls(jsonb_build_object(
       'kind', 'DataSpine', 'apiVersion', 'spine/v1',
       'parties', (SELECT jsonb_object_agg(name, entry) FROM party
                    WHERE known IS NULL AND roleid IN (
                          SELECT owner FROM chosen UNION ALL SELECT roleid FROM owning WHERE NOT x.owned
                           UNION ALL SELECT roleid FROM allowed WHERE can_act
                           UNION ALL SELECT roleid FROM reference WHERE can_act)),
       'stores', (SELECT jsonb_object_agg(name, entry) FROM store
                   WHERE NOT (a.document -> 'stores') ? name),
       'contexts', jsonb_build_object(x.name, jsonb_build_object(
           'owner', CASE WHEN NOT x.owned THEN o.name END,
           'description', CASE WHEN x.entry IS NULL THEN spine.fit_text(obj_description(h.oid, 'pg_namespace')) END,
           'schemas', CASE WHEN x.entry IS NULL AND spine.fit_name(h.nspname::text) = h.nspname::text
                           THEN jsonb_build_array(h.nspname) END,
           'datasets', (SELECT jsonb_object_agg(name, entry) FROM dataset)))))
  FROM here h, accepted a, context x, context_owner o
$introspect$;
COMMENT ON FUNCTION spine.introspect(name) IS
    'A first document for a schema from pg_catalog, in mode observe, to be edited and applied; leaves out what is governed already';

REVOKE ALL ON FUNCTION spine.introspect(name), spine.user_schema(name),
    spine.fit_name(text, boolean), spine.fit_text(text), spine.attribute_key(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION spine.introspect(name), spine.user_schema(name),
    spine.fit_name(text, boolean), spine.fit_text(text), spine.attribute_key(text)
    TO spine_reader, spine_steward, spine_auditor, spine_admin;
