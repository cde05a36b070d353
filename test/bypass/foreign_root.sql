-- path: the governed table made a partition of another, which is truncated
-- group: definitions
-- as: table_owner
-- expect: denied 42501
CREATE TABLE bp.evil (id int NOT NULL, v int) PARTITION BY LIST (id);
ALTER TABLE bp.evil ATTACH PARTITION bp.plain DEFAULT;
TRUNCATE bp.evil;
