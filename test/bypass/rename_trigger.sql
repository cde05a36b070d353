-- path: ALTER TRIGGER … RENAME, so that another sorts last
-- group: triggers
-- as: table_owner
-- expect: denied 42501
-- needs: ddl guard
ALTER TRIGGER "~spine_guard" ON bp.plain RENAME TO a;
CREATE FUNCTION bp.later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.v := 7; RETURN NEW; END $$;
CREATE TRIGGER b BEFORE UPDATE ON bp.plain FOR EACH ROW EXECUTE FUNCTION bp.later();
UPDATE bp.plain SET v = v;
