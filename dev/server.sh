#!/bin/bash
# server.sh [options] -- COMMAND...: run a command against a private server.
#
#   -p LIBRARIES   shared_preload_libraries
#   -c GUC=VALUE   a line for postgresql.conf (repeatable)
#   -w DIR         use the stage and sources in DIR instead of building
#   -r             a release build (the default builds with all warnings)
#   -i             use what is installed in the system, stage nothing
#   -u             run COMMAND as the server's user, in the copied sources
#   -k             keep the directory
#
# The server listens on a unix socket in a temporary directory only, has the
# extension from a stage, and is gone with its directory when COMMAND ends.
# COMMAND runs with PGHOST, PGPORT, PGUSER (a superuser), PGDATABASE and PATH
# set; SPINE_SRC is the copy of the sources, SPINE_ROOT the tree they were
# copied from, SPINE_TMP a directory to write to, TEMP_CONFIG the settings
# that further servers need to find the stage.
# If COMMAND fails, the tail of the server's log is shown.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

preload= settings=() stage_dir= installed= as_user= keep= build=dev
build_args=(SPINE_DEV=1)
while getopts p:c:w:riuk option; do
	case $option in
		p) preload=$OPTARG ;;
		c) settings+=("$OPTARG") ;;
		w) stage_dir=$OPTARG ;;
		r) build=release build_args=(with_llvm=no) ;;
		i) installed=1 ;;
		u) as_user=1 ;;
		k) keep=1 ;;
		*) sed -n '2,19s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || die "no command given"

find_postgres
find_server_user
new_workdir
started=
# The caller's own connection settings are not for this server.
for name in $(compgen -e | grep '^PG' | grep -v '^PG_CONFIG$'); do
	unset "$name"
done

finish()
{
	local status=$?

	trap - EXIT
	if [ -n "$started" ]; then
		if [ $status != 0 ]; then
			echo "--- the server's log ends with:"
			tail -20 "$work/server.log"
		fi
		(cd "$work" && as_server_user pg_ctl -D data -m fast -w -t 20 stop ||
			as_server_user pg_ctl -D data -m immediate -w stop) \
			>/dev/null 2>&1 || true
	fi
	if [ -n "$keep" ]; then echo "kept: $work"; else rm -rf "$work"; fi
	exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

if [ -n "$stage_dir" ]; then
	ln -s "$stage_dir/stage" "$work/stage"
	cp -r "$stage_dir/src" "$work/src"
elif [ -n "$installed" ]; then
	sync_tree "$root" "$work/src"
else
	stage_build "$build" "${build_args[@]}" || die "the build failed"
fi
stage=$(readlink -f "$work/stage" || true)

[ -n "$installed" ] || stage_settings "$stage" >"$work/stage.conf"
touch "$work/stage.conf"
[ "$(id -u)" != 0 ] || chown -R "$server_user" "$work"
cd_back=$PWD
cd "$work"
as_server_user initdb -D data -U postgres -A trust --no-sync \
	--locale=C.UTF-8 --encoding=UTF8 >initdb.log 2>&1 ||
	{ cat initdb.log; exit 1; }
{
	cat stage.conf
	echo "listen_addresses = ''"
	echo "unix_socket_directories = '$work'"
	echo "fsync = off"
	echo "log_checkpoints = off"
	echo "max_prepared_transactions = 10"
	[ -z "$preload" ] || echo "shared_preload_libraries = '$preload'"
	[ ${#settings[@]} = 0 ] || printf '%s\n' "${settings[@]}"
} >>data/postgresql.conf
as_server_user pg_ctl -D data -l "$work/server.log" -w start >/dev/null ||
	{ cat server.log; exit 1; }
started=1
cd "$cd_back"

export PGHOST=$work PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
export SPINE_TMP=$work SPINE_SRC=$work/src SPINE_ROOT=$root \
	TEMP_CONFIG=$work/stage.conf

# In the background, so that a signal to this script ends it at once.
if [ -n "$as_user" ]; then
	cd "$work/src"
	as_server_user "$@" <&0 &
else
	PATH=$pg_bin:$PATH "$@" <&0 &
fi
wait $!
