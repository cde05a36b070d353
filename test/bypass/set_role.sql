-- path: SET ROLE to a party without being a member
-- group: roles
-- as: stranger
-- expect: denied 42501
SET ROLE keeper;
UPDATE bp.plain SET v = 7;
