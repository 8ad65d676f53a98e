"""Random changes of files: of bytes, of JSON and numbers inside, of parts of messages, and of what is inside gzip, with lengths and
checksums set right again."""

import gzip
import io
import json
import random
import re
import zipfile
import zlib

LARGEST = 1 << 16  # bytes of an input
NUMBERS = (0, 1, 2, 7, 8, 9, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**64 - 1)
TOKEN = re.compile(rb'"[^"]*"|-?\d+(?:\.\d+)?|true|false|null|[\[\]{}:,=.]')
ODD = (
    b"NaN", b"-Infinity", b"1e999", b"1e308", b"-0", b"-1", b"0", b"0.5", b"null", b"true", b"false", b'"\\ud800"', b'""', b"[]", b"{}",
    b'"a"', b"[[]]", b'{"":0}', b"9" * 30, b"9" * 5000, b"[" * 2000, b'{"a":' * 2000, b"1000000", b"4294967296", b'"\\u001b[2J"', b"\n",
)  # fmt: skip


def change(data: bytes, others: list[bytes], r: random.Random) -> bytes:
    """`data` with one to four random changes; parts may come from `others`."""
    if data[:2] == b"\x1f\x8b" and r.random() < 0.8:
        return gzip.compress(change_tar(_unpacked(data), [_unpacked(other) for other in others], r), 1, mtime=0)
    if data[:4] == b"PK\3\4" and r.random() < 0.7 and (members := _members(data)):
        return _zipped(members, r)
    for _ in range(r.randint(1, 4)):
        data = r.choice(CHANGES)(data, others, r)
    return data[:LARGEST]


def _members(data: bytes) -> dict[str, bytes]:
    """The files inside a zip archive, as far as it can be read; those of a hostile one are not unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as zipped:
            return {info.filename: zipped.read(info) for info in zipped.infolist() if info.file_size < LARGEST}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, ValueError, EOFError):
        return {}


def _zipped(members: dict[str, bytes], r: random.Random) -> bytes:
    """A zip archive of these files, one of which, the first (the pickle in PyTorch's) half of the time, is changed."""
    changed = next(iter(members)) if r.random() < 0.5 else r.choice(list(members))
    members[changed] = change(members[changed], list(members.values()), r)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", r.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as zipped:
        for name, content in members.items():
            zipped.writestr(zipfile.ZipInfo(name), content, zipped.compression)
    return file.getvalue()


def change_tar(data: bytes, others: list[bytes], r: random.Random) -> bytes:
    """Changes that keep the checksum of a tar archive's first header right, if it is one."""
    is_tar = data[257:262] == b"ustar"
    data = change(data, others, r)
    if is_tar and len(data) > 512 and r.random() < 0.8:
        total = sum(data[:148]) + 8 * ord(" ") + sum(data[156:512])
        data = data[:148] + b"%06o\0 " % total + data[156:]
    return data


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
    """Another token in a text: one of ODD, or one from elsewhere in it."""
    tokens = list(TOKEN.finditer(data, 0, 4096))
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


def _part(data, others, r, depth=0):
    """A change of a part of a message of Protocol Buffers, or of a part of that; the lengths around it stay right."""
    parts = list(_parts(data))
    if not parts:
        return _byte(data, others, r)
    start, inner, end = r.choice(parts)
    key, content, action = data[start:inner], data[inner:end], r.random()
    if action < 0.1:
        return data[:start] + data[end:] + (data[start:end] if action < 0.05 else b"")
    changes = (_number, _byte, _byte, _insert, _delete, _truncate, _repeat)
    content = r.choice(changes)(content, others, r) if depth == 4 or action < 0.4 else _part(content, others, r, depth + 1)
    tag = key[: next(i for i, byte in enumerate(key) if byte < 128) + 1]
    return data[:start] + tag + _varint(len(content)) + content + data[end:]


def _parts(data):
    """(start, content, end) of the fields with a length, as far as the bytes are a message."""
    at = 0
    while at < len(data):
        start = at
        key, at = _number_at(data, at)
        kind = key & 7
        value, at = _number_at(data, at) if kind in (0, 2) else ({1: 8, 5: 4}.get(kind, len(data)), at)
        inner, at = at, at + (value if kind != 0 else 0)
        if at > len(data):
            return
        if kind == 2:
            yield start, inner, at


def _number_at(data, at):
    """(number, the position behind it): a varint."""
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
