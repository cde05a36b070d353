-- Expressions of a document: what is refused, with whose rights they run, and
-- that nobody changes their meaning from outside.
SET client_min_messages = notice;
CREATE ROLE regress_owner;
CREATE ROLE regress_writer;
CREATE ROLE regress_thief;
CREATE SCHEMA desk AUTHORIZATION regress_owner;
CREATE SCHEMA den AUTHORIZATION regress_thief;
CREATE SCHEMA shadow AUTHORIZATION regress_writer;
GRANT USAGE ON SCHEMA den TO PUBLIC;
CREATE SEQUENCE public.counter;

SET ROLE regress_owner;
CREATE TYPE desk.status AS ENUM ('draft', 'done');
CREATE TABLE desk.ticket (
    id     int PRIMARY KEY,
    status desk.status NOT NULL DEFAULT 'draft',
    price  int,
    title  text,
    extra  jsonb,
    due    timestamptz,
    twice  int GENERATED ALWAYS AS (price * 2) STORED
);
CREATE FUNCTION desk.next(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
CREATE FUNCTION desk.dice(int, int DEFAULT (random() * 6)::int) RETURNS int LANGUAGE sql STABLE AS 'SELECT $1';
CREATE FUNCTION desk.who() RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RAISE NOTICE 'guard runs as %, path %, time zone %', current_user,
        current_setting('search_path'), current_setting('TimeZone');
    RETURN true;
END $$;
CREATE FUNCTION desk.set_role() RETURNS boolean LANGUAGE plpgsql AS
    'BEGIN EXECUTE ''SET ROLE regress_thief''; RETURN true; END';
CREATE FUNCTION desk.grab() RETURNS boolean LANGUAGE plpgsql STABLE AS
    'BEGIN RETURN desk.set_role(); END';
CREATE FUNCTION desk.cheaper(desk.ticket, desk.ticket) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT $2.price < $1.price';
CREATE FUNCTION desk.log(desk.ticket, desk.ticket) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION desk.definer() RETURNS name LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT current_user';
CREATE DOMAIN desk.positive AS int CHECK (VALUE > 0);
GRANT USAGE ON SCHEMA desk TO PUBLIC;
GRANT ALL ON desk.ticket TO regress_writer;

SET ROLE regress_thief;
CREATE FUNCTION den.next(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE FUNCTION den.steal(int, int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
    'BEGIN RAISE NOTICE ''the thief runs as %'', current_user; RETURN true; END';
CREATE OPERATOR den.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = den.steal);
CREATE OPERATOR den.==== (LEFTARG = int, RIGHTARG = int, FUNCTION = pg_catalog.int4eq);
CREATE DOMAIN den.trap AS int CHECK (den.steal(VALUE, 1));
CREATE TYPE den.shade AS ENUM ('dark');
CREATE FUNCTION den.to_json(den.shade) RETURNS json LANGUAGE sql IMMUTABLE AS $$SELECT '1'::json$$;
CREATE CAST (den.shade AS json) WITH FUNCTION den.to_json(den.shade);
RESET ROLE;

-- the document, with a guard and a check put in
CREATE FUNCTION document(guard text, checked text DEFAULT 'price > 0') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_set(jsonb_set('{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}}, "parties": {"writer": {"kind": "service", "role": "regress_writer"}}, "contexts": {"desk": {"owner": "writer", "datasets": {"tickets": {"relation": "desk.ticket", "sot": {"store": "main", "locator": "desk.ticket"}, "lifecycle": {"governing": "status", "states": {"draft": {"initial": true, "owner": "writer", "write": {"*": ["writer"]}}, "done": {"owner": "writer", "write": {"*": ["writer"]}}}, "transitions": {"draft -> done": {"by": ["writer"]}, "done -> draft": {"by": ["writer"]}}, "invariants": {"sound": {}}}}}}}}',
        '{contexts,desk,datasets,tickets,lifecycle,transitions,draft -> done,guard}', to_jsonb($1)),
        '{contexts,desk,datasets,tickets,lifecycle,invariants,sound,check}', to_jsonb($2)) $$;
CREATE FUNCTION verdict(guard text, checked text DEFAULT 'price > 0') RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(DISTINCT code, ', '), 'sound')
    FROM spine.validate(document($1, $2)) WHERE code LIKE 'expression%' OR code LIKE 'function%' $$;

-- what a guard may be
SELECT verdict(guard), guard FROM (VALUES
    ('NEW.price = OLD.price'), ('new.title IS NOT NULL AND Old.status = ''draft'''),
    ('(NEW.extra->>''amount'')::numeric >= 0'), ('desk.next(NEW.price) > 1'), ('NEW.due > now()'),
    ('NEW.price::desk.positive > 1'), ('OLD IS NOT NULL'), ('NEW.title = ''--'''), ('NULL'),
    ('NEW.price IN (1, 2) OR (OLD.price, OLD.title) < (NEW.price, NEW.title)')) t (guard);

-- not one expression, or more than one
SELECT verdict(guard), guard FROM (VALUES
    ('1) , (2'), ('true; DROP TABLE desk.ticket'), ('true -- and no more'), ('/* */ true'), ('true, true'),
    ('true AS x'), ('true FROM desk.ticket'), ('true WHERE true'), ('true ORDER BY 1'), ('ALL true'),
    ('*'), ('true UNION SELECT true'), ('$1'), ('DEFAULT'), ('NEW.price')) t (guard);

-- what an expression may not contain
SELECT verdict(guard), guard FROM (VALUES
    ('EXISTS (SELECT 1 FROM desk.ticket)'), ('desk.next((SELECT 1)) = 2'), ('NEW.id = ANY (ARRAY(SELECT 1))'),
    ('table_to_xml(''pg_authid'', true, true, '''') IS NULL'), ('count(*) > 1'), ('row_number() OVER () = 1'),
    ('generate_series(1, 2) = 1'), ('random() > 0'), ('pg_sleep(9) IS NULL'), ('nextval(''public.counter'') > 1'),
    ('set_config(''a.b'', ''c'', false) IS NULL'), ('pg_read_file(''postgresql.conf'') IS NULL'),
    ('lo_import(''/etc/passwd'') > 0'), ('dblink(''x'', ''y'') IS NULL'), ('desk.dice(1) = 1'),
    ('current_user = ''x'''), ('session_user = ''x'''), ('has_table_privilege(''desk.ticket'', ''select'')'),
    ('to_tsvector(NEW.title) @@ to_tsquery(''simple'', ''x'')'), ('NEW.tableoid = 1'), ('NEW.ctid IS NULL'),
    ('NEW.twice > 1'), ('NEW IS NULL'), ('price > 1'), ('NEW.cost > 1'), ('NEW.title > 1'),
    ('NEW.status = ''gone'''), ('NEW.due > ''2024-13-01''')) t (guard);

-- other people's code, wherever it hides; reading the text runs none of it
SELECT verdict(guard), guard FROM (VALUES
    ('next(1) = 2'), ('den.next(1) = 2'), ('NEW.price === 1'), ('NEW.price OPERATOR(den.===) 1'),
    ('NEW.price OPERATOR(den.====) 1'), ('NEW.price::den.trap = 1'), ('''{1}''::den.trap[] IS NULL'),
    ('to_json(''dark''::den.shade) IS NULL'), ('den.steal(NEW.price, 1)')) t (guard);
REVOKE EXECUTE ON FUNCTION desk.next(int) FROM PUBLIC, regress_owner;
SELECT verdict('desk.next(1) = 2');
GRANT EXECUTE ON FUNCTION desk.next(int) TO PUBLIC;
SELECT code, pointer, message, hint FROM spine.validate(document('den.next(NEW.price) = 2')) WHERE code LIKE 'expression%';

-- a check runs as the writer: immutable functions of pg_catalog only
SELECT verdict('true', checked), checked FROM (VALUES
    ('price > 0'), ('status <> ''draft'' OR title ~ ''^x'''), ('(extra->>''amount'')::numeric >= 0'), ('twice > 1'),
    ('NEW.price > 0'), ('due > now()'), ('title::date > ''2024-01-01'''), ('desk.next(price) = 1'),
    ('price::desk.positive > 0'), ('current_user = ''x'''), ('tableoid > 0'), ('ticket IS NOT NULL')) t (checked);

-- functions that take the old and the new row
SELECT coalesce(string_agg(v.code, ', ' ORDER BY v.code), 'sound') AS verdict, f AS function
FROM unnest(ARRAY['desk.cheaper(desk.ticket, desk.ticket)', 'desk.log(desk.ticket, desk.ticket)', 'desk.next(int)',
    'desk.cheaper', 'cheaper(desk.ticket, desk.ticket)', 'den.next(int)', '1259', '-']) f
LEFT JOIN LATERAL (
    SELECT * FROM spine.validate(jsonb_set(document('true'),
        '{contexts,desk,datasets,tickets,lifecycle,transitions,draft -> done,guard}',
        jsonb_build_object('function', f))) WHERE code ~ '^(expression|function)') v ON true
GROUP BY f ORDER BY f COLLATE "C";

-- long and deep
SELECT verdict(repeat('(', 10000) || 'true' || repeat(')', 10000)) AS parentheses,
    verdict(repeat('NOT ', 10000) || 'true') AS nots,
    verdict('NEW.price' || repeat(' + 1', 15000) || ' > 1') AS sums,
    verdict('true' || repeat(' OR true', 1000)) AS ors,
    verdict('NEW.title = ''' || repeat('x', 70000) || '''') AS long;

-- with the owner's rights, whatever the writer has set
CREATE FUNCTION guarded(guard text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM spine.apply(document(guard));
END $$;
GRANT CREATE ON DATABASE :DBNAME TO regress_writer;
SELECT guarded('desk.who()');
SET ROLE regress_writer;
INSERT INTO desk.ticket (id, price, title, due) VALUES (1, 5, 'x', '2024-01-01 00:00+00');
CREATE FUNCTION shadow.int4eq(int, int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR shadow.= (LEFTARG = int, RIGHTARG = int, FUNCTION = shadow.int4eq);
CREATE FUNCTION shadow.length(text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 99';
CREATE TYPE pg_temp.jsonb AS (a int);
SET search_path = shadow, pg_catalog, public;
SET TimeZone = 'Pacific/Kiritimati';
SET DateStyle = 'German';
SET transform_null_equals = on;
SET standard_conforming_strings = off;
SET escape_string_warning = off;
UPDATE desk.ticket SET status = 'done';
SHOW search_path;
SHOW TimeZone;
SELECT current_user;
RESET ROLE;
SELECT public.guarded('NEW.price = 6 OR NEW.title = NULL OR length(NEW.title) = 99');
SET ROLE regress_writer;
UPDATE desk.ticket SET status = 'draft';
UPDATE desk.ticket SET status = 'done';				-- fails: neither is so
RESET ROLE;
SELECT public.guarded(E'NEW.title = ''\\'' OR NEW.id = 2 OR NEW.title = '' OR true OR ''''x''''''');
SET ROLE regress_writer;
UPDATE desk.ticket SET status = 'done';				-- fails: a backslash is a backslash
RESET ROLE;
SELECT public.guarded('NEW.due::date::text = ''2024-01-01'' AND NEW.due = ''2024-01-01 00:00'' AND NEW.extra::jsonb IS NULL');
SET ROLE regress_writer;
UPDATE desk.ticket SET status = 'done';
UPDATE desk.ticket SET status = 'draft';
RESET ROLE;
RESET ALL;

-- restricted, and SECURITY DEFINER is what it is elsewhere
SELECT guarded('desk.grab()');
SET ROLE regress_writer;
UPDATE desk.ticket SET status = 'done';				-- fails
RESET ROLE;
SELECT guarded('desk.definer() = ''regress_owner''');
SET ROLE regress_writer;
UPDATE desk.ticket SET status = 'done';
UPDATE desk.ticket SET status = 'draft';

-- an error or NULL is a no
RESET ROLE;
SELECT guarded('1 / (NEW.price - 5) > 0');
SET ROLE regress_writer;
UPDATE desk.ticket SET status = 'done';				-- fails: an error
RESET ROLE;
SELECT guarded('NEW.extra IS NOT NULL AND NULL');
SET ROLE regress_writer;
UPDATE desk.ticket SET status = 'done', extra = '{}';	-- fails: NULL
RESET ROLE;

-- functions are what they were when the document was applied, also in a
-- session that has the guard in its cache
SELECT guarded('desk.next(NEW.price) = 6');
SET ROLE regress_writer;
UPDATE desk.ticket SET status = 'done';
UPDATE desk.ticket SET status = 'draft';
SET ROLE regress_owner;
CREATE OR REPLACE FUNCTION desk.next(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 6';
SET ROLE regress_writer;
UPDATE desk.ticket SET status = 'done';				-- fails
RESET ROLE;
SELECT guarded('desk.next(NEW.price) = 6 OR false');
SET ROLE regress_writer;
UPDATE desk.ticket SET status = 'done';
UPDATE desk.ticket SET status = 'draft';
RESET ROLE;
ALTER FUNCTION desk.next(int) SET work_mem = '1MB';
SET ROLE regress_writer;
UPDATE desk.ticket SET status = 'done';				-- fails
RESET ROLE;
ALTER FUNCTION desk.next(int) RESET work_mem;
SET ROLE regress_writer;
UPDATE desk.ticket SET status = 'done';
RESET ROLE;

SET client_min_messages = warning;
SELECT spine.detach_all();
DROP SCHEMA desk, den, shadow CASCADE;
DROP OWNED BY regress_owner, regress_writer, regress_thief;
DROP ROLE regress_owner, regress_writer, regress_thief;
