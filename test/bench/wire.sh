#!/bin/bash
# wire.sh [ROWS [ROUNDS [TRIALS]]]: bytes on the wire to name the rows in which two
# tables differ.
#
# A table and a copy of it in which 10, 100, 1000 and 10000 random rows were
# updated.  One session is the far side: it scans once, keeps its sketch and
# gives away what the other asks for; the bytes of its answers are counted.
# Then the sizes of sketches are tried.  ROWS, ROUNDS and TRIALS may also come
# from the environment.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ "${1:-}" = --inside ]; then
	exec /usr/bin/python3 "$SPINE_SRC/test/bench/wire.py" \
		"${2:-10000000}" "${3:-3}" "${4:-2000}"
fi

exec dev/server.sh -r \
	-c 'shared_buffers = 1GB' \
	-c 'fsync = off' \
	-c 'autovacuum = off' \
	-c 'jit = off' \
	-c 'max_wal_size = 8GB' \
	-- bash test/bench/wire.sh --inside \
	"${1:-${ROWS:-10000000}}" "${2:-${ROUNDS:-3}}" "${3:-${TRIALS:-2000}}"
