-- path: a member that does not inherit
-- group: roles
-- as: guest
-- expect: denied 42501
UPDATE bp.plain SET v = 7;
