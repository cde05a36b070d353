-- path: DROP TRIGGER on a copy
-- group: triggers
-- as: table_owner
-- expect: denied 42501
DROP TRIGGER "~spine_replica" ON bp.plain_copy;
UPDATE bp.plain_copy SET v = 7;
