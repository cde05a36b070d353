-- path: a rule that does nothing instead
-- group: definitions
-- as: table_owner
-- expect: denied 42501
-- needs: ddl guard
CREATE RULE nothing AS ON UPDATE TO bp.plain DO INSTEAD NOTHING;
\connect - keeper
UPDATE bp.plain SET v = 7;
