#!/bin/bash
# ownership_bypass.sh: ways around the guard, each tried as somebody who wants
# to write what is not theirs.
#
# Each file of test/bypass is one path.  Its header says
#
#	-- path: what is tried
#	-- group: statements | keys | roles | triggers | definitions | spine
#	-- as: the role that connects
#	-- expect: denied SQLSTATE... | harmless | allowed | documented: why
#	-- expect-16: the same, from PostgreSQL 16 on		(optional)
#	-- from: 17											(optional: not before)
#	-- needs: ddl guard									(optional)
#	-- note: what there is to say						(optional)
#
# and what follows is run by psql up to the first error; what stands before a
# line "-- attack", if there is one, is run by a superuser first.  denied: an
# error with this SQLSTATE, and no governed row differs afterwards.  harmless:
# no error, and no governed row differs.  allowed and documented: no error, and
# something differs, the one as it should be, the other because nothing can
# prevent it.  Every path has a database of its own, copied from one in which
# fixture/world.sql was run; roles bypass_x_* are dropped after it.
#
#	ownership_bypass.sh --table		prints the table of docs/bypass.md
#	SPINE_BYPASS=PATTERN ...		tries some alone and shows what psql says
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# ---- headers ----

# header FILE NAME: what a header line says; empty if it is not there.
header()
{
	sed -n "s/^-- $2: //p" "$1"
}

# title GROUP: its heading in the table
title()
{
	case $1 in
		statements) echo "Statements" ;;
		keys) echo "Foreign keys" ;;
		roles) echo "Roles and sessions" ;;
		triggers) echo "Triggers and functions of others" ;;
		definitions) echo "Definitions" ;;
		spine) echo "spine itself" ;;
		*) return 1 ;;
	esac
}

# words EXPECT: a verdict for people
words()
{
	case $1 in
		denied*) echo "refused, \`$(sed 's/ /` or `/g' <<<"${1#denied }")\`" ;;
		documented:*) echo "**out of reach**:${1#documented:}" ;;
		*) echo "$1" ;;
	esac
}

# row FILE: one row of the table
row()
{
	local verdict note later needs

	verdict=$(words "$(header "$1" expect)")
	later=$(header "$1" expect-16)
	note=$(header "$1" note)
	needs=$(header "$1" needs)
	[ -z "$later" ] || verdict+="; from 16 on $(words "$later")"
	[[ -z $needs || $verdict != refused* ]] || verdict+=" (by the DDL guard)"
	echo "| $(header "$1" path) | \`$(header "$1" as)\` | $verdict | ${note:+$note }[$(basename "$1" .sql)](../test/bypass/$(basename "$1")) |"
}

table()
{
	local group file

	for group in statements keys roles triggers definitions spine; do
		printf '### %s\n\n' "$(title $group)"
		printf '| path | as | verdict | |\n|---|---|---|---|\n'
		for file in test/bypass/*.sql; do
			[ "$(header "$file" group)" != $group ] || row "$file"
		done
		echo
	done
}

if [ "${1:-}" = --table ]; then
	table
	exit
fi

# ---- the worlds ----

export PGOPTIONS='-c client_min_messages=error'
failed=0

sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }

# The rows that nobody may change, as the tables' names lead to them.
state()
{
	sql -d "$1" -f test/bypass/fixture/state.sql
}

drop_roles()
{
	sql -d postgres -c "SELECT pg_catalog.quote_ident(rolname)
		FROM pg_catalog.pg_roles WHERE rolname LIKE 'bypass\_x\_%'" |
		while read -r role; do
			# Rights on settings are the cluster's, so they stay behind.
			sql -d postgres -c "DROP OWNED BY $role" -c "DROP ROLE $role"
		done
}

# attempt FILE [DATABASE]: run a path in a fresh copy of a world; prints the
# SQLSTATE of the error (or "none") and whether rows differ ("same", "differ")
attempt()
{
	local file=$1 world=${2:-bypass_world} output before after user part

	sql -d postgres -c 'DROP DATABASE IF EXISTS bypass_path WITH (FORCE)' \
		-c "CREATE DATABASE bypass_path TEMPLATE $world"
	part=$(mktemp "$SPINE_TMP/path.XXXXXX")
	if grep -q '^-- attack$' "$file"; then
		sed '/^-- attack$/,$d' "$file" >"$part"
		sql -d bypass_path -f "$part" >/dev/null
		before=$(state bypass_path)
		sed '1,/^-- attack$/d' "$file" >"$part"
	else
		before=$untouched
		cp "$file" "$part"
	fi
	user=$(header "$file" as)
	output=$(timeout 60 psql -XAtq -d bypass_path -U "$user" \
		-v ON_ERROR_STOP=1 -v VERBOSITY=$verbosity -f "$part" 2>&1) || true
	after=$(state bypass_path)
	rm -f "$part"
	[ "$verbosity" = sqlstate ] || echo "$output" >&2
	if grep -q bypass_x_ "$file"; then
		sql -d postgres -c 'DROP DATABASE bypass_path WITH (FORCE)'
		drop_roles
	fi
	echo "$(grep -oE '(ERROR|FATAL): +[0-9A-Z]{5}' <<<"$output" | head -1 |
		grep -oE '[0-9A-Z]{5}$' || echo none)" \
		"$([ "$before" = "$after" ] && echo same || echo differ)"
}

# holds EXPECT CODE ROWS: is the outcome what was expected?
holds()
{
	case $1 in
		denied*) [[ " ${1#denied } " == *" $2 "* ]] && [ "$3" = same ] ;;
		harmless) [ "$2 $3" = "none same" ] ;;
		allowed | documented:*) [ "$2 $3" = "none differ" ] ;;
		*) return 1 ;;
	esac
}

report() { # FILE EXPECT OUTCOME
	local name
	name=$(basename "$1" .sql)
	# shellcheck disable=SC2086 # the outcome is two words
	if holds "$2" $3; then
		echo "ok - bypass: $name: $2"
	elif [ -n "$(header "$1" needs)" ] && [ -z "$ddl_guard" ]; then
		echo "ok - bypass: $name # SKIP the DDL guard is not there"
	else
		echo "not ok - bypass: $name: expected $2, got $3"
		failed=1
	fi
}

# ---- the paths ----

sql -d postgres -f test/bypass/fixture/roles.sql >/dev/null
sql -d postgres -c 'CREATE DATABASE bypass_world'
sql -d bypass_world -f test/bypass/fixture/world.sql >/dev/null
untouched=$(state bypass_world)
ddl_guard=$(sql -d bypass_world -c "SELECT 1 FROM pg_catalog.pg_event_trigger
	WHERE evtname LIKE 'spine\_ddl\_guard%' LIMIT 1")
major=$(($(sql -c 'SHOW server_version_num') / 10000))

verbosity=sqlstate
[ -z "${SPINE_BYPASS:-}" ] || verbosity=verbose
count=0
for file in test/bypass/${SPINE_BYPASS:-*}.sql; do
	expect=$(header "$file" expect)
	from=$(header "$file" from)
	later=$(header "$file" expect-16)
	[ "$major" -lt 16 ] || [ -z "$later" ] || expect=$later
	count=$((count + 1))
	if [ -n "$from" ] && [ "$major" -lt "$from" ]; then
		echo "ok - bypass: $(basename "$file" .sql) # SKIP from PostgreSQL $from on"
		continue
	fi
	report "$file" "$expect" "$(attempt "$file")"
done
[ -z "${SPINE_BYPASS:-}" ] || exit $failed

# The suite must tell: without the guard, what it calls denied is not.
sql -d postgres -c 'CREATE DATABASE bypass_open TEMPLATE bypass_world'
sql -d bypass_open -c 'SELECT spine.detach_all()' >/dev/null
caught=0
for name in update copy_from fk_delete_cascade truncate partition_leaf_update; do
	outcome=$(attempt "test/bypass/$name.sql" bypass_open)
	# shellcheck disable=SC2086
	holds "denied 42501" $outcome || caught=$((caught + 1))
done
if [ $caught = 5 ]; then
	echo "ok - bypass: without the guard the suite fails"
else
	echo "not ok - bypass: without the guard $caught of 5 paths fail"
	failed=1
fi

if [ $count -ge 50 ]; then
	echo "ok - bypass: $count paths"
else
	echo "not ok - bypass: only $count paths"
	failed=1
fi

if diff <(sed -n '/^<!-- table -->$/,/^<!-- end of table -->$/p' docs/bypass.md |
	sed '1d;$d') <(echo; table) >"$SPINE_TMP/bypass.diff"; then
	echo "ok - bypass: docs/bypass.md has this table"
else
	echo "not ok - bypass: docs/bypass.md differs from ownership_bypass.sh --table"
	sed 's/^/# /' "$SPINE_TMP/bypass.diff"
	failed=1
fi
exit $failed
