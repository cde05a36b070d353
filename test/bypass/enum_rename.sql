-- path: ALTER TYPE … RENAME VALUE, so that closed rows are called open
-- group: definitions
-- as: table_owner
-- expect: denied 42501
-- needs: ddl guard
ALTER TYPE bp.state RENAME VALUE 'open' TO 'shut';
ALTER TYPE bp.state RENAME VALUE 'draft' TO 'open';
