"""Random changes of files: of bytes, of what they mean, and of what is inside gzip, tar and zip, with lengths and checksums set right."""

import gzip
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Mapping
from functools import lru_cache

from .changes import CHANGES, LARGEST
from .keeping import keeping


def change(data: bytes, others: list[bytes], r: random.Random) -> bytes:
    """`data` with one to four random changes; parts may come from `others`."""
    if data[:2] == b"\x1f\x8b" and r.random() < 0.8:
        return gzip.compress(change_tar(_unpacked(data), [_unpacked(other) for other in others], r), 1, mtime=0)
    if data[:4] == b"PK\3\4" and r.random() < 0.7 and (members := _members(data)):
        return _zipped(members, r)
    keep = keeping(data) if r.random() < 0.7 else None
    for _ in range(r.choice((1, 1, 2, 3) if keep else (1, 2, 3, 4))):
        data = (keep or r.choice(CHANGES))(data, others, r)
    return data[:LARGEST]


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
