-- path: DROP EXTENSION spine CASCADE
-- group: spine
-- as: postgres
-- expect: denied 2BP01
DROP EXTENSION spine CASCADE;
UPDATE bp.plain SET v = 7;
