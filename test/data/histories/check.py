#!/usr/bin/python3
"""check.py --seed N --histories N [--workers N]: walk random histories.

Each world (world.py) gets tables, rows and a document; then its histories
(histories.py) are run, and compared: each statement's outcome, the rows in
the end, and all audit and outbox rows, transaction by transaction.  Prints
what differs, with what it takes to see it again, and a line of counts.
"""

import argparse
import collections
import json
import multiprocessing
import random
import sys

import world as worlds
import histories
from histories import History, canon
from model import LONG, Num
from wire import Connection

SIZE = 625          # histories of one world
PIPELINE = 12       # histories of one session that are sent at once

LOG = """
SELECT xid::text, n, 'audit', dataset, action, key::text, actor, from_state,
       to_state, old::text, new::text, rule, party, via, session_actor
  FROM spine.audit_log WHERE dataset LIKE 'w%(world)d.%%'
UNION ALL
SELECT xid::text, n, 'outbox', kind, topic, dataset, key::text,
       payload::text, actor, NULL, NULL, NULL, NULL, 'direct', 'postgres'
  FROM spine.outbox WHERE dataset LIKE 'w%(world)d.%%'
ORDER BY 1, 2"""


# ---- what the server says, in the words of the model ----

def parsed(text, cache={}):
    """Canonical text of a jsonb; keys come again and again."""
    if text is None:
        return None
    if len(text) > 24:
        return canon(softened(json.loads(text, parse_int=Num,
                                         parse_float=Num)))
    if text not in cache:
        if len(cache) > 100000:
            cache.clear()
        cache[text] = canon(softened(json.loads(text, parse_int=Num,
                                                parse_float=Num)))
    return cache[text]


def softened(value):
    """Times of this run are all the same."""
    if isinstance(value, dict):
        if isinstance(value.get("since"), str):
            value["since"] = "early" if value["since"].startswith(
                "2026-01-01T00:00:00") else "now"
        if isinstance(value.get("values"), dict):
            softened(value["values"])
    return value


def event(row):
    """A row of a log as the model writes it, and its party."""
    if row[2] == "audit":
        return (("audit", row[3], row[4], parsed(row[5]), row[6], row[7],
                 row[8], parsed(row[9]), parsed(row[10]), row[11]), row[12])
    return (("outbox", row[3], row[4], row[5], parsed(row[6]),
             parsed(row[7]), row[8]), None)


def history_of(one):
    key = one[3] if one[0] == "audit" else one[4]
    number = int(key.split(":")[1][:-1])
    return number // (100 if '"item"' in key else 10)


def read_log(connection, number):
    """Events by history and transaction, in their order."""
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    odd = []
    last = None
    for row in connection.fetch(LOG % {"world": number}):
        one = event(row)
        found[history_of(one[0])][row[0]].append(one)
        if row[13] != "direct" or row[14] != "postgres" or \
                last == (row[0], row[1]):
            odd.append("odd row of a log: %s" % (row,))
        last = (row[0], row[1])
    return found, odd


# ---- comparing ----

def same_events(group, actual):
    """Does a transaction's log say what the model says?  Rows of a statement
    that writes many may come in any order."""
    if sum(map(len, group)) != len(actual):
        return False
    at = 0
    for chunk in group:
        part = actual[at:at + len(chunk)]
        at += len(chunk)
        rows = [(e[:10], e[10]) if e[0] == "audit" else (e, None)
                for e in chunk]
        if len({e[3:5] if e[0] == "outbox" else (e[1], e[3])
                for e in chunk}) > 1:
            order = lambda e: repr(e[0])
            part, rows = sorted(part, key=order), sorted(rows, key=order)
        for (one, party), (expected, parties) in zip(part, rows):
            if one != expected or parties is not None and \
                    party not in parties:
                return False
    return True


def compare_logs(history, actual):
    """(what is missing, what is too much) among committed transactions."""
    left = list(actual.values())
    missing = []
    for group in history.groups:
        for i, events in enumerate(left):
            if same_events(group, events):
                del left[i]
                break
        else:
            missing.append(group)
    return missing, left


def stored_rows(connection, world):
    """Rows of all tables: history -> {(asset, key): image}."""
    found = collections.defaultdict(dict)
    for ds in world:
        tables = [(ds.asset, ds.relation, "id", 10)] + [
            (c.asset, c.relation, "item", 100) for c in ds.children.values()]
        for asset, relation, key, size in tables:
            for number, text in connection.fetch(
                    "SELECT %s, to_jsonb(t)::text FROM %s t" % (
                        key, relation)):
                found[int(number) // size][(asset, number)] = parsed(text)
    return found


def expected_rows(history):
    rows = {}
    for (asset, key), row in history.committed.items():
        ds = history.assets.get(asset)
        columns = ds.columns if ds else worlds_child(history, asset).columns
        rows[(asset, key)] = histories.image(columns, row)
    return rows


def worlds_child(history, asset):
    return next(c for ds in history.sets for c in ds.children.values()
                if c.asset == asset)


# ---- running ----

def setup(connection, rng, number, world, walks):
    for ds in world:
        connection.must(worlds.table_sql(ds))
        mine = [row for h in walks for (asset, _), row in h.first.items()
                if asset == ds.asset]
        connection.must(worlds.rows_sql(ds.relation, ds.columns, mine))
        for child in ds.children.values():
            mine = [row for h in walks for (asset, _), row in h.first.items()
                    if asset == child.asset]
            connection.must(worlds.rows_sql(child.relation, child.columns,
                                            mine))
    connection.must([worlds.apply_sql(rng, number, world)])


def run(connections, walks):
    """Outcomes of each history's statements."""
    outcomes = {}
    batch = []

    def flush():
        connection = connections[0]
        connection.send([s for h in batch for _, s, _ in h.script])
        for h in batch:
            outcomes[h.number] = connection.results(len(h.script))
        batch.clear()

    for history in walks:
        if not history.two:
            batch.append(history)
            if len(batch) == PIPELINE:
                flush()
            continue
        found = []
        at = 0
        while at < len(history.script):
            session = history.script[at][0]
            end = at
            while end < len(history.script) and \
                    history.script[end][0] == session:
                end += 1
            found += connections[session].run(
                [s for _, s, _ in history.script[at:end]])
            at = end
        outcomes[history.number] = found
    flush()
    return outcomes


def told(history, outcomes):
    lines = []
    for (session, sql, allowed), outcome in zip(history.script, outcomes):
        mark = "" if outcome in allowed else "   <-- expected %s" % \
            " or ".join(sorted(allowed))
        lines.append("#     %d: %s -- %s%s" % (session + 1, sql, outcome,
                                               mark))
    return "\n".join(lines).replace(LONG, "...")


class Tally:
    def __init__(self):
        self.counts = collections.Counter()
        self.outcomes = collections.Counter()
        self.problems = []

    def add(self, other):
        self.counts.update(other.counts)
        self.outcomes.update(other.outcomes)
        self.problems += other.problems


def judge(history, outcomes, logs, rows, entries, tally):
    """Compare one history with what came of it."""
    kinds = []
    for (_, _, allowed), outcome in zip(history.script, outcomes):
        tally.outcomes[outcome] += 1
        if outcome not in allowed:
            kinds.append(("statement", ""))
            break
    if expected_rows(history) != rows:
        wanted = expected_rows(history)
        kinds.append(("row", "".join(
            "\n#   %s: expected %s\n#   found    %s" % (
                k, wanted.get(k), rows.get(k))
            for k in sorted(set(wanted) | set(rows))
            if wanted.get(k) != rows.get(k))))
    missing, extra = compare_logs(history, logs)
    kinds += [("unaudited", "\n#   committed: %s" % (g,)) for g in missing]
    kinds += [("uncommitted", "\n#   in the log: %s" % (g,)) for g in extra]
    kept = {k: s for k, s in history.entries.items() if s is not None}
    if kept != entries:
        kinds.append(("entry", "\n#   expected %s\n#   found    %s" % (
            kept, entries)))
    tally.counts["histories"] += 1
    tally.counts["two sessions"] += history.two
    tally.counts["statements"] += len(history.script)
    tally.counts["transactions"] += len(history.groups)
    for group in history.groups:
        for chunk in group:
            for one in chunk:
                tally.counts[one[0] + " rows"] += 1
    tally.counts.update("wrong: " + kind for kind, _ in kinds)
    if kinds and len(tally.problems) < 5:
        tally.problems.append("# history %d\n%s\n%s" % (
            history.number, told(history, outcomes),
            "\n".join("#   %s%s" % kind for kind in kinds)))


def walk_world(job):
    seed, number, first, count = job
    rng = random.Random("%s %d" % (seed, number))
    world = worlds.make_world(rng, number)
    roles = worlds.make_roles()
    walks = [History(rng, first + i, world, roles, rng.random() < 0.2)
             for i in range(count)]
    connections = [Connection(client_min_messages="error", timezone="UTC",
                              statement_timeout="20s")
                   for _ in range(2)]
    setup(connections[0], rng, number, world, walks)
    for history in walks:
        history.make()
    outcomes = run(connections, walks)
    connections[0].must(["RESET ROLE;"])

    tally = Tally()
    logs, odd = read_log(connections[0], number)
    tally.counts["wrong: log"] += len(odd)
    tally.problems += odd[:3]
    rows = stored_rows(connections[0], world)
    entries = collections.defaultdict(dict)
    for asset, key, state in connections[0].fetch(
            "SELECT dataset, key ->> 'id', state FROM spine.state_entry "
            "WHERE dataset LIKE 'w%d.%%'" % number):
        entries[int(key) // 10][(asset, key)] = state
    times = connections[0].fetch(
        "SELECT count(*) FROM (SELECT FROM spine.audit_log "
        "WHERE dataset LIKE 'w%d.%%' AND new ->> 'since' > '2026-01-01T01' "
        "GROUP BY xid HAVING count(DISTINCT new ->> 'since') > 1) x" % number)
    tally.counts["wrong: time"] += int(times[0][0])
    for history in walks:
        judge(history, outcomes[history.number], logs[history.number],
              rows[history.number], entries[history.number], tally)
    strays = set(logs) - {h.number for h in walks}
    tally.counts["wrong: uncommitted"] += len(strays)
    return tally


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", default="1")
    parser.add_argument("--histories", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    Connection(client_min_messages="error").must(
        ["CREATE EXTENSION spine;"] + worlds.roles_sql())
    jobs = [(options.seed, n + 1, n * SIZE, min(
        SIZE, options.histories - n * SIZE))
        for n in range((options.histories + SIZE - 1) // SIZE)]
    total = Tally()
    with multiprocessing.Pool(options.workers, maxtasksperchild=8) as pool:
        for tally in pool.imap_unordered(walk_world, jobs):
            total.add(tally)
    return report(total, options.histories)


def report(total, wanted):
    """Print what was found as lines of a test."""
    counts = total.counts
    for problem in total.problems[:8]:
        print(problem)
    print("# outcomes: " + ", ".join("%s %d" % o for o in
                                     total.outcomes.most_common()))
    print("# %(statements)d statements, %(two sessions)d histories of two "
          "sessions, %(transactions)d audited transactions committed, "
          "%(audit rows)d audit rows, %(outbox rows)d outbox rows" % counts)
    status = 0

    def check(what, *kinds, holds=True):
        nonlocal status
        good = holds and not sum(counts["wrong: " + k] for k in kinds)
        status |= not good
        print("%s - histories: %s" % ("ok" if good else "not ok", what))

    check("%d histories: each statement ends as the rules say" % wanted,
          "statement", holds=counts["histories"] == wanted)
    check("rows are in the end as the rules say", "row", "entry")
    check("no committed write lacks its audit and outbox rows", "unaudited")
    check("no audit or outbox row of what was not committed", "uncommitted",
          "log", "time")
    often = ["42501", "SP001", "SP002", "40001", "DO", "COMMIT PREPARED",
             "ROLLBACK PREPARED", "MERGE 2", "UPDATE 3", "RELEASE"]
    rare = [o for o in often if total.outcomes[o] < wanted // 1000]
    check("every kind of outcome was met%s" % (
        "" if not rare else ", but rarely " + ", ".join(rare)),
        holds=not rare)
    return status


if __name__ == "__main__":
    sys.exit(main())
