-- path: a deferred constraint trigger that writes at COMMIT, after SET ROLE
-- group: triggers
-- as: guest
-- expect: denied 42501
-- note: Judged when it writes, as who is current then.
SET ROLE guest;
CREATE TABLE play.late (id int);
CREATE FUNCTION play.late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE bp.plain SET v = 7; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON play.late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION play.late();
-- attack
BEGIN;
INSERT INTO play.late VALUES (1);
COMMIT;
