#!/bin/bash
# ownership.sh [options of ownership.pl]: what the guard costs.
#
# A release build on a private server that writes to disk as little as it can,
# so that what remains is the backend's own work.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ "${1:-}" = --inside ]; then
	shift
	make -s -C "$SPINE_SRC/test/bench/floor" PG_CONFIG="${PG_CONFIG:-pg_config}"
	exec perl "$SPINE_SRC/test/bench/ownership.pl" "$@"
fi

exec dev/server.sh -r \
	-c 'shared_buffers = 1GB' \
	-c 'synchronize_seqscans = off' \
	-c 'autovacuum = off' \
	-c 'jit = off' \
	-c 'bgwriter_lru_maxpages = 0' \
	-c 'checkpoint_timeout = 1d' \
	-c 'min_wal_size = 1GB' \
	-c 'max_wal_size = 8GB' \
	-- bash test/bench/ownership.sh --inside "$@"
