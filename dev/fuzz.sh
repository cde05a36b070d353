#!/bin/bash
# fuzz.sh [--minimise] [TARGET...]: fuzz the schema parsers, one after another.
#
# A target is test/fuzz/TARGET.c over src/registry/TARGET/ and what stands
# below all formats, without a server, with sanitizers for memory and undefined
# behaviour.  It runs for SECONDS (60) on one core, from the inputs of
# test/fuzz/corpus/TARGET; new ones are kept in build/fuzz/TARGET.corpus.  What
# fails is left in build/fuzz/TARGET-*; give it to build/fuzz/TARGET to see it
# again.
#
#   --minimise   instead of fuzzing put a small set of inputs that covers as
#                much into test/fuzz/corpus/TARGET, in place of what is there
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

minimise=
if [ "${1:-}" = --minimise ]; then
	minimise=1
	shift
fi
if [ $# = 0 ]; then
	for file in test/fuzz/*.c; do
		name=$(basename "$file" .c)
		[ "$name" = replay ] || set -- "$@" "$name"
	done
fi
seconds=${SECONDS_EACH:-60}
cc=$(command -v clang-14 || command -v clang) || {
	echo "fuzz.sh: needs clang; dev/setup.sh fuzz installs it" >&2
	exit 1
}

# What every format stands on.
base=(engine_alone engine_text findings json_tree json_equal decimal)

# build TARGET: build/fuzz/TARGET
build()
{
	local sources=("test/fuzz/$1.c") name

	for name in "${base[@]}"; do
		sources+=("src/registry/$name.c")
	done
	[ ! -d "src/registry/$1" ] || sources+=("src/registry/$1"/*.c)
	mkdir -p "build/fuzz/$1.corpus" "test/fuzz/corpus/$1"
	"$cc" -g -O1 -fno-omit-frame-pointer -D_GNU_SOURCE -Isrc -Itest/fuzz \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		-o "build/fuzz/$1" "${sources[@]}"
}

# Deep nesting is wanted, and sanitizers make frames large.
ulimit -s 262144 2>/dev/null || true

failed=0
for target; do
	[ -e "test/fuzz/$target.c" ] || {
		echo "fuzz.sh: there is no test/fuzz/$target.c" >&2
		exit 2
	}
	build "$target"
	options=(-artifact_prefix="build/fuzz/$target-" -timeout=20
		-rss_limit_mb=3000)
	if [ -n "$minimise" ]; then
		rm -rf "build/fuzz/$target.small"
		mkdir "build/fuzz/$target.small"
		"build/fuzz/$target" "${options[@]}" -set_cover_merge=1 \
			"build/fuzz/$target.small" "build/fuzz/$target.corpus" \
			"test/fuzz/corpus/$target" >"build/fuzz/$target.log" 2>&1
		rm -rf "test/fuzz/corpus/$target"
		mv "build/fuzz/$target.small" "test/fuzz/corpus/$target"
		echo "$target: $(ls "test/fuzz/corpus/$target" | wc -l) inputs"
		continue
	fi
	[ ! -e "test/fuzz/$target.dict" ] ||
		options+=(-dict="test/fuzz/$target.dict")
	if "build/fuzz/$target" "${options[@]}" -max_total_time="$seconds" \
		-print_final_stats=1 "build/fuzz/$target.corpus" \
		"test/fuzz/corpus/$target" >"build/fuzz/$target.log" 2>&1; then
		echo "ok - fuzz $target: $seconds seconds," \
			"$(sed -n 's/^stat::number_of_executed_units: *//p' \
				"build/fuzz/$target.log") inputs, no finding"
	else
		tail -60 "build/fuzz/$target.log"
		echo "not ok - fuzz $target: see build/fuzz/$target.log"
		failed=1
	fi
done
exit $failed
