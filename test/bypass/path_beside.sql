-- path: a jsonb value beside the path that is open
-- group: statements
-- as: reviewer
-- expect: denied 42501
UPDATE bp.doc SET notes = jsonb_set(notes, '{b}', '2') WHERE id = 2;
