-- path: ALTER TYPE … RENAME VALUE of an enum within a composite that a column holds
-- group: definitions
-- as: stranger
-- expect: denied 42501
-- needs: ddl guard
SET ROLE stranger;
CREATE TYPE play.mood AS ENUM ('calm', 'angry');
CREATE TYPE play.face AS (mood play.mood);
RESET ROLE;
ALTER TABLE bp.plain ADD COLUMN face play.face DEFAULT '(calm)';
-- attack
ALTER TYPE play.mood RENAME VALUE 'calm' TO 'furious';
