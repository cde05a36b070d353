-- path: CREATE TABLE … LIKE, and the names swapped
-- group: definitions
-- as: table_owner
-- expect: denied 42501
-- needs: ddl guard
CREATE TABLE bp.plain_2 (LIKE bp.plain INCLUDING ALL);
INSERT INTO bp.plain_2 VALUES (1, 7);
ALTER TABLE bp.plain RENAME TO plain_1;
ALTER TABLE bp.plain_2 RENAME TO plain;
