-- path: MERGE … UPDATE
-- group: statements
-- as: stranger
-- expect: denied 42501
MERGE INTO bp.plain p USING (VALUES (1)) v (id) ON p.id = v.id WHEN MATCHED THEN UPDATE SET v = 7;
