-- path: UPDATE … WHERE CURRENT OF a cursor
-- group: statements
-- as: stranger
-- expect: denied 42501
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM bp.plain FOR UPDATE;
FETCH c;
UPDATE bp.plain SET v = 7 WHERE CURRENT OF c;
COMMIT;
