-- path: BYPASSRLS
-- group: roles
-- as: row_reader
-- expect: denied 42501
UPDATE bp.plain SET v = 7;
