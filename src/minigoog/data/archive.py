"""Files in a .tar or .tar.gz archive, read as they come: their names and sizes are looked at before their bytes, and nothing is unpacked.

A tar archive is a header of 512 bytes for each file, then its bytes, padded to a multiple of 512. (POSIX.1-2001, pax)"""

import re
from collections.abc import Collection
from pathlib import Path
from typing import IO

from ..reading import MOST_UNPACKED, open_regular, reading, unpacked, up_to

HEADER = 512
MOST_MEMBERS = 1000
LONGEST_NAME = 1 << 16  # bytes of an entry that holds the name of the next file
NAMES = {b"L": re.compile(rb"([^\0]+)"), b"x": re.compile(rb"\d+ path=([^\n]+)\n")}  # GNU's long names, and those of pax


def members(archive: Path, wanted: Collection[str], largest: int, advice: str) -> dict[str, bytes]:
    """{name without folders: bytes} of the files in `archive` that are among `wanted`, each of at most `largest` bytes.

    DamagedFile, with `advice`, if the archive is not valid, or would become more than MOST_UNPACKED bytes."""
    with reading(archive, "not a valid .tar.gz archive", advice), open_regular(archive) as file:
        return _members(unpacked(file), wanted, largest)


def _members(tar: IO[bytes], wanted: Collection[str], largest: int) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    size = count = 0
    long_name = b""
    while header := _header(tar):
        kind, n = header[156:157], _number(header[124:136])
        name = (long_name or header[:100].split(b"\0")[0]).rsplit(b"/", 1)[-1].decode("utf-8", "replace")
        size, count = size + HEADER + n, count + 1
        if size > MOST_UNPACKED or count > MOST_MEMBERS:
            found_so_far = f"{size} bytes in {count} files, unpacked up to `{name[:80]}`"
            raise ValueError(f"it has {found_so_far}, expected at most {MOST_UNPACKED} bytes and {MOST_MEMBERS} files")
        long_name = _long_name(tar, kind, n) if kind in NAMES else b""
        if kind in (b"\0", b"0") and name in wanted:
            if n > largest:
                raise ValueError(f"`{name}` has {n} bytes, expected at most {largest}")
            found[name] = _exactly(tar, n)
        elif kind not in NAMES:
            _skip(tar, n)
        _skip(tar, -n % HEADER)
    if not count:
        raise ValueError("it is empty")
    return found


def _header(tar: IO[bytes]) -> bytes:
    """The next header; nothing at the end of the archive, which is a header of zeros."""
    header = up_to(tar, HEADER)
    if not any(header):
        return b""
    if len(header) < HEADER:
        raise ValueError("it ends too early")
    # the checksum counts its own eight bytes as spaces
    if sum(header) - sum(header[148:156]) + 8 * ord(" ") != _number(header[148:156]):
        raise ValueError("the checksum of a header is wrong")
    return header


def _number(field: bytes) -> int:
    """A number in a header: octal digits, or, after a byte of 0x80, binary."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.split(b"\0")[0].strip()
    if digits and not re.fullmatch(rb"[0-7]+", digits):
        raise ValueError(f"a header has the number {digits!r}")
    return int(digits or b"0", 8)


def _long_name(tar: IO[bytes], kind: bytes, n: int) -> bytes:
    """The name of the next file, if this entry of `n` bytes has it."""
    if n > LONGEST_NAME:
        raise ValueError(f"a name of {n} bytes, expected at most {LONGEST_NAME}")
    match = NAMES[kind].search(_exactly(tar, n))
    return match[1] if match else b""


def _exactly(tar: IO[bytes], n: int) -> bytes:
    data = up_to(tar, n)
    if len(data) != n:
        raise ValueError("it ends too early")
    return data


def _skip(tar: IO[bytes], n: int) -> None:
    while n:
        block = tar.read(min(n, HEADER * HEADER))
        if not block:
            raise ValueError("it ends too early")
        n -= len(block)
