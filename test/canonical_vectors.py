"""The bytes and digests of spine against those of test/canonical.py.

Reads test/data/canonical/vectors.json: each has the fields as values of the
reference, the same as SQL, and what both must give.  Then tables of random
rows: spine.digest, spine.digest_agg and the reference must agree.
"""
import json
import random
import subprocess
import sys
from decimal import Decimal

import canonical


def psql(sql):
    done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1"],
                          input=sql, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"not ok - canonical: {done.stderr}")
    return done.stdout.split("\n")[:-1]


def report(good, what):
    print(("ok - " if good else "not ok - ") + "canonical: " + what)
    return good


def check_vectors():
    with open("test/data/canonical/vectors.json") as file:
        vectors = json.load(file, parse_float=float)
    lines = psql("SET lc_monetary = 'C';" + "".join(
        f"SELECT encode(spine.canonical_row({v['sql']}), 'hex'), "
        f"spine.digest_row({v['sql']});" for v in vectors))
    good = report(len(lines) == len(vectors), f"{len(vectors)} vectors")
    for vector, line in zip(vectors, lines):
        data, digest = line.split("|")
        own = canonical.row(vector["fields"]).hex()
        if not (own == data == (vector["bytes"] or data)
                and digest == vector["digest"]
                == canonical.digest([vector["fields"]])):
            good = report(False, f"{vector['sql']}\n#   spine     {data}\n"
                                 f"#   reference {own}\n"
                                 f"#   vector    {vector['bytes']}")
    return report(good, "spine and the reference give the bytes and digests "
                        "of every vector") and good


def random_text(rng):
    return "".join(rng.choice("aZ 09_-'\"\\{}|,äß漢🦊")
                   for _ in range(rng.choice((0, 1, 5, 40, 300))))


def random_number(rng):
    return "".join((rng.choice(("", "-")), str(rng.randrange(
        10 ** rng.choice((1, 4, 9, 30)))), rng.choice(("", ".5", ".0000",
        ".000100", ".1234567890123"))))


def random_json(rng, depth=3):
    kind = rng.randrange(4 if depth == 0 else 6)
    if kind == 4:
        return [random_json(rng, depth - 1) for _ in range(rng.randrange(4))]
    if kind == 5:
        return {random_text(rng)[:9]: random_json(rng, depth - 1)
                for _ in range(rng.randrange(5))}
    return (None, rng.random() < .5, random_text(rng),
            Decimal(random_number(rng)))[kind]


def json_text(value):
    """As JSON; json.dumps knows no Decimal."""
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{json_text(v)}"
                              for k, v in value.items()) + "}"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def random_row(rng):
    real = rng.choice((0.0, -0.0, rng.gauss(0, 1e9), float("inf"), 1e-300))
    values = [("integer", rng.randrange(-2**31, 2**31)),
              ("integer", rng.randrange(-2**63, 2**63)),
              ("text", random_text(rng)), ("numeric", random_number(rng)),
              ("float", real), ("json", random_json(rng)),
              ("bool", rng.random() < .5)]
    return [v if rng.random() < .9 else ("null", None) for v in values]


def literal(field):
    kind, value = field
    if kind == "null":
        return "\\N"
    text = (json_text(value) if kind == "json" else repr(value)
            if kind == "float" else str(value))
    for plain, escaped in ("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"):
        text = text.replace(plain, escaped)
    return text


def check_tables(seed, rows):
    rng = random.Random(seed)
    data = [random_row(rng) for _ in range(rows)]
    data += rng.sample(data, 3)     # twice the same is not nothing
    columns = "a, b, c, d, e, f, g"
    lines = psql(
        "DROP TABLE IF EXISTS canonical_rows;"
        "CREATE TABLE canonical_rows (gone text, a int, b bigint, c text,"
        " d numeric, e float8, f jsonb, g bool);"
        "ALTER TABLE canonical_rows DROP gone;"
        f"COPY canonical_rows ({columns}) FROM stdin;\n"
        + "".join("\t".join(map(literal, r)) + "\n" for r in data) + "\\.\n"
        "SELECT digest FROM spine.digest('canonical_rows');"
        f"SELECT spine.digest_agg({columns}) FROM canonical_rows;"
        "SELECT digest FROM spine.digest('canonical_rows',"
        " filter => 'true');"
        "UPDATE canonical_rows SET a = a WHERE a % 3 = 0;"
        "SELECT digest FROM spine.digest('canonical_rows');")
    return report(set(lines) == {canonical.digest(data)},
                  f"{len(data)} random rows: pages, aggregate, query and "
                  f"reference agree (seed {seed})")


if __name__ == "__main__":
    good = check_vectors()
    for seed in range(int(sys.argv[1])):
        good = check_tables(seed, 2000) and good
    sys.exit(not good)
