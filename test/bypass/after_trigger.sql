-- path: an AFTER trigger that writes under the actor's name
-- group: triggers
-- as: stranger
-- expect: denied 42501
-- needs: ddl guard
CREATE FUNCTION play.trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE bp.doc SET price = 7 WHERE id = 1; RETURN NEW; END $$;
CREATE TRIGGER "trap" AFTER UPDATE OF title ON bp.doc FOR EACH ROW EXECUTE FUNCTION play.trap();
\connect - keeper
UPDATE bp.doc SET title = title WHERE id = 1;
