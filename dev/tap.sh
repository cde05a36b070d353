#!/bin/bash
# tap.sh DIR FILE: run one TAP test, test/t/FILE, in DIR as left by
# stage_build, as an unprivileged user.  check.sh calls it.
#
# The servers that the test starts read TEMP_CONFIG, which points them at the
# stage; SPINE_STAGE is for tests that put further files there.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
find_postgres
find_server_user

work=$1
for name in $(compgen -e | grep '^PG' | grep -v '^PG_CONFIG$'); do
	unset "$name"
done
run=$work/tap.${2%.pl}
mkdir -p "$run"
cp -r "$work/src" "$work/stage" "$run/"
stage_settings "$run/stage" >"$run/stage.conf"
[ "$(id -u)" != 0 ] || chown -R "$server_user" "$run"

export TESTDIR=$run TESTDATADIR=$run/tmp_check TESTLOGDIR=$run/tmp_check/log
export TEMP_CONFIG=$run/stage.conf SPINE_STAGE=$run/stage SPINE_SRC=$run/src
export PG_REGRESS=$pgxs_src/test/regress/pg_regress PGPORT=65432
cd "$run/src"
status=0
# perl itself, not prove: its output is the plain list of assertions, and it
# fails when the plan was not kept.
as_server_user timeout "${SPINE_TAP_SECONDS:-600}" perl -I "$pgxs_src/test/perl" "test/t/$2" 2>&1 ||
	status=$?
if [ $status != 0 ]; then
	for log in "$TESTLOGDIR"/*.log; do
		[ -e "$log" ] || continue
		echo "# --- $(basename "$log") ends with:"
		tail -30 "$log" | sed 's/^/# /'
	done
fi
rm -rf "$run"
exit $status
