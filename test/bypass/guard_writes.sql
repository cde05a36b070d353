-- path: a guard's function that writes
-- group: triggers
-- as: keeper
-- expect: denied SP002
-- note: It runs as the table's owner in a restricted operation, and is not volatile.
SET ROLE table_owner;
CREATE OR REPLACE FUNCTION bp.ready(old bp.doc, new bp.doc) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN UPDATE bp.plain SET v = 7; RETURN true; END $$;
RESET ROLE;
SELECT spine.apply(spine.export());
-- attack
UPDATE bp.doc SET state = 'open' WHERE id = 1;
