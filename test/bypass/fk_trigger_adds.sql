-- path: a BEFORE trigger that adds to the row of a named constraint's action
-- group: keys
-- as: table_owner
-- expect: denied 42501
CREATE FUNCTION bp.add() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.v := 7; RETURN NEW; END $$;
CREATE TRIGGER add BEFORE UPDATE ON bp.named FOR EACH ROW EXECUTE FUNCTION bp.add();
DELETE FROM bp.agent WHERE id = 4;
