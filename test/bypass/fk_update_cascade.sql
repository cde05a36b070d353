-- path: ON UPDATE CASCADE
-- group: keys
-- as: stranger
-- expect: denied 42501
UPDATE bp.customer SET id = 70 WHERE id = 1;
