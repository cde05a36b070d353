-- path: UPDATE of the key by a party
-- group: statements
-- as: keeper
-- expect: denied 42501
UPDATE bp.line SET n = 2 WHERE doc = 3;
