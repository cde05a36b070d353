-- path: UPDATE by way of the parent of an inherited table
-- group: statements
-- as: stranger
-- expect: denied 42501
UPDATE bp.base SET v = 7 WHERE id = 2;
