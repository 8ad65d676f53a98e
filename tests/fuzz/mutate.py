"""Random changes of files: of bytes, of JSON and numbers inside, of parts of messages, and of what is inside gzip, with lengths and
checksums set right again."""

import gzip
import io
import json
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache

LARGEST = 1 << 16  # bytes of an input
STRETCH = 512  # bytes of a text in which tokens are looked for
MOST_PARTS = 100  # of a message
MESSAGES = (b"\x08", b"\x0a")  # the first byte of messages of Protocol Buffers, whose first field is a number or has a length
NUMBERS = (0, 1, 2, 7, 8, 9, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**64 - 1)
TOKEN = re.compile(rb'"[^"]*"|-?\d+(?:\.\d+)?|true|false|null|[\[\]{}:,=.]')
ODD = (
    b"NaN", b"-Infinity", b"1e999", b"1e308", b"-0", b"-1", b"0", b"0.5", b"null", b"true", b"false", b'"\\ud800"', b'""', b"[]", b"{}",
    b'"a"', b"[[]]", b'{"":0}', b"9" * 30, b"9" * 5000, b"[" * 2000, b'{"a":' * 2000, b"1000000", b"4294967296", b'"\\u001b[2J"', b"\n",
)  # fmt: skip

FLOATS = tuple(struct.pack("<f", x) for x in (0, 1, -1, 0.5, 1e-38, 3e38, float("inf"), float("nan")))
VALUES = (None, True, "", "a", [], {}, [1], 0, 1, -1, 2, 0.5, 1e38, float("inf"), float("nan"), 2**31, 2**63, "\ud800", "\x1b[2J", "9" * 99)


def change(data: bytes, others: list[bytes], r: random.Random) -> bytes:
    """`data` with one to four random changes; parts may come from `others`."""
    if data[:2] == b"\x1f\x8b" and r.random() < 0.8:
        return gzip.compress(change_tar(_unpacked(data), [_unpacked(other) for other in others], r), 1, mtime=0)
    if data[:4] == b"PK\3\4" and r.random() < 0.7 and (members := _members(data)):
        return _zipped(members, r)
    keep = _keeping(data) if r.random() < 0.7 else None
    for _ in range(r.choice((1, 1, 2, 3) if keep else (1, 2, 3, 4))):
        data = (keep or r.choice(CHANGES))(data, others, r)
    return data[:LARGEST]


def _keeping(data: bytes) -> Callable[..., bytes] | None:
    """A change that keeps a file's form, without which few inputs come as far as what the file means."""
    return _json if data[8:10] == b'{"' else _part if data[:1] in MESSAGES else None


@lru_cache(64)  # most are of the corpus
def _members(data: bytes) -> Mapping[str, bytes]:
    """The files inside a zip archive, as far as it can be read; those of a hostile one are not unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as zipped:
            return {info.filename: zipped.read(info) for info in zipped.infolist() if info.file_size < LARGEST}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, ValueError, EOFError):
        return {}


def _zipped(members: Mapping[str, bytes], r: random.Random) -> bytes:
    """A zip archive of these files, one of which, the first (the pickle in PyTorch's) half of the time, is changed."""
    changed = next(iter(members)) if r.random() < 0.5 else r.choice(list(members))
    others = list(members.values())
    return _zip({**members, changed: change(members[changed], others, r)}, r.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))


def _zip(members: Mapping[str, bytes], method: int) -> bytes:
    """The archive as zipfile would write it, which takes ten times as long."""
    files, directory = b"", b""
    for name, content in members.items():
        packed = zlib.compress(content, 1)[2:-4] if method == zipfile.ZIP_DEFLATED else content
        text = name.encode()
        facts = struct.pack("<HHHHHIIIHH", 20, 0, method, 0, 33, zlib.crc32(content), len(packed), len(content), len(text), 0)
        directory += b"PK\1\2\x14\0" + facts + struct.pack("<HHHII", 0, 0, 0, 0, len(files)) + text
        files += b"PK\3\4" + facts + text + packed
    return files + directory + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, len(members), len(members), len(directory), len(files), 0)


def change_tar(data: bytes, others: list[bytes], r: random.Random) -> bytes:
    """Changes that keep the checksum of a tar archive's first header right, if it is one."""
    is_tar = data[257:262] == b"ustar"
    data = change(data, others, r)
    if is_tar and len(data) > 512 and r.random() < 0.8:
        total = sum(data[:148]) + 8 * ord(" ") + sum(data[156:512])
        data = data[:148] + b"%06o\0 " % total + data[156:]
    return data


@lru_cache(64)
def _unpacked(data: bytes) -> bytes:
    """What is inside gzip, as far as it can be read."""
    try:
        return zlib.decompressobj(31).decompress(data, LARGEST * 4)
    except zlib.error:
        return data


# ---- one change each: (data, others, r) -> data ----


def _flip(data, others, r):
    return _put(data, at := _at(data, r), bytes([data[at] ^ 1 << r.randrange(8)])) if data else data


def _byte(data, others, r):
    return _put(data, _at(data, r), bytes([r.choice((0, 1, 10, 34, 127, 128, 255, r.randrange(256)))]))


def _number(data, others, r):
    n, size, order = r.choice(NUMBERS), r.choice((1, 2, 4, 8)), r.choice(("little", "big"))
    return _put(data, _at(data, r), (n % 256**size).to_bytes(size, order))


def _insert(data, others, r):
    at = _at(data, r)
    return data[:at] + r.randbytes(r.randint(1, 8)) + data[at:]


def _delete(data, others, r):
    at = _at(data, r)
    return data[:at] + data[at + r.choice((1, 2, 4, 8, 64, 512)) :]


def _truncate(data, others, r):
    return data[: _at(data, r)]


def _repeat(data, others, r):
    at, size = _at(data, r), r.choice((1, 2, 3, 8, 64, 512))
    return data[:at] + data[at : at + size] * r.choice((2, 3, 10, 100, 1000)) + data[at:]


def _splice(data, others, r):
    other = r.choice(others)
    at = _at(other, r)
    return data[: _at(data, r)] + other[at : at + r.choice((8, 64, 512, LARGEST))]


def _token(data, others, r):
    """Another token in a text: one of ODD, or one from nearby."""
    at = _at(data, r)
    start = max(data.rfind(b",", 0, at), data.rfind(b"\n", 0, at)) + 1 if len(data) > STRETCH else 0
    tokens = list(TOKEN.finditer(data, start, start + STRETCH))
    if not tokens:
        return _byte(data, others, r)
    old = r.choice(tokens)
    new = r.choice(ODD) if r.random() < 0.7 else r.choice(tokens)[0]
    return data[: old.start()] + new + data[old.end() :]


def _header(data, others, r):
    """A change inside the header of a safetensors file, whose length stays right; or inside the JSON in its metadata."""
    n = int.from_bytes(data[:8], "little")
    if not 2 <= n <= len(data) - 8:
        return _token(data, others, r)
    header = _metadata(data[8 : 8 + n], r) if r.random() < 0.5 else b""
    header = header or r.choice((_token, _token, _byte, _repeat))(data[8 : 8 + n], [b"{}"], r)
    return len(header).to_bytes(8, "little") + header + data[8 + n :]


def _metadata(header, r):
    """A header with a change inside one fact of its metadata; nothing if it has none."""
    try:
        facts = json.loads(header)
        name = r.choice(sorted(facts["__metadata__"]))
        text = facts["__metadata__"][name].encode()
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return b""
    facts["__metadata__"][name] = _token(text, [], r).decode("latin1")
    return json.dumps(facts).encode()


def _json(data, others, r):
    """A safetensors file with another value somewhere in its header, or in the JSON inside its metadata; the form stays right."""
    n = int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8 : 8 + n])
        facts = header.get("__metadata__") or {}
        if facts and r.random() < 0.8:
            name = r.choice(list(facts))
            facts[name] = _fact(facts[name], r)
        else:
            header = _value(header, r)
        text = json.dumps(header).encode()
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return _header(data, others, r)
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


def _part(data, others, r, depth=0):
    """A message of Protocol Buffers with a change in one of its fields, or in a field of that; the lengths around it stay right."""
    parts = _parts(data)
    if not parts:
        return _byte(data, others, r)
    start, at, inner, end = r.choice(parts) if r.random() < 0.5 else r.choices(parts, [end - start for start, _, _, end in parts])[0]
    whole, content, action, kind = data[start:end], data[inner:end], r.random(), data[start] & 7
    if action < 0.1:
        there = r.choice(parts)[0]
        cut = data[:start] + data[end:] if action < 0.07 else data
        return cut[:there] + whole + cut[there:] if action > 0.03 else cut
    if kind == 0:
        n = _number_at(data, at)[0]
        content = _varint(r.choice((n + 1, max(n - 1, 0), 2 * n, *NUMBERS)) & (1 << 64) - 1)
    elif kind != 2:
        content = r.choice(FLOATS if kind == 5 else (bytes(8), b"\xff" * 8))
    elif action < 0.95 and depth < 6 and _parts(content):
        content = _part(content, others, r, depth + 1)
    elif action < 0.6 and (leaves := _leaves(r.choice(others))):
        content = r.choice(leaves)
    else:
        content = r.choice((_number, _byte, _byte, _insert, _delete, _truncate, _repeat))(content, others, r)
    return data[:at] + (_varint(len(content)) if kind == 2 else b"") + content + data[end:]


@lru_cache(1024)
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
    found = [_leaves(part, depth + 1) if depth < 6 and _parts(part) else [part] for part in inside]
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


def _at(data, r):
    """A position, half of the time near the start, where headers are."""
    return r.randrange(min(len(data), 64) if r.random() < 0.5 else len(data)) if data else 0


def _put(data, at, new):
    return data[:at] + new + data[at + len(new) :]


CHANGES = (_flip, _byte, _number, _insert, _delete, _truncate, _repeat, _splice, _token, _token, _header, _header, _part, _part)
