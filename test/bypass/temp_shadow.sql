-- path: a temporary table of the same name in front of it
-- group: statements
-- as: stranger
-- expect: harmless
-- note: Documents name relations with their schema.
CREATE TEMP TABLE plain (id int, v int);
SET search_path = pg_temp, bp;
INSERT INTO plain VALUES (1, 7);
