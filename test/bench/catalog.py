"""Times plan, apply and export of a large document beside their floors.

Usage: catalog.py ROUNDS; called by catalog.sh.
"""
import re
import statistics
import subprocess
import sys

ROUNDS = int(sys.argv[1])
SRC = __file__.rsplit("/", 1)[0]

# name, statement; %(n)s is the number of the round, so that each one changes
# something.  A figure's floor is the entry that it names.
PATH = "'{contexts,context-3,datasets,dataset-7,description}'"
PARTIAL = ("jsonb_build_object('kind', 'DataSpine', 'apiVersion', 'spine/v1', "
           "'contexts', jsonb_build_object('context-3', jsonb_build_object("
           "'datasets', jsonb_build_object('dataset-7', jsonb_set("
           "bench.dataset(3, 7, %(local)s), '{description}', to_jsonb('%(n)s'::text))))))")
STEPS = [
    ("floor: text to jsonb", "SELECT t::jsonb IS NULL FROM input", None),
    ("plan, nothing changes", "SELECT count(*) FROM input, spine.plan(d)", "floor: text to jsonb"),
    ("plan, from its text", "SELECT count(*) FROM input, spine.plan(t::jsonb)", "floor: text to jsonb"),
    ("floor: jsonb_set + insert", "INSERT INTO plain SELECT jsonb_set(d, " + PATH + ", to_jsonb('%(n)s'::text)) FROM input", None),
    ("apply of one dataset", "SELECT spine.apply(" + PARTIAL + ")", "floor: jsonb_set + insert"),
    ("apply of the whole, one change", "SELECT spine.apply(jsonb_set(d, " + PATH + ", to_jsonb('%(n)sw'::text))) FROM input", "floor: jsonb_set + insert"),
    ("apply of nothing", "SELECT spine.apply('{\"kind\": \"DataSpine\", \"apiVersion\": \"spine/v1\"}')", None),
    ("export", "SELECT spine.export() IS NULL", None),
]

def psql(script):
    done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1"],
                          input=script, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return done.stdout


def times(output):
    return [float(t) for t in re.findall(r"^Time: ([0-9.]+) ms", output, re.M)]


def measure(local):
    """Medians of all steps with tables in this database, or without."""
    word = "true" if local else "false"
    psql("CREATE TABLE input AS SELECT d, d::text AS t FROM "
         "(SELECT bench.document(%s) AS d) q; "
         "CREATE TABLE plain (d jsonb); "
         "ALTER TABLE plain ALTER d SET STORAGE EXTERNAL; "
         "ALTER TABLE input ALTER d SET STORAGE EXTERNAL, "
         "ALTER t SET STORAGE EXTERNAL; "
         "UPDATE input SET d = d || '{}', t = t || '';" % word)
    first = times(psql("SET client_min_messages = warning;\n\\timing on\n"
                       "SELECT count(*) FROM input, spine.plan(d);\n"
                       "SELECT spine.apply(d) FROM input;\n"))
    script = ["SET client_min_messages = warning;", "CHECKPOINT;",
              "\\timing on"]
    for n in range(-2, ROUNDS):
        for _, sql, _ in STEPS:
            script.append(sql % {"n": "n%d" % n, "local": word} + ";")
    got = times(psql("\n".join(script) + "\n"))[2 * len(STEPS):]
    medians = {name: statistics.median(got[i::len(STEPS)])
               for i, (name, _, _) in enumerate(STEPS)}
    size = psql("SELECT length(t) FROM input").strip()
    assets = psql("SELECT count(*) FROM spine.asset").strip()
    print("\n%s (%s assets, %s bytes of text)"
          % ("Each dataset has a table here, with states" if local else
             "No dataset has a table here", assets, size))
    print("  %-34s %8.1f ms" % ("first plan, all is new", first[0]))
    print("  %-34s %8.1f ms" % ("first apply, all is new", first[1]))
    for name, _, floor in STEPS:
        ratio = ""
        if floor:
            ratio = "%6.2f x %s" % (medians[name] / medians[floor],
                                    floor.split(": ")[1])
        print("  %-34s %8.1f ms %s" % (name, medians[name], ratio))
    psql("SELECT spine.detach_all(); DROP TABLE input, plain;")


def main():
    psql("CREATE EXTENSION spine")
    psql(open(SRC + "/catalog.sql").read())
    facts = psql("SELECT current_setting('server_version'), "
                 "current_setting('fsync'), current_setting('shared_buffers')")
    cores = subprocess.run(["nproc"], capture_output=True, text=True).stdout
    print("PostgreSQL %s, fsync %s, shared_buffers %s"
          % tuple(facts.strip().split("|")) + ", %s cores, medians of %d rounds"
          % (cores.strip(), ROUNDS))
    measure(False)
    psql("DROP EXTENSION spine; CREATE EXTENSION spine")
    measure(True)


main()
