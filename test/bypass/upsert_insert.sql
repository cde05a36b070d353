-- path: INSERT … ON CONFLICT, the inserting half
-- group: statements
-- as: stranger
-- expect: denied 42501
INSERT INTO bp.plain VALUES (7, 7) ON CONFLICT (id) DO UPDATE SET v = 7;
