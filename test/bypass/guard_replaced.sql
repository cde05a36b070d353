-- path: CREATE OR REPLACE of a guard's function
-- group: triggers
-- as: table_owner
-- expect: denied SP002
-- note: Functions are pinned by a hash.
CREATE OR REPLACE FUNCTION bp.ready(old bp.doc, new bp.doc) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN true; END $$;
\connect - keeper
UPDATE bp.doc SET state = 'open' WHERE id = 1;
