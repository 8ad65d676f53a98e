"""Each kernel and algorithm over every layer of GoogLeNet: GFLOP/s, share of the machine's peak, times NumPy's speed.

python benchmarks/kernels.py [--batch 8] [--layers 3x3] [--algorithm direct winograd] [--direction forward] [--plot FILE]
A call is timed as a user makes it, packing of the weights included; "plan" is mg.compile of this one layer, which packs once. "bf16" and
"int8" are those kernels alone, with packed weights, and their share is that of their own measured peak.
GFLOP/s count the multiplications of the definition, so `winograd` may exceed the peak. Results are compared, then timed."""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import flags as common
import harness
import layers
import machine
import narrow_kernels
import numpy as np
import numpy_kernels
import plots
import turns
from harness import Row
from layers import Conv, Map

from minigoog import figures
from minigoog.array_types import Array
from minigoog.sparsity.speed.turns import Run, check_answer

ALGORITHMS = ("im2col", "direct", "winograd", "auto", "plan", *narrow_kernels.FORMATS)
HEAD = "layer                             algorithm  isa     threads       ms  GFLOP/s  of peak  x NumPy  max error"
MAP_HEAD = HEAD.replace("GFLOP/s  of peak", "   GB/s  of copy")


def arrays(layer: Conv, batch: int) -> tuple[Array, Array, Array, Array]:
    """x, w, b, dy of a convolution, of the size that keeps outputs near 1."""
    rng = np.random.default_rng(0)
    weights = layer.kh, layer.kw, layer.cin, layer.cout
    shapes = (batch, layer.h, layer.w, layer.cin), weights, (layer.cout,), (batch, *layer.out, layer.cout)
    x, w, b, dy = (rng.standard_normal(shape, np.float32) for shape in shapes)
    return x, w * np.float32((layer.kh * layer.kw * layer.cin) ** -0.5), b, dy


def convolve(kernels: Any, direction: str, layer: Conv, values: Sequence[Array], algorithm: str = "auto") -> Any:
    """One call of conv2d or of one of its gradients; values: x, w, b, dy."""
    x, w, b, dy = values
    settings = {"stride": layer.stride, "padding": layer.pad, "algorithm": algorithm}
    if direction == "forward":
        return kernels.conv2d(x, w, b, relu=True, **settings)
    if direction == "input":
        return kernels.conv2d_input(x.shape, w, dy, **settings)
    return kernels.conv2d_weight(x, w.shape, dy, **settings)


def planned(layer: Conv, x: Array, w: Array, b: Array) -> Run:
    """The layer alone as a compiled plan."""
    import minigoog as mg

    conv = mg.nn.Conv2d(layer.cin, layer.cout, (layer.kh, layer.kw), layer.stride, layer.pad, relu=True)
    for parameter, values in zip(conv.parameters(), (w, b), strict=True):
        parameter.data[...] = values
    plan = mg.compile(conv, x.shape)
    return lambda: plan(x)


def can(algorithm: str, layer: Conv, direction: str) -> bool:
    """Whether an algorithm computes this layer."""
    if algorithm in ("plan", *narrow_kernels.FORMATS):
        return direction == "forward"
    return algorithm != "winograd" or (layer.kh, layer.kw, layer.stride) == (3, 3, 1)


def convolution_rows(layer: Conv, flags: argparse.Namespace, limits: dict[str, float]) -> list[Row]:
    """A row for each algorithm that supports the layer, checked against float64 first."""
    import minigoog as mg

    values = arrays(layer, flags.batch)
    runs: dict[str, Run] = {"NumPy": lambda: getattr(numpy_kernels, flags.direction)(layer, *values)}
    chosen = [name for name in flags.algorithm if can(name, layer, flags.direction)]
    narrow = {name: narrow_kernels.prepared(name, layer, values) for name in chosen if name in narrow_kernels.FORMATS}
    for name in (name for name in chosen if name not in narrow):
        call = partial(convolve, mg.kernels.native, flags.direction, layer, values, name)
        runs[name] = planned(layer, *values[:3]) if name == "plan" else call
    judge = convolve(mg.kernels.reference, flags.direction, layer, [a.astype(np.float64) for a in values])
    facts = {"flops": layer.flops(flags.batch), "bytes": layer.bytes(flags.batch)}
    runs |= {name: run for name, (run, _) in narrow.items()}
    rows = measure(layer.name, runs, dict.fromkeys(runs, judge) | {name: answer for name, (_, answer) in narrow.items()}, flags)
    for row in rows:
        rate = facts["flops"] / row["ms"] * 1e-6
        row |= facts | {"gflops": rate, "share": rate / limits.get(f"peak_{row['algorithm']}", limits["peak_gflops"])}
    return rows


def map_rows(layer: Map, flags: argparse.Namespace, limits: dict[str, float]) -> list[Row]:
    """The same for pooling, ReLU and softmax, which are limited by memory."""
    import minigoog as mg

    shape = (flags.batch, layer.c) if layer.kernel == "softmax" else (flags.batch, layer.h, layer.w, layer.c)
    x = np.random.default_rng(0).standard_normal(shape, np.float32)
    runs = {"NumPy": lambda: numpy_kernels.MAPS[layer.kernel](layer, x)}
    runs[layer.kernel] = lambda: map_kernel(mg.kernels.native, layer, x)
    rows = measure(layer.name, runs, dict.fromkeys(runs, map_kernel(mg.kernels.reference, layer, x.astype(np.float64))), flags)
    for row in rows:
        rate = layer.bytes(flags.batch) / row["ms"] * 1e-6
        row |= {"bytes": layer.bytes(flags.batch), "gbytes": rate, "share": rate / limits["bandwidth"]}
    return rows


def map_kernel(kernels: Any, layer: Map, x: Array) -> Any:
    """One call of a kernel on a map."""
    settings = {"stride": layer.stride, "padding": layer.pad, "ceil_mode": True}
    if layer.kernel == "max":
        return kernels.max_pool2d(x, layer.size, with_index=False, **settings)[0]
    if layer.kernel == "average":
        return kernels.avg_pool2d(x, layer.size, **settings)
    return getattr(kernels, layer.kernel)(x)


def measure(name: str, runs: dict[str, Run], judges: dict[str, Array], flags: argparse.Namespace) -> list[Row]:
    """Rows for the functions `runs`, with the right answer of each; the first is the peer."""
    errors = {algorithm: check_answer(f"{name}, {algorithm}", run(), judges[algorithm]) for algorithm, run in runs.items()}
    times = turns.milliseconds(runs, flags.rounds)
    peer = next(iter(times.values()))
    return [{"layer": name, "algorithm": algorithm, "isa": "BLAS" if algorithm == "NumPy" else flags.isa,
             "threads": flags.threads, "ms": ms, "x_peer": peer / ms, "error": errors[algorithm]}
            for algorithm, ms in times.items()]


def line(row: Row) -> str:
    """A row as text."""
    rate = row["gflops"] if "gflops" in row else row["gbytes"]
    return (f"{row['layer']:<34}{row['algorithm']:<11}{row['isa']:<8}{row['threads']:>7}{row['ms']:>9.3f}{rate:>9.0f}"
            f"{row['share']:>9.0%}{row['x_peer']:>9.2f}{row['error']:>11.1e}")


def totals(rows: list[Row], limits: dict[str, float]) -> list[Row]:
    """For each algorithm the sum over its layers; x_peer and x_direct compare with NumPy and `direct` on the same layers."""
    ms = {(row["algorithm"], row["layer"]): row["ms"] for row in rows}
    result = []
    for name in dict.fromkeys(row["algorithm"] for row in rows):
        mine = [row for row in rows if row["algorithm"] == name]
        spent = sum(row["ms"] for row in mine)
        rate = sum(row["flops"] for row in mine) / spent * 1e-6
        beside = {other: sum(ms.get((other, row["layer"]), np.nan) for row in mine) / spent for other in ("NumPy", "direct")}
        result.append({"algorithm": name, "layers": len(mine), "ms": spent, "gflops": rate,
                       "share": rate / limits.get(f"peak_{name}", limits["peak_gflops"]),
                       "x_peer": beside["NumPy"], "x_direct": None if np.isnan(beside["direct"]) else beside["direct"]})
    return result


def print_totals(rows: list[Row]) -> None:
    """Prints `totals`; "x direct" compares on the layers that both support."""
    print(f"\n{'total':<12}layers        ms  GFLOP/s  of peak  x NumPy  x direct")
    for row in rows:
        beside = f"{row['x_direct']:>10.2f}" if row["x_direct"] else ""
        print(f"{row['algorithm']:<12}{row['layers']:>6}{row['ms']:>10.2f}{row['gflops']:>9.0f}{row['share']:>9.0%}"
              f"{row['x_peer']:>9.2f}{beside}")


def parse() -> argparse.Namespace:
    """The flags, checked and applied."""
    p = common.parser(__doc__)
    p.add_argument("--batch", type=common.positive, default=8)
    p.add_argument("--layers", default="", metavar="SUBSTRING", help="only layers with this in their name")
    p.add_argument("--algorithm", nargs="+", choices=ALGORITHMS, default=list(ALGORITHMS))
    p.add_argument("--direction", choices=("forward", "input", "weight"), default="forward", help="or a gradient")
    p.add_argument("--isa", help="avx512, avx2, neon or plain instead of the best one")
    p.add_argument("--plot", type=figures.output, metavar="FILE", help="draw a roofline")
    flags = p.parse_args()
    chosen = common.choose(p, layers.convolutions() + (layers.maps() if flags.direction == "forward" else []), flags.layers)
    flags.convolutions = [layer for layer in chosen if isinstance(layer, layers.Conv)]
    flags.maps = [layer for layer in chosen if isinstance(layer, layers.Map)]
    if flags.plot and not flags.convolutions:
        p.error(f"--plot draws convolutions, and none has {flags.layers!r} in its name")
    common.use(p, flags)
    return flags


def print_rows(head: str, kind: Callable[..., list[Row]], found: Sequence[Conv | Map], flags: argparse.Namespace,
               limits: dict[str, float]) -> list[Row]:
    """Measures the layers `found`, printing as it goes; returns the rows."""
    rows = []
    if found:
        print(f"\n{head}", flush=True)
    for layer in found:
        rows += (new := kind(layer, flags, limits))
        print(*map(line, new), sep="\n", flush=True)
    return rows


def main() -> None:
    """Runs and prints what the flags select."""
    flags = parse()
    limits = {"peak_gflops": machine.peak_gflops(), "bandwidth": machine.bandwidth()}
    limits |= {f"peak_{name}": machine.peak_gflops(name) for name in narrow_kernels.FORMATS if name in flags.algorithm}
    text = "peak {peak_gflops:.0f} GFLOP/s, memory {bandwidth:.1f} GB/s".format(**limits)
    text += "".join(f", {name} {limits[f'peak_{name}']:.0f} GOP/s" for name in narrow_kernels.FORMATS if name in flags.algorithm)
    print(text, f"batch {flags.batch}", flags.direction, sep="; ")
    rows = print_rows(HEAD, convolution_rows, flags.convolutions, flags, limits)
    sums = totals(rows, limits)
    if sums:
        print_totals(sums)
    maps = print_rows(MAP_HEAD, map_rows, flags.maps, flags, limits)
    facts = {"benchmark": "kernels", "batch": flags.batch, "direction": flags.direction, "threads": flags.threads}
    facts |= {**limits, "rows": rows, "totals": sums, "maps": maps}
    if flags.plot:
        plots.roofline(facts, flags.plot)
    if flags.json:
        harness.write_json(flags.json, facts)


if __name__ == "__main__":
    common.run(main)
