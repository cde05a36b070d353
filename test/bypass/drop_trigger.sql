-- path: DROP TRIGGER
-- group: triggers
-- as: table_owner
-- expect: denied 42501 2BP01
-- needs: ddl guard
DROP TRIGGER "~spine_guard" ON bp.plain;
UPDATE bp.plain SET v = 7;
