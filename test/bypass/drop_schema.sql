-- path: DROP SCHEMA … CASCADE with the table in it
-- group: definitions
-- as: table_owner
-- expect: denied 42501 2BP01
-- needs: ddl guard
DROP SCHEMA bp CASCADE;
