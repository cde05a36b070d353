-- path: UPDATE of a partition by its own name
-- group: statements
-- as: stranger
-- expect: denied 42501
UPDATE bp.part_a SET v = 7;
