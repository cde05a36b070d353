-- path: SECURITY DEFINER function of a role that is no party
-- group: roles
-- as: clerk
-- expect: denied 42501
-- note: The actor is the function's owner, also where a party calls.
SET ROLE stranger;
CREATE FUNCTION play.launder() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'UPDATE bp.plain SET v = 7';
-- attack
SELECT play.launder();
