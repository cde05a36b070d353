#!/bin/bash
# consistency.sh [ROWS [ROUNDS]]: what digests cost, beside count(*) and other
# ways to compare two tables.
#
# One table of eight mixed columns, all visible and in shared buffers.  Each
# round runs every way once, in random order, in the same session; the figure
# is the backend's time on a CPU, for the parallel ones the time that passed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ "${1:-}" = --inside ]; then
	make -s -C "$SPINE_SRC/test/bench/floor" PG_CONFIG="${PG_CONFIG:-pg_config}"
	export FLOOR=$SPINE_SRC/test/bench/floor/floor.so
	exec /usr/bin/python3 "$SPINE_SRC/test/bench/consistency.py" \
		"${2:-3000000}" "${3:-5}"
fi

dev/server.sh -r \
	-c 'shared_buffers = 1GB' \
	-c 'work_mem = 256MB' \
	-c 'fsync = off' \
	-c 'autovacuum = off' \
	-c 'jit = off' \
	-c 'max_wal_size = 8GB' \
	-- bash test/bench/consistency.sh --inside "$@"

# What it costs to digest a table again, of ten million rows or of ROWS.
exec test/bench/revalidation.sh
