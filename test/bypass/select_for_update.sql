-- path: SELECT … FOR UPDATE
-- group: statements
-- as: stranger
-- expect: harmless
-- note: Locks rows: a matter of table privileges.
BEGIN;
SELECT * FROM bp.doc FOR UPDATE;
COMMIT;
