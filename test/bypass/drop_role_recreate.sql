-- path: DROP ROLE of a party, CREATE ROLE of the same name
-- group: roles
-- as: role_maker
-- expect: denied 42501
-- note: The guard goes by the role itself, not by its name.
CREATE ROLE bypass_x_party LOGIN ADMIN role_maker;
SELECT spine.apply(jsonb_set(jsonb_set(spine.export(), '{parties,extra}', '{"kind": "team", "role": "bypass_x_party"}'), '{contexts,bp,datasets,plain,owner}', '"extra"'));
-- attack
DROP ROLE bypass_x_party;
CREATE ROLE bypass_x_party LOGIN;
\connect - bypass_x_party
UPDATE bp.plain SET v = 7;
