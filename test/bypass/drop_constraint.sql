-- path: DROP CONSTRAINT of an invariant
-- group: definitions
-- as: table_owner
-- expect: denied 42501 2BP01
-- needs: ddl guard
ALTER TABLE bp.doc DROP CONSTRAINT spine_positive;
\connect - keeper
UPDATE bp.doc SET price = -1 WHERE id = 1;
