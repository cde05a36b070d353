-- path: a BEFORE INSERT trigger that changes the row
-- group: triggers
-- as: stranger
-- expect: denied 42501
CREATE FUNCTION play.trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.notes := '{"a": 9}'; RETURN NEW; END $$;
CREATE TRIGGER "a_trap" BEFORE INSERT ON bp.doc FOR EACH ROW EXECUTE FUNCTION play.trap();
\connect - keeper
INSERT INTO bp.doc (title) VALUES ('new');
