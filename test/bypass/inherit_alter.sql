-- path: ALTER TABLE … INHERIT of a table with rows
-- group: definitions
-- as: table_owner
-- expect: denied 42501
-- needs: ddl guard
CREATE TABLE bp.kid (LIKE bp.plain);
INSERT INTO bp.kid VALUES (9, 7);
ALTER TABLE bp.kid INHERIT bp.plain;
