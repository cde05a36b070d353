-- path: a guard's function that calls one that writes
-- group: triggers
-- as: keeper
-- expect: denied SP002
-- note: Without a party's rights: it is the table's owner that writes.
SET ROLE table_owner;
CREATE FUNCTION bp.sly() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'UPDATE bp.plain SET v = 7'; END $$;
RESET ROLE;
SET ROLE table_owner;
CREATE OR REPLACE FUNCTION bp.ready(old bp.doc, new bp.doc) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN PERFORM bp.sly(); RETURN true; END $$;
RESET ROLE;
SELECT spine.apply(spine.export());
-- attack
UPDATE bp.doc SET state = 'open' WHERE id = 1;
