-- path: RENAME COLUMN, and write under the new name
-- group: definitions
-- as: table_owner
-- expect: denied 42501 55000
ALTER TABLE bp.doc RENAME title TO heading;
\connect - stranger
UPDATE bp.doc SET heading = 'mine' WHERE id = 1;
