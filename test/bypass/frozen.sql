-- path: a party writes what the state has closed
-- group: statements
-- as: keeper
-- expect: denied 42501
UPDATE bp.doc SET price = 1 WHERE state = 'open';
