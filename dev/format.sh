#!/bin/bash
# format.sh [--fix] [FILE...]: compare C files with the layout of .clang-format.
#
# Gaps within a line may have any width: pgindent's columns are beyond
# clang-format.  Prints "FILE:LINE" for each place that differs; --fix lays out
# these places and leaves the others as they are.  Exit code 1 if any differs,
# 3 if there is no clang-format 14 (others lay out differently).
set -euo pipefail

fix=
if [ "${1:-}" = --fix ]; then
	fix=1
	shift
fi
if [ $# = 0 ]; then
	mapfile -t files < <(find src -name '*.[ch]' | LC_ALL=C sort)
else
	files=("$@")
fi

for tool in clang-format-14 clang-format none; do
	if command -v $tool >/dev/null && $tool --version | grep -q 'version 14\.'
	then
		break
	fi
done
[ $tool != none ] || exit 3

# One space for each gap, and none between a pointer's star and its name.
narrow()
{
	sed -E 's/([^[:space:]])[[:space:]]+/\1 /g; s/ (\*+) ?/ \1/g; s/ $//'
}

# The differing ranges of a file's lines, as FIRST:LAST.
differences()
{
	diff <(narrow <"$1") <($tool --style=file "$1" | narrow) |
		sed -nE 's/^([0-9]+)(,([0-9]+))?[acd].*/\1:\3/p' |
		sed -E 's/^([0-9]+):$/\1:\1/'
}

found=0 ranges=()
for file in "${files[@]}"; do
	for range in $(differences "$file" || true); do
		found=1
		echo "$file:${range%:*}"
		ranges+=("--lines=$range")
	done
	if [ -n "$fix" ] && [ ${#ranges[@]} -gt 0 ]; then
		$tool --style=file -i "${ranges[@]}" "$file"
	fi
	ranges=()
done
exit $found
