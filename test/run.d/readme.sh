#!/bin/bash
# readme.sh: the code blocks of README.md and docs/*.md do what they say.
#
# test/readme.py tells what is executed and what is only checked.
set -euo pipefail

exec /usr/bin/python3 test/readme.py "$@"
