-- path: ALTER TABLE … DISABLE TRIGGER
-- group: triggers
-- as: table_owner
-- expect: denied 42501
-- needs: ddl guard
ALTER TABLE bp.plain DISABLE TRIGGER "~spine_guard";
UPDATE bp.plain SET v = 7;
