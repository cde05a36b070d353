#!/bin/bash
# odcs.sh [NUMBER] [SEED]: Open Data Contracts.
#
# The examples of test/data/odcs come back equal after an import, and so do
# examples whose members were dropped or broken at random, if they are taken
# at all; what export_odcs makes of NUMBER generated datasets is valid under
# the standard's JSON Schema.  The schema is not part of this tree: the last
# test is skipped unless SPINE_ODCS_SCHEMA names it, or a directory beside the
# checkout has data/odcs/odcs-json-schema-v3.1.0.json.
set -euo pipefail

if [ -z "${SPINE_ODCS_SCHEMA:-}" ] && [ -n "${SPINE_ROOT:-}" ]; then
	for file in "$SPINE_ROOT"/../*/data/odcs/odcs-json-schema-v3.1.0.json; do
		[ ! -r "$file" ] || export SPINE_ODCS_SCHEMA=$file
	done
fi
psql -XAtqc 'CREATE EXTENSION IF NOT EXISTS spine' 2>/dev/null
exec /usr/bin/python3 -B test/odcs.py "${1:-240}" "${2:-}"
