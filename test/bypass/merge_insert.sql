-- path: MERGE … INSERT
-- group: statements
-- as: stranger
-- expect: denied 42501
MERGE INTO bp.plain p USING (VALUES (7)) v (id) ON p.id = v.id WHEN NOT MATCHED THEN INSERT VALUES (v.id, 7);
