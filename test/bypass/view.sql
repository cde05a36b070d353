-- path: an updatable view of the table's owner
-- group: statements
-- as: stranger
-- expect: denied 42501
-- note: The actor is who writes, not who owns the view.
SET ROLE table_owner;
CREATE VIEW play.seen AS SELECT * FROM bp.plain;
GRANT ALL ON play.seen TO PUBLIC;
-- attack
UPDATE play.seen SET v = 7;
