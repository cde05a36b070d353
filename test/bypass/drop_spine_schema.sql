-- path: DROP SCHEMA spine CASCADE
-- group: spine
-- as: postgres
-- expect: denied 2BP01
DROP SCHEMA spine CASCADE;
UPDATE bp.plain SET v = 7;
