"""Every convolution of GoogLeNet by every algorithm, forward and both gradients, beside NumPy: GFLOP/s and share of the peak.

python benchmarks/kernels.py [--batch 1] [--layers 3a] [--direction forward input weight] [--isa avx2] [--rounds 9]
GFLOP/s count the multiplications of the definition, so `winograd` may exceed the peak. Results are compared before anything is timed."""

import argparse
import sys
import time
from statistics import median

import numpy as np

import minigoog as mg
from minigoog.kernels import native, reference, shapes

ALGORITHMS = ("im2col", "direct", "winograd")
WARM_UP = 0.05  # seconds; threads of OpenBLAS spin for about 20 ms after a call and would slow down whoever comes next


def convolutions(batch):
    """(name, x shape, w shape, settings) of each convolution of GoogLeNet with both heads, different shapes only."""
    model, seen = mg.models.GoogLeNet(), set()
    modules = dict(model.named_modules())
    for row in mg.summary(model, (224, 224, 3)).rows:
        layer = modules[row.name]
        key = (row.in_shape, layer.weight.shape) if row.kind == "Conv2d" else None
        if key and key not in seen:
            seen.add(key)
            yield row.name, (batch, *row.in_shape[1:]), layer.weight.shape, {"stride": layer.stride, "padding": layer.padding}


def contestants(direction, x, w, dy, settings):
    """{algorithm: function} for one layer and direction, NumPy's own sliding windows among them."""
    functions = {
        "forward": lambda room, **more: room.conv2d(x, w, **settings, **more),
        "input": lambda room, **more: room.conv2d_input(x.shape, w, dy, **settings, **more),
        "weight": lambda room, **more: room.conv2d_weight(x, w.shape, dy, **settings, **more),
    }
    run = functions[direction]
    fit = w.shape[:2] == (3, 3) and settings["stride"] == (1, 1)
    names = ALGORITHMS if fit else ALGORITHMS[:2]
    return {"NumPy": lambda: run(reference)} | {name: (lambda name=name: run(native, algorithm=name)) for name in names}


def check(runs):
    """{algorithm: relative L2 difference to NumPy}; raises ValueError for a wrong answer."""
    expected = runs["NumPy"]()
    differences = {name: float(np.linalg.norm(run() - expected) / np.linalg.norm(expected)) for name, run in runs.items()}
    for name, difference in differences.items():
        if not difference < 1e-4:
            raise ValueError(f"{name}: its result differs by {difference:.2g} (relative L2): a wrong answer is not timed")
    return differences


def race(runs, rounds):
    """{algorithm: median seconds}: those with threads of our own in turns, then those with BLAS's, which spin after each call."""
    seconds = {}
    for group in (("direct", "winograd"), ("NumPy", "im2col")):
        some = {name: run for name, run in runs.items() if name in group}
        start = time.perf_counter()
        while time.perf_counter() - start < WARM_UP:
            for run in some.values():
                run()
        times = {name: [] for name in some}
        for _ in range(rounds):
            for name, run in some.items():
                start = time.perf_counter()
                run()
                times[name].append(time.perf_counter() - start)
        seconds |= {name: median(values) for name, values in times.items()}
    return {name: seconds[name] for name in runs}


def main():
    """Prints a line for each layer, direction and algorithm; `*` marks what `auto` chooses."""
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--batch", type=int, default=1)
    p.add_argument("--layers", default="", help="only layers whose name holds this")
    p.add_argument("--direction", nargs="+", choices=["forward", "input", "weight"], default=["forward"])
    p.add_argument("--isa", choices=native.machine.available_isas(), default=native.machine.isa())
    p.add_argument("--rounds", type=int, default=9)
    flags = p.parse_args()
    native.machine.set_isa(flags.isa)
    peak, rng = native.machine.peak_gflops(), np.random.default_rng(0)
    print(f"{flags.isa}, {mg.get_num_threads()} threads, peak {peak:.0f} GFLOP/s, batch {flags.batch}")
    print(f"{'layer':<32} {'direction':<9} {'algorithm':<10} {'ms':>9} {'GFLOP/s':>8} {'of peak':>8} {'x NumPy':>8}  difference")
    for name, x_shape, w_shape, settings in convolutions(flags.batch):
        if flags.layers not in name:
            continue
        s = shapes.conv_shape("kernels", x_shape, w_shape, settings["stride"], settings["padding"], 1)
        x, w, dy = (rng.standard_normal(shape, np.float32) for shape in (x_shape, w_shape, s.y))
        for direction in flags.direction:
            runs = contestants(direction, x, w, dy, settings)
            differences, seconds = check(runs), race(runs, flags.rounds)
            chosen = native.conv_algorithms.choose({"forward": "conv2d"}.get(direction, f"conv2d_{direction}"), "auto", s)
            for algorithm, t in seconds.items():
                gflops = 2e-9 * dy.size * w[..., 0].size / t
                star = "*" if native.conv_algorithms.ALGORITHMS.get(algorithm) is chosen else " "
                print(f"{name:<32} {direction:<9} {algorithm + star:<10} {t * 1e3:9.3f} {gflops:8.0f} {gflops / peak:8.0%} "
                      f"{seconds['NumPy'] / t:8.1f}  {differences[algorithm]:.1e}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
