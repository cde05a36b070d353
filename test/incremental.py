"""Random histories of several sessions, and digests of what came out.

Usage: incremental.py SECONDS SEED.  Each step some session does something to a
table: writes, locks, commits, aborts, vacuums, changes its shape.  Then some
session asks, in one statement and so for one snapshot, for the digest by the
page cache and for that of all rows.  They must be equal.
"""
import collections
import random
import subprocess
import sys
import time

SECONDS, SEED = float(sys.argv[1]), int(sys.argv[2])
SESSIONS = 4
ROWS = 3000
dice = random.Random(SEED)

SETUP = f"""
CREATE TABLE t (id int PRIMARY KEY, a int, b text) WITH (fillfactor = 80);
CREATE TABLE p (id int, a int, b text) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (MINVALUE) TO ({ROWS // 2});
CREATE TABLE p2 (b text, x int, a int, id int);
ALTER TABLE p2 DROP COLUMN x;
ALTER TABLE p ATTACH PARTITION p2 DEFAULT;
CREATE TABLE other (x int);
INSERT INTO t SELECT i, i, 'row ' || i FROM generate_series(1, {ROWS}) i;
INSERT INTO p SELECT i, i, 'row ' || i FROM generate_series(1, {ROWS}) i;
"""


class Session:
    """One psql; an error leaves it as the server leaves the session."""

    def __init__(self, number):
        self.number = number
        self.psql = subprocess.Popen(
            ["psql", "-XAtq"], text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        self.run("SET lock_timeout = '100ms'; SET statement_timeout = '60s';"
                 "SET client_min_messages = error;")
        self.open = False       # in a transaction
        self.savepoints = 0

    def run(self, sql):
        self.psql.stdin.write(sql + "\n\\echo :SQLSTATE\n\\echo done\n")
        self.psql.stdin.flush()
        lines = []
        for line in self.psql.stdout:
            if line == "done\n":
                return lines
            lines.append(line.rstrip("\n"))
        sys.exit("not ok - incremental: a session ended")


def where():
    """Some rows: few at random, or some in a row."""
    if dice.random() < 0.5:
        ids = ",".join(str(dice.randint(1, ROWS)) for _ in range(8))
        return f"id IN ({ids})"
    first = dice.randint(1, ROWS)
    return f"id BETWEEN {first} AND {first + dice.choice([3, 30, 300])}"


def table():
    return dice.choice(["t", "t", "p"])


def write(session):
    name, first = table(), dice.randint(1, ROWS)
    many = dice.choice([1, 5, 200])
    return dice.choice([
        f"UPDATE {name} SET a = a + 1 WHERE {where()};",
        f"UPDATE {name} SET b = b || 'x' WHERE {where()};",
        f"UPDATE {name} SET b = repeat('long', 30) WHERE {where()};",
        f"UPDATE {name} SET id = {ROWS + 1} - id WHERE {where()} AND id < 100;",
        f"DELETE FROM {name} WHERE {where()};",
        f"INSERT INTO t SELECT i, 0, 'new' FROM generate_series({first}, "
        f"{first + many}) i ON CONFLICT DO NOTHING;",
        f"INSERT INTO t SELECT i, 0, 'new' FROM generate_series({first}, "
        f"{first + many}) i ON CONFLICT (id) DO UPDATE SET a = t.a - 1;",
        f"INSERT INTO p SELECT i, 0, 'new' FROM generate_series({first}, "
        f"{first + many}) i;",
        f"COPY p FROM PROGRAM 'seq {first} {first + many} | "
        f"sed \"s/.*/&\\t7\\tcopied/\"' ;",
    ])


def lock(session):
    how = dice.choice(["SHARE", "KEY SHARE", "UPDATE", "NO KEY UPDATE"])
    return f"SELECT count(*) FROM (SELECT FROM {table()} WHERE {where()} " \
           f"FOR {how} SKIP LOCKED) s;"


def transaction(session):
    if not session.open:
        session.open, session.savepoints = True, 0
        return dice.choice(["BEGIN;", "BEGIN;", "BEGIN;",
                            "BEGIN ISOLATION LEVEL REPEATABLE READ;",
                            "BEGIN ISOLATION LEVEL SERIALIZABLE;"])
    choice = dice.random()
    if choice < 0.3:
        session.savepoints += 1
        return f"SAVEPOINT s{session.savepoints};"
    if choice < 0.5 and session.savepoints:
        back = dice.randint(1, session.savepoints)
        return f"ROLLBACK TO s{back};"
    if choice < 0.6 and session.savepoints:
        session.savepoints -= 1
        return f"RELEASE s{session.savepoints + 1};"
    session.open = False
    if choice < 0.7:
        return f"PREPARE TRANSACTION 'g{session.number}{dice.random()}';"
    return dice.choice(["COMMIT;", "ROLLBACK;"])


def finish_prepared(session):
    word = dice.choice(["COMMIT", "ROLLBACK"])
    return f"SELECT '{word} PREPARED ''' || gid || '''' FROM " \
           "pg_prepared_xacts ORDER BY random() LIMIT 1\\gexec"


def tidy(session):
    name = dice.choice(["t", "p1", "p2"])
    return dice.choice([f"VACUUM {name};", f"VACUUM {name};",
                        f"VACUUM FREEZE {name};", "CHECKPOINT;",
                        "SELECT count(*) FROM (SELECT pg_switch_wal()) s;",
                        "INSERT INTO other SELECT generate_series(1, 9000);",
                        "DELETE FROM other; VACUUM other;",
                        "SET synchronous_commit = off;",
                        "RESET synchronous_commit;"])


def reshape(session):
    return dice.choice([
        "VACUUM FULL t;", "CLUSTER t USING t_pkey;", "TRUNCATE p;",
        "ALTER TABLE t ADD COLUMN IF NOT EXISTS c int DEFAULT 7;",
        "ALTER TABLE t DROP COLUMN IF EXISTS c;",
        "ALTER TABLE p DETACH PARTITION p2;",
        "ALTER TABLE p ATTACH PARTITION p2 DEFAULT;",
        "DELETE FROM t WHERE id > 1000; VACUUM t;",
        f"INSERT INTO t SELECT i, i, 'row ' || i FROM generate_series(1, {ROWS}) i "
        "ON CONFLICT DO NOTHING;",
        "SELECT count(*) FROM (SELECT spine.warm_digest('t', pages => 3)) s;",
        "SELECT count(*) FROM (SELECT spine.clean_page_cache()) s;"])


DEEDS = [write] * 12 + [lock] * 3 + [transaction] * 9 + \
    [finish_prepared] * 2 + [tidy] * 4 + [reshape] * 3


def check(session, name, methods):
    """True, False, or None if the session may not ask now."""
    buckets = dice.choice([1, 1, 1, 16, 100])
    lines = session.run(
        "SELECT bool_and(a.digest = b.digest AND a.rows = b.rows) FROM "
        f"spine.digest_incremental('{name}', buckets => {buckets}) a JOIN "
        f"spine.digest('{name}', buckets => {buckets}) b USING (bucket);"
        "SELECT method FROM spine.last_incremental();")
    if lines[0] not in ("t", "f"):
        return None
    methods[lines[1]] += 1
    return lines[0] == "t"


def main():
    sessions = [Session(n) for n in range(SESSIONS)]
    sessions[0].run(SETUP)
    methods = collections.Counter()
    history = collections.deque(maxlen=60)
    checks, steps, start = 0, 0, time.monotonic()
    while time.monotonic() - start < SECONDS:
        session = dice.choice(sessions)
        sql = dice.choice(DEEDS)(session)
        state = session.run(sql)[-1]
        history.append(f"{session.number}: {sql} -- {state}")
        steps += 1
        session, name = dice.choice(sessions), table()
        equal = check(session, name, methods)
        history.append(f"{session.number}: check {name}")
        checks += equal is not None
        if equal is False:
            print(f"not ok - incremental: digests differ (seed {SEED}, "
                  f"step {steps})")
            print("\n".join("# " + line for line in history))
            sys.exit(1)
    for session in sessions:
        session.run("ROLLBACK;")
    # What was prepared and not ended still holds its locks.
    for gid in sessions[0].run("SELECT gid FROM pg_prepared_xacts;"):
        if gid.startswith("g"):
            sessions[0].run(f"ROLLBACK PREPARED '{gid}';")
    sessions[0].run("SET lock_timeout = '30s';")
    wrong = [line for name in ("t", "p") for line in sessions[0].run(
        f"SELECT wrong FROM spine.scrub_digest('{name}');")[:1]]
    print("# " + ", ".join(f"{k} {v}" for k, v in sorted(methods.items())))
    print(f"{'ok' if checks > steps / 3 else 'not ok'} - incremental: "
          f"{checks} digests after {steps} steps are those of all rows "
          f"(seed {SEED})")
    print(f"{'ok' if wrong == ['0', '0'] else 'not ok'} - incremental: "
          f"every row is in the cache as it is in its page; {wrong}")
    missed = {"none", "wal", "sweep", "build", "full"} - set(methods)
    print(f"{'not ok' if missed else 'ok'} - incremental: each way was taken"
          + "".join(f", but {way}" for way in sorted(missed)))


main()
