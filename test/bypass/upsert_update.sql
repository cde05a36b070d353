-- path: INSERT … ON CONFLICT, the updating half
-- group: statements
-- as: stranger
-- expect: denied 42501
INSERT INTO bp.plain VALUES (1, 7) ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v;
