-- path: a document that makes the attacker a party
-- group: spine
-- as: stranger
-- expect: denied 42501
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "parties": {"keeper": {"kind": "team", "role": "stranger"}}}');
UPDATE bp.plain SET v = 7;
