-- path: an updatable view that the party owns
-- group: statements
-- as: stranger
-- expect: denied 42501
SET ROLE keeper;
CREATE VIEW play.seen AS SELECT * FROM bp.plain;
GRANT ALL ON play.seen TO PUBLIC;
-- attack
UPDATE play.seen SET v = 7;
