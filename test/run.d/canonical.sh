#!/bin/bash
# canonical.sh: do spine and an implementation in another language give the
# same canonical bytes and digests?
set -euo pipefail

psql -XAtqc 'CREATE EXTENSION IF NOT EXISTS spine' 2>/dev/null
/usr/bin/python3 test/canonical_vectors.py "${1:-3}"
exec /usr/bin/python3 test/canonical_tables.py $(seq "${2:-40}")
