-- path: an AFTER trigger of the table's owner below another constraint's CASCADE, which writes
-- group: keys
-- as: table_owner
-- expect: denied 42501
SET ROLE table_owner;
CREATE TABLE bp.mid (id int REFERENCES bp.agent ON DELETE CASCADE);
GRANT ALL ON bp.mid TO PUBLIC;
INSERT INTO bp.mid VALUES (8);
CREATE FUNCTION bp.mid() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN UPDATE bp.named SET v = 7; RETURN coalesce(NEW, OLD); END $f$;
CREATE TRIGGER mid AFTER DELETE ON bp.mid FOR EACH ROW EXECUTE FUNCTION bp.mid();
-- attack
DELETE FROM bp.agent WHERE id = 8;
