#!/bin/bash
# check.sh: build, then run every test on private servers.
#
#   check.sh                 all: build lint regress isolation tap extra demo
#   check.sh lint tap ...    some of them (build always comes first);
#                            tap:001_lifecycle is one TAP test
#   check.sh --one NAME      one regress or isolation test; its result file is
#                            copied to results/ in the checkout
#
# Each test prints "ok - what" or "not ok - what"; the last line is
# "N passed, N failed" (and ", N skipped" where some were).  The exit code is
# 0 only if nothing failed and something passed.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

one=
if [ "${1:-}" = --one ]; then
	one=${2:-}
	[ -n "$one" ] || die "which test? make check-one T=name"
	set -- one
fi
[ $# -gt 0 ] || set -- lint regress isolation tap extra demo

find_postgres
find_server_user
new_workdir
trap 'status=$?; rm -rf "$work"; exit $status' EXIT
trap 'exit 130' INT TERM HUP

passed=0 failed=0 skipped=0
results=$work/results.log
: >"$results"

# Count the top-level result lines of a stream while showing it.
show()
{
	tee -a "$results"
}

# count NAME STATUS: add up what show() recorded since the last call.  A suite
# that failed without saying which test counts as one failure.
count()
{
	local ok not_ok skip

	ok=$(grep -E '^ok\b' "$results" | grep -ciEv '# *skip' || true)
	skip=$(grep -ciE '^(ok\b.*|1\.\.0 *)# *skip' "$results" || true)
	not_ok=$(grep -cE '^not ok\b' "$results" || true)
	if [ "$2" != 0 ] && [ "$not_ok" = 0 ]; then
		echo "not ok - $1: ended with status $2"
		not_ok=1
	fi
	passed=$((passed + ok))
	failed=$((failed + not_ok))
	skipped=$((skipped + skip))
	: >"$results"
}

suite_build()
{
	if stage_build dev SPINE_DEV=1; then
		echo "ok - build: no warning from $("$PG_CONFIG" --cc)" | show
	else
		echo "not ok - build" | show
	fi
	count build 0
}

suite_lint()
{
	local status=0

	"$root/dev/lint.sh" "$work/src" "$work/spine.so" | show || status=$?
	count lint $status
	status=0
	"$root/dev/lint_selftest.sh" | show || status=$?
	count "lint selftest" $status
}

# One server for all regress tests, a fresh one for the isolation tests.
suite_regress()
{
	local status=0

	"$root/dev/server.sh" -w "$work" -u -- dev/suites.sh "$1" 2>&1 | show ||
		status=$?
	count "$1" $status
}

suite_one()
{
	local status=0

	mkdir "$work/out"
	[ "$(id -u)" != 0 ] || chown "$server_user" "$work/out"
	SPINE_OUT=$work/out "$root/dev/server.sh" -w "$work" -u -- bash -c '
		dev/suites.sh "$0" || status=$?
		cp results/*.out "$SPINE_OUT"
		exit ${status:-0}' "$one" 2>&1 | show || status=$?
	count "$one" $status
	mkdir -p "$root/results" && cp "$work"/out/*.out "$root/results/" || true
}

# Each file starts its own servers, which find the stage by TEMP_CONFIG.
suite_tap()
{
	local file status name

	for file in "$work"/src/test/t/${1:-*}.pl; do
		[ -e "$file" ] || continue
		name=$(basename "$file")
		status=0
		"$root/dev/tap.sh" "$work" "$name" 2>&1 |
			sed -E "s/^(ok|not ok) [0-9]+ -/\1 - $name:/" | show || status=$?
		count "$name" $status
	done
}

# Tests of any other kind: test/run.d/NAME.sh prints ok and not ok lines.  It
# runs in the copied sources beside a fresh server; a line "# server: -p spine"
# gives options for dev/server.sh.
suite_extra()
{
	local file status name options

	for file in "$work"/src/test/run.d/*.sh; do
		[ -e "$file" ] || continue
		name=$(basename "$file")
		eval "options=($(sed -n 's/^# server: //p' "$file"))"
		status=0
		"$root/dev/server.sh" -w "$work" -u "${options[@]}" -- \
			timeout 600 bash "test/run.d/$name" 2>&1 | show || status=$?
		count "$name" $status
	done
}

suite_demo()
{
	local status=0

	[ -e "$root/demo/demo.sql" ] || return 0
	"$root/dev/demo.sh" -w "$work" >"$work/demo.log" 2>&1 || status=$?
	if [ $status = 0 ]; then
		echo "ok - demo" | show
	else
		tail -60 "$work/demo.log" | sed 's/^/# /'
		echo "not ok - demo" | show
	fi
	count demo 0
}

suite_build
if [ $failed = 0 ]; then
	for suite in "$@"; do
		start=$SECONDS
		case $suite in
			build) ;;
			regress|isolation) suite_regress "$suite" ;;
			tap:*) suite_tap "${suite#tap:}" ;;
			lint|tap|extra|demo|one) suite_$suite ;;
			*) die "no suite $suite" ;;
		esac
		echo "# $suite took $((SECONDS - start)) s"
	done
fi

line="$passed passed, $failed failed"
[ $skipped = 0 ] || line="$line, $skipped skipped"
echo "$line"
[ $failed = 0 ] && [ $passed -gt 0 ]
