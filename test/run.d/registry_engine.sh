#!/bin/bash
# registry_engine.sh: parts of the schema engines by themselves, see
# test/engine/engine.c; with sanitizers.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
gcc -g -O1 -D_GNU_SOURCE -Isrc -Wall -Wextra -Werror \
	-fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-o "$dir/engine" test/engine/engine.c \
	src/registry/{engine_alone,engine_text,findings,json_tree,json_equal,decimal,semver}.c \
	src/registry/avro/*.c
"$dir/engine"
