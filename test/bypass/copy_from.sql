-- path: COPY FROM
-- group: statements
-- as: stranger
-- expect: denied 42501
COPY bp.plain FROM stdin;
7	7
\.
SELECT 1;
