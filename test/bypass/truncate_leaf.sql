-- path: TRUNCATE of a partition
-- group: statements
-- as: stranger
-- expect: denied 42501
TRUNCATE bp.part_a;
