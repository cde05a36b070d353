#!/usr/bin/python3
"""generate.py --seed N --cases N --datasets N --server N --out DIR

Writes random datasets and random cases for test/run.d/ownership_agreement.sh:
setup.sql, change.sql (other memberships, other rules), prepare.sql, and
cases.1, cases.2 in COPY's text format.  Each case carries what oracle.py says
of it.
"""

import argparse
import os
import random

import oracle
from build import (PARTIES, change_roles, change_roles_sql, common_sql,
                   document, insert_sql, make_dataset, make_key,
                   make_lifecycle, make_roles, new_value, owner_sql, plans,
                   prepare_sql, random_value, rights_sql, roles_sql, table_sql)
from model import (GONE, LONG, ROLE, SCHEMA, action_name, dumps, get, ident,
                   path_name, quote)

FIELDS = ["id", "dataset", "kind", "form", "role", "run_as", "relation",
          "key", "action", "changes", "statement", "verdict", "expected",
          "compare", "bare", "rows", "verify", "who", "next_state"]


def is_long(value):
    return isinstance(value, str) and len(value) >= len(LONG)


class Generator:
    def __init__(self, rng, out, server):
        self.rng = rng
        self.out = out
        self.roles = make_roles(server)
        self.role_names = list(self.roles.inherit)
        self.party_sets = {}
        self.count = 0
        self.files = 0
        self.fresh = 5000
        self.cases = []

    # ---- who ----

    def parties(self, role):
        if role not in self.party_sets:
            roles = self.roles.acts_for(role)
            self.party_sets[role] = {p for p in PARTIES[:-1] if p in roles}
        return self.party_sets[role]

    def change_roles(self):
        change_roles(self.roles)
        self.party_sets.clear()

    # ---- writing a case down ----

    def add(self, ds, kind, role, verdict, statement, form="plain", **more):
        """verdict: what the oracle says; expected: what the statement does."""
        case = dict.fromkeys(FIELDS)
        self.count += 1
        case.update(id=self.count, dataset=ds.number, kind=kind, form=form,
                    role=ROLE + role, run_as=ROLE + role, statement=statement,
                    verdict=verdict, relation=ds.relation, compare=False)
        case.update(more)
        if case["expected"] is None:
            case["expected"] = verdict
        if ds.enforcement is not None:
            case["expected"] = ""
            case["verify"] = None
        elif case["verdict"] or self.rng.random() > 0.15:
            case["verify"] = None
        if case["verify"] is not None:
            case["verify"] = case["verify"]()
        self.cases.append(case)

    # ---- UPDATE ----

    def set_clause(self, ds, new, changed, form="plain"):
        pairs = [(ident(c), ds.columns[c].literal(new[c])) for c in changed]
        if form == "row":
            return "(%s) = ROW(%s)" % (", ".join(p[0] for p in pairs),
                                       ", ".join(p[1] for p in pairs))
        return ", ".join("%s = %s" % p for p in pairs)

    def update_forms(self, ds, row, new, changed, role):
        """The ways in which this very update can be written."""
        forms = ["plain"] * 4 + ["more", "view", "invoker_view", "merge",
                                 "cte", "from", "row"]
        others = [c for c in changed if c != ds.version]
        moved = ds.partition in changed
        stepped = ds.version_mode != "require" or (
            row[ds.version] is not None and new[ds.version] is not None and
            int(new[ds.version]) == int(row[ds.version]) + 1)
        if ds.unique and not row["_child"] and not moved and \
                not set(changed) & set(ds.key):
            forms += ["conflict"] * 2
        if len(others) == 1 and others[0] in ds.prepared and stepped and \
                (ds.version_mode == "require" or ds.version not in changed):
            forms += ["prepared"] * 4
        if role in PARTIES:
            forms.append("definer")
        if len(others) == 1 and ds.columns[others[0]].is_jsonb:
            forms += ["jsonb_set"]
        if ds.layout in ("list", "range") and not moved:
            forms += ["leaf"] * 2
        if len(others) == 1 and self.donors(ds, others[0], new):
            forms += ["donor"] * (20 if is_long(new[others[0]]) else 2)
        return forms

    def donors(self, ds, column, new):
        """Rows that have the same value, which may be stored elsewhere."""
        return [r for r in ds.rows if oracle.same(r[column], new[column]) and
                r is not new and r[column] is not None]

    def leaf_of(self, ds, row):
        value = row[ds.partition]
        if ds.layout == "range":
            n = 2 if value is None or int(value) >= 4 else int(int(value) >= 1)
        elif ds.columns[ds.governing].type == "boolean":
            n = 0 if value is not None else 1
        elif value in ds.values:
            n = ds.values.index(value) // 2
        else:
            n = (len(ds.values) + 1) // 2
        return "%s_%d" % (ds.relation, n)

    def jsonb_set(self, ds, row, new, changed):
        """SET column = jsonb_set(...), where that is the change."""
        column = next(c for c in changed if c != ds.version)
        paths = list(oracle.changed_paths(
            GONE if row[column] is None else row[column],
            GONE if new[column] is None else new[column]))
        if len(paths) != 1 or not paths[0]:
            return None
        steps = paths[0]
        if get(row[column], steps) is GONE or get(new[column], steps) is GONE:
            return None
        clause = "%s = jsonb_set(%s, ARRAY[%s]::text[], %s)" % (
            ident(column), ident(column),
            ", ".join(quote(str(s)) for s in steps),
            quote(dumps(get(new[column], steps))))
        rest = [c for c in changed if c != column]
        if rest:
            clause += ", " + self.set_clause(ds, new, rest, "plain")
        return clause

    def conflict_sql(self, ds, row, sets):
        named = [c for c in ds.columns if c in ds.key or
                 (ds.columns[c].not_null and not ds.columns[c].identity)]
        return "INSERT INTO %s (%s) VALUES (%s) ON CONFLICT (%s) DO UPDATE SET %s" % (
            ds.relation, ", ".join(map(ident, named)),
            ", ".join(ds.columns[c].literal(row[c]) for c in named),
            ", ".join(map(ident, ds.key)), sets)

    def update_sql(self, ds, row, new, changed, role):
        """The statement, its form, who runs it, and on which relation."""
        rng = self.rng
        form = rng.choice(self.update_forms(ds, row, new, changed, role))
        relation, run_as = ds.relation, role
        where = ds.where(row)
        sets = self.set_clause(ds, new, changed, form)
        if form == "more":
            same = [c for c in ds.columns if c not in changed and
                    not ds.columns[c].generated]
            same = rng.sample(same, min(2, len(same)))
            sets = ", ".join([sets] + ["%s = %s" % (
                ident(c), ds.columns[c].literal(row[c])) for c in same])
        elif form == "jsonb_set":
            clause = self.jsonb_set(ds, row, new, changed)
            form, sets = (form, clause) if clause else ("plain", sets)

        elif form == "donor":
            column = next(c for c in changed if c != ds.version)
            donor = rng.choice(self.donors(ds, column, new))
            sets = ", ".join("%s = %s" % (ident(c), "(SELECT %s FROM %s WHERE %s)" % (
                ident(c), relation, ds.where(donor)) if c == column
                else ds.columns[c].literal(new[c])) for c in changed)

        if form == "leaf":
            relation = self.leaf_of(ds, row)
        target = {"view": "%s.v%d", "invoker_view": "%s.w%d"}.get(form)
        target = target % (SCHEMA, ds.number) if target else relation
        sql = "UPDATE %s SET %s WHERE %s" % (target, sets, where)
        if form == "merge":
            sql = ("MERGE INTO %s t USING (VALUES (1)) s(x) ON %s "
                   "WHEN MATCHED THEN UPDATE SET %s" % (
                       relation, ds.where(row, "t."), sets))
        elif form == "conflict":
            sql = self.conflict_sql(ds, row, sets)
        elif form == "cte":
            sql = "WITH w AS (%s RETURNING 1) SELECT * FROM w" % sql
        elif form == "from":
            sql = "UPDATE %s t SET %s FROM (VALUES (1)) s(x) WHERE %s" % (
                relation, sets, ds.where(row, "t."))
        elif form == "prepared":
            column = next(c for c in changed if c != ds.version)
            sql = "EXECUTE %s(%s)" % (ds.prepared[column], ", ".join(
                [ds.columns[column].literal(new[column])] +
                [ds.columns[k].literal(row[k]) for k in ds.key]))
        elif form == "definer":
            sql = "SELECT agree.as_%s(%s)" % (role, quote(sql))
            run_as = rng.choice(self.role_names)
        return sql, form, run_as, relation

    def verify_sql(self, ds, row, new, changed):
        """Is the row afterwards what it should be?"""
        tests = []
        moved = ds.governing in changed
        for c, column in ds.columns.items():
            if column.generated:
                continue
            value = column.literal(new[c]) + "::text"
            if c == ds.version and ds.version_mode == "auto" and changed:
                value = quote(str(int(row[c] or 0) + 1))
            elif c == ds.entered_at and moved:
                value = "now()::text"
            elif new[c] == "now":
                value = "now()::text"
            tests.append("%s::text IS NOT DISTINCT FROM %s" % (ident(c), value))
        return "SELECT count(*) = 1 FROM %s WHERE %s" % (
            ds.relation, " AND ".join(tests))

    def update(self, ds, kind, role, row, new, action, next_state=None,
               wrong_step=False, same=None):
        """A case of one UPDATE; action is the parts of what may is asked."""
        rng = self.rng
        changed = oracle.changed_columns(ds, row, new)
        if not changed and same is None:
            return
        stepped = True
        if ds.version_mode == "require" and changed and \
                ds.version not in changed:
            stepped = not wrong_step and row[ds.version] is not None
            if stepped:
                new = dict(new)
                new[ds.version] = str(int(row[ds.version]) + 1)
                changed.append(ds.version)
        parties = self.parties(role)
        counts = ds.counts(row)
        verdict = oracle.judge_update(ds, parties, row, new, counts)

        sql, form, run_as, relation = self.update_sql(
            ds, row, new, changed or [same], role)
        told = [c for c in changed or [same] if c != ds.version or
                verdict == oracle.VERSION or kind == "version" or
                rng.random() < 0.5]
        if next_state is not None:
            told = [c for c in told if c != ds.governing]
        changes = {c: ds.columns[c].json(new[c]) for c in told}
        bare, who = self.bare(ds, row, new, changed, action, next_state,
                              verdict, parties)
        if verdict == oracle.VERSION and ds.version not in told:
            bare = None
        if next_state is None:
            action = action_name(action)
        else:
            action = "-> " + next_state
        self.add(ds, kind, role, verdict, sql, form, run_as=ROLE + run_as,
                 relation=relation, key=ds.key_json(row), action=action,
                 changes=changes, bare=bare, who=who,
                 compare=stepped or verdict != oracle.VERSION,
                 rows=None if form in ("definer", "prepared") else 1,
                 next_state=next_state if next_state is not None and
                 rng.random() < 0.3 else None,
                 verify=lambda: self.verify_sql(ds, row, new, changed))

    def bare(self, ds, row, new, changed, action, next_state, verdict,
             parties):
        """What the question without values must answer: exact, implies (it
        is denied only if the statement is) or nothing; and who may."""
        others = [c for c in changed if c not in (ds.version, ds.governing)]
        if next_state is not None:
            edge = ds.edges.get((ds.state_of(row), next_state))
            who = edge.by if edge and not others and verdict else None
            if not changed or (others and not edge):
                return "implies", None
            return ("implies" if others else "exact"), who
        if verdict == oracle.VERSION or not changed:
            return None, None
        column = action[0]
        if column not in changed:
            return None, None
        exact = others == [column] and ds.governing not in changed or \
            not others and column == ds.version
        steps = ()
        if ds.columns[column].is_jsonb:
            paths = list(oracle.changed_paths(
                GONE if row[column] is None else row[column],
                GONE if new[column] is None else new[column]))
            steps = paths[0]
            if [str(s) for s in steps] != list(action[1:]):
                return None, None
            exact = exact and len(paths) == 1
        who = None
        if exact and verdict and ds.states is not None and \
                ds.state_of(row) is not None and column not in ds.key and \
                column != ds.entered_at:
            who = oracle.writers(ds, ds.state_of(row), column, steps)
        elif exact and verdict and ds.states is None:
            who = [ds.owner] + ds.producers
        return ("exact" if exact else "implies"), who

    # ---- choosing ----

    def attributes(self, ds):
        return [c for c in ds.columns if not ds.columns[c].generated and
                c not in ds.key and
                c not in (ds.governing, ds.version, ds.entered_at)]

    def pick_role(self, ds, test):
        """Any role; half of the time one of those that a test lets through,
        so that both answers are asked for often."""
        role = self.rng.choice(self.role_names)
        for _ in range(4 if self.rng.random() < 0.5 else 0):
            if not test(self.parties(role)):
                return role
            role = self.rng.choice(self.role_names)
        return role

    def update_test(self, ds, row, new):
        new = dict(new)
        if ds.version_mode == "require" and row[ds.version] is not None:
            new[ds.version] = str(int(row[ds.version]) + 1)
        return lambda parties: oracle.judge_update(ds, parties, row, new,
                                                   ds.counts(row))

    def change_one(self, ds, row, new, column):
        """Give one column another value; returns the parts to ask about."""
        new[column] = new_value(self.rng, ds.columns[column], row[column])
        parts = (column,)
        if ds.columns[column].is_jsonb:
            paths = list(oracle.changed_paths(
                GONE if row[column] is None else row[column],
                GONE if new[column] is None else new[column]))
            if paths and self.rng.random() < 0.9:
                parts += tuple(str(s) for s in paths[0])
        return parts

    def write(self, ds):
        rng = self.rng
        row = rng.choice(ds.rows)
        new = dict(row)
        names = self.attributes(ds)
        jsonb = [c for c in names if ds.columns[c].is_jsonb]
        column = rng.choice(jsonb if jsonb and rng.random() < 0.35 else names)
        action = self.change_one(ds, row, new, column)
        kind = "path" if ds.columns[column].is_jsonb else "write"
        if rng.random() < 0.15:
            kind = "several"
            for other in rng.sample(names, min(2, len(names))):
                if other != column:
                    self.change_one(ds, row, new, other)
        role = self.pick_role(ds, self.update_test(ds, row, new))
        self.update(ds, kind, role, row, new, action,
                    wrong_step=rng.random() < 0.08)

    def special(self, ds):
        """The key, entered_at, the version, and changes that are none."""
        rng = self.rng
        row = rng.choice(ds.rows)
        new = dict(row)
        choice = rng.choice(["key", "entered_at", "version", "same", "same"])
        role = rng.choice(self.role_names)
        if choice == "key":
            column = rng.choice(ds.key)
            self.fresh += 1
            new.update(make_key(rng, ds, self.fresh))
            for k in ds.key:
                if k != column:
                    new[k] = row[k]
        elif choice == "entered_at" and ds.entered_at:
            column = ds.entered_at
            new[column] = random_value(rng, ds.columns[column])
        elif choice == "version" and ds.version:
            column = ds.version
            new[column] = str(int(row[column] or 0) + rng.choice([1, 1, 2, 5]))
        else:
            column = rng.choice([c for c in ds.columns if
                                 not ds.columns[c].generated and
                                 c != ds.governing])
            choice = "same"
            stored_apart = [(r, c) for r in ds.rows for c in ds.columns
                            if is_long(r[c])]
            if stored_apart and rng.random() < 0.4:
                row, column = rng.choice(stored_apart)
                new = dict(row)
        if choice != "same" or not ds.columns[column].is_jsonb or \
                row[column] is not oracle.JNULL:
            self.update(ds, choice, role, row, new, (column,),
                        same=column if choice == "same" else None)

    def move(self, ds):
        """A transition, alone or with other values."""
        rng = self.rng
        row = rng.choice(ds.rows)
        new = dict(row)
        state = ds.state_of(row)
        targets = [t for s, t in ds.edges if s == state]
        target = rng.choice(targets if targets and rng.random() < 0.8
                            else ds.values)
        new[ds.governing] = target
        edge = ds.edges.get((state, target))
        if edge and edge.with_write and rng.random() < 0.4:
            column = rng.choice(edge.with_write)
            self.change_one(ds, row, new, column)
        elif rng.random() < 0.2:
            self.change_one(ds, row, new, rng.choice(self.attributes(ds)))
        same = ds.governing if target == row[ds.governing] else None
        role = self.pick_role(ds, self.update_test(ds, row, new))
        by = [p for p in edge.by if p != "nobody"] if edge else []
        if by and rng.random() < 0.3:
            role = rng.choice(by)
        self.update(ds, "move", role, row, new, None, next_state=target,
                    same=same, wrong_step=rng.random() < 0.08)

    # ---- INSERT ----

    def new_row(self, ds):
        """A new row, and the columns that the statement names."""
        rng = self.rng
        self.fresh += 1
        given = set(ds.key)
        row = {c: ds.columns[c].default for c in ds.columns}
        row.update(make_key(rng, ds, self.fresh))
        if ds.governing:
            column = ds.columns[ds.governing]
            if column.default is None or rng.random() < 0.8:
                given.add(ds.governing)
                row[ds.governing] = rng.choice(
                    ds.values * 4 + ([ds.unknown] if ds.unknown else []) +
                    ([None] if ds.nullable else []))
        share = rng.choice([0, 0, 0.1, 0.4])
        for c, column in ds.columns.items():
            if c in given or column.generated or c == ds.governing:
                continue
            special = c in (ds.version, ds.entered_at)
            if rng.random() > (0.1 if special else share):
                continue
            value = random_value(rng, column)
            if column.default not in (None, "now") and rng.random() < 0.4:
                value = column.default
            if special and c == ds.version and value is None:
                continue
            given.add(c)
            row[c] = value
        return row, given

    def insert_form(self, ds, row, given, role):
        rng = self.rng
        named = [c for c in ds.columns if c in given]
        rng.shuffle(named)
        columns = ", ".join(map(ident, named))
        values = ", ".join(ds.columns[c].literal(row[c]) for c in named)
        form = rng.choice(["plain"] * 4 + ["select", "merge", "view",
                                           "nothing", "conflict", "default",
                                           "copy"])
        if form in ("conflict",) and not ds.unique:
            form = "plain"
        sql = "INSERT INTO %s (%s) VALUES (%s)" % (ds.relation, columns,
                                                   values)
        if form == "select":
            sql = "INSERT INTO %s (%s) SELECT %s" % (ds.relation, columns,
                                                     values)
        elif form == "view":
            sql = "INSERT INTO %s.v%d (%s) VALUES (%s)" % (
                SCHEMA, ds.number, columns, values)
        elif form == "nothing":
            sql += " ON CONFLICT DO NOTHING"
        elif form == "conflict":
            sql += " ON CONFLICT (%s) DO UPDATE SET %s = NULL" % (
                ", ".join(map(ident, ds.key)), ident(self.attributes(ds)[0]))
        elif form == "default":
            rest = [c for c in ds.columns if c not in given]
            sql = "INSERT INTO %s (%s) VALUES (%s)" % (
                ds.relation, ", ".join(map(ident, named + rest)),
                ", ".join([values] + ["DEFAULT"] * len(rest)))
        elif form == "merge":
            sql = ("MERGE INTO %s t USING (VALUES (1)) s(x) ON %s WHEN NOT "
                   "MATCHED THEN INSERT (%s) VALUES (%s)" % (
                       ds.relation, ds.where(row, "t."), columns, values))
        elif form == "copy" and self.files < 1500 and \
                self.roles.inherit[role]:
            sql = "COPY %s (%s) FROM %s" % (ds.relation, columns, quote(
                self.copy_file([[ds.columns[c], row[c]] for c in named])))
        elif form == "copy":
            form = "plain"
        return sql, form

    def copy_file(self, values):
        self.files += 1
        path = os.path.join(self.out, "copy", str(self.files))
        with open(path, "w", encoding="utf-8") as file:
            file.write("\t".join(
                copy_text(None if v is None else
                          dumps(v) if c.is_jsonb else v)
                for c, v in values) + "\n")
        return path

    def insert(self, ds):
        row, given = self.new_row(ds)
        role = self.pick_role(ds, lambda parties: oracle.judge_insert(
            ds, parties, row, given))
        verdict = oracle.judge_insert(ds, self.parties(role), row, given)
        sql, form = self.insert_form(ds, row, given, role)
        verify = None
        if not any(c.volatile for c in ds.columns.values()):
            def verify():
                return self.verify_sql(ds, row, row, [])
        self.add(ds, "insert", role, verdict, sql, form, rows=1,
                 action="insert", compare=True, bare="implies", verify=verify,
                 changes={c: ds.columns[c].json(row[c]) for c in sorted(given)})

    # ---- DELETE, TRUNCATE, and statements on several rows ----

    def delete(self, ds):
        rng = self.rng
        row = rng.choice(ds.rows)
        role = self.pick_role(ds, lambda parties: oracle.judge_delete(
            ds, parties, row))
        verdict = oracle.judge_delete(ds, self.parties(role), row)
        form = rng.choice(["plain", "view", "merge", "cte", "definer"])
        sql = "DELETE FROM %s WHERE %s" % (
            "%s.v%d" % (SCHEMA, ds.number) if form == "view" else ds.relation,
            ds.where(row))
        run_as = role
        if form == "merge":
            sql = ("MERGE INTO %s t USING (VALUES (1)) s(x) ON %s WHEN "
                   "MATCHED THEN DELETE" % (ds.relation, ds.where(row, "t.")))
        elif form == "cte":
            sql = "WITH w AS (%s RETURNING 1) SELECT * FROM w" % sql
        elif form == "definer" and role in PARTIES:
            sql = "SELECT agree.as_%s(%s)" % (role, quote(sql))
            run_as = rng.choice(self.role_names)
        who = None
        if verdict and ds.states is None:
            who = [ds.owner] + ds.producers
        elif verdict and ds.state_of(row) is not None:
            who = ds.states[ds.state_of(row)].delete
        self.add(ds, "delete", role, verdict, sql, form, run_as=ROLE + run_as,
                 key=ds.key_json(row), action="delete", bare="exact", who=who,
                 rows=None if run_as != role else 1,
                 verify=lambda: "SELECT count(*) = 0 FROM %s WHERE %s" % (
                     ds.relation, ds.where(row)))

    def truncate(self, ds):
        role = self.rng.choice(self.role_names)
        relation = ds.relation
        verdict = oracle.judge_truncate(ds, self.parties(role))
        if ds.layout in ("list", "range") and self.rng.random() < 0.5:
            relation += "_0"
        for child in ds.children.values():
            if self.rng.random() < 0.5:
                relation = child.relation
        self.add(ds, "truncate", role, verdict, "TRUNCATE " + relation)

    def bulk(self, ds):
        """One UPDATE of many rows: refused if one of them is."""
        rng = self.rng
        role = rng.choice(self.role_names)
        parties = self.parties(role)
        names = self.attributes(ds)
        if ds.governing and rng.random() < 0.6:
            state, column = rng.choice(ds.values), ds.governing
            rows = [r for r in ds.rows if r[ds.governing] == state]
            value = rng.choice([t for s, t in ds.edges if s == state] or
                               ds.values)
            where = "%s::text = %s" % (ident(column), quote(state))
        else:
            rows, column, where = ds.rows, rng.choice(names), "true"
            value = random_value(rng, ds.columns[column])
        sets = "%s = %s" % (ident(column), ds.columns[column].literal(value))
        codes = set()
        for row in rows:
            new = dict(row)
            new[column] = value
            if ds.version_mode == "require" and row[ds.version] is not None:
                new[ds.version] = str(int(row[ds.version]) + 1)
            codes.add(oracle.judge_update(ds, parties, row, new,
                                          ds.counts(row)))
        if ds.version_mode == "require":
            sets += ", %s = %s + 1" % (ident(ds.version), ident(ds.version))
        codes.discard("")
        self.add(ds, "bulk", role, "|".join(sorted(codes)),
                 "UPDATE %s SET %s WHERE %s" % (ds.relation, sets, where),
                 rows=len(rows))

    def nothing(self, ds):
        """A row that is not there; an insert that finds one."""
        rng = self.rng
        role = rng.choice(self.role_names)
        row = dict(rng.choice(ds.rows))
        if ds.unique and not row["_child"] and rng.random() < 0.5:
            self.add(ds, "turned away", role, "",
                     insert_sql(ds, row, ds.columns)[:-1] +
                     " ON CONFLICT DO NOTHING", rows=0)
            return
        row.update(make_key(rng, ds, 4999))
        self.add(ds, "no row", role, "", "DELETE FROM %s WHERE %s" % (
            ds.relation, ds.where(row)), rows=0, key=ds.key_json(row),
            action="delete")

    # ---- children ----

    def child(self, ds):
        rng = self.rng
        child = rng.choice(list(ds.children.values()))
        row = rng.choice(child.rows)
        parent = child.parent_of(row)
        choice = rng.choice(["qty", "note", "move", "insert", "delete",
                             "same"])
        new = dict(row)
        target = rng.choice(ds.rows)
        if choice in ("move", "insert"):
            for via, key in zip(child.via, ds.key):
                new[via] = target[key]
            if rng.random() < 0.1:
                new[child.via[0]] = None
        elif choice in ("qty", "note"):
            new[choice] = random_value(rng, child.columns[choice])
        changed = [c for c in child.columns if not oracle.same(row[c], new[c])]
        if choice == "same":
            changed = ["qty"]
        parents = [parent]
        if choice == "insert":
            self.fresh += 1
            new["item"] = str(self.fresh)
            parents = [child.parent_of(new)]
        elif not changed:
            return
        elif choice == "move":
            parents.append(child.parent_of(new))

        def judge(parties):
            return "" if choice == "same" else oracle.judge_child(
                child, parties, *parents)
        role = self.pick_role(ds, judge)
        verdict = judge(self.parties(role))
        where = "item = " + row["item"]
        more = {"key": {"item": oracle.Num(row["item"])}, "compare": True,
                "bare": "exact"}
        if choice == "insert":
            sql = insert_sql(child, new, child.columns)[:-1]
            more.update(key=None, action="insert", bare="implies", changes={
                c: child.columns[c].json(new[c]) for c in child.columns})
        elif choice == "delete":
            sql = "DELETE FROM %s WHERE %s" % (child.relation, where)
            more.update(action="delete", compare=False)
        else:
            sql = "UPDATE %s SET %s WHERE %s" % (
                child.relation, ", ".join("%s = %s" % (
                    ident(c), child.columns[c].literal(new[c]))
                    for c in changed), where)
            more.update(action=path_name(changed[:1]), changes={
                c: child.columns[c].json(new[c]) for c in changed})
            if choice in ("move", "same"):
                more["bare"] = "implies" if choice == "move" else None
        self.add(ds, "child " + choice, role, verdict, sql, rows=1,
                 relation=child.relation, **more)

    # ---- all of them ----

    def case(self, ds):
        dice = self.rng.random()
        if ds.children and dice < 0.1:
            self.child(ds)
        elif dice < 0.5:
            self.write(ds)
        elif dice < 0.76:
            if ds.governing:
                self.move(ds)
            else:
                self.write(ds)
        elif dice < 0.86:
            self.insert(ds)
        elif dice < 0.92:
            self.delete(ds)
        elif dice < 0.97:
            self.special(ds)
        elif dice < 0.985:
            self.bulk(ds)
        elif dice < 0.993:
            self.nothing(ds)
        else:
            self.truncate(ds)


# ---- files ----

COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n",
                              "\r": "\\r"})


def copy_text(text):
    return "\\N" if text is None else text.translate(COPY_ESCAPES)


def field(name, value):
    if value is None:
        return "\\N"
    if name in ("key", "changes"):
        return copy_text(dumps(value))
    if name == "who":
        if value == oracle.EVERYBODY:
            return "\\N"
        return "{" + ",".join(sorted(set(value))) + "}"
    if isinstance(value, bool):
        return "t" if value else "f"
    return copy_text(str(value))


def write_cases(path, cases):
    with open(path, "w", encoding="utf-8") as file:
        for case in cases:
            file.write("\t".join(field(f, case[f]) for f in FIELDS) + "\n")


def write_sql(path, lines):
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def apply_sql(rng, datasets):
    """A document each for a few datasets: they merge."""
    sql = []
    for i in range(0, len(datasets), 8):
        text = dumps(document(rng, datasets[i:i + 8]))
        sql.append("SELECT spine.apply(%s) > 0 AS applied;" % quote(text))
    return sql


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--cases", type=int, default=100000)
    parser.add_argument("--datasets", type=int, default=56)
    parser.add_argument("--server", type=int, default=150000,
                        help="server_version_num")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()

    rng = random.Random(args.seed)
    os.makedirs(os.path.join(args.out, "copy"), exist_ok=True)
    generator = Generator(rng, args.out, args.server)
    datasets = [make_dataset(rng, n, plan)
                for n, plan in enumerate(plans(rng, args.datasets))]

    setup = common_sql() + roles_sql(args.server)
    for ds in datasets:
        setup += ["-- dataset %d: %s, %s" % (
            ds.number, ds.layout, ds.governing)] + table_sql(rng, ds)
    setup += rights_sql(generator.role_names)
    for ds in datasets:
        setup += owner_sql(ds)
    setup += apply_sql(rng, datasets)
    write_sql(os.path.join(args.out, "setup.sql"), setup)
    write_sql(os.path.join(args.out, "prepare.sql"),
              [line for ds in datasets for line in prepare_sql(ds)])

    for phase in (1, 2):
        if phase == 2:
            generator.change_roles()
            changed = [ds for ds in datasets if ds.states is not None and
                       rng.random() < 0.6]
            for ds in changed:
                make_lifecycle(rng, ds)
            write_sql(os.path.join(args.out, "change.sql"),
                      change_roles_sql() + apply_sql(rng, changed))
        generator.cases = []
        for i, ds in enumerate(datasets):
            most = (i + 1) * args.cases // 2 // len(datasets)
            while len(generator.cases) < most:
                generator.case(ds)
        write_cases(os.path.join(args.out, "cases.%d" % phase),
                    generator.cases)


if __name__ == "__main__":
    main()
