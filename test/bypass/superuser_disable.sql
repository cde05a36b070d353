-- path: DISABLE TRIGGER by a superuser, as pg_restore --disable-triggers does
-- group: definitions
-- as: postgres
-- expect: documented: a superuser may; the DDL guard logs it and `health()` tells
ALTER TABLE bp.plain DISABLE TRIGGER ALL;
UPDATE bp.plain SET v = 7;
