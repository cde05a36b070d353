#!/bin/bash
# catalog.sh [ROUNDS]: what plan, apply and export of a large document cost.
#
# The document has 10,010 assets in 1,000 datasets.  Each figure stands beside
# a floor that is measured in the same rounds, one after the other:
#   plan             parsing the document's text as jsonb
#   apply, one change   replacing one member with jsonb_set and inserting the
#                    result into a plain table with the same storage
# The times are those of the client, in milliseconds, medians of all rounds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ "${1:-}" = --inside ]; then
	exec /usr/bin/python3 "$SPINE_SRC/test/bench/catalog.py" "${2:-15}"
fi

exec dev/server.sh -r \
	-c 'shared_buffers = 512MB' \
	-c 'fsync = on' \
	-c 'autovacuum = off' \
	-c 'jit = off' \
	-c 'max_wal_size = 4GB' \
	-- bash test/bench/catalog.sh --inside "$@"
