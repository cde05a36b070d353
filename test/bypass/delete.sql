-- path: DELETE
-- group: statements
-- as: stranger
-- expect: denied 42501
DELETE FROM bp.plain;
