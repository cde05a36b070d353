-- path: a function that the planner runs for a named constraint's action
-- group: keys
-- as: table_owner
-- expect: denied 42501
-- note: It writes below the flag of a foreign key, with a named constraint's text, and is refused.
CREATE FUNCTION bp.writes() RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'UPDATE ONLY "bp"."named" SET "agent" = NULL WHERE $1 OPERATOR(pg_catalog.=) "agent"' USING 4; RETURN 1; END $$;
CREATE FUNCTION bp.sly() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN EXECUTE 'SELECT bp.writes()'; RETURN 1; END $$;
CREATE TABLE bp.mid (id int DEFAULT bp.sly() REFERENCES bp.agent ON DELETE SET DEFAULT);
INSERT INTO bp.mid VALUES (8);
DELETE FROM bp.agent WHERE id = 8;
