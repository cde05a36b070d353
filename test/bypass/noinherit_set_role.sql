-- path: a member that does not inherit, after SET ROLE
-- group: roles
-- as: guest
-- expect: allowed
-- note: It is the party then; `session_actor` shows who it was.
SET ROLE keeper;
UPDATE bp.plain SET v = 7;
