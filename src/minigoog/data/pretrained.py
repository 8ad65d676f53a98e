"""Public weights of known networks: where they are, what they are, and how their photographs are prepared. Downloaded on request only.

`find("googlenet-caffe", download=True)` is the path of a file that `minigoog.load` opens. Each sum is one that a public source states:
torchvision writes the first digits of the SHA-256 into a file's name (docs of torch.hub.load_state_dict_from_url: `check_hash`), Caffe's
readme of a model has its SHA-1, and the ONNX model zoo its SHA-256 (ONNX_HUB_MANIFEST.json)."""

import os
from pathlib import Path
from typing import NamedTuple

from ..checks import check_choice
from ..text import printable
from . import download as downloads

TORCHVISION = "https://download.pytorch.org/models/"
CAFFE = "http://dl.caffe.berkeleyvision.org/"
ZOO = "https://github.com/onnx/models/raw/main/validated/vision/classification/"
FOLDER = "weights"  # in the folder of the data sets


class Weights(NamedTuple):
    """A file of weights: its address, its sum (of which the beginning may be all that is known), its size where a source states it, and
    the family of its photographs (`families.FAMILIES`). All know the 1,000 classes of ImageNet, in the order of synset_words.txt."""

    url: str
    digest: str
    megabytes: float | None
    family: str

    @property
    def file(self) -> str:
        """The name of the file."""
        return self.url.rpartition("/")[2]


WEIGHTS: dict[str, Weights] = {
    # torchvision 0.28: models/googlenet.py, GoogLeNet_Weights
    "googlenet-torchvision": Weights(f"{TORCHVISION}googlenet-1378be20.pth", "sha256:1378be20", 52.1, "torchvision-googlenet"),
    # BVLC/caffe: models/bvlc_googlenet/readme.md and models/bvlc_alexnet/readme.md
    "googlenet-caffe": Weights(f"{CAFFE}bvlc_googlenet.caffemodel", "sha1:405fc5acd08a3bb12de8ee5e23a96bec22f08204", None, "caffe"),
    "alexnet-caffe": Weights(f"{CAFFE}bvlc_alexnet.caffemodel", "sha1:9116a64c0fbe4459d18f4bb6b56d647b63920377", None, "caffe"),
    # onnx/models: ONNX_HUB_MANIFEST.json
    "googlenet-onnx": Weights(
        f"{ZOO}inception_and_googlenet/googlenet/model/googlenet-12.onnx",
        "sha256:c99c507058eaf41de8723408fdda7db8325cb57f0a89f2ee07a716d6e963e14e", 28.0, "caffe",
    ),
    "squeezenet-onnx": Weights(
        f"{ZOO}squeezenet/model/squeezenet1.0-12.onnx",
        "sha256:dec81a8684617770b3cf13fadc1d92565d1d453d23935fc6388b792d99c992bd", 5.0, "caffe",
    ),
    "mobilenet_v2-onnx": Weights(
        f"{ZOO}mobilenet/model/mobilenetv2-12.onnx",
        "sha256:c0c3f76d93fa3fd6580652a45618618a220fced18babf65774ed169de0432ad5", 14.0, "torchvision",
    ),
    "shufflenet_v2-onnx": Weights(
        f"{ZOO}shufflenet/model/shufflenet-v2-12.onnx",
        "sha256:ea69821b4dd374ae2f33f9710dd1229ac263d0ee5b5a46ca3521f6483e1ba035", 9.2, "torchvision",
    ),
    "resnet18-onnx": Weights(
        f"{ZOO}resnet/model/resnet18-v1-7.onnx",
        "sha256:4e8f8653e7a2222b3904cc3fe8e304cd8b339ce1d05fd24688162f86fb6df52c", 46.8, "torchvision",
    ),
}  # fmt: skip


def folder(data_dir: str | Path | None = None) -> Path:
    """Where weights lie: `weights` in `data_dir`, which is MINIGOOG_DATA or else ~/.cache/minigoog by default."""
    return Path(data_dir or os.environ.get("MINIGOOG_DATA") or "~/.cache/minigoog").expanduser() / FOLDER


def find(name: str, download: bool = False, data_dir: str | Path | None = None) -> Path:
    """The path of the file of WEIGHTS[name], downloaded and checked if it is missing and `download`.

    FileNotFoundError that says where it can be had, and where to put it by hand, if it is missing."""
    weights = WEIGHTS[check_choice("pretrained.find", "name", name, tuple(WEIGHTS))]
    path = folder(data_dir) / weights.file
    if path.exists():
        return path
    if not download:
        size = f" ({weights.megabytes:.0f} MB)" if weights.megabytes else ""
        by_hand = f"or put {weights.url}{size} there"
        raise FileNotFoundError(f"{printable(path)}: no such file; --download (download=True) downloads it, {by_hand}")
    path.parent.mkdir(parents=True, exist_ok=True)
    downloads.get(weights.url, path, weights.digest)
    return path


def known(path: Path) -> Weights | None:
    """The Weights whose file has this name, wherever it lies; None if there are none."""
    return next((weights for weights in WEIGHTS.values() if weights.file == path.name), None)
