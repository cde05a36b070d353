-- path: spine.rollback() by a stranger
-- group: spine
-- as: stranger
-- expect: denied 42501
SELECT spine.rollback(1);
