#!/bin/bash
# registry_avro.sh: verdicts, canonical forms and fingerprints of generated Avro
# schemas are those of Avro for Python, and data stays readable where spine
# says so.
set -euo pipefail

psql -XAtqc 'CREATE EXTENSION IF NOT EXISTS spine' 2>/dev/null
exec /usr/bin/python3 test/registry_avro.py "${1:-1}" "${2:-1500}"
