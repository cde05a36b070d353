-- path: changing pg_trigger by hand
-- group: roles
-- as: postgres
-- expect: documented: a superuser may change any catalog; `health()` compares what is attached
SET allow_system_table_mods = on;
UPDATE pg_trigger SET tgenabled = 'D' WHERE tgname LIKE '~spine%';
\connect
UPDATE bp.plain SET v = 7;
