"""Atomic writes of files, and locks between processes."""

import hashlib
import os
import signal
import subprocess
import sys

import pytest

from minigoog import files

WRITER = """
import hashlib, itertools, os, sys
from minigoog.files import atomic_write
print("ready", flush=True)
for i in itertools.count():
    body = os.urandom(200_000)
    with atomic_write(sys.argv[1]) as file:
        file.write(hashlib.sha256(body).digest() + body)
"""


def test_a_file_that_was_written_has_its_content_and_ordinary_permissions(tmp_path):
    path, ordinary = tmp_path / "file", tmp_path / "ordinary"
    ordinary.write_bytes(b"")
    with files.atomic_write(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new" and path.stat().st_mode == ordinary.stat().st_mode


def test_a_write_does_not_touch_the_umask_of_the_process(tmp_path, monkeypatch):
    """It belongs to all threads: one that reads it by setting it may restore what another has just set."""
    monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("the umask was set"))
    with files.atomic_write(tmp_path / "file") as file:
        file.write(b"new")


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, broken):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def no_space(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, broken, no_space)
    with pytest.raises(OSError, match="No space left"), files.atomic_write(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_an_exception_in_the_block_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), files.atomic_write(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_whenever_the_writer_is_killed_the_file_is_whole(tmp_path):
    path = tmp_path / "file"
    for attempt in range(5):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        process.stdout.readline()
        while not path.exists():
            pass
        for _ in range(attempt * 8000):  # a different moment each time
            pass
        process.send_signal(signal.SIGKILL)
        process.communicate()
        content = path.read_bytes()
        assert hashlib.sha256(content[32:]).digest() == content[:32]
    files.remove_stale(tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_sweeping_takes_what_killed_writes_left_and_nothing_else(tmp_path):
    for name in (".weights.abc.tmp", "weights", ".hidden", "notes.tmp"):
        (tmp_path / name).write_bytes(b"")
    files.remove_stale(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", "notes.tmp", "weights"]


HOLDER = """
import sys
from minigoog.files import locked
with locked(sys.argv[1]) as ours:
    print(ours, flush=True)
    sys.stdin.read()
"""


def test_a_lock_is_held_by_one_process_and_ends_with_it(tmp_path):
    pytest.importorskip("fcntl", reason="no file locks here: two processes at one lock were not tried")
    path = tmp_path / ".lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "True\n"
    with files.locked(path) as ours:
        assert not ours
    assert path.exists()
    holder.kill()
    holder.communicate()
    with files.locked(path) as ours:
        assert ours
    assert not path.exists()
