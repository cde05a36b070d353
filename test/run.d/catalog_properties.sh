#!/bin/bash
# catalog_properties.sh [NUMBER] [SEED]: the laws of the document, on generated
# ones: what is exported plans nothing, a partial document touches only its
# scope, a rollback brings back what was, the projection follows.
set -euo pipefail

psql -XAtqc 'CREATE EXTENSION IF NOT EXISTS spine' 2>/dev/null
exec /usr/bin/python3 test/catalog_properties.py "${1:-1000}" "${2:-}"
