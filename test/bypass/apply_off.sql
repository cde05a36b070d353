-- path: a document of the tables' owner that switches enforcement off
-- group: spine
-- as: table_owner
-- expect: documented: as above; `health()` and the revision tell
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "contexts": {"bp": {"owner": "keeper", "datasets": {"plain": {"relation": "bp.plain", "sot": {"store": "main"}, "enforcement": "off"}}}}}');
UPDATE bp.plain SET v = 7;
