-- export: the document, its parts, and what it was.
SET client_min_messages = warning;

\set head '{"kind": "DataSpine", "apiVersion": "spine/v1"}'

-- an empty catalogue exports an empty document, which applies
SELECT spine.export(), spine.export(NULL, now());
SELECT * FROM spine.plan(spine.export());
SELECT spine.export('sales');			-- fails

-- a time between the revisions
SELECT spine.apply(:'head'::jsonb || '{"parties": {"seller": {"kind": "team"}}, "contexts": {"sales": {"owner": "seller", "datasets": {"orders": {"description": "one"}, "odd.\"name\"": {}}}, "": {}, "a.b": {"description": "dots"}}}');	-- fails: names
SELECT spine.apply(:'head'::jsonb || '{"parties": {"seller": {"kind": "team"}}, "contexts": {"sales": {"owner": "seller", "datasets": {"orders": {"description": "one"}, "odd.\"name\"": {}}}, "a.b": {"description": "dots"}}}');
SELECT clock_timestamp() AS between \gset
SELECT spine.apply(:'head'::jsonb || '{"contexts": {"sales": {"datasets": {"orders": {"description": "two"}}}}}');

SELECT spine.export();
SELECT spine.export('sales');
SELECT spine.export('sales.orders');
SELECT spine.export('"a.b"');
SELECT spine.export('sales."odd.""name"""');
SELECT spine.export('sales.orders', :'between');
SELECT spine.export(NULL, 'infinity') = spine.export() AS now, spine.export(NULL, '-infinity') AS before_all;

-- each part applies again and changes nothing
SELECT asset, spine.export(asset) IS NOT NULL AS exported, (SELECT count(*) FROM spine.plan(spine.export(asset))) AS planned
  FROM spine.asset ORDER BY asset;
-- what was brings itself back
SELECT action, kind, key, before, after FROM spine.plan(spine.export('sales.orders', :'between'));

-- what is no such part
SELECT spine.export('nothing');			-- fails
SELECT spine.export('sales.nothing');	-- fails
SELECT spine.export('a.b');				-- fails: that is dataset b of context a
SELECT spine.export('sales.orders.status');	-- fails
SELECT spine.export('');				-- fails
SELECT spine.export('"sales');			-- fails
SELECT spine.export('sales.');			-- fails

-- all of JSON's characters, numbers and shapes come back as they were
SELECT spine.apply(:'head'::jsonb || '{"contexts": {"sales": {"description": "tab\t, quote \", slash \\ /, \u0001, \u20ac, \ud83d\ude00, \u2028", "datasets": {"orders": {"description": ""}}}}}');
SELECT spine.export('sales') -> 'contexts' -> 'sales' -> 'description';
SELECT check_name, ok FROM spine.health() WHERE check_name = 'revision_chain';

-- objects of more members than one stride of jsonb's offsets
SELECT spine.apply(:'head'::jsonb || jsonb_build_object('contexts', jsonb_build_object('many', jsonb_build_object('datasets',
         (SELECT jsonb_object_agg('d' || i, jsonb_build_object('description', repeat('x', i))) FROM generate_series(1, 300) i)))));
SELECT spine.apply(:'head'::jsonb || jsonb_build_object('contexts', jsonb_build_object('many', jsonb_build_object('datasets',
         (SELECT jsonb_object_agg('d' || i, jsonb_build_object('description', 'new')) FROM generate_series(1, 300, 7) i)))));
SELECT count(*), count(*) FILTER (WHERE value ->> 'description' = 'new') AS new,
       bool_and(value ->> 'description' IN ('new', repeat('x', substr(key, 2)::int))) AS right
  FROM jsonb_each(spine.export() #> '{contexts,many,datasets}');
SELECT spine.export() = spine.export()::text::jsonb AS same,
       jsonb_send(spine.export()) = jsonb_send(spine.export()::text::jsonb) AS sent;
SELECT pg_column_size(spine.export()) = pg_column_size(spine.export()::text::jsonb) AS size;

DROP EXTENSION spine;
