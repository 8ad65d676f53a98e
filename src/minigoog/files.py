"""Atomic writes of files, checks that they will be possible, and locks between processes."""

import errno
import os
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NoReturn

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP)  # what file systems without locks answer
LONGEST = 200  # bytes of a file's name in that of its temporary file; file systems allow 255 in all
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


@contextmanager
def atomic_write(path: str | os.PathLike[str], sync: bool = True) -> Iterator[BinaryIO]:
    """A binary file to write to, in a with-block; it replaces `path` when the block ends without an error, else `path` is unchanged.

    The data is synced to disk before the rename, so after a crash `path` is either the old file or the new one, complete; without
    `sync` that holds for a process that is killed, but not for a machine that fails. A symbolic
    link stays, and its target is replaced. An existing file keeps its permissions and owner; other names of it (hard links) keep the
    old content. What is not a regular file, such as a device, a pipe or /dev/stdout, is written to directly. OSError, naming `path`,
    for a folder, a read-only file, or a folder that does not exist or cannot be written to."""
    target, there = _target(path)
    with _replaced(os.fspath(path), target, there, sync) if _is_regular(path, there) else _opened(os.fspath(path)) as file:
        yield file


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raises the OSError that `atomic_write` would raise, and leaves no trace: called before long work whose result goes to `path`."""
    target, there = _target(path)
    if _is_regular(path, there):
        descriptor, temporary = _temporary(os.fspath(path), target, there)
        os.close(descriptor)
        os.unlink(temporary)
    elif not os.access(path, os.W_OK):
        _refuse(errno.EACCES, os.fspath(path))


def check_output_name(name: str) -> None:
    """Raises OSError for "-": elsewhere it means standard output, but there stands what a program says."""
    if name == "-":
        _refuse(errno.EINVAL, name, "not standard output, which is /dev/stdout; ./- is a file of this name")


def check_unread(outputs: Iterable[str | os.PathLike[str]], read: Iterable[str | os.PathLike[str]]) -> None:
    """Raises OSError, naming it, if a file that is to be written is one of those that are read, also by another name: it would be lost."""
    there: dict[object, str] = {place: os.fspath(output) for output in outputs if (place := _place(output))}
    for file in read if there else ():
        if output := there.get(_place(file)):
            _refuse(errno.EEXIST, output, "is read, so it is not written over; choose another name")


def check_folder(path: str | os.PathLike[str]) -> None:
    """Raises OSError, naming `path`, unless files can be written to this folder, or it can be made; leaves no trace."""
    if not os.fspath(path):
        _refuse(errno.ENOENT, "''")
    folder = Path(os.path.abspath(path))
    while not os.path.lexists(folder):
        folder = folder.parent
    if not folder.is_dir():
        _refuse(errno.ENOTDIR, os.fspath(path))
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        _refuse(error.errno or errno.EACCES, os.fspath(path))


def error_text(error: BaseException) -> str:
    """What an exception says; of a file that the system refused, "FILE: reason" instead of "[Errno 2] reason: 'FILE'"."""
    if isinstance(error, MemoryError):
        return f"out of memory: {error}" if error.args else "out of memory"
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror[0].lower()}{error.strerror[1:]}"
    return str(error)


def remove_stale(folder: str | os.PathLike[str], name: str = "*") -> None:
    """Removes the temporary files in `folder` that interrupted writes of `name` have left."""
    for path in Path(folder).glob(f".{name}.*.tmp"):
        if not path.is_dir():
            path.unlink(missing_ok=True)


# ---- where to write ----


def _place(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """What tells a regular file apart from all others; None if there is none."""
    try:
        there = os.stat(path)
    except (OSError, ValueError):  # ValueError: a null character
        return None
    return (there.st_dev, there.st_ino) if stat.S_ISREG(there.st_mode) else None


def _target(path: str | os.PathLike[str]) -> tuple[Path, os.stat_result | None]:
    """The file that `path` means, through symbolic links, and what stands there, None for nothing; OSError for a folder."""
    name = os.fspath(path)
    try:
        there = os.stat(name)
    except FileNotFoundError:
        there = None
    if not name:
        _refuse(errno.ENOENT, "''")
    if name.endswith(os.sep) or (there and stat.S_ISDIR(there.st_mode)):
        _refuse(errno.EISDIR, name)
    return Path(os.path.realpath(name)), there


def _is_regular(path: str | os.PathLike[str], there: os.stat_result | None) -> bool:
    """Whether a rename may put a file there: a regular file, or nothing. /dev/stdout is none, even if a file is behind it."""
    return _descriptor(os.fspath(path)) is None and (there is None or stat.S_ISREG(there.st_mode))


def _descriptor(name: str) -> int | None:
    """The number of the open file of this process for which a name such as /dev/stdout or /dev/fd/3 stands; None for other names."""
    open_files = {os.path.realpath(folder) for folder in ("/dev/fd", "/proc/self/fd")}
    while True:
        folder, last = os.path.split(os.path.abspath(name))
        if os.path.realpath(folder) in open_files and last.isdecimal():
            return int(last)
        if not os.path.islink(name):
            return None
        name = os.path.join(folder, os.readlink(name))


def _refuse(number: int, name: str, why: str = "") -> NoReturn:
    """Raises the OSError of this errno, naming the file."""
    raise OSError(number, why or os.strerror(number), name)


# ---- writing ----


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    """What is not a regular file, opened for writing; an open file of this process is shared, so that nothing in it is overwritten."""
    number = _descriptor(name)
    if number is not None and sys.stdout is not None:
        sys.stdout.flush()  # what was printed before comes first
    try:
        with open(name if number is None else os.dup(number), "wb") as file:
            yield file
    except OSError as error:
        _name(error, name)
        raise


@contextmanager
def _replaced(name: str, target: Path, there: os.stat_result | None, sync: bool) -> Iterator[BinaryIO]:
    """A temporary file that replaces `target` when the with-block ends without an error."""
    descriptor, temporary = _temporary(name, target, there)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        if there:
            _set_mode(temporary, there)
        os.replace(temporary, target)
    except BaseException as error:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        _name(error, name, temporary)
        raise
    if sync:
        _sync_folder(target.parent)


def _name(error: BaseException, name: str, temporary: str | None = None) -> None:
    """Raises an error of the system that has no name, or that of the temporary file, again with that of the file."""
    if isinstance(error, OSError) and error.errno is not None and error.filename in (None, temporary):
        raise OSError(error.errno, error.strerror, name) from None


def _temporary(name: str, target: Path, there: os.stat_result | None) -> tuple[int, str]:
    """(descriptor, path) of a new file beside `target`; OSError, naming `name`, if that fails or `target` is read-only."""
    if there and not os.access(target, os.W_OK):
        _refuse(errno.EACCES, name)
    start = os.fsdecode(os.fsencode(target.name)[:LONGEST])
    path = os.fspath(target.with_name(f".{start}.{os.urandom(8).hex()}.tmp"))
    try:
        # the system applies the umask to the mode of a new file; one that replaces another gets that one's mode when it is complete
        return os.open(path, NEW, 0o600 if there else 0o666), path
    except FileNotFoundError:
        there_is = "no files can be made in" if target.parent.is_dir() else "there is no folder"
        _refuse(errno.ENOENT, name, f"{there_is} {target.parent}")
    except OSError as error:
        _refuse(error.errno or errno.EACCES, name, error.strerror or "")


def _set_mode(temporary: str, there: os.stat_result) -> None:
    """Gives a new file the permissions and the owner of the one that it replaces."""
    with suppress(OSError):  # only root may give files away
        os.chown(temporary, there.st_uid, there.st_gid)
    os.chmod(temporary, stat.S_IMODE(there.st_mode))


def _sync_folder(folder: Path) -> None:
    """Syncs a rename in `folder` to disk, where the system lets folders be opened."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# ---- locks ----


@contextmanager
def locked(path: str | os.PathLike[str]) -> Iterator[bool]:
    """Within a with-block, no other process has the lock `path`, a file that this makes and removes; False if one has it already.

    A process's locks end when it ends, even if it is killed. Where the system has no such locks (Windows, some network file systems),
    every process gets it."""
    while True:
        with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "rb") as file:
            if not _lock(file):
                yield False
                return
            if not _is_at(file, path):  # its last owner has removed it meanwhile: another process may lock a new one
                continue
            try:
                yield True
            finally:
                Path(path).unlink(missing_ok=True)
            return


def _lock(file: BinaryIO) -> bool:
    """Whether this process got the lock."""
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, BlockingIOError) as error:
        return isinstance(error, ImportError)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return True


def _is_at(file: BinaryIO, path: str | os.PathLike[str]) -> bool:
    """Whether the open file is the one at `path`."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
