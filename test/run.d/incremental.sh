#!/bin/bash
# incremental.sh: random histories of several sessions; after each step a
# digest by the page cache must equal the digest of all rows.
# SPINE_INCREMENTAL_SECONDS says for how long, SPINE_INCREMENTAL_SEED which
# histories, or "random".
# server: -c 'wal_log_hints = on' -c 'autovacuum_naptime = 1s' -c 'max_prepared_transactions = 10'
set -euo pipefail

seed=${SPINE_INCREMENTAL_SEED:-20261130}
[ "$seed" != random ] || seed=$RANDOM$RANDOM
psql -XAtq -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION spine'
exec timeout 7200 /usr/bin/python3 test/incremental.py \
	"${SPINE_INCREMENTAL_SECONDS:-25}" "$seed"
