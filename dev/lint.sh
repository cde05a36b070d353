#!/bin/bash
# lint.sh [DIR [MODULE]]: the rules of the house, each "ok" or "not ok".
#
# DIR is the tree (this one by default), MODULE the built spine.so; without
# one the rules about symbols are skipped.  dev/lint.pl has the rules about
# text.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=${1:-$here/..}
module=${2:-}
failed=0

# report RULE EXPLANATION: fails if there is anything on standard input
report()
{
	local found
	found=$(cat)
	if [ -z "$found" ]; then
		echo "ok - lint: $1: $2"
	else
		echo "not ok - lint: $1: $2"
		sed 's/^/#   /' <<<"$found"
		failed=1
	fi
}

perl "$here/lint.pl" "$dir" || failed=1
cd "$dir"

# A module's symbols: the server exports json_object itself, so a call of the
# library's would end up there and crash; and all modules share one name space.
if [ -n "$module" ]; then
	report json_object "no call of json_object" < <(
		nm -D --undefined-only "$module" | awk '{ print $NF }' |
			grep -xE 'json_object(@.*)?')
	report exports "no export outside src/spine.map" < <(
		nm -D --defined-only "$module" |
			awk '{ sub(/@.*/, "", $NF); print $NF }' |
			grep -vxE 'Pg_magic_func|_PG_init|_PG_output_plugin_init|pg_finfo_.*|spine_.*')
else
	echo "ok - lint: json_object # SKIP no module given"
	echo "ok - lint: exports # SKIP no module given"
fi

status=0
places=$("$here/format.sh") || status=$?
if [ $status = 3 ]; then
	echo "ok - lint: format # SKIP clang-format 14 is not there"
else
	report format "the layout of .clang-format (dev/format.sh --fix)" \
		<<<"$places"
fi

report shell "shell scripts parse" < <(
	find dev .ci test demo -name '*.sh' -o -path .ci/run 2>/dev/null |
		while read -r script; do bash -n "$script" 2>&1; done)

exit $failed
