-- path: ALTER TRIGGER … RENAME and CREATE OR REPLACE TRIGGER on a copy
-- group: triggers
-- as: table_owner
-- expect: denied 42501
CREATE FUNCTION bp.nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE OR REPLACE TRIGGER "~spine_replica" BEFORE INSERT OR UPDATE OR DELETE ON bp.plain_copy FOR EACH ROW EXECUTE FUNCTION bp.nothing();
UPDATE bp.plain_copy SET v = 7;
