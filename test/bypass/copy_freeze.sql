-- path: TRUNCATE and COPY … FREEZE in one transaction
-- group: statements
-- as: table_owner
-- expect: denied 42501
BEGIN;
TRUNCATE bp.plain;
COPY bp.plain FROM stdin (FREEZE);
7	7
\.
COMMIT;
