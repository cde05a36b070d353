-- path: ON UPDATE SET NULL
-- group: keys
-- as: stranger
-- expect: denied 42501
UPDATE bp.agent SET id = 70 WHERE id = 1;
