-- path: a stranger names a foreign key in allow_fk_actions
-- group: spine
-- as: stranger
-- expect: denied 42501
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "contexts": {"bp": {"owner": "keeper", "datasets": {"plain": {"relation": "bp.plain", "sot": {"store": "main"}, "allow_fk_actions": ["doc_customer"]}}}}}');
