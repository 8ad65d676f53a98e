"""The zip archive that torch.save writes: its members by name, which are stored, or (by other programs) deflated.

Checksums are not compared: PyTorch neither reads them nor always writes them (torch.serialization.set_crc32_options)."""

import struct
import zlib
from io import BufferedReader
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...reading import up_to
from ...text import short

MOST_MEMBERS = 1 << 17
LONGEST_DIRECTORY = 1 << 24  # bytes
MOST_GROWTH = 8  # a deflated file may become this many times as large
STORED, DEFLATED = 0, 8
END, END_64, LOCATOR_64, ENTRY, LOCAL = b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\1\2", b"PK\3\4"
END_SIZE, LOCATOR_SIZE, LONGEST_COMMENT = 22, 20, 1 << 16
DAMAGED = "a damaged zip archive"


class Member(NamedTuple):
    """A file in the archive."""

    method: int
    packed: int  # bytes in the archive
    size: int
    at: int  # of its local header


class Archive:
    """An open zip archive of `size` bytes. ValueError for one that is damaged, or whose members are more than the file could hold."""

    def __init__(self, file: BufferedReader, size: int) -> None:
        self.file, self.size = file, size
        self.left = {STORED: size, DEFLATED: size * MOST_GROWTH + (1 << 20)}  # bytes that may still be read
        self.members = dict(self._entries(*self._directory()))

    def read(self, name: str) -> NDArray[np.uint8]:
        """The bytes of a member."""
        if name not in self.members:
            raise ValueError(f"it has no {short(name)}")
        member = self.members[name]
        if member.method not in self.left or (member.method == STORED and member.packed != member.size):
            raise ValueError(f"{short(name)} is compressed by method {member.method}, expected none or deflate")
        self.left[member.method] -= member.size
        if self.left[member.method] < 0:
            raise ValueError(f"{DAMAGED} (its members are larger than the file)")
        self._seek(member, name)
        return self._inflated(member, name) if member.method == DEFLATED else self._plain(member, name)

    def _seek(self, member: Member, name: str) -> None:
        """Moves to the member's bytes."""
        self.file.seek(member.at)
        header = self.file.read(30)
        if len(header) < 30 or header[:4] != LOCAL:
            raise ValueError(f"{DAMAGED} ({short(name)} is not where it should be)")
        start = member.at + 30 + sum(struct.unpack_from("<HH", header, 26))
        if start + member.packed > self.size:
            raise ValueError(f"{DAMAGED} ({short(name)} ends behind the end of the file)")
        self.file.seek(start)

    def _plain(self, member: Member, name: str) -> NDArray[np.uint8]:
        data = np.empty(member.size, np.uint8)
        if self.file.readinto(data.data) != member.size:
            raise ValueError(f"{DAMAGED} ({short(name)} ends too early)")
        return data

    def _inflated(self, member: Member, name: str) -> NDArray[np.uint8]:
        data = zlib.decompressobj(-15).decompress(up_to(self.file, member.packed), member.size + 1)
        if len(data) != member.size:
            raise ValueError(f"{DAMAGED} ({short(name)} does not unpack to its {member.size} bytes)")
        return np.frombuffer(data, np.uint8)

    def _directory(self) -> tuple[int, int, int]:
        """(members, bytes, position) of the directory, from the end of the file."""
        tail_at = max(0, self.size - END_SIZE - LONGEST_COMMENT - LOCATOR_SIZE)
        self.file.seek(tail_at)
        tail = self.file.read(self.size - tail_at)
        end = tail.rfind(END)
        if end < 0 or len(tail) - end < END_SIZE:
            raise ValueError(f"{DAMAGED} (it has no directory: is the file complete?)")
        count, length, at = struct.unpack_from("<HII", tail, end + 10)
        locator = tail[max(0, end - LOCATOR_SIZE) : end]
        if locator[:4] == LOCATOR_64:  # for archives of more than 4 GB or 65,535 members
            self.file.seek(min(struct.unpack_from("<Q", locator, 8)[0], self.size))
            record = self.file.read(56)
            if len(record) < 56 or record[:4] != END_64:
                raise ValueError(f"{DAMAGED} (its directory is not where it should be)")
            count, length, at = struct.unpack_from("<QQQ", record, 32)
        return count, length, at

    def _entries(self, count: int, length: int, at: int) -> list[tuple[str, Member]]:
        if count > MOST_MEMBERS or length > LONGEST_DIRECTORY or at + length > self.size:
            raise ValueError(f"{DAMAGED} (a directory of {count} members and {length} bytes)")
        self.file.seek(at)
        data, entries, start = self.file.read(length), [], 0
        for _ in range(count):
            name, member, start = _entry(data, start)
            entries.append((name, member))
        if len(dict(entries)) != count:
            raise ValueError(f"{DAMAGED} (a name repeats)")
        return entries


def _entry(data: bytes, start: int) -> tuple[str, Member, int]:
    """(name, member, start of the next) of the entry that starts here."""
    if data[start : start + 4] != ENTRY or len(data) < start + 46:
        raise ValueError(f"{DAMAGED} (its directory)")
    method, _, _, packed, size, *lengths = struct.unpack_from("<HIIIIHHH", data, start + 10)
    at = struct.unpack_from("<I", data, start + 42)[0]
    name_at, extra_at = start + 46, start + 46 + lengths[0]
    numbers = {"size": size, "packed": packed, "at": at}
    _widen(numbers, data[extra_at : extra_at + lengths[1]])
    return data[name_at:extra_at].decode(errors="replace"), Member(method, **numbers), extra_at + lengths[1] + lengths[2]


def _widen(numbers: dict[str, int], extra: bytes) -> None:
    """Replaces the numbers that 32 bits cannot hold by those of the zip64 field, in its order."""
    while len(extra) >= 4:
        tag, length = struct.unpack_from("<HH", extra)
        if tag == 1:
            wide = [name for name, n in numbers.items() if n == 0xFFFFFFFF]
            numbers |= dict(zip(wide, struct.unpack_from(f"<{length // 8}Q", extra, 4), strict=False))
        extra = extra[4 + length :]
