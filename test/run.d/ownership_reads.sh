#!/bin/bash
# server: -p spine -c 'wal_level=replica' -c 'max_wal_senders=4' -c 'max_parallel_workers=4'
#
# ownership_reads.sh: what needs the server's log, a dump or a standby: reads
# without a row, of dropped transactions, in parallel workers, of pg_dump; the
# read_view after dump and restore.
set -euo pipefail

sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }
export PGOPTIONS='-c client_min_messages=error'
log=$SPINE_TMP/server.log

# is WHAT GOT WANTED
is()
{
	if [ "$2" = "$3" ]; then
		echo "ok - $1"
	else
		echo "not ok - $1"
		printf '# got: %s\n# wanted: %s\n' "$2" "$3"
	fi
}

sql >/dev/null <<'SQL'
CREATE EXTENSION spine;
CREATE ROLE regress_reads_own LOGIN;
CREATE ROLE regress_reads_some LOGIN;
CREATE SCHEMA rl;
CREATE TYPE rl.phase AS ENUM ('draft', 'it''s open');
CREATE TABLE rl.t (id int PRIMARY KEY, st rl.phase NOT NULL, code char(3), amount numeric(10,2), "no te" varchar(9), at interval day to second, bits bit(4));
CREATE TABLE rl.plain (id int PRIMARY KEY, name name);
INSERT INTO rl.t SELECT n, CASE WHEN n % 2 = 0 THEN 'draft' ELSE 'it''s open' END::rl.phase, 'abc', n, 'secret' || n % 10 FROM generate_series(1, 20000) n;
SELECT spine.apply($doc$ {"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}},
  "parties": {"own": {"kind": "team", "role": "regress_reads_own"}, "some": {"kind": "team", "role": "regress_reads_some"}},
  "contexts": {"rl": {"owner": "own", "datasets": {
    "t": {"relation": "rl.t", "sot": {"store": "main"}, "audit_reads": 1, "read_view": "rl.v", "manage_grants": true,
      "consumers": {"some": {"attributes": ["id", "code"]}},
      "lifecycle": {"governing": "st", "states": {
        "draft": {"initial": true, "owner": "own", "read": []}, "it's open": {"terminal": true, "owner": "own", "read": ["some"]}},
        "transitions": {"draft -> it's open": {"by": ["own"]}}}},
    "plain": {"relation": "rl.plain", "sot": {"store": "main"}, "read_view": "rl.w",
      "consumers": {"some": {"attributes": ["id"]}}}}}}} $doc$);
SQL

logged() { sql -c "SELECT substring(detail FROM 'alone: (\d+) since') FROM spine.health() WHERE check_name = 'audit_reads'"; }
rows() { sql -c 'SELECT count(*) FROM spine.read_log'; }
# The log's lines about reads from line $1 on, without their prefix.
lines() { tail -n +"$1" "$log" | sed -n 's/^.*\(LOG:  role "[^"]*" read relation\)/\1/p; /read relation/,/DETAIL/ s/^.*\(DETAIL:  Command\)/\1/p'; }
mark() { echo $(($(wc -l <"$log") + 1)); }

is 'preloaded: nothing is amiss' \
	"$(sql -c "SELECT check_name, ok FROM spine.health() WHERE check_name IN ('audit_reads', 'read_views', 'grants') ORDER BY 1")" \
	"audit_reads|t
grants|t
read_views|t"
is 'no read is in the log alone yet' "$(logged)" 0

# ---- a transaction that is rolled back ----
from=$(mark)
sql -c "BEGIN; SELECT count(*) FROM rl.t WHERE code = 'val'; SELECT count(*) FROM rl.t WHERE code = 'ue'; ROLLBACK" >/dev/null
is 'a read that is rolled back stands in the log, without its values' "$(lines "$from")" \
	'LOG:  role "postgres" read relation rl.t of dataset "rl.t"
DETAIL:  Command: SELECT. Columns: code. Session user: "postgres". Statements: 2. Not in spine.read_log: the transaction was rolled back.'
is 'and nowhere else' "$(rows) $(logged)" '0 2'
is 'the statement is not logged with it' "$(tail -n +"$from" "$log" | grep -c "'val'" || true)" 0

# ---- a prepared transaction ----
from=$(mark)
sql -c "BEGIN; SELECT count(id) FROM rl.t; PREPARE TRANSACTION 'reads'" >/dev/null
sql -c "ROLLBACK PREPARED 'reads'"
is 'a prepared read stands in the log' "$(lines "$from" | grep -c 'was prepared')" 1

# ---- a backend that is told to go ----
from=$(mark)
psql -XAtq >/dev/null 2>&1 <<'SQL' || true
BEGIN;
SELECT count(id) FROM rl.t;
SELECT pg_terminate_backend(pg_backend_pid());
SQL
for i in $(seq 100); do [ "$(lines "$from" | grep -c 'rolled back')" = 1 ] && break; read -rt 0.1 <> <(:) || true; done
is 'a terminated reader leaves its line' "$(lines "$from" | grep -c 'rolled back')" 1

# ---- parallel workers ----
sql >/dev/null <<'SQL'
CREATE FUNCTION rl.inner_read(int) RETURNS bigint LANGUAGE plpgsql PARALLEL SAFE COST 1000 AS $$ BEGIN RETURN (SELECT count(*) FROM rl.plain WHERE id = $1) + (SELECT count(amount) FROM rl.t WHERE id = $1); END $$;
CREATE TABLE rl.many AS SELECT n FROM generate_series(1, 2000) n;
ANALYZE rl.many;
SQL
from=$(mark)
before=$(rows)
sql >/dev/null <<'SQL'
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
SELECT sum(rl.inner_read(n)) FROM rl.many WHERE n <= 5;
SQL
is 'reads of functions in parallel workers stand in the log' \
	"$(lines "$from" | grep -c 'the query is parallel')" 5
is 'and the leader has none of them' "$(rows)" "$before"
sql >/dev/null <<'SQL'
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT sum(amount) FROM rl.t;
SQL
is 'a parallel read is one row' "$(rows)" $((before + 1))
is 'and its workers say nothing' \
	"$(lines "$from" | grep -c 'the query is parallel')" 5

# ---- pg_dump reads, in a transaction that may not write ----
from=$(mark)
pg_dump -f "$SPINE_TMP/reads.sql"
is 'pg_dump stands in the log' "$(lines "$from" | grep -A1 'relation rl.t ')" \
	'LOG:  role "postgres" read relation rl.t of dataset "rl.t"
DETAIL:  Command: COPY. Columns: id, st, code, amount, "no te", at, bits. Session user: "postgres". Statements: 1. Not in spine.read_log: the transaction is read-only.'

# ---- the view after a restore ----
seen="SELECT count(*), count(code), count(amount), min(id) FROM rl.v"
wanted=$(sql -c 'SET ROLE regress_reads_some' -c "$seen")
is 'a reader sees its states and columns' "$wanted" '10000|10000|0|1'
# A steward would put the logs' triggers on tables that are to get their own.
sql -c 'ALTER SYSTEM SET spine.workers = off' -c 'SELECT pg_reload_conf()' >/dev/null
createdb reads_restored
psql -XAtq -v ON_ERROR_STOP=1 -d reads_restored -f "$SPINE_TMP/reads.sql" >/dev/null
is 'a restored view is as it should be' \
	"$(sql -d reads_restored -c "SELECT kind, sql FROM spine.plan(spine.export()) WHERE kind IN ('view', 'grant')")" ''
is 'and shows the same' "$(sql -d reads_restored -c 'SET ROLE regress_reads_some' -c "$seen")" "$wanted"
is 'the log of reads came with it' \
	"$(sql -d reads_restored -c 'SELECT count(*) > 0 FROM spine.read_log')" t
psql -XAtq -d reads_restored -c 'DROP EXTENSION spine' >/dev/null 2>&1 &&
	echo 'not ok - the extension goes while views ask it' ||
	echo 'ok - the extension stays while views ask it'
is 'detached, nothing is left' "$(sql -d reads_restored -c 'SELECT spine.detach_all() > 0' -c 'DROP EXTENSION spine' -c "SELECT to_regclass('rl.v'), to_regclass('rl.w')")" 't
|'
dropdb reads_restored

# ---- a standby ----
pg_basebackup -D "$SPINE_TMP/standby" -R -c fast
cat >>"$SPINE_TMP/standby/postgresql.conf" <<CONF
port = 5433
CONF
pg_ctl -D "$SPINE_TMP/standby" -l "$SPINE_TMP/standby.log" -w start >/dev/null
standby() { sql -p 5433 "$@"; }
is 'a standby shows the same' "$(standby -c 'SET ROLE regress_reads_some' -c "$seen")" "$wanted"
is 'and its reads stand in its own log' "$(grep -c 'relation rl.t of dataset' "$SPINE_TMP/standby.log")" 1
is 'with the reason' "$(grep -c 'the server is a standby' "$SPINE_TMP/standby.log")" 1
pg_ctl -D "$SPINE_TMP/standby" -m fast -w stop >/dev/null

sql -c 'SELECT spine.detach_all()' -c 'DROP SCHEMA rl CASCADE' -c 'DROP EXTENSION spine' >/dev/null
