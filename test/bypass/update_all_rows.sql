-- path: UPDATE of many rows, of which one is closed to the actor
-- group: statements
-- as: keeper
-- expect: denied 42501
-- note: All or nothing: the statement fails.
UPDATE bp.doc SET title = 'mine';
