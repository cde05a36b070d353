-- path: CREATE OR REPLACE of spine.guard()
-- group: spine
-- as: stranger
-- expect: denied 42501
CREATE OR REPLACE FUNCTION spine.guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
