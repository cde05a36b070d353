-- path: UPDATE of spine.revision by a superuser
-- group: spine
-- as: postgres
-- expect: denied 42501 55000 2F002 P0001
UPDATE spine.revision SET document = '{}';
