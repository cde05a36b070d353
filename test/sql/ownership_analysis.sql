-- spine.may_matrix and spine.diff_rights: what they say, and to whom.  That
-- they are right is shown by test/run.d/ownership_analysis.sh.
SET client_min_messages = warning;
CREATE ROLE regress_maker;
CREATE ROLE regress_keeper;
CREATE ROLE regress_both IN ROLE regress_maker, regress_keeper;
CREATE ROLE regress_nobody;
CREATE SCHEMA bench;
GRANT USAGE ON SCHEMA bench TO PUBLIC;
CREATE TABLE bench.ticket (id int PRIMARY KEY, state text NOT NULL, gone int, title text, doc jsonb, "odd.name" int,
	version int NOT NULL DEFAULT 1, since timestamptz NOT NULL DEFAULT now(), made int GENERATED ALWAYS AS (id) STORED);
ALTER TABLE bench.ticket DROP COLUMN gone;
CREATE TABLE bench.line (ticket int REFERENCES bench.ticket, n int, PRIMARY KEY (ticket, n));
CREATE TABLE bench.free (id int PRIMARY KEY, note text);
\set document '{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}}, "parties": {"maker": {"kind": "team", "role": "regress_maker"}, "keeper": {"kind": "team", "role": "regress_keeper"}}, "contexts": {"bench": {"owner": "maker", "datasets": {"free": {"relation": "bench.free", "sot": {"store": "main"}}, "tickets": {"relation": "bench.ticket", "sot": {"store": "main"}, "lifecycle": {"governing": "state", "entered_at": "since", "contention": {"version": {"attribute": "version"}}, "states": {"draft": {"initial": true, "owner": "maker", "write": {"*": ["maker"], "doc.tax": ["keeper"]}, "delete": ["maker"]}, "open": {"owner": "keeper", "locked": false, "write": {"title": []}}, "done": {"terminal": true}}, "transitions": {"draft -> open": {"by": ["maker"], "with_write": ["title"], "guard": "NEW.title IS NOT NULL"}, "open -> done": {"by": ["keeper", "maker"], "with_write": ["title"]}}, "children": {"lines": {"relation": "bench.line", "via": ["ticket"], "write": {"draft": ["maker"]}}}}}}}}}'
SELECT spine.apply(:'document');

SELECT state, action, target, allowed, condition, rule, owner FROM spine.may_matrix('regress_maker', 'bench.ticket');
SELECT state, action, target, condition FROM spine.may_matrix('regress_keeper', 'bench.ticket') WHERE allowed;
SELECT state, action, target, condition FROM spine.may_matrix('regress_nobody', 'bench.ticket') WHERE allowed;
SELECT count(*) FILTER (WHERE allowed) AS both_of_them FROM spine.may_matrix('regress_both', 'bench.ticket');
SELECT state, action, target, allowed, rule FROM spine.may_matrix('regress_maker', 'bench.line') WHERE allowed OR action = 'truncate';
SELECT * FROM spine.may_matrix('regress_maker', 'bench.free');
SELECT count(*) FROM spine.may_matrix('regress_keeper', 'bench.free') WHERE allowed;

-- who may ask, and of what
SELECT spine.may_matrix('nobody_at_all', 'bench.ticket');		-- fails
SELECT spine.may_matrix('regress_maker', 'spine.revision');		-- fails
SELECT spine.may_matrix(NULL, 'bench.ticket');					-- fails
SET ROLE regress_nobody;
SELECT spine.may_matrix('regress_maker', 'bench.ticket');		-- fails
SELECT spine.diff_rights(0, 1);									-- fails
RESET ROLE;

-- what a change of the rules means
SELECT spine.apply(jsonb_set(jsonb_set(jsonb_set(jsonb_set(jsonb_set(:'document',
	'{contexts,bench,datasets,tickets,lifecycle,states,draft,write}', '{"*": ["maker", "keeper"], "title": ["maker"], "doc.tax": ["keeper"]}'),
	'{contexts,bench,datasets,tickets,lifecycle,states,open,locked}', 'true'),
	'{contexts,bench,datasets,tickets,lifecycle,transitions,draft -> open}', '{"by": ["maker", "keeper"]}'),
	'{contexts,bench,datasets,tickets,lifecycle,children,lines,write}', '{"draft": ["keeper"], "open": ["maker"]}'),
	'{contexts,bench,datasets,free,producers}', '{"keeper": {}}'));
SELECT party, state, action, target, change, before, after FROM spine.diff_rights(1, 2, 'bench.tickets');
SELECT dataset, party, state, action, target, change FROM spine.diff_rights(1, 2, 'bench.free');
SELECT count(*) FROM spine.diff_rights(2, 2);
SELECT count(*) FROM spine.diff_rights(NULL, 2);
-- the other way round: the same rows, turned about
SELECT count(*) FROM ((SELECT dataset, party, state, action, target, before, after FROM spine.diff_rights(1, 2)) EXCEPT
	(SELECT dataset, party, state, action, target, after, before FROM spine.diff_rights(2, 1))) d;
-- spine.diff has them as well; plan has not, since nothing of that is applied
SELECT action, key, before, after, risk FROM spine.diff(1, 2) WHERE kind = 'right' AND key ~ 'open' ORDER BY key;
SELECT kind, count(*) FROM spine.diff(1, 2) GROUP BY kind ORDER BY kind;
SELECT count(*) FROM spine.plan(:'document') WHERE kind = 'right';
SELECT rev, changes FROM spine.changelog ORDER BY rev;

-- a dataset that one of them lacks, and one that neither has
SELECT party, action, target, change, before, after FROM spine.diff_rights(0, 1, 'bench.free') ORDER BY action, target;
SELECT count(*) FROM spine.diff(0, 1) WHERE kind = 'right';
SELECT * FROM spine.diff_rights(1, 2, 'bench.none');			-- fails
SELECT * FROM spine.diff_rights(1, 99);							-- fails

-- a lifecycle that comes: before, the writers did everything in every state
SELECT spine.apply(jsonb_set(:'document', '{contexts,bench,datasets,free,lifecycle}', '{"governing": "note", "states": {"a": {"initial": true, "owner": "maker"}, "b": {"terminal": true}}, "transitions": {"a -> b": {"by": ["keeper"]}}}')) > 0 AS applied;
SELECT party, state, action, target, change FROM spine.diff_rights(1, 3, 'bench.free');

-- an owner of the context that is another one
SELECT spine.apply(jsonb_set(:'document', '{contexts,bench,owner}', '"keeper"')) > 0 AS applied;
SELECT dataset, party, action, target, change FROM spine.diff_rights(1, 4) ORDER BY party, action, target;

-- a table that is gone: what the documents name, and the rest of it
SELECT spine.apply(jsonb_set(:'document', '{contexts,bench,datasets}', '{}'), prune => true) > 0 AS applied;
DROP TABLE bench.line, bench.ticket;
SELECT party, state, action, target, change FROM spine.diff_rights(1, 2, 'bench.tickets') WHERE party = 'keeper';
