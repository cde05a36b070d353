"""Open Data Contracts: what goes in comes back, what is made is valid.

Usage: odcs.py NUMBER [SEED]; the server is the one that PG* name.  Prints
"ok - what" and "not ok - what".
"""
import copy
import glob
import json
import os
import random
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SCHEMA = os.environ.get("SPINE_ODCS_SCHEMA", "")
HEAD = {"kind": "DataSpine", "apiVersion": "spine/v1"}
TYPES = ["bigint", "int", "smallint", "numeric(10,2)", "numeric", "real",
         "float8", "text", "varchar(12)", "char(3)", "boolean", "date", "time",
         "timetz", "timestamp", "timestamptz", "interval", "jsonb", "json",
         "uuid", "bytea", "text[]", "int[]", "inet", "int4range", "oid",
         "money", "odcs.mood", "odcs.amount", "odcs.pair", "xml", "tsvector",
         "jsonb[]", "odcs.amount[]"]
NAMES = ["id", "order_id", "Grand Total", "a.b", "na\"me", "gr\u00f6\u00dfe",
         "x" * 60, "select", "_x", "9lives", "info", "tag", "when"]
failed = False


def check(what, good, detail=""):
    global failed
    failed = failed or not good
    print("%sok - odcs: %s" % ("" if good else "not ", what))
    if not good and detail:
        print("\n".join("#   " + line for line in str(detail).split("\n")[:20]))
    sys.stdout.flush()


class Psql:
    """One session; each statement answers with one line of JSON."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["psql", "-XAtq", "-v", "VERBOSITY=verbose"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, bufsize=1)
        self.run("SET client_min_messages = error")
        self.run("CREATE FUNCTION pg_temp.try(command text) RETURNS jsonb "
                 "LANGUAGE plpgsql AS $$DECLARE answer jsonb; detail text; "
                 "BEGIN EXECUTE command INTO answer; "
                 "RETURN jsonb_build_array('00000', answer, ''); "
                 "EXCEPTION WHEN OTHERS THEN "
                 "GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL; "
                 "RETURN jsonb_build_array(SQLSTATE, to_jsonb(SQLERRM), detail);"
                 " END$$")

    def run(self, sql):
        self.process.stdin.write(sql + ";\n")

    def ask(self, sql):
        """[sqlstate, value, detail] of a statement that gives one jsonb."""
        self.run("SELECT pg_temp.try(%s)" % quote(sql))
        line = self.process.stdout.readline()
        if not line:
            sys.exit("not ok - odcs: " + self.process.stderr.read())
        return json.loads(line)


def quote(text):
    return "'" + text.replace("'", "''") + "'"


def literal(document):
    return quote(json.dumps(document)) + "::jsonb"


def name(text):
    return '"' + text.replace('"', '""') + '"'


# ---- examples ----

def examples():
    found = {}
    for file in sorted(glob.glob(os.path.join(HERE, "data/odcs/*.json"))):
        with open(file, encoding="utf-8") as stream:
            found[os.path.basename(file)] = json.load(stream)
    return found


def round_trip(psql, document):
    """None if the document comes back equal from every dataset of it."""
    state, value, detail = psql.ask(
        "SELECT to_jsonb(spine.import_odcs(%s))" % literal(document))
    if state != "00000":
        return state + " " + str(value) + "\n" + detail
    state, value, detail = psql.ask(
        "SELECT jsonb_build_object("
        "'kept', spine.export() -> 'contracts' -> %s = %s,"
        "'again', spine.import_odcs(%s) = %d,"
        "'datasets', count(a), 'equal', count(a) FILTER (WHERE "
        "  spine.export_odcs(a.asset) = %s)) FROM spine.asset a "
        "WHERE a.kind = 'dataset' AND a.definition ->> 'contract' = %s"
        % (quote(document["id"]), literal(document), literal(document), value,
           literal(document), quote(document["id"])))
    if state != "00000":
        return state + " " + str(value) + "\n" + detail
    good = value["kept"] and value["again"] and (
        value["datasets"] == value["equal"] == len(document.get("schema", [])))
    return None if good else json.dumps(value)


def check_examples(psql):
    documents = examples()
    check("there are 20 examples", len(documents) >= 20, len(documents))
    for file, document in documents.items():
        problem = round_trip(psql, document)
        check("%s comes back equal" % file, problem is None, problem)
    state, value, _ = psql.ask(
        "SELECT to_jsonb(count(*)) FROM spine.validate(spine.export()) "
        "WHERE severity = 'error'")
    check("all of them together are one document without errors",
          (state, value) == ("00000", 0), value)


def containers(node):
    found = [node] if node else []
    for child in node.values() if isinstance(node, dict) else node:
        if isinstance(child, (dict, list)):
            found += containers(child)
    return found


def breakage(rng, document):
    """A copy in which one to three members are dropped, moved or changed."""
    document = copy.deepcopy(document)
    for _ in range(rng.randint(1, 3)):
        if not document:
            break
        node = rng.choice(containers(document))
        key = (rng.choice(list(node)) if isinstance(node, dict)
               else rng.randrange(len(node)))
        what = rng.random()
        if what < 0.4:
            del node[key]
        elif what < 0.5 and isinstance(node, list):
            node.append(node[key])
        else:
            node[key] = rng.choice([None, True, 0, -1.5, "", "x", " x", [],
                                    ["a"], {}, {"a": 1}, "n" * 300, "*",
                                    [[]], [None], "v2.2.2", "a\tb"])
    return document


def resolve(document, pointer):
    """Does an RFC 6901 pointer lead somewhere?"""
    for part in pointer.split("/")[1:] if pointer != "/" else []:
        part = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, list):
            if not part.isdigit() or int(part) >= len(document):
                return False
            document = document[int(part)]
        elif isinstance(document, dict) and part in document:
            document = document[part]
        else:
            return False
    return True


def check_broken(psql, rng, count):
    """Each is taken, and comes back equal, or is refused with pointers."""
    documents = list(examples().values())
    taken, refused, problems = 0, 0, []
    for _ in range(count):
        document = breakage(rng, rng.choice(documents))
        state, value, detail = psql.ask(
            "SELECT to_jsonb(spine.import_odcs(%s))" % literal(document))
        if state == "00000":
            taken += 1
            back = psql.ask("SELECT to_jsonb(spine.export() -> 'contracts' -> "
                            "%s = %s)" % (quote(document["id"]),
                                          literal(document)))
            if back[:2] != ["00000", True]:
                problems.append((document, back))
            continue
        refused += 1
        lines = detail.split("\n")
        if (state != "22023" or not value.startswith("data contract has") or
                not all(resolve(document, line.split(": ")[0])
                        for line in lines)):
            problems.append((state, value, detail, document))
    check("%d broken examples: %d taken and kept equal, %d refused with "
          "pointers" % (count, taken, refused),
          not problems and min(taken, refused) > count // 20,
          json.dumps(problems[:2]))


# ---- large and deep ----

def check_large(psql):
    large = {"kind": "DataContract", "apiVersion": "v3.1.0", "id": "large",
             "version": "1", "status": "active", "domain": "large",
             "schema": [{"name": "t%d" % t, "properties": [
                 {"name": "p%d" % p, "description": "x" * 150,
                  "tags": ["s%d:t%d" % (p % 7, p)]} for p in range(100)]}
                 for t in range(250)]}
    size = len(json.dumps(large))
    start = time.time()
    problem = round_trip(psql, large)
    check("a contract of %.1f MB comes back equal" % (size / 1e6),
          problem is None and size > 5e6, problem)
    print("#   %.1f s for two imports and 250 exports" % (time.time() - start))
    large["tags"] = [1] * 2000000
    start = time.time()
    state, value, detail = psql.ask(
        "SELECT to_jsonb(spine.import_odcs(%s))" % literal(large))
    check("a large broken one is refused, briefly",
          state == "22023" and len(detail) < 20000, (state, value))
    print("#   %.1f s" % (time.time() - start))
    deep = {"name": "leaf"}
    for _ in range(900):
        deep = {"name": "x", "properties": [deep]}
    problem = round_trip(psql, {
        "kind": "DataContract", "apiVersion": "v3.0.0", "id": "deep900",
        "version": "1", "status": "x", "schema": [deep]})
    check("900 properties inside one another come back equal",
          problem is None, problem)


# ---- contracts that are made ----

def make_table(rng, psql, n, tables):
    """A table with columns of all sorts; its columns."""
    columns = rng.sample(NAMES, rng.randint(1, 6))
    defs = ["%s %s%s" % (name(c), rng.choice(TYPES) if i else "bigint",
                         " NOT NULL" if rng.random() < 0.3 else "")
            for i, c in enumerate(columns)]
    table = "t%d" % n if rng.random() < 0.8 else "odd table.%d" % n
    defs.append("PRIMARY KEY (%s)" % name(columns[0]))
    two = rng.random() < 0.3
    if two:
        defs.append("k1 int, k2 int, UNIQUE (k1, k2)")
        columns += ["k1", "k2"]
    if tables and rng.random() < 0.5:
        other, key, pair = rng.choice(tables)
        defs.append("ref bigint REFERENCES odcs.%s (%s)"
                    % (name(other), name(key)))
        columns.append("ref")
        if pair:
            defs.append("r1 int, r2 int, FOREIGN KEY (r1, r2) REFERENCES "
                        "odcs.%s (k1, k2)" % name(other))
            columns += ["r1", "r2"]
    psql.run("CREATE TABLE odcs.%s (%s)" % (name(table), ", ".join(defs)))
    if rng.random() < 0.3:
        psql.run("COMMENT ON COLUMN odcs.%s.%s IS 'A comment'"
                 % (name(table), name(columns[0])))
    if rng.random() < 0.2:
        psql.run("ALTER TABLE odcs.%s ADD COLUMN gone int; "
                 "ALTER TABLE odcs.%s DROP COLUMN gone"
                 % (name(table), name(table)))
    tables.append((table, columns[0], two))
    return table, columns


def part(text):
    return name(text) if "." in text or '"' in text else text


def make_attribute(rng):
    entry = {}
    for key, values in [
            ("description", ["What it is", ""]), ("unit", ["EUR"]),
            ("classification", ["internal", "secret"]), ("encrypted", [True]),
            ("tags", [[], ["pii:email"], ["tag:critical_data_element"],
                      ["tag:a", "pii:email"]]),
            ("erasure", ["null", "redact"]), ("legal_basis", ["law"]),
            ("links", [{"wiki": "https://example.org"}, {}])]:
        if rng.random() < 0.3:
            entry[key] = rng.choice(values)
    return entry


def make_dataset(rng, psql, n, tables):
    dataset, columns = {}, ["page", "a", "b.c"]
    if rng.random() < 0.85:
        table, columns = make_table(rng, psql, n, tables)
        dataset["relation"] = "odcs." + (
            name(table) if " " in table else table)
    attributes = {part(c): make_attribute(rng) for c in columns
                  if rng.random() < 0.5}
    if "relation" not in dataset and rng.random() < 0.5:
        attributes["doc.a.b"] = make_attribute(rng)
        attributes["doc.a"] = make_attribute(rng)
    for key, values in [
            ("attributes", [attributes]), ("description", ["Words", ""]),
            ("owner", ["team", "person"]), ("steward", ["person"]),
            ("tags", [["tag:a"], ["pii:email", "tag:critical_data_element"]]),
            ("classification", ["internal"]), ("links", [{"a b": "x"}]),
            ("consumers", [{"team": {"purpose": "help"}, "person": {}}, {}]),
            ("producers", [["person"], {"person": {"description": "d"}}]),
            ("retention", [{"r": {"keep": k}, "s": {"keep": "P1D",
                                                    "clock": columns[0]}}
                           for k in ["P3Y", "P1Y6M", "PT15M", "PT0.5S", "P2W",
                                     "P6M", "P1DT2H"]]),
            ("sot", [{"store": "here"}, {"store": "bus", "locator": "t"}]),
            ("caches", [{"c": {"store": "bus", "ttl": "PT60S"}}]),
            ("delegates", [{"team": ["operations"]}]),
            ("enforcement", ["observe", "off", "enforce"]),
            ("review_on", ["2027-01-31"]), ("rationale", ["because"]),
            ("allow_fk_actions", [["x"]]), ("subjects", [["s%d" % n]])]:
        if rng.random() < 0.4:
            dataset[key] = rng.choice(values)
    return dataset


def check_made(psql, rng, count):
    psql.run("CREATE SCHEMA odcs; CREATE TYPE odcs.mood AS ENUM ('a', 'b'); "
             "CREATE DOMAIN odcs.amount AS numeric(12,3) CHECK (value > 0); "
             "CREATE TYPE odcs.pair AS (a int, b text)")
    tables = []
    context = {"owner": "team", "steward": "person",
               "classification": "internal"}
    context["datasets"] = {
        rng.choice(["d%d", "d-%d", "d %d", "d.%d"]) % n:
        make_dataset(rng, psql, n, tables) for n in range(count)}
    document = dict(HEAD, contexts={"made up": context},
                    terms={"pii": {"email": {}}, "region": {"eu": {}},
                           "classification": {"internal": {}, "secret": {}},
                           "tag": {"a": {}, "critical_data_element": {}},
                           "purpose": {"help": {}}},
                    parties={"team": {"kind": "team", "contact":
                                      {"chat": "https://x", "mail": ""}},
                             "person": {"kind": "person",
                                        "description": "One"}},
                    stores={"here": {"kind": "postgres", "region": "eu"},
                            "bus": {"kind": "kafka", "endpoint": "b:1"}})
    state, value, detail = psql.ask(
        "SELECT to_jsonb(spine.apply(%s))" % literal(document))
    if state != "00000":
        check("%d datasets are made" % count, False, str(value) + detail)
        return
    state, made, detail = psql.ask(
        "SELECT jsonb_object_agg(asset, spine.export_odcs(asset)) FROM "
        "spine.asset WHERE kind = 'dataset' AND parent = '%s'" % "made up")
    check("%d datasets without a contract are exported" % count,
          state == "00000" and made is not None and len(made) == count,
          str(made)[:500] + detail)
    if state != "00000" or not made:
        return
    validate_made(made)
    sample = rng.choice(sorted(made))
    contract = dict(made[sample], domain="elsewhere")
    contract["schema"][0].pop("physicalName", None)
    problem = round_trip(psql, contract)
    check("what was exported imports", problem is None, problem)


def validate_made(made):
    what = "%d exported contracts are valid under ODCS v3.1.0" % len(made)
    try:
        import jsonschema
        with open(SCHEMA, encoding="utf-8") as stream:
            schema = json.load(stream)
    except (ImportError, OSError) as problem:
        print("ok - odcs: %s # SKIP %s" % (what, problem))
        return
    validator = jsonschema.validators.validator_for(schema)(schema)
    problems = ["%s: %s: %s" % (key, list(error.absolute_path),
                                error.message[:200])
                for key, contract in sorted(made.items())
                for error in validator.iter_errors(contract)]
    check(what, not problems, "\n".join(problems))
    valid = [file for file, example in examples().items()
             if example["apiVersion"] < "v3.2" and
             not validator.is_valid(example)]
    check("the examples up to v3.1.0 are valid too", not valid, valid)


def main():
    sys.setrecursionlimit(10000)
    count = int(sys.argv[1])
    seed = int(sys.argv[2] or 20261120) if len(sys.argv) > 2 else 20261120
    print("# seed %d" % seed)
    rng = random.Random(seed)
    psql = Psql()
    check_examples(psql)
    check_broken(psql, rng, 1000)
    check_made(psql, rng, count)
    check_large(psql)
    sys.exit(1 if failed else 0)


main()
