"""Tar archives: what is written by others is read, by name, and nothing else is."""

import io
import tarfile

import pytest

from minigoog.data import archive


def write(path, names, form, mode="w:gz"):
    with tarfile.open(path, mode, format=form) as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size, info.mtime = 1, 1.5 if form == tarfile.PAX_FORMAT else 1
            tar.addfile(info, io.BytesIO(name[-1].encode()))
    return path


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_wanted_files_are_read_from_archives_of_every_kind(tmp_path, form, mode):
    folder = "f" * 90 if form == tarfile.USTAR_FORMAT else "é" * 90 + "/" + "f" * 200  # too long for the header alone
    path = write(tmp_path / "a.tar", [f"{folder}/{name}" for name in ("a", "b", "c")], form, mode)
    found = archive.members(path, {"a", "c", "d"}, 1000, "")
    assert found == {"a": b"a", "c": b"c"}


def test_sizes_beyond_eight_gigabytes_are_understood():
    assert archive._number(b"\x80" + (2**40).to_bytes(11, "big")) == 2**40 and archive._number(b"00000000017\0") == 15


def test_folders_and_links_are_no_files(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for kind in (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE):
            info = tarfile.TarInfo("a")
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
    assert archive.members(tmp_path / "a.tar", {"a"}, 1000, "") == {}
