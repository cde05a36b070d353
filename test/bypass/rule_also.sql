-- path: a rule on another table that writes the governed one
-- group: statements
-- as: stranger
-- expect: denied 42501
SET ROLE table_owner;
CREATE TABLE play.door (id int);
GRANT ALL ON play.door TO PUBLIC;
CREATE RULE door AS ON INSERT TO play.door DO ALSO UPDATE bp.plain SET v = 7;
-- attack
INSERT INTO play.door VALUES (1);
