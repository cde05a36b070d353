-- path: the refusal is rolled back to a savepoint
-- group: statements
-- as: stranger
-- expect: harmless
-- note: The row stays as it was.
BEGIN;
SAVEPOINT s;
\set ON_ERROR_STOP off
\set QUIET on
\o /dev/null
DO $$ BEGIN UPDATE bp.plain SET v = 7; EXCEPTION WHEN insufficient_privilege THEN NULL; END $$;
ROLLBACK TO s;
COMMIT;
