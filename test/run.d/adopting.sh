#!/bin/bash
# adopting.sh [SCHEMAS] [SEED]: from an existing schema to an enforced spec.
# The tutorial does what it says, in less than a minute; introspected
# documents of generated schemas apply and leave no trace.
# server: -c wal_level=logical
set -euo pipefail

start=${EPOCHREALTIME/[.,]/}
/usr/bin/python3 test/readme.py docs/adopting.md
ms=$(((${EPOCHREALTIME/[.,]/} - start) / 1000))
if [ $ms -lt 60000 ]; then
	echo "ok - adopting: the tutorial took $ms ms"
else
	echo "not ok - adopting: the tutorial took $ms ms"
	exit 1
fi
exec /usr/bin/python3 test/adopting.py "${1:-100}" "${2:-}"
