#!/bin/bash
# spec_schema.sh: docs/spec.schema.json, spine.spec_schema() and spine.validate
# say the same about thousands of documents, most of them broken.
set -euo pipefail

psql -XAtqc 'CREATE EXTENSION IF NOT EXISTS spine' 2>/dev/null
exec /usr/bin/python3 test/spec_schema.py "${1:-3000}"
