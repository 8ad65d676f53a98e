"""Downloads on request of standard data sets and weights: retried, resumed, checked by their sums, and never left incomplete."""

import hashlib
import os
import sys
import time
from pathlib import Path
from typing import BinaryIO, NamedTuple

TRIES, PAUSE = 4, 2.0  # attempts, and seconds before the second; the pause doubles each time
BLOCK = 1 << 18  # bytes
TIMEOUT = 30  # seconds without a byte
SUMS = {"md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256"}


class Source(NamedTuple):
    """The URL of the folder that holds a file, and the MD5 sum of the file, "md5:" before it."""

    url: str
    digest: str


MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
CIFAR = "https://www.cs.toronto.edu/~kriz/"
SOURCES = {
    ("mnist", "train-images-idx3-ubyte.gz"): Source(MNIST, "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873"),
    ("mnist", "train-labels-idx1-ubyte.gz"): Source(MNIST, "md5:d53e105ee54ea40749a09fcbcd1e9432"),
    ("mnist", "t10k-images-idx3-ubyte.gz"): Source(MNIST, "md5:9fb629c4189551a2d022fa330f9573f3"),
    ("mnist", "t10k-labels-idx1-ubyte.gz"): Source(MNIST, "md5:ec29112dd5afa0611ce80d1b7f02629c"),
    ("fashion-mnist", "train-images-idx3-ubyte.gz"): Source(FASHION, "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
    ("fashion-mnist", "train-labels-idx1-ubyte.gz"): Source(FASHION, "md5:25c81989df183df01b3e8a0aad5dffbe"),
    ("fashion-mnist", "t10k-images-idx3-ubyte.gz"): Source(FASHION, "md5:bef4ecab320f06d8554ea6380940ec79"),
    ("fashion-mnist", "t10k-labels-idx1-ubyte.gz"): Source(FASHION, "md5:bb300cfdad3c16e7a12a480ee83cd310"),
    ("cifar10", "cifar-10-binary.tar.gz"): Source(CIFAR, "md5:c32a1d4ab5d03f1284b67883e8d87530"),
    ("cifar100", "cifar-100-binary.tar.gz"): Source(CIFAR, "md5:03b5dce01913d631647c71ecec9e9cb8"),
}


def fetch(name: str, file: str, where: Path, download: bool) -> Path:
    """The path of `file` of the data set `name` in where/name, downloaded if `download`; FileNotFoundError with advice if it is missing."""
    path = where / name / file
    if path.exists():
        return path
    if not download:
        raise FileNotFoundError(f"{path}: no such file; --download (download=True) downloads it, --data-dir (data_dir=) sets its folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    source = SOURCES[name, file]
    get(source.url + file, path, source.digest)
    return path


def get(url: str, path: Path, digest: str) -> None:
    """Downloads `url` to `path` if `digest` is its sum, such as "md5:68b3c2..." (md5, sha1 or sha256, or how that begins); resumes from
    what an earlier attempt left in `path`.part."""
    import http.client  # these and ssl, which they load, are slow to import: only a download does
    import urllib.error

    part = path.with_name(path.name + ".part")
    for attempt in range(1, TRIES + 1):
        try:
            _append(url, part)
            break
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            gone = isinstance(error, urllib.error.HTTPError) and error.code in (401, 403, 404, 410)
            if gone or attempt == TRIES:
                more = "; the next attempt resumes from what was received" if part.exists() and part.stat().st_size else ""
                raise OSError(f"{url}: download failed ({_reason(error)}){more}") from None
            time.sleep(PAUSE * 2 ** (attempt - 1))
    if wrong := mismatch(part, digest):
        part.unlink()
        raise ValueError(f"{url}: {wrong}; the file was deleted")
    with open(part, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(part, path)


def _reason(error: BaseException) -> str:
    """Why a download failed, without the words of urllib."""
    inner = getattr(error, "reason", error)
    return (getattr(inner, "strerror", None) or str(error)).lower() if isinstance(inner, OSError) else str(error)


def mismatch(path: Path, digest: str) -> str:
    """What is wrong with the sum of a file, "" if it begins with `digest`."""
    kind, _, expected = digest.partition(":")
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, kind).hexdigest()
    return "" if found.startswith(expected) else f"has the {SUMS[kind]} sum {found}, expected {expected}"


def _write(file: BinaryIO, block: bytes, part: Path) -> None:
    """Writes a block to the file `part`; OSError, naming it, if the disk is full."""
    try:
        file.write(block)
        file.flush()
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror} (what was received is kept, the next attempt resumes)", str(part)) from None


def _append(url: str, part: Path) -> None:
    """Appends the missing rest of the file at `url` to the file `part`."""
    import urllib.error
    import urllib.request

    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # range not satisfiable: `part` is complete
            return
        raise
    with response, open(part, "ab" if response.status == 206 else "wb") as file:
        have = have if response.status == 206 else 0
        total = have + int(response.headers.get("Content-Length") or 0)
        while block := response.read(BLOCK):
            _write(file, block, part)
            have += len(block)
            if sys.stderr.isatty():
                print(f"\r{part.stem}: {have / 1e6:.1f} of {total / 1e6:.1f} MB ", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if have < total:
        raise ConnectionError(f"received {have} of {total} bytes")
