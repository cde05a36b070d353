-- path: a write after a state's label was renamed
-- group: definitions
-- as: stranger
-- expect: denied 42501 55000 22P02
ALTER TYPE bp.state RENAME VALUE 'draft' TO 'shut';
-- attack
UPDATE bp.doc SET title = 'mine' WHERE id = 1;
