"""Counts bytes on the wire to name the rows in which two tables differ.

Usage: wire.py ROWS ROUNDS TRIALS; called by wire.sh.  Then TRIALS times each,
or fewer of the large ones, it tries whether so many cells as an estimate asks
for name all rows at once.
"""
import os
import random
import subprocess
import sys

ROWS, ROUNDS, TRIALS = map(int, sys.argv[1:4])
COLUMNS = "id, a, b, n, ts"
SKETCH = f"spine.sketch_agg(65536, 1, {COLUMNS})"

SETUP = f"""
SET client_min_messages = warning;
CREATE EXTENSION spine;
CREATE TABLE source (id bigint PRIMARY KEY, a int, b text, n numeric(12,2),
                     ts timestamptz);
INSERT INTO source SELECT i, i % 1000, 'customer number ' || i, i / 7.0,
       '2020-01-01'::timestamptz + i * interval '1 min'
  FROM generate_series(1, {ROWS}) i;
CREATE TABLE copy (LIKE source INCLUDING ALL);
INSERT INTO copy SELECT * FROM source;
VACUUM (FREEZE, ANALYZE) source, copy;
CREATE TABLE here AS SELECT {SKETCH} AS sketch FROM source;
"""


# A third of the rows changed, a third missing, a third extra.
TRIAL = """
CREATE FUNCTION pg_temp.try(d int, salt int, OUT success bool, OUT cells int)
LANGUAGE plpgsql AS $$
DECLARE
    x bytea;
    y bytea;
BEGIN
    SELECT spine.sketch_agg(greatest(4 * d, 1024), 1, i, salt) FILTER (WHERE g % 3 <> 1),
           spine.sketch_agg(greatest(4 * d, 1024), 1, i, salt + 1) FILTER (WHERE g % 3 <> 2)
      INTO x, y FROM (SELECT g, salt * 1000000::bigint + g AS i FROM generate_series(1, d) g) s;
    cells := spine.sketch_cells(spine.sketch_estimate(x, y));
    success := (SELECT count(*) = d FROM spine.sketch_difference(
        spine.sketch_fold(x, cells), spine.sketch_fold(y, cells)));
EXCEPTION WHEN SQLSTATE 'SP007' THEN
    success := false;
END $$;
"""


class Session:
    def __init__(self):
        self.psql = subprocess.Popen(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, sql):
        self.psql.stdin.write(sql + "\n\\echo done\n")
        self.psql.stdin.flush()
        lines = []
        for line in self.psql.stdout:
            if line == "done\n":
                return lines
            lines.append(line.strip())
        sys.exit("wire.py: the session ended")


def name_rows(session, differing):
    """One comparison: bytes, requests and the keys that came out."""
    session.run(f"""BEGIN;
        UPDATE copy SET a = a + 1 WHERE id = ANY
          ('{{{','.join(map(str, differing))}}}');""")
    # The far side's first answer: what estimates.
    session.run(f"""CREATE TEMP TABLE answer ON COMMIT DROP AS
        SELECT spine.sketch_keep({SKETCH}) AS bytes FROM copy;""")
    size, cells = map(int, session.run("""
        SELECT octet_length(bytes), spine.sketch_cells(
          spine.sketch_estimate((SELECT sketch FROM here), bytes))
          FROM answer;""")[0].split("|"))
    requests = 1
    while True:
        requests += 1
        size += int(session.run(
            f"SELECT octet_length(spine.sketch_kept({cells}));")[0])
        keys = session.run(f"""SAVEPOINT s;
            \\set ON_ERROR_STOP off
            SELECT key FROM spine.sketch_difference(
              (SELECT sketch FROM here), spine.sketch_kept({cells}));
            \\set ON_ERROR_STOP on
            \\if :ERROR
            ROLLBACK TO s;
            \\echo failed
            \\endif""")
        if keys != ["failed"]:
            break
        cells *= 2
    session.run("ROLLBACK;")
    return size, requests, sorted(map(int, keys))


def try_sizes(session):
    session.run(TRIAL)
    print("\n| rows that differ | trials | named at the first try | "
          "cells for each, mean |")
    print("|--:|--:|--:|--:|")
    for differing in 1, 2, 3, 5, 10, 30, 100, 300, 1000, 10000, 100000:
        trials = max(min(TRIALS, TRIALS * 300 // differing), 1)
        named, cells = session.run(f"""
            SELECT count(*) FILTER (WHERE success), avg(cells)
              FROM generate_series(1, {trials}) salt,
                   pg_temp.try({differing}, salt);""")[0].split("|")
        print(f"| {differing} | {trials} | {named} | "
              f"{float(cells) / differing:.2f} |", flush=True)


def main():
    session = Session()
    session.run(SETUP)
    version = session.run("SHOW server_version;")[0]
    print(f"\nPostgreSQL {version}; {ROWS} rows of 5 columns, key bigint, "
          f"{ROUNDS} rounds, {os.cpu_count()} cores.\n")
    print("| rows that differ | bytes, mean | bytes for each, mean | worst | "
          "requests, most | all named |")
    print("|--:|--:|--:|--:|--:|---|")
    for differing in 10, 100, 1000, 10000:
        if differing > ROWS / 2:
            continue
        sizes, most, right = [], 0, True
        for number in range(ROUNDS):
            random.seed(differing * 1000 + number)
            rows = sorted(random.sample(range(1, ROWS + 1), differing))
            size, requests, keys = name_rows(session, rows)
            sizes.append(size)
            most = max(most, requests)
            right = right and keys == rows
        mean = sum(sizes) / len(sizes)
        print(f"| {differing} | {mean:.0f} | {mean / differing:.1f} | "
              f"{max(sizes) / differing:.1f} | {most} | "
              f"{'yes' if right else 'NO'} |", flush=True)
    try_sizes(session)


main()
