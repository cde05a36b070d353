-- path: the base column of a generated one
-- group: statements
-- as: reviewer
-- expect: denied 42501
UPDATE bp.doc SET price = 7 WHERE id = 2;
