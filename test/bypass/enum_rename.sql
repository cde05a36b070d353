-- path: ALTER TYPE … RENAME VALUE, so that closed rows are called open
-- group: definitions
-- as: table_owner
-- expect: documented: labels are the owner's to name, no row is written; every write is refused until a document fits
ALTER TYPE bp.state RENAME VALUE 'open' TO 'shut';
ALTER TYPE bp.state RENAME VALUE 'draft' TO 'open';
