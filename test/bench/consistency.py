"""Times ways to digest a table beside one another.

Usage: consistency.py ROWS ROUNDS; called by consistency.sh.
"""
import os
import random
import statistics
import subprocess
import sys
import time

ROWS, ROUNDS = int(sys.argv[1]), int(sys.argv[2])
COLUMNS = "id, a, b, c, n, f, ts, j"

SETUP = f"""
SET client_min_messages = warning;
CREATE EXTENSION spine;
CREATE TABLE t (id bigint PRIMARY KEY, a int, b text, c varchar,
                n numeric(12,2), f float8, ts timestamptz, j jsonb);
INSERT INTO t SELECT i, i % 1000, 'customer number ' || i,
       CASE WHEN i % 3 = 0 THEN NULL ELSE 'note ' || i % 100 END,
       i / 7.0, i * 1.5, '2020-01-01'::timestamptz + i * interval '1 min',
       CASE WHEN i % 2 = 0 THEN jsonb_build_object('a', i, 'b', 'x') END
  FROM generate_series(1, {ROWS}) i;
VACUUM (FREEZE, ANALYZE) t;
SET enable_indexonlyscan = off;
SET enable_bitmapscan = off;
"""

# name, statement, does it run in parallel?, at most so many rounds
WAYS = [
    ("count(*)", "SELECT count(*) FROM t", False, 99),
    ("spine.digest", "SELECT digest FROM spine.digest('t')", False, 99),
    ("spine.digest, 4096 buckets",
     "SELECT count(*) FROM spine.digest('t', buckets => 4096)", False, 99),
    ("spine.digest_agg", f"SELECT spine.digest_agg({COLUMNS}) FROM t", False, 99),
    ("sum(hash_record_extended)",
     "SELECT sum(hash_record_extended(t, 0)) FROM t", False, 3),
    ("bit_xor(md5(t::text))",
     "SELECT bit_xor(('x' || md5(t::text))::bit(128)) FROM t", False, 3),
    ("sum(hashtextextended(t::text))",
     "SELECT sum(hashtextextended(t::text, 0)) FROM t", False, 3),
    ("md5 of all rows by id",
     "SELECT md5(string_agg(t::text, '|' ORDER BY id)) FROM t", False, 3),
    ("SHA-256 of blocks of 10,000 rows by id",
     "SELECT count(h) FROM (SELECT sha256(convert_to(string_agg(t::text, '|' "
     "ORDER BY id), 'UTF8')) AS h FROM t GROUP BY (id - 1) / 10000 OFFSET 0) s",
     False, 3),
    ("count(*), 2 processes", "SELECT count(*) FROM t", True, 99),
    ("spine.digest, 2 processes", "SELECT digest FROM spine.digest('t')", True, 99),
    ("spine.digest_agg, 2 processes",
     f"SELECT spine.digest_agg({COLUMNS}) FROM t", True, 99),
]


class Session:
    """One psql, and the time that its backend spent on a CPU."""

    def __init__(self):
        self.psql = subprocess.Popen(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = int(self.run("SELECT pg_backend_pid();")[0])

    def run(self, sql):
        self.psql.stdin.write(sql + "\n\\echo done\n")
        self.psql.stdin.flush()
        lines = []
        for line in self.psql.stdout:
            if line == "done\n":
                return lines
            lines.append(line.strip())
        sys.exit("consistency.py: the session ended")

    def cpu(self):
        with open(f"/proc/{self.pid}/schedstat") as file:
            return int(file.read().split()[0])

    def time(self, sql, parallel):
        self.run("SET max_parallel_workers_per_gather = %d;" % parallel)
        before, start = self.cpu(), time.monotonic_ns()
        self.run(sql + ";")
        if parallel:
            return time.monotonic_ns() - start
        return self.cpu() - before


def main():
    session = Session()
    session.run(SETUP)
    version = session.run("SELECT current_setting('server_version');")[0]
    pages = session.run("SELECT pg_relation_size('t') / 8192;")[0]
    times = {name: [] for name, _, _, _ in WAYS}
    for number in range(ROUNDS + 1):
        for name, sql, parallel, most in random.sample(WAYS, len(WAYS)):
            if len(times[name]) < most:
                took = session.time(sql, int(parallel))
                if number > 0 or most < ROUNDS:     # the first one warms up
                    times[name].append(took)
    print(f"\nPostgreSQL {version}, fsync off, shared_buffers 1GB, jit off; "
          f"{ROWS} rows of 8 columns, {pages} pages; {ROUNDS} rounds, "
          f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.2f} at the end.\n")
    print("| way | ns/row, best | median | × count(*), best | "
          "× spine.digest, best |")
    print("|---|--:|--:|--:|--:|")
    for name, _, parallel, _ in WAYS:
        mine = times[name]
        base = times["count(*), 2 processes" if parallel else "count(*)"]
        ours = times["spine.digest, 2 processes" if parallel
                     else "spine.digest"]
        print(f"| {name} | {min(mine) / ROWS:.0f} | "
              f"{statistics.median(mine) / ROWS:.0f} | "
              f"{min(mine) / min(base):.2f} | {min(mine) / min(ours):.2f} |")


main()
