"""Random datasets: columns, rows, lifecycles, and the SQL that makes them."""

from oracle import GONE, GuardError, JNULL, Num, same

SCHEMA = "agree"
ROLE = "regress_agree_"


# ---- writing SQL and JSON ----

def ident(name):
    return '"' + name.replace('"', '""') + '"'


def quote(text):
    return "'" + text.replace("'", "''") + "'"


ESCAPES = str.maketrans({'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t",
                         "\r": "\\r"})


def dumps(value):
    if value is None or value is JNULL:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, (Num, int)):
        return str(value)
    if isinstance(value, str):
        return '"' + value.translate(ESCAPES) + '"'
    if isinstance(value, dict):
        return "{" + ", ".join(dumps(k) + ": " + dumps(v)
                               for k, v in value.items()) + "}"
    return "[" + ", ".join(map(dumps, value)) + "]"


def path_name(parts):
    """An attribute or path as the document spells it."""
    return ".".join('"' + p.replace('"', '""') + '"'
                    if p == "" or "." in p or '"' in p else p for p in parts)


def action_name(parts):
    """The same as an action of may: called like one, it is quoted."""
    name = path_name(parts)
    if name in ("insert", "delete"):
        return '"' + name + '"'
    if name.startswith("-> "):
        return ".".join(['"' + parts[0] + '"'] + ([path_name(parts[1:])]
                                                  if parts[1:] else []))
    return name


# ---- columns ----

LONG = "0123456789abcdef" * 160     # is stored out of line
TYPES = {
    # kind: (SQL type, pool of values)
    "text": ("text", ["", "a", "b", "hello world", "it's", "\u00e9t\u00e9",
                      "x" * 130, LONG, LONG + "!"]),
    "varchar": ("varchar(8)", ["", "abc", "abcd", "12345678"]),
    "char": ("char(6)", ["abc", "abcdef", "x"]),
    "name": ("name", ["n1", "n2", "some_name"]),
    "int2": ("smallint", ["0", "1", "-7", "256"]),
    "int4": ("integer", ["0", "1", "3", "5", "-1", "16777216"]),
    "int8": ("bigint", ["0", "1", "72057594037927936", "-2"]),
    "numeric": ("numeric", ["0", "1", "1.0", "1.00", "-5.25", "100000"]),
    "float8": ("double precision", ["0", "-0", "1.5", "-2.25", "NaN"]),
    "bool": ("boolean", ["true", "false"]),
    "date": ("date", ["2026-01-01", "2026-02-03"]),
    "stamp": ("timestamptz", ["2026-01-01 00:00:00+00",
                              "2026-01-01 00:00:00.000001+00"]),
    "timetz": ("timetz", ["10:00:00+00", "10:00:00+01"]),
    "mac": ("macaddr", ["08:00:2b:01:02:03", "08:00:2b:01:02:04"]),
    "bytes": ("bytea", ["\\x", "\\x00ff", "\\x0100"]),
    "uuid": ("uuid", ["00000000-0000-0000-0000-000000000001",
                      "00000000-0000-0000-0000-000000000002"]),
    "array": ("text[]", ["{}", "{a,b}", "{a,NULL}", "{b}"]),
    "range": ("int4range", ["[1,5)", "[1,6)", "empty"]),
    "point": ("point", ["(1,2)", "(1,3)"]),
    "positive": (SCHEMA + ".positive", ["1", "2", "40"]),
    "stocked": (SCHEMA + ".stocked", ["none", "some"]),
    "color": (SCHEMA + ".color", ["red", "green"]),
    "pair": (SCHEMA + ".pair", ["(1,a)", "(2,a)", "(2,)"]),
    "jsonb": ("jsonb", None),
}
# Of one width, so that they can stand at a known offset.
FIXED = ["name", "int2", "int4", "int8", "float8", "bool", "date", "stamp",
         "timetz", "mac", "uuid", "point", "positive", "color"]
# Default of the type itself.
TYPE_DEFAULTS = {"stocked": "none"}
VOLATILE = {"uuid": "gen_random_uuid()", "float8": "random()",
            "int8": "nextval('" + SCHEMA + ".numbers')"}
NAMES = ["note", "amount", "qty", "Flag One", "code", "ref", "a.b", 'say "x"',
         "insert", "delete", "-> x", "tag", "size", "kind", "owner", "extra",
         "more", "rest", "last", "mass", "user", "u1", "u2", "u3", "u4", "u5"]


class Column:
    def __init__(self, name, kind):
        self.name = name
        self.kind = kind
        self.type, self.pool = TYPES.get(kind, (None, None))
        self.is_jsonb = kind == "jsonb"
        self.generated = None       # expression
        self.default = TYPE_DEFAULTS.get(kind)
        self.default_sql = None
        self.volatile = False
        self.not_null = False
        self.identity = False
        self.external = False       # storage

    def literal(self, value):
        if value is None:
            return "NULL"
        text = dumps(value) if self.is_jsonb else value
        return quote(text) + "::" + self.type

    def json(self, value):
        """A value as jsonb_populate_record understands it."""
        if value is None or self.is_jsonb:
            return value
        if self.kind == "bool":
            return value == "true"
        if self.kind in ("int2", "int4", "int8", "numeric"):
            return Num(value)
        if self.kind == "array":
            inner = value[1:-1]
            return [None if v == "NULL" else v
                    for v in inner.split(",")] if inner else []
        if self.kind == "pair":
            x, y = value[1:-1].split(",")
            return {"x": Num(x), "y": y or None}
        return value

    def definition(self):
        sql = ident(self.name) + " " + self.type
        if self.generated:
            sql += " GENERATED ALWAYS AS (" + self.generated + ") STORED"
        if self.identity:
            sql += " GENERATED BY DEFAULT AS IDENTITY"
        elif self.default_sql:
            sql += " DEFAULT " + self.default_sql
        if self.not_null:
            sql += " NOT NULL"
        return sql


# ---- jsonb values ----

SCALARS = [Num("1"), Num("1.0"), Num("1.00"), Num("-3"), "x", "y", "",
           True, False, JNULL]


def random_doc(rng):
    """A value for a jsonb column."""
    shape = rng.random()
    if shape < 0.05:
        return rng.choice(SCALARS[:-1])
    if shape < 0.12:
        return [rng.choice(SCALARS) for _ in range(rng.randrange(4))]
    doc = {}
    if rng.random() < 0.8:
        doc["a"] = rng.choice(SCALARS)
    if rng.random() < 0.8:
        doc["b"] = {"c": rng.choice(SCALARS)}
        if rng.random() < 0.6:
            doc["b"]["d"] = {"e": rng.choice(SCALARS)}
    if rng.random() < 0.7:
        doc["items"] = [{"sku": rng.choice("pqr"), "n": rng.choice(SCALARS)}
                        for _ in range(rng.randrange(4))]
    if rng.random() < 0.3:
        doc["grid"] = [[rng.choice(SCALARS) for _ in range(2)]
                       for _ in range(rng.randrange(3))]
    if rng.random() < 0.3:
        doc["x.y"] = rng.choice(SCALARS)
    if rng.random() < 0.3:
        doc["0"] = rng.choice(SCALARS)
    if rng.random() < 0.05:
        doc["a"] = LONG
    return doc


PATHS = [("a",), ("b",), ("b", "c"), ("b", "d"), ("b", "d", "e"), ("items",),
         ("items", "[*]"), ("items", "0"), ("items", "1"),
         ("items", "[*]", "sku"), ("items", "1", "sku"), ("items", "[*]", "n"),
         ("grid", "[*]", "0"), ("grid", "0", "[*]"), ("grid",), ("x.y",),
         ("0",), ("[*]",), ("[*]", "sku"), ("z",)]


def inner_paths(value, steps=()):
    yield steps
    if isinstance(value, dict):
        for key in value:
            yield from inner_paths(value[key], steps + (key,))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from inner_paths(inner, steps + (i,))


def get(value, steps):
    for step in steps:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step, GONE)
        elif isinstance(value, list) and isinstance(step, int) and \
                step < len(value):
            value = value[step]
        else:
            return GONE
    return value


def put(value, steps, inner):
    """A copy with another value at a path; GONE takes it away."""
    if not steps:
        return inner
    if isinstance(value, dict):
        copy = dict(value)
    else:
        copy = list(value)
    if len(steps) == 1 and inner is GONE:
        del copy[steps[0]]
    elif isinstance(copy, list) and steps[0] == len(copy):
        copy.append(put(None, steps[1:], inner))
    else:
        copy[steps[0]] = put(copy[steps[0]] if isinstance(copy, list)
                             else copy.get(steps[0]), steps[1:], inner)
    return copy


def mutate(rng, doc):
    """Change one place of a value."""
    if doc is None or rng.random() < 0.08:
        return random_doc(rng)
    steps = rng.choice(list(inner_paths(doc)))
    here = get(doc, steps)
    if isinstance(here, dict) and rng.random() < 0.6:
        key = rng.choice(["a", "b", "items", "z", "0", "x.y", "sku", "n"])
        return put(doc, steps + (key,), rng.choice(SCALARS + [{"c": "x"}]))
    if isinstance(here, list) and rng.random() < 0.6:
        return put(doc, steps + (len(here),),
                   rng.choice(SCALARS + [{"sku": "new"}]))
    if steps and rng.random() < 0.2:
        return put(doc, steps, GONE)
    if steps and rng.random() < 0.15:
        return put(doc, steps, random_doc(rng))
    return put(doc, steps, rng.choice(SCALARS if steps else SCALARS[:-1]))


# ---- guards: SQL and what it means ----

def as_int(value):
    return None if value is None else int(value)


def ratio(new, column):
    if new[column] is None:
        return False
    if int(new[column]) == 3:
        raise GuardError
    return True


def has_key(value, key):
    if value is None:
        return None
    if isinstance(value, (dict, list)):
        return key in value
    return same(value, key)


def raises(*_):
    raise GuardError


class Guard:
    """reads: does it read columns of NEW beside the governing one?"""

    def __init__(self, sql, meaning, reads=True, function=False):
        self.sql = sql
        self.meaning = meaning
        self.reads = reads
        self.function = function

    def __call__(self, old, new):
        return self.meaning(old, new)


def guards_for(ds):
    """Guards that the columns of a dataset allow."""
    guards = [Guard("true", lambda o, n: True, False),
              Guard("false", lambda o, n: False, False),
              Guard("NULL", lambda o, n: None, False),
              Guard("1/0 = 1", raises, False)]
    state = ident(ds.governing)
    guards.append(Guard("NEW.%s::text <> OLD.%s::text" % (state, state),
                        lambda o, n: True, False))
    for column in ds.columns.values():
        name, c = ident(column.name), column.name
        # Of a composite value, IS NULL asks about its fields.
        if column.generated or column.kind == "pair" or \
                c in (ds.governing, ds.version, ds.entered_at):
            continue
        guards.append(Guard("NEW.%s IS NOT NULL" % name,
                            lambda o, n, c=c: n[c] is not None))
        guards.append(Guard("OLD.%s IS NULL" % name,
                            lambda o, n, c=c: o[c] is None, False))
        if column.kind == "int4":
            guards.append(Guard("NEW.%s > 0" % name, lambda o, n, c=c:
                                None if n[c] is None else int(n[c]) > 0))
            guards.append(Guard("1/(NEW.%s - 3) IS NOT NULL" % name,
                                lambda o, n, c=c: ratio(n, c)))
            guards.append(Guard("OLD.%s = NEW.%s" % (name, name),
                                lambda o, n, c=c:
                                None if n[c] is None or o[c] is None
                                else int(o[c]) == int(n[c])))
        if column.kind == "bool":
            guards.append(Guard("NEW.%s" % name, lambda o, n, c=c:
                                None if n[c] is None else n[c] == "true"))
        if column.kind == "jsonb":
            guards.append(Guard("NEW.%s ? 'a'" % name,
                                lambda o, n, c=c: has_key(n[c], "a")))
    return guards


# ---- lifecycles ----

class State:
    def __init__(self, name):
        self.name = name
        self.initial = False
        self.terminal = False
        self.owner = None
        self.insert = None
        self.delete = []
        self.write = {}
        self.locked = True

    def inserters(self):
        if self.insert is not None:
            return self.insert
        return [self.owner] if self.owner else []

    def document(self, rng):
        doc = {}
        if self.initial:
            doc["initial"] = True
        if self.terminal:
            doc["terminal"] = True
        if self.owner:
            doc["owner"] = self.owner
        if self.insert is not None:
            doc["insert"] = self.insert
        if self.delete or rng.random() < 0.2:
            doc["delete"] = self.delete
        doc["write"] = {path_name(rule): who
                        for rule, who in self.write.items()}
        if not self.locked or rng.random() < 0.5:
            doc["locked"] = self.locked
        return doc


class Edge:
    def __init__(self):
        self.by = []
        self.guard = None
        self.with_write = []
        self.children = {}
        self.handoff = []

    def document(self):
        doc = {"by": self.by}
        if self.with_write:
            doc["with_write"] = self.with_write
        if self.handoff:
            doc["handoff"] = self.handoff
        guard = {}
        if self.guard is not None:
            guard["function" if self.guard.function else
                  "expression"] = self.guard.sql
        if self.children:
            guard["children"] = self.children
        if list(guard) == ["expression"]:
            doc["guard"] = self.guard.sql
        elif guard:
            doc["guard"] = guard
        return doc


class Child:
    """A table governed by its parent's state."""

    def __init__(self, dataset, name, relation, via):
        self.dataset = dataset
        self.name = name
        self.relation = relation
        self.via = via
        self.write = {}         # state -> parties
        self.rows = []          # dict: item, via columns, qty, note
        self.counts = {}        # key of a parent -> how many rows
        self.columns = {"item": Column("item", "int8")}
        for column, key in zip(via, dataset.key):
            self.columns[column] = Column(column, dataset.columns[key].kind)
        self.columns["qty"] = Column("qty", "int4")
        self.columns["note"] = Column("note", "text")
        self.key = ["item"]

    def parent_of(self, row):
        key = [row[c] for c in self.via]
        for parent in self.dataset.rows:
            if [parent[k] for k in self.dataset.key] == key:
                return parent
        return None


class Dataset:
    def __init__(self, number):
        self.number = number
        self.name = "t%d" % number
        self.relation = "%s.%s" % (SCHEMA, self.name)
        self.columns = {}
        self.key = []
        self.declared_key = True    # or left to the primary key
        self.unique = True          # is there a primary key?
        self.layout = "plain"
        self.leaves = []
        self.owner = None
        self.producers = []
        self.governing = None
        self.version = None
        self.version_mode = None
        self.entered_at = None
        self.states = None
        self.edges = {}
        self.children = {}
        self.enforcement = None
        self.audit = None
        self.rows = []
        self.partition = None       # column that decides the partition
        self.values = []            # of the governing column: all of them
        self.nullable = False
        self.dense = False          # no NULLs, columns of one width first

    def never_covered(self, column):
        return column in self.key or column in (
            self.governing, self.version, self.entered_at) or \
            self.columns[column].generated is not None

    def state_of(self, row):
        value = row[self.governing]
        return value if value in self.states else None

    def counts(self, row):
        """How many child rows a row has, by child."""
        key = tuple(row[k] for k in self.key)
        return {name: child.counts.get(key, 0)
                for name, child in self.children.items()}

    def key_json(self, row):
        return {k: self.columns[k].json(row[k]) for k in self.key}

    def where(self, row, alias=""):
        return " AND ".join(
            "%s%s = %s" % (alias, ident(k), self.columns[k].literal(row[k]))
            for k in self.key)
