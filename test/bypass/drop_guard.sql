-- path: DROP FUNCTION spine.guard() CASCADE
-- group: spine
-- as: postgres
-- expect: denied 2BP01
DROP FUNCTION spine.guard() CASCADE;
UPDATE bp.plain SET v = 7;
