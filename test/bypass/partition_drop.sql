-- path: DROP of a partition with its rows
-- group: definitions
-- as: table_owner
-- expect: denied 42501 2BP01
-- needs: ddl guard
DROP TABLE bp.part_a;
