"""Canonical row bytes, version 1: an implementation apart from the C one.

docs/canonical.md is the format.  row(fields) takes (kind, value) pairs and
returns the bytes; digest(rows) adds up their hashes.  Values are what a
program that reads JSON, CSV or another store has at hand: int, float, str,
bytes, Decimal as str, lists.
"""
import math
import struct
from decimal import Decimal

import xxhash

TAGS = {name: tag for tag, name in enumerate(
    "null bool integer float numeric text bytes date time timetz timestamp "
    "timestamptz interval uuid enum array range multirange composite json "
    "inet macaddr money bits geometry output".split())}


def string(data):
    data = data.encode() if isinstance(data, str) else data
    return struct.pack("<I", len(data)) + data


def real(value):
    value = float(value)
    if math.isnan(value):
        return bytes.fromhex("000000000000f87f")
    return struct.pack("<d", value + 0.0 if value else 0.0)


def numeric(text):
    value = Decimal(text)
    if not value.is_finite():
        sign = 2 if value.is_nan() else 3 if value > 0 else 4
        return struct.pack("<BhH", sign, 0, 0)
    sign, digits, exponent = value.as_tuple()
    digits = "".join(map(str, digits))
    if exponent > 0:
        digits, exponent = digits + "0" * exponent, 0
    whole = digits[:len(digits) + exponent]
    part = digits[len(digits) + exponent:].rjust(-exponent, "0")
    whole = whole.rjust(-(-len(whole) // 4) * 4, "0")
    part = part.ljust(-(-len(part) // 4) * 4, "0")
    weight = len(whole) // 4 - 1
    groups = [int((whole + part)[i:i + 4])
              for i in range(0, len(whole + part), 4)]
    while groups and groups[-1] == 0:
        groups.pop()
    while groups and groups[0] == 0:
        groups.pop(0)
        weight -= 1
    if not groups:
        sign, weight = 0, 0
    return struct.pack(f"<BhH{len(groups)}H", sign, weight, len(groups),
                       *groups)


def json_value(value):
    """Numbers come as Decimal (or int), so that none is rounded."""
    if value is None:
        return b"n"
    if value is True or value is False:
        return b"t" if value else b"f"
    if isinstance(value, str):
        return b"s" + string(value)
    if isinstance(value, list):
        return (b"[" + struct.pack("<I", len(value))
                + b"".join(map(json_value, value)))
    if isinstance(value, dict):
        keys = sorted((k.encode() for k in value),
                      key=lambda k: (len(k), k))
        return b"{" + struct.pack("<I", len(keys)) + b"".join(
            string(k) + json_value(value[k.decode()]) for k in keys)
    return b"#" + numeric(str(value))


def array(value):
    """[[dimension, lower bound]…], [(kind, value)…] in row-major order."""
    dimensions, elements = value
    return struct.pack("<I", len(dimensions)) + b"".join(
        struct.pack("<Ii", *d) for d in dimensions) + b"".join(
            field(*e) for e in elements)


def span(value):
    """None if empty, else [lower, upper, bounds like "[)"]; None: infinite."""
    if value is None:
        return b"\1"
    lower, upper, bounds = value
    flags = ((2 if bounds[0] == "[" else 0) | (4 if bounds[1] == "]" else 0)
             | (8 if lower is None else 0) | (16 if upper is None else 0))
    return bytes([flags]) + b"".join(
        field(*bound) for bound in (lower, upper) if bound is not None)


PAYLOADS = {
    "bool": lambda v: b"\1" if v else b"\0",
    "integer": lambda v: struct.pack("<Q", int(v) % 2**64),
    "float": real,
    "numeric": numeric,
    "text": string, "enum": string, "output": string,
    "bytes": lambda v: string(bytes.fromhex(v)),
    "date": lambda v: struct.pack("<i", v),             # days since 2000-01-01
    "time": lambda v: struct.pack("<q", v),             # microseconds
    "timetz": lambda v: struct.pack("<qi", *v),         # …, seconds west
    "timestamp": lambda v: struct.pack("<q", v),        # since 2000-01-01
    "timestamptz": lambda v: struct.pack("<q", v),      # the same, in UTC
    "interval": lambda v: struct.pack("<iiq", *v),      # months, days, µs
    "uuid": bytes.fromhex, "macaddr": bytes.fromhex,
    "money": lambda v: struct.pack("<q", v),
    "json": json_value,
    "array": array,
    "range": span,
    "multirange": lambda v: struct.pack("<I", len(v)) + b"".join(map(span, v)),
    "composite": lambda v: struct.pack("<H", len(v)) + b"".join(
        field(*f) for f in v),
    "inet": lambda v: bytes([v[0], v[1]]) + bytes.fromhex(v[2]),
    "bits": lambda v: struct.pack("<I", len(v)) + bytes(
        int(v[i:i + 8].ljust(8, "0"), 2) for i in range(0, len(v), 8)),
    "geometry": lambda v: b"".join(
        bytes([x[0]]) if isinstance(x, list) else
        struct.pack("<I", x) if isinstance(x, int) else real(x) for x in v),
}


def field(kind, value=None):
    """A value that stands alone: its tag, then its payload."""
    return bytes([TAGS[kind]]) + (
        b"" if kind == "null" else PAYLOADS[kind](value))


def row(fields):
    return (struct.pack("<H", len(fields))
            + bytes(TAGS[f[0]] for f in fields)
            + b"".join(PAYLOADS[f[0]](f[1]) for f in fields
                       if f[0] != "null"))


def hash128(data):
    return xxhash.xxh3_128_intdigest(data)


def digest(rows):
    """Of any number of rows, in any order."""
    return f"{sum(hash128(row(r)) for r in rows) % 2**128:032x}"
