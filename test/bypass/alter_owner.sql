-- path: ALTER TABLE … OWNER TO the attacker
-- group: definitions
-- as: stranger
-- expect: denied 42501
ALTER TABLE bp.plain OWNER TO stranger;
-- attack
UPDATE bp.plain SET v = 7;
