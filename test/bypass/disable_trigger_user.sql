-- path: ALTER TABLE … DISABLE TRIGGER USER
-- group: triggers
-- as: table_owner
-- expect: denied 42501
-- needs: ddl guard
ALTER TABLE bp.plain DISABLE TRIGGER USER;
UPDATE bp.plain SET v = 7;
