-- path: spine.detach_all() by the tables' owner
-- group: spine
-- as: table_owner
-- expect: denied 42501
SELECT spine.detach_all();
UPDATE bp.plain SET v = 7;
