"""Worlds for histories: some datasets with random rules, and their tables.

A world is one context of the document; worlds share nothing but parties, so
several can be walked through at once.
"""

import os
import sys

sys.path.insert(1, os.path.join(os.path.dirname(__file__), "..", "agreement"))

from model import (Child, Column, Dataset, Edge, State, dumps, guards_for,
                   ident, quote)
from oracle import Roles

ROLE = "regress_hist_"
PARTIES = ["p0", "p1", "p2", "p3"]
# role: (inherits?, member of)
MEMBERS = {
    "both": (True, ["p0", "p1"]),
    "noinherit": (False, ["p2"]),
    "deep": (True, ["both", "p3"]),
    "stranger": (True, []),
    "super": (True, []),
    "super_p2": (True, ["p2"]),
}
EARLY = "2026-01-01 00:00:00+00"    # when rows that were there had come
STATES = ["draft", "open", "in review", "paid", "it's", "void"]
UNKNOWN = "zombie"

# layout, version, entered_at, audit, child
KINDS = [("plain", None, True, None, True),
         ("plain", "auto", False, "all", False),
         ("list", "require", True, None, False),
         ("range", "auto", True, None, False),
         ("hash", None, False, None, None),         # without a lifecycle
         ("plain", "auto", False, "transitions", True),
         ("plain", "require", True, "none", False),
         ("list", "auto", True, "all", True),
         ("range", None, False, "all", True),
         ("hash", "auto", True, None, False)]


def make_roles():
    roles = Roles()
    for party in PARTIES:
        roles.add(party)
    for role, (inherit, member_of) in MEMBERS.items():
        roles.add(role, inherit)
        for of in member_of:
            roles.grant(role, of)
    return roles


def roles_sql():
    sql = ["CREATE ROLE %s%s;" % (ROLE, p) for p in PARTIES]
    for role, (inherit, member_of) in MEMBERS.items():
        sql.append("CREATE ROLE %s%s %s %s;" % (
            ROLE, role, "INHERIT" if inherit else "NOINHERIT",
            "SUPERUSER" if role.startswith("super") else ""))
        sql += ["GRANT %s%s TO %s%s;" % (ROLE, of, ROLE, role)
                for of in member_of]
    sql.append("CREATE SCHEMA hist;")
    sql.append("GRANT USAGE ON SCHEMA hist TO PUBLIC;")
    sql.append("ALTER DEFAULT PRIVILEGES IN SCHEMA hist "
               "GRANT ALL ON TABLES TO PUBLIC;")
    # Runs a statement and undoes it, in the middle of another one.
    sql.append("CREATE FUNCTION hist.undone(statement text) RETURNS text "
               "LANGUAGE plpgsql AS 'BEGIN EXECUTE statement; "
               "RAISE EXCEPTION ''enough''; "
               "EXCEPTION WHEN OTHERS THEN RETURN ''undone''; END';")
    for party in PARTIES:
        sql.append("CREATE FUNCTION hist.as_%s(statement text) RETURNS void "
                   "LANGUAGE plpgsql SECURITY DEFINER AS "
                   "'BEGIN EXECUTE statement; END';" % party)
        sql.append("ALTER FUNCTION hist.as_%s(text) OWNER TO %s%s;" % (
            party, ROLE, party))
    return sql


# ---- rules ----

def some(rng, least=0, most=2):
    return rng.sample(PARTIES, rng.randint(least, most))


def random_write(rng, ds):
    write = {}
    if rng.random() < 0.7:
        write[("*",)] = some(rng, 1, 3)
    for name in ds.columns:
        if not ds.never_covered(name) and rng.random() < 0.4:
            write[(name,)] = some(rng, 0, 3)
    if rng.random() < 0.7:
        for path in rng.sample([("a",), ("b",), ("b", "c"), ("items", "[*]"),
                                ("items", "0")], 2):
            write[("doc",) + path] = some(rng, 0, 3)
    return write


def random_handoff(rng, ds):
    makers = [lambda: {"snapshot": rng.sample(["id", "note", "amount", "doc",
                                               "state"], 2)},
              lambda: {"notify": rng.choice(["billing", "desk"])},
              lambda: {"emit": "Happened"}]
    return [rng.choice(makers)() for _ in range(rng.randint(1, 3))]


def make_states(rng, ds):
    for name in ds.values:
        state = State(name)
        state.initial = rng.random() < 0.5
        state.terminal = rng.random() < 0.15
        if not state.terminal or rng.random() < 0.5:
            state.owner = rng.choice(PARTIES)
        if rng.random() < 0.5:
            state.insert = some(rng, 1, 3)
        if rng.random() < 0.7:
            state.delete = some(rng, 1, 2)
        state.locked = rng.random() < 0.7
        state.write = random_write(rng, ds)
        ds.states[name] = state
    ds.states[rng.choice(ds.values)].initial = True


def make_edges(rng, ds):
    guards = guards_for(ds)
    free = [c for c in ds.columns if not ds.never_covered(c)]
    for source in ds.values:
        if ds.states[source].terminal:
            continue
        for target in ds.values:
            if source == target or rng.random() > 0.6:
                continue
            edge = Edge()
            edge.by = some(rng, 1, 3)
            if rng.random() < 0.35:
                edge.guard = rng.choice(guards)
            if rng.random() < 0.5:
                edge.with_write = rng.sample(free, rng.randint(1, 2))
            if ds.children and rng.random() < 0.35:
                edge.children = {"items": rng.randint(1, 2)}
            if rng.random() < 0.5:
                edge.handoff = random_handoff(rng, ds)
            ds.edges[(source, target)] = edge


def columns(rng, ds, version, entered_at):
    made = [Column("id", "int4"), Column("state", "text"),
            Column("amount", "int4"), Column("note", "text"),
            Column("flag", "bool"), Column("doc", "jsonb")]
    made[0].not_null = True
    made[1].pool = ds.values
    made[2].pool = ["0", "1", "3", "5", "9"]
    made[3].pool = ["a", "b", "c", "it's"]
    for column in made[2:5]:
        if rng.random() < 0.5:
            column.default = rng.choice(column.pool)
            column.default_sql = quote(column.default)
    if version:
        column = Column("version", rng.choice(["int4", "int8"]))
        column.default = column.default_sql = "1"
        column.pool = ["1", "2", "7"]
        ds.version, ds.version_mode = "version", version
        made.append(column)
    if entered_at:
        column = Column("since", "stamp")
        column.default, column.default_sql = "now", "now()"
        ds.entered_at = "since"
        made.append(column)
    rest = made[1:]
    rng.shuffle(rest)
    return made[:1] + rest


def make_dataset(rng, world, number):
    layout, version, entered_at, audit, child = KINDS[number % len(KINDS)]
    ds = Dataset(number)
    ds.name = "d%d" % number
    ds.relation = "hist.w%d_d%d" % (world, number)
    ds.asset = "w%d.d%d" % (world, number)
    ds.layout = layout
    ds.audit = audit
    ds.key = ["id"]
    ds.owner = rng.choice(PARTIES)
    ds.producers = some(rng)
    ds.values = rng.sample(STATES, rng.randint(3, 5))
    lifecycle = child is not None
    if lifecycle:
        ds.governing = "state"
    ds.columns = {c.name: c for c in columns(rng, ds, version, entered_at)}
    if lifecycle:
        ds.states = {}
        if child:
            item = Child(ds, "items", ds.relation + "_items", ["parent"])
            item.asset = ds.asset + ".items"
            item.write = {s: some(rng, 1, 3) for s in ds.values
                          if rng.random() < 0.8}
            ds.children["items"] = item
        make_states(rng, ds)
        make_edges(rng, ds)
    ds.partition = {"list": "state", "range": "amount",
                    "hash": "id"}.get(layout)
    ds.unique = layout in ("plain", "hash")
    return ds


def make_world(rng, number):
    return [make_dataset(rng, number, n) for n in range(len(KINDS))]


# ---- the document and the tables ----

def dataset_document(rng, ds):
    doc = {"relation": ds.relation, "owner": ds.owner, "key": ["id"],
           "sot": {"store": "main"}}
    if ds.producers:
        doc["producers"] = {p: {} for p in ds.producers}
    if ds.audit:
        doc["audit"] = ds.audit
    if ds.states is None:
        return doc
    cycle = {"governing": "state",
             "states": {s.name: s.document(rng) for s in ds.states.values()},
             "transitions": {"%s -> %s" % pair: edge.document()
                             for pair, edge in ds.edges.items()}}
    if ds.version:
        cycle["contention"] = {"version": {"attribute": "version",
                                           "mode": ds.version_mode}}
    if ds.entered_at:
        cycle["entered_at"] = "since"
    if ds.children:
        cycle["children"] = {c.name: {"relation": c.relation, "via": c.via,
                                      "write": c.write}
                             for c in ds.children.values()}
    doc["lifecycle"] = cycle
    return doc


def document(rng, number, world):
    return {"kind": "DataSpine", "apiVersion": "spine/v1",
            "stores": {"main": {"kind": "postgres"}},
            "events": {"Happened": {}},
            "parties": {p: {"kind": "service", "role": ROLE + p}
                        for p in PARTIES},
            "contexts": {"w%d" % number: {"datasets": {
                ds.name: dataset_document(rng, ds) for ds in world}}}}


def apply_sql(rng, number, world):
    return "SELECT spine.apply(%s::jsonb);" % quote(
        dumps(document(rng, number, world)))


def leaves_sql(ds):
    if ds.layout == "list":
        bounds = ["FOR VALUES IN (%s)" % quote(v) for v in ds.values[:-1]]
        bounds.append("DEFAULT")
    elif ds.layout == "range":
        bounds = ["FOR VALUES FROM (MINVALUE) TO (3)",
                  "FOR VALUES FROM (3) TO (6)", "DEFAULT"]
    else:
        bounds = ["FOR VALUES WITH (MODULUS 2, REMAINDER %d)" % r
                  for r in range(2)]
    sql = []
    for i, bound in enumerate(bounds):
        leaf = "%s_%d" % (ds.relation, i)
        if i % 2:
            # The columns stand in another order.
            defs = [c.definition() for c in ds.columns.values()]
            sql.append("CREATE TABLE %s (gone int, %s);" % (
                leaf, ", ".join(reversed(defs))))
            sql.append("ALTER TABLE %s DROP COLUMN gone;" % leaf)
            sql.append("ALTER TABLE %s ATTACH PARTITION %s %s;" % (
                ds.relation, leaf, bound))
        else:
            sql.append("CREATE TABLE %s PARTITION OF %s %s;" % (
                leaf, ds.relation, bound))
    return sql


def table_sql(ds):
    defs = [c.definition() for c in ds.columns.values()]
    if ds.unique:
        defs.append("PRIMARY KEY (id)")
    sql = ["CREATE TABLE %s (%s)%s;" % (
        ds.relation, ", ".join(defs), " PARTITION BY %s (%s)" % (
            ds.layout.upper(), ds.partition) if ds.partition else "")]
    if ds.partition:
        sql += leaves_sql(ds)
    if not ds.unique:
        sql.append("CREATE INDEX ON %s (id);" % ds.relation)
    sql.append("CREATE VIEW %s_v AS SELECT * FROM %s;" % (ds.relation,
                                                         ds.relation))
    for child in ds.children.values():
        sql.append("CREATE TABLE %s (item bigint PRIMARY KEY, parent integer,"
                   " qty integer, note text);" % child.relation)
        sql.append("CREATE INDEX ON %s (parent);" % child.relation)
    return sql


def rows_sql(relation, columns_, rows):
    """INSERTs of many rows each."""
    sql = []
    for i in range(0, len(rows), 200):
        sql.append("INSERT INTO %s (%s) VALUES %s;" % (
            relation, ", ".join(ident(c) for c in columns_), ", ".join(
                "(%s)" % ", ".join(columns_[c].literal(row[c])
                                   for c in columns_)
                for row in rows[i:i + 200])))
    return sql
