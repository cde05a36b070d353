-- path: a trigger on an own table, waiting for a party to write there
-- group: triggers
-- as: stranger
-- expect: documented: whose code a party runs acts with the party's rights; the audit shows what it wrote
CREATE TABLE play.bait (id int);
GRANT ALL ON play.bait TO PUBLIC;
CREATE FUNCTION play.trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE bp.plain SET v = 7; RETURN NEW; END $$;
CREATE TRIGGER trap BEFORE INSERT ON play.bait FOR EACH ROW EXECUTE FUNCTION play.trap();
\connect - keeper
INSERT INTO play.bait VALUES (1);
