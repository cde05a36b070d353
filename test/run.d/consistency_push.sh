#!/bin/bash
# consistency_push.sh: the program of docs/consistency-push.md computes digests
# outside that spine agrees with, and disagrees with once the copy differs.
set -euo pipefail

page=docs/consistency-push.md
program=$SPINE_TMP/push.py
failed=0

# block LANGUAGE: the first block of the page in it
block()
{
	awk -v fence="\`\`\`$1" '$0 == "```" { on = 0 } on
		$0 == fence && !seen { on = seen = 1 }' "$page"
}

# expect WHAT OUTPUT: what the program prints
expect()
{
	local printed

	printed=$(/usr/bin/python3 "$program" 2>&1) || true
	if [ "$printed" = "$2" ]; then
		echo "ok - consistency_push: $1"
	else
		echo "not ok - consistency_push: $1"
		sed 's/^/# /' <<<"$printed"
		failed=1
	fi
}

psql -XAtqc 'CREATE EXTENSION IF NOT EXISTS spine' 2>/dev/null
block sql | psql -XAtq -v ON_ERROR_STOP=1 >/dev/null 2>&1
block python >"$program"
expect 'digests computed outside prove the copy' 'equal|2|2|0'
sed -i 's/emmy erlangen/emmy Erlangen/' "$program"
expect 'another word in one row differs' 'lagging|2|2|1'
psql -XAtqc "UPDATE spine.push_source SET since = since - interval '1 min'"
expect 'and is drift once lag does not explain it' 'drift|2|2|1'
sed -i 's/, (2, "emmy Erlangen")//' "$program"
expect 'so is a row that is not there' 'drift|2|1|1'
exit $failed
