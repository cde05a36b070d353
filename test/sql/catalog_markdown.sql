-- documents for people: the ownership specification of a dataset, the matrix
-- of a context, state diagrams.
SET client_min_messages = warning;
CREATE ROLE regress_cart_service;
CREATE ROLE regress_billing_service;
CREATE ROLE regress_fulfilment_team;
CREATE ROLE regress_platform_team;
CREATE FOREIGN DATA WRAPPER elsewhere;
CREATE SERVER analytics FOREIGN DATA WRAPPER elsewhere;
CREATE SCHEMA shop;
CREATE TABLE shop.orders (order_id bigint PRIMARY KEY, status text NOT NULL DEFAULT 'cart', customer_email varchar(80), total_price jsonb,
    tracking_code text, version int NOT NULL DEFAULT 1, status_since timestamptz NOT NULL DEFAULT now());
CREATE TABLE shop.order_items (order_id bigint NOT NULL REFERENCES shop.orders, item text NOT NULL, PRIMARY KEY (order_id, item));

-- the worked example
\set document `sed 's/\("role": "\)/\1regress_/' test/data/order.spec.json`
SELECT spine.apply(:'document', 'the worked example');
\pset format unaligned
\pset tuples_only
SELECT regexp_replace(spine.export_markdown('order.orders'), '\d{4}-\d\d-\d\d(?=, revision 1)', 'a day');
SELECT position(to_char(at AT TIME ZONE 'UTC', '"Last updated | "YYYY-MM-DD", revision 1 |"') IN spine.export_markdown('order.orders')) > 0 AS day_in_utc
  FROM spine.revision;
SELECT spine.export_markdown('order');
SELECT spine.export_dot('order.orders');
SELECT spine.export_mermaid('order.orders');

-- a context of datasets without a lifecycle, with copies, events, and owners
-- in every state
\set head '{"kind": "DataSpine", "apiVersion": "spine/v1"}'
SELECT spine.apply(:'head'::jsonb || '{
  "parties": {"customer": {"kind": "context"}, "shipping": {"kind": "context", "retired": false, "description": "Sends parcels."}, "support": {"kind": "team"}},
  "stores": {"edge": {"kind": "cache", "region": "us"}, "vault": {"kind": "api"}},
  "events": {"CustomerRegistered": {"context": "customer", "description": "Somebody is new.", "subscriptions": {"ship": {"party": "shipping"}, "bill": {"party": "billing-service"}}},
             "ProfileUpdated": {"dataset": "customer.profile"}, "ParcelSent": {"context": "shipping"}},
  "contexts": {
    "customer": {"description": "Who buys.", "owner": "customer", "steward": "support", "classification": "internal", "schemas": ["crm"], "review_on": "2027-01-01", "rationale": "They asked.",
      "delegates": {"support": ["operations", "erasure"]}, "links": {"wiki": "https://example.org/customer"}, "datasets": {
      "profile": {"description": "Name and e-mail.", "consumers": {"shipping": {"until": "2030-01-01", "description": "labels"}, "billing-service": {}}, "sot": {"store": "vault", "locator": "v1/profile", "provisional": true, "rationale": "It was first.", "target": {"store": "main", "by": "2027-06-30", "plan": "docs/move"}},
        "caches": {"names": {"store": "edge", "owner": "shipping", "flow": "events", "consistency": "eventual", "max_lag": "PT5M", "ttl": "PT1H"}},
        "snapshots": {"at-order": {"store": "main", "locator": "shop.orders", "consistency": "snapshot"}},
        "derived": {"segments": {"store": "main", "inputs": ["order.orders"], "transformation": "grouped by age"}}},
      "address": {"owner": "support", "owner_state": "proposed", "interim_owner": "customer", "review_on": "2027-02-03", "producers": {"shipping": {"writes": "main", "description": "corrections"}}, "classification": "restricted", "tags": ["pii:address"]},
      "preferences": {"producers": ["shipping", "support"], "enforcement": "observe", "audit": "none"}}},
    "shipping": {"owner": "shipping"},
    "nobody": {"datasets": {"lost": {}}}}}', 'customers');
SELECT spine.export_markdown('customer');
SELECT spine.export_markdown('shipping');
SELECT regexp_replace(spine.export_markdown('customer.profile'), '\d{4}-\d\d-\d\d(?=, revision)', 'a day');
SELECT regexp_replace(spine.export_markdown('customer.address'), '\d{4}-\d\d-\d\d(?=, revision)', 'a day');
SELECT substring(spine.export_markdown('customer.preferences') FROM '## 4.*## Source');
SELECT substring(spine.export_markdown('nobody.lost') FROM '## 4[^#]*');

-- whatever a document says is read as text, in its own cell
SELECT spine.apply(:'head'::jsonb || '{
  "parties": {"a|b": {"kind": "team", "description": "one | two\nthree\r\nfour\\|five \\"}, "`x` <b>": {"kind": "team", "contact": {"<script>": "alert(\"&lt;\")"}}},
  "contexts": {"odd.\"x\" *y*": {"owner": "a|b", "description": "# no heading\n- no list", "datasets": {
    "1. first": {"description": "> _quote_ and snake_case and [link](javascript:alert(1)) and ![i](x) ~~s~~ $m$ a\tb", "attributes": {"a_|_b": {"description": "12) <!-- x --> &amp; & AT&T"}},
      "lifecycle": {"governing": "z", "open_questions": ["1. why?", "+ plus", "# hash", "=== rule", "---", "   indented"],
        "states": {"<a>": {"initial": true, "owner": "a|b", "meaning": "|", "write": {"a_|_b": ["`x` <b>"]}}, "\"q\" \\ &amp; %%{x}": {"owner": "`x` <b>", "transition": ["a|b"]}, "zu; spät: #1\u2028": {"terminal": true}, "never": {"owner": "a|b", "locked": false}},
        "transitions": {"<a> -> \"q\" \\ &amp; %%{x}": {"by": ["a|b", "`x` <b>"], "guard": "a | b || ''`''", "handoff": [{"emit": "E;\"x\" --> [*]"}, {"freeze": ["a_|_b"]}]},
                        "\"q\" \\ &amp; %%{x} -> zu; spät: #1\u2028": {"by": ["a|b"]}, "\"q\" \\ &amp; %%{x} -> <a>": {"by": ["a|b"], "guard": {"children": {"kids": 2}, "function": "f(x,x)"}}},
        "children": {"kids": {"relation": "far.kids", "via": ["z"], "write": {"<a>": []}}},
        "invariants": {"**i**": {"check": "a < b", "description": "a less than\nb"}}, "contention": {"version": {"attribute": "v", "mode": "auto"}, "non_owner": "queue", "out_of_order": "no_op", "fallback_after": "PT1H"},
        "alerts": {"al|ert": {"state": "<a>", "longer_than": "PT1H", "to": ["a|b"], "description": "hurry"}, "b": {"state": "never", "longer_than": "P1D"}}}}}}}}', 'odd names');
SELECT regexp_replace(spine.export_markdown('"odd.""x"" *y*"."1. first"'), '\d{4}-\d\d-\d\d(?=, revision)', 'a day');
SELECT spine.export_markdown('"odd.""x"" *y*"');
SELECT spine.export_dot('"odd.""x"" *y*"."1. first"');
SELECT spine.export_mermaid('"odd.""x"" *y*"."1. first"');
\pset tuples_only off

-- in every document each row of a table has as many cells as its heading, and
-- nothing is left that a browser would take for a tag but line breaks (none)
WITH line AS (
    SELECT a.asset, n, replace(replace(l, '\\', ''), '\|', '') AS l
      FROM spine.asset a, regexp_split_to_table(spine.export_markdown(a.asset), '\n') WITH ORDINALITY AS r (l, n)
     WHERE a.kind IN ('context', 'dataset')
), cell AS (
    SELECT *, length(l) - length(replace(l, '|', '')) AS bars FROM line
)
SELECT asset, n, l FROM (SELECT *, lag(bars) OVER (PARTITION BY asset ORDER BY n) AS above FROM cell) c
 WHERE bars > 0 AND above > 0 AND bars <> above OR bars > 0 AND l !~ '^\|.*\|$' OR replace(l, '<br>', '') ~ '<';

-- what has no document, or no diagram
SELECT spine.export_markdown('nothing');		-- fails
SELECT spine.export_markdown('order.nothing');	-- fails
SELECT spine.export_markdown('order.orders.status');	-- fails
SELECT spine.export_markdown('');				-- fails
SELECT spine.export_markdown('order.');			-- fails
SELECT spine.export_dot('order');				-- fails
SELECT spine.export_dot('customer.profile');	-- fails
SELECT spine.export_mermaid('nothing.at.all');	-- fails
SELECT spine.export_markdown(NULL) IS NULL AS markdown, spine.export_dot(NULL) IS NULL AS dot, spine.export_mermaid(NULL) IS NULL AS mermaid;

-- for the roles that read the document
CREATE ROLE regress_reader;
GRANT spine_auditor TO regress_reader;
SET ROLE regress_reader;
SELECT spine.export_markdown('order') LIKE '# Data ownership of order%' AS markdown, spine.export_dot('order.orders') LIKE 'digraph%' AS dot, spine.export_mermaid('order.orders') LIKE 'stateDiagram-v2%' AS mermaid;
SET ROLE regress_cart_service;
SELECT spine.export_markdown('order');	-- fails
SELECT spine.export_dot('order.orders');	-- fails
SELECT spine.export_mermaid('order.orders');	-- fails
RESET ROLE;

SELECT spine.detach_all();
DROP EXTENSION spine;
DROP SCHEMA shop CASCADE;
DROP FOREIGN DATA WRAPPER elsewhere CASCADE;
