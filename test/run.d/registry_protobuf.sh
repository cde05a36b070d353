#!/bin/bash
# registry_protobuf.sh: do spine and protoc agree on what is valid, on what it
# says, and is data of an old schema read with a new one?
set -euo pipefail

psql -XAtqc 'CREATE EXTENSION IF NOT EXISTS spine' 2>/dev/null
exec /usr/bin/python3 test/protobuf_oracle.py "$@"
