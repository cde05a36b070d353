-- path: a new inheritance child, whose rows the table then shows
-- group: definitions
-- as: table_owner
-- expect: denied 42501
-- needs: ddl guard
CREATE TABLE bp.kid () INHERITS (bp.plain);
INSERT INTO bp.kid VALUES (9, 7);
