-- path: calling the guard's functions by hand
-- group: spine
-- as: stranger
-- expect: denied 39P01
SELECT spine.guard();
