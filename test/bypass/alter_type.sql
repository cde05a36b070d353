-- path: ALTER COLUMN … TYPE … USING
-- group: definitions
-- as: table_owner
-- expect: denied 42501
-- needs: ddl guard
ALTER TABLE bp.plain ALTER v TYPE bigint USING 7;
