"""The rules of ownership, written down a second time.

Made from the text of CONTRACTS.md ("Lifecycle") alone, without a look at how
the guard does it: what this module says and what the server does must agree.

A value of a column is None (SQL NULL) or its text, so that equal text means
equal image; a jsonb value is a tree of dict, list, str, bool, Num and JNULL.
Each judge returns "" for allowed, else the SQLSTATE.
"""

DENIED = "42501"        # by the matrix
NO_EDGE = "SP001"       # a state change that the document does not list
GUARD = "SP002"         # false, NULL or an error
VERSION = "40001"       # not old + 1

GONE = object()         # where a path leads to nothing


class Num(str):
    """A JSON number as it is written: 1.0 and 1.00 are different images."""


class _JNull:
    def __repr__(self):
        return "null"


JNULL = _JNull()        # JSON's null; SQL's is None

EVERYBODY = "everybody"


class GuardError(Exception):
    """What an expression like 1/0 raises."""


def same(a, b):
    """Are two values the same image?"""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    return a == b


# ---- who acts ----

class Roles:
    """Database roles and their memberships."""

    def __init__(self):
        self.inherit = {}       # role -> does it inherit what it is granted?
        self.member_of = {}     # role -> {role: is it inherited?}

    def add(self, role, inherit=True):
        self.inherit[role] = inherit
        self.member_of[role] = {}

    def grant(self, role, of, inherit=None):
        self.member_of[role][of] = \
            self.inherit[role] if inherit is None else inherit

    def revoke(self, role, of):
        del self.member_of[role][of]

    def acts_for(self, role):
        """The roles whose privileges a role has by inheritance, and itself;
        being a superuser adds nothing."""
        seen = set()
        todo = [role]
        while todo:
            one = todo.pop()
            if one not in seen:
                seen.add(one)
                todo += [of for of, inherited in self.member_of[one].items()
                         if inherited]
        return seen


# ---- who may write what ----

def part_matches(part, step):
    """A step is a key of an object (str) or a position in an array (int)."""
    if isinstance(step, int):
        return part == str(step) or part == "[*]"
    return part == step


def most_specific(rules, column, steps):
    """The rule (a tuple: column, then parts) that decides about a path: the
    longest that leads there; an exact part is more specific than [*]."""
    best = None
    for rule in rules:
        if rule == ("*",) or rule[0] != column or len(rule) - 1 > len(steps):
            continue
        if not all(part_matches(p, s) for p, s in zip(rule[1:], steps)):
            continue
        rank = (len(rule), [p != "[*]" for p in rule[1:]])
        if best is None or rank > best[0]:
            best = (rank, rule)
    return best[1] if best else None


def writers(ds, state, column, steps=()):
    """Parties that may write a path in a state; EVERYBODY if it is open."""
    rules = ds.states[state].write
    rule = most_specific(rules, column, steps)
    if rule is not None:
        return rules[rule]
    if ds.never_covered(column):
        return []
    if ("*",) in rules:
        return rules[("*",)]
    return [] if ds.states[state].locked else EVERYBODY


def below(value, steps):
    """Every path strictly below a value."""
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        return
    for step, inner in items:
        yield steps + (step,)
        yield from below(inner, steps + (step,))


def changed_paths(old, new, steps=()):
    """Which paths changed: into the members of two objects or two arrays,
    else right here and with it everything that came or went below."""
    if old is not GONE and new is not GONE and same(old, new):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in list(old) + [k for k in new if k not in old]:
            yield from changed_paths(old.get(key, GONE), new.get(key, GONE),
                                     steps + (key,))
    elif isinstance(old, list) and isinstance(new, list):
        for i in range(max(len(old), len(new))):
            yield from changed_paths(old[i] if i < len(old) else GONE,
                                     new[i] if i < len(new) else GONE,
                                     steps + (i,))
    else:
        yield steps
        yield from below(old, steps)
        yield from below(new, steps)


def may_write(ds, parties, state, column, old, new):
    """May the parties make this change of one attribute in a state?"""
    if not ds.columns[column].is_jsonb:
        who = writers(ds, state, column)
        return who == EVERYBODY or bool(parties & set(who))
    for steps in changed_paths(GONE if old is None else old,
                               GONE if new is None else new):
        who = writers(ds, state, column, steps)
        if who != EVERYBODY and not parties & set(who):
            return False
    return True


# ---- judging one action ----

def changed_columns(ds, old, new):
    return [c for c in ds.columns if not ds.columns[c].generated and
            not same(old[c], new[c])]


def no_lifecycle(ds, parties):
    return "" if parties & {ds.owner, *ds.producers} else DENIED


def judge_transition(ds, parties, edge, old, new, counts):
    if edge is None:
        return NO_EDGE
    if not parties & set(edge.by):
        return DENIED
    try:
        if edge.guard is not None and edge.guard(old, new) is not True:
            return GUARD
    except GuardError:
        return GUARD
    if any(counts.get(child, 0) < least for child, least in
           edge.children.items()):
        return GUARD
    return ""


def judge_update(ds, parties, old, new, counts):
    """Write, edge, party, guard, version, in this order."""
    changed = changed_columns(ds, old, new)
    if not changed:
        return ""
    if ds.states is None:
        return no_lifecycle(ds, parties)

    state = ds.state_of(old)
    moves = ds.governing in changed
    edge = ds.edges.get((state, ds.state_of(new))) if moves else None
    extra = edge.with_write if edge and parties & set(edge.by) else ()

    for column in changed:
        if column == ds.governing:
            continue
        if column == ds.version:
            # Exempt from the matrix; but where no rule knows the state,
            # nothing may be written.
            if state is None and not moves:
                return DENIED
            continue
        if column in ds.key or column == ds.entered_at or state is None:
            return DENIED
        if column not in extra and not may_write(ds, parties, state, column,
                                                 old[column], new[column]):
            return DENIED

    if moves:
        verdict = judge_transition(ds, parties, edge, old, new, counts)
        if verdict:
            return verdict
    if ds.version_mode == "require" and not (
            old[ds.version] is not None and new[ds.version] is not None and
            int(new[ds.version]) == int(old[ds.version]) + 1):
        return VERSION
    return ""


def judge_insert(ds, parties, new, given):
    """given: columns that the statement names; the others have their
    defaults."""
    if ds.states is None:
        return no_lifecycle(ds, parties)
    state = ds.state_of(new)
    if state is None or not ds.states[state].initial:
        return NO_EDGE
    if not parties & set(ds.states[state].inserters()):
        return DENIED
    for name, column in ds.columns.items():
        if column.generated or name in ds.key or name == ds.governing:
            continue
        if name == ds.version and ds.version_mode == "require":
            continue
        away = column.volatile or (name in given and
                                   not same(new[name], column.default))
        if not away:
            continue
        if name in (ds.entered_at, ds.version):
            return DENIED
        default = GONE if column.volatile else column.default
        if column.is_jsonb and default is not GONE:
            if not may_write(ds, parties, state, name, default, new[name]):
                return DENIED
            continue
        who = writers(ds, state, name)
        if who != EVERYBODY and not parties & set(who):
            return DENIED
    return ""


def judge_delete(ds, parties, old):
    if ds.states is None:
        return no_lifecycle(ds, parties)
    state = ds.state_of(old)
    if state is None:
        return DENIED
    return "" if parties & set(ds.states[state].delete) else DENIED


def judge_truncate(ds, parties):
    return no_lifecycle(ds, parties) if ds.states is None else DENIED


def judge_child(child, parties, *parents):
    """A write to a child row, in the states of the parents that it had and
    will have."""
    for parent in parents:
        state = child.dataset.state_of(parent) if parent else None
        if state is None or not parties & set(child.write.get(state, ())):
            return DENIED
    return ""
