-- path: UPDATE
-- group: statements
-- as: stranger
-- expect: denied 42501
UPDATE bp.doc SET title = 'mine' WHERE id = 1;
