#!/bin/bash
# matrix.sh VERSION...: build and test on other PostgreSQL versions.
#
# For each version a chroot is made from the Debian suite that has it (once;
# some 1.5 GB below SPINE_MATRIX_ROOT, default /var/tmp/spine-matrix).  In it:
# a gcc and a clang build with all warnings as errors, the whole of
# dev/check.sh but lint, and an ordinary "make install" with CREATE EXTENSION
# on an ordinary server.  Needs root or sudo.
#
# Environment: SPINE_MATRIX_ROOT, SPINE_MATRIX_MIRROR (default: where this
# machine's apt gets its packages).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -gt 0 ] || { sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2; }
if [ "$(id -u)" != 0 ]; then
	exec sudo --preserve-env=SPINE_MATRIX_ROOT,SPINE_MATRIX_MIRROR \
		"$here/matrix.sh" "$@"
fi
. "$here/lib.sh"

matrix=${SPINE_MATRIX_ROOT:-/var/tmp/spine-matrix}
mkdir -p "$matrix"

suite_of()
{
	case $1 in
		15) echo bookworm ;;
		17) echo trixie ;;
		18) echo forky ;;
		*) die "no Debian suite is known for PostgreSQL $1" ;;
	esac
}

mirror()
{
	local found=${SPINE_MATRIX_MIRROR:-}

	[ -n "$found" ] || found=$(cat /etc/apt/sources.list \
		/etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources \
		2>/dev/null |
		sed -nE 's/^(URIs:|deb( +\[[^]]*\])?) +(https?:[^ ]*debian)\/? *.*/\3/p' |
		head -1)
	[ -n "$found" ] || die "set SPINE_MATRIX_MIRROR to a Debian mirror"
	echo "$found"
}

# inside CHROOT COMMAND: run as root in the chroot, in mount and process name
# spaces of its own, so that nothing outlives the command.
inside()
{
	unshare --mount --pid --fork --kill-child=KILL --propagation private \
		bash -euc '
		mount -t proc proc "$0/proc"
		mkdir -p "$0/dev/shm"
		mount -t tmpfs -o mode=1777,size=1g shm "$0/dev/shm"
		for device in null zero full random urandom tty; do
			[ -c "$0/dev/$device" ] || {
				touch "$0/dev/$device"
				mount --bind "/dev/$device" "$0/dev/$device"
			}
		done
		exec chroot "$0" /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 TERM=dumb \
			PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
			/bin/bash -euc "$1"' "$1" "$2"
}

# Make the chroot of a version, or complete one that lacks a package.
prepare()
{
	local version=$1 chroot=$matrix/$1 suite script
	local packages="postgresql-$version postgresql-server-dev-$version"

	packages+=" build-essential libipc-run-perl python3-minimal"
	packages+=" python3-jsonschema python3-xxhash libxxhash-dev"
	packages+=" python3-avro protobuf-compiler libprotobuf-dev"

	if [ ! -e "$chroot/.spine-ready" ] && [ ! -e "$chroot/usr/bin/apt-get" ]
	then
		suite=$(suite_of "$version")
		script=/usr/share/debootstrap/scripts/$suite
		# An older debootstrap does not know the newest suites by name.
		[ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
		echo "# making a chroot of $suite"
		rm -rf "$chroot"
		debootstrap --variant=minbase --include=ca-certificates "$suite" \
			"$chroot" "$(mirror)" "$script" >"$matrix/$version.log" 2>&1 || {
			tail -20 "$matrix/$version.log"
			return 1
		}
	fi
	# The file says which packages the chroot was made with.
	[ "$(cat "$chroot/.spine-ready" 2>/dev/null)" != "$packages" ] || return 0

	cp /etc/resolv.conf /etc/hosts "$chroot/etc/"
	# No service starts in there, and no cluster is made.
	printf '#!/bin/sh\nexit 101\n' >"$chroot/usr/sbin/policy-rc.d"
	chmod +x "$chroot/usr/sbin/policy-rc.d"
	mkdir -p "$chroot"/etc/{postgresql-common,dpkg/dpkg.cfg.d,apt/apt.conf.d}
	echo "create_main_cluster = false" \
		>"$chroot/etc/postgresql-common/createcluster.conf"
	printf 'path-exclude /usr/share/%s/*\n' doc man locale \
		>"$chroot/etc/dpkg/dpkg.cfg.d/spine"
	echo force-unsafe-io >>"$chroot/etc/dpkg/dpkg.cfg.d/spine"
	# A mirror of a testing suite may lag behind its Valid-Until.
	echo 'APT::Install-Recommends "false"; Acquire::Languages "none";
		Acquire::Check-Valid-Until "false";' \
		>"$chroot/etc/apt/apt.conf.d/90spine"
	inside "$chroot" "apt-get -q update
		apt-get -qy install $packages
		apt-get clean" >"$matrix/$version.log" 2>&1 || {
		tail -20 "$matrix/$version.log"
		return 1
	}
	echo "$packages" >"$chroot/.spine-ready"
}

# What runs in the chroot, in a copy of the tree.
in_chroot='
cd /spine
export PG_CONFIG=/usr/lib/postgresql/$version/bin/pg_config
bin=$(dirname $PG_CONFIG)
clang=$(ls /usr/bin/clang-[0-9]* | head -1)
make -s -k -j2 -f Makefile SPINE_DEV=1 CC=$clang PG_CONFIG=$PG_CONFIG
echo "ok - build: no warning from $(basename $clang)"
make -s -f Makefile clean PG_CONFIG=$PG_CONFIG

status=0
dev/check.sh regress isolation tap extra demo || status=$?

# The documented way: install, start a server, create the extension.
make -s -j2 PG_CONFIG=$PG_CONFIG
installed() { find /usr/lib/postgresql /usr/share -type f | sort; }
before=$(installed)
make -s install PG_CONFIG=$PG_CONFIG >/dev/null
dev/server.sh -i -- psql -XAtq -c "CREATE EXTENSION spine" \
	-c "DROP EXTENSION spine" && echo "ok - make install" ||
	{ echo "not ok - make install"; status=1; }
dev/check.sh tap:003_pg_upgrade || status=$?
make -s uninstall PG_CONFIG=$PG_CONFIG >/dev/null
after=$(installed)
[ "$before" = "$after" ] && echo "ok - make uninstall leaves nothing" ||
	{ echo "not ok - make uninstall"; diff <(echo "$before") <(echo "$after"); status=1; }
exit $status
'

failed=
for version in "$@"; do
	exec 9>"$matrix/$version.lock"
	flock 9
	echo "# PostgreSQL $version"
	start=$SECONDS
	status=0
	if prepare "$version"; then
		rm -rf "$matrix/$version/spine"
		sync_tree "$root" "$matrix/$version/spine"
		inside "$matrix/$version" "version=$version; $in_chroot" || status=$?
		rm -rf "$matrix/$version/spine"
	else
		status=1
	fi
	if [ $status = 0 ]; then
		echo "ok - PostgreSQL $version ($((SECONDS - start)) s)"
	else
		echo "not ok - PostgreSQL $version ($((SECONDS - start)) s)"
		failed="$failed $version"
	fi
	exec 9>&-
done
[ -z "$failed" ] || { echo "failed on:$failed"; exit 1; }
