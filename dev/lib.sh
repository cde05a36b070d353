# lib.sh: what the scripts of dev/ share.  Sourced, never run.
#
# A run never tests in the checkout itself.  The tree is copied to build/NAME
# (so that make only compiles what changed), built there, installed into a
# stage under a fresh temporary directory, and the tests run in a copy beside
# that stage, as an unprivileged user.  So it works from a checkout that only
# root can enter, and several runs do not step on one another.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# The PostgreSQL in use: PG_CONFIG, or what the PATH offers.
export PG_CONFIG=${PG_CONFIG:-pg_config}

die()
{
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# Fill in where this PostgreSQL keeps its parts.
find_postgres()
{
	command -v "$PG_CONFIG" >/dev/null ||
		die "$PG_CONFIG not found; dev/setup.sh installs what is needed"
	pg_bin=$("$PG_CONFIG" --bindir)
	pg_share=$("$PG_CONFIG" --sharedir)
	pg_lib=$("$PG_CONFIG" --pkglibdir)
	pg_major=$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
	pgxs_src=$(dirname "$("$PG_CONFIG" --pgxs)")/..
}

# Servers refuse to run as root; then they run as postgres, or as nobody.
# as_server_user CMD... runs a command as that user, in a clean environment
# that keeps only what the tests need.
find_server_user()
{
	if [ "$(id -u)" != 0 ]; then
		server_user=$(id -un)
	elif id postgres >/dev/null 2>&1; then
		server_user=postgres
	else
		server_user=nobody
	fi
}

as_server_user()
{
	local drop=() keep=() name

	if [ "$(id -u)" = 0 ]; then
		drop=(setpriv --reuid="$server_user" --init-groups
			--regid="$(id -g "$server_user")" --inh-caps=-all)
	fi
	for name in $(compgen -e | grep -E '^(PG|SPINE_|TEMP_CONFIG$|TEST)'); do
		keep+=("$name=${!name}")
	done
	"${drop[@]}" env -i HOME="${work:-/tmp}" LC_ALL=C.UTF-8 TERM=dumb \
		PATH="$pg_bin:/usr/local/bin:/usr/bin:/bin" "${keep[@]}" "$@"
}

# A new directory that the server's user can enter, short enough for sockets.
new_workdir()
{
	work=$(mktemp -d /tmp/spine.XXXXXX)
	chmod 755 "$work"
}

# The files of a tree that are sources, with paths relative to it.
list_sources()
{
	(cd "$1" && find . \( -name .git -o -path ./build -o -path ./results \
		-o -path ./output_iso -o -path ./tmp_check -o -name __pycache__ \) \
		-prune -o -type f ! -name '*.o' ! -name '*.bc' ! -name '*.so' \
		! -name '*.d' ! -path './spine--*.sql' ! -path './regression.*' \
		-print | LC_ALL=C sort)
}

# The same with what is in them, a line each.
sum_sources()
{
	(cd "$1" && list_sources . | xargs -r -d '\n' sha1sum)
}

# Make $2 a copy of $1's sources, keeping what was built there.  A file that
# changed gets the present time, whatever its own says, so that make sees it.
sync_tree()
{
	mkdir -p "$2"
	comm -13 <(list_sources "$1") <(list_sources "$2") |
		(cd "$2" && xargs -r -d '\n' rm -f --)
	comm -23 <(sum_sources "$1" | LC_ALL=C sort) \
		<(sum_sources "$2" | LC_ALL=C sort) | cut -c43- |
		tar -C "$1" -cf - --no-recursion -T - |
		tar -C "$2" --no-same-owner -xpmf -
}

# stage_build NAME [make arguments]: build the tree as build/MAJOR-NAME and put
#   $work/stage    what `make install` installs
#   $work/src      the sources, for the tests to run in
#   $work/spine.so the module, for lint
# The lock is held for as long as build/ is in use.
stage_build()
{
	local name=$1 build
	shift

	build=$root/build/$pg_major-$name
	if ! mkdir -p "$root/build" 2>/dev/null || [ ! -w "$root/build" ]; then
		build=$work/build
	fi
	mkdir -p "$build"
	(
		flock 9
		sync_tree "$root" "$build"
		cd "$build"
		make -s -j2 -f Makefile "$@" &&
			make -s -f Makefile "$@" install DESTDIR="$work/stage" \
				>"$work/install.log" 2>&1 || {
			cat "$work/install.log" 2>/dev/null
			exit 1
		}
		cp spine.so "$work/"
		sync_tree "$build" "$work/src"
	) 9>"$build.lock" || return 1
}

# stage_settings DIR: the settings with which a server finds a stage.  Debian's
# 15 to 17 have a patch for it, 18 has a way of its own.
stage_settings()
{
	if grep -q extension_destdir "$pg_share/postgresql.conf.sample"; then
		echo "extension_destdir = '$1'"
	elif [ "$pg_major" -ge 18 ]; then
		echo "extension_control_path = '$1$pg_share:\$system'"
	else
		die "PostgreSQL $pg_major cannot load from a stage;" \
			"use make install, then server.sh -i"
	fi
	echo "dynamic_library_path = '$1$pg_lib:\$libdir'"
}
