-- path: DISABLE TRIGGER on a copy
-- group: triggers
-- as: table_owner
-- expect: denied 42501
ALTER TABLE bp.plain_copy DISABLE TRIGGER "~spine_replica";
UPDATE bp.plain_copy SET v = 7;
