#!/bin/bash
# registry_publishers.sh: a hundred publishers at once leave no gap and no
# double, in versions and in ids.
# server: -c max_connections=130
set -euo pipefail

rounds=5
publishers=100

check() # what, whether
{
	[ "$2" = t ] && echo "ok - $1" || echo "not ok - $1"
}

sql()
{
	psql -XAtq -v ON_ERROR_STOP=1 -c "$1"
}

sql "SET client_min_messages = warning; CREATE EXTENSION spine;
	SELECT spine.set_level('', 'NONE');
	GRANT spine_publisher TO postgres" >/dev/null
# Each publishes schemas of its own, and one that all publish, to two subjects.
cat >"$SPINE_TMP/publish.sql" <<'SQL'
\set other random(1, 1000000000)
SELECT spine.publish_schema('shared', '{"type": "enum", "name": "e", "symbols": ["s' || :client_id || '_' || :other || '"]}');
SELECT spine.publish_schema('twin' || (:client_id % 2), '{"type": "fixed", "name": "f", "size": ' || (:other % 7 + 1) || '}');
SQL
status=0
pgbench -n -c $publishers -j 2 -t $rounds -f "$SPINE_TMP/publish.sql" \
	>"$SPINE_TMP/pgbench.log" 2>&1 || status=$?
[ $status = 0 ] || cat "$SPINE_TMP/pgbench.log"
check "registry: $publishers publishers at once, none refused" \
	"$([ $status = 0 ] && ! grep -q aborted "$SPINE_TMP/pgbench.log" && echo t)"
check "registry: versions without gap or double" "$(sql "
	SELECT count(*) = $((publishers * rounds)) AND max(version) = count(*) AND min(version) = 1
	  FROM spine.schema_version WHERE subject = 'shared'")"
check "registry: a schema has one id, whoever published it first" "$(sql "
	SELECT count(DISTINCT b.canonical) = count(DISTINCT b.id) FROM spine.schema_body b")"
check "registry: and both subjects have it by that id" "$(sql "
	SELECT bool_and(n = 1) FROM (SELECT count(DISTINCT b.id) AS n
	  FROM spine.schema_version v JOIN spine.schema_body b USING (context, id)
	 WHERE v.subject LIKE 'twin%' GROUP BY b.canonical) s")"
check "registry: semantic versions rise with versions" "$(sql "
	SELECT bool_and(m > coalesce(before, 0)) FROM (
	  SELECT split_part(semver, '.', 1)::int AS m, lag(split_part(semver, '.', 1)::int) OVER (ORDER BY version) AS before
	    FROM spine.schema_version WHERE subject = 'shared') s")"
