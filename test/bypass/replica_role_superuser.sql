-- path: `session_replication_role = replica` as a superuser
-- group: roles
-- as: postgres
-- expect: denied 42501
SET session_replication_role = replica;
UPDATE bp.plain SET v = 7;
