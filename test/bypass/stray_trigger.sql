-- path: a trigger of one's own on spine's tables
-- group: spine
-- as: stranger
-- expect: denied 42501
CREATE FUNCTION play.trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER trap BEFORE INSERT ON spine.audit_log FOR EACH ROW EXECUTE FUNCTION play.trap();
