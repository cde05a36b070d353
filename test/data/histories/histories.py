"""Random histories, and what the written rules say of each.

A history is what one or two sessions do to a few rows that nobody else
touches: statements by several roles, in transactions with savepoints, as
autocommit, prepared, in blocks that catch errors.  It is predicted while it
is made: the outcome of each statement, the rows that are there in the end,
and the events (audit and outbox rows) of each committed transaction.

What judges single rows is oracle.py of the agreement test; this module adds
what a transaction is, and what an audit row says (docs/audit.md).

Sessions take turns and never wait: a row that another open transaction has
touched is left alone.
"""

import json

from world import EARLY, PARTIES, ROLE, UNKNOWN     # finds the next two
import oracle
from model import JNULL, Num, ident, mutate, quote, random_doc
from oracle import DENIED, same

DUPLICATE = "23505"
STALE = "40001"
ABORTED = "25P02"
NO_SAVEPOINT = "3B001"

SLOTS = 8           # keys of a history, per dataset
ITEMS = 40          # child rows of a history, per dataset
NOT_LOCAL = object()


# ---- values as they are compared ----

def canon(value):
    """One text for all ways to write a JSON value."""
    if value is None or value is JNULL:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, Num):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, dict):
        return "{%s}" % ",".join(json.dumps(k) + ":" + canon(value[k])
                                 for k in sorted(value))
    return "[%s]" % ",".join(map(canon, value))


def json_value(column, value):
    if column.kind == "stamp" and value is not None:
        return "early" if value == EARLY else "now"
    return column.json(value)


def image(columns, row, names=None):
    return canon({c: json_value(columns[c], row[c])
                  for c in (columns if names is None else names)})


# ---- transactions ----

class Effect:
    """What a statement would do."""

    def __init__(self, sql, tag="", codes=(), changes=None, events=(),
                 touched=()):
        self.sql = sql
        self.tag = tag
        self.codes = frozenset(codes)
        self.changes = changes or {}
        self.events = list(events)
        self.touched = set(touched)


class Txn:
    def __init__(self, session, repeatable):
        self.role = session.role    # comes back with ROLLBACK
        self.local = NOT_LOCAL      # role that comes back with COMMIT
        self.repeatable = repeatable
        self.snapshot = None
        self.versions = None
        self.overlay = {}
        self.chunks = []
        self.marks = []
        self.failed = False


class Session:
    def __init__(self, number):
        self.number = number
        self.role = None            # None: the superuser who logged in
        self.txn = None


class History:
    def __init__(self, rng, number, world, roles, two=False):
        self.rng = rng
        self.number = number
        self.roles = roles
        self.two = two
        self.sets = rng.sample(world, rng.choice([1, 1, 2]))
        self.assets = {}
        for ds in self.sets:
            self.assets[ds.asset] = ds
        self.committed = {}
        self.versions = {}
        self.locks = {}
        self.clock = 0
        self.prepared = {}
        self.script = []            # (session, statement, what is allowed)
        self.groups = []            # chunks of each committed transaction
        self.entries = {}           # key -> state, where it is kept apart
        self.sessions = [Session(0)] + ([Session(1)] if two else [])
        self.parties = {}
        self.first_rows()

    # ---- the beginning ----

    def key(self, slot):
        return str(self.number * 10 + slot)

    def first_rows(self):
        rng = self.rng
        for ds in self.sets:
            for slot in range(rng.randint(2, 4)):
                row = {c: None if rng.random() < 0.15 else
                       self.value(ds.columns[c], None) for c in ds.columns}
                row["id"] = self.key(slot)
                row["state"] = rng.choice(ds.values)
                if rng.random() < 0.04:
                    row["state"] = rng.choice([UNKNOWN, None])
                if ds.entered_at:
                    row["since"] = EARLY
                if ds.version and rng.random() < 0.95:
                    row["version"] = rng.choice(["1", "4"])
                self.committed[(ds.asset, row["id"])] = row
            for child in ds.children.values():
                for n in range(rng.randint(0, 3)):
                    item = str(self.number * 100 + n)
                    self.committed[(child.asset, item)] = {
                        "item": item, "qty": rng.choice(["1", "2"]),
                        "note": "a",
                        "parent": self.key(rng.randrange(4))}
        self.first = dict(self.committed)

    # ---- what is seen ----

    def view(self, session):
        txn = session.txn
        if txn is None:
            return self.committed
        seen = dict(txn.snapshot if txn.snapshot is not None
                    else self.committed)
        self.lay(seen, txn.overlay)
        return seen

    @staticmethod
    def lay(seen, overlay):
        for key, row in overlay.items():
            if row is None:
                seen.pop(key, None)
            else:
                seen[key] = row

    def latest(self, session):
        """As the newest snapshot sees it: what guards count in."""
        seen = dict(self.committed)
        if session.txn:
            self.lay(seen, session.txn.overlay)
        return seen

    def free(self, session, key):
        return self.locks.get(key, session.number) == session.number

    def stale(self, session, key):
        txn = session.txn
        return txn is not None and txn.versions is not None and \
            key not in txn.overlay and \
            txn.versions.get(key) != self.versions.get(key)

    def acts_as(self, role):
        if role not in self.parties:
            mine = self.roles.acts_for(role) if role else ()
            self.parties[role] = {p for p in PARTIES if p in mine}
        return self.parties[role]

    # ---- events ----

    @staticmethod
    def actor(role):
        return ROLE + role if role else "postgres"

    def party(self, ds, state, mine, changed):
        """Parties that a write may be booked on: the state's owner, else one
        that may write there, nobody only if what changed is open to all."""
        if ds.states[state].owner in mine:
            return frozenset([ds.states[state].owner])
        writers = set().union(*ds.states[state].write.values(), ()) & mine
        if not writers or all(
                c == "version" or
                oracle.writers(ds, state, c) == oracle.EVERYBODY
                for c in changed):
            writers.add(None)
        return frozenset(writers)

    @staticmethod
    def owner_of(ds, mine):
        return frozenset({ds.owner} & mine or set(ds.producers) & mine)

    def audit(self, ds, action, role, party, source, target, old, new, names,
              rule, columns=None, asset=None, key="id"):
        columns = columns or ds.columns
        row = new if old is None else old
        return ("audit", asset or ds.asset, action,
                canon({key: Num(row[key])}), self.actor(role), source, target,
                old and image(columns, old, names),
                new and image(columns, new, names), rule, party)

    def outbox(self, ds, edge, source, target, row, role):
        events = []
        for handoff in edge.handoff:
            kind, what = next(iter(handoff.items()))
            payload = {"transition": "%s -> %s" % (source, target),
                       "from": source, "to": target}
            topic = what
            if kind == "snapshot":
                topic = ds.asset
                payload["values"] = {c: json_value(ds.columns[c], row[c])
                                     for c in what}
            events.append(("outbox", kind, topic, ds.asset,
                           canon({"id": Num(row["id"])}), canon(payload),
                           self.actor(role)))
        return events

    # ---- judging rows ----

    def counts(self, session, ds, key):
        seen = self.latest(session)
        return {c.name: sum(1 for (asset, _), row in seen.items()
                            if asset == c.asset and row["parent"] == key)
                for c in ds.children.values()}

    def judge_update(self, session, ds, role, old, new):
        """(code, row as stored, events) of one row."""
        mine = self.acts_as(role)
        changed = oracle.changed_columns(ds, old, new)
        if not changed:
            return "", old, []
        counts = self.counts(session, ds, old["id"]) if ds.children else {}
        code = oracle.judge_update(ds, mine, old, new, counts)
        if code:
            return code, None, []
        new = dict(new)
        if ds.states is None:
            return "", new, [self.audit(
                ds, "update", role, self.owner_of(ds, mine), None, None, old,
                new, changed, "owner and producers")]
        source, target = ds.state_of(old), ds.state_of(new)
        moves = source != target
        if ds.version_mode == "auto":
            new["version"] = str(int(old["version"] or 0) + 1)
            changed = [c for c in changed if c != "version"] + ["version"]
        if moves and ds.entered_at:
            new["since"] = "now"
            changed.append("since")
        events = []
        edge = ds.edges[(source, target)] if moves else None
        if ds.audit in (None, "all") or moves and ds.audit == "transitions":
            party = frozenset(set(edge.by) & mine) if moves else \
                self.party(ds, source, mine, changed)
            rule = "transitions/%s -> %s" % (source, target) if moves \
                else "states/%s/write" % source
            events.append(self.audit(ds, "update", role, party, source,
                                     target, old, new, changed, rule))
        if moves:
            if not ds.entered_at:
                events.append(("entry", (ds.asset, new["id"]), target))
            events += self.outbox(ds, edge, source, target, new, role)
        return "", new, events

    def judge_insert(self, ds, role, new, given):
        mine = self.acts_as(role)
        code = oracle.judge_insert(ds, mine, new, given)
        if code or ds.audit == "none":
            return code, []
        state = ds.state_of(new) if ds.states is not None else None
        if ds.states is None:
            party, rule = self.owner_of(ds, mine), "owner and producers"
        else:
            party = frozenset(ds.states[state].inserters()) & mine
            rule = "states/%s/insert" % state
        return "", [self.audit(ds, "insert", role, party, None, state, None,
                               new, None, rule)]

    def judge_delete(self, ds, role, old):
        mine = self.acts_as(role)
        code = oracle.judge_delete(ds, mine, old)
        if code:
            return code, []
        events = []
        state = ds.state_of(old) if ds.states is not None else None
        if ds.audit != "none":
            if ds.states is None:
                party, rule = self.owner_of(ds, mine), "owner and producers"
            else:
                party = frozenset(ds.states[state].delete) & mine
                rule = "states/%s/delete" % state
            events.append(self.audit(ds, "delete", role, party, state, None,
                                     old, None, None, rule))
        if ds.states is not None and not ds.entered_at:
            events.append(("entry", (ds.asset, old["id"]), None))
        return "", events

    # ---- statements on the dataset's table ----

    def value(self, column, old):
        rng = self.rng
        if column.is_jsonb:
            return mutate(rng, old) if rng.random() < 0.7 else random_doc(rng)
        if column.kind == "stamp":
            return EARLY
        return rng.choice(column.pool or ["1", "2"])

    def mine_of(self, session, ds):
        return [key for key in self.view(session)
                if key[0] == ds.asset and self.free(session, key)]

    def sets_for(self, ds, row, role):
        """Random assignments: [(column, SQL, function of the old row)]."""
        rng = self.rng
        sets = []

        def literal(column, value):
            sets.append((column, ds.columns[column].literal(value),
                         lambda old: value))

        free = [c for c in ds.columns if c not in ("id", "state", "version",
                                                   "since")]
        kind = rng.random()
        if kind < 0.4 and ds.states is not None:
            source = ds.state_of(row)
            ways = [t for s, t in ds.edges if s == source]
            target = rng.choice(ways) if ways and rng.random() < 0.9 \
                else rng.choice(ds.values + [UNKNOWN, None])
            literal("state", target)
            edge = ds.edges.get((source, target))
            if edge and edge.with_write and rng.random() < 0.6:
                for c in edge.with_write:
                    literal(c, self.value(ds.columns[c], row[c]))
            elif rng.random() < 0.15:
                c = rng.choice(free)
                literal(c, self.value(ds.columns[c], row[c]))
        elif kind < 0.44:
            c = rng.choice(free)
            sets.append((c, ident(c), lambda old: old[c]))
        elif kind < 0.47 and ds.states is not None:
            c = rng.choice([c for c in ("id", "since", "version")
                            if c in ds.columns])
            literal(c, {"id": self.key(9), "since": EARLY}.get(c, "77"))
        elif kind < 0.65:
            sets.append(("amount", "amount + 1", lambda old: None
                         if old["amount"] is None
                         else str(int(old["amount"]) + 1)))
        else:
            for c in rng.sample(free, rng.choice([1, 1, 2])):
                literal(c, self.value(ds.columns[c], row[c]))
        if ds.version_mode == "require" and rng.random() < 0.93 and \
                "version" not in [s[0] for s in sets]:
            sets.append(("version", "version + 1", lambda old: None
                         if old["version"] is None
                         else str(int(old["version"]) + 1)))
        return sets

    @staticmethod
    def assigned(row, sets):
        new = dict(row)
        for column, _, value in sets:
            new[column] = value(row)
        return new

    @staticmethod
    def set_sql(sets):
        return ", ".join("%s = %s" % (ident(c), sql) for c, sql, _ in sets)

    def where(self, keys):
        rng = self.rng
        if len(keys) == 1 and rng.random() < 0.7:
            return "id = %s" % keys[0]
        return "id IN (%s)" % ", ".join(rng.sample(keys, len(keys)))

    def pick(self, session, ds):
        """Some keys of rows, and now and then one of no row."""
        rng = self.rng
        there = [key[1] for key in self.mine_of(session, ds)]
        if not there:
            return []
        if rng.random() < 0.25:
            return rng.sample(there, rng.randint(1, len(there)))
        if rng.random() < 0.03:
            return [self.key(9)]
        return [rng.choice(there)]

    def update(self, session, role, ds):
        keys = self.pick(session, ds)
        seen = self.view(session)
        rows = [seen[(ds.asset, k)] for k in keys if (ds.asset, k) in seen]
        if not rows:
            return None
        sets = self.sets_for(ds, self.rng.choice(rows), role)
        if self.rng.random() < 0.06 and "note" not in [s[0] for s in sets]:
            sets.append(self.undone(session, role, ds, keys))
        relation = ds.relation + ("_v" if self.rng.random() < 0.1 else "")
        effect = Effect("UPDATE %s SET %s WHERE %s" % (
            relation, self.set_sql(sets), self.where(keys)),
            "UPDATE %d" % len(rows))
        codes = self.update_rows(session, role, ds, rows, sets, effect)
        effect.codes = frozenset(codes)
        return effect

    def undone(self, session, role, ds, keys):
        """An assignment that runs another write, whatever comes of it, and
        undoes it, once for each row."""
        make = self.rng.choice([self.insert, self.delete, self.update,
                                self.child_write, None])
        inner = make(session, role, ds) if make else Effect(
            "UPDATE %s SET note = note WHERE id = %s" % (ds.relation,
                                                         self.key(9)))
        if inner is None or any((ds.asset, k) in inner.touched for k in keys):
            inner = Effect("SELECT 1")      # not the rows themselves
        return ("note", "hist.undone(%s)" % quote(inner.sql),
                lambda old: "undone")

    def update_rows(self, session, role, ds, rows, sets, effect):
        codes = []
        for row in rows:
            key = (ds.asset, row["id"])
            effect.touched.add(key)
            if self.stale(session, key):
                codes.append(STALE)
                continue
            code, new, events = self.judge_update(
                session, ds, role, row, self.assigned(row, sets))
            if code:
                codes.append(code)
            effect.changes[key] = new
            effect.events += events
        return codes

    def delete(self, session, role, ds):
        keys = self.pick(session, ds)
        seen = self.view(session)
        rows = [seen[(ds.asset, k)] for k in keys if (ds.asset, k) in seen]
        if not rows:
            return None
        effect = Effect("DELETE FROM %s WHERE %s" % (
            ds.relation, self.where(keys)), "DELETE %d" % len(rows))
        codes = self.delete_rows(session, role, ds, rows, effect)
        effect.codes = frozenset(codes)
        return effect

    def delete_rows(self, session, role, ds, rows, effect):
        codes = []
        for row in rows:
            key = (ds.asset, row["id"])
            effect.touched.add(key)
            code, events = (STALE, []) if self.stale(session, key) else \
                self.judge_delete(ds, role, row)
            if code:
                codes.append(code)
            effect.changes[key] = None
            effect.events += events
        return codes

    def new_row(self, ds, key):
        """A random new row, and which columns are given."""
        rng = self.rng
        row = {c: ds.columns[c].default for c in ds.columns}
        row["id"] = key
        given = ["id"]
        initial = [s for s in ds.states or () if ds.states[s].initial]
        for c in ds.columns:
            if c == "state":
                if rng.random() < 0.95:
                    row[c] = rng.choice(initial or ds.values) \
                        if rng.random() < 0.9 else rng.choice(ds.values)
                    given.append(c)
            elif c == "since":
                if rng.random() < 0.02:
                    row[c] = EARLY
                    given.append(c)
            elif c != "id" and rng.random() < (0.06 if c == "version"
                                               else 0.25):
                row[c] = self.value(ds.columns[c], None)
                given.append(c)
        return row, given

    def insert(self, session, role, ds):
        rng = self.rng
        seen = self.view(session)
        taken = {k for a, k in seen if a == ds.asset}
        slots = [k for k in map(self.key, range(SLOTS))
                 if self.free(session, (ds.asset, k)) and
                 not self.stale(session, (ds.asset, k)) and
                 (ds.unique or k not in taken)]
        fresh = [k for k in slots if k not in taken]
        conflict = ds.unique and rng.random() < 0.35
        pool = slots if conflict or rng.random() < 0.04 else fresh
        if not pool:
            return None
        keys = rng.sample(pool, min(len(pool), rng.choice([1, 1, 2, 3])))
        made = [self.new_row(ds, k) for k in keys]
        given = [c for c in ds.columns if any(c in g for _, g in made)]
        for row, own in made:       # all rows give the same columns
            for c in given:
                if c == "since" and c not in own:
                    row[c] = EARLY
        return self.insert_rows(session, role, ds, [r for r, _ in made],
                                given, seen, conflict)

    def values_sql(self, ds, rows, given):
        return "(%s) VALUES %s" % (", ".join(map(ident, given)), ", ".join(
            "(%s)" % ", ".join(ds.columns[c].literal(row[c]) for c in given)
            for row in rows))

    def insert_rows(self, session, role, ds, rows, given, seen, conflict):
        rng = self.rng
        effect = Effect("INSERT INTO %s %s" % (
            ds.relation + (" AS t" if conflict else ""),
            self.values_sql(ds, rows, given)))
        there = [r for r in rows if (ds.asset, r["id"]) in seen]
        fresh = [r for r in rows if (ds.asset, r["id"]) not in seen]
        effect.touched.update((ds.asset, r["id"]) for r in rows)
        codes, count = [], len(fresh)
        if conflict and (rng.random() < 0.4 or not there):
            effect.sql += " ON CONFLICT DO NOTHING"
        elif conflict:
            sets = self.sets_for(ds, seen[(ds.asset, there[0]["id"])], role)
            # On the right a bare name is the row's own.
            sets = [(c, sql.replace("amount +", "t.amount +")
                     .replace("version +", "t.version +")
                     if sql in ("amount + 1", "version + 1") else
                     "t." + sql if sql == ident(c) else sql, value)
                    for c, sql, value in sets]
            effect.sql += " ON CONFLICT (id) DO UPDATE SET " + \
                self.set_sql(sets)
            codes = self.update_rows(
                session, role, ds, [seen[(ds.asset, r["id"])] for r in there],
                sets, effect)
            count += len(there)
        elif there:
            codes = [DUPLICATE]
        if not codes:
            codes = self.store_rows(role, ds, fresh, given, effect)
        effect.codes = frozenset(codes)
        effect.tag = "INSERT 0 %d" % count
        return effect

    def store_rows(self, role, ds, rows, given, effect):
        codes = []
        for row in rows:
            code, events = self.judge_insert(ds, role, row, given)
            if code:
                codes.append(code)
            effect.changes[(ds.asset, row["id"])] = row
            effect.events += events
        return codes

    def merge(self, session, role, ds):
        """UPDATE or DELETE what is there, INSERT what is not."""
        rng = self.rng
        seen = self.view(session)
        keys = [k for k in map(self.key, range(SLOTS))
                if self.free(session, (ds.asset, k)) and
                not self.stale(session, (ds.asset, k))]
        if not keys:
            return None
        keys = rng.sample(keys, min(len(keys), rng.choice([1, 2, 3])))
        old = [seen[(ds.asset, k)] for k in keys if (ds.asset, k) in seen]
        fresh = [k for k in keys if (ds.asset, k) not in seen]
        effect = Effect("MERGE INTO %s t USING (VALUES %s) s(k) ON t.id = s.k"
                        % (ds.relation, ", ".join("(%s)" % k for k in keys)))
        effect.touched.update((ds.asset, k) for k in keys)
        count, codes = 0, []
        gone = []
        if rng.random() < 0.3:
            effect.sql += " WHEN MATCHED AND t.amount > 3 THEN DELETE"
            gone = [r for r in old if r["amount"] is not None and
                    int(r["amount"]) > 3]
            codes += self.delete_rows(session, role, ds, gone, effect)
            count += len(gone)
        rest = [r for r in old if r not in gone]
        if rest and rng.random() < 0.8:
            sets = self.sets_for(ds, rng.choice(rest), role)
            effect.sql += " WHEN MATCHED THEN UPDATE SET " + self.set_sql(
                [(c, sql if sql != ident(c) else "t." + sql, v)
                 for c, sql, v in sets])
            codes += self.update_rows(session, role, ds, rest, sets, effect)
            count += len(rest)
        if rng.random() < 0.6 or " WHEN " not in effect.sql:
            row, given = self.new_row(ds, "0")
            effect.sql += " WHEN NOT MATCHED THEN INSERT (%s) VALUES (%s)" % (
                ", ".join(map(ident, given)),
                ", ".join("s.k" if c == "id" else
                          ds.columns[c].literal(row[c]) for c in given))
            if not codes:
                codes = self.store_rows(role, ds, [dict(row, id=k)
                                                   for k in fresh], given,
                                        effect)
            count += len(fresh)
        effect.codes = frozenset(codes)
        effect.tag = "MERGE %d" % count
        return effect

    def both(self, session, role, ds):
        """Two writes in one statement."""
        first = self.update(session, role, ds)
        second = self.update(session, role, self.rng.choice(self.sets))
        if not first or not second or first.touched & second.touched:
            return None
        first.sql = "WITH w AS (%s RETURNING 1) %s" % (first.sql, second.sql)
        first.tag = second.tag
        first.codes |= second.codes
        first.changes.update(second.changes)
        first.events += second.events
        first.touched |= second.touched
        return first

    def truncate(self, session, role, ds):
        if self.two or self.locks and set(self.locks.values()) != {0}:
            return None
        if not oracle.judge_truncate(ds, self.acts_as(role)):
            return None
        return Effect("TRUNCATE %s" % ds.relation, codes=[DENIED])

    # ---- statements on a child's table ----

    def child_audit(self, ds, child, action, role, parents, old, new, names):
        """What a child's audit row says; its parties are those that may."""
        state = ds.state_of(parents[0])
        target = ds.state_of(parents[-1])
        may = set(child.write[state]) & self.acts_as(role)
        owner = ds.states[state].owner
        return self.audit(
            ds, action, role, frozenset(may | {owner}) & self.acts_as(role),
            None if action == "insert" else state,
            None if action == "delete" else target, old, new, names,
            "children/%s/write/%s" % (child.name, target if action == "insert"
                                      else state),
            child.columns, child.asset, "item")

    def child_write(self, session, role, ds):
        rng = self.rng
        if not ds.children or self.two and session.txn and \
                session.txn.repeatable:
            return None
        child = ds.children["items"]
        seen = self.view(session)
        parents = [k for a, k in seen if a == ds.asset and
                   self.free(session, (a, k))]
        if not parents:
            return None
        items = [k for a, k in seen if a == child.asset and
                 self.free(session, (a, k))]
        if items and rng.random() < 0.6:
            return self.child_change(session, role, ds, child, seen, parents,
                                     rng.choice(items))
        item = rng.choice([str(self.number * 100 + n) for n in range(ITEMS)])
        if (child.asset, item) in seen or \
                not self.free(session, (child.asset, item)):
            return None
        parent = rng.choice(parents) if rng.random() < 0.95 else self.key(9)
        new = {"item": item, "parent": parent, "qty": rng.choice("123"),
               "note": "n"}
        effect = Effect("INSERT INTO %s (item, parent, qty, note) VALUES (%s)"
                        % (child.relation, ", ".join(
                            child.columns[c].literal(new[c]) for c in
                            ("item", "parent", "qty", "note"))),
                        "INSERT 0 1")
        self.child_effect(effect, role, ds, child, seen, "insert", None, new)
        return effect

    def child_change(self, session, role, ds, child, seen, parents, item):
        rng = self.rng
        old = seen[(child.asset, item)]
        here = (ds.asset, old["parent"])
        if here in seen and not self.free(session, here):
            return None
        if rng.random() < 0.35:
            effect = Effect("DELETE FROM %s WHERE item = %s" % (
                child.relation, item), "DELETE 1")
            self.child_effect(effect, role, ds, child, seen, "delete", old,
                              None)
            return effect
        column = rng.choice(["qty", "note", "parent"])
        value = {"qty": rng.choice("1234"), "note": rng.choice("abc"),
                 "parent": rng.choice(parents)}[column]
        effect = Effect("UPDATE %s SET %s = %s WHERE item = %s" % (
            child.relation, column, child.columns[column].literal(value),
            item), "UPDATE 1")
        self.child_effect(effect, role, ds, child, seen, "update", old,
                          dict(old, **{column: value}))
        return effect

    def child_effect(self, effect, role, ds, child, seen, action, old, new):
        rows = [r for r in (old, new) if r is not None]
        key = (child.asset, rows[0]["item"])
        effect.touched.add(key)
        names = None
        if action == "update":
            names = [c for c in new if not same(old[c], new[c])]
            if not names:
                return
        parents = [seen.get((ds.asset, r["parent"])) for r in rows]
        effect.touched.update((ds.asset, r["parent"]) for r in rows)
        code = oracle.judge_child(child, self.acts_as(role), *parents)
        if code:
            effect.codes = frozenset([code])
            return
        effect.changes[key] = new
        if ds.audit in (None, "all") or \
                ds.audit == "transitions" and action != "update":
            effect.events.append(self.child_audit(
                ds, child, action, role, parents, old, new, names))

    # ---- choosing and wrapping ----

    def one(self, session, role):
        """A random statement as a role; rather one that is allowed."""
        rng = self.rng
        best = None
        for _ in range(rng.choice([1, 8, 16, 16])):
            ds = rng.choice(self.sets)
            make = rng.choices(
                [self.update, self.insert, self.delete, self.merge,
                 self.child_write, self.both, self.truncate],
                [50, 14, 7, 8, 14, 3, 1])[0]
            effect = make(session, role, ds)
            if effect is not None:
                best = effect
                if not effect.codes:
                    break
        return best

    def statement(self, session):
        """A statement, perhaps inside a function of another's rights."""
        if self.rng.random() < 0.05:
            party = self.rng.choice(PARTIES)
            effect = self.one(session, party)
            if effect is not None:
                effect.sql = "SELECT hist.as_%s(%s)" % (party,
                                                        quote(effect.sql))
                effect.tag = "SELECT 1"
            return effect
        return self.one(session, session.role)

    # ---- running what was chosen ----

    def say(self, session, sql, *allowed):
        self.script.append((session.number, sql, frozenset(allowed)))

    def settle(self, session, effect):
        """Let a statement's effect happen in the open transaction."""
        txn = session.txn
        for key in effect.touched:
            self.locks[key] = session.number
        if effect.codes:
            return False
        txn.overlay.update(effect.changes)
        if effect.events:
            txn.chunks.append(effect.events)
        return True

    def look(self, session):
        """The first statement of a repeatable transaction."""
        txn = session.txn
        if txn.repeatable and txn.snapshot is None:
            txn.snapshot = dict(self.committed)
            txn.versions = dict(self.versions)
            return True
        return False

    def dml(self, session):
        implicit = session.txn is None
        if implicit:
            session.txn = Txn(session, False)
        looked = self.look(session)
        effect = self.do_block(session) if self.rng.random() < 0.08 \
            else self.statement(session)
        if effect is None:
            if looked:
                session.txn.snapshot = session.txn.versions = None
        else:
            self.say(session, effect.sql + ";",
                     *(effect.codes or [effect.tag]))
            if not self.settle(session, effect):
                session.txn.failed = True
        if implicit:
            self.end(session, not session.txn.failed)

    def do_block(self, session):
        """A block with blocks inside that catch their errors."""
        rng, txn = self.rng, session.txn
        saved = (dict(txn.overlay), list(txn.chunks), session.role)
        whole = Effect("", "DO")
        text = []
        for _ in range(rng.randint(1, 3)):
            if rng.random() < 0.5:
                text.append(self.caught(session, whole))
                continue
            effect = self.one(session, session.role)
            if effect is None:
                continue
            text.append(effect.sql + ";")
            whole.touched |= effect.touched
            if not self.settle(session, effect):
                whole.codes = effect.codes
                break
        whole.sql = "DO $do$ BEGIN %s END $do$" % " ".join(text)
        if not whole.codes:
            # What settled is there already.
            if session.role != saved[2] and txn.local is NOT_LOCAL:
                txn.local = saved[2]
        else:
            txn.overlay, txn.chunks, session.role = saved
        return whole

    def caught(self, session, whole):
        rng, txn = self.rng, session.txn
        saved = (dict(txn.overlay), list(txn.chunks), session.role)
        text = []
        failed = False
        for _ in range(rng.randint(1, 3)):
            if rng.random() < 0.2:
                session.role = rng.choice(PARTIES)
                text.append("SET LOCAL ROLE %s%s;" % (ROLE, session.role))
            effect = self.one(session, session.role)
            if effect is None:
                continue
            text.append(effect.sql + ";")
            whole.touched |= effect.touched
            if not self.settle(session, effect):
                failed = True
                break
        if not failed and rng.random() < 0.3:
            text.append("RAISE EXCEPTION 'enough';")
            failed = True
        if failed:
            txn.overlay, txn.chunks, session.role = saved
        handler = "NULL;"
        if failed and rng.random() < 0.5:
            effect = self.one(session, session.role)
            if effect is not None and not effect.codes:
                handler = effect.sql + ";"
                whole.touched |= effect.touched
                self.settle(session, effect)
        return "BEGIN %s EXCEPTION WHEN OTHERS THEN %s END;" % (
            " ".join(text), handler)

    # ---- transactions ----

    def begin(self, session):
        # Serializable transactions that meet may fail without need.
        alone = not self.two and not self.prepared and all(
            ds.entered_at or ds.states is None for ds in self.sets)
        level = self.rng.choices(["", " ISOLATION LEVEL REPEATABLE READ",
                                  " ISOLATION LEVEL SERIALIZABLE"],
                                 [6, 2, 2 if alone else 0])[0]
        self.say(session, "BEGIN%s;" % level, "BEGIN")
        session.txn = Txn(session, bool(level))

    def publish(self, txn, owner):
        """Commit what a transaction did, and let its rows go."""
        for key, row in txn.overlay.items():
            if row is None:
                self.committed.pop(key, None)
            else:
                self.committed[key] = row
            self.clock += 1
            self.versions[key] = self.clock
        group = []
        for chunk in txn.chunks:
            rows = [e for e in chunk if e[0] != "entry"]
            for event in chunk:
                if event[0] == "entry":
                    self.entries[event[1]] = event[2]
            if rows:
                group.append(rows)
        if group:
            self.groups.append(group)
        self.unlock(owner)

    def unlock(self, owner):
        self.locks = {k: o for k, o in self.locks.items() if o != owner}

    def end(self, session, commit):
        txn = session.txn
        session.txn = None
        if commit and not txn.failed:
            self.publish(txn, session.number)
            if txn.local is not NOT_LOCAL:
                session.role = txn.local
        else:
            session.role = txn.role
            self.unlock(session.number)

    def commit(self, session):
        self.say(session, "COMMIT;",
                 "ROLLBACK" if session.txn.failed else "COMMIT")
        self.end(session, True)

    def rollback(self, session):
        self.say(session, "ROLLBACK;", "ROLLBACK")
        self.end(session, False)

    def prepare(self, session):
        txn = session.txn
        gid = "h%d_%d" % (self.number, len(self.script))
        sql = "PREPARE TRANSACTION '%s';" % gid
        if txn.failed:
            self.say(session, sql, "ROLLBACK")
            self.end(session, False)
            return
        self.say(session, sql, "PREPARE TRANSACTION")
        session.txn = None
        if txn.local is not NOT_LOCAL:
            session.role = txn.local
        self.prepared[gid] = txn
        self.locks = {k: gid if o == session.number else o
                      for k, o in self.locks.items()}

    def finish(self, session, gid):
        """Commit or roll back a prepared transaction."""
        txn = self.prepared.pop(gid)
        if session.role is not None:
            self.set_role(session, None)
        if self.rng.random() < 0.7:
            self.say(session, "COMMIT PREPARED '%s';" % gid,
                     "COMMIT PREPARED")
            self.publish(txn, gid)
        else:
            self.say(session, "ROLLBACK PREPARED '%s';" % gid,
                     "ROLLBACK PREPARED")
            self.unlock(gid)

    def savepoint(self, session):
        txn = session.txn
        name = self.rng.choice(["a", "b", "c"])
        if txn.failed:
            self.say(session, "SAVEPOINT %s;" % name, ABORTED)
            return
        self.say(session, "SAVEPOINT %s;" % name, "SAVEPOINT")
        txn.marks.append((name, dict(txn.overlay), list(txn.chunks),
                          session.role, txn.local))

    def find_mark(self, session, verb, tag):
        """Index of a savepoint, or None after an error."""
        txn = session.txn
        names = [m[0] for m in txn.marks]
        name = self.rng.choice(names) if names and self.rng.random() < 0.95 \
            else "a"
        found = len(names) - 1 - names[::-1].index(name) if name in names \
            else None
        failed = txn.failed and verb == "RELEASE"
        if failed:
            self.say(session, "%s %s;" % (verb, name), ABORTED)
        elif found is None:
            self.say(session, "%s %s;" % (verb, name), NO_SAVEPOINT)
            txn.failed = True
        else:
            self.say(session, "%s %s;" % (verb, name), tag)
            return found
        return None

    def rollback_to(self, session):
        found = self.find_mark(session, "ROLLBACK TO", "ROLLBACK")
        if found is None:
            return
        txn = session.txn
        del txn.marks[found + 1:]
        _, overlay, chunks, session.role, txn.local = txn.marks[found]
        txn.overlay, txn.chunks = dict(overlay), list(chunks)
        txn.failed = False

    def release(self, session):
        found = self.find_mark(session, "RELEASE", "RELEASE")
        if found is not None:
            del session.txn.marks[found:]

    def set_role(self, session, role, local=False):
        txn = session.txn
        sql = "SET %sROLE %s;" % ("LOCAL " if local else "",
                                  ROLE + role if role else "NONE")
        if txn and txn.failed:
            self.say(session, sql, ABORTED)
            return
        self.say(session, sql, "SET")
        if local:
            if txn.local is NOT_LOCAL:
                txn.local = session.role
        elif txn:
            txn.local = NOT_LOCAL
        session.role = role

    # ---- the walk ----

    def any_role(self):
        if self.rng.random() < 0.7:
            return self.rng.choice(PARTIES)
        return self.rng.choice(list(self.roles.inherit) + [None])

    def step(self, session):
        rng, txn = self.rng, session.txn
        kind = rng.random()
        if txn is None:
            if self.prepared and kind < 0.3:
                self.finish(session, rng.choice(list(self.prepared)))
            elif kind < 0.4:
                self.begin(session)
            elif kind < 0.5:
                self.set_role(session, self.any_role())
            else:
                self.dml(session)
        elif txn.failed:
            if txn.marks and kind < 0.7:
                self.rollback_to(session)
            elif kind < 0.72:
                self.say(session, "SELECT 1;", ABORTED)
            elif kind < 0.74:
                self.savepoint(session)
            elif kind < 0.78:
                self.prepare(session)
            elif kind < 0.92:
                self.commit(session)
            else:
                self.rollback(session)
        elif kind < 0.6:
            self.dml(session)
        elif kind < 0.67:
            self.set_role(session, self.any_role(), rng.random() < 0.3)
        elif kind < 0.77:
            self.savepoint(session)
        elif kind < 0.83:
            self.rollback_to(session) if txn.marks or rng.random() < 0.1 \
                else self.dml(session)
        elif kind < 0.88:
            self.release(session) if txn.marks or rng.random() < 0.1 \
                else self.dml(session)
        elif kind < 0.92 and len(self.prepared) < 2:
            self.prepare(session)
        elif kind < 0.98:
            self.commit(session)
        else:
            self.rollback(session)

    def make(self):
        rng = self.rng
        for session in self.sessions:
            self.set_role(session, rng.choice(PARTIES))
        for _ in range(rng.randint(6, 16)):
            self.step(rng.choice(self.sessions))
        for session in self.sessions:
            if session.txn is not None:
                (self.commit if rng.random() < 0.85 else
                 self.rollback)(session)
        while self.prepared:
            self.finish(self.sessions[0], next(iter(self.prepared)))
        return self
