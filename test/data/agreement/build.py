"""Building random datasets, and the SQL that creates and fills their tables."""

from model import (Child, Column, Dataset, Edge, FIXED, Guard, NAMES,
                   PATHS, ROLE, SCHEMA, State, TYPES, VOLATILE, dumps,
                   guards_for, ident, mutate, path_name, quote, random_doc)
from oracle import Roles

# ---- roles and parties ----

# Party k acts as role p<k>; the last party is a person without a role.
PARTIES = ["p%d" % k for k in range(7)] + ["nobody"]
SUPERUSERS = ("super", "super_member", "super_noinherit", "super_deep", "p6")
# role: (inherits?, member of)
MEMBERS = {
    "both": (True, ["p0", "p1"]),
    "noinherit": (False, ["p2"]),
    "deep": (True, ["both", "p3"]),
    "behind": (True, ["noinherit"]),        # p2 stops at noinherit
    "stranger": (True, []),
    "tables": (True, []),                   # owns the tables
    "super": (True, []),
    "super_member": (True, ["p1"]),
    "super_noinherit": (False, ["p4"]),
    "super_deep": (True, ["both"]),
    "under_super": (True, ["super"]),       # a superuser is no party
    "under_member": (True, ["super_member"]),
}
# What changes between the two halves of the run.
REVOKES = [("both", "p0"), ("noinherit", "p2"), ("super_member", "p1")]
GRANTS = [("stranger", "p4"), ("noinherit", "p2"), ("super", "p5"),
          ("super_member", "p3")]
INHERITS = ["noinherit"]
# Being a superuser changes nothing, neither do these.
ATTRIBUTES = [("super_deep", "NOSUPERUSER"), ("stranger", "SUPERUSER")]


# From PostgreSQL 16 on each grant says by itself if it is inherited.
MEMBERS_16 = {
    "granted_off": (True, [("p5", False), ("both", False), ("p0", True)]),
    "granted_on": (False, [("p5", True), ("p1", False)]),
}


def members_of(server):
    """(role, inherits?, [(of, says the grant itself?)]) for a server."""
    for role, (inherit, member_of) in MEMBERS.items():
        yield role, inherit, [(of, None) for of in member_of]
    if server >= 160000:
        for role, (inherit, member_of) in MEMBERS_16.items():
            yield role, inherit, member_of


def make_roles(server):
    roles = Roles()
    for k in range(7):
        roles.add("p%d" % k)
    for role, inherit, member_of in members_of(server):
        roles.add(role, inherit)
        for of, inherited in member_of:
            roles.grant(role, of, inherited)
    return roles


def change_roles(roles):
    for role, of in REVOKES:
        roles.revoke(role, of)
    for role in INHERITS:
        roles.inherit[role] = True
    for role, of in GRANTS:
        roles.grant(role, of)


def roles_sql(server):
    sql = []
    for k in range(7):
        sql.append("CREATE ROLE %sp%d LOGIN;" % (ROLE, k))
    for role, inherit, _ in members_of(server):
        sql.append("CREATE ROLE %s%s LOGIN %s;" % (
            ROLE, role, "INHERIT" if inherit else "NOINHERIT"))
    for role in SUPERUSERS:
        sql.append("ALTER ROLE %s%s SUPERUSER;" % (ROLE, role))
    for role, _, member_of in members_of(server):
        for of, inherited in member_of:
            sql.append("GRANT %s%s TO %s%s%s;" % (
                ROLE, of, ROLE, role, "" if inherited is None else
                " WITH INHERIT " + str(inherited).upper()))
    return sql


def change_roles_sql():
    return (["REVOKE %s%s FROM %s%s;" % (ROLE, of, ROLE, role)
             for role, of in REVOKES] +
            ["ALTER ROLE %s%s INHERIT;" % (ROLE, role) for role in INHERITS] +
            ["ALTER ROLE %s%s %s;" % (ROLE, role, attribute)
             for role, attribute in ATTRIBUTES] +
            ["GRANT %s%s TO %s%s;" % (ROLE, of, ROLE, role)
             for role, of in GRANTS])


# ---- columns ----

STATE_NAMES = ["draft", "Draft", "open", "in review", "paid", "void",
               "\u00e9tat", "it's", "a.b", "insert", "0", "true",
               "long_state_name_number_one", "long_state_xame_number_one",
               'say "x"', "*x"]
GOVERNING = ["text", "enum", "int4", "bool", "varchar", "bpchar", "name",
             "int2", "int8", "domain_text", "domain_varchar", "domain_bpchar",
             "domain_enum", "domain_int"]
GOVERNING_TYPES = {"varchar": "varchar(20)", "bpchar": "char(20)",
                   "domain_text": SCHEMA + ".state_text",
                   "domain_varchar": SCHEMA + ".state_varchar",
                   "domain_bpchar": SCHEMA + ".state_bpchar",
                   "domain_int": SCHEMA + ".state_int",
                   "text": "text", "int4": "integer", "bool": "boolean",
                   "name": "name", "int2": "smallint", "int8": "bigint"}
LAYOUTS = ["plain", "hash", "list", "range", "inherit", "plain", "listhash",
           "plain"]


def governing_column(rng, ds, kind):
    """The governing column, the states' names, and a value of no state."""
    column = Column(rng.choice(["status", "state", "St.ate", "stage"]), kind)
    column.pool = []
    unknown = None
    if kind in ("int4", "int2", "int8", "domain_int"):
        names = rng.sample(["0", "1", "2", "-5", "42", "300", "7", "12"],
                           rng.randint(2, 8))
        unknown = "99"
    elif kind == "bool":
        names = ["true", "false"]
    else:
        names = rng.sample(STATE_NAMES, rng.randint(2, 8))
        if kind in ("varchar", "bpchar", "domain_varchar", "domain_bpchar"):
            names = [n for n in names if len(n) <= 20] or ["draft"]
        unknown = "zombie"
    if kind in ("enum", "domain_enum"):
        column.type = "%s.state_%d" % (SCHEMA, ds.number)
        if kind == "domain_enum":
            column.type += "_domain"
    else:
        column.type = GOVERNING_TYPES[kind]
    column.kind = "state"
    column.json = lambda value: (
        None if value is None else value == "true" if kind == "bool" else value)
    return column, names, unknown


def plain_columns(rng, ds, plan):
    """The attributes beside those that the guard knows."""
    kinds = ["text", "int4", "jsonb"]
    others = [k for k in TYPES if k not in ("jsonb",)]
    if ds.dense:
        kinds += ["bool"] + rng.sample(FIXED, rng.randint(3, 8))
    kinds += rng.sample(others, rng.randint(3, 9))
    if rng.random() < 0.4:
        kinds.append("jsonb")
    if plan["wide"]:
        kinds += [rng.choice(others) for _ in range(66)]
    names = rng.sample(NAMES, min(len(NAMES), len(kinds)))
    names += ["w%d" % i for i in range(len(kinds) - len(names))]
    columns = []
    for name, kind in zip(names, kinds):
        column = Column(name, kind)
        if kind == "jsonb" and rng.random() < 0.5:
            column.default = rng.choice([{}, {"a": "x"}])
            column.default_sql = quote(dumps(column.default))
        elif kind == "stamp" and rng.random() < 0.5:
            column.default = "now"      # never among the values of the pool
            column.default_sql = "now()"
        elif kind in VOLATILE and rng.random() < 0.15:
            column.volatile = True
            column.default_sql = VOLATILE[kind]
            column.identity = kind == "int8" and ds.layout == "plain"
            column.not_null = column.identity
        elif kind not in ("jsonb", "stocked") and rng.random() < 0.4:
            column.default = rng.choice(column.pool)
            column.default_sql = quote(column.default)
        column.external = kind == "text" and rng.random() < 0.5
        columns.append(column)
    return columns


def random_value(rng, column, nulls=0.2):
    if not column.not_null and rng.random() < nulls:
        return None
    return random_doc(rng) if column.is_jsonb else rng.choice(column.pool)


def new_value(rng, column, old):
    """A value that differs from the old one (most likely)."""
    if column.is_jsonb:
        return mutate(rng, old)
    return random_value(rng, column, 0.12)


def make_columns(rng, ds, plan):
    keys = [Column("id", rng.choice(["int4", "int8", "text", "uuid"]))]
    if rng.random() < 0.3:
        keys.append(Column("part", rng.choice(["int4", "text"])))
    for column in keys:
        column.not_null = True
    columns = plain_columns(rng, ds, plan)
    if plan["lifecycle"]:
        governing, names, unknown = governing_column(rng, ds,
                                                     plan["governing"])
        ds.governing = governing.name
        ds.values = list(names)
        ds.unknown = unknown
        ds.nullable = rng.random() < 0.5
        governing.not_null = not ds.nullable
        governing.pool = names
        if rng.random() < 0.4:
            governing.default = rng.choice(names)
            governing.default_sql = quote(governing.default)
        columns.append(governing)
        if plan["version"]:
            version = Column("version", rng.choice(
                ["int4", "int8", "int2", "positive"]))
            version.default, version.default_sql = "1", "1"
            version.pool = ["1", "2", "3", "4", "5"]
            ds.version, ds.version_mode = "version", plan["version"]
            columns.append(version)
        if plan["entered_at"]:
            since = Column("since", "stamp")
            since.default, since.default_sql = "now", "now()"
            ds.entered_at = "since"
            columns.append(since)
    number_column = next(c for c in columns if c.kind == "int4")
    if rng.random() < 0.6:
        generated = Column("computed", "int4")
        generated.generated = "%s * 2" % ident(number_column.name)
        columns.append(generated)
    rng.shuffle(columns)
    at = rng.choice([0, 0, len(columns) // 2])
    columns[at:at] = keys
    if ds.dense:
        columns.sort(key=lambda c: c.kind not in FIXED or
                     c.generated is not None)
    ds.columns = {c.name: c for c in columns}
    ds.key = [c.name for c in keys]
    if ds.layout in ("list", "listhash"):
        ds.partition = ds.governing
    elif ds.layout == "range":
        ds.partition = number_column.name
    elif ds.layout == "hash":
        ds.partition = ds.key[0]
    ds.unique = ds.layout in ("plain", "hash", "inherit")
    ds.declared_key = not ds.unique or rng.random() < 0.4
    # Columns that are there at first and dropped, or come later.
    ds.dropped = [(rng.randrange(len(columns) + 1), t) for t in
                  rng.sample(["integer", "text", "bigint"], rng.randrange(3))
                  if not ds.dense]
    movable = [c.name for c in columns if c.name not in
               (*ds.key, ds.governing, ds.version, ds.entered_at,
                ds.partition, "computed", number_column.name) and
               not c.volatile and c.default != "now"]
    ds.late = rng.sample(movable, min(2, len(movable))) \
        if rng.random() < 0.5 and not ds.dense else []
    # A column that comes late stands last.
    for name in ds.late:
        ds.columns[name] = ds.columns.pop(name)


# ---- rows ----

def key_value(kind, n):
    if kind == "uuid":
        return "%08d-0000-0000-0000-%012d" % (n, n)
    return "k%d" % n if kind == "text" else str(n)


def make_key(rng, ds, n):
    key = {ds.key[0]: key_value(ds.columns[ds.key[0]].kind, n)}
    for name in ds.key[1:]:
        key[name] = rng.choice(["1", "2"] if ds.columns[name].kind == "int4"
                               else ["x", "y"])
    return key


def make_rows(rng, ds):
    states = list(ds.values) if ds.governing else [None] * 4
    wanted = [s for s in states for _ in range(3)]
    if ds.governing:
        if ds.unknown:
            wanted.append(ds.unknown)
        if ds.nullable:
            wanted.append(None)
    for n, state in enumerate(wanted):
        row = {}
        for name, column in ds.columns.items():
            row[name] = random_value(rng, column,
                                     0.01 if ds.dense else 0.2)
        row.update(make_key(rng, ds, n))
        if ds.governing:
            row[ds.governing] = state
        if ds.version:
            row[ds.version] = None if n == 5 and rng.random() < 0.5 \
                else rng.choice(["1", "2", "7"])
        row["_leaf"] = None
        row["_early"] = rng.random() < 0.5
        if row["_early"]:
            for name in ds.late:
                row[name] = ds.columns[name].default
                if row[name] == "now":
                    row["_early"] = False
        if "computed" in ds.columns:
            row["computed"] = None
        row["_child"] = ds.layout == "inherit" and rng.random() < 0.5
        ds.rows.append(row)


def make_children(rng, ds):
    for name in ds.key:
        if ds.columns[name].kind == "uuid" and rng.random() < 0.5:
            return
    child = Child(ds, "items", "%s.c%d" % (SCHEMA, ds.number),
                  ["parent_" + k for k in ds.key])
    for n in range(14):
        parent = rng.choice(ds.rows)
        row = {"item": str(n + 1), "qty": rng.choice(["1", "2", None]),
               "note": rng.choice(["a", None])}
        for via, key in zip(child.via, ds.key):
            row[via] = parent[key]
        if n == 12:
            row[child.via[0]] = None
        if n == 13:
            row[child.via[0]] = key_value(ds.columns[ds.key[0]].kind, 999)
        child.rows.append(row)
        key = tuple(row[via] for via in child.via)
        child.counts[key] = child.counts.get(key, 0) + 1
    ds.children["items"] = child


# ---- rules ----

def some(rng, least=0, most=3):
    return rng.sample(PARTIES, rng.randint(least, most))


def random_write(rng, ds):
    write = {}
    if rng.random() < 0.5:
        write[("*",)] = some(rng)
    for name in ds.columns:
        if ds.never_covered(name):
            continue
        if rng.random() < 0.35:
            write[(name,)] = some(rng)
        if ds.columns[name].is_jsonb and rng.random() < 0.85:
            for path in rng.sample(PATHS, rng.randint(1, 6)):
                write[(name,) + path] = some(rng)
    return write


def random_handoff(rng, ds):
    plain = [path_name((c,)) for c in ds.columns
             if not ds.columns[c].generated]
    return [rng.choice([{"snapshot": rng.sample(plain, 1)},
                        {"notify": "topic"}, {"emit": "SomethingHappened"}])
            for _ in range(rng.randrange(3))]


def function_guard(rng, ds):
    c = next(c for c in ds.columns.values() if c.kind == "int4" and
             c.name not in ds.key and not c.generated)
    return Guard("%s.guard_%d(%s,%s)" % (SCHEMA, ds.number, ds.relation,
                                         ds.relation),
                 lambda o, n: None if n[c.name] is None
                 else int(n[c.name]) > 0, True, True)


def make_lifecycle(rng, ds):
    """States and transitions; called anew for the second half of the run."""
    names = list(ds.values)
    ds.states = {}
    ds.edges = {}
    for name in names:
        state = State(name)
        state.initial = rng.random() < 0.5
        state.terminal = rng.random() < 0.2
        if not state.terminal or rng.random() < 0.5:
            state.owner = rng.choice(PARTIES)
        if rng.random() < 0.5:
            state.insert = some(rng)
        if rng.random() < 0.6:
            state.delete = some(rng)
        state.locked = rng.random() < 0.6
        state.write = random_write(rng, ds)
        if not state.locked and rng.random() < 0.6:
            state.write.pop(("*",), None)
        ds.states[name] = state
    ds.states[rng.choice(names)].initial = True

    guards = guards_for(ds)
    settable = [c for c in ds.columns if not ds.never_covered(c)]
    for source in names:
        if ds.states[source].terminal:
            continue
        for target in names:
            if rng.random() > (0.6 if target != source else 0.05):
                continue
            edge = Edge()
            edge.by = some(rng, 1)
            if rng.random() < 0.6:
                edge.guard = function_guard(rng, ds) if ds.has_function and \
                    rng.random() < 0.3 else rng.choice(guards)
            if rng.random() < 0.5:
                edge.with_write = rng.sample(settable, rng.randint(1, 3))
            if ds.children and rng.random() < 0.3:
                edge.children = {"items": rng.randint(1, 2)}
            if rng.random() < 0.3:
                edge.handoff = random_handoff(rng, ds)
            ds.edges[(source, target)] = edge
    for child in ds.children.values():
        child.write = {s: some(rng) for s in names if rng.random() < 0.7}


def make_dataset(rng, number, plan):
    ds = Dataset(number)
    ds.layout = plan["layout"]
    ds.enforcement = plan["enforcement"]
    ds.dense = plan["dense"]
    ds.audit = rng.choice([None, "all", "transitions", "none"])
    ds.owner = rng.choice(PARTIES)
    ds.producers = some(rng)
    make_columns(rng, ds, plan)
    make_rows(rng, ds)
    ds.has_function = plan["lifecycle"] and any(
        c.kind == "int4" and c.name not in ds.key and not c.generated
        for c in ds.columns.values())
    if plan["lifecycle"]:
        if plan["children"]:
            make_children(rng, ds)
        make_lifecycle(rng, ds)
    return ds


def plans(rng, count):
    """What each dataset is to be like, so that every kind is there."""
    for n in range(count):
        lifecycle = n % 7 != 6
        layout = LAYOUTS[n % len(LAYOUTS)]
        if not lifecycle and layout.startswith("list"):
            layout = "hash"
        yield {"lifecycle": lifecycle,
               "governing": GOVERNING[n % len(GOVERNING)],
               "layout": layout,
               "version": [None, "require", "auto"][n % 3],
               "entered_at": n % 2 == 0,
               "children": n % 8 in (0, 2, 3, 4, 7),
               "wide": n % 16 == 5,
               "dense": n % 5 in (0, 3),
               "enforcement": {20: "observe", 37: "off"}.get(n)}


# ---- the document ----

def dataset_document(rng, ds):
    doc = {"relation": ds.relation, "owner": ds.owner}
    if ds.producers:
        doc["producers"] = {p: {} for p in ds.producers}
    if ds.enforcement:
        doc["enforcement"] = ds.enforcement
    if ds.audit:
        doc["audit"] = ds.audit
    if ds.declared_key:
        doc["key"] = ds.key
    if ds.states is None:
        return doc
    cycle = {"governing": ds.governing,
             "states": {s.name: s.document(rng) for s in ds.states.values()},
             "transitions": {"%s -> %s" % pair: edge.document()
                             for pair, edge in ds.edges.items()}}
    if ds.version:
        version = {"attribute": ds.version}
        if ds.version_mode == "auto" or rng.random() < 0.5:
            version["mode"] = ds.version_mode
        cycle["contention"] = {"version": version}
    if ds.entered_at:
        cycle["entered_at"] = ds.entered_at
    if ds.children:
        cycle["children"] = {name: {"relation": child.relation,
                                    "via": child.via, "write": child.write}
                             for name, child in ds.children.items()}
    doc["lifecycle"] = cycle
    return doc


def document(rng, datasets):
    """The document of some datasets, with all parties."""
    parties = {p: {"kind": "service", "role": ROLE + p} for p in PARTIES[:-1]}
    parties["nobody"] = {"kind": "person"}
    return {"kind": "DataSpine", "apiVersion": "spine/v1",
            "parties": parties, "stores": {"main": {"kind": "postgres"}},
            "contexts": {"c%d" % ds.number: {
                "datasets": {ds.name: dataset_document(rng, ds)}}
                for ds in datasets}}


# ---- tables ----

def common_sql():
    return ["CREATE SCHEMA %s;" % SCHEMA,
            "CREATE DOMAIN agree.positive AS integer CHECK (VALUE > 0);",
            "CREATE DOMAIN agree.stocked AS text DEFAULT 'none';",
            "CREATE TYPE agree.color AS ENUM ('red', 'green');",
            "CREATE TYPE agree.pair AS (x integer, y text);",
            "CREATE DOMAIN agree.state_text AS text;",
            "CREATE DOMAIN agree.state_varchar AS varchar(20);",
            "CREATE DOMAIN agree.state_bpchar AS char(20);",
            "CREATE DOMAIN agree.state_int AS integer;",
            "CREATE SEQUENCE agree.numbers;",
            "GRANT ALL ON SCHEMA agree TO PUBLIC;",
            "GRANT ALL ON SEQUENCE agree.numbers TO PUBLIC;"]


def state_type_sql(ds):
    if not ds.governing:
        return []
    column = ds.columns[ds.governing]
    enum = "%s.state_%d" % (SCHEMA, ds.number)
    if not column.type.startswith(enum):
        return []
    labels = ds.values + [ds.unknown]
    sql = ["CREATE TYPE %s AS ENUM (%s);" % (enum,
                                             ", ".join(map(quote, labels)))]
    if column.type != enum:
        sql.append("CREATE DOMAIN %s AS %s;" % (column.type, enum))
    return sql


def column_list(ds, dropped, names):
    defs = [ds.columns[n].definition() for n in names]
    for i, (at, sqltype) in enumerate(dropped):
        defs.insert(min(at, len(defs)), "gone%d %s" % (i, sqltype))
    return ",\n    ".join(defs)


def bound_values(ds, values):
    column = ds.columns[ds.partition]
    return ", ".join(quote(v) for v in values) if column else ""


def leaves_sql(rng, ds, names):
    """Partitions: some made in place, some attached with another layout."""
    ds.leaves = []
    bounds = []
    if ds.layout == "hash":
        bounds = ["WITH (MODULUS 3, REMAINDER %d)" % r for r in range(3)]
    elif ds.layout == "range":
        bounds = ["FROM (MINVALUE) TO (1)", "FROM (1) TO (4)", "DEFAULT"]
    else:
        values = list(ds.values)
        while values:
            take, values = values[:2], values[2:]
            bounds.append("IN (%s)" % ", ".join(map(quote, take)))
            if ds.columns[ds.governing].type == "boolean":
                bounds[-1] = "IN (true, false)"
                values = []
        bounds.append("DEFAULT")
    sql = []
    for i, bound in enumerate(bounds):
        bound = bound if bound == "DEFAULT" else "VALUES " + bound \
            if not bound.startswith("WITH") else "WITH" + bound[4:]
        forvalues = bound if bound == "DEFAULT" else \
            "FOR VALUES " + bound.replace("VALUES ", "", 1)
        leaf = "%s_%d" % (ds.relation, i)
        if ds.layout == "listhash" and i == 0:
            sql.append("CREATE TABLE %s PARTITION OF %s %s PARTITION BY HASH (%s);"
                       % (leaf, ds.relation, forvalues, ident(ds.key[0])))
            for r in range(2):
                sql.append("CREATE TABLE %s_%d PARTITION OF %s FOR VALUES WITH (MODULUS 2, REMAINDER %d);"
                           % (leaf, r, leaf, r))
            continue
        if rng.random() < 0.5:
            sql.append("CREATE TABLE %s PARTITION OF %s %s;" % (
                leaf, ds.relation, forvalues))
            continue
        order = list(names)
        rng.shuffle(order)
        sql.append("CREATE TABLE %s (\n    %s);" % (
            leaf, column_list(ds, [(1, "text")], order)))
        sql.append("ALTER TABLE %s DROP COLUMN gone0;" % leaf)
        sql.append("ALTER TABLE %s ATTACH PARTITION %s %s;" % (
            ds.relation, leaf, forvalues))
    return sql


def insert_sql(ds, row, names, relation=None):
    named = [n for n in names if not ds.columns[n].generated]
    return "INSERT INTO %s (%s) VALUES (%s);" % (
        relation or ds.relation, ", ".join(map(ident, named)),
        ", ".join(ds.columns[n].literal(row[n]) for n in named))


def table_sql(rng, ds):
    sql = state_type_sql(ds)
    early = [n for n in ds.columns if n not in ds.late]
    method = {"hash": "HASH", "list": "LIST", "listhash": "LIST",
              "range": "RANGE"}.get(ds.layout)
    sql.append("CREATE TABLE %s (\n    %s%s)%s;" % (
        ds.relation, column_list(ds, ds.dropped, early),
        ",\n    PRIMARY KEY (%s)" % ", ".join(map(ident, ds.key))
        if ds.unique else "",
        " PARTITION BY %s (%s)" % (method, ident(ds.partition))
        if method else ""))
    if method:
        # Attached leaves lack the columns that will be dropped.
        sql += ["ALTER TABLE %s DROP COLUMN gone%d;" % (ds.relation, i)
                for i in range(len(ds.dropped))]
        sql += leaves_sql(rng, ds, early)
    for column in ds.columns.values():
        if column.external and column.name in early:
            sql.append("ALTER TABLE %s ALTER %s SET STORAGE EXTERNAL;" % (
                ds.relation, ident(column.name)))
    if ds.layout == "inherit":
        sql.append("CREATE TABLE %s_heir (own text) INHERITS (%s);" % (
            ds.relation, ds.relation))
    for row in ds.rows:
        if row["_early"]:
            sql.append(insert_sql(ds, row, early, ds.relation + "_heir"
                                  if row["_child"] else None))
    if not method:
        sql += ["ALTER TABLE %s DROP COLUMN gone%d;" % (ds.relation, i)
                for i in range(len(ds.dropped))]
    sql += ["ALTER TABLE %s ADD COLUMN %s;" % (
        ds.relation, ds.columns[n].definition()) for n in ds.late]
    for row in ds.rows:
        if not row["_early"]:
            sql.append(insert_sql(ds, row, ds.columns, ds.relation + "_heir"
                                  if row["_child"] else None))
    for child in ds.children.values():
        sql.append("CREATE TABLE %s (%s, PRIMARY KEY (item));" % (
            child.relation, ", ".join(c.definition()
                                      for c in child.columns.values())))
        for row in child.rows:
            sql.append("INSERT INTO %s VALUES (%s);" % (
                child.relation, ", ".join(child.columns[c].literal(row[c])
                                          for c in child.columns)))
    if ds.states is not None and ds.has_function:
        column = next(c.name for c in ds.columns.values() if c.kind == "int4"
                      and c.name not in ds.key and not c.generated)
        sql.append("CREATE FUNCTION agree.guard_%d(%s, %s) RETURNS boolean "
                   "LANGUAGE sql STABLE AS %s;" % (
                       ds.number, ds.relation, ds.relation,
                       quote("SELECT ($2).%s > 0" % ident(column))))
    for view, options in (("v", ""), ("w", " WITH (security_invoker)")):
        sql.append("CREATE VIEW %s.%s%d%s AS SELECT * FROM %s;" % (
            SCHEMA, view, ds.number, options, ds.relation))
    return sql


def prepare_sql(ds):
    """One prepared UPDATE per column, shared by all roles."""
    sql = []
    step = ", %s = %s + 1" % (ident(ds.version), ident(ds.version)) \
        if ds.version_mode == "require" else ""
    names = {}
    for i, (name, column) in enumerate(ds.columns.items()):
        if column.generated or name == ds.version:
            continue
        names[name] = "agree_%d_%d" % (ds.number, i)
        sql.append("PREPARE %s AS UPDATE %s SET %s = $1%s WHERE %s;" % (
            names[name], ds.relation, ident(name), step,
            " AND ".join("%s = $%d" % (ident(k), n + 2)
                         for n, k in enumerate(ds.key))))
    ds.prepared = names
    return sql


def rights_sql(role_names):
    """Every role gets every privilege: the matrix alone decides."""
    roles = ", ".join(ROLE + r for r in role_names)
    sql = ["GRANT ALL ON ALL TABLES IN SCHEMA agree TO %s;" % roles,
           "GRANT ALL ON ALL SEQUENCES IN SCHEMA agree TO %s;" % roles,
           "GRANT pg_read_server_files TO %s;" % roles]
    for k in range(7):
        sql.append("CREATE FUNCTION agree.as_p%d(statement text) RETURNS void "
                   "LANGUAGE plpgsql SECURITY DEFINER AS "
                   "'BEGIN EXECUTE statement; END';" % k)
        sql.append("ALTER FUNCTION agree.as_p%d(text) OWNER TO %sp%d;" % (
            k, ROLE, k))
    return sql


def owner_sql(ds):
    return ["ALTER TABLE %s OWNER TO %stables;" % (r, ROLE) for r in
            [ds.relation] + [c.relation for c in ds.children.values()]] + [
        "ALTER VIEW %s.%s%d OWNER TO %stables;" % (SCHEMA, v, ds.number, ROLE)
        for v in "vw"]
