-- The document of test/bench/catalog.sh: 10 contexts of 100 datasets of 9
-- attributes, 10,010 assets; each dataset has a table and three states.
CREATE SCHEMA bench;

SELECT pg_catalog.format('CREATE ROLE %I LOGIN', 'bench_p' || i)
  FROM pg_catalog.generate_series(0, 19) i
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles
                    WHERE rolname = 'bench_p' || i)
\gexec

SELECT pg_catalog.format(
         'CREATE TABLE bench.t%s_%s (id bigint PRIMARY KEY, status text NOT NULL, %s)',
         c, d, pg_catalog.string_agg(pg_catalog.format('a%s text', a), ', '))
  FROM pg_catalog.generate_series(0, 9) c, pg_catalog.generate_series(0, 99) d,
       pg_catalog.generate_series(0, 8) a
 GROUP BY c, d
\gexec

-- One dataset; local says whether its table stands in this database.
CREATE FUNCTION bench.dataset(c int, d int, local boolean) RETURNS jsonb
LANGUAGE sql AS $$
SELECT pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
         'description', pg_catalog.format('Dataset %s of context %s, with what people say about it.', d, c),
         'relation', CASE WHEN local THEN pg_catalog.format('bench.t%s_%s', c, d) END,
         'owner', 'party-' || (c + d) % 20,
         'classification', 'internal',
         'attributes', (SELECT pg_catalog.jsonb_object_agg('a' || a,
                           pg_catalog.jsonb_build_object(
                             'description', pg_catalog.format('Attribute %s of dataset %s: what it means to people.', a, d),
                             'classification', 'internal'))
                          FROM pg_catalog.generate_series(0, 8) a),
         'lifecycle', CASE WHEN local THEN pg_catalog.jsonb_build_object(
           'governing', 'status',
           'states', pg_catalog.jsonb_build_object(
             'open', pg_catalog.jsonb_build_object(
               'initial', true, 'owner', 'party-' || (c + d) % 20,
               'write', pg_catalog.jsonb_build_object('*', pg_catalog.jsonb_build_array('party-' || (c + d) % 20))),
             'busy', pg_catalog.jsonb_build_object(
               'owner', 'party-' || (c + d + 1) % 20,
               'write', pg_catalog.jsonb_build_object('a1', pg_catalog.jsonb_build_array('party-' || (c + d + 1) % 20))),
             'done', '{"terminal": true}'::jsonb),
           'transitions', pg_catalog.jsonb_build_object(
             'open -> busy', pg_catalog.jsonb_build_object('by', pg_catalog.jsonb_build_array('party-' || (c + d) % 20)),
             'busy -> done', pg_catalog.jsonb_build_object('by', pg_catalog.jsonb_build_array('party-' || (c + d + 1) % 20)))) END))
$$;

-- The whole document.
CREATE FUNCTION bench.document(local boolean) RETURNS jsonb
LANGUAGE sql AS $$
SELECT pg_catalog.jsonb_build_object(
         'kind', 'DataSpine', 'apiVersion', 'spine/v1',
         'terms', '{"classification": {"internal": {"rank": 1}}}'::jsonb,
         'parties', (SELECT pg_catalog.jsonb_object_agg('party-' || i,
                       pg_catalog.jsonb_build_object('kind', 'service', 'role', 'bench_p' || i))
                       FROM pg_catalog.generate_series(0, 19) i),
         'stores', '{"main": {"kind": "postgres"}}'::jsonb,
         'contexts', (SELECT pg_catalog.jsonb_object_agg('context-' || c,
                        pg_catalog.jsonb_build_object('owner', 'party-' || c, 'datasets',
                          (SELECT pg_catalog.jsonb_object_agg('dataset-' || d, bench.dataset(c, d, local))
                             FROM pg_catalog.generate_series(0, 99) d)))
                        FROM pg_catalog.generate_series(0, 9) c))
$$;
