-- path: a listed state change by another party
-- group: statements
-- as: reviewer
-- expect: denied 42501
UPDATE bp.doc SET state = 'open' WHERE id = 1;
