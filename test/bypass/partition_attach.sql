-- path: ATTACH PARTITION of a table with rows in it
-- group: definitions
-- as: table_owner
-- expect: denied 42501
-- needs: ddl guard
CREATE TABLE bp.part_c (LIKE bp.part);
INSERT INTO bp.part_c VALUES (9, 'c', 'open', 7);
ALTER TABLE bp.part ATTACH PARTITION bp.part_c FOR VALUES IN ('c');
