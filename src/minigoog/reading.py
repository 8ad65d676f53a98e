"""Reading files that may be damaged or hostile: one error for whatever is wrong in them, and limits on what they may become in memory."""

import errno
import gzip
import json
import os
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from typing import IO, Any, TypeAlias, cast

from .text import printable, short, shortened

MOST_UNPACKED = 1 << 29  # bytes that a compressed file may become
LONGEST_JSON = 1 << 21  # bytes of a JSON text: Python's objects take up to 27 times as much memory
BLOCK = 1 << 20  # bytes read at a time where the length is not known
Hook: TypeAlias = Any  # json.loads calls it with the pairs of an object

CONTENT = (  # what parsers raise because of what they read; NameError, ImportError or AssertionError would be faults of this package
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, EOFError, struct.error, zlib.error,
)  # fmt: skip
STARTS = {  # the first bytes of files that are given in place of others
    b"\xff\xd8\xff": "a JPEG image", b"\x89PNG": "a PNG image", b"GIF8": "a GIF image", b"%PDF": "a PDF document", b"%!PS": "PostScript",
    b"PK\3\4": "a zip archive (.zip, .pth, .npz)", b"\x1f\x8b": "compressed by gzip",
    **{b"\x80" + bytes([protocol]): "a pickle (.pkl, .pth)" for protocol in range(2, 6)},
    b"\x93NUMPY": "an array of NumPy (.npy)", b"\x89HDF": "an HDF5 file (.h5)", b"minigoog plan\n": "a plan (mg.load_plan)",
}  # fmt: skip
KINDS = {  # of what is no regular file, by stat.S_IFMT of its mode
    stat.S_IFDIR: "a folder", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
}  # fmt: skip


class DamagedFile(ValueError):
    """A file does not contain what it should; the message names it, what is wrong, and what was expected."""


@contextmanager
def reading(file: object, wrong: str, advice: str = "") -> Iterator[None]:
    """Within a with-block that parses `file`, whatever its content makes Python raise becomes a DamagedFile: "FILE: WRONG (reason)".

    Errors of the system that name a file, such as FileNotFoundError, pass, and a MemoryError says which file was too large. The original
    error is the cause of the new one."""
    try:
        yield
    except DamagedFile:
        raise
    except MemoryError as error:
        raise MemoryError(f"{file}: {error}" if error.args else f"{file}") from error
    except (*CONTENT, OSError) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise
        raise DamagedFile(f"{printable(file)}: {wrong} ({reason(error)}){advice and '; '}{advice}") from error


@contextmanager
def in_file(file: object) -> Iterator[None]:
    """Within a with-block that checks a value of a file of settings, an error about it also says which file has it."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise ValueError(f"{error} (in {printable(file)})") from None


def reason(error: Exception) -> str:
    """What an error says about a file, in words and on one line."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return f"it is not {error.encoding} text"
    if isinstance(error, KeyError):
        return f"it has no {str(error)[:80]}"
    text = " ".join(str(error).split())
    return shortened(printable(text if isinstance(error, (ValueError, OSError)) else f"{type(error).__name__}: {text}"), 300)


def known_kind(start: bytes) -> str:
    """What a file with these first bytes is, such as "a JPEG image"; "" if it is nothing well known."""
    if not start:
        return "empty"
    known = next((kind for first, kind in STARTS.items() if start.startswith(first)), "")
    text = start.isascii() and all(chr(byte).isprintable() or byte in b"\t\r\n" for byte in start)
    return known or ("text" if text else "")


def oddity(path: str | os.PathLike[str]) -> str:
    """Why `path` is no regular file, which alone is opened: "a named pipe", "a link to nothing"; "" if it is one."""
    try:
        kind = stat.S_IFMT(os.stat(path).st_mode)
    except OSError as error:
        if os.path.islink(path):
            return "a link to itself" if error.errno == errno.ELOOP else "a link to nothing"
        raise
    return "" if kind == stat.S_IFREG else KINDS.get(kind, "something else")


def open_regular(path: str | os.PathLike[str]) -> BufferedReader:
    """The file `path`, opened; ValueError if it is no regular file: to open a named pipe would wait for ever."""
    if kind := oddity(path):
        raise ValueError(f"it is {kind}, expected a regular file")
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # it may have become a pipe since
    return os.fdopen(os.open(path, flags), "rb")


def json_value(text: str | bytes, kind: type, pairs: Hook = None, longest: int = LONGEST_JSON) -> Any:
    """The value of a JSON text, an instance of `kind` (dict: a JSON object); ValueError if it is anything else, or too long."""
    if len(text) > longest:
        raise ValueError(f"{len(text)} bytes of JSON, expected at most {longest}")
    value = json.loads(text if isinstance(text, str) else text.decode(), object_pairs_hook=pairs)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{short(value)}, expected {'an object' if kind is dict else 'a list' if kind is list else kind.__name__}")
    return value


def limited(file: IO[bytes], most: int) -> bytes:
    """The whole of a small file; ValueError if it has more than `most` bytes."""
    data = up_to(file, most + 1)
    if len(data) > most:
        raise ValueError(f"more than {most} bytes, expected at most that")
    return data


def up_to(file: IO[bytes], n: int) -> bytes:
    """The next `n` bytes of a file, or all that it has: memory follows what is there, not what is asked for."""
    blocks = []
    while n and (block := file.read(min(n, BLOCK))):
        blocks.append(block)
        n -= len(block)
    return blocks[0] if len(blocks) == 1 else b"".join(blocks)


def unpacked(file: IO[bytes]) -> IO[bytes]:
    """An open file, decompressed as it is read if its first bytes are those of gzip; it is the caller who limits how much."""
    start = file.read(2)
    file.seek(0)
    return cast(IO[bytes], gzip.GzipFile(fileobj=file, mode="rb")) if start == b"\x1f\x8b" else file
