#!/bin/bash
# ownership_analysis.sh: do spine.may_matrix and spine.diff_rights say what
# holds?
#
# Random revisions of one dataset are applied.  Of each, spine.may_matrix must
# agree with spine.may on a row in every state; of any two, spine.diff_rights
# must name just what the two matrices differ in (test/data/analysis).  The
# shop's tables are asked likewise.
#
#   SPINE_ANALYSIS_SEED       another seed between 0 and 1
#   SPINE_ANALYSIS_REVISIONS  how many revisions (80)
#   SPINE_ANALYSIS_PAIRS      how many pairs are compared (400)
set -euo pipefail

seed=${SPINE_ANALYSIS_SEED:-0.4711}
revisions=${SPINE_ANALYSIS_REVISIONS:-80}
pairs=${SPINE_ANALYSIS_PAIRS:-400}
data=$(cd "$(dirname "$0")/../data" && pwd)
export PGOPTIONS='-c client_min_messages=error -c timezone=UTC'
sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }

status=0
check() { # what, condition
	if [ "$(sql -c "SELECT $2")" = t ]; then
		echo "ok - analysis: $1"
	else
		echo "not ok - analysis: $1"
		status=1
	fi
}

sql -c 'CREATE EXTENSION spine' -f "$data/analysis/property.sql" >/dev/null
sql -c "SELECT setseed($seed)" -c "CALL prop.run($revisions)" \
	-c "CALL prop.compare_all($pairs)" >/dev/null
echo "# seed $seed: $(sql -c "SELECT format('%s revisions, %s of them without a lifecycle, %s rows of may_matrix, %s answers of may; %s pairs, %s rights differ',
	count(*), count(*) FILTER (WHERE plain), (SELECT count(*) FROM prop.matrix), (SELECT count(*) FROM prop.answer),
	(SELECT count(*) FROM prop.compared), (SELECT sum(n) FROM prop.compared)) FROM prop.revision")"
sql -c "SELECT format('# %s to %s, %s: %s', a, b, who, line) FROM prop.wrong ORDER BY a, b LIMIT 10"

# may knows nothing of with_write, since it is asked for a write alone.
sql -c "CREATE VIEW prop.agreement AS SELECT m.rev, m.dataset, m.party, m.state, m.action, m.target,
	CASE WHEN m.value ~ '^with ' THEN 'denied' ELSE m.value END AS matrix, a.value AS may
	FROM prop.matrix m JOIN prop.answer a ON (m.rev, m.dataset, m.action) = (a.rev, a.dataset, a.action)
		AND m.party IS NOT DISTINCT FROM a.party AND m.state IS NOT DISTINCT FROM a.state AND m.target IS NOT DISTINCT FROM a.target"
sql -c "SELECT format('# %s', a) FROM prop.agreement a WHERE matrix <> may LIMIT 10"
check "may_matrix agrees with may: $(sql -c 'SELECT count(*) FROM prop.agreement') answers" \
	"bool_and(matrix = may) AND count(*) > 10000 FROM prop.agreement"
check "may_matrix leaves out nothing that may can be asked of a state" \
	"NOT EXISTS (SELECT FROM prop.answer a WHERE target !~ '^doc[.]' AND NOT EXISTS (SELECT FROM prop.agreement m
		WHERE (m.rev, m.dataset, m.action) = (a.rev, a.dataset, a.action) AND m.party IS NOT DISTINCT FROM a.party
		AND m.state IS NOT DISTINCT FROM a.state AND m.target IS NOT DISTINCT FROM a.target))"
check "diff_rights names what differs and nothing else: $pairs pairs" \
	"NOT EXISTS (SELECT FROM prop.wrong) AND (SELECT count(*) >= $pairs FROM prop.compared)"
check "each sort of change was met" \
	"count(DISTINCT (d.action, d.change)) >= 12 FROM prop.compared c CROSS JOIN LATERAL spine.diff_rights(c.a, c.b) d"
check "diff has the same rights, but for tables that are new or gone" \
	"bool_and((SELECT count(*) FROM spine.diff(c.a, c.b) d WHERE d.kind = 'right')
		= (SELECT count(*) FROM spine.diff_rights(c.a, c.b) r WHERE r.before IS NOT NULL AND r.after IS NOT NULL))
	 FROM (SELECT * FROM prop.compared LIMIT 100) c"

# The shop: every table, every role, a row of it where there is one.
sql -c 'CREATE DATABASE analysis_shop'
export PGDATABASE=analysis_shop
sql -c 'CREATE EXTENSION spine' -f "$data/shop/world.sql" >/dev/null
sql -v document="$(<"$data/shop/shop.spec.json")" <<<"SELECT FROM spine.apply(:'document', 'the shop')" >/dev/null
sql -f "$data/analysis/shop.sql" >/dev/null
sql -c "SELECT format('# shop: %s', a) FROM shop_agreement a WHERE matrix IS DISTINCT FROM may LIMIT 10"
check "shop: may_matrix agrees with may: $(sql -c 'SELECT count(*) FROM shop_agreement') answers" \
	"bool_and(matrix = may) AND count(*) > 5000 AND count(DISTINCT matrix) = 2 FROM shop_agreement"
exit $status
