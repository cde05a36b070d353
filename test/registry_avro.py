"""Does spine judge Avro schemas as Avro for Python does, and is data readable?

Usage: registry_avro.py [SEED [PAIRS]]; beside the server that PG* name, with
the extension.  Generates schemas and changes of them, and asks both

- for the canonical form and the fingerprint of each;
- whether the one reads what the other writes, in both directions;
- of the pairs that spine calls backward compatible: random data is written
  with the old schema and must be readable with the new one.

The cases in which avro 1.11 for Python is known to say otherwise than the
specification or Java are listed one by one, with the reason, and must still
say so; docs/avro.md has them too.  Generated schemas keep clear of them.
"""
import copy
import hashlib
import io
import json
import random
import re
import struct
import subprocess
import sys

import avro.compatibility
import avro.errors
import avro.io
import avro.schema

PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes",
              "string")
FAILED = []


def report(good, what):
    print("%s - %s" % ("ok" if good else "not ok", what))
    if not good:
        FAILED.append(what)


# --- schemas as graphs ---------------------------------------------------
#
# A type is the name of a primitive one, or a list: ["array", type],
# ["map", type], ["union", [types]], ["ref", name].  A schema has a root and
# named types: {"kind", "fields" | "symbols" | "size", ...}.

def is_kind(kind, what):
    return isinstance(kind, list) and kind[0] == what


def branch_key(kind):
    """What may be there once in a union."""
    if is_kind(kind, "ref"):
        return kind[1]
    return kind[0] if isinstance(kind, list) else kind


class Generator:
    """Makes schemas; with plain, only what Python's reader of data knows."""

    def __init__(self, rng, plain):
        self.rng = rng
        self.plain = plain

    def schema(self):
        rng = self.rng
        names = ["T%d" % i for i in range(rng.randint(1, 5))]
        named = {}
        # backwards, so that a record may hold later ones without end
        for i in reversed(range(len(names))):
            named[names[i]] = self.named(names, named)
        return {"root": ["ref", names[0]], "named": named}

    def named(self, names, later):
        rng = self.rng
        kind = rng.choice(("record", "record", "record", "enum", "fixed")
                          if later else ("record",))
        if kind == "enum":
            symbols = rng.sample(["A", "B", "C", "D", "E"], rng.randint(1, 4))
            result = {"kind": kind, "symbols": symbols}
            if not self.plain and rng.random() < 0.3:
                result["default"] = rng.choice(symbols)
            return result
        if kind == "fixed":
            return {"kind": kind, "size": rng.randint(0, 4)}
        fields = [self.field("f%d" % i, names, list(later))
                  for i in range(rng.randint(0, 6))]
        return {"kind": kind, "fields": fields}

    def field(self, name, names, later):
        return {"name": name, "type": self.kind(2, names, later)}

    def kind(self, depth, names, later):
        """A type; of those in names only inside of what may be empty."""
        rng = self.rng
        choice = rng.random()
        if depth == 0 or choice < 0.45:
            return rng.choice(PRIMITIVES)
        if choice < 0.6 and later:
            return ["ref", rng.choice(later)]
        if choice < 0.8:
            return [rng.choice(("array", "map")),
                    self.kind(depth - 1, names, names)]
        return ["union", self.branches(depth - 1, names)]

    def branches(self, depth, names):
        branches, keys = [], set()
        if self.rng.random() < 0.7:
            branches, keys = ["null"], {"null"}
        for _ in range(self.rng.randint(1, 3)):
            kind = self.kind(depth, names, names)
            if not is_kind(kind, "union") and branch_key(kind) not in keys:
                branches.append(kind)
                keys.add(branch_key(kind))
        return branches or ["null"]


# --- changes -------------------------------------------------------------

class Changer(Generator):
    """Changes schemas a little."""

    def change(self, schema):
        schema = copy.deepcopy(schema)
        for _ in range(self.rng.choice((1, 1, 2, 3))):
            name = self.rng.choice(list(schema["named"]))
            named = schema["named"][name]
            if named["kind"] == "record":
                self.change_record(schema, named)
            elif named["kind"] == "enum":
                self.change_enum(named)
            elif self.rng.random() < 0.3:
                named["size"] += 1
        if not self.plain and self.rng.random() < 0.15:
            self.rename_type(schema)
        return schema

    def change_record(self, schema, record):
        rng, fields = self.rng, record["fields"]
        what = rng.random()
        if what < 0.3 or not fields:
            field = self.field("g%d" % rng.randint(0, 9),
                               list(schema["named"]), [])
            if all(f["name"] != field["name"] for f in fields):
                if rng.random() < 0.8:
                    self.add_default(schema, field)
                fields.insert(rng.randint(0, len(fields)), field)
        elif what < 0.45:
            fields.remove(rng.choice(fields))
        elif what < 0.55:
            rng.shuffle(fields)
        elif what < 0.65 and not self.plain:
            self.rename_field(fields)
        else:
            field = rng.choice(fields)
            field["type"] = self.change_type(schema, field["type"])
            field.pop("default", None)

    def add_default(self, schema, field):
        try:
            field["default"] = self.value(schema, field["type"], 3)
        except RecursionError:
            pass

    def value(self, schema, kind, depth):
        """A default, as JSON."""
        rng = self.rng
        if depth < 0:
            raise RecursionError
        if kind in PRIMITIVES:
            return {"null": None, "boolean": rng.random() < 0.5,
                    "int": rng.randint(-2**31, 2**31 - 1),
                    "long": rng.randint(-2**63, 2**63 - 1),
                    "float": 0.5, "double": -1.25, "bytes": "\u00ff",
                    "string": "s"}[kind]
        if kind[0] == "array":
            return []
        if kind[0] == "map":
            return {}
        if kind[0] == "union":
            return self.value(schema, kind[1][0], depth - 1)
        named = schema["named"][kind[1]]
        if named["kind"] == "enum":
            return named["symbols"][0]
        if named["kind"] == "fixed":
            return "x" * named["size"]
        return {f["name"]: self.value(schema, f["type"], depth - 1)
                for f in named["fields"]}

    def change_enum(self, enum):
        rng, symbols = self.rng, enum["symbols"]
        if rng.random() < 0.6:
            symbols.insert(rng.randint(0, len(symbols)), "N%d"
                           % rng.randint(0, 99))
        elif len(symbols) > 1:
            gone = rng.choice(symbols)
            symbols.remove(gone)
            if enum.get("default") == gone:
                enum["default"] = symbols[0]
        if len(set(symbols)) < len(symbols):
            enum["symbols"] = list(dict.fromkeys(symbols))

    def rename_field(self, fields):
        field = self.rng.choice(fields)
        name = "r%d" % self.rng.randint(0, 99)
        if all(f["name"] != name for f in fields):
            if self.rng.random() < 0.7:
                field["aliases"] = [field["name"]]
            field["name"] = name

    def rename_type(self, schema):
        old = self.rng.choice(list(schema["named"]))
        new = "U%d" % self.rng.randint(0, 99)
        if new in schema["named"]:
            return

        def renamed(kind):
            if is_kind(kind, "ref"):
                return ["ref", new if kind[1] == old else kind[1]]
            if is_kind(kind, "union"):
                return ["union", [renamed(k) for k in kind[1]]]
            return [kind[0], renamed(kind[1])] if isinstance(kind, list) \
                else kind

        schema["named"] = {new if n == old else n: t
                           for n, t in schema["named"].items()}
        if self.rng.random() < 0.7:
            schema["named"][new]["aliases"] = [old]
        schema["root"] = renamed(schema["root"])
        for named in schema["named"].values():
            for field in named.get("fields", ()):
                field["type"] = renamed(field["type"])

    def change_type(self, schema, kind):
        rng = self.rng
        promoted = {"int": ("long", "float", "double"),
                    "long": ("float", "double", "int"),
                    "float": ("double", "int"), "string": ("bytes",),
                    "bytes": ("string",)}
        if self.plain:
            del promoted["string"], promoted["bytes"]
        if rng.random() < 0.15:
            return self.kind(1, list(schema["named"]), [])
        if isinstance(kind, str) and kind in promoted and rng.random() < 0.7:
            return rng.choice(promoted[kind])
        if is_kind(kind, "array") or is_kind(kind, "map"):
            return [kind[0], self.change_type(schema, kind[1])]
        if is_kind(kind, "union"):
            return self.change_union(schema, kind)
        if kind != "null" and rng.random() < 0.6:
            return ["union", rng.sample(["null", kind], 2)]
        return kind

    def change_union(self, schema, union):
        rng, branches = self.rng, union[1]
        what = rng.random()
        if what < 0.5:
            fresh = self.kind(0, [], [])
            if branch_key(fresh) not in map(branch_key, branches):
                branches.insert(rng.randint(0, len(branches)), fresh)
        elif what < 0.65 and len(branches) > 1:
            branches.remove(rng.choice(branches))
        elif what < 0.8:
            rng.shuffle(branches)
        else:
            place = rng.randrange(len(branches))
            changed = self.change_type(schema, branches[place])
            others = branches[:place] + branches[place + 1:]
            if not is_kind(changed, "union") and \
                    branch_key(changed) not in map(branch_key, others):
                branches[place] = changed
        return ["union", branches]


def to_json(schema, space=lambda name: name):
    """What Avro reads; space gives names their namespaces."""
    seen = set()

    def write(kind):
        if kind in PRIMITIVES:
            return kind
        if kind[0] == "array":
            return {"type": "array", "items": write(kind[1])}
        if kind[0] == "map":
            return {"type": "map", "values": write(kind[1])}
        if kind[0] == "union":
            return [write(branch) for branch in kind[1]]
        name = kind[1]
        if name in seen:
            return space(name)
        seen.add(name)
        named = schema["named"][name]
        result = {"type": named["kind"], "name": space(name)}
        for key in ("symbols", "size", "default", "aliases"):
            if key in named:
                result[key] = named[key]
        if named["kind"] == "record":
            result["fields"] = [dict(field, type=write(field["type"]))
                                for field in named["fields"]]
        return result

    return json.dumps(write(schema["root"]))


# --- what spine says -----------------------------------------------------

def ask(query, rows):
    """Answers to a query over rows of texts, in the table q, as JSON."""
    values = "".join("%s\n" % json.dumps(row).replace("\\", "\\\\")
                     for row in rows)
    script = ("SET client_min_messages = error;\n"
              "CREATE EXTENSION IF NOT EXISTS spine;\n"
              "CREATE TEMP TABLE q (n int GENERATED ALWAYS AS IDENTITY, "
              "r jsonb);\nCOPY q (r) FROM STDIN;\n%s\\.\n%s;\n"
              % (values, query))
    done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1"],
                          input=script, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("not ok - psql: " + done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def verdicts(pairs):
    """Of pairs of reader and writer: does the one read the other?  None
    where one is no schema: changes leave defaults that are no values."""
    return ask(
        "CREATE FUNCTION pg_temp.verdict(reader text, writer text) "
        "RETURNS text LANGUAGE plpgsql AS $$ BEGIN "
        "RETURN spine.is_compatible('AVRO', 'BACKWARD', reader, "
        "ARRAY[writer]); "
        "EXCEPTION WHEN SQLSTATE 'SP008' THEN RETURN 'null'; END $$;"
        "SELECT pg_temp.verdict(r->>0, r->>1) FROM q ORDER BY n", pairs)


def python_reads(reader, writer):
    checker = avro.compatibility.ReaderWriterCompatibilityChecker()
    result = checker.get_compatibility(avro.schema.parse(reader),
                                       avro.schema.parse(writer))
    return result.compatibility is \
        avro.compatibility.SchemaCompatibilityType.compatible


# --- the tests -----------------------------------------------------------

def crc64(form):
    """By the text of the specification, without a table."""
    empty = 0xc15d213aa4d7a795
    value = empty
    for byte in form.encode():
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (empty if value & 1 else 0)
    return value


def mend(form):
    """Python writes out a fixed each time that it is used; a name is defined
    once, as in Java's form and in a schema that parses."""
    for fixed in set(re.findall(r'\{"name":"[^"]*","type":"fixed","size":\d+\}',
                                form)):
        first = form.index(fixed) + len(fixed)
        name = re.match(r'\{"name":("[^"]*")', fixed).group(1)
        form = form[:first] + form[first:].replace(fixed, name)
    return form


def test_forms(schemas):
    answers = ask(
        "SELECT json_build_array(spine.canonical_schema('AVRO', r->>0), "
        "encode(spine.schema_fingerprint('AVRO', r->>0, 'crc-64-avro-le'), "
        "'hex'), encode(spine.schema_fingerprint('AVRO', r->>0, 'sha-256'), "
        "'hex')) FROM q ORDER BY n", [[schema] for schema in schemas])
    wrong = 0
    for schema, (form, crc, sha) in zip(schemas, answers):
        python = mend(avro.schema.parse(schema).canonical_form)
        if (python, crc64(python).to_bytes(8, "little").hex(),
                hashlib.sha256(python.encode()).hexdigest()) != \
                (form, crc, sha):
            wrong += 1
            if wrong < 4:
                print("# %s\n#  spine %s %s\n#  python %s"
                      % (schema, form, crc, python))
    report(wrong == 0, "canonical forms and fingerprints of %d schemas are "
           "Python's" % len(schemas))


def test_verdicts(pairs):
    both = [(new, old) for old, new in pairs] + list(pairs)
    answers = verdicts(both)
    wrong = 0
    invalid = answers.count(None)
    for (reader, writer), reads in zip(both, answers):
        if reads is not None and python_reads(reader, writer) != reads:
            wrong += 1
            if wrong < 4:
                print("# spine says %s\n#  reader %s\n#  writer %s"
                      % (reads, reader, writer))
    report(wrong == 0 and invalid < len(both) / 50 and
           answers.count(True) > 0 and answers.count(False) > 0,
           "verdicts about %d pairs, %d of them compatible, are Python's"
           % (len(both) - invalid, answers.count(True)))


# Reader, writer, what spine says, why Python says otherwise.
DISAGREEMENTS = [
    ('{"type": "fixed", "name": "a.F", "size": 1}',
     '{"type": "fixed", "name": "b.F", "size": 1}', True,
     "names match without their namespaces; Python compares them as written"),
    ('{"type": "fixed", "name": "F", "namespace": "a", "size": 1}',
     '{"type": "fixed", "name": "a.F", "size": 1}', True,
     "the same name, written in two ways"),
    ('{"type": "fixed", "name": "a.F", "aliases": ["G"], "size": 1}',
     '{"type": "fixed", "name": "a.G", "size": 1}', True,
     "an alias is in the namespace of its type; Python takes it as written"),
    ('{"type": "fixed", "name": "a.F", "aliases": ["G"], "size": 1}',
     '{"type": "fixed", "name": "G", "size": 1}', False,
     "the same the other way round"),
    ('{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int",'
     ' "aliases": ["b"]}, {"name": "b", "type": "int"}]}',
     '{"type": "record", "name": "R", "fields": [{"name": "b", "type": '
     '"int"}]}', False,
     "one field of the writer cannot be read as two"),
    ('[{"type": "record", "name": "A", "fields": [{"name": "x", "type": '
     '"int"}]}, {"type": "record", "name": "B", "aliases": ["A"], "fields": '
     '[]}]', '{"type": "record", "name": "A", "fields": []}', False,
     "a union reads with the branch of the full name, Python with any"),
]


def test_disagreements():
    answers = verdicts([row[:2] for row in DISAGREEMENTS])
    for (reader, writer, expected, why), reads in zip(DISAGREEMENTS, answers):
        report(reads == expected and
               python_reads(reader, writer) != expected,
               "disagrees with Python: " + why)


# Schemas that one takes and the other does not: what spine says, and why.
INVALID = [
    ('{"type": "record", "name": "R", "fields": [{"name": "f", "type": "int",'
     ' "default": "x"}]}', False, "a default that is no value of its type"),
    ('{"type": "record", "name": "R", "fields": [{"name": "f", "type": '
     '["null", "R"], "default": {}}]}', False,
     "a default that contains itself"),
    ('{"type": "int", "type": "int"}', False, "a member that is there twice"),
]


def test_invalid():
    for schema, expected, why in INVALID:
        done = subprocess.run(
            ["psql", "-XAtq", "-c", "SELECT spine.canonical_schema('AVRO', "
             "$json$" + schema + "$json$)"], capture_output=True, text=True)
        try:
            avro.schema.parse(schema)
            python = True
        except avro.errors.AvroException:
            python = False
        report((done.returncode == 0) == expected and python != expected,
               "disagrees with Python: " + why)


# --- data ----------------------------------------------------------------

def varint(number):
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while number > 0x7f:
        out.append(number & 0x7f | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


class Data:
    """Random data of a schema, encoded as the specification says.  (Python's
    own writer takes the wrong branch of unions with several records.)"""

    def __init__(self, rng):
        self.rng = rng

    def primitive(self, kind):
        rng = self.rng
        if kind == "null":
            return b""
        if kind == "boolean":
            return rng.choice((b"\0", b"\1"))
        if kind == "int":
            return varint(rng.randint(-2**31, 2**31 - 1))
        if kind == "long":
            return varint(rng.randint(-2**63, 2**63 - 1))
        if kind == "float":
            return struct.pack("<f", rng.randint(-1000, 1000))
        if kind == "double":
            return struct.pack("<d", rng.random())
        text = rng.choice(("", "s", "\u00e9")).encode()
        return varint(len(text)) + text

    def encode(self, schema, kind, depth=6):
        rng = self.rng
        if isinstance(kind, str):
            return self.primitive(kind)
        if kind[0] in ("array", "map"):
            count = 0 if depth <= 0 else rng.randint(0, 2)
            out = varint(count) if count else b""
            for i in range(count):
                if kind[0] == "map":
                    out += varint(1) + b"%d" % i
                out += self.encode(schema, kind[1], depth - 1)
            return out + b"\0"
        if kind[0] == "union":
            place = rng.randrange(len(kind[1]))
            if depth <= 0:    # what ends soonest
                place = min(range(len(kind[1])),
                            key=lambda i: isinstance(kind[1][i], list)
                            and kind[1][i][0] == "ref")
            return varint(place) + self.encode(schema, kind[1][place],
                                               depth - 1)
        named = schema["named"][kind[1]]
        if named["kind"] == "enum":
            return varint(rng.randrange(len(named["symbols"])))
        if named["kind"] == "fixed":
            return bytes(named["size"])
        return b"".join(self.encode(schema, field["type"], depth - 1)
                        for field in named["fields"])


class Reader(avro.io.DatumReader):
    """Python's reader with what it lacks: it knows no union read as one of
    its branches, and refuses arrays and maps whose items promote, and strings
    as bytes, before it looks at any data."""

    def read_data(self, writers_schema, readers_schema, decoder):
        if writers_schema.type == "union" and readers_schema.type != "union":
            branch = writers_schema.schemas[decoder.read_long()]
            return self.read_data(branch, readers_schema, decoder)
        return super().read_data(writers_schema, readers_schema, decoder)

    @staticmethod
    def mend():
        def let(schema, match):
            before = schema.match
            schema.match = lambda reader, writer: \
                before(reader, writer) or match(reader, writer)

        def reads(reader, writer):
            return writer.type == "union" or reader.match(writer)

        text = {"string", "bytes"}
        let(avro.schema.PrimitiveSchema, lambda reader, writer:
            {reader.type, writer.type} == text)
        let(avro.schema.ArraySchema, lambda reader, writer:
            writer.type == "array" and reads(reader.items, writer.items))
        let(avro.schema.MapSchema, lambda reader, writer:
            writer.type == "map" and reads(reader.values, writer.values))


def readable(data, old, new):
    """Write some values with the old schema, read them with the new one."""
    writer = avro.schema.parse(to_json(old))
    reader = avro.schema.parse(to_json(new))
    tried = 0
    for _ in range(40):
        try:
            encoded = data.encode(old, old["root"])
        except RecursionError:    # it would not end
            continue
        tried += 1
        try:
            Reader(writer, reader).read(
                avro.io.BinaryDecoder(io.BytesIO(encoded)))
        except (avro.errors.AvroException, TypeError, KeyError) as error:
            print("# %s: %s" % (type(error).__name__, str(error)[:200]))
            return False
        if tried == 8:
            break
    return True


def test_data(rng, pairs):
    answers = verdicts([(to_json(new), to_json(old)) for old, new in pairs])
    data = Data(rng)
    Reader.mend()
    tried = wrong = refused = 0
    for (old, new), reads in zip(pairs, answers):
        if not reads:
            refused += reads is False
            continue
        tried += 1
        if not readable(data, old, new):
            wrong += 1
            print("#  old %s\n#  new %s" % (to_json(old), to_json(new)))
    report(wrong == 0 and tried > len(pairs) / 10 and refused > 0,
           "data of %d old schemas is readable with the new ones (%d pairs "
           "were refused)" % (tried, refused))


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1500
    rng = random.Random(seed)
    changer = Changer(rng, False)
    schemas = [changer.schema() for _ in range(count)]
    pairs = [(schema, changer.change(schema)) for schema in schemas]
    texts = [(to_json(old), to_json(new)) for old, new in pairs]
    spaced = [to_json(schema, lambda name: "n.m." + name) for schema in
              schemas[:count // 2]]
    test_forms([old for old, _ in texts] + spaced)
    test_verdicts(texts)
    test_disagreements()
    test_invalid()
    plain = Changer(rng, True)
    schemas = [plain.schema() for _ in range(count)]
    test_data(rng, [(schema, plain.change(schema)) for schema in schemas])
    sys.exit(1 if FAILED else 0)


main()
