"""Times writers beside checks of a copy, and how long checks hold xmin.

Usage: overhead.py ROWS PAIRS SECONDS; called by overhead.sh.
"""
import math
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROWS, PAIRS, SECONDS = (int(a) for a in sys.argv[1:4])

SETUP = f"""
SET client_min_messages = warning;
CREATE EXTENSION spine;
CREATE ROLE bank;
CREATE SCHEMA bank;
CREATE TABLE bank.account (id bigint PRIMARY KEY, branch int, balance int,
                           owner text, note text) WITH (fillfactor = 90);
INSERT INTO bank.account SELECT i, i % 1000, i % 7919, 'owner ' || i,
       repeat('x', 20) FROM generate_series(1, {ROWS}) i;
CREATE TABLE bank.copy (LIKE bank.account INCLUDING ALL) WITH (fillfactor = 90);
INSERT INTO bank.copy TABLE bank.account;
CREATE FUNCTION bank.follow() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN UPDATE bank.copy SET balance = NEW.balance WHERE id = NEW.id;
      RETURN NULL; END$$;
CREATE TRIGGER follow AFTER UPDATE ON bank.account FOR EACH ROW
    EXECUTE FUNCTION bank.follow();
VACUUM (FREEZE, ANALYZE) bank.account, bank.copy;
SELECT spine.apply('{{"kind": "DataSpine", "apiVersion": "spine/v1",
  "stores": {{"main": {{"kind": "postgres"}}}},
  "parties": {{"bank": {{"kind": "team", "role": "bank"}}}},
  "contexts": {{"bank": {{"owner": "bank", "datasets": {{"accounts": {{
    "relation": "bank.account", "sot": {{"store": "main"}},
    "enforcement": "off", "replicas": {{"copy": {{"store": "main",
      "locator": "bank.copy", "flow": "app",
      "validate": {{"mode": "digest", "every": "PT1S"}}}}}}}}}}}}}}}}');
CHECKPOINT;
"""
WRITE = f"""\\set id random(1, {ROWS})
\\set by random(-99, 99)
UPDATE bank.account SET balance = balance + :by WHERE id = :id;
"""


def sql(text):
    run = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1"], input=text,
                         capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(run.stderr)
    return run.stdout.strip()


def writers(seconds):
    """Transactions per second of pgbench."""
    out = subprocess.run(["pgbench", "-n", "-c", "2", "-T", str(seconds), "-f",
                          SCRIPT], capture_output=True, text=True)
    if out.returncode != 0:
        sys.exit(out.stderr)
    return float(re.search(r"tps = ([\d.]+)", out.stdout).group(1))


def workers(on):
    sql(f"ALTER SYSTEM SET spine.workers = {'on' if on else 'off'};"
        "SELECT pg_reload_conf()")
    if not on:
        while sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type"
                  " ~ 'spine.*steward'") != "0":
            time.sleep(0.1)


def checks():
    return int(sql("SELECT count(*) FROM spine.check_log"
                   " WHERE verdict = 'equal' AND complete"))


class Sampler(threading.Thread):
    """How long one transaction of some backends held an xmin, and how far
    behind that was."""

    def __init__(self, who):
        super().__init__(daemon=True)
        self.who, self.seconds, self.age, self.going = who, 0.0, 0, True

    def run(self):
        psql = subprocess.Popen(["psql", "-XAtq"], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True, bufsize=1)
        while self.going:
            psql.stdin.write(
                "SELECT coalesce(max(extract(epoch FROM clock_timestamp() -"
                " xact_start)), 0), coalesce(max(age(backend_xmin)), 0)"
                " FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND "
                + self.who + ";\n")
            seconds, age = psql.stdout.readline().strip().split("|")
            self.seconds = max(self.seconds, float(seconds))
            self.age = max(self.age, int(age))
            time.sleep(0.005)
        psql.stdin.close()


def held(who, work):
    """Run work beside writers; returns seconds it took, longest hold, age."""
    stop = threading.Event()

    def write():
        while not stop.is_set():
            writers(2)

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(1)
    sampler = Sampler(who)
    sampler.start()
    start = time.time()
    work()
    took = time.time() - start
    sampler.going = False
    sampler.join()
    stop.set()
    writer.join()
    return took, sampler.seconds, sampler.age


def by_job():
    before = checks()
    workers(True)
    while checks() == before:
        time.sleep(0.05)


def forget_caches():
    workers(False)
    sql("ALTER TABLE bank.account SET (fillfactor = 90);"
        "VACUUM FULL bank.account; VACUUM FULL bank.copy;"
        "VACUUM (FREEZE, ANALYZE) bank.account, bank.copy; CHECKPOINT")


def interval(ratios):
    """Geometric mean, and its 95 % interval by Student's t."""
    logs = [math.log(r) for r in ratios]
    mean, n = statistics.mean(logs), len(logs)
    t = {9: 2.262, 10: 2.228, 11: 2.201, 14: 2.145, 19: 2.093}.get(n - 1, 2.2)
    half = t * statistics.stdev(logs) / math.sqrt(n) if n > 1 else 0
    return math.exp(mean), math.exp(mean - half), math.exp(mean + half)


with tempfile.NamedTemporaryFile("w", suffix=".sql", delete=False) as f:
    f.write(WRITE)
    SCRIPT = f.name
sql(SETUP)
version = sql("SHOW server_version")
pages = sql("SELECT sum(pg_relation_size(r))::bigint / 8192 FROM"
            " unnest('{bank.account,bank.copy}'::regclass[]) r")
print(f"PostgreSQL {version}, fsync off, shared_buffers 4GB; {ROWS} rows of 5"
      f" columns and a copy, {pages} pages; {os.cpu_count()} cores, load"
      f" {os.getloadavg()[0]:.1f} at the start.\n")

# ---- how long xmin is held ----

print("| check | seconds | xmin held, longest, s | age(backend_xmin), most |")
print("|---|--:|--:|--:|")
steward = "backend_type = 'spine long steward'"
for name, who, work in (
        ("by the job, in slices: the first, of all rows", steward, by_job),
        ("by the job: a later one, of what changed", steward, by_job)):
    took, hold, age = held(who, work)
    workers(False)
    print(f"| {name} | {took:.1f} | {hold:.2f} | {age} |", flush=True)
forget_caches()
took, hold, age = held(
    "query ~ 'check_replica' AND pid <> pg_backend_pid()",
    lambda: sql("SELECT spine.check_replica('bank.accounts.copy')"))
print(f"| by hand, at once: of all rows | {took:.1f} | {hold:.2f} | {age} |\n",
      flush=True)

# ---- what writers lose ----

by_job()
workers(False)
writers(5)
ratios, made, spent = [], 0, 0.0
for pair in range(PAIRS):
    tps = {}
    for on in random.sample([True, False], 2):
        workers(on)
        time.sleep(1)
        before = checks()
        tps[on] = writers(SECONDS)
        if on:
            made += checks() - before
            spent += SECONDS
    ratios.append(tps[True] / tps[False])
mean, low, high = interval(ratios)
print(f"{PAIRS} pairs of {SECONDS} s, 2 clients: transactions per second with"
      f" checks / without: {mean:.3f} (95 %: {low:.3f} to {high:.3f});"
      f" {made} checks in {spent:.0f} s, each a proof of {ROWS} rows.")
print(f"{'met' if mean >= 0.98 else 'not met'}: >= 0.98: {mean:.3f}; load"
      f" {os.getloadavg()[0]:.1f} at the end.")
os.unlink(SCRIPT)
