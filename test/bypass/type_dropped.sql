-- path: DROP TYPE … CASCADE of what a field of a column's type is made of
-- group: definitions
-- as: stranger
-- expect: denied 42501
-- needs: ddl guard
SET ROLE stranger;
CREATE DOMAIN play.grade AS int;
CREATE TYPE play.mark AS (name text, grade play.grade);
RESET ROLE;
ALTER TABLE bp.plain ADD COLUMN mark play.mark DEFAULT '(a,1)';
-- attack
DROP DOMAIN play.grade CASCADE;
