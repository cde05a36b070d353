-- property.sql: random revisions of one dataset, what may_matrix and may say
-- of each, and what must therefore differ between any two of them.
--
-- The parties p0 to p4 have a role each, prop_other is nobody.  The table has
-- a row in each state s0 to s5, which no revision has to know.

DO $$ BEGIN
	FOR i IN 0..4 LOOP EXECUTE format('CREATE ROLE prop_p%s', i); END LOOP;
	CREATE ROLE prop_other;
END $$;
CREATE SCHEMA prop;
CREATE TABLE prop.thing (id int PRIMARY KEY, state text NOT NULL, a int, b text, doc jsonb, note text, gone int,
	since timestamptz NOT NULL DEFAULT now(), version int NOT NULL DEFAULT 1, made int GENERATED ALWAYS AS (id + 1) STORED);
ALTER TABLE prop.thing DROP COLUMN gone;
INSERT INTO prop.thing (id, state) SELECT n, 's' || n FROM generate_series(0, 5) n;
CREATE TABLE prop.part (thing int REFERENCES prop.thing, n int, label text, PRIMARY KEY (thing, n));
INSERT INTO prop.part SELECT n, 1 FROM generate_series(0, 5) n;
GRANT USAGE ON SCHEMA prop TO PUBLIC;
GRANT ALL ON prop.thing, prop.part TO PUBLIC;

CREATE FUNCTION prop.hit(share float) RETURNS boolean LANGUAGE sql AS 'SELECT random() < share';
-- Some of the names, in no order; the lowest number of them at least.
CREATE FUNCTION prop.some(names text[], share float, lowest int DEFAULT 0) RETURNS text[] LANGUAGE sql AS $$
	SELECT coalesce(array_agg(name), '{}') FROM (SELECT name, row_number() OVER (ORDER BY random()) AS r, random() < share AS hit
		FROM unnest(names) name OFFSET 0) n WHERE hit OR r <= lowest $$;
CREATE FUNCTION prop.parties(lowest int DEFAULT 0) RETURNS jsonb LANGUAGE sql AS $$
	SELECT to_jsonb(prop.some('{p0,p1,p2,p3,p4}', 0.3, lowest)) $$;

CREATE FUNCTION prop.state() RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object('owner', 'p' || floor(random() * 5)::int,
		'initial', CASE WHEN prop.hit(0.6) THEN true END, 'locked', CASE WHEN prop.hit(0.3) THEN false END,
		'insert', CASE WHEN prop.hit(0.3) THEN prop.parties() END, 'delete', CASE WHEN prop.hit(0.4) THEN prop.parties() END,
		'write', (SELECT coalesce(jsonb_object_agg(name, prop.parties()), '{}')
			FROM unnest(prop.some('{*,a,b,note,doc,doc.x,doc.x.y,doc.x.z,doc.list.[*],doc.list.0}', 0.35)) name))) $$;
CREATE FUNCTION prop.guard() RETURNS jsonb LANGUAGE sql AS $$
	SELECT CASE floor(random() * 6)::int WHEN 0 THEN '"NEW.note IS NOT NULL"'::jsonb WHEN 1 THEN '"NEW.a > 0"'::jsonb END $$;
CREATE FUNCTION prop.lifecycle() RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	names text[] := prop.some('{s0,s1,s2,s3,s4,s5}', 0.6, 2);
	moves jsonb := (SELECT coalesce(jsonb_object_agg(f || ' -> ' || t, jsonb_strip_nulls(jsonb_build_object('by', prop.parties(1),
			'guard', prop.guard(), 'with_write', to_jsonb(prop.some('{a,b,note,doc}', 0.2))))), '{}')
		FROM unnest(names) f, unnest(names) t WHERE f <> t AND prop.hit(0.4));
BEGIN
	RETURN jsonb_strip_nulls(jsonb_build_object('governing', 'state',
		'states', (SELECT jsonb_object_agg(s, prop.state()) || jsonb_build_object(names[1], prop.state() || '{"initial": true}') FROM unnest(names) s),
		'transitions', moves, 'entered_at', CASE WHEN prop.hit(0.5) THEN 'since' END,
		'contention', CASE WHEN prop.hit(0.5) THEN jsonb_build_object('version', jsonb_build_object('attribute', 'version', 'mode', CASE WHEN prop.hit(0.5) THEN 'auto' ELSE 'require' END)) END,
		'children', CASE WHEN prop.hit(0.5) THEN jsonb_build_object('parts', jsonb_build_object('relation', 'prop.part', 'via', '["thing"]'::jsonb,
			'write', (SELECT jsonb_object_agg(s, prop.parties(1)) FROM unnest(prop.some(names, 0.7, 1)) s))) END));
END $$;
CREATE FUNCTION prop.document() RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('kind', 'DataSpine', 'apiVersion', 'spine/v1', 'stores', '{"main": {"kind": "postgres"}}'::jsonb,
		'parties', (SELECT jsonb_object_agg('p' || n, jsonb_build_object('kind', 'team', 'role', 'prop_p' || n)) FROM generate_series(0, 4) n),
		'contexts', jsonb_build_object('c', jsonb_build_object('owner', 'p' || floor(random() * 2)::int, 'datasets', jsonb_build_object('d',
			jsonb_build_object('relation', 'prop.thing', 'sot', '{"store": "main"}'::jsonb)
			|| CASE WHEN prop.hit(0.5) THEN jsonb_build_object('producers', (SELECT coalesce(jsonb_object_agg(p, '{}'::jsonb), '{}') FROM unnest(prop.some('{p0,p1,p2,p3,p4}', 0.2)) p)) ELSE '{}' END
			|| CASE WHEN prop.hit(0.3) THEN jsonb_build_object('owner', 'p3') || CASE WHEN prop.hit(0.5) THEN '{"owner_state": "proposed"}'::jsonb ELSE '{}' END ELSE '{}' END
			|| CASE WHEN prop.hit(0.85) THEN jsonb_build_object('lifecycle', prop.lifecycle()) ELSE '{}' END)))) $$;

-- What each revision allows: by may_matrix for what tables and rules name, by
-- may for each row and each thing that one can do to it.
CREATE TABLE prop.revision (rev bigint PRIMARY KEY, document jsonb, plain boolean, states text[], paths text[], datasets text[]);
CREATE TABLE prop.matrix (rev bigint, dataset text, party text, state text, action text, target text, value text);
CREATE TABLE prop.answer (rev bigint, dataset text, party text, state text, action text, target text, value text);

CREATE FUNCTION prop.guard_of(document jsonb, state text, target text) RETURNS text LANGUAGE sql AS $$
	SELECT 'guard ' || (document #>> ARRAY['contexts', 'c', 'datasets', 'd', 'lifecycle', 'transitions', state || ' ' || target, 'guard']) $$;

CREATE PROCEDURE prop.record(number bigint) LANGUAGE plpgsql AS $$
DECLARE
	doc jsonb := spine.export();
	lifecycle jsonb := doc #> '{contexts,c,datasets,d,lifecycle}';
BEGIN
	INSERT INTO prop.matrix
	SELECT number, t.dataset, r.party, m.state, m.action, m.target,
		CASE WHEN bool_or(m.allowed AND m.condition IS NULL) THEN 'allowed'
			WHEN m.action = 'transition' AND bool_or(m.allowed) THEN prop.guard_of(doc, m.state, m.target)
			WHEN bool_or(m.allowed) THEN 'with ' || string_agg(m.condition, ', ' ORDER BY m.condition) FILTER (WHERE m.condition IS NOT NULL)
			ELSE 'denied' END
	FROM (SELECT 'p' || n AS party, 'prop_p' || n AS role FROM generate_series(0, 4) n UNION ALL SELECT NULL, 'prop_other') r,
		(VALUES ('c.d', 'prop.thing'::regclass), ('c.d.parts', 'prop.part')) t(dataset, relation),
		LATERAL spine.may_matrix(r.role::name, t.relation) m
	WHERE t.dataset = 'c.d' OR lifecycle #> '{children,parts}' IS NOT NULL
	GROUP BY 2, 3, 4, 5, 6;

	INSERT INTO prop.answer
	SELECT number, 'c.d', r.party, CASE WHEN lifecycle IS NULL THEN NULL ELSE 's' || k END, CASE WHEN a.action = 'delete' THEN a.action WHEN a.action ~ '^->' THEN 'transition' ELSE 'write' END,
		nullif(a.action, 'delete'),
		CASE WHEN NOT m.allowed THEN 'denied' WHEN m.reason = 'guard_unknown' THEN prop.guard_of(doc, 's' || k, a.action) ELSE 'allowed' END
	FROM (SELECT 'p' || n AS party, 'prop_p' || n AS role FROM generate_series(0, 4) n UNION ALL SELECT NULL, 'prop_other') r,
		generate_series(0, 5) k,
		unnest(ARRAY['delete', 'id', 'a', 'b', 'doc', 'note', 'since', 'version', 'doc.x', 'doc.x.y', 'doc.x.z', 'doc.list.[*]', 'doc.list.0']
			|| CASE WHEN lifecycle IS NULL THEN '{state}' ELSE ARRAY(SELECT '-> s' || n FROM generate_series(0, 5) n) END) a(action),
		LATERAL spine.may(r.role::name, 'prop.thing', jsonb_build_object('id', k), a.action) m
	WHERE (lifecycle IS NULL AND k = 0 OR lifecycle -> 'states' ? ('s' || k)) AND a.action <> '-> s' || k
		AND (a.action !~ '^->' OR lifecycle -> 'states' ? substr(a.action, 4));
	INSERT INTO prop.answer
	SELECT number, 'c.d.parts', r.party, 's' || k, CASE WHEN a.action = 'delete' THEN a.action ELSE 'write' END, nullif(a.action, 'delete'),
		CASE WHEN m.allowed THEN 'allowed' ELSE 'denied' END
	FROM (SELECT 'p' || n AS party, 'prop_p' || n AS role FROM generate_series(0, 4) n UNION ALL SELECT NULL, 'prop_other') r,
		generate_series(0, 5) k, unnest('{delete,thing,n,label}'::text[]) a(action),
		LATERAL spine.may(r.role::name, 'prop.part', jsonb_build_object('thing', k, 'n', 1), a.action) m
	WHERE lifecycle #> '{children,parts}' IS NOT NULL AND lifecycle -> 'states' ? ('s' || k);

	INSERT INTO prop.revision SELECT number, doc, lifecycle IS NULL,
		ARRAY(SELECT jsonb_object_keys(lifecycle -> 'states')), array_agg(DISTINCT target) FILTER (WHERE target ~ '^doc[.]'), array_agg(DISTINCT dataset)
		FROM prop.matrix WHERE rev = number;
END $$;
CREATE INDEX ON prop.matrix (rev);
CREATE INDEX ON prop.answer (rev);

CREATE PROCEDURE prop.run(revisions int) LANGUAGE plpgsql AS $$
DECLARE
	number bigint;
	last bigint := 0;
BEGIN
	FOR i IN 1..revisions LOOP
		number := spine.apply(prop.document(), 'random', prune => true);
		IF number <> last THEN CALL prop.record(number); END IF;
		last := number;
		COMMIT;
	END LOOP;
	ANALYZE prop.matrix, prop.answer;
END $$;

-- A revision's rights as they compare with another's: without a lifecycle the
-- same in each state of the other, where a transition is a write of state.
CREATE FUNCTION prop.rights(number bigint, other bigint)
RETURNS TABLE (dataset text, party text, state text, action text, target text, value text) LANGUAGE plpgsql STABLE AS $$
DECLARE
	mine prop.revision := (SELECT r FROM prop.revision r WHERE rev = number);
	theirs prop.revision := (SELECT r FROM prop.revision r WHERE rev = other);
	spread boolean := mine.plain AND NOT theirs.plain;
BEGIN
	RETURN QUERY
	WITH mine AS MATERIALIZED (
		SELECT m.* FROM prop.matrix m WHERE m.rev = number AND (m.target IS NULL OR m.target !~ '^doc[.]')
		UNION ALL
		SELECT a.* FROM prop.answer a WHERE a.rev = number AND a.target = ANY (mine.paths || theirs.paths)
	)
	SELECT m.dataset, m.party, m.state, m.action, m.target, m.value FROM mine m
	WHERE NOT spread OR m.action = 'truncate'
	UNION ALL
	SELECT m.dataset, m.party, s, m.action, m.target, m.value FROM mine m, unnest(theirs.states) s
	WHERE spread AND m.action <> 'truncate' AND m.target IS DISTINCT FROM 'state'
	UNION ALL
	SELECT m.dataset, m.party, s, 'transition', '-> ' || t, m.value FROM mine m, unnest(theirs.states) s, unnest(theirs.states) t
	WHERE spread AND m.target = 'state' AND s <> t;
END $$;

-- What must differ, by brute force.
CREATE FUNCTION prop.expected(a bigint, b bigint)
RETURNS TABLE (dataset text, party text, state text, action text, target text, change text, before text, after text) LANGUAGE sql STABLE AS $$
	SELECT k.dataset, k.party, k.state, action, k.target,
		CASE WHEN coalesce(x.value, 'denied') = 'denied' THEN 'allowed' WHEN coalesce(y.value, 'denied') = 'denied' THEN 'denied' ELSE 'condition' END,
		CASE WHEN k.dataset = ANY (old.datasets) THEN coalesce(x.value, 'denied') END,
		CASE WHEN k.dataset = ANY (new.datasets) THEN coalesce(y.value, 'denied') END
	FROM (SELECT dataset, coalesce(party, '*') AS p, coalesce(state, '*') AS s, action, coalesce(target, '*') AS t, value FROM prop.rights(a, b)) x
	FULL JOIN (SELECT dataset, coalesce(party, '*') AS p, coalesce(state, '*') AS s, action, coalesce(target, '*') AS t, value FROM prop.rights(b, a)) y
		USING (dataset, p, s, action, t)
	CROSS JOIN LATERAL (SELECT dataset, nullif(p, '*') AS party, nullif(s, '*') AS state, nullif(t, '*') AS target) k
	CROSS JOIN prop.revision old CROSS JOIN prop.revision new
	WHERE old.rev = a AND new.rev = b AND coalesce(x.value, 'denied') <> coalesce(y.value, 'denied') $$;

CREATE TABLE prop.wrong (a bigint, b bigint, who text, line text);
CREATE TABLE prop.compared (a bigint, b bigint, n int, alike int);
CREATE PROCEDURE prop.compare(a bigint, b bigint) LANGUAGE plpgsql AS $$
BEGIN
	CREATE TEMP TABLE told ON COMMIT DROP AS SELECT dataset, party, state, action, target, change,
		-- the order of several transitions says nothing
		CASE WHEN before ~ '^with' THEN 'with ' || (SELECT string_agg(w, ', ' ORDER BY w) FROM regexp_split_to_table(substr(before, 6), ', ') w) ELSE before END AS before,
		CASE WHEN after ~ '^with' THEN 'with ' || (SELECT string_agg(w, ', ' ORDER BY w) FROM regexp_split_to_table(substr(after, 6), ', ') w) ELSE after END AS after
		FROM spine.diff_rights(a, b);
	CREATE TEMP TABLE meant ON COMMIT DROP AS SELECT * FROM prop.expected(a, b);
	-- Who is named by neither revision is everybody else.
	DELETE FROM meant m WHERE NOT EXISTS (SELECT FROM told t WHERE t.party = m.party) AND EXISTS (SELECT FROM meant n
		WHERE n.party IS NULL AND m.party IS NOT NULL AND to_jsonb(n) - 'party' = to_jsonb(m) - 'party');
	INSERT INTO prop.wrong SELECT a, b, 'diff_rights alone', t::text FROM (TABLE told EXCEPT ALL TABLE meant) t;
	INSERT INTO prop.wrong SELECT a, b, 'brute force alone', t::text FROM (TABLE meant EXCEPT ALL TABLE told) t;
	INSERT INTO prop.compared SELECT a, b, (SELECT count(*) FROM told), (SELECT count(*) FROM (TABLE told INTERSECT ALL TABLE meant) t);
	COMMIT;
END $$;
CREATE PROCEDURE prop.compare_all(pairs int) LANGUAGE plpgsql AS $$
DECLARE
	pair record;
BEGIN
	FOR pair IN SELECT x.rev AS a, y.rev AS b FROM prop.revision x, prop.revision y ORDER BY random() LIMIT pairs LOOP
		CALL prop.compare(pair.a, pair.b);
	END LOOP;
END $$;
