-- path: ON DELETE CASCADE from a parent to its lines
-- group: keys
-- as: keeper
-- expect: denied 42501
-- note: Name `line_doc` in `allow_fk_actions` to let it.
DELETE FROM bp.doc WHERE id = 1;
