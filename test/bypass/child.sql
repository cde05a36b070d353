-- path: a child row while its parent's state has closed it
-- group: statements
-- as: keeper
-- expect: denied 42501
INSERT INTO bp.line VALUES (3, 9);
