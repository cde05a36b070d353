-- path: CREATE TABLE … LIKE, and the names swapped
-- group: definitions
-- as: table_owner
-- expect: documented: the guard stays on the table and the document follows its new name, as a revision says; what is called so now is another table, which `spine.require_owner` refuses or warns of
-- needs: ddl guard
CREATE TABLE bp.plain_2 (LIKE bp.plain INCLUDING ALL);
INSERT INTO bp.plain_2 VALUES (1, 7);
ALTER TABLE bp.plain RENAME TO plain_1;
ALTER TABLE bp.plain_2 RENAME TO plain;
