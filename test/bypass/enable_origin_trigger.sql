-- path: ENABLE TRIGGER, which is less than ENABLE ALWAYS
-- group: triggers
-- as: table_owner
-- expect: denied 42501
-- needs: ddl guard
-- note: Without the DDL guard the SET is refused.
ALTER TABLE bp.plain ENABLE TRIGGER "~spine_guard";
SET session_replication_role = replica;
UPDATE bp.plain SET v = 7;
