#!/usr/bin/python3
"""race.py --seed N: sessions that write to the same rows at once.

Nobody can say what each of them will meet, so the judge comes afterwards:
the audit rows of each key, in the order of the row's version, must be a
chain.  Its first old values are those of the row that was there, each next
one's old values are what the one before left, the last one leaves the row as
it is stored; and each of them is a write that the rules allow its actor.
"""

import argparse
import collections
import json
import random
import sys
import threading

import world as worlds
import oracle
from histories import canon
from model import Num, quote
from wire import Connection

ROUNDS = 6
ROWS = 12           # of each table
SESSIONS = 6
STATEMENTS = 150    # of each session
KINDS = (1, 3, 7)       # plain, range and list; all keep a version by guard


def first_rows(rng, ds):
    rows = []
    for n in range(ROWS):
        row = {c: rng.choice(ds.columns[c].pool or ["x"])
               if c != "doc" else {"a": Num("1")} for c in ds.columns}
        row.update(id=str(n), state=rng.choice(ds.values), version="1")
        if ds.entered_at:
            row["since"] = worlds.EARLY
        rows.append(row)
    return rows


def statement(rng, ds, rows):
    """A statement that is likely to wait for another session."""
    some = rng.sample(range(ROWS), rng.choice([1, 1, 2, 4]))
    where = "id IN (%s)" % ", ".join(map(str, some))
    kind = rng.random()
    if kind < 0.35:
        sets = "state = %s" % quote(rng.choice(ds.values))
    elif kind < 0.6:
        sets = "amount = coalesce(amount, 0) + 1"
    elif kind < 0.7:
        sets = "note = note"
    elif kind < 0.8:
        return "DELETE FROM %s WHERE id = %d" % (ds.relation, some[0])
    elif kind < 0.9:
        row = rows[some[0]]
        state = [s for s in ds.values if ds.states[s].initial][0]
        insert = "INSERT INTO %s AS t (id, state) VALUES (%s, %s)" % (
            ds.relation, row["id"], quote(state))
        if not ds.unique:
            return "UPDATE %s SET flag = NOT flag WHERE %s" % (ds.relation,
                                                               where)
        return insert + rng.choice([
            " ON CONFLICT DO NOTHING",
            " ON CONFLICT (id) DO UPDATE SET note = 'again'"])
    else:
        sets = "note = %s, amount = %d" % (quote(rng.choice("abc")),
                                           rng.randrange(10))
    return "UPDATE %s SET %s WHERE %s" % (ds.relation, sets, where)


def session(seed, datasets, counts, lost):
    rng = random.Random(seed)
    connection = Connection(client_min_messages="error", timezone="UTC",
                            deadlock_timeout="20ms", lock_timeout="10s")
    depth = 0
    try:
        for _ in range(STATEMENTS):
            kind = rng.random()
            if kind < 0.12:
                sql, depth = "SET ROLE %s%s" % (
                    worlds.ROLE, rng.choice(worlds.PARTIES)), depth
            elif depth == 0 and kind < 0.4:
                sql = "BEGIN" + rng.choice(
                    ["", "", " ISOLATION LEVEL REPEATABLE READ",
                     " ISOLATION LEVEL SERIALIZABLE"])
                depth = 1
            elif depth and kind < 0.2:
                sql = "SAVEPOINT s"
            elif depth and kind < 0.25:
                sql = "ROLLBACK TO s"
            elif depth and kind < 0.5:
                sql = "COMMIT" if kind < 0.44 else "ROLLBACK"
                depth = 0
            else:
                sql = statement(rng, *rng.choice(datasets))
            outcome = connection.run([sql])[0]
            counts[outcome] += 1
            if depth and outcome[:1] in "0123456789S" and \
                    len(outcome) == 5 and rng.random() < 0.7:
                connection.run(["ROLLBACK"])
                depth = 0
        connection.run(["ROLLBACK"])
    except Exception as error:          # told by the main thread
        lost.append(repr(error))


def chain_errors(ds, first, trail, stored, roles):
    """What is wrong with one key's life."""
    row = first
    # A key may be deleted and come again; its versions then begin anew, so
    # time parts the lives, and the version orders the writes of one.
    lives = []
    for one in trail:
        if one[0] == "insert":
            lives.append([])
        elif not lives:
            lives.append([])
        lives[-1].append(one)
    errors = []
    for life in lives:
        def version(one):
            if one[0] == "update":
                return int(one[3]["version"])
            return -1 if one[0] == "insert" else 1 << 30
        for action, actor, old, new in sorted(life, key=version):
            if action == "insert":
                if row is not None:
                    errors.append("inserted while there: %s" % (new,))
                row = new
                continue
            if row is None:
                errors.append("%s of no row: %s" % (action, old))
                return errors
            for c in old:
                if canon(row[c]) != canon(old[c]):
                    errors.append("%s meets %s, but %s was left" % (
                        action, old, row))
            errors += judge(ds, action, actor, row, new, roles)
            row = None if action == "delete" else dict(row, **new)
    if canon(row) != canon(stored):
        errors.append("the trail ends in %s, stored is %s" % (row, stored))
    return errors


def text_row(ds, row):
    """A JSON row in the words of the oracle."""
    return {c: v if v is None or ds.columns[c].is_jsonb else
            ("true" if v else "false") if isinstance(v, bool) else str(v)
            for c, v in row.items()}


def judge(ds, action, actor, row, new, roles):
    """Was the write allowed, given the row that it really replaced?"""
    mine = set()
    if actor.startswith(worlds.ROLE):       # else who logged in
        mine = roles.acts_for(actor[len(worlds.ROLE):]) & set(worlds.PARTIES)
    old = text_row(ds, row)
    if action == "delete":
        code = oracle.judge_delete(ds, mine, old)
    else:
        after = dict(old, **text_row(ds, new))
        for kept in ("since", "version"):
            if kept in old:
                after[kept] = old[kept]
        code = oracle.judge_update(ds, mine, old, after, {"items": 99})
    return ["%s by %s was allowed with %s: %s -> %s" % (
        action, actor, code, row, new)] if code else []


def meet(seed, number, counts):
    """One round: (audit rows, what is wrong)."""
    rng = random.Random("race %s %d" % (seed, number))
    admin = Connection(client_min_messages="error", timezone="UTC")
    datasets = []
    for kind in KINDS:
        ds = worlds.make_dataset(rng, number, kind)
        ds.audit = "all"
        rows = first_rows(rng, ds)
        admin.must(worlds.table_sql(ds) +
                   worlds.rows_sql(ds.relation, ds.columns, rows))
        datasets.append((ds, rows))
    admin.must([worlds.apply_sql(rng, number, [ds for ds, _ in datasets])])
    before = {ds.asset: life(admin, ds) for ds, _ in datasets}

    errors = []
    threads = [threading.Thread(target=session, args=(
        "%s %d %d" % (seed, number, n), datasets, counts, errors))
        for n in range(SESSIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    written = 0
    roles = worlds.make_roles()
    for ds, _ in datasets:
        stored = life(admin, ds)
        trails = collections.defaultdict(list)
        for action, actor, key, old, new in admin.fetch(
                "SELECT action, actor, key ->> 'id', old, new FROM "
                "spine.audit_log WHERE dataset = %s ORDER BY at, xid, n"
                % quote(ds.asset)):
            written += 1
            trails[key].append((action, actor, loaded(old), loaded(new)))
        for key in map(str, range(ROWS)):
            errors += ["%s %s: %s" % (ds.asset, key, e) for e in chain_errors(
                ds, before[ds.asset].get(key), trails[key],
                stored.get(key), roles)]
    return written, errors


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", default="1")
    options = parser.parse_args()
    counts = collections.Counter()
    written, errors = 0, []
    for number in range(ROUNDS):
        # No history has a world of these numbers.
        rows, wrong = meet(options.seed, 9000 + number, counts)
        written += rows
        errors += wrong
    for error in errors[:8]:
        print("# " + error)
    print("# %d rounds of %d sessions: %s; %d audit rows" % (
        ROUNDS, SESSIONS, ", ".join("%s %d" % o
                                    for o in counts.most_common()), written))
    good = not errors and written > ROUNDS * 50
    print("%s - histories: concurrent writers leave a chain of audit rows "
          "that ends in each row" % ("ok" if good else "not ok"))
    return not good


def loaded(text):
    return None if text is None else json.loads(text, parse_int=Num,
                                                parse_float=Num)


def life(connection, ds):
    return {key: loaded(text) for key, text in connection.fetch(
        "SELECT id, to_jsonb(t) FROM %s t" % ds.relation)}


if __name__ == "__main__":
    sys.exit(main())
