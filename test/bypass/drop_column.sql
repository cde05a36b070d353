-- path: DROP COLUMN of an attribute that rules name
-- group: definitions
-- as: table_owner
-- expect: denied 42501 2BP01
-- needs: ddl guard
ALTER TABLE bp.doc DROP COLUMN title;
