-- path: TRUNCATE
-- group: statements
-- as: table_owner
-- expect: denied 42501
TRUNCATE bp.plain;
