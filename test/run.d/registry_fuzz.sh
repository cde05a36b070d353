#!/bin/bash
# registry_fuzz.sh: the inputs that fuzzing kept, run over each target again
# with sanitizers (make fuzz looks for new ones).
set -uo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
base=()
for name in engine_alone engine_text findings json_tree json_equal decimal; do
	base+=("src/registry/$name.c")
done
ulimit -s 262144 2>/dev/null

for file in test/fuzz/*.c; do
	target=$(basename "$file" .c)
	[ "$target" != replay ] || continue
	sources=("$file" test/fuzz/replay.c "${base[@]}")
	[ ! -d "src/registry/$target" ] || sources+=("src/registry/$target"/*.c)
	if ! gcc -g -O1 -D_GNU_SOURCE -Isrc -Itest/fuzz -Wall -Wextra -Werror \
		-fsanitize=address,undefined -fno-sanitize-recover=undefined \
		-o "$dir/$target" "${sources[@]}" >"$dir/log" 2>&1; then
		sed 's/^/# /' "$dir/log" | tail -20
		echo "not ok - fuzz target $target builds without a warning"
		continue
	fi
	inputs=(test/fuzz/corpus/"$target"/*)
	if "$dir/$target" "${inputs[@]}" >"$dir/out" 2>"$dir/log" &&
		[ "$(cat "$dir/out")" = "${#inputs[@]} inputs" ]; then
		echo "ok - fuzz target $target: ${#inputs[@]} inputs again"
	else
		sed 's/^/# /' "$dir/log" | tail -20
		echo "not ok - fuzz target $target: an input fails"
	fi
done
