"""python -m tests.fuzz.make_corpus: writes the corpus, small valid files of every format. (Kept inputs are not touched.)"""

import gzip
import io
import json
import pickle
import tarfile
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minigoog as mg
from minigoog import importing
from minigoog.compile import saved as saved_plan
from minigoog.formats import graph_json, safetensors, saved_model
from minigoog.formats.graph import Graph, Node
from minigoog.sparsity.demonstrations import DEMONSTRATIONS
from minigoog.sparsity.runner.demonstration import Setting
from minigoog.train import Config
from minigoog.train.progress import Progress

from ..compile.narrow_networks import Narrow, images
from ..data.generated import idx_bytes, random_bytes
from ..detection import files as detection
from . import foreign_corpus
from .check import CORPUS
from .readers import ZEROS, trainer


def files() -> dict[str, dict[str, bytes]]:
    """{reader: {file: its bytes}}"""
    images, labels = idx_bytes(random_bytes(0, 3, 28, 28)), idx_bytes(np.arange(9, dtype=np.uint8))
    return {
        "idx": {"images": images, "labels": labels},
        "idx-gz": {"images.gz": packed(images), "labels.gz": packed(labels)},
        "cifar-binary": {"two": bytes([3]) + random_bytes(1, 3072).tobytes() + bytes([9]) + bytes(3072)},
        "cifar-pickle": {f"protocol-{protocol}": batch(protocol) for protocol in (2, 3, 4)},
        "cifar-archive": {"python.tar.gz": packed(archive()), "python.tar": archive()},
        "digits": {"few.csv.gz": packed(b"# digits\n" + b"\n".join([b",".join([b"7"] * 65)] * 9)), "no.csv": b"1,2,3\n"},
        "safetensors": {"weights": weights(), "empty": b"\x02" + bytes(7) + b"{}", "bf16": bf16(), "few-bits": few_bits()},
        "pth": foreign_corpus.pths(), "pth-legacy": foreign_corpus.legacy_pths(),
        "saved-model": {"model": model()},
        "saved-graph": {"graph": graph()}, "plan": plans(),
        "class-names": {"lines": b"cat\ndog\n", "synsets": b"n01440764 tench, Tinca\nn01443537 goldfish\n", "list": b'["cat", "dog"]',
                        "object": b'{"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}'},
        "checkpoint": {"checkpoint": checkpoint()},
        "metrics": {"metrics": metrics()},
        "settings": {"settings": Config(data_dir="/data", size=32).toml().encode()},
        "result": {"blow-up": result("blow_up")},
        "kind": {"kind": b'{"quick": true, "seed": 0, "images": "the digits"}'},
        "torchvision": {"bytes": b"decide"}, "state-dict": {"bytes": b"decide"},
        "caffemodel": foreign_corpus.caffemodels(), "prototxt": foreign_corpus.prototxts(), "onnx": foreign_corpus.onnxs(),
        "voc": {"objects": detection.xml(detection.VOC["a"]).encode(), "doctype": detection.xml([], more="<!DOCTYPE a>").encode()},
        "voc-list": {"list": b"BloodImage_00007\nBloodImage_00011\n"},
        "coco": {"objects": json.dumps(detection.coco_value()).encode()},
        "boxes": {name: text.encode() for name, text in detection.TABLES.items()},
        "found": {"detections": FOUND},
        "image": pictures(),
    }  # fmt: skip


FOUND = b'{"pictures": [{"file": "a.png", "boxes": [[0, 2, 10, 12.5]], "classes": ["cat"], "scores": [0.9]}, {"file": "b", "boxes": []}]}'


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def batch(protocol: int) -> bytes:
    return pickle.dumps({"data": random_bytes(2, 2, 3072), "labels": [1, 2], "filenames": ["a.png", "b.png"]}, protocol)


def archive() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        names = pickle.dumps({"label_names": [f"class {i}" for i in range(10)]}, 2)
        for name, data in (("readme.html", b"<p>"), ("test_batch", batch(2)), ("batches.meta", names)):
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return file.getvalue()


def saved(write) -> bytes:
    """What `write(path)` writes."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "file")
        return (Path(folder) / "file").read_bytes()


def weights() -> bytes:
    arrays = {"a": np.ones((2, 3), np.float32), "b": np.arange(4, dtype=np.int8), "c": np.zeros((0, 2)), "d": np.array(True)}
    return saved(lambda path: safetensors.save(path, arrays, {"k": "v"}))


def bf16() -> bytes:
    header = json.dumps({"a": {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]}}).encode()
    return len(header).to_bytes(8, "little") + header + b"\x80\x3f\0\0\xc0\x7f"


def few_bits() -> bytes:
    kinds = {"F8_E4M3": 2, "F8_E5M2": 2, "F8_E8M0": 2, "F4": 1, "Q3": 5, "C64": 16}  # bytes of two values
    entries, at = {}, 0
    for kind, n in kinds.items():
        entries[kind] = {"dtype": kind, "shape": [2], "data_offsets": [at, at + n]}
        at += n
    header = json.dumps(entries).encode()
    return len(header).to_bytes(8, "little") + header + random_bytes(5, at).tobytes()


def model() -> bytes:
    info = saved_model.Info("tiny", {"num_classes": 2, "in_channels": 1}, ("cat", "dog"), (8, 8, 1), (1.0,), (4.0,), {"resize": "9"})
    return saved(lambda path: saved_model.save(path, {"classifier.bias": np.zeros(2, np.float32)}, info))


def graph() -> bytes:
    """A saved network that was imported: convolution, batch normalisation, pools, a sum with a constant, a classifier, Softmax."""
    r = np.random.default_rng(0)
    shapes = {"conv.weight": (4, 3, 3, 3), "scale": (4,), "shift": (4,), "mean": (4,), "variance": (4,), "more": (1, 4, 1, 1),
              "fc.weight": (2, 16), "fc.bias": (2,)}  # fmt: skip
    weights = {name: r.random(shape, np.float32) for name, shape in shapes.items()} | {"shape": np.array([-1, 16])}
    nodes = (
        Node("Conv", ("image", "conv.weight"), ("a",), {"pads": (1, 1, 1, 1), "strides": (2, 2)}, "conv"),
        Node("BatchNormalization", ("a", "scale", "shift", "mean", "variance"), ("b",), {"epsilon": 1e-3}), Node("Relu", ("b",), ("c",)),
        Node("MaxPool", ("c",), ("d",), {"kernel_shape": (2, 2), "strides": (2, 2)}), Node("Add", ("d", "more"), ("e",)),
        Node("Reshape", ("e", "shape"), ("f",)), Node("Gemm", ("f", "fc.weight", "fc.bias"), ("g",), {"transB": 1}, "fc"),
        Node("Softmax", ("g",), ("h",)),
    )  # fmt: skip
    made = importing.network(Graph(nodes, weights, {"image": (None, 3, 8, 8)}, ("h",), 13))
    description, arrays = graph_json.described(made.graph)
    info = saved_model.Info("graph", {"graph": description}, ("cat", "dog"), (8, 8, 3), (1.0,) * 3, (4.0,) * 3, {})
    return saved(lambda path: saved_model.save(path, made.state_dict() | arrays, info))


class Strip(mg.nn.Module):
    """Kernels of many kinds, few weights."""

    def __init__(self) -> None:
        self.deep, self.last = mg.nn.Conv2d(2, 2, 3, padding=1, groups=2), mg.nn.Conv2d(2, 2, 1, groups=2)
        self.pruned, self.wide = mg.nn.Conv2d(2, 16, 3), mg.nn.Conv2d(2, 4, 1)
        self.pruned.weight.data[1:] = 0

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        y = self.last(mg.ops.max_pool2d(mg.ops.relu(self.deep(mg.ops.silu(x))), 2))
        y = mg.ops.concat([mg.ops.avg_pool2d(y, 3, stride=1, padding=1), mg.ops.channel_shuffle(self.wide(y), 2) * 0.5])
        return mg.ops.softmax(mg.ops.global_avg_pool2d(self.pruned(y[..., :2]) + self.pruned(y[..., 1:3])))


def plans() -> dict[str, bytes]:
    """A plan's file, which other machines refuse, and headers (readers.py: plan)."""
    native, found = mg.kernels.native, {}
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(native.strips, "LARGE", 0)
        patch.setattr(native.by_image, "LARGE", 0)
        plans = {str(n): mg.compile(Strip(), (n, 16, 16, 2)) for n in (1, 2)}
        for precision in ("int8", "bf16"):
            plans[precision] = mg.compile(Narrow(), (1, 16, 16, 3), precision=precision, calibrate=images(size=16))
        for name, plan in plans.items():
            path = Path(folder) / "plan"
            plan.save(path)
            assert plan.constant_bytes <= ZEROS.size, plan.constant_bytes
            parts = saved_plan.Parts(plan.versions, plan.output_type, plan.recipe, plan.machine)
            header = saved_plan._header(parts, ZEROS) | {"isa": "ISA", "checksum": "CHECKSUM"}
            found[f"header-{name}"] = json.dumps(header, separators=(",", ":")).replace('"CHECKSUM"', "CHECKSUM").encode()
            found[f"file-{name}"] = path.read_bytes()
    return found


def checkpoint() -> bytes:
    parts = trainer()
    arrays = {f"weights/{name}": array for name, array in parts.model.state_dict().items()}
    arrays |= {name.replace("weights", "velocities"): np.zeros_like(array) for name, array in arrays.items()}
    mg.manual_seed(0)
    progress = asdict(Progress(epoch=1, step=2, head_losses=[0.5], logged=2))
    facts = {"progress": progress, "random": mg.rng.state(), "fingerprint": parts.fingerprint}
    return saved(lambda path: safetensors.save(path, arrays, {name: json.dumps(value) for name, value in facts.items()}))


def metrics() -> bytes:
    epoch = {"train_loss": 0.5, "train_accuracy": 0.75, "test_loss": 0.25, "test_accuracy": 0.875, "lr": 0.03, "seconds": 1.5}
    step = {"step": 50, "epoch": 0.5, "losses": [1.5], "gradient_norms": {"conv1": 0.125}, "lr": 0.03}
    return b"".join(json.dumps(line).encode() + b"\n" for line in (step, {"epoch": 1} | epoch, {"epoch": 2} | epoch))


def result(name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        numbers = DEMONSTRATIONS[name].measure(Setting(Path(folder), quick=True, say=lambda line: None))
    facts = {"part": "result", "quick": True, "seed": 0, "numbers": numbers, "finished": "now", "machine": {"processor": "any"}}
    return json.dumps(facts, indent=1).encode()


def pictures() -> dict[str, bytes]:
    found, pixels = {}, random_bytes(3, 9, 7, 3)
    for kind in ("png", "jpeg", "bmp", "gif", "webp", "tiff", "ppm"):
        file = io.BytesIO()
        exif = Image.Exif()
        exif[0x0112], exif[0x010E] = 6, "a description"
        Image.fromarray(pixels).save(file, kind, **({"exif": exif} if kind in ("jpeg", "webp", "png", "tiff") else {}))
        found[kind] = file.getvalue()
    found["grey.pgm"] = b"P5 7 9 65535\n" + random_bytes(4, 126).tobytes()
    return found


def main() -> None:
    CORPUS.mkdir(exist_ok=True)
    for reader, of_reader in files().items():
        (CORPUS / reader).mkdir(exist_ok=True)
        for name, data in of_reader.items():
            (CORPUS / reader / name).write_bytes(data)


if __name__ == "__main__":
    main()
