"""The ladder of convolution: from a plain loop to Winograd over register tiles, each rung a few lines, with its GFLOP/s.

python benchmarks/ladder.py [--layers inception3b] [--batch 8] [--threads N] [--rounds 7] [--json FILE]
docs/kernels.md explains the rungs."""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import flags as common
import harness
import kernels
import layers
import machine
import numpy as np
import numpy_kernels
import turns
from harness import Row
from layers import Conv

from minigoog.array_types import Array
from minigoog.sparsity.speed.turns import Run, check_answer, seconds

Rung: TypeAlias = Callable[[Conv, Array, Array, Array], Array]  # (layer, x, w, b) -> y

IN_3B = tuple(f"inception3b.{branch}" for branch in ("branch1x1", "branch5x5.conv", "branch3x3.conv"))
DEFAULT = ("conv2.conv", *IN_3B, "inception4e.branch3x3.conv")
LOOP_OUTPUTS = 8  # the loop would take minutes for what the last rung does in 2 ms: a few numbers are enough to measure its rate


def loop(layer: Conv, x: Array, w: Array, b: Array, n_outputs: int = LOOP_OUTPUTS) -> Array:
    """1. The definition: a sum over the window for each output, here in the middle of the first image, for the first channels."""
    (oy, ox), s, p = (size // 2 for size in layer.out), layer.stride, layer.pad
    y = np.empty(n_outputs)
    for o in range(n_outputs):
        total = float(b[o])
        for ky in range(layer.kh):
            for kx in range(layer.kw):
                for i in range(layer.cin):
                    total += float(x[0, oy * s + ky - p, ox * s + kx - p, i]) * float(w[ky, kx, i, o])
        y[o] = max(total, 0.0)
    return y


def taps(layer: Conv, x: Array, w: Array, b: Array) -> Array:
    """2. One matrix product for each position of the window, added up: the inner loops are BLAS's, but y is rewritten each time."""
    (out_h, out_w), s, p = layer.out, layer.stride, layer.pad
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    y = np.broadcast_to(b, (len(x), out_h, out_w, layer.cout)).copy()
    for ky, kx in np.ndindex(layer.kh, layer.kw):
        y += padded[:, ky : ky + out_h * s : s, kx : kx + out_w * s : s] @ w[ky, kx]
    return np.maximum(y, 0)


def windows(layer: Conv, x: Array, w: Array, b: Array) -> Array:
    """3. im2col in NumPy: every window a row of one matrix, then one product."""
    return numpy_kernels.forward(layer, x, w, b, np.empty((len(x), *layer.out, layer.cout)))


def native(algorithm: str) -> Rung:
    """4 to 7. The package's own, by the name of the algorithm."""

    def run(layer: Conv, x: Array, w: Array, b: Array) -> Array:
        from minigoog.kernels.native import conv2d

        y: Array = conv2d(x, w, b, stride=layer.stride, padding=layer.pad, relu=True, algorithm=algorithm)
        return y

    return run


def rungs(threads: int, isas: Sequence[str]) -> list[tuple[str, Rung, str, int]]:
    """(name, function, instruction set, threads) from the second to the highest."""
    best, many = isas[0], f"{threads} thread{'s' * (threads > 1)}"
    return [
        (f"2 a product for each tap, {many}", taps, best, threads),
        (f"3 im2col in NumPy, {many}", windows, best, threads),
        (f"4 im2col in C, BLAS, {many}", native("im2col"), best, threads),
        *((f"5 direct, {isa}, 1 thread", native("direct"), isa, 1) for isa in reversed(isas)),
        *([(f"6 direct, {best}, {many}", native("direct"), best, threads)] if threads > 1 else []),
        (f"7 winograd, {best}, {many}", native("winograd"), best, threads),
    ]


def climb(layer: Conv, flags: argparse.Namespace) -> list[Row]:
    """Rows of a layer, one for each rung that supports it; all are checked first, then take turns."""
    import minigoog as mg

    values = kernels.arrays(layer, flags.batch)
    judge = kernels.convolve(mg.kernels.reference, "forward", layer, [a.astype(np.float64) for a in values])
    runs: dict[str, Run] = {}
    for name, function, isa, threads in rungs(flags.threads, mg.kernels.native.machine.available_isas()):
        if "winograd" not in name or kernels.can("winograd", layer, "forward"):
            runs[name] = partial(on, isa, threads, function, layer, *values[:3])
    errors = {name: check_answer(f"{layer.name}, {name}", run(), judge) for name, run in runs.items()}
    first = loop_row(layer, *values[:3], judge)
    rates = {name: layer.flops(flags.batch) / ms * 1e-6 for name, ms in turns.milliseconds(runs, flags.rounds).items()}
    return [first] + [{"layer": layer.name, "rung": name, "gflops": rates[name], "error": errors[name]} for name in runs]


def on(isa: str, threads: int, function: Rung, *arguments: Any) -> Array:
    """The function's result, computed on an instruction set and a number of threads."""
    from minigoog.kernels.native import machine as native_machine

    native_machine.set_isa(isa)
    native_machine.set_threads(threads)
    return function(*arguments)


def loop_row(layer: Conv, x: Array, w: Array, b: Array, judge: Array) -> Row:
    """The first rung's row, from a few outputs."""
    (oy, ox), flops = (size // 2 for size in layer.out), 2 * LOOP_OUTPUTS * layer.kh * layer.kw * layer.cin
    error = check_answer(f"{layer.name}, loop", loop(layer, x, w, b), judge[0, oy, ox, :LOOP_OUTPUTS])
    rate = flops / seconds(lambda: loop(layer, x, w, b)) * 1e-9
    return {"layer": layer.name, "rung": "1 loop in Python, 1 thread", "gflops": rate, "error": error}


def print_rows(layer: Conv, rows: Sequence[Row], peak: float) -> None:
    """The rungs of a layer as text."""
    print(f"\n{layer.name}: {layer.h}x{layer.w}x{layer.cin}, {layer.kh}x{layer.kw} to {layer.cout}")
    for row in rows:
        rate, share = f"{row['gflops']:>12.4g} GFLOP/s", f"{row['gflops'] / peak:>8.1%} of peak"
        print(f"  {row['rung']:<36}{rate}{share}  max error {row['error']:.1e}", flush=True)


def main() -> None:
    """Climbs the ladder on the layers that the flags name."""
    p = common.parser(__doc__)
    p.add_argument("--batch", type=common.positive, default=8)
    p.add_argument("--layers", metavar="SUBSTRING", help=f"layers with this in their name ('': all 59); else {', '.join(DEFAULT)}")
    flags = p.parse_args()
    found = [layer for layer in layers.convolutions() if flags.layers is not None or layer.name in DEFAULT]
    chosen = common.choose(p, found, flags.layers or "")
    common.use(p, flags)
    peak, rows = machine.peak_gflops(), []
    print(f"peak {peak:.0f} GFLOP/s, batch {flags.batch}", flush=True)
    for layer in chosen:
        rows += (new := climb(layer, flags))
        print_rows(layer, new, peak)
    if flags.json:
        facts = {"benchmark": "ladder", "machine": {"isa": flags.isa}, "batch": flags.batch, "threads": flags.threads}
        harness.write_json(flags.json, facts | {"peak_gflops": peak, "rows": rows})


if __name__ == "__main__":
    common.run(main)
