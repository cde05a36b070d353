-- path: ALTER VIEW … RENAME COLUMN of a governed table, two names swapped
-- group: definitions
-- as: table_owner
-- expect: denied 42501
-- needs: ddl guard
-- note: The rules follow the columns, as a revision says.
ALTER VIEW bp.doc RENAME COLUMN price TO held;
ALTER VIEW bp.doc RENAME COLUMN customer TO price;
ALTER MATERIALIZED VIEW bp.doc RENAME COLUMN held TO customer;
\connect - keeper
UPDATE bp.doc SET price = 4 WHERE id = 1;
