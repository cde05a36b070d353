"""The JSON Schema of documents and spine.validate agree.

Makes documents (the worked example, and others grown from the schema itself),
breaks most of them at random, and asks both.  A document is valid under the
schema if and only if spine.validate has no finding about its shape.

Usage: spec_schema.py NUMBER [SEED]; the server is the one that PG* name.
"""
import copy
import csv
import io
import json
import random
import subprocess
import sys

import jsonschema

# What spine.validate calls findings about shape (docs/spec.md).
SHAPE_CODES = ("not_an_object", "unknown_key", "missing_key", "wrong_type",
               "bad_value", "bad_format", "bad_name", "out_of_range",
               "too_few", "too_many")

# Values that are right somewhere and wrong elsewhere.
VALUES = [
    None, True, False, 0, 1, -1, 1.5, 1.0, 0.5, 1e3, 2147483647, 2147483648,
    10**30, "", " ", "x", " x", "x ", "a\nb", "a\n", "a\tb", "\x7f", "a.b",
    "n" * 200, "n" * 201, "\u00e9" * 200, "\u00e9" * 201, "\U0001f600" * 201,
    "2027-02-28", "2027-02-29", "2028-02-29", "2100-02-29", "2000-02-29",
    "2027-04-31", "2027-12-31", "2027-12-31\n", "0000-01-01", "27-01-01",
    "2027-1-1", "P1D", "P", "PT", "P1", "P1DT", "P1Y2M3W4DT5H6M7.5S", "PT1.5H",
    "PT1.S", "P1M1Y", "PT4H\n", "P123456789D", "p1d", "-P1D", "*", "a -> b",
    "DataSpine", "spine/v1", "accepted", "postgres", "service", "digest",
    [], ["x"], ["x", 1], [[]], ["x", "x"], {}, {"x": {}}, {"x": 1},
    {"expression": "true"}, {"notify": "a"}, {"notify": "a", "emit": "b"},
    {"": {}}, {" a": []}, {"a\nb": "x"},
]
KEYS = ["x", "", "Kind", "api_version", "descriptio", "owners", "with_writes",
        "kind", "description", "owner", "a" * 201, "a b", "\u00fcber", "*"]


def run_psql(sql, stdin=None):
    done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql],
                          input=stdin, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("not ok - spec_schema: " + done.stderr)
    return done.stdout


class Grower:
    """Documents that are valid under the schema, at random."""

    def __init__(self, schema, rng):
        self.defs = schema["$defs"]
        self.rng = rng
        self.texts = {
            "name": ["a", "order", "order.orders", "total_price.taxes", "*",
                     "pii:email", "x -> y", "n" * 200, "z\u00fcrich 1"],
            "scheme": ["classification", "region", "x", "a_b-c"],
            "date": ["2027-01-23", "2028-02-29", "1999-12-31"],
            "duration": ["PT60S", "P10Y", "P1DT12H", "P2W", "PT0.5S"],
            "code": ["NEW.a IS NOT NULL", "f(x)", " x "],
        }

    def text(self, schema):
        for name, texts in self.texts.items():
            if schema is self.defs[name]:
                return self.rng.choice(texts)
        return self.rng.choice(["", "some text", "\u2713"])

    def grow(self, schema, depth):
        if "$ref" in schema:
            return self.grow(self.defs[schema["$ref"].split("/")[-1]], depth)
        if "anyOf" in schema:
            return self.grow(self.rng.choice(schema["anyOf"]), depth)
        if "enum" in schema:
            return self.rng.choice(schema["enum"])
        kind = schema["type"]
        if kind == "string":
            return self.text(schema)
        if kind == "boolean":
            return self.rng.random() < 0.5
        if kind == "integer":
            return self.rng.randint(schema["minimum"], 1000)
        if kind == "number":
            return self.rng.choice([schema["minimum"], schema["maximum"]])
        if kind == "array":
            least = schema.get("minItems", 0)
            return [self.grow(schema["items"], depth + 1)
                    for _ in range(self.rng.randint(least, least + 1))]
        if "properties" in schema:
            return self.grow_object(schema, depth)
        if "propertyNames" in schema:
            return {self.grow(schema["propertyNames"], depth):
                    self.grow(schema["additionalProperties"], depth + 1)
                    for _ in range(self.rng.randint(0, 2))}
        return {"anything": [{"goes": None}]}

    def grow_object(self, schema, depth):
        share = 0.7 if depth < 4 else 0.3
        names = [name for name in schema["properties"]
                 if name in schema["required"] or self.rng.random() < share]
        least = schema.get("minProperties", 0)
        most = schema.get("maxProperties", len(schema["properties"]))
        while len(names) < least:
            names.append(self.rng.choice(list(schema["properties"])))
        while len(names) > most:
            names.remove(self.rng.choice(names))
        return {name: self.grow(schema["properties"][name], depth + 1)
                for name in names}


def containers(document):
    """Every object and array of a document that has something in it."""
    found, stack = [], [document]
    while stack:
        node = stack.pop()
        children = node.values() if isinstance(node, dict) else node
        if node:
            found.append(node)
        stack += [c for c in children if isinstance(c, (dict, list))]
    return found


def mutate(document, rng):
    """Change one place of a document; returns the document."""
    places = containers(document)
    if not places or rng.random() < 0.003:
        return rng.choice(VALUES)
    node = rng.choice(places)
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    key = rng.choice(keys)
    what = rng.randrange(8)
    if what == 0:
        del node[key]
    elif what in (1, 2):
        node[key] = copy.deepcopy(rng.choice(VALUES))
    elif what == 3 and isinstance(node, dict):
        letters = list(key)
        at = rng.randrange(len(letters) + 1)
        letters[at:at + rng.randrange(2)] = rng.choice(["", "s", "X", "_"])
        node["".join(letters)] = node.pop(key)
    elif what == 4 and isinstance(node, dict):
        node[rng.choice(KEYS)] = copy.deepcopy(rng.choice(VALUES))
    elif what == 5:
        other = rng.choice(places)
        node[key] = copy.deepcopy(
            rng.choice(list(other.values()) if isinstance(other, dict)
                       else other))
    elif what == 6 and isinstance(node, list):
        node.append(copy.deepcopy(rng.choice(VALUES)))
    elif isinstance(node[key], str):
        node[key] = node[key] + rng.choice(["x", " ", "\n", ".y"])
    return document


def make_documents(schema, number, rng):
    with open("test/data/order.spec.json") as file:
        example = json.load(file)
    grower = Grower(schema, rng)
    documents = [example]
    while len(documents) < number:
        base = (copy.deepcopy(example) if rng.random() < 0.4
                else grower.grow(schema, 0))
        for _ in range(rng.choice([0, 1, 1, 1, 2])):
            if isinstance(base, (dict, list)):
                base = mutate(base, rng)
        documents.append(base)
    return documents


def ask_validate(documents):
    """For each document, the shape codes that spine.validate finds."""
    rows = io.StringIO()
    writer = csv.writer(rows)
    for number, document in enumerate(documents):
        writer.writerow([number, json.dumps(document)])
    codes = ", ".join(f"'{code}'" for code in SHAPE_CODES)
    run_psql("DROP TABLE IF EXISTS spec_schema_doc;"
             "CREATE TABLE spec_schema_doc (n int, doc jsonb)")
    run_psql("COPY spec_schema_doc FROM STDIN (FORMAT csv)", rows.getvalue())
    lines = run_psql(
        "SELECT n, (SELECT string_agg(DISTINCT v.code, ',')"
        " FROM spine.validate(doc) v WHERE v.severity = 'error'"
        f" AND v.code IN ({codes})) FROM spec_schema_doc ORDER BY n").split("\n")
    run_psql("DROP TABLE spec_schema_doc")
    return [line.split("|")[1] for line in lines if line]


def report(good, what):
    print(("ok - " if good else "not ok - ") + "spec_schema: " + what)
    return good


def undocumented(schema):
    """Members of the format that docs/spec.md does not name."""
    with open("docs/spec.md") as file:
        text = file.read()
    objects = [schema] + list(schema["$defs"].values())
    names = {name for o in objects for name in o.get("properties", {})}
    return sorted(name for name in names if f"`{name}`" not in text)


def main():
    number = int(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    pretty = run_psql("SELECT jsonb_pretty(spine.spec_schema())")
    schema = json.loads(pretty)
    with open("docs/spec.schema.json") as file:
        good = report(file.read() == pretty,
                      "docs/spec.schema.json is spine.spec_schema()")
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    missing = undocumented(schema)
    good &= report(not missing,
                   "docs/spec.md names every member" if not missing
                   else "docs/spec.md lacks " + ", ".join(missing))

    documents = make_documents(schema, number, random.Random(seed))
    found = ask_validate(documents)
    good &= report(not found[0], "the worked example has a sound shape")
    valid = [validator.is_valid(document) for document in documents]
    wrong = [n for n in range(number) if valid[n] == bool(found[n])]
    for n in wrong[:5]:
        print(f"# schema says {valid[n]}, validate says {found[n] or 'sound'}:"
              f" {json.dumps(documents[n])[:2000]}")
        for error in list(validator.iter_errors(documents[n]))[:3]:
            print(f"#   {error.json_path}: {error.message[:200]}")
    good &= report(not wrong,
                   f"{number} documents (seed {seed}), {len(wrong)} disagreements")
    share = sum(valid) / number
    good &= report(0.1 < share < 0.9, f"{share:.0%} of them are valid")
    kinds = set(",".join(found).split(","))
    missing = [code for code in SHAPE_CODES if code not in kinds]
    good &= report(not missing, "every shape code occurs" if not missing
                   else "shape codes that never occur: " + ", ".join(missing))
    sys.exit(0 if good else 1)


main()
