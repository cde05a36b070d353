-- path: a rule that makes more of a named constraint's query
-- group: keys
-- as: table_owner
-- expect: denied 42501
CREATE RULE more AS ON DELETE TO bp.named DO ALSO UPDATE bp.named SET v = 7;
DELETE FROM bp.customer WHERE id = 4;
