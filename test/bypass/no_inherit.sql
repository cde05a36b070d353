-- path: ALTER TABLE … NO INHERIT, so that rows vanish
-- group: definitions
-- as: table_owner
-- expect: denied 42501
-- needs: ddl guard
ALTER TABLE bp.base_kid NO INHERIT bp.base;
