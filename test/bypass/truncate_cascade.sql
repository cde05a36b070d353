-- path: TRUNCATE … CASCADE of a table that is referenced
-- group: statements
-- as: table_owner
-- expect: denied 42501
TRUNCATE bp.customer CASCADE;
