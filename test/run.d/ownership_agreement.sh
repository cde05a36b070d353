#!/bin/bash
# ownership_agreement.sh: do the guard, spine.may and the written rules agree?
#
# Random datasets, roles, rows and statements (test/data/agreement/generate.py)
# are judged three times: by running the statement, by spine.may, and by an
# oracle made from the text of the rules (oracle.py).  Every disagreement is
# printed with what it takes to see it again.
#
#   SPINE_AGREEMENT_SEED   another seed, or "random" (printed either way)
#   SPINE_AGREEMENT_CASES  how many cases; make check needs 100000
set -euo pipefail

seed=${SPINE_AGREEMENT_SEED:-20261120}
[ "$seed" != random ] || seed=$RANDOM$RANDOM
cases=${SPINE_AGREEMENT_CASES:-105000}
data=$(cd "$(dirname "$0")/../data/agreement" && pwd)
dir=$SPINE_TMP/agreement
echo "# seed $seed, $cases cases"

sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }

/usr/bin/python3 -B "$data/generate.py" --seed "$seed" --cases "$cases" \
	--server "$(sql -c 'SHOW server_version_num')" --out "$dir"
echo "# generated after $SECONDS s"
export PGOPTIONS='-c client_min_messages=error -c timezone=UTC'
sql -c 'CREATE EXTENSION spine' -f "$dir/setup.sql" -f "$data/run.sql" \
	-c "\\copy agree.cases FROM '$dir/cases.1'" \
	-c "\\copy agree.cases FROM '$dir/cases.2'" \
	-c 'VACUUM ANALYZE' >"$dir/setup.log"
echo "# set up after $SECONDS s"

# One session, so that caches have to follow the change in the middle.
half=$((cases / 2))
sql -f "$dir/prepare.sql" -c "CALL agree.run(1, $half, 1)" \
	-f "$dir/change.sql" -c "CALL agree.run($half + 1, $cases, 2)" \
	>"$dir/run.log"
echo "# ran after $SECONDS s"

sql -c "SELECT format('#   %-13s %6s cases, %5s allowed, %5s denied: %s', kind,
		sum(cases), sum(cases) FILTER (WHERE outcome = ''),
		sum(cases) FILTER (WHERE outcome <> ''),
		(SELECT string_agg(form || ' ' || n, ', ' ORDER BY form) FROM
			(SELECT form, sum(cases) AS n FROM agree.counts f
			 WHERE f.kind = c.kind GROUP BY form) forms))
	FROM agree.counts c GROUP BY kind ORDER BY kind" \
	-c "SELECT '#   outcomes: ' || string_agg(CASE outcome WHEN ''
			THEN 'allowed' ELSE outcome END || ' ' || n, ', ' ORDER BY n DESC)
		FROM (SELECT outcome, sum(cases) AS n FROM agree.counts
			WHERE outcome !~ '[|]' GROUP BY outcome) o" \
	-c "SELECT '#   questions to spine.may: ' || sum(asked) FROM agree.counts"

sql -c "SELECT format(E'# case %s: %s\n#   %s\n#   oracle: %s, as %s: %s\n#   may(%L, %L, %L, %L, %L)',
		c.id, d.between, d.detail, CASE c.verdict WHEN '' THEN 'allowed'
		ELSE c.verdict END, c.run_as, c.statement, c.role, c.relation, c.key,
		c.action, c.changes)
	FROM (SELECT *, row_number() OVER (PARTITION BY between ORDER BY id) AS n
		FROM agree.disagreements) d JOIN agree.cases c USING (id)
	WHERE n <= ${SPINE_AGREEMENT_SHOW:-5} ORDER BY d.between, c.id"

status=0
check() { # what, condition on counts and disagreements
	if [ "$(sql -c "SELECT $2")" = t ]; then
		echo "ok - $1"
	else
		echo "not ok - $1"
		status=1
	fi
}
none() { echo "NOT EXISTS (SELECT FROM agree.disagreements WHERE between = '$1')"; }
check "agreement: $cases statements and spine.may with values agree" \
	"$(none 'statement and may with values')"
check "agreement: statements and spine.may without values agree" \
	"$(none 'statement and may without values')"
check "agreement: statements and the written rules agree" \
	"$(none 'statement and oracle')"
check "agreement: rows are stored as predicted" "$(none 'row and oracle')"
check "agreement: who_may names those that the rules name" \
	"$(none 'who_may and oracle')"
check "agreement: next_states answers as spine.may" \
	"$(none 'may and next_states')"
check "agreement: a missing row is told" "$(none 'may')"
check "agreement: all of the cases were run" \
	"sum(cases) = $cases FROM agree.counts"
check "agreement: every outcome was met often" \
	"count(*) = 5 FROM (SELECT outcome FROM agree.counts WHERE outcome
	 IN ('', '42501', 'SP001', 'SP002', '40001') GROUP BY outcome
	 HAVING sum(cases) > $cases / 500) o"
echo "# took $SECONDS s"
exit $status
