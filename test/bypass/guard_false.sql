-- path: a state change whose guard is false
-- group: statements
-- as: reviewer
-- expect: denied SP002
UPDATE bp.doc SET state = 'closed' WHERE id = 2;
