"""The laws of the document, on generated documents.

A model of the merge, written here in terms of Python's dictionaries, says
what each apply must lead to; the server must agree, and export, plan, diff,
rollback and the projection must agree with it.

Usage: catalog_properties.py NUMBER [SEED]; the server is the one that PG*
name.
"""
import copy
import csv
import io
import json
import random
import subprocess
import sys

HEAD = {"kind": "DataSpine", "apiVersion": "spine/v1"}
PARTIES = ["p%d" % i for i in range(6)]
STATES = ["s%d" % i for i in range(5)]
NAMES = ["a", "b", "cc", "d.e", "f\"g", "h i", "\u00fcber", "j" * 40]
TABLES = ["props.t%d" % i for i in range(4)]
COLUMNS = ["c0", "c1", "c2"]
TEXTS = ["", "text", "line\nbreak", "tab\tquote\"back\\slash", "\u20ac \U0001f600",
         "\u0001"]
NUMBERS = [0, 1, 1.0, 0.5, 1e3, 12345678901234567890]


class Maker:
    """Makes documents without errors, at random."""

    def __init__(self, rng):
        self.rng = rng

    def some(self, names, least=0):
        return self.rng.sample(names, self.rng.randint(least, len(names)))

    def maybe(self, obj, key, make, chance=0.5):
        if self.rng.random() < chance:
            obj[key] = make()
        return obj

    def text(self):
        return self.rng.choice(TEXTS)

    def party(self):
        return self.rng.choice(PARTIES)

    def parties(self):
        return self.some(PARTIES, 1)[:3]

    def state(self, columns):
        state = {}
        self.maybe(state, "owner", self.party)
        self.maybe(state, "meaning", self.text)
        self.maybe(state, "locked", lambda: self.rng.random() < 0.5)
        self.maybe(state, "delete", self.parties)
        names = ["*"] + columns + [c + ".x" for c in columns]
        self.maybe(state, "write",
                   lambda: {n: self.parties() for n in self.some(names)})
        return state

    def lifecycle(self, columns):
        names = self.some(STATES, 2)
        states = {n: self.state(columns) for n in names}
        first = states[names[0]]
        first["initial"] = True
        first["owner"] = self.party()
        states[names[-1]]["terminal"] = True
        for name in names[:-1]:
            states[name].setdefault("owner", self.party())
        steps = {}
        for a, b in zip(names, names[1:]):
            step = {"by": self.parties()}
            self.maybe(step, "description", self.text)
            self.maybe(step, "handoff",
                       lambda: [{"notify": "topic"}, {"emit": "Event"}])
            steps["%s -> %s" % (a, b)] = step
        return {"governing": "status", "states": states,
                "transitions": steps}

    def dataset(self, relation):
        dataset = {}
        if relation:
            dataset["relation"] = relation
        self.maybe(dataset, "owner", self.party)
        self.maybe(dataset, "description", self.text)
        self.maybe(dataset, "classification", lambda: "internal")
        self.maybe(dataset, "audit",
                   lambda: self.rng.choice(["all", "transitions", "none"]))
        self.maybe(dataset, "enforcement",
                   lambda: self.rng.choice(["enforce", "observe", "off"]))
        self.maybe(dataset, "producers",
                   lambda: {p: {} for p in self.parties()}, 0.3)
        self.maybe(dataset, "attributes",
                   lambda: {c: {"description": self.text()}
                            for c in self.some(COLUMNS)})
        self.maybe(dataset, "lifecycle",
                   lambda: self.lifecycle(COLUMNS[1:]))
        return dataset

    def context(self, free):
        """Tables in free are taken: a table belongs to one dataset."""
        context = {"owner": self.party()}
        self.maybe(context, "description", self.text)
        datasets = {}
        for name in self.some(NAMES)[:4]:
            relation = None
            if free and self.rng.random() < 0.4:
                relation = free.pop()
            datasets[name] = self.dataset(relation)
        if datasets or self.rng.random() < 0.3:
            context["datasets"] = datasets
        return context

    def residency(self):
        return {"effect": self.rng.choice(["allow", "deny"]),
                "term": "classification:internal", "from": "eu", "to": "eu",
                "description": self.text()}

    def slo(self):
        return {"indicator": "lag", "objective": self.rng.choice([0.5, 0.99]),
                "description": self.text()}

    def section(self, name, used):
        if name == "parties":
            # All of them: others refer to them.
            return {p: self.maybe({"kind": "service",
                                   "role": "regress_props_" + p},
                                  "escalation", lambda: ["p0"])
                    for p in PARTIES}
        if name == "terms":
            return {"classification": {"internal": {"rank": 1}},
                    "region": {"eu": {}},
                    "purpose": {n: {} for n in ["u", "v", "w"]
                                if self.rng.random() < 0.5}}
        if name == "residency":
            return {n: self.residency() for n in self.some(NAMES)[:3]}
        if name == "slos":
            return {n: self.slo() for n in self.some(NAMES)[:3]}
        free = [t for t in TABLES if t not in used]
        self.rng.shuffle(free)
        return {n: self.context(free) for n in self.some(NAMES)[:3]}

    def document(self, current):
        """A document whose tables are not taken by what it leaves alone."""
        doc = dict(HEAD)
        names = ["parties", "terms", "residency", "slos", "contexts"]
        if current:
            names = self.some(names, 1)
        used = {d.get("relation")
                for c in current.get("contexts", {}).values()
                for d in c.get("datasets", {}).values()}
        for name in names:
            doc[name] = self.section(name, used)
        return doc


def merge_entities(current, doc, prune):
    """Entities of doc over those of current."""
    merged = {} if prune else dict(current)
    merged.update(doc)
    return merged


def merge_context(current, doc, prune):
    merged = merge_entities(current, doc, prune)
    if "datasets" in doc:
        merged["datasets"] = merge_entities(current.get("datasets", {}),
                                            doc["datasets"], prune)
    if merged.get("datasets") == {}:
        del merged["datasets"]
    return merged


def merge(current, doc, prune):
    """What an apply of doc over current means."""
    merged = copy.deepcopy(current)
    for name, section in doc.items():
        if name in HEAD:
            merged[name] = section
            continue
        old = merged.get(name, {})
        if name == "terms":
            new = merge_entities(old, {}, prune)
            for scheme, codes in section.items():
                new[scheme] = merge_entities(old.get(scheme, {}), codes, prune)
            new = {s: c for s, c in new.items() if c}
        elif name == "contexts":
            new = dict(old)
            for context, members in section.items():
                new[context] = merge_context(old.get(context, {}), members,
                                             prune)
                if prune and not new[context]:
                    del new[context]
        else:
            new = merge_entities(old, section, prune)
        merged.pop(name, None)
        if new:
            merged[name] = new
    return merged


CHECK = r"""
SET client_min_messages = warning;
CREATE TEMP TABLE made (n int, doc jsonb, prune boolean, expected jsonb,
                        scope text, back int);
COPY made FROM STDIN WITH (FORMAT csv);
"""

LAWS = r"""
CREATE FUNCTION pg_temp.law(ok boolean, n int, what text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF ok IS NOT TRUE THEN
        RAISE EXCEPTION 'document %: %', n, what;
    END IF;
END $$;

CREATE FUNCTION pg_temp.sound(n int) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    SELECT pg_catalog.string_agg(check_name || ': ' || detail, '; ')
      INTO wrong
      FROM spine.health() WHERE NOT ok AND check_name IN
           ('projection', 'revision_chain', 'party_roles', 'relations');
    PERFORM pg_temp.law(wrong IS NULL, n, 'health: ' || wrong);
END $$;

CREATE FUNCTION pg_temp.run() RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    m record;
    before bigint := 0;
    after bigint;
    planned bigint;
    same bigint;
    old jsonb;
    done int := 0;
BEGIN
    FOR m IN SELECT * FROM made ORDER BY n LOOP
        old := spine.export();
        SELECT count(*) INTO planned FROM spine.plan(m.doc, m.prune)
         WHERE action IN ('create', 'update', 'delete')
           AND kind NOT IN ('constraint');
        after := spine.apply(m.doc, 'document ' || m.n, m.prune);

        PERFORM pg_temp.law(spine.export() = m.expected, m.n,
            'export is not the merged document: ' || spine.export()::text);
        PERFORM pg_temp.law((planned = 0) = (after = before), m.n,
            pg_catalog.format('%s rows planned, revision %s after %s',
                              planned, after, before));
        PERFORM pg_temp.law((SELECT count(*) FROM spine.diff(before, after)
                             WHERE kind <> 'right') = planned OR before = 0, m.n,
            'diff and plan have another number of rows');
        PERFORM pg_temp.law(NOT EXISTS (SELECT FROM spine.plan(spine.export())),
            m.n, 'what is exported plans something');
        PERFORM pg_temp.law(spine.apply(spine.export()) = after, m.n,
            'what is exported applies as another revision');
        PERFORM pg_temp.law(spine.apply(m.doc, '', m.prune, after) = after,
            m.n, 'applied again, it is another revision');

        IF m.scope IS NOT NULL THEN
            PERFORM pg_temp.law(
                NOT EXISTS (SELECT FROM spine.plan(spine.export(m.scope))),
                m.n, 'a part that is exported plans something');
        END IF;
        IF m.back IS NOT NULL AND before > 0 THEN
            same := spine.rollback(before);
            PERFORM pg_temp.law(spine.export() = old, m.n,
                'rollback does not bring back what was');
            same := spine.rollback(after);
            PERFORM pg_temp.law(spine.export() = m.expected, m.n,
                'rollback of a rollback');
            after := same;
        END IF;
        IF m.n % 100 = 0 THEN
            PERFORM pg_temp.sound(m.n);
        END IF;
        before := after;
        done := done + 1;
    END LOOP;
    PERFORM pg_temp.sound(done);
    RETURN done;
END $$;

SELECT pg_temp.run();
"""

SETUP = r"""
SET client_min_messages = warning;
CREATE SCHEMA props;
DO $$
BEGIN
    FOR i IN 0..3 LOOP
        EXECUTE pg_catalog.format(
            'CREATE TABLE props.t%s (id int PRIMARY KEY, status text NOT NULL,'
            ' c0 text, c1 jsonb, c2 jsonb)', i);
    END LOOP;
    FOR i IN 0..5 LOOP
        EXECUTE pg_catalog.format('CREATE ROLE regress_props_p%s LOGIN', i);
    END LOOP;
END $$;
"""

CLEANUP = r"""
SET client_min_messages = warning;
SELECT spine.detach_all();
DROP SCHEMA props CASCADE;
DO $$
BEGIN
    FOR i IN 0..5 LOOP
        EXECUTE pg_catalog.format('DROP ROLE regress_props_p%s', i);
    END LOOP;
END $$;
"""


def run_psql(script):
    done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1"],
                          input=script, capture_output=True, text=True)
    if done.returncode != 0:
        print("not ok - catalog_properties: "
              + done.stderr.strip().replace("\n", "\n# "))
        sys.exit(1)
    return done.stdout


def rows(number, rng):
    """The documents, and what each one must lead to, as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    maker = Maker(rng)
    current = {}
    for n in range(1, number + 1):
        doc = maker.document(current)
        # Without what they refer to, other parts would be in error.
        prune = bool(current) and rng.random() < 0.3
        current = merge(current, doc, prune)
        contexts = list(current.get("contexts", {}))
        scope = None
        if contexts:
            scope = '"%s"' % rng.choice(contexts).replace('"', '""')
        writer.writerow([n, json.dumps(doc), prune, json.dumps(current),
                         scope, 1 if rng.random() < 0.2 else None])
    return out.getvalue()


def main():
    number = int(sys.argv[1])
    seed = sys.argv[2] if len(sys.argv) > 2 and sys.argv[2] else "1"
    data = rows(number, random.Random(seed))
    run_psql(SETUP)
    try:
        done = run_psql(CHECK + data + "\\.\n" + LAWS).strip()
    finally:
        run_psql(CLEANUP)
    print("ok - catalog_properties: the laws hold for %s documents (seed %s)"
          % (done.splitlines()[-1], seed))


main()
