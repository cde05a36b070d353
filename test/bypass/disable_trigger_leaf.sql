-- path: DISABLE TRIGGER on one partition
-- group: triggers
-- as: table_owner
-- expect: denied 42501
-- needs: ddl guard
ALTER TABLE bp.part_a DISABLE TRIGGER "~spine_guard";
UPDATE bp.part SET v = 7 WHERE region = 'a';
