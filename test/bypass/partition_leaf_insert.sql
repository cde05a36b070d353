-- path: INSERT into a partition by its own name
-- group: statements
-- as: stranger
-- expect: denied 42501
INSERT INTO bp.part_b VALUES (9, 'b', 'draft', 1);
