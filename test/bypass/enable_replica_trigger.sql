-- path: ALTER TABLE … ENABLE REPLICA TRIGGER
-- group: triggers
-- as: table_owner
-- expect: denied 42501
-- needs: ddl guard
ALTER TABLE bp.plain ENABLE REPLICA TRIGGER "~spine_guard";
UPDATE bp.plain SET v = 7;
