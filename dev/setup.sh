#!/bin/bash
# setup.sh [demo|check|matrix|fuzz]: install the Debian packages that are missing.
#
# Says and does nothing when all is there.  Otherwise it needs root or sudo.
# No server is started and no cluster is created.
set -euo pipefail

purpose=${1:-check}
case $purpose in
	demo|check|matrix|fuzz) ;;
	*) echo "usage: setup.sh [demo|check|matrix|fuzz]" >&2; exit 2 ;;
esac

missing=()
need() { # file or command, package
	[ -e "$1" ] || command -v "$1" >/dev/null 2>&1 || missing+=("$2")
}

# The major version: the one whose pg_config is in use, else the release's own.
if command -v "${PG_CONFIG:-pg_config}" >/dev/null 2>&1; then
	major=$("${PG_CONFIG:-pg_config}" --version |
		sed 's/[^0-9]*\([0-9]*\).*/\1/')
else
	case $(. /etc/os-release; echo "${VERSION_CODENAME:-}") in
		trixie) major=17 ;;
		forky|sid) major=18 ;;
		*) major=15 ;;
	esac
fi
lib=/usr/lib/postgresql/$major

# A PostgreSQL that is not Debian's is its owner's business.
if [ ! -x "$("${PG_CONFIG:-pg_config}" --bindir 2>/dev/null)/initdb" ]; then
	need "$lib/bin/initdb" "postgresql-$major"
fi
# Of the makefiles and the headers one may be there without the other.
if [ ! -e "$("${PG_CONFIG:-pg_config}" --pgxs 2>/dev/null)" ] ||
	[ ! -e "$("${PG_CONFIG:-pg_config}" --includedir-server 2>/dev/null)/postgres.h" ]; then
	need "" "postgresql-server-dev-$major"
fi
if [ ! -e "$("${PG_CONFIG:-pg_config}" --includedir 2>/dev/null)/libpq-fe.h" ]; then
	need "" libpq-dev
fi
need gcc build-essential
need make build-essential
need /usr/include/xxhash.h libxxhash-dev
if [ "$purpose" != demo ]; then
	need prove perl
	perl -MIPC::Run -e 1 2>/dev/null || missing+=(libipc-run-perl)
	need /usr/bin/python3 python3-minimal
	/usr/bin/python3 -c 'import jsonschema' 2>/dev/null ||
		missing+=(python3-jsonschema)
	/usr/bin/python3 -c 'import xxhash' 2>/dev/null ||
		missing+=(python3-xxhash)
	/usr/bin/python3 -c 'import avro' 2>/dev/null || missing+=(python3-avro)
	need protoc protobuf-compiler
	need /usr/include/google/protobuf/any.proto libprotobuf-dev
	# Other versions of clang-format lay out differently; lint skips them.
	if apt-cache show clang-format-14 >/dev/null 2>&1; then
		need clang-format-14 clang-format-14
	fi
fi
if [ "$purpose" = fuzz ]; then
	command -v clang-14 >/dev/null 2>&1 || need clang clang
	ls /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a \
		>/dev/null 2>&1 || missing+=(libclang-rt-14-dev)
fi
if [ "$purpose" = matrix ]; then
	need /usr/sbin/debootstrap debootstrap
fi
[ ${#missing[@]} -gt 0 ] || exit 0

command -v apt-get >/dev/null || {
	echo "setup.sh: install the equivalent of: ${missing[*]}" >&2
	exit 1
}
as_root=()
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || {
		echo "setup.sh: needs root or sudo to install: ${missing[*]}" >&2
		exit 1
	}
	as_root=(sudo)
fi

echo "setup.sh: installing ${missing[*]}"
log=$(mktemp)
no_cluster=
# Installing a server would make and start a cluster.  The setting is taken
# back afterwards: it is not ours to leave behind.
if [[ " ${missing[*]} " == *" postgresql-$major "* ]]; then
	no_cluster=/etc/postgresql-common/createcluster.d/spine.conf
	"${as_root[@]}" mkdir -p "$(dirname $no_cluster)"
	echo "create_main_cluster = false" |
		"${as_root[@]}" tee $no_cluster >/dev/null
fi
status=0
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive bash -c '
	apt-get -q update && apt-get -qy install --no-install-recommends "$@"' \
	setup "${missing[@]}" >"$log" 2>&1 || status=$?
if [ -n "$no_cluster" ]; then
	"${as_root[@]}" rm -f "$no_cluster"
	"${as_root[@]}" rmdir --ignore-fail-on-non-empty "$(dirname $no_cluster)"
fi
[ $status = 0 ] || tail -20 "$log" >&2
rm -f "$log"
exit $status
