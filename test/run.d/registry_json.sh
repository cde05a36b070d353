#!/bin/bash
# registry_json.sh: documents stay valid under generated JSON Schemas where
# spine says so, as jsonschema for Python sees it.
set -euo pipefail

psql -XAtqc 'CREATE EXTENSION IF NOT EXISTS spine' 2>/dev/null
exec /usr/bin/python3 test/registry_json.py "${1:-1}" "${2:-1500}"
