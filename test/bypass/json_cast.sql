-- path: a cast to json of the elements' type, for the audit log to call
-- group: triggers
-- as: keeper
-- expect: harmless
-- note: Elements and fields are logged as their text; no cast is called.
SET ROLE table_owner;
CREATE TYPE bp.mood AS ENUM ('calm');
CREATE FUNCTION bp.mood_json(bp.mood) RETURNS json LANGUAGE plpgsql AS
    $$ BEGIN UPDATE bp.plain SET v = 666; RETURN '"forged"'; END $$;
CREATE CAST (bp.mood AS json) WITH FUNCTION bp.mood_json(bp.mood);
ALTER TABLE bp.base ADD COLUMN moods bp.mood[] DEFAULT '{calm}';
-- attack
INSERT INTO bp.base VALUES (9, 9);
DELETE FROM bp.base WHERE id = 9;
