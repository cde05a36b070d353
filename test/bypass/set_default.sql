-- path: SET DEFAULT, for a party to insert
-- group: definitions
-- as: table_owner
-- expect: documented: defaults are the owner's to define, and an inserter that names no value takes them; the audit shows the values
ALTER TABLE bp.doc ALTER notes SET DEFAULT '{"a": 9}';
\connect - keeper
INSERT INTO bp.doc (title) VALUES ('new');
