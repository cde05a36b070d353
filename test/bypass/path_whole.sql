-- path: the whole jsonb value, of which one path is open
-- group: statements
-- as: reviewer
-- expect: denied 42501
UPDATE bp.doc SET notes = '{"a": 2}' WHERE id = 2;
