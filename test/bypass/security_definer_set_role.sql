-- path: SET ROLE within a SECURITY DEFINER function
-- group: roles
-- as: stranger
-- expect: denied 42501 55P03 22023 0L000 42501
SET ROLE table_owner;
CREATE FUNCTION play.launder() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN SET ROLE keeper; UPDATE bp.plain SET v = 7; END $$;
-- attack
SELECT play.launder();
