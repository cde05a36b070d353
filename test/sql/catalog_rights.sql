-- Who may read the document, change it, and attach guards to tables.
-- Not about the migration gate.
SELECT spine.set_level('', 'NONE') \gset
SET client_min_messages = warning;
CREATE ROLE regress_admin IN ROLE spine_admin;
CREATE ROLE regress_reader IN ROLE spine_reader;
CREATE ROLE regress_owner;
CREATE ROLE regress_other;
CREATE ROLE regress_writer;
CREATE SCHEMA shop;
GRANT ALL ON SCHEMA shop TO PUBLIC;
CREATE TABLE shop.mine (id int PRIMARY KEY, note text);
CREATE TABLE shop.child (id int PRIMARY KEY, mine int);
CREATE TABLE shop.theirs (id int PRIMARY KEY, note text);
ALTER TABLE shop.mine OWNER TO regress_owner;
ALTER TABLE shop.child OWNER TO regress_other;
ALTER TABLE shop.theirs OWNER TO regress_other;

\set head '{"kind": "DataSpine", "apiVersion": "spine/v1"}'
\set mine '{"contexts": {"shop": {"datasets": {"mine": {"relation": "shop.mine", "owner": "writer"}}}}}'
\set both '{"contexts": {"shop": {"datasets": {"mine": {"relation": "shop.mine", "owner": "writer"}, "theirs": {"relation": "shop.theirs", "owner": "writer"}}}}}'

-- an administrator, who is no superuser and owns nothing, may apply anything
SET ROLE regress_admin;
SELECT spine.apply(:'head'::jsonb || '{"parties": {"writer": {"kind": "service", "role": "regress_writer"}}, "contexts": {"shop": {"owner": "writer", "datasets": {"theirs": {"relation": "shop.theirs"}}}}}', 'start');
SELECT rev, author FROM spine.revision;
SELECT relid::regclass FROM spine.asset WHERE kind = 'dataset';
INSERT INTO spine.party VALUES ('x', 'team', NULL, NULL, '{}');		-- fails
INSERT INTO spine.revision (rev) VALUES (2);						-- fails
DELETE FROM spine.revision;											-- fails

-- readers read, and cannot apply
SET ROLE regress_reader;
SELECT count(*) FROM spine.plan(spine.export());
SELECT count(*) FROM spine.diff(0, 1);
SELECT count(*) > 0 FROM spine.health();
SELECT count(*) FROM spine.asset;
SELECT spine.apply(:'head'::jsonb || :'mine');						-- fails
SELECT spine.apply(:'head');										-- fails
SELECT spine.rollback(1);											-- fails
SELECT spine.detach_all();											-- fails
SELECT spine.refresh_projection();									-- fails

-- strangers do neither
SET ROLE regress_other;
SELECT spine.export();												-- fails
SELECT * FROM spine.plan(:'head');									-- fails
SELECT * FROM spine.diff(0, 1);										-- fails
SELECT * FROM spine.health();										-- fails
SELECT * FROM spine.revision;										-- fails
SELECT * FROM spine.asset;											-- fails
SET ROLE regress_writer;
SELECT spine.apply(:'head'::jsonb || :'mine');						-- fails

-- who owns a table may govern it, and nothing else
SET ROLE regress_owner;
SELECT spine.apply(:'head'::jsonb || :'mine', 'my own table');
SELECT spine.apply(:'head'::jsonb || :'both');						-- fails: another's table
SELECT spine.apply(:'head'::jsonb || :'mine'::jsonb || '{"parties": {"more": {"kind": "team"}}}');	-- fails: a party
SELECT spine.apply(:'head'::jsonb || jsonb_set(:'mine', '{contexts,shop,owner}', '"writer"'));
SELECT spine.apply(:'head'::jsonb || jsonb_set(:'mine', '{contexts,shop,description}', '"Mine"'));	-- fails: the context
SELECT spine.apply(:'head'::jsonb || jsonb_set(:'mine', '{contexts,shop,datasets,mine,relation}', '"shop.theirs"'));	-- fails
SELECT spine.apply(:'head'::jsonb || jsonb_set(:'mine', '{contexts,shop,datasets,more}', '{}'));	-- fails: no table
SELECT spine.apply(:'head'::jsonb || :'mine', prune => true);		-- fails: would remove the other
SELECT spine.apply(:'head'::jsonb || jsonb_set(:'mine', '{contexts,shop,datasets,mine,lifecycle}', '{"governing": "note", "states": {"a": {"initial": true, "owner": "writer"}, "b": {"terminal": true}}, "transitions": {"a -> b": {"by": ["writer"]}}, "children": {"c": {"relation": "shop.child", "via": ["mine"]}}}'));	-- fails: another's child table
SELECT spine.apply(:'head'::jsonb || jsonb_set(:'mine', '{contexts,shop,datasets,mine,description}', '"Still mine"'));
RESET ROLE;
SELECT rev, author, session_author = session_user AS session, message FROM spine.revision ORDER BY rev;
SELECT tgrelid::regclass, count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text LIKE 'shop.%' GROUP BY 1 ORDER BY 1;

-- an owner of one table mends only what is missing there
DROP TRIGGER "~spine_guard" ON shop.mine;
DROP TRIGGER "~spine_guard" ON shop.theirs;
SET ROLE regress_owner;
SELECT spine.apply(:'head'::jsonb || jsonb_set(:'mine', '{contexts,shop,datasets,mine,description}', '"Still mine"'));
RESET ROLE;
SELECT tgrelid::regclass, count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text LIKE 'shop.%' GROUP BY 1 ORDER BY 1;

-- who lost the table lost the right; rollback asks the same
ALTER TABLE shop.mine OWNER TO regress_other;
SET ROLE regress_owner;
SELECT spine.apply(:'head'::jsonb || :'mine');						-- fails
SELECT spine.rollback(1);											-- fails
RESET ROLE;

-- somebody else's search_path and operators make no difference
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.eq(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked'; END $$;
CREATE OPERATOR hostile.= (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.eq);
CREATE FUNCTION hostile.count(text) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked'; END $$;
SET search_path = hostile, pg_catalog;
SET ROLE regress_admin;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "contexts": {"shop": {"description": "All"}}}');
SELECT check_name FROM spine.health() WHERE NOT ok;
SHOW search_path;
SELECT spine.detach_all();
RESET ROLE;
RESET search_path;

-- the triggers' functions do nothing for anybody who calls them
SELECT spine.project();				-- fails
SELECT spine.refuse_change();		-- fails
CREATE TABLE shop.trap (id int);
CREATE TRIGGER trap AFTER INSERT ON shop.trap FOR EACH STATEMENT EXECUTE FUNCTION spine.project();
INSERT INTO shop.trap VALUES (1);	-- fails

-- ---- whose metadata: by standing in the accepted document ----
CREATE ROLE regress_lord;
CREATE ROLE regress_data;
CREATE ROLE regress_keeper;
CREATE ROLE regress_helper;
CREATE ROLE regress_stew IN ROLE spine_steward;
CREATE ROLE regress_audit IN ROLE spine_auditor;
CREATE ROLE regress_publisher IN ROLE spine_publisher;
CREATE TABLE shop.things (id int PRIMARY KEY, a text, b text);
ALTER TABLE shop.things OWNER TO regress_owner;
SET ROLE regress_admin;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1",
  "terms": {"classification": {"low": {"rank": 0}, "mid": {"rank": 1}, "high": {"rank": 2}, "odd": {}},
            "pii": {"email": {}}, "purpose": {"sale": {}}},
  "stores": {"main": {"kind": "postgres"}, "mart": {"kind": "warehouse"}},
  "parties": {"lord": {"kind": "context", "role": "regress_lord"}, "data": {"kind": "team", "role": "regress_data"},
              "keeper": {"kind": "team", "role": "regress_keeper"}, "helper": {"kind": "team", "role": "regress_helper"},
              "stew": {"kind": "team", "role": "regress_stew"}},
  "contexts": {"house": {"owner": "lord", "steward": "keeper", "datasets": {
    "things": {"owner": "data", "relation": "shop.things", "classification": "mid", "tags": ["pii:email"],
      "sot": {"store": "main"}, "delegates": {"helper": ["consistency", "schema_change"]},
      "attributes": {"a": {"classification": "high", "owner": "stew"}, "b": {"tags": ["pii:email"]}},
      "retention": {"old": {"keep": "P1Y", "predicate": "true"}}},
    "idea": {"classification": "mid"}}}}}', 'house');
RESET ROLE;

-- try(role, change of the house): what the role may do; nothing is kept
CREATE FUNCTION try(role name, path text, value jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    part jsonb := spine.export('house');
    said text;
BEGIN
    path := 'contexts,house' || coalesce(',' || nullif(path, ''), '');
    IF value IS NULL THEN part := part #- string_to_array(path, ',');
    ELSE part := jsonb_set(part, string_to_array(path, ','), value); END IF;
    BEGIN
        EXECUTE format('SET LOCAL ROLE %I', role);
        PERFORM spine.apply(part, '', value IS NULL);
        RAISE EXCEPTION 'allowed' USING ERRCODE = 'XX123';
    EXCEPTION
        WHEN SQLSTATE 'XX123' THEN RETURN 'yes';
        WHEN insufficient_privilege THEN
            GET STACKED DIAGNOSTICS said = PG_EXCEPTION_HINT;
            RETURN CASE WHEN said LIKE 'Its owner%' THEN 'owner' WHEN said LIKE 'Only the current%' THEN 'handover'
                WHEN said LIKE 'Only its steward%' THEN 'steward' WHEN said LIKE 'This binds%' THEN 'table'
                WHEN said LIKE 'Only members%' THEN 'admin' ELSE '-' END;
    END;
END $$;
SELECT c.path, c.value, try('regress_admin', c.path, c.value) AS admin, try('regress_lord', c.path, c.value) AS lord,
       try('regress_data', c.path, c.value) AS data, try('regress_keeper', c.path, c.value) AS keeper,
       try('regress_helper', c.path, c.value) AS helper, try('regress_stew', c.path, c.value) AS stew,
       try('regress_owner', c.path, c.value) AS tabler, try('regress_audit', c.path, c.value) AS audit,
       try('regress_other', c.path, c.value) AS other
FROM (VALUES
    (1, 'description', '"x"'::jsonb),
    (2, 'schemas', '["house"]'),
    (3, 'owner', '"data"'),
    (4, 'steward', '"lord"'),
    (5, 'steward', NULL),
    (6, 'classification', '"low"'),
    (7, 'delegates', '{"helper": ["access"]}'),
    (10, 'datasets,things,description', '"x"'),
    (11, 'datasets,things,links', '{"a": "docs/a"}'),
    (12, 'datasets,things,consumers', '{"lord": {"purpose": "sale"}}'),
    (13, 'datasets,things,producers', '{"lord": {}}'),
    (14, 'datasets,things,delegates', '{"keeper": ["access"]}'),
    (15, 'datasets,things,review_on', '"2999-01-01"'),
    (16, 'datasets,things,steward', '"lord"'),
    (17, 'datasets,things,steward', '"keeper"'),
    (20, 'datasets,things,owner', '"lord"'),
    (21, 'datasets,things,owner', NULL),
    (22, 'datasets,things,owner_state', '"proposed"'),
    (23, 'datasets,idea,owner', '"data"'),
    (30, 'datasets,things,classification', '"high"'),
    (31, 'datasets,things,classification', '"low"'),
    (32, 'datasets,things,classification', '"odd"'),
    (33, 'datasets,things,classification', NULL),
    (34, 'datasets,things,tags', '["pii:email", "purpose:sale"]'),
    (35, 'datasets,things,tags', '[]'),
    (36, 'datasets,things,attributes,a,classification', '"low"'),
    (37, 'datasets,things,attributes,a', NULL),
    (38, 'datasets,things,attributes,b,classification', '"high"'),
    (39, 'datasets,things,attributes,b,classification', '"low"'),
    (40, 'datasets,things,attributes,b,tags', '[]'),
    (41, 'datasets,things,attributes,b,description', '"x"'),
    (42, 'datasets,things,attributes,b,erasure', '"null"'),
    (43, 'datasets,things,attributes,b,owner', '"data"'),
    (44, 'datasets,things,attributes,a,owner', '"data"'),
    (45, 'datasets,things,attributes,id', '{}'),
    (50, 'datasets,things,replicas', '{"r": {"store": "mart"}}'),
    (51, 'datasets,things,replicas', '{"r": {"store": "mart", "filter": "true"}}'),
    (52, 'datasets,things,sot,locator', '"x"'),
    (53, 'datasets,things,sot,store', '"mart"'),
    (54, 'datasets,things,retention,old,keep', '"P2Y"'),
    (55, 'datasets,things,retention,old,predicate', '"false"'),
    (56, 'datasets,things,enforcement', '"off"'),
    (57, 'datasets,things,audit', '"none"'),
    (58, 'datasets,things,relation', NULL),
    (60, 'datasets,things', NULL),
    (61, 'datasets,idea', NULL),
    (62, 'datasets,new', '{}'),
    (63, 'datasets,new', '{"relation": "shop.child", "owner": "data"}'),
    (64, 'datasets,idea,relation', '"shop.child"'),
    (65, '', '{}')
) c(n, path, value) ORDER BY n;
CREATE FUNCTION try_document(role name, doc jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    PERFORM spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1"}' || doc);
    RAISE EXCEPTION 'allowed' USING ERRCODE = 'XX123';
EXCEPTION
    WHEN SQLSTATE 'XX123' THEN RETURN 'yes';
    WHEN insufficient_privilege THEN RETURN 'no';
END $$;
-- other sections are the administrators'; terms may be proposed by stewards
SELECT role, section, spine_try FROM (VALUES
    ('regress_lord', 'parties', '{"parties": {"data": {"kind": "team", "role": "regress_lord"}}}'),
    ('regress_stew', 'terms', '{"terms": {"classification": {"new": {"rank": 9}}}}'),
    ('regress_stew', 'terms', '{"terms": {"kin": {"a": {}}}}'),
    ('regress_stew', 'terms', '{"terms": {"classification": {"mid": {"rank": 1, "description": "some"}}}}'),
    ('regress_stew', 'terms', '{"terms": {"classification": {"mid": {"rank": 0}}}}'),
    ('regress_lord', 'terms', '{"terms": {"kin": {"a": {}}}}'),
    ('regress_stew', 'stores', '{"stores": {"x": {"kind": "api"}}}'),
    ('regress_lord', 'contexts', '{"contexts": {"new": {"owner": "lord"}}}'),
    ('regress_audit', 'nothing', '{}')) c(role, section, doc),
    LATERAL (SELECT try_document(c.role, c.doc::jsonb) AS spine_try) t;

-- nobody but the functions writes: every role on every table of spine
CREATE FUNCTION try_sql(role name, command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    EXECUTE command;
    RAISE EXCEPTION 'allowed' USING ERRCODE = 'XX123';
EXCEPTION
    WHEN SQLSTATE 'XX123' THEN RETURN 'allowed';
    WHEN insufficient_privilege THEN RETURN 'denied';
    WHEN OTHERS THEN RETURN SQLSTATE;
END $$;
CREATE VIEW spine_tables AS
    SELECT c.oid::regclass AS name, c.relkind = 'v' AS is_view, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = (SELECT min(i.attnum) FROM pg_attribute i WHERE i.attrelid = c.oid AND i.attnum > 0 AND i.attidentity = '')
     WHERE c.relnamespace = 'spine'::regnamespace AND c.relkind IN ('r', 'p', 'v');
CREATE VIEW attempts AS
    SELECT v.verb, tables.is_view, t.outcome
    FROM (VALUES ('INSERT INTO %s DEFAULT VALUES'), ('UPDATE %s SET %I = NULL'), ('DELETE FROM %s'), ('TRUNCATE %s'),
                 ('LOCK TABLE %s IN SHARE MODE'), ('ALTER TABLE %s ADD x int'),
                 ('CREATE TRIGGER x AFTER INSERT ON %s FOR EACH STATEMENT EXECUTE FUNCTION spine.project()')) v(verb),
         unnest('{regress_admin,regress_reader,regress_owner,regress_other,regress_writer,regress_lord,regress_data,regress_keeper,regress_stew,regress_audit,regress_publisher}'::name[]) role,
         spine_tables tables, try_sql(role, format(v.verb, tables.name, tables.attname)) t(outcome);
SELECT verb, outcome, count(*) > 50 AS many FROM attempts WHERE NOT is_view GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) FILTER (WHERE outcome = 'allowed') AS allowed_on_views FROM attempts WHERE is_view;
DROP VIEW attempts, spine_tables;
-- the auditor reads all but the outbox and the rows that repairs keep, which
-- are the administrators'
SELECT count(*) FILTER (WHERE has_table_privilege('regress_audit', c.oid, 'SELECT')) = count(*) AS reads_all,
       array_agg(c.oid::regclass ORDER BY 1) FILTER (WHERE NOT has_table_privilege('regress_audit', c.oid, 'SELECT')) AS but
FROM pg_class c WHERE relnamespace = 'spine'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition;

DROP SCHEMA hostile CASCADE;
DROP SCHEMA shop CASCADE;
DROP EXTENSION spine;
DROP ROLE regress_admin, regress_reader, regress_owner, regress_other, regress_writer, regress_lord, regress_data,
    regress_keeper, regress_helper, regress_stew, regress_audit, regress_publisher;
