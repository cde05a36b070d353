-- path: a WITH that writes, below a SELECT
-- group: statements
-- as: stranger
-- expect: denied 42501
WITH w AS (UPDATE bp.plain SET v = 7 RETURNING *) SELECT count(*) FROM w;
