"""The sparse kernels on weights that training has pruned: convolutions of two AlexNets and two LeNets, and a SqueezeNet."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, cast
from zipfile import BadZipFile

import numpy as np

from ...array_types import Array
from ...kernels.sparse_pattern import SparsePattern
from ...nn import Conv2d
from ...nn.sparse import ungrouped
from ...reading import MOST_UNPACKED, DamagedFile, reading
from ...text import printable
from ..runner.demonstration import Demonstration, Figure, Numbers, Rows, Setting, Table
from ..runner.verdicts import CONTRADICTED, HOLDS, NOT_MEASURED, PARTLY, Verdict, below
from .break_even import FORMATS, at, best_dense, by_layer, timed_rows
from .contest import Contest, one_thread

SKIMCAFFE, SQUEEZENET = "skimcaffe_pruned_hwio_f32.npz", "squeezenet_v1.0_pruned_hwio_f32.npz"


class Pruned(NamedTuple):
    """A convolution whose weights are in a file, and its square input map."""

    file: str
    weights: str
    side: int
    padding: int
    groups: int = 1

    @property
    def name(self) -> str:
        """alexnet_a/conv2"""
        return self.weights.removesuffix(".weight")


LAYERS = (
    Pruned(SKIMCAFFE, "alexnet_a/conv2", 27, 2, 2),
    Pruned(SKIMCAFFE, "alexnet_a/conv3", 13, 1),
    Pruned(SKIMCAFFE, "alexnet_a/conv4", 13, 1, 2),
    Pruned(SKIMCAFFE, "alexnet_a/conv5", 13, 1, 2),
    Pruned(SKIMCAFFE, "alexnet_b/conv2", 27, 2, 2),
    Pruned(SKIMCAFFE, "alexnet_b/conv3", 13, 1),
    Pruned(SKIMCAFFE, "alexnet_b/conv4", 13, 1, 2),
    Pruned(SKIMCAFFE, "alexnet_b/conv5", 13, 1, 2),
    Pruned(SKIMCAFFE, "lenet_a/conv2", 12, 0),
    Pruned(SKIMCAFFE, "lenet_b/conv2", 12, 0),
    Pruned(SQUEEZENET, "fire2/conv3x3_2.weight", 55, 1),
    Pruned(SQUEEZENET, "fire3/conv3x3_2.weight", 55, 1),
    Pruned(SQUEEZENET, "fire4/conv3x3_2.weight", 55, 1),
    Pruned(SQUEEZENET, "fire5/conv3x3_2.weight", 27, 1),
    Pruned(SQUEEZENET, "fire6/conv1x1_2.weight", 27, 0),
    Pruned(SQUEEZENET, "fire6/conv3x3_2.weight", 27, 1),
    Pruned(SQUEEZENET, "fire7/conv1x1_1.weight", 27, 0),
    Pruned(SQUEEZENET, "fire7/conv3x3_2.weight", 27, 1),
    Pruned(SQUEEZENET, "fire8/conv1x1_2.weight", 27, 0),
    Pruned(SQUEEZENET, "fire8/conv3x3_2.weight", 27, 1),
    Pruned(SQUEEZENET, "fire9/conv1x1_1.weight", 13, 0),
    Pruned(SQUEEZENET, "fire9/conv3x3_2.weight", 13, 1),
    Pruned(SQUEEZENET, "conv_final.weight", 13, 0),
)
QUICK = ("alexnet_a/conv2", "alexnet_b/conv3", "alexnet_b/conv4")
IMAGES = 4
RANDOM = "CSR, random mask"  # as many weights in the same layer
KERNELS = (*FORMATS, RANDOM)


def pruned_weights(folder: str | Path, layers: Iterable[Pruned] = LAYERS) -> Iterator[tuple[Pruned, Array]]:
    """(layer, its weights HWIO) of those of `layers` whose file is in `folder`."""
    for p in layers:
        if (path := Path(folder) / p.file).exists():
            yield p, _weights(path, p.weights)


def _weights(path: Path, name: str) -> Array:
    """The array [kh, kw, cin, cout] of this name in an .npz file; DamagedFile, naming the file, if it is not there."""
    try:
        with reading(path, "not a file of pruned weights"), open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            size = arrays.zip.getinfo(f"{name}.npy").file_size
            if size > MOST_UNPACKED:
                raise ValueError(f"`{name}` has {size} bytes, expected at most {MOST_UNPACKED}")
            w = arrays[name]
            if w.ndim != 4 or w.dtype.kind not in "fiu":
                raise ValueError(f"`{name}` is {w.dtype} of shape {w.shape}, expected numbers [kh, kw, cin, cout]")
            return cast(Array, w)
    except BadZipFile as error:
        raise DamagedFile(f"{path}: not a file of pruned weights ({error})") from error


def pruned_contest(p: Pruned, w: Array, images: int) -> Contest:
    """The contest on a pruned layer; blocks hold all its weights, and zeros between them."""
    kh, kw, cin, cout = w.shape
    conv = Conv2d(cin * p.groups, cout, (kh, kw), padding=p.padding, groups=p.groups, init=lambda shape: w, bias=False)
    x = np.random.default_rng(0).standard_normal((images, p.side, p.side, cin * p.groups), np.float32)
    contest, kept = Contest(p.name, conv, x), int(np.count_nonzero(w))
    for kernel, block in FORMATS.items():
        contest.add(kernel, kept / w.size, SparsePattern.from_mask(ungrouped(w, p.groups) != 0, block), kept)
    shuffled = np.random.default_rng(0).permutation(w.reshape(-1)).reshape(w.shape)
    contest.add(RANDOM, kept / w.size, SparsePattern.from_mask(ungrouped(shuffled, p.groups) != 0))
    return contest


def measure(setting: Setting) -> Numbers:
    """{"rows", "missing": the missing files}."""
    folder = Path(os.environ.get("MINIGOOG_DATA", ".")) / "pruned"
    wanted = [p for p in LAYERS if not setting.quick or p.name in QUICK]
    missing = sorted({p.file for p in wanted if not (folder / p.file).exists()})
    if missing:
        setting.say(f"  skipped, not in {printable(folder)} (set MINIGOOG_DATA): {', '.join(missing)}")
    rows: Rows = []
    rounds = 3 if setting.quick else 9
    with one_thread():
        for p, w in pruned_weights(folder, wanted):
            setting.say(f"  {p.name}: density {np.count_nonzero(w) / w.size:.1%}")
            rows += setting.rows(p.name.replace("/", "_"), lambda p, w: timed_rows(pruned_contest(p, w, IMAGES), rounds), p, w)
    return {"rows": rows, "missing": missing}


def totals(rows: Rows) -> dict[str, float]:
    """{kernel: milliseconds of all layers together}; "dense": each by its best dense kernel."""
    layers = by_layer(rows).values()
    sums = {kernel: sum(row["ms"] for row in rows if row["kernel"] == kernel) for kernel in KERNELS}
    return {"dense": sum(best_dense(of_layer)["ms"] for of_layer in layers)} | sums


def judge(numbers: Numbers) -> Verdict:
    """The verdict, from the time of all layers together."""
    if not numbers["rows"]:
        missing = ", ".join(numbers["missing"])
        return Verdict(NOT_MEASURED, f"{missing} not found in the folder pruned/ of MINIGOOG_DATA.")
    ms, n = totals(numbers["rows"]), len(by_layer(numbers["rows"]))
    gain = ms["dense"] / ms["CSR"]
    operations = sum(row["ms"] * row["gflops"] for row in numbers["rows"] if row["kernel"] == "CSR")
    dense = sum(best_dense(rows)["ms"] * best_dense(rows)["gflops"] for rows in by_layer(numbers["rows"]).values())
    share = operations / dense
    why = (f"On {n} pruned layers, which keep {share:.0%} of their operations, CSR takes {ms['CSR']:.1f} ms where dense kernels take "
           f"{ms['dense']:.1f}: {gain:.1f} times as fast, where operations promise {1 / share:.1f} times. A textbook's CSR takes "
           f"{ms['textbook']:.1f} ms, blocks of 32, with zeros between those weights, {ms['blocks of 32']:.1f}; CSR with random masks of "
           f"the same densities {ms[RANDOM]:.1f}.")
    margins = (below("CSR, times as fast as dense", gain, 1), below("that, as a share of what operations promise", gain * share, 0.5))
    return Verdict(HOLDS if margins[0].answer else PARTLY if gain * share < 0.5 else CONTRADICTED, why, margins)


def table(numbers: Numbers) -> Table:
    """A row for each layer."""
    head = ["layer", "density", "best dense, ms", *(f"{kernel}, ms" for kernel in KERNELS), "CSR against dense", "CSR, GFLOP/s"]
    return head, [[layer, f"{rows[-1]['density']:.1%}", *_cells(rows)] for layer, rows in by_layer(numbers["rows"]).items()]


def _cells(rows: Rows) -> list[str]:
    found = [at(rows, kernel, rows[-1]["density"]) for kernel in KERNELS]
    csr = at(rows, "CSR", rows[-1]["density"])
    return [f"{best_dense(rows)['ms']:.2f}", *(f"{row['ms']:.2f}" for row in found), f"{csr['x_dense']:.1f}x", f"{csr['gflops']:.0f}"]


def draw(numbers: Numbers, figure: Figure) -> None:
    """How many times faster than dense each layer is, by its density."""
    axis = figure.subplots()
    axis.axhline(1, color="k", lw=1)
    for i, kernel in enumerate(KERNELS):
        points = [(row["density"], row["x_dense"]) for row in numbers["rows"] if row["kernel"] == kernel]
        if points:
            axis.plot(*zip(*points, strict=True), "o", ms=4, color=f"C{i}", label=kernel)
    if numbers["rows"]:
        axis.set(xscale="log", yscale="log")
        axis.legend(fontsize=8)
    axis.set(xlabel="density of the weights", ylabel="times as fast as the best dense kernel")


PRUNED = Demonstration(
    name="pruned",
    link="L2",
    title="Weights that training has pruned",
    claim="Sparse weights that come out of training, not of a random generator, would not pay off either (section 3).",
    experiment="The same contest on convolutions of published networks that were pruned during training: AlexNet and LeNet at 4 to 16% "
               f"density (Park et al. 2017), SqueezeNet at 33% (Han et al. 2016); {IMAGES} images, one thread. Random masks "
               "of the same densities are included for comparison.",
    rule="holds: CSR takes as long as the best dense kernels, or longer, on all layers together. Holds partly: it is faster, but by less "
         "than half of what the operations that are left out promise. Contradicted: otherwise. Not measured: without these files.",
    measure=measure,
    judge=judge,
    table=table,
    figures={"F5b": ("Times as fast as dense, a point for each pruned layer and kernel.", draw)},
)
