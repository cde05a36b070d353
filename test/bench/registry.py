"""Times verdicts about schemas, beside avsc.

Usage: registry.py ROUNDS; called by registry.sh.
"""
import json
import os
import platform
import statistics
import subprocess
import sys

ROUNDS = int(sys.argv[1])
SRC = os.path.dirname(os.path.abspath(__file__))
PAIRS = 2000
VERSIONS = 500

TYPES = ('"int"', '"string"', '["null", "string"], "default": null',
         '{"type": "long", "logicalType": "timestamp-millis"}', '"boolean"',
         '{"type": "array", "items": "double"}')


def record(fields, version, number='"int"'):
    """A record; versions differ in their documentation."""
    parts = []
    for i in range(fields):
        kind = TYPES[i % len(TYPES)]
        kind = number if kind == '"int"' else kind
        parts.append('{"name": "field_%d", "doc": "The %d-th field.", '
                     '"type": %s}' % (i, i, kind))
    return ('{"type": "record", "name": "Order", "namespace": "shop", '
            '"doc": "Version %s.", "fields": [%s]}'
            % (version, ", ".join(parts)))


class Session:
    """A psql that stays, and the time that its backend was on a CPU."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self.run("SELECT pg_backend_pid()")[0]

    def run(self, sql):
        self.process.stdin.write(sql + ";\n\\echo == end\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line == "== end\n":
                return lines
            lines.append(line.rstrip("\n"))
        sys.exit("psql has ended")

    def on_cpu(self):
        with open("/proc/%s/schedstat" % self.pid, encoding="ascii") as file:
            return int(file.read().split()[0])

    def nanoseconds(self, sql):
        """The clock counts up to when the backend last went to sleep, so it
        has to do so after what is measured."""
        start = self.on_cpu()
        self.run(sql)
        self.run("SELECT 1")
        return self.on_cpu() - start

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def prepare(session, pairs_file):
    """Tables of the server, and the same pairs in a file for avsc."""
    rows = [(record(30, "%d a" % n), record(30, "%d b" % n, '"long"'))
            for n in range(PAIRS)]
    with open(pairs_file, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")
    session.run("CREATE EXTENSION IF NOT EXISTS spine")
    session.run("CREATE TABLE pair (n int, old text, new text)")
    session.run("ALTER TABLE pair ALTER old SET STORAGE PLAIN, "
                "ALTER new SET STORAGE PLAIN")
    session.run("CREATE TABLE history (texts text[], next text)")
    load = subprocess.Popen(["psql", "-XAtq", "-c", "COPY pair FROM STDIN"],
                            stdin=subprocess.PIPE, text=True)
    for n, row in enumerate(rows):
        load.stdin.write("%d\t%s\t%s\n" % ((n,) + row))
    load.stdin.close()
    load.wait()
    session.run("ALTER TABLE history ALTER texts SET STORAGE EXTERNAL")
    versions = ",".join("'%s'" % record(200, n) for n in range(VERSIONS))
    session.run("INSERT INTO history SELECT ARRAY[%s], '%s'"
                % (versions, record(200, "next", '"long"')))
    return statistics.mean(len(row[1]) for row in rows)


LOOP = """DO $$ DECLARE r record; t text; BEGIN
    SELECT p.old INTO t FROM pair p WHERE p.n = 0;
    FOR r IN SELECT * FROM pair LOOP
        PERFORM %s;
    END LOOP; END $$"""
CHECK = "spine.is_compatible('AVRO', 'BACKWARD', %s, ARRAY[%s])"
EMPTY = LOOP % "octet_length(r.new), octet_length(r.old)"
HISTORY_TEXTS = "SELECT array_upper(texts, 1), octet_length(next) FROM history"
HISTORY = ("SELECT spine.is_compatible('AVRO', 'BACKWARD_TRANSITIVE', next, "
           "texts) FROM history")


def one_round(pairs_file):
    """Figures of one round, each in nanoseconds."""
    session = Session()
    result = {}
    session.run(EMPTY)
    empty = session.nanoseconds(EMPTY)

    def loop(call):
        return (session.nanoseconds(LOOP % call) - empty) / PAIRS

    session.run("SET spine.schema_cache = '256MB'")
    result["unseen"] = loop(CHECK % ("r.new", "r.old"))
    result["known"] = loop(CHECK % ("r.new", "r.old"))
    session.close()

    session = Session()
    session.run(EMPTY)
    result["next"] = loop(CHECK % ("r.new", "t"))
    session.run(HISTORY_TEXTS)
    result["texts"] = session.nanoseconds(HISTORY_TEXTS)
    result["first history"] = session.nanoseconds(HISTORY)
    result["history"] = session.nanoseconds(HISTORY)
    session.close()

    node = subprocess.run(["node", SRC + "/registry_avsc.js", pairs_file],
                          capture_output=True, text=True, check=True)
    unseen, parsed = node.stdout.split()
    result["avsc unseen"] = float(unseen)
    result["avsc parsed"] = float(parsed)
    return result


def main():
    pairs_file = os.environ["SPINE_NODE"] + "/pairs"
    session = Session()
    length = prepare(session, pairs_file)
    version = session.run("SELECT version()")[0].split(",")[0]
    node = subprocess.run(["node", "--version"], capture_output=True,
                          text=True, check=True).stdout.strip()
    session.close()
    rounds = [one_round(pairs_file) for _ in range(ROUNDS)]

    def figure(name, unit):
        values = sorted(r[name] / unit for r in rounds)
        return values[0], statistics.median(values)

    def ratio(ours, theirs):
        return statistics.median(r[theirs] / r[ours] for r in rounds)

    print("%s, node %s, avsc 5.7.9; %d rounds; %d cores, load %.1f"
          % (version, node, ROUNDS, os.cpu_count(), os.getloadavg()[0]))
    print(platform.machine())
    print()
    print("Avro, a record of 30 fields (%d bytes) against an older version,"
          " BACKWARD; microseconds on a CPU" % length)
    print()
    print("| texts | spine, best | median | avsc, best | median "
          "| avsc / spine, pairs |")
    print("|---|--:|--:|--:|--:|--:|")
    for label, ours, theirs in (
            ("both never seen", "unseen", "avsc unseen"),
            ("the older one known", "next", None),
            ("both known", "known", "avsc parsed")):
        cells = ["%.1f" % v for v in figure(ours, 1e3)]
        if theirs:
            cells += ["%.1f" % v for v in figure(theirs, 1e3)]
            cells.append("%.1f" % ratio(ours, theirs))
        else:
            cells += ["", "", ""]
        print("| %s | %s |" % (label, " | ".join(cells)))
    print()
    print("Avro, BACKWARD_TRANSITIVE over %d versions of a record of 200"
          " fields; milliseconds on a CPU" % VERSIONS)
    print()
    print("| versions | best | median |")
    print("|---|--:|--:|")
    for label, name in (("never seen", "first history"),
                        ("known", "history"),
                        ("only read from their table", "texts")):
        print("| %s | %.1f | %.1f |" % ((label,) + figure(name, 1e6)))


main()
