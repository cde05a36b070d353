#!/bin/bash
# ownership_partitions.sh: nothing rides on a row that moves between partitions.
#
# A move fires UPDATE and DELETE on the old leaf and INSERT on the new one; the
# guard judges the UPDATE and knows the other two.  Here other rows of the same
# statement pretend to be the moved one.
set -euo pipefail

sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }
export PGOPTIONS='-c client_min_messages=error'

sql >/dev/null <<'SQL'
CREATE EXTENSION spine;
CREATE ROLE regress_rider LOGIN;
CREATE ROLE regress_other LOGIN;
CREATE SCHEMA ride;
GRANT USAGE ON SCHEMA ride TO PUBLIC;
CREATE TABLE ride.mine (id int, status text, note text,
    size int GENERATED ALWAYS AS (length(note)) STORED) PARTITION BY LIST (status);
CREATE TABLE ride.mine_a PARTITION OF ride.mine FOR VALUES IN ('a');
CREATE TABLE ride.mine_x (size int GENERATED ALWAYS AS (length(note)) STORED,
    gone int, note text, status text, id int);
ALTER TABLE ride.mine_x DROP COLUMN gone;
ALTER TABLE ride.mine ATTACH PARTITION ride.mine_x FOR VALUES IN ('x');
CREATE TABLE ride.theirs (LIKE ride.mine INCLUDING GENERATED)
    PARTITION BY LIST (status);
CREATE TABLE ride.theirs_a PARTITION OF ride.theirs FOR VALUES IN ('a');
CREATE TABLE ride.theirs_x PARTITION OF ride.theirs FOR VALUES IN ('x');
CREATE TABLE ride.closed (LIKE ride.mine INCLUDING GENERATED)
    PARTITION BY LIST (status);
CREATE TABLE ride.closed_a PARTITION OF ride.closed FOR VALUES IN ('a');
CREATE TABLE ride.closed_x PARTITION OF ride.closed FOR VALUES IN ('x');
GRANT ALL ON ALL TABLES IN SCHEMA ride TO PUBLIC;
INSERT INTO ride.mine SELECT n, 'a', 'n' || n % 3 FROM generate_series(1, 500) n;
INSERT INTO ride.closed VALUES (1, 'a', 'n1');
SELECT spine.apply($$ {"kind": "DataSpine", "apiVersion": "spine/v1",
  "parties": {"rider": {"kind": "team", "role": "regress_rider"},
              "other": {"kind": "team", "role": "regress_other"}},
  "stores": {"main": {"kind": "postgres"}},
  "contexts": {"ride": {"datasets": {
    "mine": {"relation": "ride.mine", "owner": "rider", "key": ["id"],
      "lifecycle": {"governing": "status", "states": {
        "a": {"initial": true, "owner": "rider"},
        "x": {"initial": true, "owner": "rider", "write": {"*": ["rider"]},
              "terminal": true}},
        "transitions": {"a -> x": {"by": ["rider"]}}}},
    "closed": {"relation": "ride.closed", "owner": "rider", "key": ["id"],
      "lifecycle": {"governing": "status", "states": {
        "a": {"initial": true, "owner": "rider"},
        "x": {"terminal": true}},
        "transitions": {"a -> x": {"by": ["rider"]}}}},
    "theirs": {"relation": "ride.theirs", "owner": "other", "key": ["id"],
      "lifecycle": {"governing": "status", "states": {
        "a": {"initial": true, "owner": "other"},
        "x": {"terminal": true}},
        "transitions": {"a -> x": {"by": ["other"]}}}}}}}} $$);
SQL

status=0
check() { # what, expected, got
	if [ "$2" = "$3" ]; then
		echo "ok - partitions: $1"
	else
		echo "not ok - partitions: $1"
		echo "# expected $2, got: $3"
		status=1
	fi
}

# try SQL: what the rider's statement ends with, rolled back: a SQLSTATE or
# what its last query says
try()
{
	sql -v VERBOSITY=sqlstate -v ON_ERROR_STOP=1 -c 'BEGIN' \
		-c 'SET LOCAL ROLE regress_rider' -c "$1" -c "${2:-SELECT 'done'}" \
		-c 'ROLLBACK' 2>&1 | sed -n 's/^ERROR: *//; $p'
}

check "many rows move at once, to leaves of another layout" 500 "$(try \
	"UPDATE ride.mine SET status = 'x'" \
	"SELECT count(*) FROM ride.mine_x WHERE size = 2")"
check "a row for another dataset does not ride on a move" SP001 "$(try \
	"WITH i AS (INSERT INTO ride.theirs VALUES (1, 'x', 'n1') RETURNING 1)
	 UPDATE ride.mine SET status = 'x' WHERE id = 1 AND EXISTS (SELECT FROM i)")"
check "a copy of the moved row does not ride on it" SP001 "$(try \
	"WITH i AS (INSERT INTO ride.closed VALUES (1, 'x', 'n1') RETURNING 1)
	 UPDATE ride.closed SET status = 'x' WHERE id = 1 AND EXISTS (SELECT FROM i)")"
check "another row does not ride on it" SP001 "$(try \
	"WITH i AS (INSERT INTO ride.closed VALUES (2, 'x', 'n1') RETURNING 1)
	 UPDATE ride.closed SET status = 'x' WHERE id = 1 AND EXISTS (SELECT FROM i)")"
check "a move leaves nothing behind for the next statement" SP001 "$(try \
	"UPDATE ride.closed SET status = 'x' WHERE id = 1" \
	"INSERT INTO ride.closed VALUES (1, 'x', 'n1')")"
check "nor does one that was rolled back to a savepoint" SP001 "$(try \
	"SAVEPOINT s; UPDATE ride.closed SET status = 'x' WHERE id = 1;
	 ROLLBACK TO s; INSERT INTO ride.closed VALUES (1, 'x', 'n1')")"
check "the right to move a row is no right to delete it" 42501 "$(try \
	"DELETE FROM ride.closed WHERE id = 1")"
exit $status
