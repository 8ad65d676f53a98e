"""The readers, and how each is called with a file."""

import math
import random
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

import minigoog as mg
from minigoog import curves, importing
from minigoog.compile import saved
from minigoog.data import DamagedImage, cifar, class_names, datasets, idx, images
from minigoog.detection import found
from minigoog.detection.annotations import coco, table, voc
from minigoog.formats import caffe, foreign, googlenet_from_torchvision, onnx, pth, safetensors, torchvision
from minigoog.formats.caffe.layers import Layer, layers, with_blobs
from minigoog.importing.layouts import load_state
from minigoog.importing.state_dicts import recognise
from minigoog.parallel import recorded
from minigoog.reading import MOST_UNPACKED, DamagedFile, reading
from minigoog.sparsity.demonstrations import DEMONSTRATIONS
from minigoog.sparsity.runner import run as sparsity
from minigoog.train import checkpoint, config, fingerprint
from minigoog.train.progress import Progress
from minigoog.train.run import Run
from minigoog.train.stale import Stale

WEIGHTS = Path(__file__).parent / "corpus" / "caffemodel" / "weights"  # of the layers in the corpus of "prototxt"
ZEROS = np.zeros(4 * saved.PAGE, np.uint8)  # the packed weights of plans whose header is in the corpus
MEMORY = 64 << 20  # bytes that a reader may need besides what the file's length allows


class Reader(NamedTuple):
    """`read(path)` reads a file of the name `file`, or raises one of `errors`, whose message names the file or starts with `named`."""

    file: str
    read: Callable[[Path], object]
    errors: tuple[type[Exception], ...] = (DamagedFile,)
    named: str = ""
    memory: int = MEMORY


def cifar10(path: Path) -> object:
    return cifar.read("cifar10", "test", path.parent)


def settings(path: Path) -> object:
    return config.Config(**config.read(path))


def trainer() -> Any:
    """As much of a training as a checkpoint needs."""
    model = mg.nn.Linear(2, 2)
    optimizer = mg.optim.SGD(model.parameters(), 0.1, 0.9)
    setup = SimpleNamespace(info=SimpleNamespace(arguments={}))
    facts = fingerprint.DEFAULTS | {"training images": "1"}
    return SimpleNamespace(model=model, optimizer=optimizer, average=None, setup=setup, batches=range(5), progress=Progress(),
                           config=config.Config(), fingerprint=facts, stale=Stale([], 0))  # fmt: skip


def resumed(path: Path) -> object:
    with mg.rng.undisturbed():
        checkpoint.load(Run(path.parent), trainer())
        return mg.Tensor([1.0]) * mg.rng.generator().random()


def copied(path: Path) -> object:
    """The arrays of a file of PyTorch as who uses them has them: in memory of their own, as float32."""
    with np.errstate(over="ignore", invalid="ignore"):
        return {name: array.astype(np.float32) for name, array in pth.load(path).items()}


def described(path: Path) -> object:
    """A text beside weights that were read before: to read them again takes longer than to read the text."""
    return importing.network(caffe.described(path, trained()))


@cache
def trained() -> list[Layer]:
    return [with_blobs(layer) for layer in layers(caffe._binary(WEIGHTS, "weights"), "weights")]


def outcomes(path: Path) -> object:
    return [sparsity._kept(demonstration, path) for demonstration in (DEMONSTRATIONS["blow_up"],)]


# ---- dictionaries of weights: the bytes of the file decide what is odd in them ----


def torchvision_weights() -> dict[str, Any]:
    convolutions = [*torchvision.STEM.values(), *(f"inception{m}.{theirs}" for m in torchvision.MODULES
                                                  for theirs in torchvision.BRANCHES.values())]  # fmt: skip
    weights = {f"{name}.conv.weight": np.ones((2, 3, 1, 1)) for name in convolutions}
    weights |= {f"{name}.bn.{part}": np.ones(2) for name in convolutions for part in foreign.BATCH_NORM}
    return weights | {"fc.weight": np.ones((2, 3)), "fc.bias": np.ones(2), "conv1.bn.num_batches_tracked": np.array(3)}


ODD_ARRAYS = (
    None, 3, "text", [], [[1, 2], [3]], {}, np.ones(0), np.ones((0, 0, 0, 0)), np.array(1.0), np.ones((2, 3, 1, 1, 1)), np.array(["a"]),
    np.array([1, 2], object), np.full(2, np.nan), np.full(2, -1.0), np.full(2, 1e300), np.full((2, 3, 1, 1), 1e39), np.ones(2, bool),
    np.ones(2, complex), np.ones(2, np.float16), np.ones((1, 1, 2, 2)), np.ones((2, 2048)), object(), np.ones(2, "M8[s]"),
    np.full(2, np.inf), np.ones(3, [("a", "f4")]),
)  # fmt: skip
ODD_NAMES = (3, None, "", "a" * 10_000, ("a",), b"conv1", "aux1", "aux1.conv.conv.weight", "\x1b[2J", "\ud800", 1.5)


def odd(weights: dict[str, Any], data: bytes) -> Mapping[Any, Any]:
    """The weights with a few odd names and arrays, as the bytes decide."""
    r = random.Random(data)
    changed: dict[Any, Any] = dict(weights)
    for _ in range(r.randint(0, 3)):
        name = r.choice(list(weights))
        action = r.randrange(4)
        if action == 0:
            changed.pop(name, None)
        elif action == 1:
            changed[r.choice(ODD_NAMES)] = r.choice(ODD_ARRAYS)
        else:
            changed[name] = r.choice(ODD_ARRAYS)
    return changed


class Parts(mg.nn.Module):
    """A network of what a state dict can be for: a BatchNorm here, one that is folded in, a flattened map."""

    def __init__(self) -> None:
        self.block = mg.nn.ConvBNReLU(3, 2, 1)
        self.plain = mg.nn.Conv2d(2, 2, 1)
        self.fc6 = mg.nn.Linear(8, 2)


def of_pytorch(model: mg.nn.Module, **more: Any) -> dict[str, Any]:
    """The model's state in PyTorch's layout and names."""
    state = {name.replace(".norm.", ".bn."): array.T if array.ndim == 2 else array for name, array in model.state_dict().items()}
    return {name: array.transpose(3, 2, 0, 1) if array.ndim == 4 else array for name, array in state.items()} | more


def recognised(path: Path) -> object:
    """A state dict of ours with odd arrays, as a file can have them. It is taken for one of our networks in 1 of 16 inputs: to
    build one takes most of the time."""
    data = path.read_bytes()
    n = zlib.crc32(data) % 256
    given = TINY if n < 2 else LENET if n < 16 else PARTS if n < 100 else FOLDED
    state = {str(name): array for name, array in odd(given, data).items() if isinstance(array, np.ndarray)}
    with reading(path, "not the weights of a network that is known"):
        return recognise(state) if n < 16 else load_state(NETWORK, state, flattened={"fc6": (2, 2, 2)})


def plan(path: Path) -> object:
    """A plan, which then runs, if that takes little. What does not begin as its file is a header, as a hostile file has it: all checksums
    and lengths fit, and it is for this machine. The packed weights are zeros."""
    data = path.read_bytes()
    if not data.startswith(saved.MAGIC[:4]):
        text = data.replace(b"ISA", mg.kernels.native.machine.isa().encode()).replace(b"CHECKSUM", b"%d" % saved._checksum(ZEROS))
        path.write_bytes(saved.enveloped(text) + ZEROS.tobytes())
    found = mg.load_plan(path)
    small = math.prod(found.input_shape) < 1 << 16 and found.arena_bytes < 1 << 20 and max(map(math.prod, found.output_shapes)) < 1 << 16
    return found(np.ones(found.input_shape, np.float32)) if small else None


def torchvision_read(path: Path) -> object:
    return googlenet_from_torchvision(odd(TORCHVISION, path.read_bytes()), transform_input=True)


TORCHVISION, TINY, LENET = torchvision_weights(), mg.models.TinyInception().state_dict(), mg.models.LeNet5().state_dict()
NETWORK = Parts()
PARTS, FOLDED = NETWORK.state_dict(), of_pytorch(NETWORK)
FOLDED |= {"plain.conv.weight": FOLDED.pop("plain.weight")} | {f"plain.bn.{part}": np.ones(2) for part in foreign.BATCH_NORM}
del FOLDED["plain.bias"]
PACKED = MEMORY + 2 * MOST_UNPACKED
READERS = {
    "idx": Reader("train-images-idx3-ubyte", idx.read_idx),
    "idx-gz": Reader("train-images-idx3-ubyte.gz", idx.read_idx, memory=PACKED),
    "cifar-binary": Reader("test_batch.bin", cifar10),
    "cifar-pickle": Reader("test_batch", cifar10),
    "cifar-archive": Reader("cifar-10-python.tar.gz", cifar10, (DamagedFile, FileNotFoundError), memory=PACKED),
    "digits": Reader("digits.csv.gz", datasets._read_table, memory=PACKED),
    "safetensors": Reader("weights.safetensors", lambda path: dict(safetensors.load(path)[0])),
    "pth": Reader("weights.pth", copied),
    "state-dict": Reader("weights.pt", recognised),
    "pth-legacy": Reader("weights.pt", copied),
    "saved-model": Reader("last.safetensors", mg.load),
    "saved-graph": Reader("last.safetensors", mg.load),
    "class-names": Reader("names.txt", class_names.read),
    "checkpoint": Reader(checkpoint.NAME, resumed, (DamagedFile, ValueError), "train: "),
    "metrics": Reader(curves.METRICS, lambda path: curves.summary([path.parent]), (DamagedFile, ValueError)),
    "arrivals": Reader(recorded.NAME, lambda path: recorded.read(path, 4, 1)),
    "settings": Reader("config.toml", settings, (DamagedFile, ValueError, TypeError), "train: `"),
    "result": Reader("result.json", outcomes),
    "kind": Reader(sparsity.SETTINGS, lambda path: sparsity.kind_of(path.parent)),
    "caffemodel": Reader("net.caffemodel", lambda path: importing.network(caffe.read(path)), (DamagedFile, ValueError)),
    "prototxt": Reader("deploy.prototxt", described, (DamagedFile, ValueError)),
    "torchvision": Reader(
        "weights.pth", torchvision_read, (ValueError,), torchvision.WHERE
    ),
    "onnx": Reader("network.onnx", lambda path: importing.network(onnx.load(path)), (DamagedFile, ValueError)),
    "plan": Reader("net.plan", plan),
    "voc": Reader("a.xml", voc.read),
    "voc-list": Reader("test.txt", voc.read_list),
    "coco": Reader("instances.json", coco.read),
    "boxes": Reader("boxes.csv", table.read),
    "found": Reader("found.json", found.read),
    "image": Reader("image.png", images.decode, (DamagedImage,), memory=MEMORY + 16 * images.MOST_PIXELS),
}
