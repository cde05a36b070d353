#!/bin/bash
# ownership_histories.sh: do the guard and its logs tell what really happened?
#
# Random histories of a few roles on a few rows (test/data/histories) are run
# and compared with a model made from the text of the rules: what each
# statement says, the rows in the end, and all audit and outbox rows of each
# transaction that was committed.  Then sessions that really write at once:
# each row's audit trail must be a chain that ends in the row.
#
#   SPINE_HISTORIES       how many histories (10000)
#   SPINE_HISTORIES_SEED  another seed, or "random" (printed either way)
set -euo pipefail

count=${SPINE_HISTORIES:-10000}
seed=${SPINE_HISTORIES_SEED:-20261120}
[ "$seed" != random ] || seed=$RANDOM$RANDOM
data=$(cd "$(dirname "$0")/../data/histories" && pwd)
echo "# seed $seed, $count histories"
status=0
/usr/bin/python3 -B "$data/check.py" --seed "$seed" --histories "$count" ||
	status=1
/usr/bin/python3 -B "$data/race.py" --seed "$seed" || status=1
echo "# took $SECONDS s"
exit $status
