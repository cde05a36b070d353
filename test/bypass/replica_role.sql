-- path: `session_replication_role = replica`, granted
-- group: roles
-- as: bypass_x_rep
-- expect: denied 42501
-- note: The triggers are `ENABLE ALWAYS`.
CREATE ROLE bypass_x_rep LOGIN;
GRANT SET ON PARAMETER session_replication_role TO bypass_x_rep;
-- attack
SET session_replication_role = replica;
UPDATE bp.plain SET v = 7;
