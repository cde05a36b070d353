-- path: a statement trigger with transition tables that writes
-- group: triggers
-- as: stranger
-- expect: denied 42501
CREATE FUNCTION play.trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE bp.doc SET notes = '{}' FROM seen WHERE seen.id = doc.id; RETURN NULL; END $$;
CREATE TRIGGER trap AFTER UPDATE ON bp.doc REFERENCING NEW TABLE AS seen FOR EACH STATEMENT EXECUTE FUNCTION play.trap();
\connect - keeper
UPDATE bp.doc SET title = title WHERE id = 1;
