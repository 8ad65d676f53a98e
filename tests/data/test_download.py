"""Downloads from a server on this machine: retried, resumed, checked, and never left incomplete."""

import errno
import hashlib
import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from minigoog.data import download

CONTENT = np.random.default_rng(0).bytes(700_000)
MD5 = hashlib.md5(CONTENT).hexdigest()
DIGEST = f"md5:{MD5}"


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT; the first `failures` answers break off in the middle."""

    def do_GET(self):
        self.server.requests.append(self.headers.get("Range"))
        if self.path == "/missing":
            return self.send_error(404)
        start = int(self.headers["Range"][6:-1]) if "Range" in self.headers and self.server.ranges else 0
        if start >= len(CONTENT):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.server.failures -= 1
        end = len(CONTENT) if self.server.failures < 0 else start + 200_000
        return self.wfile.write(CONTENT[start:end])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(download, "PAUSE", 0)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.requests, server.failures, server.ranges = [], 0, True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def url(server, path="/file"):
    return f"http://127.0.0.1:{server.server_port}{path}"


def test_a_file_is_downloaded_completely(server, tmp_path):
    download.get(url(server), tmp_path / "file", DIGEST)
    assert (tmp_path / "file").read_bytes() == CONTENT and [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_connection_that_breaks_is_tried_again_from_where_it_broke(server, tmp_path, ranges):
    server.failures, server.ranges = 2, ranges
    download.get(url(server), tmp_path / "file", DIGEST)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.requests == [None, "bytes=200000-", "bytes=400000-" if ranges else "bytes=200000-"]


def test_what_an_earlier_attempt_left_is_used(server, tmp_path, monkeypatch):
    server.failures = 99
    monkeypatch.setattr(download, "TRIES", 2)
    with pytest.raises(OSError, match="download failed .*; the next attempt resumes"):
        download.get(url(server), tmp_path / "file", DIGEST)
    assert not (tmp_path / "file").exists()
    server.failures = 0
    download.get(url(server), tmp_path / "file", DIGEST)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_without_a_connection_the_reason_is_said_in_plain_words(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "TRIES", 1)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}/file"
        with pytest.raises(OSError, match=r"/file: download failed \(connection refused\)$"):
            download.get(address, tmp_path / "file", DIGEST)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_is_named(server, tmp_path):
    (tmp_path / "file.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device .*the next attempt resumes") as caught:
        download.get(url(server), tmp_path / "file", DIGEST)
    assert caught.value.filename == str(tmp_path / "file.part") and caught.value.errno == errno.ENOSPC


def test_a_file_with_another_sum_is_not_kept(server, tmp_path):
    with pytest.raises(ValueError, match=f"has the MD5 sum {MD5}, expected 0000; the file was deleted"):
        download.get(url(server), tmp_path / "file", "md5:0000")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_there_is_not_asked_for_again(server, tmp_path):
    with pytest.raises(OSError, match="404"):
        download.get(url(server, "/missing"), tmp_path / "file", DIGEST)
    assert len(server.requests) == 1


def test_a_data_set_is_fetched_into_its_folder(server, tmp_path, monkeypatch):
    source = download.Source(url(server, "/"), DIGEST)
    monkeypatch.setitem(download.SOURCES, ("mnist", "train-images-idx3-ubyte.gz"), source)
    path = download.fetch("mnist", "train-images-idx3-ubyte.gz", tmp_path, True)
    assert path == tmp_path / "mnist" / "train-images-idx3-ubyte.gz" and path.read_bytes() == CONTENT
    server.shutdown()
    assert download.fetch("mnist", "train-images-idx3-ubyte.gz", tmp_path, False) == path


@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256"])
def test_a_sum_of_each_kind_is_compared_as_far_as_it_is_known(server, tmp_path, kind):
    whole = hashlib.new(kind, CONTENT).hexdigest()
    for digest in (f"{kind}:{whole}", f"{kind}:{whole[:8]}"):
        download.get(url(server), tmp_path / "file", digest)
        (tmp_path / "file").unlink()
    with pytest.raises(ValueError, match=f"has the {download.SUMS[kind]} sum {whole}, expected 00000000; the file was deleted"):
        download.get(url(server), tmp_path / "file", f"{kind}:00000000")
