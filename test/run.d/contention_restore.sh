#!/bin/bash
# contention_restore.sh: requests and overrides survive a dump, are decided in
# the restored database, and new ones get numbers of their own.
set -euo pipefail

psql() { command psql -XAtq "$@"; }
status=0

# WHAT EXPECTED GOT
is() {
	if [ "$2" = "$3" ]; then
		echo "ok - contention restore: $1"
	else
		echo "not ok - contention restore: $1"
		printf '# expected: %s\n# got: %s\n' "$2" "$3"
		status=1
	fi
}

psql -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
SET client_min_messages = error;
CREATE EXTENSION spine;
CREATE ROLE res_owner;
CREATE ROLE res_stranger;
CREATE TABLE ticket (id int PRIMARY KEY, state text NOT NULL DEFAULT 'draft', title text);
GRANT ALL ON ticket TO PUBLIC;
INSERT INTO ticket SELECT i FROM generate_series(1, 9) i;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}},
 "parties": {"owner": {"kind": "team", "role": "res_owner"}, "other": {"kind": "team", "role": "res_stranger"}},
 "contexts": {"desk": {"owner": "owner", "datasets": {"tickets": {"relation": "public.ticket", "sot": {"store": "main"},
  "lifecycle": {"governing": "state", "contention": {"non_owner": "queue"},
   "states": {"draft": {"initial": true, "owner": "owner", "write": {"*": ["owner"]}}}}}}}}}');
SET ROLE res_stranger;
UPDATE ticket SET title = 'asked' WHERE id < 4;
RESET ROLE;
SELECT spine.override('ticket', '{"id": 9}', 'other', 'why not', now() + interval '1 hour');
SELECT spine.override('ticket', '{"id": 8}', 'other', 'why not', now() + interval '1 hour');
SELECT spine.end_override(2);
SQL

pg_dump -Fc -f "$SPINE_TMP/dump"
createdb restored
pg_restore -j 4 -d restored "$SPINE_TMP/dump"
export PGDATABASE=restored PGOPTIONS='-c client_min_messages=error'
is "all are there" '3 2 1' "$(psql -c "SELECT concat_ws(' ', (SELECT count(*) FROM spine.write_requests WHERE status = 'pending'),
	(SELECT count(*) FROM spine.override_log), (SELECT count(*) FROM spine.overrides))")"
is "a request is decided" 'applied|asked' "$(psql -c 'SET ROLE res_owner' -c 'SELECT spine.approve_write(2)' |
	tail -1)|$(psql -c 'SELECT title FROM ticket WHERE id = 2')"
is "an override is obeyed" 'x' "$(psql -c 'SET ROLE res_stranger' \
	-c "UPDATE ticket SET title = 'x' WHERE id = 9 RETURNING title")"
is "one that was ended is not" '' "$(psql -c 'SET ROLE res_stranger' \
	-c "UPDATE ticket SET title = 'x' WHERE id = 8 RETURNING title")"
is "numbers go on" '4 3' "$(psql -c "SELECT concat_ws(' ', max(id), spine.override('ticket', NULL, 'other', 'again', now() + interval '1 hour')) FROM spine.write_requests")"
exit $status
