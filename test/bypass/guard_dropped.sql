-- path: DROP of a guard's function
-- group: triggers
-- as: table_owner
-- expect: denied SP002 2BP01 42501
DROP FUNCTION bp.ready(bp.doc, bp.doc);
\connect - keeper
UPDATE bp.doc SET state = 'open' WHERE id = 1;
