-- path: a BEFORE trigger that sorts after the guard and changes the row
-- group: triggers
-- as: stranger
-- expect: denied 42501
-- needs: ddl guard
CREATE FUNCTION play.trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.notes := '{}'; RETURN NEW; END $$;
CREATE TRIGGER "~~trap" BEFORE UPDATE ON bp.doc FOR EACH ROW EXECUTE FUNCTION play.trap();
\connect - keeper
UPDATE bp.doc SET title = 'new' WHERE id = 1;
