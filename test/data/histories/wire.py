"""A connection to PostgreSQL: the simple query protocol, nothing else.

Statements can be sent ahead of their answers, which is what makes a hundred
thousand histories quick; and one process can hold several sessions and let
them take turns.
"""

import os
import socket
import struct


class Lost(Exception):
    """The server closed the connection."""


class Connection:
    def __init__(self, **settings):
        path = "%s/.s.PGSQL.%s" % (os.environ["PGHOST"], os.environ["PGPORT"])
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(path)
        self.buffer = b""
        options = " ".join("-c %s=%s" % item for item in settings.items())
        fields = ["user", os.environ["PGUSER"],
                  "database", os.environ["PGDATABASE"],
                  "options", options, "application_name", "histories"]
        body = struct.pack("!i", 196608) + b"".join(
            f.encode() + b"\0" for f in fields) + b"\0"
        self.sock.sendall(struct.pack("!i", len(body) + 4) + body)
        self.results(1)

    def message(self):
        """The next message: (type, body)."""
        while len(self.buffer) < 5:
            self.more()
        size = struct.unpack_from("!i", self.buffer, 1)[0]
        while len(self.buffer) < size + 1:
            self.more()
        kind, body = self.buffer[:1], self.buffer[5:size + 1]
        self.buffer = self.buffer[size + 1:]
        return kind, body

    def more(self):
        data = self.sock.recv(1 << 18)
        if not data:
            raise Lost
        self.buffer += data

    def send(self, statements):
        out = []
        for sql in statements:
            body = sql.encode() + b"\0"
            out.append(b"Q" + struct.pack("!i", len(body) + 4) + body)
        self.sock.sendall(b"".join(out))

    def results(self, count, rows=None, errors=None):
        """What came of each statement: its command tag, or an SQLSTATE."""
        found = []
        outcome = None
        while len(found) < count:
            kind, body = self.message()
            if kind == b"C":
                outcome = body[:-1].decode()
            elif kind == b"E":
                fields = {f[:1]: f[1:].decode()
                          for f in body.split(b"\0") if f}
                outcome = fields[b"C"]
                if errors is not None:
                    errors.append(fields)
            elif kind == b"D" and rows is not None:
                rows.append(self.row(body))
            elif kind == b"Z":
                found.append(outcome)
                outcome = None
        return found

    @staticmethod
    def row(body):
        at = 2
        values = []
        for _ in range(struct.unpack_from("!h", body)[0]):
            size = struct.unpack_from("!i", body, at)[0]
            at += 4
            if size < 0:
                values.append(None)
            else:
                values.append(body[at:at + size].decode())
                at += size
        return values

    def run(self, statements):
        """Outcomes of statements, sent all at once."""
        self.send(statements)
        return self.results(len(statements))

    def fetch(self, sql):
        """The rows of a query, as texts."""
        rows, errors = [], []
        self.send([sql])
        self.results(1, rows, errors)
        if errors:
            raise RuntimeError("%s: %s" % (sql[:200], errors[0]))
        return rows

    def must(self, statements):
        """Run statements none of which may fail."""
        errors = []
        for i in range(0, len(statements), 50):
            part = statements[i:i + 50]
            self.send(part)
            self.results(len(part), None, errors)
            if errors:
                raise RuntimeError("%s\n%s" % (errors[0], "\n".join(
                    s[:300] for s in part)))
