-- path: SET SESSION AUTHORIZATION
-- group: roles
-- as: stranger
-- expect: denied 42501
SET SESSION AUTHORIZATION keeper;
UPDATE bp.plain SET v = 7;
