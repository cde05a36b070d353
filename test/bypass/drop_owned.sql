-- path: DROP OWNED
-- group: definitions
-- as: table_owner
-- expect: denied 42501 2BP01
-- needs: ddl guard
DROP OWNED BY table_owner CASCADE;
