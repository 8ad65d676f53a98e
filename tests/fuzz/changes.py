"""Random changes of files, which mostly break their form: functions (data, files of the same format, random.Random) -> data."""

import json
import re

LARGEST = 1 << 16  # bytes of an input
STRETCH = 512  # bytes of a text in which tokens are looked for
NUMBERS = (0, 1, 2, 7, 8, 9, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**64 - 1)
TOKEN = re.compile(rb'"[^"]*"|-?\d+(?:\.\d+)?|true|false|null|[\[\]{}:,=.]')
ODD = (
    b"NaN", b"-Infinity", b"1e999", b"1e308", b"-0", b"-1", b"0", b"0.5", b"null", b"true", b"false", b'"\\ud800"', b'""', b"[]", b"{}",
    b'"a"', b"[[]]", b'{"":0}', b"9" * 30, b"9" * 5000, b"[" * 2000, b'{"a":' * 2000, b"1000000", b"4294967296", b'"\\u001b[2J"', b"\n",
)  # fmt: skip


def flip(data, others, r):
    return _put(data, at := position(data, r), bytes([data[at] ^ 1 << r.randrange(8)])) if data else data


def byte(data, others, r):
    return _put(data, position(data, r), bytes([r.choice((0, 1, 10, 34, 127, 128, 255, r.randrange(256)))]))


def number(data, others, r):
    n, size, order = r.choice(NUMBERS), r.choice((1, 2, 4, 8)), r.choice(("little", "big"))
    return _put(data, position(data, r), (n % 256**size).to_bytes(size, order))


def insert(data, others, r):
    at = position(data, r)
    return data[:at] + r.randbytes(r.randint(1, 8)) + data[at:]


def delete(data, others, r):
    at = position(data, r)
    return data[:at] + data[at + r.choice((1, 2, 4, 8, 64, 512)) :]


def cut_short(data, others, r):
    return data[: position(data, r)]


def repeat(data, others, r):
    at, size = position(data, r), r.choice((1, 2, 3, 8, 64, 512))
    return data[:at] + data[at : at + size] * r.choice((2, 3, 10, 100, 1000)) + data[at:]


def splice(data, others, r):
    other = r.choice(others)
    at = position(other, r)
    return data[: position(data, r)] + other[at : at + r.choice((8, 64, 512, LARGEST))]


def token(data, others, r):
    """Another token in a text: one of ODD, or one from nearby."""
    at = position(data, r)
    start = max(data.rfind(b",", 0, at), data.rfind(b"\n", 0, at)) + 1 if len(data) > STRETCH else 0
    tokens = list(TOKEN.finditer(data, start, start + STRETCH))
    if not tokens:
        return byte(data, others, r)
    old = r.choice(tokens)
    new = r.choice(ODD) if r.random() < 0.7 else r.choice(tokens)[0]
    return data[: old.start()] + new + data[old.end() :]


def header(data, others, r):
    """A change inside the header of a safetensors file, whose length stays right; or inside the JSON in its metadata."""
    n = int.from_bytes(data[:8], "little")
    if not 2 <= n <= len(data) - 8:
        return token(data, others, r)
    text = _metadata(data[8 : 8 + n], r) if r.random() < 0.5 else b""
    text = text or r.choice((token, token, byte, repeat))(data[8 : 8 + n], [b"{}"], r)
    return len(text).to_bytes(8, "little") + text + data[8 + n :]


def _metadata(text, r):
    """A header with a change inside one fact of its metadata; nothing if it has none."""
    try:
        facts = json.loads(text)
        name = r.choice(sorted(facts["__metadata__"]))
        fact = facts["__metadata__"][name].encode()
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return b""
    facts["__metadata__"][name] = token(fact, [], r).decode("latin1")
    return json.dumps(facts).encode()


def position(data, r):
    """A position, half of the time near the start, where headers are."""
    return r.randrange(min(len(data), 64) if r.random() < 0.5 else len(data)) if data else 0


def _put(data, at, new):
    return data[:at] + new + data[at + len(new) :]


CHANGES = (flip, byte, number, insert, delete, cut_short, repeat, splice, token, token, header, header)
