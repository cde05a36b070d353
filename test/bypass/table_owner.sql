-- path: the table's owner
-- group: roles
-- as: table_owner
-- expect: denied 42501
UPDATE bp.plain SET v = 7;
