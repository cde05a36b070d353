"""Protobuf schemas in spine and in protoc.

Usage: protobuf_oracle.py [SCHEMAS [SEED]]

What protoc accepts and refuses, spine does; a schema as text, as the
descriptor that protoc makes of it, and as its own canonical form has one
canonical form; and data that protoc encodes with the old one of two schemas
are read with the new one where spine says so.
"""
import base64
import json
import os
import random
import re
import subprocess
import sys
import tempfile

import protobuf_cases
from protobuf_schemas import SCALARS, Schema

FUNCTION = """
CREATE FUNCTION pg_temp.outcome(schema text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN spine.canonical_schema('PROTOBUF', schema);
EXCEPTION WHEN SQLSTATE 'SP008' THEN
    RETURN '! ' || SQLERRM;
END $$;
"""


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def query(sql):
    """The one value of the last query, from JSON."""
    run = subprocess.run(['psql', '-XAtq', '-v', 'ON_ERROR_STOP=1'], input=sql,
                         capture_output=True, text=True, encoding='utf-8')
    if run.returncode != 0:
        sys.exit('psql: ' + run.stderr)
    return json.loads(run.stdout)


def outcomes(texts):
    """The canonical form of each text, or an error that begins with !."""
    values = ', '.join('(%d, %s)' % (i, literal(t))
                       for i, t in enumerate(texts))
    return query(FUNCTION + 'SELECT json_agg(pg_temp.outcome(t) ORDER BY i) '
                 'FROM (VALUES %s) v(i, t);' % values)


def verdicts(pairs, level):
    """Does each pair of an old and a new text keep a level?"""
    values = ', '.join('(%d, %s, %s)' % (i, literal(a), literal(b))
                       for i, (a, b) in enumerate(pairs))
    return query("SELECT json_agg(spine.is_compatible('PROTOBUF', '%s', b, "
                 'ARRAY[a]) ORDER BY i) FROM (VALUES %s) v(i, a, b);' %
                 (level, values))


class Protoc:
    def __init__(self, directory):
        self.directory = directory

    def run(self, *args, **kw):
        return subprocess.run(
            ['protoc', '-I.', '-I/usr/include', *args, 'schema.proto'],
            cwd=self.directory, capture_output=True, **kw)

    def write(self, text):
        with open(os.path.join(self.directory, 'schema.proto'), 'wb') as file:
            file.write(text.encode())

    def descriptor(self, text):
        """The schema's descriptor in base64, and what was said against it."""
        self.write(text)
        run = self.run('--descriptor_set_out=/dev/stdout')
        if run.returncode != 0:
            return None, run.stderr.decode(errors='replace')
        data, at, shift, length = run.stdout, 1, 0, 0
        while True:
            length |= (data[at] & 127) << shift
            shift += 7
            at += 1
            if data[at - 1] < 128:
                break
        return base64.b64encode(data[at:at + length]).decode(), ''

    def encode(self, text, message, data):
        self.write(text)
        return self.run('--encode=' + message, input=data.encode())

    def decode(self, text, message, data):
        self.write(text)
        return self.run('--decode=' + message, input=data)


def report(what, failures):
    print('ok' if not failures else 'not ok', '-', what)
    for failure in failures[:5]:
        print('#  ', failure.replace('\n', '\n#   '))
    return not failures


# ---- what is valid, and what it says ----

def compare(protoc, texts, known):
    """Texts with what they were made of; returns disagreements."""
    failures, forms = [], []
    descriptors = [protoc.descriptor(text) for text, _ in texts]
    found = outcomes([text for text, _ in texts])
    for (text, part), (descriptor, message), form in zip(texts, descriptors,
                                                         found):
        if (descriptor is None) != form.startswith('!'):
            if part not in known and not known.get(None, lambda *_: False)(
                    message, form):
                failures.append('%s\nprotoc: %s\nspine: %s' % (
                    text, message or 'valid', form[:200]))
        elif descriptor is not None:
            forms.append((text, descriptor, form))
    if forms:
        again = outcomes([f for _, _, f in forms])
        wire = outcomes([d for _, d, _ in forms])
        for (text, _, form), a, w in zip(forms, again, wire):
            if a != form:
                failures.append('%s\ncanonical form of %s\nis %s' % (
                    text, form, a))
            if w != form:
                failures.append('%s\nas text %s\nserialised %s' % (
                    text, form, w))
    return failures, forms


def broken(rng, text):
    """A text with a word too few, too many or in another place."""
    words = re.findall(r'"[^"]*"|[\w.]+|\s+|.', text)
    for _ in range(rng.randint(1, 2)):
        i = rng.randrange(len(words))
        kind = rng.random()
        if kind < .4:
            del words[i]
        elif kind < .6:
            words.insert(i, words[rng.randrange(len(words))])
        else:
            words[i] = words[rng.randrange(len(words))]
    return ''.join(words)


def excused(message, form):
    """Disagreements that docs/protobuf.md explains."""
    return 'JSON camel-case' in message or 'in JSON' in form or \
        'go downwards' in form


# ---- data ----

def value_text(rng, type_, enums):
    """A value of a scalar or an enumeration, as text."""
    if type_ in enums:
        return rng.choice(enums[type_])
    if type_ == 'bool':
        return rng.choice(['true', 'false'])
    if type_ in ('string', 'bytes'):
        return rng.choice(['""', '"a"', '"some text"'])
    if type_ in ('float', 'double'):
        return rng.choice(['0', '1.5', '-3e10'])
    if type_[0] == 'u' or type_.startswith('fixed'):
        return rng.choice(['0', '1', '300', '4000000000'])
    return rng.choice(['0', '1', '-1', '2000000000'])


def message_text(rng, schema, message, enums, depth):
    """A random value of a message, as text; NULL where it would not end."""
    messages = {'.' + n: m for n, m in schema.named_types()[0]}
    out, oneofs = [], set()
    for field in message.fields:
        deep = field.type in messages
        if field.oneof in oneofs or \
                (deep and depth > 3 and field.label != 'required') or \
                (field.label != 'required' and rng.random() < .2):
            continue
        if deep and depth > 12:
            return None
        oneofs |= {field.oneof} if field.oneof else set()
        for _ in range(rng.randint(1, 3) if field.key or
                       field.label == 'repeated' else 1):
            if deep:
                value = message_text(rng, schema, messages[field.type], enums,
                                     depth + 1)
                if value is None:
                    return None
                value = '{ %s }' % value
            else:
                if field.type in enums and not enums[field.type]:
                    return None
                value = value_text(rng, field.type, enums)
            if field.key:
                value = '{ key: %s value: %s }' % (
                    value_text(rng, field.key, {}), value)
            out.append('%s: %s' % (field.name, value))
    return ' '.join(out)


def lost(text, new, message):
    """Fields of a decoded text that the schema has but could not read."""
    found, stack = [], [message]
    messages = {'.' + n: m for n, m in new.named_types()[0]}
    for line in text.splitlines():
        line = line.strip()
        name = re.match(r'\w+', line)
        if line == '}':
            stack.pop()
            continue
        if name and name.group().isdigit() and stack[-1] is not None and \
                int(name.group()) in {f.number for f in stack[-1].fields}:
            found.append(line)
        if line.endswith('{'):
            field = next((f for f in stack[-1].fields
                          if f.name == name.group()), None) \
                if stack[-1] is not None else None
            if field is not None and field.key:
                stack.append(None)
            else:
                stack.append(messages.get(field.type) if field else None)
    return found


def common_values(old, new):
    """Names of values, by type, whose numbers both versions have."""
    after = {'.' + n: {v[1] for v in e.values} for n, e in
             new.named_types()[1]}
    return {'.' + n: [v[0] for v in e.values
                      if v[1] in after.get('.' + n, {v[1]})]
            for n, e in old.named_types()[1]}


def exchange(protoc, rng, old, new):
    """Write data with the old schema, read it with the new one."""
    after = dict(new.named_types()[0])
    failures, read = [], 0
    for name, message in old.named_types()[0]:
        if name not in after:
            continue
        data = message_text(rng, old, message, common_values(old, new), 0)
        if not data:
            continue
        encoded = protoc.encode(old.text(), name, data)
        if encoded.returncode != 0:
            failures.append('cannot write: %s\n%s' % (
                encoded.stderr.decode(), data))
            continue
        decoded = protoc.decode(new.text(), name, encoded.stdout)
        read += 1
        gone = lost(decoded.stdout.decode(), new, after[name])
        if decoded.returncode != 0 or gone:
            failures.append('%s\nlost: %s%s\nold:\n%s\nnew:\n%s' % (
                data, gone, decoded.stderr.decode(), old.text(), new.text()))
    return failures, read


def exchange_all(protoc, rng, count):
    pairs = []
    while len(pairs) < count:
        old = Schema(rng)
        pairs.append((old, old.mutated()))
    texts = [(a.text(), b.text()) for a, b in pairs]
    good = True
    for level in ('WIRE', 'BACKWARD'):
        failures, read = [], 0
        for (old, new), kept in zip(pairs, verdicts(texts, level)):
            if kept:
                found, times = exchange(protoc, rng, old, new)
                failures += found
                read += times
        if read < count / 3:
            failures.append('only %d messages were read' % read)
        good &= report('data of %s schemas are read' % level, failures)
    return good


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    rng = random.Random(seed)
    good = True
    with tempfile.TemporaryDirectory() as directory:
        protoc = Protoc(directory)
        texts = [(t, p) for t, p in protobuf_cases.texts() if '\x00' not in t]
        failures, _ = compare(protoc, texts, protobuf_cases.KNOWN)
        good &= report('hand-written schemas are judged and read alike',
                       failures)

        schemas = [Schema(rng) for _ in range(count)]
        failures, forms = compare(protoc, [(s.text(), None) for s in schemas],
                                  {})
        if len(forms) < count:
            failures.append('only %d of %d are valid' % (len(forms), count))
        good &= report('generated schemas are read alike', failures)

        failures, again = compare(protoc, [(f, None) for _, _, f in forms], {})
        if [f for _, _, f in forms] != [f for _, _, f in again]:
            failures.append('protoc reads a canonical form otherwise')
        good &= report('canonical forms are schemas for protoc', failures)

        texts = [(broken(rng, rng.choice(schemas).text()), None)
                 for _ in range(3 * count)]
        failures, _ = compare(protoc, texts, {None: excused})
        good &= report('broken schemas are judged alike', failures)

        good &= exchange_all(protoc, rng, count)
    sys.exit(0 if good else 1)


main()
