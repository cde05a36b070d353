-- path: DROP TABLE, and another of the same name
-- group: definitions
-- as: table_owner
-- expect: denied 42501 2BP01
-- needs: ddl guard
DROP TABLE bp.plain CASCADE;
CREATE TABLE bp.plain (id int PRIMARY KEY, v int);
INSERT INTO bp.plain VALUES (1, 7);
