-- path: rows in a partition that is made later
-- group: definitions
-- as: table_owner
-- expect: denied 42501
-- note: Row triggers come with the partition.
CREATE TABLE bp.part_c PARTITION OF bp.part FOR VALUES IN ('c');
INSERT INTO bp.part_c VALUES (9, 'c', 'draft', 1);
