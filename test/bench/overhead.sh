#!/bin/bash
# overhead.sh: what continuous checks cost those who write, and for how long a
# check holds back what VACUUM may remove.
#
# pgbench updates a table whose trigger keeps a copy equal.  Pairs of runs,
# with the job that checks the copy every second and without any worker, in
# alternating order.  Then one check of it all, by the job and by hand, while
# the writes go on.  ROWS (default 10000000), PAIRS (12) and SECONDS_EACH (10)
# may be set in the environment.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ "${1:-}" = --inside ]; then
	exec /usr/bin/python3 "$SPINE_SRC/test/bench/overhead.py" \
		"${ROWS:-10000000}" "${PAIRS:-12}" "${SECONDS_EACH:-10}"
fi

exec dev/server.sh -r -p spine \
	-c 'shared_buffers = 4GB' \
	-c 'fsync = off' \
	-c 'autovacuum = off' \
	-c 'jit = off' \
	-c 'max_wal_size = 16GB' \
	-c 'checkpoint_timeout = 1h' \
	-c 'spine.workers = off' \
	-c 'spine.steward_interval = 1s' \
	-- bash test/bench/overhead.sh --inside
