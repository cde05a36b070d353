-- path: EXPLAIN ANALYZE of a write
-- group: statements
-- as: stranger
-- expect: denied 42501
EXPLAIN (ANALYZE) UPDATE bp.plain SET v = 7;
