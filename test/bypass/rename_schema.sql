-- path: ALTER SCHEMA … RENAME, and write
-- group: definitions
-- as: stranger
-- expect: denied 42501
ALTER SCHEMA bp RENAME TO pb;
-- attack
UPDATE pb.plain SET v = 7;
