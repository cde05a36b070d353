-- path: a BEFORE trigger that gives the action another value
-- group: keys
-- as: table_owner
-- expect: denied 42501
CREATE FUNCTION bp.add() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.customer := 9; RETURN NEW; END $$;
CREATE TRIGGER add BEFORE UPDATE ON bp.named FOR EACH ROW EXECUTE FUNCTION bp.add();
UPDATE bp.customer SET id = 40 WHERE id = 4;
