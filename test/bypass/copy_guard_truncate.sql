-- path: TRUNCATE of a registered copy
-- group: statements
-- as: keeper
-- expect: denied 42501
TRUNCATE bp.plain_copy;
