-- path: operators of one's own in front of pg_catalog, for the guard to use
-- group: triggers
-- as: reviewer
-- expect: denied SP002
-- note: Expressions are parsed with pg_catalog alone.
SET ROLE stranger;
CREATE FUNCTION play.yes(int, int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR play.> (LEFTARG = int, RIGHTARG = int, FUNCTION = play.yes);
-- attack
SET search_path = play, pg_catalog;
UPDATE bp.doc SET state = 'closed' WHERE id = 2;
