-- path: DETACH PARTITION, write, ATTACH
-- group: definitions
-- as: table_owner
-- expect: denied 42501
-- needs: ddl guard
ALTER TABLE bp.part DETACH PARTITION bp.part_a;
UPDATE bp.part_a SET v = 7;
ALTER TABLE bp.part ATTACH PARTITION bp.part_a FOR VALUES IN ('a');
