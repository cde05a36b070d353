-- path: a column default that writes
-- group: triggers
-- as: stranger
-- expect: denied 42501
SET ROLE stranger;
CREATE FUNCTION play.sly() RETURNS int LANGUAGE plpgsql AS $$ BEGIN UPDATE bp.plain SET v = 7; RETURN 1; END $$;
CREATE TABLE play.bait (id int DEFAULT play.sly());
INSERT INTO play.bait DEFAULT VALUES;
