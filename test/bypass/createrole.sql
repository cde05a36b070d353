-- path: CREATEROLE grants itself the party
-- group: roles
-- as: role_maker
-- expect: documented: PostgreSQL 15 lets it; `health()` names such roles
-- expect-16: denied 42501
GRANT keeper TO role_maker;
SET ROLE keeper;
UPDATE bp.plain SET v = 7;
