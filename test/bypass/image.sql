-- path: a value that is equal by a hostile operator, but another
-- group: statements
-- as: stranger
-- expect: denied 42501
-- note: Images are compared; no operator is asked.
SET ROLE table_owner;
CREATE FUNCTION bp.same(bp.pair, bp.pair) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR bp.= (LEFTARG = bp.pair, RIGHTARG = bp.pair, FUNCTION = bp.same);
-- attack
UPDATE bp.doc SET pair = (9, 9) WHERE id = 1;
