-- shop.sql: of each governed table of the shop, what spine.may_matrix says of
-- each role, and what spine.may says of the rows that are in that state.

CREATE FUNCTION shop_keys(relation regclass) RETURNS SETOF jsonb LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT (SELECT jsonb_object_agg(a.attname, to_jsonb(t) -> a.attname) FROM pg_index i, pg_attribute a
		WHERE i.indrelid = %L::regclass AND i.indisprimary AND a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)) FROM %s t LIMIT 3', relation, relation);
END $$;

CREATE TABLE shop_agreement AS
SELECT r.relation, o.rolname, k.key, m.state, m.action, m.target,
	m.allowed AS matrix, may.allowed OR may.reason ~ '^guard' AS may
FROM (SELECT DISTINCT tgrelid::regclass AS relation FROM pg_trigger WHERE tgname = '~spine_guard' AND tgparentid = 0) r
CROSS JOIN (SELECT rolname FROM pg_roles WHERE rolname ~ '^shop_') o
CROSS JOIN LATERAL spine.may_matrix(o.rolname, r.relation) m
CROSS JOIN LATERAL shop_keys(r.relation) k(key)
CROSS JOIN LATERAL spine.may(o.rolname, r.relation, k.key, coalesce(m.target, m.action)) may
WHERE m.action IN ('delete', 'write', 'transition') AND m.condition IS DISTINCT FROM m.target AND (m.action = 'transition' OR m.condition IS NULL)
	AND m.state IS NOT DISTINCT FROM may.state;
