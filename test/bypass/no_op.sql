-- path: UPDATE that writes the same values
-- group: statements
-- as: stranger
-- expect: harmless
-- note: What changes nothing is nobody's business.
UPDATE bp.doc SET title = title, notes = notes;
