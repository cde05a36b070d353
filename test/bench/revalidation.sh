#!/bin/bash
# revalidation.sh [ROWS [ROUNDS]]: what it costs to digest a table again after
# a little change, beside a digest of all its rows.
#
# One table of eight mixed columns in shared buffers.  Each round changes the
# table in one way after the other, digests it by the page cache and in full,
# and compares the two.  ROWS of the environment is the number of rows too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ "${1:-}" = --inside ]; then
	exec /usr/bin/python3 "$SPINE_SRC/test/bench/revalidation.py" \
		"${2:-${ROWS:-10000000}}" "${3:-7}"
fi

exec dev/server.sh -r \
	-c 'shared_buffers = 3GB' \
	-c 'fsync = off' \
	-c 'autovacuum = off' \
	-c 'jit = off' \
	-c 'max_wal_size = 16GB' \
	-c 'checkpoint_timeout = 1h' \
	-- bash test/bench/revalidation.sh --inside "$@"
