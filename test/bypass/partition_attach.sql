-- path: ATTACH PARTITION of a table with rows in it
-- group: definitions
-- as: table_owner
-- expect: documented: who owns the table may attach one with rows in known states; the DDL guard audits the command
-- needs: ddl guard
CREATE TABLE bp.part_c (LIKE bp.part);
INSERT INTO bp.part_c VALUES (9, 'c', 'open', 7);
ALTER TABLE bp.part ATTACH PARTITION bp.part_c FOR VALUES IN ('c');
