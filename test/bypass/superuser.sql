-- path: a superuser
-- group: roles
-- as: postgres
-- expect: denied 42501
-- note: Being a superuser makes nobody a party.
UPDATE bp.plain SET v = 7;
