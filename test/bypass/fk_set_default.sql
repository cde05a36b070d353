-- path: ON DELETE SET DEFAULT
-- group: keys
-- as: stranger
-- expect: denied 42501
DELETE FROM bp.tier WHERE id = 2;
