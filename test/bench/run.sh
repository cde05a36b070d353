#!/bin/bash
# run.sh [ROOM...]: the benchmarks of the rooms given, or of all.
#
# A room's benchmark is test/bench/ROOM.sh.  It starts a private server with
# the settings it needs, prints its figures and what they were measured on,
# and leaves nothing behind.  docs/benchmarks.md tells how to read them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

[ $# -gt 0 ] || set -- ownership catalog consistency wire overhead registry
for room; do
	[ -e "test/bench/$room.sh" ] || {
		echo "run.sh: there is no test/bench/$room.sh" >&2
		exit 2
	}
done
for room; do
	bash "test/bench/$room.sh"
done
