#!/bin/bash
# registry.sh [ROUNDS]: what it costs to judge a schema.
#
# Avro: a record of 30 fields against an older version, beside avsc, the
# library for JavaScript, which does the same: it parses both and makes a
# resolver, or fails.  And BACKWARD_TRANSITIVE over 500 versions of a record
# of 200 fields.  Figures are time on a CPU, of the backend and of node's main
# thread, in the same rounds one after the other.
#
# Needs node and npm; avsc comes from the npm registry into a directory that
# is removed afterwards.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ "${1:-}" = --inside ]; then
	exec /usr/bin/python3 "$SPINE_SRC/test/bench/registry.py" "${2:-9}"
fi

command -v npm >/dev/null || {
	echo "registry.sh: needs node and npm" >&2
	exit 1
}
SPINE_NODE=$(mktemp -d)
export SPINE_NODE
trap 'rm -rf "$SPINE_NODE"' EXIT
npm install --silent --no-audit --no-fund --prefix "$SPINE_NODE" \
	avsc@5.7.9 >/dev/null

dev/server.sh -r \
	-c 'shared_buffers = 512MB' \
	-c 'autovacuum = off' \
	-c 'jit = off' \
	-- bash test/bench/registry.sh --inside "$@"
