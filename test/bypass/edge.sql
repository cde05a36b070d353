-- path: a state change that no transition lists
-- group: statements
-- as: keeper
-- expect: denied SP001
UPDATE bp.doc SET state = 'closed' WHERE id = 1;
