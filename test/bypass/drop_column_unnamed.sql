-- path: DROP COLUMN of an attribute that no rule names
-- group: definitions
-- as: table_owner
-- expect: denied 42501 2BP01
-- needs: ddl guard
ALTER TABLE bp.plain DROP COLUMN v;
