-- path: INSERT
-- group: statements
-- as: stranger
-- expect: denied 42501
INSERT INTO bp.doc (title) VALUES ('mine');
