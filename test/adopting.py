"""spine.introspect on generated schemas, and how long adopting one takes.

Two parts.  The law: whatever a schema holds, its introspected document has no
error, applies at once, plans nothing afterwards, lets every write succeed or fail as
before, and leaves no trace after detach_all.  The minute: the schema of 200
tables that docs/adopting.md builds is introspected, validated and applied,
beside a floor measured in the same rounds (pg_dump -s of the schema).

Usage: adopting.py [SCHEMAS] [SEED]; the server is the one that PG* name.
"""
import os
import random
import re
import subprocess
import sys
import time

PAGE = "docs/adopting.md"
ROUNDS = 3
WORDS = ["a", "order", "select", "User", "a.b", 'say "x"', "größe", "*",
         " edge", "tab\there", "x" * 63, '"' * 60, "~1", "日本語", "it's",
         "\\back", "null", "$1", "%s", "{}", "a->b"]
TEXTS = ["plain", "It's \"said\"\nin two lines", "\u2039fill in\u203a",
         "\u2039half", "{}", "\\", "x" * 5000]
TYPES = ["int", "text", "jsonb", "numeric", "timestamptz", "int[]", "uuid",
         "mood", "posint"]

# Everything that spine could leave on tables of others.
TRACE = """
SELECT md5(string_agg(line, E'\\n' ORDER BY line COLLATE "C")) FROM (
    SELECT format('%s %s %s', tgrelid::regclass, tgenabled, pg_get_triggerdef(oid)) AS line
      FROM pg_trigger WHERE NOT tgisinternal AND tgname !~ '^(project|refuse_change)$'
    UNION ALL
    SELECT format('%s %s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint
     WHERE connamespace <> 'spine'::regnamespace
    UNION ALL
    SELECT format('%s %s %s %s', oid::regclass, relowner, relacl, relkind) FROM pg_class
     WHERE relnamespace <> 'spine'::regnamespace AND relkind IN ('r', 'p', 'm', 'v', 'f')
    UNION ALL
    SELECT format('%s %s %s %s', attrelid::regclass, attname, attacl, attnotnull) FROM pg_attribute
     WHERE attacl IS NOT NULL) t"""

# What becomes of writes to every table and partition: their SQLSTATEs.
PROBE = """
CREATE FUNCTION pg_temp.probe() RETURNS text LANGUAGE plpgsql AS $probe$
DECLARE
    said text := '';
    tab record;
    write text;
BEGIN
    FOR tab IN
        SELECT c.oid, c.oid::regclass AS name, c.relowner::regrole AS owner,
               string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns,
               string_agg(quote_literal(CASE WHEN typname IN ('int4', 'numeric', 'posint') THEN '1'
                   WHEN typname IN ('jsonb', '_int4') THEN '{}' WHEN typname = 'mood' THEN 'ok'
                   WHEN typname = 'uuid' THEN md5('') ELSE 'now' END), ', ' ORDER BY attnum) AS fields
          FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
         WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND c.oid >= 16384
           AND c.relnamespace <> 'spine'::regnamespace
           AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
         GROUP BY c.oid ORDER BY c.oid
    LOOP
        FOREACH write IN ARRAY ARRAY[
            format('INSERT INTO %s (%s) VALUES (%s)', tab.name, tab.columns, tab.fields),
            format('INSERT INTO %s (%s) VALUES (%s); UPDATE %1$s SET (%2$s) = ROW (%3$s); DELETE FROM %1$s',
                   tab.name, tab.columns, tab.fields),
            format('UPDATE %s SET (%s) = ROW (%s)', tab.name, tab.columns, tab.fields),
            format('TRUNCATE %s CASCADE', tab.name)]
        LOOP
            BEGIN
                EXECUTE write;
                RAISE SQLSTATE '0A0A0';
            EXCEPTION WHEN OTHERS THEN
                said := said || SQLSTATE || ' ';
            END;
        END LOOP;
    END LOOP;
    RETURN said;
END $probe$;
SELECT pg_temp.probe() AS writes \\gset"""


def ident(name):
    return '"' + name.replace('"', '""') + '"'


def literal(text):
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


class Schema:
    """The statements that make one random schema, and its name."""

    def __init__(self, rng, number):
        self.rng = rng
        self.sql = []
        self.used = set()
        self.roles = [ident(self.name("r")) for _ in range(rng.randint(1, 5))]
        self.schema = self.name("s")
        self.other = self.name("o")
        self.tables = []
        self.number = number
        self.make()

    def name(self, prefix):
        """A name that was not used: odd, or plain."""
        word = self.rng.choice(WORDS)
        if word in self.used or self.rng.random() < 0.3:
            word = f"{prefix}{len(self.used)}"
        self.used.add(word)
        return word

    def maybe(self, chance=0.5):
        return self.rng.random() < chance

    def say(self, sql):
        self.sql.append(sql + ";")

    def make(self):
        for role in self.roles:
            self.say(f"CREATE ROLE {role} "
                     f"{self.rng.choice(['LOGIN', 'NOLOGIN'])}")
        for schema in (self.schema, self.other):
            self.say(f"CREATE SCHEMA {ident(schema)}")
        self.say("CREATE TYPE mood AS ENUM ('ok', 'sad')")
        self.say("CREATE DOMAIN posint AS int CHECK (VALUE > 0)")
        self.say("CREATE FOREIGN DATA WRAPPER fdw")
        for _ in range(self.rng.randint(0, 2)):
            server = self.name("srv")
            self.say(f"CREATE SERVER {ident(server)} FOREIGN DATA WRAPPER fdw")
            self.server = server
        for _ in range(self.rng.randint(0, 9)):
            self.table(self.schema)
        for _ in range(self.rng.randint(0, 2)):
            self.table(self.other)
        self.inherit()
        for _ in range(self.rng.randint(0, 5)):
            self.reference()
        self.views()
        self.publications()
        for _ in range(self.rng.randint(0, 12)):
            self.grant()
        if self.maybe(0.3):
            self.say(f"COMMENT ON SCHEMA {ident(self.schema)} IS "
                     f"{literal(self.rng.choice(TEXTS))}")

    def columns(self):
        columns = [(self.name("c"), self.rng.choice(TYPES))
                   for _ in range(self.rng.randint(0, 5))]
        return [("id", "int")] + columns if self.maybe(0.8) else columns

    def key(self, columns):
        """A constraint, an index, or nothing that tells rows apart."""
        names = [ident(n) for n, t in columns if t not in ("jsonb", "int[]")]
        if not names:
            return None
        names = ", ".join(self.rng.sample(
            names, self.rng.randint(1, min(2, len(names)))))
        return self.rng.choice([
            f"PRIMARY KEY ({names})", f"PRIMARY KEY ({names})",
            f"PRIMARY KEY ({names}) DEFERRABLE", f"UNIQUE ({names})", None])

    def table(self, schema):
        columns, name = self.columns(), self.name("t")
        table = f"{ident(schema)}.{ident(name)}"
        parts = [f"{ident(n)} {t}{' NOT NULL' if self.maybe(0.4) else ''}"
                 for n, t in columns]
        key = self.key(columns)
        numbers = [n for n, t in columns if t == "int"]
        split = numbers[0] if numbers and self.maybe(0.3) else None
        if key and split and ident(split) not in key:
            key = None
        if numbers and self.maybe(0.3):
            parts.append(f"{ident(self.name('g'))} int GENERATED ALWAYS AS "
                         f"({ident(numbers[0])} + 1) STORED")
        parts += [key] if key else []
        self.say(f"CREATE {'UNLOGGED ' if not split and self.maybe(0.1) else ''}TABLE "
                 f"{table} ({', '.join(parts)})" +
                 (f" PARTITION BY RANGE ({ident(split)})" if split else ""))
        self.tables.append((schema, table, columns, bool(key), split))
        if split:
            self.partitions(schema, table, split)
        if self.maybe(0.2) and columns and not split:
            self.say(f"ALTER TABLE {table} DROP COLUMN {ident(columns[-1][0])}")
        if numbers and self.maybe(0.2):
            where = self.rng.choice(["", f" WHERE {ident(numbers[0])} > 0"])
            what = self.rng.choice([ident(numbers[0]),
                                    f"abs({ident(numbers[0])})"])
            self.say(f"CREATE UNIQUE INDEX ON {table} ({what}){where}")
        if self.maybe(0.4):
            self.say(f"ALTER TABLE {table} OWNER TO "
                     f"{self.rng.choice(self.roles)}")
        if self.maybe():
            self.say(f"COMMENT ON TABLE {table} IS "
                     f"{literal(self.rng.choice(TEXTS))}")
        for column, _ in columns:
            if self.maybe(0.3):
                self.say(f"COMMENT ON COLUMN {table}.{ident(column)} IS "
                         f"{literal(self.rng.choice(TEXTS))}")
        if self.maybe(0.1):
            self.say(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")

    def partitions(self, schema, table, split):
        for i in range(self.rng.randint(0, 3)):
            home = self.rng.choice([schema, self.schema, self.other])
            part = f"{ident(home)}.{ident(self.name('p'))}"
            bounds = f"FOR VALUES FROM ({i * 10}) TO ({i * 10 + 10})"
            if self.maybe(0.2) and hasattr(self, "server"):
                self.say(f"CREATE FOREIGN TABLE {part} PARTITION OF {table} "
                         f"{bounds} SERVER {ident(self.server)}")
                continue
            deep = self.maybe(0.2)
            self.say(f"CREATE TABLE {part} PARTITION OF {table} {bounds}" +
                     (f" PARTITION BY HASH ({ident(split)})" if deep else ""))
            if deep:
                self.say(f"CREATE TABLE {ident(schema)}."
                         f"{ident(self.name('h'))} PARTITION OF {part} "
                         "FOR VALUES WITH (MODULUS 1, REMAINDER 0)")
            if self.maybe(0.2):
                self.say(f"GRANT INSERT ON {part} TO "
                         f"{self.rng.choice(self.roles)}")

    def inherit(self):
        """Children of one table, of two, and of children."""
        plain = [t[1] for t in self.tables if not t[4]]
        for _ in range(self.rng.randint(0, 3)):
            if not plain:
                return
            parents = self.rng.sample(plain, min(len(plain),
                                                 self.rng.choice([1, 1, 2])))
            home = self.rng.choice([self.schema, self.schema, self.other])
            child = f"{ident(home)}.{ident(self.name('i'))}"
            if self.maybe(0.2) and hasattr(self, "server"):
                self.say(f"CREATE FOREIGN TABLE {child} (own int) INHERITS "
                         f"({parents[0]}) SERVER {ident(self.server)}")
                continue
            self.say(f"CREATE TABLE {child} (own int) "
                     f"INHERITS ({', '.join(parents)})")
            plain.append(child)

    def reference(self):
        keyed = [t for t in self.tables if t[3]]
        if keyed:
            target, source = self.rng.choice(keyed), self.rng.choice(self.tables)
            column = ident(self.name("f"))
            self.say(f"ALTER TABLE {source[1]} ADD COLUMN {column} int")
            self.say(f"ALTER TABLE {source[1]} ADD FOREIGN KEY ({column}) "
                     f"REFERENCES {target[1]} ON DELETE "
                     f"{self.rng.choice(['CASCADE', 'SET NULL', 'NO ACTION'])}")

    def views(self):
        for kind in ("VIEW", "MATERIALIZED VIEW", "MATERIALIZED VIEW"):
            if self.tables and self.maybe():
                sources = self.rng.sample(self.tables, min(
                    len(self.tables), self.rng.choice([1, 1, 2])))
                self.say(f"CREATE {kind} {ident(self.schema)}."
                         f"{ident(self.name('v'))} AS SELECT count(*) FROM " +
                         ", ".join(table[1] for table in sources))

    def publications(self):
        if self.maybe(0.3):
            name = ident(self.name("pub"))
            tables = [t[1] for t in self.tables]
            what = self.rng.choice(["ALL TABLES", None, None])
            if what is None and tables:
                what = "TABLE " + ", ".join(self.rng.sample(
                    tables, self.rng.randint(1, len(tables))))
            self.say(f"CREATE PUBLICATION {name}" +
                     (f" FOR {what}" if what else ""))

    def grant(self):
        if not self.tables:
            return
        _, table, columns, _, _ = self.rng.choice(self.tables)
        right = self.rng.choice(["SELECT", "INSERT", "UPDATE", "DELETE",
                                 "TRUNCATE", "ALL"])
        if columns and self.maybe(0.3):
            right = (f"{self.rng.choice(['SELECT', 'INSERT', 'UPDATE'])} "
                     f"({ident(self.rng.choice(columns)[0])})")
        to = self.rng.choice(self.roles + ["PUBLIC"])
        self.say(f"GRANT {right} ON {table} TO {to}")

    def script(self):
        """Make it, judge it, forget it."""
        name = literal(self.schema)
        return "\n".join(
            ["BEGIN;", *self.sql, PROBE, f"{TRACE} \\gset before_",
             "SELECT '" + f"{self.number} " + "' AS mark \\gset",
             f"SELECT spine.introspect({name}) AS doc \\gset",
             "SELECT :'mark' || 'errors ' || count(*) || coalesce(' ' || min(code || ' ' || pointer), '')"
             " FROM spine.validate(:'doc') WHERE severity = 'error';",
             "SELECT :'mark' || 'datasets ' || count(*) FROM "
             "jsonb_path_query(:'doc', '$.contexts.*.datasets.*');",
             "SELECT :'mark' || 'applied ' || spine.apply(:'doc');",
             "SELECT :'mark' || 'planned ' || count(*) || coalesce(' ' || min(action || ' ' || key), '')"
             " FROM spine.plan(spine.export());",
             "SELECT :'mark' || 'again ' || count(*) FROM jsonb_path_query("
             f"spine.introspect({name}), '$.contexts.*.datasets.*');",
             "SELECT :'mark' || 'writes ' || (SELECT count(*) FROM regexp_matches(w, '0A0A0', 'g'))"
             " || CASE WHEN w = :'writes' THEN '' ELSE ' instead of ' || :'writes' || ': ' || w END"
             " FROM pg_temp.probe() w;",
             f"SELECT spine.introspect({literal(self.other)}) AS doc \\gset",
             "SELECT :'mark' || 'second ' || count(*) || coalesce(' ' || min(code || ' ' || pointer), '')"
             " FROM spine.validate(:'doc') WHERE severity = 'error';",
             "SELECT :'mark' || 'both ' || (spine.apply(:'doc') > 0)"
             " || ' ' || (SELECT count(*) FROM spine.plan(spine.export()));",
             "SELECT :'mark' || 'detached ' || (spine.detach_all() >= 0);",
             f"SELECT :'mark' || 'trace ' || (md5 <> :'before_md5') FROM ({TRACE}) t;",
             "ROLLBACK;"])


def psql(*arguments, script=None, database=None):
    environment = dict(os.environ, PGCLIENTENCODING="UTF8",
                       PGOPTIONS="-c client_min_messages=error")
    done = subprocess.run(
        ["psql", "-XAtq", *(["-d", database] if database else []), *arguments],
        input=script, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=environment)
    return done.stdout, done.stderr


def report(passed, what, details=()):
    print(("ok - " if passed else "not ok - ") + what, flush=True)
    for line in [] if passed else list(details)[:10]:
        print(f"#   {line}")
    return 0 if passed else 1


def check_law(number, seed):
    rng = random.Random(seed)
    start = time.monotonic()
    schemas = [Schema(rng, i) for i in range(number)]
    out, err = psql("-v", "ON_ERROR_ROLLBACK=on", script="\n".join(
        ["CREATE EXTENSION IF NOT EXISTS spine;"] +
        [schema.script() for schema in schemas]))
    said = {}
    for line in out.split("\n"):
        match = re.match(r"(\d+) (\w+) (.*)", line)
        if match:
            said.setdefault(match.group(2), {})[int(match.group(1))] = \
                match.group(3)
    datasets = sum(int(n) for n in said.get("datasets", {}).values())
    statements = sum(len(schema.sql) for schema in schemas)
    refused = err.count("ERROR:")
    print(f"# seed {seed}: {number} schemas, {datasets} datasets, {statements} "
          f"statements, of which {refused} were refused, "
          f"{time.monotonic() - start:.1f} s")
    failed = 0
    for key, wanted, what in (
            ("errors", "0", "introspected documents have no error"),
            ("applied", "1", "they apply as they are"),
            ("planned", "0", "then the exported document plans nothing"),
            ("again", "0", "and nothing is introspected twice"),
            ("second", "0", "nor has the document of another schema then"),
            ("both", "true 0", "which applies beside the first"),
            ("detached", "true", "they are detached"),
            ("trace", "false", "which leaves no trace")):
        wrong = [f"schema {i}: {said.get(key, {}).get(i, 'no answer')}"
                 for i in range(number)
                 if said.get(key, {}).get(i) != wanted]
        failed += report(not wrong, f"adopting: {what}", wrong)
    writes = [said.get("writes", {}).get(i, "no answer")
              for i in range(number)]
    passed = sum(int(w) for w in writes if w.isdigit())
    failed += report(all(w.isdigit() for w in writes) and passed > datasets,
                     f"adopting: {passed} writes pass as before, and no other",
                     [w for w in writes if not w.isdigit()])
    failed += report(datasets > 2 * number and refused < statements / 6,
                     "adopting: the schemas hold something",
                     sorted(set(re.findall(r"ERROR: .*", err)))[:10])
    if failed:
        print("#   " + "\n#   ".join(err.split("\n")[-20:]))
    return failed


def first_block():
    """The statements with which the page builds its schema of 200 tables."""
    with open(PAGE, encoding="utf-8") as file:
        return re.search(r"^```sql\n(.*?)^```", file.read(), re.M | re.S)[1]


def timed(function):
    start = time.monotonic()
    function()
    return (time.monotonic() - start) * 1000


def median(values):
    return sorted(values)[len(values) // 2]


def check_minute():
    database = "adopting"
    psql("-c", f"CREATE DATABASE {database}")
    psql("-c", "CREATE EXTENSION spine", database=database)
    psql(script=first_block(), database=database)
    sql = {
        "introspect": "SELECT spine.introspect('legacy') IS NULL;",
        "validate": "SELECT count(*) FROM t, spine.validate(d);",
        "apply": "SELECT spine.apply(d) FROM t;"}
    took = {step: [] for step in ["pg_dump -s", *sql]}
    said = ""
    for _ in range(ROUNDS):
        took["pg_dump -s"].append(timed(lambda: subprocess.run(
            ["pg_dump", "-s", "-n", "legacy", "-d", database],
            stdout=subprocess.DEVNULL, check=True)))
        out, err = psql(database=database, script="\n".join(
            ["BEGIN;",
             "CREATE TEMP TABLE t AS SELECT spine.introspect('legacy') AS d;",
             "\\timing on"] + list(sql.values()) + ["ROLLBACK;"]))
        said += err
        times = [float(t) for t in re.findall(r"^Time: ([\d.]+) ms", out, re.M)]
        for step, ms in zip(sql, times):
            took[step].append(ms)
    floor = median(took["pg_dump -s"])
    print("# 200 tables, 40 partitions, fsync off, medians of "
          f"{ROUNDS} rounds: " + ", ".join(
              f"{step} {median(ms):.0f} ms ({median(ms) / floor:.2f} x)"
              for step, ms in took.items() if ms))
    failed = report(
        not said and all(len(ms) == ROUNDS for ms in took.values()) and
        sum(median(took[step]) for step in sql) < max(20 * floor, 10000),
        "adopting: 200 tables are introspected, validated and applied in "
        "less than 20 times pg_dump -s", said.split("\n"))
    return failed + check_modes(database)


def check_modes(database):
    """Observe lets all pass and tells; enforce refuses the stranger."""
    out, err = psql(database=database, script="""
        SELECT count(*) > 0 FROM (SELECT spine.apply(spine.introspect('legacy'))) t;
        SET ROLE web_app;
        INSERT INTO legacy.basket (id) VALUES (1);
        SET ROLE night_job;
        INSERT INTO legacy.basket (id) VALUES (2);
        RESET ROLE;
        SELECT string_agg(actor, ',' ORDER BY n) FROM spine.audit_trail WHERE dataset = 'legacy.basket' AND party IS NOT NULL;
        SELECT string_agg(actor, ',' ORDER BY n) FROM spine.denied WHERE dataset = 'legacy.basket' AND mode = 'observe';
        SELECT spine.apply(jsonb_set(spine.export('legacy.basket'), '{contexts,legacy,datasets,basket,enforcement}', '"enforce"'));
        SET ROLE web_app;
        INSERT INTO legacy.basket (id) VALUES (3);
        RESET ROLE;
        SELECT count(*) FROM legacy.basket;
        \\set VERBOSITY sqlstate
        SET ROLE night_job;
        INSERT INTO legacy.basket (id) VALUES (4);""")
    failed = report(out.split("\n")[:6] == ["t", "web_app", "night_job", "2",
                                            "3", ""],
                    "adopting: in mode observe everybody writes on, and who "
                    "is no party is recorded", out.split("\n"))
    return failed + report(err.strip() == "ERROR:  42501",
                           "adopting: in mode enforce a stranger is refused",
                           err.split("\n"))


def main():
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    seed = sys.argv[2] if len(sys.argv) > 2 and sys.argv[2] else "20261120"
    if seed == "random":
        seed = str(random.SystemRandom().randrange(10 ** 9))
    failed = check_law(number, seed)
    failed += check_minute()
    sys.exit(1 if failed else 0)


main()
