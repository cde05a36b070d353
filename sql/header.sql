\echo Use "CREATE EXTENSION spine" to load this file. \quit
-- The install script of spine: this header, then each room's parts.

-- Fails where the schema exists: what somebody else put there is not adopted.
CREATE SCHEMA spine;
COMMENT ON SCHEMA spine IS
    'Ownership of data, enforced: the functions, tables and views of spine';
