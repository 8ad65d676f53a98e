"""The photographs of blood cells, where they are."""

import os
import tarfile
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def bccd(tmp_path_factory):
    """The folder of BCCD: 364 photographs with boxes of three classes."""
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    archive = Path(os.environ.get("MINIGOOG_DATA", beside)) / "bccd.tar.gz"
    if not archive.exists():
        pytest.skip("no data set of blood cells here (bccd.tar.gz in MINIGOOG_DATA)")
    folder = tmp_path_factory.mktemp("bccd")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / "BCCD_Dataset" / "BCCD"
