-- path: a value that an invariant forbids
-- group: definitions
-- as: keeper
-- expect: denied 23514
UPDATE bp.doc SET price = -1 WHERE id = 1;
