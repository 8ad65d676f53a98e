"""At which density sparse weights pay, for each kernel and layer of GoogLeNet, against the best dense kernel of this engine.

python benchmarks/sparsity.py [--quick] [--batch 8] [--layers 3x3] [--json FILE]
Random masks first: CSR as a textbook has it, CSR as this engine has it, and blocks of 32 output channels that share their columns.
Then weights that training has pruned (the folder pruned/ of MINIGOOG_DATA or ../shared/data). GFLOP/s count the multiplications that
are left; "of direct" compares that with the dense kernel `direct`, so per operation, and "x dense" the time with that of the fastest of
`auto`, `direct` and a plan, which packs once. All contestants of a layer take turns, of which the fastest counts: a density
follows from a ratio of times, and a neighbour on the machine disturbs long turns more than short ones. The first image of each
is compared with float64."""

import os
from pathlib import Path
from typing import NamedTuple

import flags as common
import harness
import layers
import machine
import numpy as np
import turns

FORMATS = {"textbook": 1, "CSR": 1, "blocks of 32": 32}  # rows that share their columns
DENSITIES = {
    "textbook": (0.005, 0.02, 0.05),
    "CSR": (0.01, 0.05, 0.1, 0.2, 0.4, 1.0),
    "blocks of 32": (0.01, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0),
}
QUICK = (  # a layer of each kind
    "conv2.conv", "inception3a.branch1x1", "inception3a.branch3x3.conv", "inception3b.branch5x5.conv", "inception4a.branch1x1",
    "inception4e.branch3x3.conv", "inception5b.branch1x1", "inception5b.branch3x3.conv",
)
DATA = Path(os.environ.get("MINIGOOG_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "pruned"
HEAD = "layer                             kernel        density       ms  GFLOP/s  of peak  of direct  x dense  max error"
BOUND = 1e-4  # relative to the largest value: far above rounding, far below any mistake


class Pruned(NamedTuple):
    """A layer whose weights are in a file of DATA."""

    file: str
    weights: str
    h: int
    w: int
    stride: int
    pad: int
    groups: int


def random_pattern(w, density, block):
    """The pattern of the largest of the random weights `w`, or of their blocks: a random mask, with at least one block."""
    from minigoog.kernels.sparse_pattern import SparsePattern
    from minigoog.nn.sparse import largest

    least = block / (w.size // w.shape[3] * -(-w.shape[3] // block) * block)
    return SparsePattern.from_mask(largest(w, max(density, least), block), block)


def sparse_run(layer, x, pattern, w, algorithm="auto"):
    """A function that convolves `x` with the weights of `pattern` in `w`."""
    import minigoog as mg

    values, settings = pattern.gather(w), {"stride": layer.stride, "padding": layer.pad, "algorithm": algorithm}
    return lambda: mg.kernels.native.sparse_conv2d(x, values, pattern=pattern, **settings)


def dense_runs(layer, x, w, groups=1):
    """The dense contestants, one of which is the best."""
    import minigoog as mg

    settings = {"stride": layer.stride, "padding": layer.pad, "groups": groups}
    conv = mg.nn.Conv2d(layer.cin, layer.cout, (layer.kh, layer.kw), **settings, init=lambda shape: w, bias=None)
    plan = mg.compile(conv, x.shape)
    runs = {name: lambda name=name: mg.kernels.native.conv2d(x, w, algorithm=name, **settings) for name in ("auto", "direct")}
    return runs | {"plan": lambda: plan(x)}


def checked(name, run, layer, x, w, groups=1):
    """The largest error of the first image, relative to its largest value, against float64."""
    import minigoog as mg

    settings = {"stride": layer.stride, "padding": layer.pad, "groups": groups}
    judge = mg.kernels.reference.conv2d(x[:1].astype(np.float64), w.astype(np.float64), **settings)
    return turns.error(f"{layer.name}, {name}", run()[:1], judge, BOUND)


def rows_of(layer, w, flags, peak, dense, sparse):
    """A row for each contestant. dense: {name: run}; sparse: {(kernel, density): (run, weights that it multiplies for, error)}."""
    times = turns.take_turns(dense | {key: run for key, (run, *_) in sparse.items()}, flags.rounds, min)
    best = min(dense, key=times.get)
    operations = 2 * flags.batch * layer.out[0] * layer.out[1]
    facts = [(name, 1.0, w.size, None) for name in dense] + [(*key, kept, error) for key, (_, kept, error) in sparse.items()]
    rows = []
    for (kernel, density, kept, error), ms in zip(facts, times.values(), strict=True):
        rate = operations * kept / ms * 1e-6
        rows.append({"layer": layer.name, "kernel": kernel, "density": density, "ms": ms, "gflops": rate, "share": rate / peak,
                     "per_operation": rate / (operations * w.size / times["direct"] * 1e-6), "x_dense": times[best] / ms,
                     "best_dense": best, "error": error})
    return rows


def random_rows(layer, flags, peak):
    """The rows of a layer with random masks."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((flags.batch, layer.h, layer.w, layer.cin), np.float32)
    w = rng.standard_normal((layer.kh, layer.kw, layer.cin, layer.cout), np.float32)
    sparse = {}
    for kernel, block in FORMATS.items():
        for density in DENSITIES[kernel]:
            pattern = random_pattern(w, density, block)
            run = sparse_run(layer, x, pattern, w, "textbook" if kernel == "textbook" else "auto")
            error = checked(kernel, run, layer, x, pattern.scatter(pattern.gather(w)))
            sparse[kernel, density] = run, pattern.n_weights, error
    return rows_of(layer, w, flags, peak, dense_runs(layer, x, w), sparse)


def break_even(rows, kernel):
    """The density up to which `kernel` is faster than the best dense one, interpolated between those measured: 0 if it never is."""
    found = sorted((row["density"], row["x_dense"]) for row in rows if row["kernel"] == kernel)
    last_density, last = 0.0, None
    for density, ratio in found:
        if ratio < 1:
            slow, fast = 1 / ratio, 0.0 if last is None else 1 / last  # times, in those of the dense kernel
            return last_density + (density - last_density) * (1 - fast) / (slow - fast) if last else 0.0
        last_density, last = density, ratio
    return last_density


def break_evens(rows):
    """For each layer the break-even density of each kernel."""
    return [{"layer": layer, "best_dense": of_layer[0]["best_dense"]} | {kernel: break_even(of_layer, kernel) for kernel in FORMATS}
            for layer in dict.fromkeys(row["layer"] for row in rows)
            for of_layer in [[row for row in rows if row["layer"] == layer]]]


def print_break_evens(found):
    """What `break_evens` says."""
    print(f"\n{'break-even density':<34}{'best dense':<12}" + "".join(f"{kernel:>14}" for kernel in FORMATS))
    for row in found:
        limits = {kernel: (f"> {max(d):g}" if row[kernel] >= max(d) else f"< {min(d):g}" if not row[kernel] else f"{row[kernel]:.3f}")
                  for kernel, d in DENSITIES.items()}
        print(f"{row['layer']:<34}{row['best_dense']:<12}" + "".join(f"{limit:>14}" for limit in limits.values()))


def pruned_layers():
    """The layers of shapes/pruned.txt whose file is there, each with its weights HWIO; says which are missing."""
    lines = [line.split() for line in (layers.SHAPES / "pruned.txt").read_text().splitlines() if not line.startswith("#")]
    found = [Pruned(*(int(word) if word.isdigit() else word for word in words)) for words in lines]
    missing = sorted({p.file for p in found if not (DATA / p.file).exists()})
    if missing:
        print(f"\nskipped, not in {DATA} (set MINIGOOG_DATA): {', '.join(missing)}")
    for p in found:
        if p.file not in missing:
            with np.load(DATA / p.file) as weights:
                yield p, weights[p.weights]


def pruned_rows(p, w, flags, peak):
    """The rows of a layer that training has pruned; blocks hold all its weights, and zeros between them."""
    from minigoog.kernels.sparse_pattern import SparsePattern
    from minigoog.nn.sparse import ungrouped

    kh, kw, cin, cout = w.shape
    layer = layers.Conv(f"{p.file.split('_')[0]} {p.weights}", p.h, p.w, cin * p.groups, kh, kw, cout, p.stride, p.pad)
    x = np.random.default_rng(0).standard_normal((flags.batch, p.h, p.w, cin * p.groups), np.float32)
    kept, whole = np.count_nonzero(w), ungrouped(w, p.groups)
    sparse = {}
    for kernel, block in FORMATS.items():
        pattern = SparsePattern.from_mask(whole != 0, block)
        run = sparse_run(layer, x, pattern, whole, "textbook" if kernel == "textbook" else "auto")
        sparse[kernel, kept / w.size] = run, kept, checked(kernel, run, layer, x, w, p.groups)
    return rows_of(layer, w, flags, peak, dense_runs(layer, x, w, p.groups), sparse)


def print_totals(rows):
    """How long the pruned layers take together: dense, each kernel, and each layer with the faster of dense and CSR."""
    best = sum(min(row["ms"] for row in rows if row["layer"] == name and row["kernel"] in ("auto", "direct", "plan", "CSR"))
               for name in dict.fromkeys(row["layer"] for row in rows))
    sums = {kernel: sum(row["ms"] for row in rows if row["kernel"] == kernel) for kernel in dict.fromkeys(row["kernel"] for row in rows)}
    print("together, ms:  " + "  ".join(f"{kernel} {ms:.2f}" for kernel, ms in (sums | {"CSR where it pays": best}).items()))


def line(row):
    """A row as text."""
    error = "" if row["error"] is None else f"{row['error']:>11.1e}"
    return (f"{row['layer']:<34}{row['kernel']:<14}{row['density']:>7.3f}{row['ms']:>9.3f}{row['gflops']:>9.1f}{row['share']:>9.0%}"
            f"{row['per_operation']:>11.0%}{row['x_dense']:>9.2f}{error}")


def parse():
    """The flags, checked, and in force."""
    p = common.parser(__doc__)
    p.add_argument("--batch", type=common.positive, default=8)
    p.add_argument("--layers", default="", metavar="SUBSTRING", help="only layers of GoogLeNet with this in their name")
    p.add_argument("--quick", action="store_true", help="one layer of each kind, and no pruned SqueezeNet")
    p.add_argument("--isa", help="avx512, avx2, neon or plain instead of the best one")
    flags = common.parse(p)
    names = [layer.name for layer in layers.convolutions() if flags.layers in layer.name and (not flags.quick or layer.name in QUICK)]
    flags.convolutions = [layer for layer in layers.convolutions() if layer.name in names]
    if not flags.convolutions:
        p.error(f"--layers: no layer has {flags.layers!r} in its name")
    common.use(p, flags)
    return flags


def main():
    """Runs and prints what the flags ask for."""
    flags = parse()
    peak = machine.peak_gflops()
    print(f"peak {peak:.0f} GFLOP/s; batch {flags.batch}; {flags.threads} threads; {flags.isa}\n\n{HEAD}", flush=True)
    rows, pruned = [], []
    for layer in flags.convolutions:
        rows += (new := random_rows(layer, flags, peak))
        print(*map(line, new), sep="\n", flush=True)
    found = break_evens(rows)
    print_break_evens(found)
    for p, w in pruned_layers():
        if not (flags.quick and p.file.startswith("squeezenet")):
            pruned += (new := pruned_rows(p, w, flags, peak))
            print(*([] if len(pruned) > len(new) else [f"\n{HEAD.replace('layer  ', 'pruned ')}"]), *map(line, new), sep="\n", flush=True)
    if pruned:
        print_totals(pruned)
    if flags.json:
        facts = {"benchmark": "sparsity", "batch": flags.batch, "threads": flags.threads, "peak_gflops": peak}
        harness.write_json(flags.json, facts | {"rows": rows, "break_even": found, "pruned": pruned})


if __name__ == "__main__":
    common.run(main)
