-- path: DROP COLUMN of a table whose rows a governed column holds
-- group: definitions
-- as: stranger
-- expect: denied 42501
-- needs: ddl guard
SET ROLE stranger;
CREATE TABLE play.shape (a int, b int);
GRANT USAGE ON TYPE play.shape TO PUBLIC;
RESET ROLE;
ALTER TABLE bp.plain ADD COLUMN shapes play.shape[] DEFAULT '{"(1,2)"}';
-- attack
ALTER TABLE play.shape DROP COLUMN b;
