-- What holds for every object of the extension, by the catalogs: comments,
-- search paths, privileges, schema, column types; and that no function falls
-- over when it is called the wrong way.

CREATE VIEW member AS
    SELECT d.classid, d.objid, o.type, o.identity
    FROM pg_depend d
    JOIN pg_extension e ON e.oid = d.refobjid,
    LATERAL pg_identify_object(d.classid, d.objid, 0) o
    WHERE d.refclassid = 'pg_extension'::regclass
      AND d.deptype = 'e' AND e.extname = 'spine';

CREATE VIEW member_function AS
    SELECT p.*, l.lanname
    FROM member m
    JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
    JOIN pg_language l ON l.oid = p.prolang;

-- Everything is in the schema spine (none).
SELECT type, identity FROM member
WHERE type NOT IN ('schema', 'event trigger', 'language')
  AND identity !~ '^spine\.' AND identity !~ ' (on|for|from) spine\.'
ORDER BY 1, 2;

-- Everything has a comment (none lacks one; row types go with their tables).
SELECT m.type, m.identity
FROM member m JOIN pg_class c ON c.oid = m.classid
LEFT JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
WHERE obj_description(m.objid, c.relname) IS NULL
  AND m.type NOT IN ('index', 'toast table')
  AND (t.oid IS NULL
       OR t.typelem = 0 AND (t.typrelid = 0 OR
          (SELECT relkind = 'c' FROM pg_class WHERE oid = t.typrelid)))
ORDER BY 1, 2;

-- SECURITY DEFINER pins the search path, pg_temp last (none does not).
SELECT oid::regprocedure FROM member_function
WHERE prosecdef
  AND NOT coalesce(proconfig, '{}') @> '{"search_path=pg_catalog, pg_temp"}'
ORDER BY oid::regprocedure::text COLLATE "C";

-- A function in SQL or PL/pgSQL pins it too, or is a SQL-standard body, whose
-- names were resolved when it was created (none does neither).
SELECT oid::regprocedure FROM member_function
WHERE lanname IN ('sql', 'plpgsql') AND prosqlbody IS NULL
  AND NOT coalesce(proconfig, '{}') @> '{"search_path=pg_catalog, pg_temp"}'
ORDER BY oid::regprocedure::text COLLATE "C";

-- Functions that everybody may execute.  A new line here is a decision.
SELECT oid::regprocedure AS everybody_may_execute,
       prosecdef AS security_definer
FROM member_function
WHERE proacl IS NULL
   OR EXISTS (SELECT FROM aclexplode(proacl)
              WHERE grantee = 0 AND privilege_type = 'EXECUTE')
ORDER BY oid::regprocedure::text COLLATE "C";

-- Tables and views that everybody may read or write.
SELECT c.oid::regclass AS relation,
       string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type)
           AS everybody_may
FROM member m
JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid,
LATERAL aclexplode(c.relacl) a
WHERE a.grantee = 0
GROUP BY 1 ORDER BY c.oid::regclass::text COLLATE "C";

-- Nobody but the owner creates in the schema (none).
SELECT grantee::regrole, privilege_type
FROM pg_namespace, aclexplode(nspacl)
WHERE nspname = 'spine' AND privilege_type = 'CREATE' AND grantee <> nspowner;

-- No column that pg_upgrade refuses: reg* types and expression trees (none).
SELECT a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod)
FROM member m
JOIN pg_attribute a ON m.classid = 'pg_class'::regclass
    AND a.attrelid = m.objid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'm')
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_type e ON e.oid = t.typelem
WHERE coalesce(e.typname, t.typname) ~ '^reg'
   OR coalesce(e.typname, t.typname) IN ('pg_node_tree', 'aclitem')
ORDER BY a.attrelid::regclass::text COLLATE "C", a.attnum;

-- Tables whose rows are dumped, and which.
SELECT t::regclass AS dumped, extcondition[n] AS condition
FROM pg_extension, unnest(extconfig) WITH ORDINALITY u(t, n)
WHERE extname = 'spine'
ORDER BY t::regclass::text COLLATE "C";

-- Trigger functions refuse to be called as functions: 39P01, each of them.
CREATE FUNCTION sqlstate_of(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE command;
    RETURN '00000';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END $$;
SELECT oid::regprocedure AS trigger_function,
       sqlstate_of(format('SELECT %s()', oid::regproc))
FROM member_function
WHERE prorettype IN ('trigger'::regtype, 'event_trigger'::regtype)
  AND lanname = 'c'
ORDER BY oid::regprocedure::text COLLATE "C";

-- Called with nothing but NULLs, no function reports an internal error (none).
SELECT oid::regprocedure, sqlstate_of(call) AS sqlstate
FROM (
    SELECT oid, format('SELECT * FROM %s(%s)', oid::regproc,
                       (SELECT string_agg('NULL::' || format_type(t, NULL), ', ')
                        FROM unnest(proargtypes) t)) AS call
    FROM member_function
    WHERE prokind = 'f'
      AND prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
) f
WHERE sqlstate_of(call) ~ '^(XX|58)'
ORDER BY oid::regprocedure::text COLLATE "C";
