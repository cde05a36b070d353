-- path: SET ROLE to the party after the write, before COMMIT
-- group: statements
-- as: guest
-- expect: denied 42501
-- note: Nothing is judged later than the write.
BEGIN;
UPDATE bp.plain SET v = 7;
SET ROLE keeper;
COMMIT;
