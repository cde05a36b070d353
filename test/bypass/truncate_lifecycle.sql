-- path: TRUNCATE of a table with a lifecycle, by a party that may delete
-- group: statements
-- as: keeper
-- expect: denied 42501
TRUNCATE bp.doc CASCADE;
