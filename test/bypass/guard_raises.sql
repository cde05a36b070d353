-- path: a guard's function that raises
-- group: triggers
-- as: keeper
-- expect: denied SP002
SET ROLE table_owner;
CREATE OR REPLACE FUNCTION bp.ready(old bp.doc, new bp.doc) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN RAISE EXCEPTION 'no'; RETURN true; END $$;
RESET ROLE;
SELECT spine.apply(spine.export());
-- attack
UPDATE bp.doc SET state = 'open' WHERE id = 1;
