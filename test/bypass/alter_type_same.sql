-- path: ALTER COLUMN … TYPE … USING, to the type it has
-- group: definitions
-- as: table_owner
-- expect: denied 42501
-- needs: ddl guard
ALTER TABLE bp.plain ALTER v TYPE int USING 7;
