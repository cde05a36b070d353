-- path: CREATE OR REPLACE TRIGGER over the guard's
-- group: triggers
-- as: table_owner
-- expect: denied 42501
-- needs: ddl guard
CREATE FUNCTION bp.nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE OR REPLACE TRIGGER "~spine_guard" BEFORE UPDATE OR DELETE ON bp.plain FOR EACH ROW EXECUTE FUNCTION bp.nothing();
UPDATE bp.plain SET v = 7;
