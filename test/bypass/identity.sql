-- path: INSERT … OVERRIDING SYSTEM VALUE
-- group: statements
-- as: stranger
-- expect: denied 42501
INSERT INTO bp.doc (id, title) OVERRIDING SYSTEM VALUE VALUES (77, 'mine');
