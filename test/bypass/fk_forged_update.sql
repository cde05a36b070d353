-- path: such a trigger that runs the text of a named constraint's UPDATE
-- group: keys
-- as: table_owner
-- expect: denied 42501
SET ROLE table_owner;
CREATE TABLE bp.mid (id int REFERENCES bp.agent ON DELETE CASCADE);
GRANT ALL ON bp.mid TO PUBLIC;
INSERT INTO bp.mid VALUES (8);
CREATE FUNCTION bp.mid() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN EXECUTE 'UPDATE ONLY "bp"."named" SET "agent" = NULL WHERE $1 OPERATOR(pg_catalog.=) "agent"' USING 4; RETURN coalesce(NEW, OLD); END $f$;
CREATE TRIGGER mid BEFORE DELETE ON bp.mid FOR EACH ROW EXECUTE FUNCTION bp.mid();
-- attack
DELETE FROM bp.agent WHERE id = 8;
