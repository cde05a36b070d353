#!/bin/bash
# server: -p spine -c 'spine.steward_interval=1'
# ownership_escalate.sh: a refused write of a dataset with non_owner "escalate"
# is told to the state's owner, though the writer's transaction is gone.
set -euo pipefail

psql() { command psql -XAtq "$@"; }
status=0

# WHAT EXPECTED GOT
is() {
	if [ "$2" = "$3" ]; then
		echo "ok - escalate: $1"
	else
		echo "not ok - escalate: $1"
		printf '# expected: %s\n# got: %s\n' "$2" "$3"
		status=1
	fi
}

# Ask until the answer is as expected, or half a minute is over; print it.
await() { # EXPECTED QUERY
	local answer deadline=$((SECONDS + 30))

	while answer=$(psql -c "$2") && [ "$answer" != "$1" ]; do
		[ $SECONDS -lt $deadline ] || break
		read -rt 0.1 <> <(:) || true
	done
	echo "$answer"
}

psql -v ON_ERROR_STOP=1 <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION spine;
CREATE ROLE esc_owner;
CREATE ROLE esc_keeper;
CREATE ROLE esc_stranger LOGIN;
CREATE TABLE ticket (id int PRIMARY KEY, state text NOT NULL DEFAULT 'draft', title text);
GRANT ALL ON ticket TO PUBLIC;
INSERT INTO ticket SELECT i, CASE WHEN i < 5 THEN 'open' ELSE 'draft' END FROM generate_series(1, 9) i;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}},
 "parties": {"owner": {"kind": "team", "role": "esc_owner"}, "keeper": {"kind": "team", "role": "esc_keeper"}},
 "contexts": {"desk": {"owner": "owner", "datasets": {"tickets": {"relation": "public.ticket", "sot": {"store": "main"},
  "lifecycle": {"governing": "state", "contention": {"non_owner": "escalate"},
   "states": {"draft": {"initial": true, "owner": "owner", "write": {"*": ["owner"]}},
              "open": {"owner": "keeper", "write": {"title": ["keeper"]}, "terminal": true}},
   "transitions": {"draft -> open": {"by": ["owner"], "guard": "NEW.title IS NOT NULL"}}}}}}}}') > 0 AS applied;
SQL

# Two attempts by one rule, one by another, one that is no stranger's.
psql -U esc_stranger -c "UPDATE ticket SET title = 'a' WHERE id = 1" \
	-c "UPDATE ticket SET title = 'b' WHERE id = 2" \
	-c "DELETE FROM ticket WHERE id = 9" 2>"$SPINE_TMP/refused" || true
psql -c "SET ROLE esc_owner" -c "UPDATE ticket SET state = 'open' WHERE id = 9" 2>>"$SPINE_TMP/refused" || true
is "the writes are refused" 4 "$(grep -c '^ERROR' "$SPINE_TMP/refused")"

alerts="SELECT string_agg(concat_ws(' ', kind, dataset, rule, state, assigned_to, detail), E'\n' ORDER BY rule)
	FROM spine.alert WHERE resolved_at IS NULL"
expected='escalated_write desk.tickets states/draft/delete by esc_stranger draft {owner} {"actor": "esc_stranger", "action": "delete"}
escalated_write desk.tickets states/open/write by esc_stranger open {keeper} {"actor": "esc_stranger", "action": "update"}'
is "one alert for each actor and rule, to the state's owner" "$expected" \
	"$(await "$expected" "$alerts")"
is "all four attempts are in the log, three of them escalated" '4 3' \
	"$(await '4 3' "SELECT concat_ws(' ', count(*), count(*) FILTER (WHERE detail @> '{\"escalate\": true}')) FROM spine.denied WHERE mode = 'enforce'")"

# Acknowledged, it is settled; the next attempt is told anew.
psql -c "SELECT spine.acknowledge_alert(id) FROM spine.alert WHERE rule ~ 'write'" >/dev/null
psql -c "CALL spine.run_jobs('escalations')"
is "an acknowledged alert is settled" 1 \
	"$(await 1 "SELECT count(*) FROM spine.alert WHERE resolved_at IS NULL")"
psql -U esc_stranger -c "UPDATE ticket SET title = 'c' WHERE id = 3" 2>/dev/null || true
is "the next attempt raises another" 3 "$(await 3 "SELECT count(*) FROM spine.alert")"
exit $status
