-- path: GRANT TRIGGER, by itself
-- group: definitions
-- as: table_owner
-- expect: harmless
GRANT TRIGGER ON bp.plain TO stranger;
