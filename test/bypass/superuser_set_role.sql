-- path: SET ROLE by a superuser
-- group: roles
-- as: postgres
-- expect: documented: a superuser may become anybody; `session_actor` shows it
SET ROLE keeper;
UPDATE bp.plain SET v = 7;
