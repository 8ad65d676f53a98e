"""Random changes that keep a file's form, without which few inputs come as far as what the file means: as in changes.py."""

import json
import re
import struct
from collections.abc import Callable
from functools import lru_cache

from . import changes

MOST_PARTS = 100  # of a message
MESSAGES = (b"\x08", b"\x0a")  # the first byte of messages of Protocol Buffers, whose first field is a number or has a length
WORD = re.compile(rb'"[^"\n]*"|\d+|\w+')
FLOATS = tuple(struct.pack("<f", x) for x in (0, 1, -1, 0.5, 1e-38, 3e38, float("inf"), float("nan")))
VALUES = (None, True, "", "a", [], {}, [1], 0, 1, -1, 2, 0.5, 1e38, float("inf"), float("nan"), 2**31, 2**63, "\ud800", "\x1b[2J", "9" * 99)

BASIC = (changes.number, changes.byte, changes.byte, changes.insert, changes.delete, changes.cut_short, changes.repeat)


def keeping(data: bytes) -> Callable[..., bytes] | None:
    """The change that fits a file of this form, if there is one."""
    if data[:1].isalpha():
        return word
    return json_value if b"{" in (data[8:9], data[:1]) else part if data[:1] in MESSAGES else None


def word(data, others, r):
    """A text with another word or number from such a text, or one of its lines elsewhere."""
    if r.random() < 0.3:
        lines = data.split(b"\n")
        line = r.choice(lines) if r.random() < 0.5 else lines.pop(r.randrange(len(lines)))
        lines.insert(r.randint(0, len(lines)), line)
        return b"\n".join(lines)
    old, number = WORD.search(data, changes.position(data, r)) or WORD.search(data), r.random() < 0.5
    if old is None:
        return changes.byte(data, others, r)
    new = r.choice(WORD.findall(r.choice(others), 0, 4096) or [b""])
    if old[0].isdigit() and number:
        new = b"%d" % r.choice((*changes.NUMBERS, -1, -(2**31), int(old[0][:9]) + 1))
    return data[: old.start()] + new + data[old.end() :]


def json_value(data, others, r):
    """A safetensors file with another value somewhere in its header, or in the JSON inside its metadata; or another value in JSON."""
    n = int.from_bytes(data[:8], "little")
    try:
        if data[:1] == b"{":
            return json.dumps(_value(json.loads(data), r)).encode()
        header = json.loads(data[8 : 8 + n])
        facts = header.get("__metadata__") or {}
        if facts and r.random() < 0.8:
            name = r.choice(list(facts))
            facts[name] = _fact(facts[name], r)
        else:
            header = _value(header, r)
        text = json.dumps(header).encode()
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return changes.header(data, others, r)
    return len(text).to_bytes(8, "little") + text + data[8 + n :]


def _fact(text, r):
    """A text in metadata, changed: often one in JSON."""
    try:
        return json.dumps(_value(json.loads(text), r))
    except (ValueError, TypeError):
        return r.choice(VALUES)


def _value(value, r):
    """A JSON value with another one somewhere inside."""
    if not isinstance(value, (dict, list)) or not value or r.random() < 0.1:
        near = (value + 1, value - 1, -value, value * 2) if type(value) in (int, float) else ()
        return r.choice((*near, *VALUES))
    names = list(value) if isinstance(value, dict) else range(len(value))
    name, other, action = r.choice(names), r.choice(names), r.random()
    if action < 0.05:
        del value[name]
    elif action < 0.15:
        value[name] = value[other]
    elif action < 0.2 and isinstance(value, list):
        value.append(value[other])
    else:
        value[name] = _value(value[name], r)
    return value


def part(data, others, r, depth=0):
    """A message of Protocol Buffers with a change in one of its fields, or in a field of that; the lengths around it stay right."""
    parts = _parts(data)
    if not parts:
        return changes.byte(data, others, r)
    start, at, inner, end = r.choice(parts) if r.random() < 0.5 else r.choices(parts, [end - start for start, _, _, end in parts])[0]
    whole, content, action, kind = data[start:end], data[inner:end], r.random(), data[start] & 7
    if action < 0.1:
        there = r.choice(parts)[0]
        cut = data[:start] + data[end:] if action < 0.07 else data
        return cut[:there] + whole + cut[there:] if action > 0.03 else cut
    if kind == 0:
        n = _number_at(data, at)[0]
        content = _varint(r.choice((n + 1, max(n - 1, 0), 2 * n, *changes.NUMBERS)) & (1 << 64) - 1)
    elif kind != 2:
        content = r.choice(FLOATS if kind == 5 else (bytes(8), b"\xff" * 8))
    elif action < 0.95 and depth < 6 and _parts(content):
        content = part(content, others, r, depth + 1)
    elif action < 0.6 and (leaves := _leaves(r.choice(others))):
        content = r.choice(leaves)
    else:
        content = r.choice(BASIC)(content, others, r)
    return data[:at] + (_varint(len(content)) if kind == 2 else b"") + content + data[end:]


@lru_cache(64)
def _parts(data):
    """(start, behind the key, content, end) of the fields, if the bytes are a message; of a large one the first MOST_PARTS."""
    found, at = [], 0
    while at < len(data) and len(found) < MOST_PARTS:
        start = at
        key, at = _number_at(data, at)
        behind, kind = at, key & 7
        value, at = _number_at(data, at) if kind in (0, 2) else ({1: 8, 5: 4}.get(kind, len(data)), at)
        inner, at = (at, at + value) if kind else (behind, at)
        if at > len(data) or key < 8:
            return []
        found.append((start, behind, inner, at))
    return found


@lru_cache(64)
def _leaves(data, depth=0):
    """Short texts and arrays in a message, such as names, which elsewhere are those of other things."""
    inside = [data[inner:end] for start, _, inner, end in _parts(data) if data[start] & 7 == 2]
    found = [_leaves(inner, depth + 1) if depth < 6 and _parts(inner) else [inner] for inner in inside]
    return [leaf for leaves in found for leaf in leaves if len(leaf) < 64]


def _number_at(data, at):
    """(number, the position behind it): a varint."""
    if at < len(data) and data[at] < 128:
        return data[at], at + 1
    n = shift = 0
    while at < len(data) and shift < 70:
        n, shift, at = n | (data[at] & 127) << shift, shift + 7, at + 1
        if data[at - 1] < 128:
            return n, at
    return 0, len(data) + 1


def _varint(n):
    return bytes([n & 127 | 128]) + _varint(n >> 7) if n > 127 else bytes([n])
