-- Months of the audit log: made ahead, moved out of the default partition,
-- dropped by the one way that leaves a record; all else is refused.
SET client_min_messages = warning;
SET timezone = 'Asia/Kolkata';					-- bounds are in UTC all the same
CREATE ROLE regress_writer;
CREATE ROLE regress_admin IN ROLE spine_admin;
CREATE ROLE regress_auditor IN ROLE spine_auditor;
CREATE ROLE regress_greedy;
CREATE TABLE public.item (id int PRIMARY KEY, v int);
GRANT ALL ON public.item TO regress_writer;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}}, "parties": {"writer": {"kind": "team", "role": "regress_writer"}}, "contexts": {"shop": {"owner": "writer", "datasets": {"items": {"relation": "public.item", "sot": {"store": "main", "locator": "public.item"}}}}}}');
SELECT 'audit_log_y' || to_char(now() AT TIME ZONE 'UTC', 'YYYY"m"MM') AS month \gset
SET ROLE regress_writer;
INSERT INTO public.item SELECT g, 0 FROM generate_series(1, 5) g;
RESET ROLE;
SELECT tableoid::regclass, count(*) FROM spine.audit_log GROUP BY 1;

-- who may, and what default privileges would give others
SET ROLE regress_auditor;
SELECT spine.make_audit_months();				-- fails
SELECT spine.drop_audit_before('2026-01-01');	-- fails
RESET ROLE;
ALTER DEFAULT PRIVILEGES IN SCHEMA spine GRANT ALL ON TABLES TO regress_greedy, PUBLIC;
SET ROLE regress_admin;
SELECT spine.make_audit_months();
SELECT spine.make_audit_months() AS again;
RESET ROLE;
ALTER DEFAULT PRIVILEGES IN SCHEMA spine REVOKE ALL ON TABLES FROM regress_greedy, PUBLIC;

-- this month and the next two, with the rows that were there; bounds in UTC
SET timezone = 'UTC';
SELECT count(*) AS months,
       bool_and(pg_get_expr(c.relpartbound, c.oid) = format('FOR VALUES FROM (%L) TO (%L)', m.m, m.m + interval '1 month')) AS bounds,
       bool_and(NOT EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee <> c.relowner)) AS nobody,
       bool_and(NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')) AS no_members,
       bool_and((SELECT tgenabled = 'A' FROM pg_trigger t WHERE t.tgrelid = c.oid AND tgname = 'refuse_change')) AS kept,
       bool_and(obj_description(c.oid) IS NOT NULL) AS commented
FROM generate_series(date_trunc('month', now()), date_trunc('month', now()) + interval '2 months', interval '1 month') m(m)
LEFT JOIN pg_class c ON c.relname = 'audit_log_y' || to_char(m.m, 'YYYY"m"MM') AND c.relnamespace = 'spine'::regnamespace;
SELECT tableoid = ('spine.' || :'month')::regclass AS in_month, count(*), sum((key ->> 'id')::int) FROM spine.audit_log GROUP BY 1;
SET ROLE regress_writer;
UPDATE public.item SET v = 1 WHERE id = 1;
RESET ROLE;
SELECT tableoid = ('spine.' || :'month')::regclass AS in_month, new FROM spine.audit_log WHERE action = 'update';
SET ROLE regress_auditor;
SELECT count(*) FROM spine.audit_log;
SELECT count(*) FROM spine.:month;				-- fails
RESET ROLE;

-- old months that stand in the default partition move; one that somebody
-- made himself is left alone, and kept like the others
CREATE TABLE spine.regress_week (LIKE spine.audit_log);
ALTER TABLE spine.audit_log ATTACH PARTITION spine.regress_week FOR VALUES FROM ('2020-03-08 00:00+00') TO ('2020-03-15 00:00+00');
INSERT INTO spine.audit_log (at, xid, n, rev, dataset, action, actor, session_actor, via)
SELECT t, '1', 1, 1, 'old', 'insert', 'x', 'x', 'direct'
FROM unnest(ARRAY['2020-01-01 00:00+00', '2020-01-31 23:59:59.999999+00', '2020-02-01 00:00+00', '2020-03-01 00:00+00', '2020-03-10 00:00+00', '2020-12-31 23:59+00', '-infinity']::timestamptz[]) t;
INSERT INTO spine.denied_log (at, rev, dataset, action, actor, session_actor, sqlstate, message, mode)
VALUES ('2020-01-05', 1, 'old', 'insert', 'x', 'x', '42501', 'no', 'enforce'), (now(), 1, 'new', 'insert', 'x', 'x', '42501', 'no', 'enforce');
SELECT check_name, ok, detail FROM spine.health() WHERE check_name = 'audit_append_only';
SELECT spine.make_audit_months();
SELECT check_name, ok, detail FROM spine.health() WHERE check_name LIKE 'audit_%';
SELECT tableoid::regclass, at FROM spine.audit_log WHERE at < '2021-01-01' ORDER BY at;

-- nobody changes a row: not the owner, not under replica, not by a partition
UPDATE spine.audit_log SET actor = 'me';		-- fails
DELETE FROM spine.audit_log;					-- fails
TRUNCATE spine.audit_log;						-- fails
UPDATE spine.audit_log_y2020m01 SET actor = 'me';	-- fails
DELETE FROM spine.audit_log_default;			-- fails
TRUNCATE spine.regress_week;					-- fails
UPDATE spine.denied_log SET actor = 'me';		-- fails
DELETE FROM spine.denied_log WHERE false;		-- fails
TRUNCATE spine.denied_log;						-- fails
MERGE INTO spine.denied_log d USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE;	-- fails
SET session_replication_role = replica;
DELETE FROM spine.audit_log_y2020m01;			-- fails
RESET session_replication_role;
DROP TABLE spine.audit_log_y2020m01;			-- fails
DROP TABLE public.item, spine.audit_log_default CASCADE;	-- fails
DROP TABLE IF EXISTS public.nowhere;
SELECT spine.refuse_audit_change();				-- fails
SELECT spine.refuse_audit_drop();				-- fails

-- months go by the one way: whole, over, and on the record
SET ROLE regress_admin;
SELECT spine.drop_audit_before('2020-02-02');	-- fails
SELECT spine.drop_audit_before((date_trunc('month', now()) + interval '1 month')::date);	-- fails
SELECT spine.drop_audit_before('infinity');		-- fails
SELECT spine.drop_audit_before('-infinity');	-- fails
SELECT spine.drop_audit_before(NULL) IS NULL AS strict;
SELECT spine.drop_audit_before('2020-02-01');
SELECT spine.drop_audit_before('2020-02-01') AS again;
RESET ROLE;
SELECT tableoid::regclass, at FROM spine.audit_log WHERE at < '2021-01-01' ORDER BY at;
SELECT dataset FROM spine.denied_log;
SELECT n, rev, dataset, action, actor, session_actor = session_user AS session, key, party, via, detail FROM spine.audit_log WHERE action = 'retention' ORDER BY xid, n;
BEGIN;
SELECT spine.drop_audit_before('2021-01-01');
ROLLBACK;
SELECT count(*) FROM spine.audit_log WHERE at < '2021-01-01';
SELECT spine.drop_audit_before('2021-01-01');
SELECT count(*) FROM spine.audit_log WHERE at < '2021-01-01';
SELECT detail FROM spine.audit_log WHERE action = 'retention' ORDER BY xid, n OFFSET 3;

-- the trigger taken away by a superuser is seen, and given back
ALTER TABLE spine.denied_log DISABLE TRIGGER refuse_change;
SELECT ok, detail FROM spine.health() WHERE check_name = 'audit_append_only';
SELECT spine.make_audit_months();
SELECT ok, detail FROM spine.health() WHERE check_name = 'audit_append_only';

-- settings
SET spine.audit_keep = 'a while';				-- fails
SET spine.audit_keep = '0 days';				-- fails
SET spine.audit_keep = '-3 months';				-- fails
SET spine.audit_keep = '13 months';
SET spine.audit_keep = '';
SET spine.denied_rate = 0;						-- fails
SET ROLE regress_writer;
SET spine.audit_keep = '1 day';					-- fails
RESET ROLE;

-- without preload there is no ring
SET ROLE regress_writer;
SELECT * FROM spine.denied_ring();				-- fails
SET ROLE regress_auditor;
SELECT * FROM spine.denied_ring();
RESET ROLE;
SELECT ok, detail, hint FROM spine.health() WHERE check_name = 'denied_ring';

-- the extension goes with its months
SELECT spine.detach_all();
BEGIN;
DROP EXTENSION spine;
SELECT count(*) FROM pg_class WHERE relname ~ '^audit_log';
ROLLBACK;
