-- path: a party's role renamed, another given its name
-- group: roles
-- as: role_maker
-- expect: denied 42501
CREATE ROLE bypass_x_party LOGIN ADMIN role_maker;
CREATE ROLE bypass_x_other LOGIN ADMIN role_maker;
SELECT spine.apply(jsonb_set(jsonb_set(spine.export(), '{parties,extra}', '{"kind": "team", "role": "bypass_x_party"}'), '{contexts,bp,datasets,plain,owner}', '"extra"'));
-- attack
ALTER ROLE bypass_x_party RENAME TO bypass_x_old;
ALTER ROLE bypass_x_other RENAME TO bypass_x_party;
\connect - bypass_x_party
UPDATE bp.plain SET v = 7;
