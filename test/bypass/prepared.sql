-- path: a prepared statement, planned by a party, run by a stranger
-- group: statements
-- as: guest
-- expect: denied 42501
-- note: The actor is who runs it.
SET ROLE keeper;
PREPARE w (int) AS UPDATE bp.plain SET v = 7 WHERE id = $1;
EXECUTE w (-1);
RESET ROLE;
EXECUTE w (1);
