"""Public weights: found in their folder, downloaded on request, checked by what public sources state of their sums."""

import hashlib
import re

import pytest

from minigoog.data import download, pretrained
from minigoog.data.families import FAMILIES
from minigoog.data.pretrained import WEIGHTS, Weights

from .test_download import CONTENT, server, url  # noqa: F401  a server on the loopback address


@pytest.mark.parametrize("name", WEIGHTS)
def test_each_entry_is_complete(name):
    weights = WEIGHTS[name]
    kind, _, digits = weights.digest.partition(":")
    assert weights.family in FAMILIES and weights.url.startswith("http") and re.fullmatch("[0-9a-f]+", digits)
    if weights.url.startswith(pretrained.TORCHVISION):  # the name has the first digits of the sum
        assert kind == "sha256" and weights.file.endswith(f"-{digits}.pth")
    else:
        assert len(digits) == 2 * hashlib.new(kind).digest_size


def test_a_missing_file_is_an_error_that_says_how_to_have_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGOOG_DATA", str(tmp_path))
    path = tmp_path / "weights" / "bvlc_googlenet.caffemodel"
    there = "or put http://dl.caffe.berkeleyvision.org/bvlc_googlenet.caffemodel there"
    with pytest.raises(FileNotFoundError, match=re.escape(f"{path}: no such file; --download (download=True) downloads it, {there}")):
        pretrained.find("googlenet-caffe")
    path.parent.mkdir()
    path.write_bytes(b"put there by hand")
    assert pretrained.find("googlenet-caffe") == path
    with pytest.raises(ValueError, match="`name` is 'vgg-nothing', expected one of googlenet-torchvision, "):
        pretrained.find("vgg-nothing")


def test_weights_are_downloaded_once_and_checked(server, tmp_path, monkeypatch):  # noqa: F811
    digest = "sha256:" + hashlib.sha256(CONTENT).hexdigest()[:8]
    monkeypatch.setitem(WEIGHTS, "own", Weights(url(server, "/own.onnx"), digest, 0.7, "caffe"))
    path = pretrained.find("own", download=True, data_dir=tmp_path)
    assert path == tmp_path / "weights" / "own.onnx" and path.read_bytes() == CONTENT
    assert pretrained.find("own", download=True, data_dir=tmp_path) == path and len(server.requests) == 1
    assert pretrained.known(path) is WEIGHTS["own"] and pretrained.known(tmp_path / "other.onnx") is None
    path.unlink()
    monkeypatch.setitem(WEIGHTS, "own", WEIGHTS["own"]._replace(digest="sha256:00000000"))
    with pytest.raises(ValueError, match=r"/own\.onnx: has the SHA-256 sum \w+, expected 00000000; the file was deleted"):
        pretrained.find("own", download=True, data_dir=tmp_path)
    assert not path.exists()


def test_a_download_that_breaks_goes_on_later(server, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setitem(WEIGHTS, "own", Weights(url(server, "/own.onnx"), "sha1:" + hashlib.sha1(CONTENT).hexdigest(), None, "caffe"))
    monkeypatch.setattr(download, "TRIES", 1)
    server.failures = 1
    with pytest.raises(OSError, match="the next attempt resumes"):
        pretrained.find("own", download=True, data_dir=tmp_path)
    server.failures = 0
    assert pretrained.find("own", download=True, data_dir=tmp_path).read_bytes() == CONTENT
    assert server.requests == [None, "bytes=200000-"]
