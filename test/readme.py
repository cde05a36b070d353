"""The code blocks of README.md and docs/*.md do what they say.

Each page gets a fresh database and one psql session; its blocks run in order.

sql      Executed.  Where a block "output" or "text" is the next one on the
         page, psql's output must equal it to the letter; otherwise there must
         be no error.
sh       Command by command, joined where a line ends in a backslash:
         - psql, pg_dump, pg_restore, createdb, dropdb are executed, with the
           page's database as PGDATABASE; output is compared as above;
         - make, make install and make uninstall are executed in this copy of
           the tree, as "make -j2 with_llvm=no" and with DESTDIR set to an
           empty directory; nothing is left there after uninstall;
         - any other make target is checked by "make -n", not executed.  The
           output after "make demo" must be lines of demo/demo.out, a line
           "..." standing for what is left out; that the demo really prints
           demo.out is proved by the suite "demo";
         - packages of apt-get install are looked up, not installed; the
           server's version in their names is this server's;
         - of pg_upgrade the options are looked up in its --help;
         - a script of this tree must be there and executable.
         Anything else is a failure.
console  As sh, for the lines that begin with "$ "; the others are output,
         which is compared where all commands of the block are executed.
json     Must be accepted by jsonb.
python   Executed by /usr/bin/python3 with the page's database as PGDATABASE;
         output is compared as that of sql.

Pages other than README.md begin with the extension created, unless they
create it themselves.  "psql" means psql -X with messages in English and times
in UTC.  Links between the pages, to files and to headings must lead somewhere.

Usage: readme.py [--accept] [PAGE...], in the root of the tree, beside the
server that PG* name.  --accept writes what is printed into the pages.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

FENCE = re.compile(r"^```(\S*)\s*$")
CLIENT = ("psql", "pg_dump", "pg_restore", "createdb", "dropdb")
MARK = "-- end of block --"
GONE = "ERROR: psql has ended\n"
SECONDS = 300


class Block:
    """A fenced block: its language, its lines, and where they begin."""

    def __init__(self, page, language, start):
        self.page = page
        self.language = language
        self.start = start
        self.lines = []

    def text(self):
        return "\n".join(self.lines)

    def place(self):
        return f"{self.page}:{self.start}"


def read_blocks(page):
    blocks, block = [], None
    with open(page, encoding="utf-8") as file:
        for number, line in enumerate(file.read().split("\n"), 1):
            fence = FENCE.match(line)
            if block is None and fence:
                block = Block(page, fence.group(1), number)
            elif block is not None and line == "```":
                blocks.append(block)
                block = None
            elif block is not None:
                block.lines.append(line)
    if block is not None:
        sys.exit(f"not ok - {block.place()}: the block never ends")
    return blocks


def prose(page):
    with open(page, encoding="utf-8") as file:
        return re.sub(r"^```.*?^```", "", file.read(), flags=re.M | re.S)


def anchors(page):
    """The names of a page's headings, as links spell them."""
    headings = re.findall(r"^#+ +(.*?) *$", prose(page), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in headings}


def client_environment(database):
    environment = dict(os.environ, PGDATABASE=database, PGTZ="UTC",
                       PGOPTIONS="-c lc_messages=C", PSQLRC="/dev/null")
    environment.pop("PAGER", None)
    return environment


def plain(output):
    """Without blanks at the ends of lines, and empty lines at the end."""
    lines = [line.rstrip() for line in output.split("\n")]
    while lines and lines[-1] == "":
        lines.pop()
    return lines


class Session:
    """One psql for all sql blocks of a page."""

    def __init__(self, database):
        self.process = subprocess.Popen(
            ["psql", "-X", "-P", "pager=off"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=client_environment(database))

    def run(self, sql):
        if self.process.poll() is not None:
            return GONE
        # psql writes what it has before it runs a shell command.
        self.process.stdin.write(f"{sql}\n;\\! echo '{MARK}'\n")
        self.process.stdin.flush()
        output = ""
        while True:
            line = self.process.stdout.readline()
            if line == "":
                self.process.wait()
                return output + GONE
            if line.rstrip("\n").endswith(MARK):
                return output
            output += line

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait()


def run(arguments, **options):
    done = subprocess.run(arguments, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **options)
    return done.returncode, done.stdout


def admin(sql):
    status, output = run(["psql", "-XAtq", "-d", "postgres", "-c", sql])
    if status != 0:
        sys.exit(f"not ok - {sql}: {output}")
    return output.split("\n")[:-1]


def server_major():
    return str(int(admin("SHOW server_version_num")[0]) // 10000)


# ---- commands of a shell -------------------------------------------------

def check_packages(words):
    wanted = [re.sub(r"^(postgresql(-server-dev)?-)\d+$",
                     r"\g<1>" + server_major(), word)
              for word in words if not word.startswith("-")]
    unknown = []
    for package in wanted:
        if run(["dpkg", "-s", package])[0] != 0:
            status, output = run(["apt-cache", "show", package])
            if status != 0 or not output.strip():
                unknown.append(package)
    return f"unknown packages: {' '.join(unknown)}" if unknown else None


built = []


def make(words, scratch):
    """Build and install for real, into a directory of ours."""
    stage = os.path.join(scratch, "destdir")
    goals = [word for word in words if "=" not in word]
    options = [word for word in words
               if "=" in word and not word.startswith("DESTDIR=")]
    if goals not in ([], ["install"], ["uninstall"]):
        status, output = run(["bash", "-c", " ".join(["make -n", *words])])
        return output if status != 0 else None
    if not built:
        status, output = run(["make", "-s", "-j2", "with_llvm=no", *options])
        if status != 0:
            return output
        built.append(True)
    if not goals:
        return None
    status, output = run(["make", "-s", "with_llvm=no", f"DESTDIR={stage}",
                          *goals, *options])
    if status != 0:
        return output
    files = [name for _, _, names in os.walk(stage) for name in names]
    if goals == ["install"]:
        lacking = [name for name in ("spine.so", "spine.control")
                   if name not in files]
        return f"not installed: {lacking}" if lacking else None
    return f"left behind: {files}" if files else None


def check_options(words):
    _, known = run([words[0], "--help"])
    unknown = [word.split("=")[0] for word in words[1:]
               if word.startswith("-") and word.split("=")[0] not in known]
    return f"{words[0]} knows no {' '.join(unknown)}" if unknown else None


def shell_command(command, page, scratch):
    """Returns (problem or None, output or None if not executed)."""
    words = command.split()
    if words[0] == "sudo":
        words = words[3:] if words[1] == "-u" else words[1:]
    if words[0] in CLIENT:
        status, output = run(["bash", "-euo", "pipefail", "-c",
                              " ".join(words)], cwd=scratch,
                             env=client_environment(page.database))
        return (output if status != 0 else None), output
    if words[0] == "make":
        return make(words[1:], scratch), None
    if words[0] == "pg_upgrade":
        return check_options(words), None
    if words[:2] == ["apt-get", "update"]:
        return None, None
    if words[:2] == ["apt-get", "install"]:
        return check_packages(words[2:]), None
    script = re.sub(r"^\./", "", words[0])
    if "/" in script and os.access(script, os.X_OK):
        return None, None
    return f"nobody knows how to check: {command}", None


def split_commands(lines):
    text = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [re.sub(r"\s+#.*$", "", line).strip() for line in text.split("\n")
            if line.strip() and not line.lstrip().startswith("#")]


# ---- pages ----------------------------------------------------------------

class Page:
    """A page, its database, and how its blocks fared."""

    def __init__(self, name, number, accept):
        self.name = name
        self.accept = accept
        self.database = f"readme_{number}"
        self.blocks = read_blocks(name)
        self.failed = 0
        self.changes = []
        self.scratch = tempfile.mkdtemp()

    def report(self, block, problem):
        if problem is None:
            print(f"ok - {block.place()} {block.language}", flush=True)
            return
        self.failed += 1
        print(f"not ok - {block.place()} {block.language}")
        for line in problem.rstrip("\n").split("\n"):
            print(f"#   {line}", flush=True)

    def compare(self, block, output, printed):
        """What differs between an output block and what was printed."""
        wanted, found = plain(output.text()), plain(printed)
        if wanted == found:
            return None
        if self.accept:
            self.changes.append((output, found))
            return None
        return "\n".join(["the page says:", *wanted, "it printed:", *found])

    def run_sql(self, block, output):
        printed = self.session.run(block.text())
        if printed.endswith(GONE):
            return printed
        if output is not None:
            return self.compare(block, output, printed)
        if re.search(r"^(psql:.*)?(ERROR|FATAL|PANIC)", printed, re.M):
            return printed
        return None

    def demo_excerpt(self, output):
        with open("demo/demo.out", encoding="utf-8") as file:
            demo = plain(file.read())
        pieces, piece = [], []
        for line in plain(output.text()) + ["..."]:
            if line == "...":
                pieces.append(piece)
                piece = []
            else:
                piece.append(line)
        at = 0
        for piece in pieces:
            while at <= len(demo) and demo[at:at + len(piece)] != piece:
                at += 1
            if at > len(demo):
                return "\n".join(["these are no lines of demo/demo.out:",
                                  *piece])
            at += len(piece)
        return None

    def run_shell(self, block, lines, output):
        printed, executed = "", True
        commands = split_commands(lines)
        for command in commands:
            for part in re.split(r"\s*&&\s*", command):
                problem, said = shell_command(part, self, self.scratch)
                if problem is not None:
                    return problem
                executed = executed and said is not None
                printed += said or ""
        if output is None:
            return None
        if commands == ["make demo"]:
            return self.demo_excerpt(output)
        if not executed:
            return "it has output, but is not executed"
        return self.compare(block, output, printed)

    def run_console(self, block):
        commands = [line[2:] for line in block.lines if line.startswith("$ ")]
        said = Block(self.name, "output", block.start)
        said.lines = [line for line in block.lines
                      if not line.startswith("$ ")]
        if "".join(said.lines).strip() == "":
            said = None
        return self.run_shell(block, commands, said)

    def run_python(self, block, output):
        status, said = run(["/usr/bin/python3", "-"], input=block.text(),
                           env={**os.environ, "PGDATABASE": self.database})
        if status != 0 or output is None:
            return said if status != 0 else None
        return self.compare(block, output, said)

    def run_block(self, block, output):
        if block.language == "sql":
            return self.run_sql(block, output)
        if block.language == "sh":
            return self.run_shell(block, block.lines, output)
        if block.language == "console":
            return self.run_console(block)
        if block.language == "python":
            return self.run_python(block, output)
        if block.language == "json":
            status, said = run(["psql", "-XAtq", "-d", "postgres"],
                               input="SELECT $json$" + block.text() +
                               "$json$::jsonb IS NULL")
            return said if status != 0 or "ERROR" in said else None
        return f"blocks of \"{block.language}\" are not known"

    def check_links(self):
        here = os.path.dirname(self.name)
        links = re.findall(r"\]\(([^)#:\s]*)(?:#([^)\s]*))?\)",
                           prose(self.name))
        for target, anchor in links:
            path = os.path.join(here, target) if target else self.name
            if not os.path.exists(path) or (
                    anchor and anchor not in anchors(path)):
                self.failed += 1
                print(f"not ok - {self.name}: no {target}#{anchor} to link to")

    def run(self):
        self.check_links()
        admin(f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE)")
        before = set(admin("SELECT quote_ident(rolname) FROM pg_roles"))
        admin(f"CREATE DATABASE {self.database}")
        if not any("CREATE EXTENSION spine" in block.text()
                   for block in self.blocks):
            run(["psql", "-Xq", "-d", self.database, "-c",
                 "CREATE EXTENSION spine"])
        self.session = Session(self.database)
        i = 0
        while i < len(self.blocks):
            block, output = self.blocks[i], None
            if i + 1 < len(self.blocks) and \
                    self.blocks[i + 1].language in ("output", "text"):
                output = self.blocks[i + 1]
                i += 1
            i += 1
            self.report(block, self.run_block(block, output))
        self.session.close()
        self.clean_up(before)
        if self.changes:
            self.write()

    def clean_up(self, before):
        for database in admin("SELECT quote_ident(datname) FROM pg_database "
                              "WHERE NOT datistemplate "
                              "AND datname <> 'postgres'"):
            if database.startswith("readme_"):
                admin(f"DROP DATABASE {database} WITH (FORCE)")
        for role in set(admin("SELECT quote_ident(rolname) FROM pg_roles "
                              "WHERE rolname !~ '^spine_'")) - before:
            admin(f"DROP ROLE {role}")
        shutil.rmtree(self.scratch)

    def write(self):
        with open(self.name, encoding="utf-8") as file:
            lines = file.read().split("\n")
        for block, found in sorted(self.changes, key=lambda c: -c[0].start):
            lines[block.start:block.start + len(block.lines)] = found
        with open(self.name, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
        print(f"# wrote {len(self.changes)} outputs into {self.name}")


def main():
    arguments = sys.argv[1:]
    accept = "--accept" in arguments
    names = [name for name in arguments if name != "--accept"]
    if not names:
        names = ["README.md"] + sorted(
            f"docs/{name}" for name in os.listdir("docs")
            if name.endswith(".md"))
    signal.alarm(SECONDS)
    failed = 0
    for number, name in enumerate(names):
        page = Page(name, number, accept)
        page.run()
        failed += page.failed
    sys.exit(1 if failed else 0)


main()
