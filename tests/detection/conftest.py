"""The photographs of blood cells, where they are; and a small detector, trained once."""

import os
import tarfile
from importlib.util import find_spec
from pathlib import Path

import pytest

import minigoog as mg
from minigoog.detection import open_detection
from minigoog.detection.rcnn.settings import Settings
from minigoog.detection.rcnn.training import DETECTOR, train
from tests.detection import shapes
from tests.inspection.page.conftest import driver  # noqa: F401  a browser

MULTIBOX = 5 if find_spec("scipy") else 0  # its boxes, which need the extra `detection`
SMALL = Settings(size=32, frozen="inception3b", strategy="single", width=128, most=40, negatives=20, positives=2, steps=2, models=2,
                 head_rate=0.001, svm=False, multibox=MULTIBOX, whole=64, multibox_steps=3)



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


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """(the data set, its network, the folder of a trained detector)."""
    folder = tmp_path_factory.mktemp("world")
    shapes.voc(folder / "voc")
    model = mg.load(shapes.weights(folder / "weights.safetensors"))
    dataset = open_detection(folder / "voc", "train")
    said = list(train(model, dataset, SMALL, folder / "run"))
    assert said[-1].endswith(f"{DETECTOR}: written") and any(line.startswith("member 2: step 2 of 2, loss ") for line in said)
    return dataset, model, folder / "run"
