"""Atomic writes of files, and locks between processes."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A binary file to write to, in a with-block; it replaces `path` when the block ends without an error, else `path` is unchanged.

    The data is synced to disk before the rename, so after a crash `path` is either the old file or the new one, complete."""
    path = Path(path)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    _sync_folder(path.parent)


def remove_stale(folder: str | os.PathLike[str], name: str = "*") -> None:
    """Removes the temporary files in `folder` that interrupted writes of `name` have left."""
    for path in Path(folder).glob(f".{name}.*.tmp"):
        path.unlink(missing_ok=True)


@contextmanager
def locked(path: str | os.PathLike[str]) -> Iterator[bool]:
    """Within a with-block, no other process has the lock `path`, a file that this makes and removes; False if one has it already.

    A process's locks end when it ends, even if it is killed. Where the system has no such locks (Windows), every process gets it."""
    with open(path, "w") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            Path(path).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Syncs a rename in `folder` to disk, where the system lets folders be opened."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
