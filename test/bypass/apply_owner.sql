-- path: a document of the tables' owner that adds a producer
-- group: spine
-- as: table_owner
-- expect: documented: who owns a table decides what binds it, too; each change is a revision with its author
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "contexts": {"bp": {"owner": "keeper", "datasets": {"plain": {"relation": "bp.plain", "sot": {"store": "main"}, "producers": {"loader": {"writes": "main"}}}}}}}');
\connect - loader
UPDATE bp.plain SET v = 7;
