-- path: ON DELETE SET NULL
-- group: keys
-- as: stranger
-- expect: denied 42501
DELETE FROM bp.agent WHERE id = 1;
