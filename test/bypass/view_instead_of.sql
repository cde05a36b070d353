-- path: a view with an INSTEAD OF trigger
-- group: statements
-- as: stranger
-- expect: denied 42501
SET ROLE table_owner;
CREATE VIEW play.seen AS SELECT * FROM bp.plain;
GRANT ALL ON play.seen TO PUBLIC;
CREATE FUNCTION play.instead() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE bp.plain SET v = NEW.v; RETURN NEW; END $$;
CREATE TRIGGER instead INSTEAD OF UPDATE ON play.seen FOR EACH ROW EXECUTE FUNCTION play.instead();
-- attack
UPDATE play.seen SET v = 7;
