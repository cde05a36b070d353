#!/bin/bash
# reads.sh [PAIRS [SECONDS]]: what the hook of audit_reads costs those who read
# tables that are not audited, and what a recorded read costs.
#
# Interleaved pairs of pgbench runs on one server, prepared statements, one
# client: sessions without the library beside sessions with it.  Printed is the
# median of the pairs' ratios with the ranks that hold it 19 times in 20.  Then
# the same as processor time of the backend, in a loop of PL/pgSQL, where
# nothing is spent on the way to the client and back.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ "${1:-}" != --inside ]; then
	exec dev/server.sh -r -c 'autovacuum = off' -c 'jit = off' \
		-- bash test/bench/reads.sh --inside "$@"
fi
shift

pairs=${1:-20} seconds=${2:-1}
sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }
export PGOPTIONS='-c client_min_messages=error'

sql >/dev/null <<'SQL'
CREATE EXTENSION spine;
CREATE SCHEMA bench;
CREATE TABLE bench.plain AS SELECT n AS id, n AS v FROM generate_series(1, 100000) n;
ALTER TABLE bench.plain ADD PRIMARY KEY (id);
CREATE TABLE bench.audited AS TABLE bench.plain;
ALTER TABLE bench.audited ADD PRIMARY KEY (id);
CREATE TABLE bench.governed AS TABLE bench.plain;
ALTER TABLE bench.governed ADD PRIMARY KEY (id);
ANALYZE;
SELECT spine.apply($$ {"kind": "DataSpine", "apiVersion": "spine/v1",
  "parties": {"p": {"kind": "team", "role": "postgres"}}, "stores": {"main": {"kind": "postgres"}},
  "contexts": {"b": {"owner": "p", "datasets": {
    "governed": {"relation": "bench.governed", "sot": {"store": "main"}},
    "audited": {"relation": "bench.audited", "sot": {"store": "main"}, "audit_reads": 1}}}}} $$);
SQL

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
echo 'SELECT 1;' >"$dir/one.sql"
for table in plain governed audited; do
	printf '\\set id random(1, 100000)\nSELECT v FROM bench.%s WHERE id = :id;\n' \
		$table >"$dir/$table.sql"
done

# run SCRIPT LIBRARY: statements a second
run()
{
	PGOPTIONS="-c session_preload_libraries=$2" pgbench -n -M prepared -c 1 \
		-T "$seconds" -f "$dir/$1.sql" 2>/dev/null |
		sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}

for script in one plain governed audited; do
	for ((i = 0; i < pairs; i++)); do
		if ((i % 2)); then
			without=$(run $script '') with=$(run $script spine)
		else
			with=$(run $script spine) without=$(run $script '')
		fi
		echo "$without $with" | awk '{ print $1 / $2, $1, $2 }'
	done | sort -g | awk -v script=$script '
		{ ratio[NR] = $1; without[NR] = $2; with[NR] = $3 }
		END {
			low = int(NR / 2 - sqrt(NR)); if (low < 1) low = 1
			middle = int((NR + 1) / 2)
			printf "%-9s time x%.3f (%.3f to %.3f, %d pairs), %.1f us beside %.1f\n",
				script, ratio[middle], ratio[low], ratio[NR + 1 - low], NR,
				1e6 / with[middle], 1e6 / without[middle]
		}'
done

# loop TABLE LIBRARY: seconds of processor time for 300,000 lookups
loop()
{
	PGOPTIONS="-c session_preload_libraries=$2" psql -XAtq 2>&1 <<SQL |
SET client_min_messages = log;
SET log_statement_stats = on;
DO \$\$ DECLARE x int; BEGIN FOR i IN 1..300000 LOOP
    SELECT v INTO x FROM bench.$1 WHERE id = i % 100000; END LOOP; END \$\$;
SQL
		sed -n 's/.*[^0-9.]\([0-9.]*\) s user, \([0-9.]*\) s system, .*/\1 \2/p' |
		awk '{ t += 0 } $1 > t { t = $1 } END { print t }'
}

for table in plain governed; do
	for ((i = 0; i < pairs; i++)); do
		if ((i % 2)); then
			without=$(loop $table '') with=$(loop $table spine)
		else
			with=$(loop $table spine) without=$(loop $table '')
		fi
		echo "$with $without" | awk '{ print $1 / $2, $1, $2 }'
	done | sort -g | awk -v table=$table '
		{ ratio[NR] = $1; with[NR] = $2; without[NR] = $3 }
		END {
			low = int(NR / 2 - sqrt(NR)); if (low < 1) low = 1
			middle = int((NR + 1) / 2)
			printf "%-9s processor x%.3f (%.3f to %.3f, %d pairs), %.2f us beside %.2f\n",
				table, ratio[middle], ratio[low], ratio[NR + 1 - low], NR,
				1e6 * with[middle] / 300000, 1e6 * without[middle] / 300000
		}'
done
