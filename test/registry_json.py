"""Do documents stay valid where spine says so, and does spine see what changed?

Usage: registry_json.py [SEED [PAIRS]]; beside the server that PG* name, with
the extension.  Generates JSON Schemas and changes of them, asks spine for the
verdict in both directions, and tries documents with jsonschema for Python:

- of pairs that spine calls compatible, each document that is valid under the
  schema that writes must be valid under the one that reads;
- of those that it calls incompatible, how often a document shows it is told,
  and must not be seldom.

Generated schemas keep clear of what docs/json-schema.md says data may tell
otherwise: defaults, and oneOf whose branches overlap.  Those are tried by
themselves, and must still be so.
"""
import copy
import json
import random
import subprocess
import sys

import jsonschema

FAILED = []
NAMES = ["a", "b", "c", "x-1", "x-2"]
TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"]


def report(good, what):
    print("%s - %s" % ("ok" if good else "not ok", what))
    if not good:
        FAILED.append(what)


# --- schemas -------------------------------------------------------------

def chance(rng, share):
    return rng.random() < share


def make_string(rng):
    schema = {"type": "string"}
    if chance(rng, 0.3):
        schema["maxLength"] = rng.randint(1, 4)
    if chance(rng, 0.3):
        schema["minLength"] = rng.randint(0, 2)
    if chance(rng, 0.2):
        schema["pattern"] = rng.choice(["^a", "b$", "a"])
    return schema


def make_number(rng):
    schema = {"type": rng.choice(["integer", "number"])}
    if chance(rng, 0.3):
        schema["maximum"] = rng.choice([1, 2.5, 4])
    if chance(rng, 0.2):
        schema["exclusiveMaximum"] = rng.choice([1, 2.5, 4])
    if chance(rng, 0.3):
        schema["minimum"] = rng.choice([-1, 0, 0.5])
    if chance(rng, 0.2):
        schema["multipleOf"] = rng.choice([0.5, 1, 2, 4])
    return schema


def make_object(rng, depth):
    schema = {"type": "object"}
    if chance(rng, 0.8):
        schema["properties"] = {
            name: make(rng, depth - 1)
            for name in rng.sample(NAMES, rng.randint(0, 3))}
    if chance(rng, 0.4):
        schema["required"] = rng.sample(NAMES, rng.randint(0, 2))
    if chance(rng, 0.5):
        schema["additionalProperties"] = rng.choice(
            [False, False, True, make(rng, depth - 1)])
    if chance(rng, 0.3):
        schema["patternProperties"] = {
            rng.choice(["^x-", "^(a|b)$", "[a-b]"]): make(rng, depth - 1)}
    if chance(rng, 0.1):
        schema["maxProperties"] = rng.randint(1, 3)
    if chance(rng, 0.1):
        schema["minProperties"] = rng.randint(0, 2)
    if chance(rng, 0.1):
        schema["propertyNames"] = {"maxLength": rng.randint(1, 3)}
    if chance(rng, 0.1):
        schema["dependentRequired"] = {rng.choice(NAMES): rng.sample(NAMES, 1)}
    if chance(rng, 0.1):
        schema["dependentSchemas"] = {rng.choice(NAMES): {
            "required": rng.sample(NAMES, 1)}}
    if chance(rng, 0.05):
        schema["unevaluatedProperties"] = False
    return schema


def make_array(rng, depth):
    schema = {"type": "array"}
    if chance(rng, 0.5):
        schema["items"] = rng.choice([False, make(rng, depth - 1)])
    if chance(rng, 0.3):
        schema["prefixItems"] = [make(rng, depth - 1)
                                 for _ in range(rng.randint(1, 2))]
    if chance(rng, 0.2):
        schema["maxItems"] = rng.randint(0, 3)
    if chance(rng, 0.2):
        schema["minItems"] = rng.randint(0, 2)
    if chance(rng, 0.1):
        schema["uniqueItems"] = True
    if chance(rng, 0.1):
        schema["contains"] = make(rng, 0)
        if chance(rng, 0.5):
            schema["minContains"] = rng.randint(0, 2)
        if chance(rng, 0.5):
            schema["maxContains"] = rng.randint(1, 2)
    return schema


def make_sum(rng, depth):
    kinds = rng.sample([make_string, make_number,
                        lambda r: {"type": "null"},
                        lambda r: {"type": "boolean"},
                        lambda r: make_object(r, depth - 1)],
                       rng.randint(1, 3))
    return {rng.choice(["anyOf", "oneOf"]): [kind(rng) for kind in kinds]}


def make_combined(rng, depth):
    kind = rng.choice(["sum", "sum", "allOf", "not", "if", "ref", "siblings"])
    if kind == "sum":
        return make_sum(rng, depth)
    if kind == "allOf":
        return {"allOf": [make(rng, depth - 1)
                          for _ in range(rng.randint(1, 2))]}
    if kind == "not":
        return {"not": make(rng, depth - 1)}
    if kind == "if":
        return {"if": make(rng, 0), "then": make(rng, depth - 1),
                "else": make(rng, depth - 1)}
    schema = {"$ref": rng.choice(["#/$defs/r", "#/$defs/s"])}
    if kind == "siblings":
        schema.update(make_string(rng))
    return schema


def make(rng, depth):
    """A schema nested so deep at most."""
    kind = rng.randrange(10)
    if kind < 2:
        return make_string(rng)
    if kind < 4:
        return make_number(rng)
    if kind == 4:
        return {"enum": rng.sample([1, 2, "a", "ab", None, True, [1], {"a": 1}],
                                   rng.randint(1, 3))}
    if kind == 5:
        return rng.choice([True, {}, {"type": rng.sample(TYPES, 2)},
                           {"const": 1}, {"type": "null"}, {"maxLength": 2}])
    if depth <= 0:
        return {"type": rng.choice(TYPES)}
    if kind < 8:
        return make_object(rng, depth)
    return make_array(rng, depth) if kind == 8 else make_combined(rng, depth)


def make_root(rng):
    """A schema with definitions that refer to themselves, below objects."""
    root = make_object(rng, 2) if chance(rng, 0.5) else make(rng, 3)
    if not isinstance(root, dict):
        root = {}
    root["$defs"] = {
        "r": {"type": "object", "properties": {
            "a": {"$ref": "#/$defs/r"}, "b": make(rng, 1)}},
        "s": make(random.Random(rng.random()), 0)}
    return root


def places(schema, found):
    """All objects in a schema."""
    if isinstance(schema, dict):
        found.append(schema)
        for value in schema.values():
            places(value, found)
    elif isinstance(schema, list):
        for value in schema:
            places(value, found)
    return found


def mutate(rng, schema):
    """A schema with something changed in it."""
    schema = copy.deepcopy(schema)
    for _ in range(rng.randint(1, 2)):
        place = rng.choice(places(schema, []))
        if place.get("type") == "object" and chance(rng, 0.3):
            extra = make_object(rng, 1)
            extra.pop("type")
            for key in rng.sample(sorted(extra), min(1, len(extra))):
                place[key] = extra[key]
            continue
        if place.get("type") == "array" and chance(rng, 0.3):
            place.update(make_array(rng, 1))
            continue
        keys = [k for k in place if k not in ("$defs", "r", "s", "$ref")]
        key = rng.choice(keys) if keys else None
        value = place.get(key)
        what = rng.randrange(6)
        if key is None or what == 0:
            if "type" in place or not place:
                place["type"] = rng.choice(TYPES)
        elif what == 1:
            del place[key]
            if place is schema.get("$defs"):
                place[key] = True
        elif isinstance(value, bool):
            place[key] = not value
        elif isinstance(value, (int, float)):
            if key == "multipleOf":
                place[key] = rng.choice([0.5, 1, 2, 4])
            elif key != "const":
                place[key] = max(0, value + rng.choice([-1, 1]))
        elif key in ("required", "enum") and isinstance(value, list):
            if value and chance(rng, 0.5):
                value.pop(rng.randrange(len(value)))
            elif key == "required":
                value.append(rng.choice([n for n in NAMES if n not in value]
                                        or ["z"]))
            else:
                value.append("new")
        elif key in ("anyOf", "oneOf") and isinstance(value, list):
            if len(value) > 1 and chance(rng, 0.5):
                value.pop(rng.randrange(len(value)))
            else:
                rng.shuffle(value)
        elif key == "properties" and isinstance(value, dict):
            value[rng.choice(NAMES)] = make(rng, 0)
        elif key in ("items", "additionalProperties", "not"):
            place[key] = make(rng, 0)
        elif isinstance(value, str) and key == "type":
            place[key] = rng.choice([[value, "null"], "number", value]) \
                if value != "null" else "null"
        elif what == 5 and chance(rng, 0.5):
            place["additionalProperties"] = rng.choice([True, False])
    return schema


def is_doubtful(schema):
    """Does it have what docs/json-schema.md says is judged otherwise?"""
    for place in places(schema, []):
        branches = place.get("oneOf")
        if isinstance(branches, list):
            kinds = [b.get("type") if isinstance(b, dict) else None
                     for b in branches]
            if None in kinds or len(set(map(str, kinds))) < len(kinds) or \
                    any(isinstance(k, list) for k in kinds) or \
                    {"integer", "number"} <= set(kinds):
                return True
        # jsonschema 4.10 takes the keywords of additionalProperties as names
        if "unevaluatedProperties" in place and "additionalProperties" in place:
            return True
    return False


# --- documents -----------------------------------------------------------

def scalar(rng):
    return rng.choice([None, True, False, 0, 1, 2, 4, -1, 0.5, 2.5, 3, 0.3,
                       "", "a", "b", "ab", "abc", "aaaaa", "new"])


def document(rng, depth=3):
    kind = rng.randrange(4)
    if depth == 0 or kind < 2:
        return scalar(rng)
    if kind == 2:
        return [document(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    return {name: document(rng, depth - 1)
            for name in rng.sample(NAMES + ["z"], rng.randint(0, 4))}


def guided(rng, schema, defs, depth=4):
    """A document that may well be valid."""
    if not isinstance(schema, dict) or depth == 0 or chance(rng, 0.05):
        return document(rng, min(depth, 2))
    if "$ref" in schema:
        return guided(rng, defs.get(schema["$ref"][8:], True), defs, depth - 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return rng.choice(schema["enum"])
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return guided(rng, rng.choice(schema[key]), defs, depth - 1)
    kind = schema.get("type", "object" if "properties" in schema else None)
    if isinstance(kind, list):
        kind = rng.choice(kind)
    if kind == "object":
        wanted = set(schema.get("required", []))
        known = schema.get("properties", {})
        wanted.update(n for n in known if chance(rng, 0.6))
        if chance(rng, 0.4):
            wanted.add(rng.choice(NAMES + ["z"]))
        result = {}
        for name in sorted(wanted):
            below = known.get(name)
            if below is None and name.startswith("x-"):
                below = schema.get("patternProperties", {}).get("^x-")
            if below is None:
                below = schema.get("additionalProperties", True)
            result[name] = guided(rng, below, defs, depth - 1)
        return result
    if kind == "array":
        first = schema.get("prefixItems", [])
        length = rng.randint(schema.get("minItems", 0),
                             max(3, schema.get("minItems", 0)))
        return [guided(rng, first[i] if i < len(first)
                       else schema.get("items", True), defs, depth - 1)
                for i in range(length)]
    if kind == "string":
        return rng.choice(["", "a", "b", "ab", "abc", "aaaaa", "aab"])
    if kind == "integer":
        return rng.choice([-2, -1, 0, 1, 2, 3, 4, 8])
    if kind == "number":
        return rng.choice([-2, -1, 0, 0.5, 1, 1.5, 2, 2.5, 4, 8, 0.3])
    if kind == "boolean":
        return rng.choice([True, False])
    return None if kind == "null" else document(rng, 2)


def broken_by(rng, writer, reader, tries):
    """A document that the writer's schema accepts and the reader's does not."""
    accepts = jsonschema.Draft202012Validator(writer)
    reads = jsonschema.Draft202012Validator(reader)
    for i in range(tries):
        source = (writer, reader)[i % 3 == 2]
        one = guided(rng, source, source.get("$defs", {}))
        if accepts.is_valid(one) and not reads.is_valid(one):
            return (one,)
    return None


# --- spine ---------------------------------------------------------------

def verdicts(pairs):
    """Whether new reads old, and old reads new, of each pair."""
    text = json.dumps([[json.dumps(a), json.dumps(b)] for a, b in pairs])
    query = """
        SELECT coalesce(json_agg(json_build_array(
            spine.is_compatible('JSON', 'BACKWARD', p ->> 1, ARRAY[p ->> 0]),
            spine.is_compatible('JSON', 'FORWARD', p ->> 1, ARRAY[p ->> 0]),
            (SELECT coalesce(bool_and(d.backward), true)
             FROM spine.compare_schemas('JSON', p ->> 0, p ->> 1) d),
            (SELECT coalesce(bool_and(d.forward), true)
             FROM spine.compare_schemas('JSON', p ->> 0, p ->> 1) d))
            ORDER BY n), '[]')
        FROM json_array_elements($spine$%s$spine$::json)
             WITH ORDINALITY t(p, n);""" % text
    run = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-f", "-"],
                         input=query, stdout=subprocess.PIPE, check=True,
                         universal_newlines=True)
    return json.loads(run.stdout)


def one_verdict(old, new):
    return verdicts([(old, new)])[0][0]


def known_disagreements():
    """What docs/json-schema.md says data may tell otherwise: still so?"""
    rng = random.Random(1)
    given = ({"type": "object"},
             {"type": "object", "additionalProperties": False,
              "properties": {"a": {"default": 1}}, "required": ["a"]})
    old = {"type": "object", "additionalProperties": False}
    report(one_verdict(old, given[1]) and
           broken_by(rng, old, given[1], 200) is not None,
           "a required property with a default is compatible, though "
           "documents lack it")
    old = {"oneOf": [{"type": "integer"}]}
    new = {"oneOf": [{"type": "integer"}, {"type": "number"}]}
    report(one_verdict(old, new) and
           broken_by(rng, old, new, 200) is not None,
           "oneOf is extended compatibly, though branches overlap")


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1500
    rng = random.Random(seed)
    pairs = []
    while len(pairs) < count:
        old = make_root(rng)
        new = mutate(rng, old) if chance(rng, 0.9) else make_root(rng)
        try:
            jsonschema.Draft202012Validator.check_schema(new)
        except jsonschema.SchemaError:
            continue
        if not is_doubtful(old) and not is_doubtful(new):
            pairs.append((old, new))
    answers = verdicts(pairs)
    compatible = shown = incompatible = 0
    for (old, new), (backward, forward, told_b, told_f) in zip(pairs, answers):
        if (backward, forward) != (told_b, told_f):
            report(False, "differences say what the verdict says: %s %s" %
                   (json.dumps(old), json.dumps(new)))
        for good, writer, reader in ((backward, old, new),
                                     (forward, new, old)):
            found = broken_by(rng, writer, reader, 40)
            if good:
                compatible += 1
                if found is not None:
                    report(False, "%s is valid under %s, not under %s" %
                           (json.dumps(found[0]), json.dumps(writer),
                            json.dumps(reader)))
            else:
                incompatible += 1
                shown += found is not None
    report(not FAILED, "documents stay valid: %d compatible directions of %d "
           "pairs" % (compatible, count))
    report(compatible > count // 4, "enough of them are compatible")
    report(shown * 2 > incompatible, "documents show %d of %d that are not" %
           (shown, incompatible))
    known_disagreements()
    sys.exit(1 if FAILED else 0)


main()
