-- path: the guard's function in a trigger of one's own, under another dataset's key
-- group: definitions
-- as: table_owner
-- expect: denied 55000 39P01 42501
CREATE TABLE bp.mine (id int);
CREATE TRIGGER mine BEFORE UPDATE ON bp.mine FOR EACH ROW EXECUTE FUNCTION spine.guard('bp.plain');
INSERT INTO bp.mine VALUES (1);
UPDATE bp.mine SET id = 2;
