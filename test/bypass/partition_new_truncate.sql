-- path: TRUNCATE of a partition that was made later
-- group: definitions
-- as: table_owner
-- expect: denied 42501
-- needs: ddl guard
CREATE TABLE bp.part_c PARTITION OF bp.part FOR VALUES IN ('c');
GRANT ALL ON bp.part_c TO PUBLIC;
\connect - keeper
INSERT INTO bp.part VALUES (9, 'c', 'draft', 1);
\connect - table_owner
TRUNCATE bp.part_c;
