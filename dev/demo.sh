#!/bin/bash
# demo.sh [-w DIR] [--accept]: show demo/demo.sql on a private server.
#
# The script runs with ON_ERROR_STOP, so an error that it does not expect ends
# it; an error that it wants to show it allows with "\set ON_ERROR_STOP off".
# What it prints must equal demo/demo.out to the letter: any difference is
# shown and makes the exit code 1.  --accept writes that file instead.
# -w uses the stage in DIR (see dev/server.sh).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

options=() accept=
while [ $# -gt 0 ]; do
	case $1 in
		-w) options+=(-w "$2"); shift ;;
		--accept) accept=1 ;;
		*) die "usage: demo.sh [-w DIR] [--accept]" ;;
	esac
	shift
done

output=$(mktemp)
trap 'rm -f "$output"' EXIT
status=0
# Times and places that differ between machines are fixed here, once.
"$root/dev/server.sh" "${options[@]}" -u -- bash -c '
	cd demo
	PGTZ=UTC PGDATESTYLE=ISO PGOPTIONS="-c lc_messages=C" \
		psql -Xq -v ON_ERROR_STOP=1 <demo.sql 2>&1' |
	tee "$output" || status=$?
if [ $status != 0 ]; then
	echo "demo.sh: the demo stopped with status $status" >&2
elif [ -n "$accept" ]; then
	cp "$output" "$root/demo/demo.out"
elif ! diff -u "$root/demo/demo.out" "$output"; then
	echo "demo.sh: the demo does not show what demo/demo.out says" >&2
	status=1
fi
exit $status
