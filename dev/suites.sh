#!/bin/bash
# suites.sh [regress|isolation|NAME]...: run the pg_regress and isolation
# tests of this tree against the running server that PG* names.
#
# Each test gets a database of its own, with the extension in it, so that it
# says the same alone and among others: revisions start at 1, nothing is left
# over.  The database and the roles regress_* that the test made are dropped
# afterwards.  Prints one line per test, "ok - ..." or "not ok - ...", and
# after a failed one what differs.  Results are left in ./results.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
find_postgres
cd "$root"

seconds=300	# no single test may take longer
failed=0
[ $# -gt 0 ] || set -- regress isolation

sql()
{
	"$pg_bin/psql" -XAtq -d postgres -c "$1"
}

test_roles()
{
	sql "SELECT pg_catalog.quote_ident(rolname) FROM pg_catalog.pg_roles
		WHERE rolname ~ '^regress_' ORDER BY 1"
}

# run_test SUITE NAME
run_test()
{
	local suite=$1 name=$2 program output status=0 before role start
	local database=spine_regression

	case $suite in
		regress) program=regress/pg_regress ;;
		isolation) program=isolation/pg_isolation_regress ;;
	esac
	before=$(test_roles)
	start=${EPOCHREALTIME/[.,]/}
	output=$(timeout "$seconds" "$pgxs_src/test/$program" --inputdir=test \
		--outputdir=. --bindir="$pg_bin" --dbname=$database \
		--load-extension=spine "$name" 2>&1) || status=$?
	start=$(((${EPOCHREALTIME/[.,]/} - start) / 1000))
	if [ $status = 0 ]; then
		echo "ok - $suite: $name ($start ms)"
	else
		echo "not ok - $suite: $name ($start ms)"
		failed=1
		if [ $status = 124 ]; then
			echo "# took longer than $seconds s"
		elif [ ! -e "expected/$name.out" ] && [ -e "results/$name.out" ]; then
			echo "# there is no expected/$name.out to compare with; it printed:"
			sed 's/^/# /' "results/$name.out"
		elif [ -s regression.diffs ]; then
			sed 's/^/# /' regression.diffs | head -300
		else
			sed 's/^/# /' <<<"$output"
		fi
	fi
	sql "DROP DATABASE IF EXISTS $database WITH (FORCE)" 2>/dev/null
	for role in $(comm -13 <(echo "$before") <(test_roles)); do
		sql "DROP ROLE $role" || echo "# $suite: $name left role $role behind"
	done
}

for name in "$@"; do
	case $name in
		regress)
			for file in test/sql/*.sql; do
				[ ! -e "$file" ] || run_test regress "$(basename "$file" .sql)"
			done ;;
		isolation)
			for file in test/specs/*.spec; do
				[ ! -e "$file" ] || run_test isolation "$(basename "$file" .spec)"
			done ;;
		*)
			if [ -e "test/sql/$name.sql" ]; then
				run_test regress "$name"
			elif [ -e "test/specs/$name.spec" ]; then
				run_test isolation "$name"
			else
				echo "not ok - $name: no such test"
				failed=1
			fi ;;
	esac
done
exit $failed
