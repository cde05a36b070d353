-- Who may read the document, change it, and attach guards to tables.
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

DROP SCHEMA hostile CASCADE;
DROP SCHEMA shop CASCADE;
DROP EXTENSION spine;
DROP ROLE regress_admin, regress_reader, regress_owner, regress_other, regress_writer;
