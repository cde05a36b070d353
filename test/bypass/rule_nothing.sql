-- path: a rule that does nothing instead
-- group: definitions
-- as: table_owner
-- expect: harmless
-- note: A matter of availability: no row changes.
CREATE RULE nothing AS ON UPDATE TO bp.plain DO INSTEAD NOTHING;
\connect - keeper
UPDATE bp.plain SET v = 7;
