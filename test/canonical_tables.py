"""Random tables through every way of spine to a digest, and the reference.

Usage: canonical_tables.py SEED...

Each table has random columns of random types and storage, loses and gains
some between its rows, and is digested as a whole, by some columns in some
order, and by buckets.  The walk over its pages, the query, the aggregate and
test/canonical.py must agree.
"""
import random
import subprocess
import sys
import uuid
from decimal import Decimal
from json import dumps

import canonical
from canonical_vectors import json_text, random_json, random_number

ALPHABETS = {"UTF8": "aZ 09_-'\"\\{}|,äß漢🦊", "LATIN1": "aZ 09_-'\"\\{}|,äßø",
             "SQL_ASCII": "aZ 09_-'\"\\{}|,"}


def random_text(rng):
    """Of all lengths that are stored differently."""
    length = rng.choice((0, 1, 2, 15, 16, 17, 31, 48, 63, 64, 65, 122, 123,
                         124, 125, 126, 127, 250, 2500, 20000))
    some = "".join(rng.choice(rng.alphabet) for _ in range(min(length, 100)))
    if rng.random() < .3 and length > 100:      # what does not compress
        return "".join(rng.choice(rng.alphabet) for _ in range(length))
    return (some * (length // 100 + 1))[:length]


def numeric(rng):
    return rng.choice((
        "0", "-0.00", "NaN", "Infinity", "-Infinity", "10000", "0.0001",
        "1" + "0" * 70, "0." + "0" * 70 + "1", "-" + "9" * 40, "1e-300",
        "12345678901234567890123456789012", "99999999999999999999.0001",
        random_number(rng), random_number(rng), random_number(rng),
        "1" * 300 + "." + "7" * 300))


def real(rng):
    return rng.choice((0.0, -0.0, float("nan"), float("inf"), -1.5, 1e-300,
                       float("-inf"), rng.gauss(0, 1e9), 5e-324))


def integer(bits):
    return lambda rng: ("integer", rng.choice(
        (0, -1, 1, -2**(bits - 1), 2**(bits - 1) - 1,
         rng.randrange(-2**(bits - 1), 2**(bits - 1)))))


def text(rng):
    return "text", random_text(rng)


def padded(rng):
    return "text", random_text(rng).rstrip(" ")[:30].rstrip(" ")


def array(rng):
    n = rng.randrange(1, 5)
    return "array", [[[n, 1]], [rng.choice((
        ("integer", rng.randrange(9)), ("null", None))) for _ in range(n)]]


def json(rng):
    value = random_json(rng)
    if rng.random() < .1:       # offsets and lengths alternate in long ones
        value = [random_json(rng, 1) for _ in range(70)]
    elif rng.random() < .1:
        value = {f"k{i}": random_json(rng, 1) for i in range(70)}
    return "json", rng_text(rng, value)


def rng_text(rng, value):
    """A jsonb's texts in letters that the database has."""
    if isinstance(value, str):
        return "".join(c for c in value if c in rng.alphabet)
    if isinstance(value, list):
        return [rng_text(rng, v) for v in value]
    if isinstance(value, dict):
        return {rng_text(rng, k): rng_text(rng, v) for k, v in value.items()}
    return value


TYPES = {
    "smallint": integer(16), "integer": integer(32), "bigint": integer(64),
    "oid": lambda rng: ("integer", rng.choice((0, 7, 2**32 - 1, 2**31))),
    "boolean": lambda rng: ("bool", rng.random() < .5),
    "real": lambda rng: ("float", rng.choice(
        (0.0, -0.0, float("nan"), float("-inf"), 1.5, -2.0**100))),
    "double precision": lambda rng: ("float", real(rng)),
    "numeric": lambda rng: ("numeric", numeric(rng)),
    "numeric(12,2)": lambda rng: ("numeric", str(
        Decimal(rng.randrange(-10**9, 10**9)) / 100)),
    "text": text, "varchar": text, "char(30)": padded, "json": text,
    "bytea": lambda rng: ("bytes", random_text(rng).encode().hex()),
    "date": lambda rng: ("date", rng.randrange(-9000, 9000)),
    "time": lambda rng: ("time", rng.randrange(86400 * 10**6)),
    "timestamp": lambda rng: ("timestamp", rng.randrange(-10**14, 10**15)),
    "timestamptz": lambda rng: ("timestamptz", rng.randrange(10**15)),
    "interval": lambda rng: ("interval", [
        rng.randrange(-99, 99), rng.randrange(99), rng.randrange(-9, 10**9)]),
    "uuid": lambda rng: ("uuid", uuid.UUID(int=rng.getrandbits(128)).hex),
    "jsonb": json, "integer[]": array,
    "inet": lambda rng: ("inet", [4, rng.randrange(33), rng.randbytes(4).hex()]),
    "mood": lambda rng: ("enum", rng.choice(("sad", "so so", "very glad"))),
}


def literal(kind, value):
    """The text of a value, as its type reads it."""
    if kind == "null":
        return None
    if kind == "json":
        return json_text(value)
    if kind == "bytes":
        return "\\x" + value
    if kind == "float":
        return repr(value)
    if kind in ("date", "timestamp", "timestamptz", "time"):
        return None         # see expression
    if kind == "interval":
        return "{} months {} days {} microseconds".format(*value)
    if kind == "array":
        return "{" + ",".join("NULL" if v is None else str(v)
                              for _, v in value[1]) + "}"
    if kind == "inet":
        return ".".join(str(b) for b in bytes.fromhex(value[2])) + f"/{value[1]}"
    return str(value)


def expression(kind, value, sql_type):
    """A value as SQL."""
    if kind == "null":
        return "NULL"
    if kind == "date":
        return f"date '2000-01-01' + ({value})"
    if kind in ("time", "timestamp", "timestamptz"):
        start = {"time": "time '00:00'", "timestamp": "timestamp '2000-01-01'",
                 "timestamptz": "timestamptz '2000-01-01 00:00+00'"}[kind]
        return f"{start} + interval '{value} microseconds'"
    if sql_type == "json":
        # kept as it is written, so any JSON string is as good
        return "to_json('" + value.replace("'", "''") + "'::text)"
    return "'" + literal(kind, value).replace("'", "''") + f"'::{sql_type}"


class Table:
    def __init__(self, rng):
        self.rng = rng
        self.sql = []
        self.columns = []       # name, type, value where it is missing
        self.rows = []          # dictionaries of fields by name
        self.number = 0

    def new_column(self):
        self.number += 1
        return (f"C {self.number}", self.rng.choice(list(TYPES)))

    def value(self, sql_type):
        if self.rng.random() < self.nulls:
            return ("null", None)
        kind, value = TYPES[sql_type](self.rng)
        if sql_type == "json":
            value = value[:300]
        return kind, value

    def store(self, name, sql_type):
        """Any way to store what has several."""
        if sql_type in ("text", "varchar", "bytea", "numeric", "jsonb"):
            self.sql.append(f'ALTER TABLE random_rows ALTER "{name}" SET '
                            "STORAGE " + self.rng.choice(
                                ("EXTERNAL", "EXTENDED", "MAIN", "PLAIN")
                                if sql_type == "numeric" else
                                ("EXTERNAL", "EXTENDED", "MAIN")))

    def create(self):
        count = self.rng.choice((1, 2, 5, 8, 9, 17, 40))
        self.columns = [self.new_column() for _ in range(count)]
        columns = [f'"{n}" {t}' for n, t in self.columns]
        columns.insert(self.rng.choice((0, 0, 1)), "key " + self.rng.choice(
            ("smallint", "integer", "bigint", "oid")) + " PRIMARY KEY")
        self.sql.append(f"CREATE TABLE random_rows ({', '.join(columns)})")
        for name, sql_type in self.columns:
            self.store(name, sql_type)

    def insert(self, count):
        self.nulls = self.rng.choice((0, 0, .1, .5))
        lines = []
        for _ in range(count):
            row = {n: self.value(t) for n, t in self.columns}
            row["key"] = ("integer", len(self.rows))
            self.rows.append(row)
            lines.append(f"({len(self.rows) - 1}" + "".join(
                ", " + expression(*row[n], t) for n, t in self.columns) + ")")
        names = "".join(f', "{n}"' for n, _ in self.columns)
        for i in range(0, len(lines), 20):
            self.sql.append(f"INSERT INTO random_rows (key{names}) VALUES "
                            + ",\n".join(lines[i:i + 20]))

    def drop(self):
        if len(self.columns) > 1:
            name, _ = self.columns.pop(self.rng.randrange(len(self.columns)))
            self.sql.append(f'ALTER TABLE random_rows DROP "{name}"')

    def add(self):
        name, sql_type = self.new_column()
        default, missing = "", ("null", None)
        if self.rng.random() < .5:
            self.nulls = 0
            missing = self.value(sql_type)
            default = " DEFAULT " + expression(*missing, sql_type)
        self.sql.append(
            f'ALTER TABLE random_rows ADD "{name}" {sql_type}{default}')
        self.store(name, sql_type)
        self.columns.append((name, sql_type))
        for row in self.rows:
            row[name] = missing

    def change(self):
        """Rows that are dead, moved, or in another transaction's past."""
        self.sql.append("UPDATE random_rows SET key = key WHERE key::int % 3 = 0")
        gone = self.rng.randrange(7)
        self.sql.append("DELETE FROM random_rows "
                        f"WHERE key::int % 7 = {gone}")
        self.rows = [r for r in self.rows if r["key"][1] % 7 != gone]

    def make(self):
        self.create()
        self.insert(40)
        for _ in range(self.rng.randrange(3)):
            self.drop()
        for _ in range(self.rng.randrange(4)):
            self.add()
            self.insert(20)
            if self.rng.random() < .3:
                self.drop()
        self.change()
        if self.rng.random() < .3:
            self.sql.append("VACUUM random_rows")

    def field(self, row, name):
        """A field as the reference takes it."""
        kind, value = row[name]
        if dict(self.columns).get(name) == "json" and kind != "null":
            return "text", dumps(value, ensure_ascii=False)
        return kind, value

    def digest(self, names):
        return canonical.digest(
            [self.field(r, n) for n in names] for r in self.rows)


def psql(database, statements):
    """All lines of output; each statement in a transaction of its own."""
    done = subprocess.run(
        ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database],
        input="SET client_encoding = 'UTF8';\n" + ";\n".join(statements) + ";",
        capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"not ok - canonical: {done.stderr}")
    return done.stdout.split("\n")[:-1]


def check(database, encoding, seed):
    rng = random.Random(seed)
    rng.alphabet = ALPHABETS[encoding]
    table = Table(rng)
    table.make()
    names = [n for n, _ in table.columns]
    names.insert(rng.choice((0, 0, 1)), "key")
    some = rng.sample(names, rng.randrange(1, len(names) + 1))
    # in the order of the table, but not all of them
    fewer = [n for n in names if rng.random() < .7] or ["key"]

    wanted, asked = [], []
    for chosen in (names, some, fewer):
        quoted = ", ".join(f'"{n}"' for n in chosen)
        array = "ARRAY[" + ", ".join(f"'{n}'" for n in chosen) + "]"
        asked += [
            f"SELECT digest FROM spine.digest('random_rows', {array})",
            f"SELECT digest FROM spine.digest('random_rows', {array}, 'true')",
            f"SELECT spine.digest_agg({quoted}) FROM random_rows",
            "SELECT count(*) FROM (SELECT bucket, rows, digest FROM "
            f"spine.digest('random_rows', {array}, buckets => 5) WHERE rows > 0 "
            "EXCEPT SELECT spine.digest_bucket(5, key), count(*), "
            f"spine.digest_agg({quoted}) FROM random_rows GROUP BY 1) d"]
        wanted += [table.digest(chosen)] * 3 + ["0"]
    got = psql(database, ["DROP TABLE IF EXISTS random_rows"] + table.sql
               + asked)
    if got == wanted:
        return True
    print(f"not ok - canonical: random table {seed} in {encoding}")
    for i, (a, b) in enumerate(zip(wanted, got)):
        if a != b:
            print(f"# {asked[i]}\n# wanted {a}\n# got    {b}")
    return False


def main():
    for encoding in ALPHABETS:
        database = "canonical_" + encoding.lower()
        psql("postgres", [
            f"DROP DATABASE IF EXISTS {database}",
            f"CREATE DATABASE {database} TEMPLATE template0 "
            f"ENCODING '{encoding}' LOCALE 'C'"])
        psql(database, ["CREATE EXTENSION spine",
                        "CREATE TYPE mood AS ENUM ('very glad', 'sad', 'so so')"])
        seeds = [int(seed) for seed in sys.argv[1:]]
        if all([check(database, encoding, seed) for seed in seeds]):
            print(f"ok - canonical: {len(seeds)} random tables in {encoding}: "
                  "pages, aggregate, query and reference agree")
        psql("postgres", [f"DROP DATABASE {database}"])


if __name__ == "__main__":
    main()
