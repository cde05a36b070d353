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
CREATE FUNCTION floor_raw(regclass) RETURNS bigint STRICT LANGUAGE c
    AS '{os.environ["FLOOR"]}';
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
SHA = "SHA-256 of blocks of 10,000 rows by id"
CONCAT = f"concat_ws('|', {COLUMNS})"

# name, statement, does it run in parallel?, at most so many rounds
WAYS = [
    ("count(*)", "SELECT count(*) FROM t", False, 99),
    ("tuples as they stand", "SELECT floor_raw('t')", False, 99),
    ("spine.digest", "SELECT digest FROM spine.digest('t')", False, 99),
    ("spine.digest, 4096 buckets",
     "SELECT count(*) FROM spine.digest('t', buckets => 4096)", False, 99),
    ("spine.digest_agg", f"SELECT spine.digest_agg({COLUMNS}) FROM t", False, 99),
    ("sum(hash_record_extended)",
     "SELECT sum(hash_record_extended(t, 0)) FROM t", False, 3),
    ("sum(cksum8(…)), pg_comparator", f"SELECT sum(cksum8({CONCAT})) FROM t",
     False, 3),
    ("sum(hashtextextended(t::text))",
     "SELECT sum(hashtextextended(t::text, 0)) FROM t", False, 3),
    ("bit_xor(md5(concat_ws(…)))",
     f"SELECT bit_xor(('x' || md5({CONCAT}))::bit(128)) FROM t", False, 3),
    ("bit_xor(md5(t::text))",
     "SELECT bit_xor(('x' || md5(t::text))::bit(128)) FROM t", False, 3),
    ("md5 of all rows by id",
     "SELECT md5(string_agg(t::text, '|' ORDER BY id)) FROM t", False, 3),
    (SHA,
     "SELECT count(h) FROM (SELECT sha256(convert_to(string_agg(t::text, '|' "
     "ORDER BY id), 'UTF8')) AS h FROM t GROUP BY (id - 1) / 10000 OFFSET 0) s",
     False, 3),
    ("count(*), 2 processes", "SELECT count(*) FROM t", True, 99),
    ("spine.digest, 2 processes", "SELECT digest FROM spine.digest('t')", True, 99),
    ("spine.digest_agg, 2 processes",
     f"SELECT spine.digest_agg({COLUMNS}) FROM t", True, 99),
    # not in the table, but what its time is to be halved of
    ("spine.digest, time that passed", "SELECT digest FROM spine.digest('t')",
     None, 99),
]

# what is aimed at: a way, at most or at least so many times another
AIMS = [
    ("spine.digest", "<=", 1, "count(*)"),
    ("spine.digest, 2 processes", "<=", 1, "count(*), 2 processes"),
    (SHA, ">=", 25, "spine.digest"),
    ("bit_xor(md5(concat_ws(…)))", ">=", 25, "spine.digest"),
    ("bit_xor(md5(t::text))", ">=", 25, "spine.digest"),
    ("md5 of all rows by id", ">=", 25, "spine.digest"),
    ("sum(cksum8(…)), pg_comparator", ">=", 10, "spine.digest"),
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
        """On a CPU; of parallel ways, and where it is None, what passed."""
        self.run("SET max_parallel_workers_per_gather = %d;" % bool(parallel))
        before, start = self.cpu(), time.monotonic_ns()
        self.run(sql + ";")
        if parallel is not False:
            return time.monotonic_ns() - start
        return self.cpu() - before


def processor():
    with open("/proc/cpuinfo") as file:
        return next((line.split(":")[1].strip() for line in file
                     if line.startswith("model name")), "unknown processor")


def measure(session, ways):
    times = {name: [] for name, _, _, _ in ways}
    for number in range(ROUNDS + 1):
        for name, sql, parallel, most in random.sample(ways, len(ways)):
            if len(times[name]) < most:
                took = session.time(sql, parallel)
                if number > 0 or most < ROUNDS:     # the first one warms up
                    times[name].append(took)
    return times


def report(times, ways):
    print("| way | ns/row, best | median | × count(*), best | median | "
          "× spine.digest, best | median |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name, _, parallel, _ in ways:
        if parallel is None:
            continue
        mine = times[name]
        base = times["count(*), 2 processes" if parallel else "count(*)"]
        ours = times["spine.digest, 2 processes" if parallel
                     else "spine.digest"]
        print(f"| {name} | {min(mine) / ROWS:.1f} | "
              f"{statistics.median(mine) / ROWS:.1f}", end="")
        for other in base, ours:
            print(f" | {min(mine) / min(other):.2f} | "
                  f"{statistics.median(mine) / statistics.median(other):.2f}",
                  end="")
        print(" |")


def judge(times):
    two = times["spine.digest, 2 processes"]
    one = times["spine.digest, time that passed"]
    print(f"\nTwo processes take {min(two) / min(one):.2f} times as long as "
          "one (0.5 is the bound).\n")
    for name, sense, aim, other in AIMS:
        if name not in times:
            continue
        ratio = min(times[name]) / min(times[other])
        met = ratio <= aim if sense == "<=" else ratio >= aim
        print(f"{'met' if met else 'missed'}: {name} {sense} {aim} × {other}: "
              f"{ratio:.2f}")


def main():
    session = Session()
    session.run(SETUP)
    ways = WAYS
    if not session.run("SELECT 1 FROM pg_available_extensions "
                       "WHERE name = 'pgcmp';"):
        print("pg_comparator is not installed (postgresql-comparator): left out")
        ways = [way for way in WAYS if "pg_comparator" not in way[0]]
    else:
        session.run("CREATE EXTENSION pgcmp;")
    version = session.run("SELECT current_setting('server_version');")[0]
    pages = session.run("SELECT pg_relation_size('t') / 8192;")[0]
    times = measure(session, ways)
    print(f"\nPostgreSQL {version}, fsync off, shared_buffers 1GB, jit off; "
          f"{ROWS} rows of 8 columns, {pages} pages; {ROUNDS} rounds, "
          f"{os.cpu_count()} cores of {processor()}, load "
          f"{os.getloadavg()[0]:.2f} at the end.\n")
    report(times, ways)
    judge(times)


main()
