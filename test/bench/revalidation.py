"""Times digests by the page cache beside digests of all rows.

Usage: revalidation.py ROWS ROUNDS; called by revalidation.sh.
"""
import os
import statistics
import subprocess
import sys
import time

ROWS, ROUNDS = int(sys.argv[1]), int(sys.argv[2])
CHANGED = max(ROWS // 1000, 1)
REPEATS = 50        # of what takes less than a millisecond

SETUP = f"""
SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
CREATE EXTENSION spine;
CREATE TABLE t (id bigint PRIMARY KEY, a int, b text, c varchar,
                n numeric(12,2), f float8, ts timestamptz, j jsonb);
INSERT INTO t SELECT i, i % 1000, 'customer number ' || i,
       CASE WHEN i % 3 = 0 THEN NULL ELSE 'note ' || i % 100 END,
       i / 7.0, i * 1.5, '2020-01-01'::timestamptz + i * interval '1 min',
       CASE WHEN i % 2 = 0 THEN jsonb_build_object('a', i, 'b', 'x') END
  FROM generate_series(1, {ROWS}) i;
VACUUM (FREEZE, ANALYZE) t;
CREATE FUNCTION change_random() RETURNS void LANGUAGE sql AS
    'UPDATE t SET a = a + 1 WHERE id IN
     (SELECT 1 + (random() * {ROWS - 1})::bigint FROM generate_series(1, {CHANGED}))';
CREATE FUNCTION change_clustered() RETURNS void LANGUAGE sql AS
    'WITH f AS (SELECT (random() * {ROWS - CHANGED})::bigint AS at)
     UPDATE t SET a = a + 1 FROM f WHERE id > f.at AND id <= f.at + {CHANGED}';
"""

IMAGES = "ALTER SYSTEM SET full_page_writes = %s; SELECT pg_reload_conf(); SELECT pg_sleep(0.2);"
FULL = "SELECT digest FROM spine.digest('t')"
AGAIN = "SELECT digest FROM spine.digest_incremental('t')"

# what happens before, what is measured after it
WAYS = [
    ("nothing", None),
    ("0.1 % of the rows, clustered", "SELECT change_clustered();"),
    ("0.1 % of the rows, at random", "SELECT change_random();"),
    ("the same, and the log has images of the pages",
     "CHECKPOINT; SELECT change_random();"),
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
        sys.exit("revalidation.py: the session ended")

    def cpu(self):
        with open(f"/proc/{self.pid}/schedstat") as file:
            return int(file.read().split()[0])

    def memory(self, name):
        with open(f"/proc/{self.pid}/status") as file:
            for line in file:
                if line.startswith(name + ":"):
                    return int(line.split()[1]) // 1024
        return 0

    def time(self, sql, repeats=1):
        """Milliseconds of CPU and that passed, and what it returned."""
        before, start = self.cpu(), time.monotonic_ns()
        lines = self.run((sql + ";\n") * repeats)
        passed, cpu = time.monotonic_ns() - start, self.cpu() - before
        return cpu / 1e6 / repeats, passed / 1e6 / repeats, lines[-1]


def last_run(session):
    return session.run("SELECT method, pages_visited, rows_hashed, wal_bytes "
                       "FROM spine.last_incremental();")[0].split("|")


def main():
    session = Session()
    session.run(SETUP)
    session.run(IMAGES % "off")
    version = session.run("SELECT current_setting('server_version');")[0]
    size = session.run("SELECT pg_relation_size('t') / 1048576;")[0]
    build, _, _ = session.time(AGAIN)
    files = session.run("SELECT bytes / 1048576 FROM spine.page_cache();")[0]
    full, full_passed = [], []
    times = {name: [] for name, _ in WAYS}
    last = {}
    wrong = 0
    for number in range(ROUNDS + 1):
        for name, change in WAYS:
            if change:
                session.run(IMAGES % ("on" if "CHECKPOINT" in change else "off"))
                session.run(change)
            repeats = 1 if change else REPEATS
            cpu, passed, digest = session.time(AGAIN, repeats)
            last[name] = last_run(session)
            cpu_full, passed_full, digest_full = session.time(FULL)
            wrong += digest != digest_full
            if number > 0:      # the first one warms up
                times[name].append((cpu, passed, cpu_full))
                full.append(cpu_full)
                full_passed.append(passed_full)
    print(f"\nPostgreSQL {version}, fsync off, shared_buffers 3GB, jit off, "
          f"one process; {ROWS} rows of 8 columns, {size} MB; "
          f"{ROUNDS} rounds, {os.cpu_count()} cores, load "
          f"{os.getloadavg()[0]:.2f} at the end.")
    print(f"Files of the cache: {files} MB after {build:.0f} ms to build it; "
          f"memory of the backend without shared buffers: "
          f"{session.memory('RssAnon')} MB. "
          f"A digest in full: {statistics.median(full):.0f} ms (median), "
          f"{min(full):.0f} (best).")
    print(f"Digests that differed from the one in full: {wrong} of "
          f"{len(WAYS) * (ROUNDS + 1)}.\n")
    print("| changed since | way | pages looked at | rows hashed | log, kB | "
          "ms of CPU, median | best | ms passed, median | × cheaper than in "
          "full, median | least | most |")
    print("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for name, _ in WAYS:
        method, pages, rows, wal = last[name]
        mine = times[name]
        ratios = [f / c for c, _, f in mine]
        print(f"| {name} | {method} | {pages} | {rows} | "
              f"{int(wal) // 1024} | "
              f"{statistics.median(c for c, _, _ in mine):.3f} | "
              f"{min(c for c, _, _ in mine):.3f} | "
              f"{statistics.median(p for _, p, _ in mine):.3f} | "
              f"{statistics.median(ratios):.0f} | {min(ratios):.0f} | "
              f"{max(ratios):.0f} |")
    if wrong:
        sys.exit("revalidation.py: digests differed")


main()
