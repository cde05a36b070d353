-- path: INSERT into a state that is not initial
-- group: statements
-- as: keeper
-- expect: denied SP001
INSERT INTO bp.doc (state) VALUES ('closed');
