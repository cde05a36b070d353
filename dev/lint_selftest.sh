#!/bin/bash
# lint_selftest.sh: prove that lint notices what it says it does.
#
# Lints a small clean tree, then the same tree with one violation planted for
# each rule: exactly that rule must fail.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failed=0

# The clean tree.
clean()
{
	rm -rf "$tree"
	mkdir -p "$tree"/{src/{base,catalog,audit,ownership,registry},dev,.ci} \
		"$tree"/{sql/{base,catalog},expected,test/{sql,specs}}
	cp "$here/../.clang-format" "$tree/"
	cp "$here/../src/spine.map" "$tree/src/"
	cd "$tree"
	echo "default_version = '1.0'" >spine.control
	printf 'EXTVERSION = 1.0\nROOMS = base catalog\n' >Makefile
	echo '"version": "1.0.0"' >META.json
	echo '## 1.0 (unreleased)' >CHANGELOG.md
	echo '#define SPINE_COMPAT PG_VERSION_NUM' >src/base/compat.h
	echo 'int spine_base(void);' >src/base/base.h
	echo 'int spine_catalog(void);' >src/catalog/spine_catalog.h
	echo 'int catalog_internal(void);' >src/catalog/catalog_internal.h
	echo 'int spine_audit(void);' >src/audit/spine_audit.h
	echo 'int spine_registry(void);' >src/registry/spine_registry.h
	cat >src/ownership/guard.c <<'END'
#include "audit/spine_audit.h"
#include "base/base.h"
#include "catalog/pg_class.h"
#include "catalog/spine_catalog.h"

/* A call of elog(ERROR) or malloc() in a comment is none. */
int
spine_guard(void)
{
	ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("free(\"it\")")));
	elog(ERROR, "unexpected"); /* cannot happen */
	/* lint: allow alloc because it is the test of this comment */
	free(0);
	return 0;
}
END
	cat >sql/header.sql <<'END'
\echo Use "CREATE EXTENSION spine" to load this file. \quit
CREATE SCHEMA spine;
END
	cat >sql/base/10_clean.sql <<'END'
-- CREATE OR REPLACE in a comment is none; IF NOT EXISTS neither.
CREATE FUNCTION spine.clean() RETURNS integer LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_class) THEN
		RETURN 1;
	END IF;
	RETURN 2;
END $$;
COMMENT ON FUNCTION spine.clean() IS 'clean';
END
	echo 'SELECT 1;' >test/sql/base_clean.sql
	echo 'SELECT 1;' >expected/base_clean.out
}

# Compile a module that defines and uses the given symbols.
module()
{
	echo "$1" | gcc -x c -shared -fPIC -w -o module.so - ${2:-}
}

# planted RULE WHAT: exactly RULE fails in the tree as it is now
planted()
{
	local rules

	rules=$("$here/lint.sh" "$tree" "${module_file:-}" |
		sed -n 's/^not ok - lint: \([^:]*\):.*/\1/p' | xargs) || true
	if [ "$rules" = "$1" ]; then
		echo "ok - lint selftest: ${1:-clean tree}: $2"
	else
		echo "not ok - lint selftest: ${1:-clean tree}: $2 (found: $rules)"
		failed=1
	fi
	clean
}

clean; planted '' 'nothing to find'

# C
guard=src/ownership/guard.c
sed -i '1i #include "registry/spine_registry.h"' $guard
planted arrows 'a sibling'
echo '#include "ownership/guard.h"' >>src/catalog/spine_catalog.h
touch src/ownership/guard.h
planted arrows 'upwards'
sed -i '1i #include "catalog/catalog_internal.h"' $guard
planted arrows 'an internal header'
mkdir src/attic; echo 'int spine_attic;' >src/attic/attic.c
planted arrows 'a room without a level'
sed -i 's/; \/\* cannot happen \*\//;/' $guard
planted elog 'without the comment'
sed -i 's/(errcode(ERRCODE_INTERNAL_ERROR), errmsg("free(\\"it\\")"))/errmsg("free(\\"it\\")")/' $guard
planted errcode 'left out'
sed -i 's/because it is/since it is/' $guard
planted alloc 'without an excuse'
sed -i 's/return 0;/return strdup("x") != 0;/' $guard
planted alloc 'strdup'
sed -i 's/return 0;/return system("true");/' $guard
planted sleep 'system'
sed -i 's/return 0;/return pg_usleep(1);/' $guard
planted sleep 'pg_usleep'
sed -i 's/return 0;/return PG_VERSION_NUM;/' $guard
planted version 'outside compat.h'
sed -i 's/return 0;/return    (0) ;/' $guard
planted format 'a space before the semicolon'
sed -i 's/^spine_guard(void)/spine_guard(void)\t{/; /^{$/d' $guard
planted format 'the brace'

# SQL
sed -i 1d sql/header.sql
planted sql-guard 'no guard line'
mkdir sql/updates
echo 'SELECT 1;' >sql/updates/spine--0.9--1.0.sql
planted sql-guard 'an update script without one'
part=sql/base/10_clean.sql
sed -i 's/CREATE FUNCTION/CREATE OR REPLACE FUNCTION/' $part
planted sql-adopt 'OR REPLACE'
echo 'CREATE TABLE IF NOT EXISTS spine.t (a int);' >>$part
planted sql-adopt 'IF NOT EXISTS'
sed -i 's/ SET search_path = pg_catalog, pg_temp//' $part
planted sql-definer 'no search path'
sed -i 's/pg_catalog, pg_temp/pg_catalog/' $part
planted sql-definer 'without pg_temp'
sed -i 's/pg_catalog, pg_temp/pg_temp, pg_catalog/' $part
planted sql-definer 'pg_temp first'
sed -i '/^COMMENT/d' $part
planted sql-comment 'left out'
echo 'CREATE TABLE t (a int);' >>$part
planted sql-schema 'a table'
echo 'CREATE VIEW public.v AS SELECT 1;' >>$part
planted sql-schema 'a view elsewhere'
mkdir sql/attic; echo 'SELECT 1;' >sql/attic/10_x.sql
planted sql-rooms 'an unknown room'
echo 'SELECT 1;' >sql/base_clean.sql
planted sql-rooms 'a part at the top, which would hide a test'

# The tree
rm expected/base_clean.out
planted tests 'no expected result'
echo 1 >expected/base_gone.out
planted tests 'a result without a test'
touch test/specs/base_clean.spec
planted tests 'a name twice'
echo "see /ho""me/somebody/spine" >README.md
planted paths 'a home directory'
echo "default_version = '1.1'" >spine.control
planted versions 'the control file ahead'
echo 'if then' >dev/broken.sh
planted shell 'a syntax error'

# The module
module_file=$tree/module.so
module 'int json_object(void); int spine_x(void) { return json_object(); }'
planted json_object 'a call'
module 'int guard_lookup(void) { return 0; }'
planted exports 'a name of its own'
module 'int guard_lookup(void) { return 0; } int spine_x(void) { return 0; }' \
	-Wl,--version-script=src/spine.map
planted '' 'the map hides what is not to leave'

exit $failed
