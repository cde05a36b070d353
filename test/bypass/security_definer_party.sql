-- path: SECURITY DEFINER function of a party
-- group: roles
-- as: stranger
-- expect: documented: that is how a party delegates; `actor` is the party, `session_actor` the caller
SET ROLE keeper;
CREATE FUNCTION play.api() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'UPDATE bp.plain SET v = 7';
-- attack
SELECT play.api();
