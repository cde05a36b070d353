-- path: ALTER TABLE … RENAME, and write under the new name
-- group: definitions
-- as: stranger
-- expect: denied 42501
SET ROLE table_owner;
ALTER TABLE bp.plain RENAME TO other;
-- attack
UPDATE bp.other SET v = 7;
