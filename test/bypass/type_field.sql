-- path: ALTER TYPE … DROP ATTRIBUTE of a composite that a column holds
-- group: definitions
-- as: table_owner
-- expect: denied 42501
-- needs: ddl guard
ALTER TYPE bp.pair DROP ATTRIBUTE b CASCADE;
