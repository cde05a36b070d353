-- path: ON DELETE CASCADE
-- group: keys
-- as: stranger
-- expect: denied 42501
-- note: Judged as the table's owner.
DELETE FROM bp.customer WHERE id = 1;
