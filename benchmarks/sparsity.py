"""At which density sparse weights pay, for each kernel and layer of GoogLeNet, against the best dense kernel of this engine.

python benchmarks/sparsity.py [--quick] [--batch 8] [--layers 3x3] [--json FILE]
Random masks first: textbook CSR, the CSR of this engine, and blocks of 32 output channels that share their columns.
Then weights that training has pruned (the folder pruned/ of MINIGOOG_DATA or ../shared/data). GFLOP/s count the remaining
multiplications; "of direct" compares that rate with the dense kernel `direct`, and "x dense" the time with that of the fastest of
`auto`, `direct` and a plan, which packs once. All contestants of a layer take turns, of which the fastest counts: a density
follows from a ratio of times, and other processes disturb long turns more than short ones. The first image of each
is compared with float64. `python -m minigoog.sparsity` holds the same contests on one thread.
At the end: how far the model of costs by which `compile` chooses (compile/sparse.py) is from these times."""

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flags as common
import harness
import layers
import machine
import numpy as np
import turns
from harness import Row
from layers import Conv

if TYPE_CHECKING:
    from minigoog.array_types import Array
    from minigoog.sparsity.speed.contest import Contest
    from minigoog.sparsity.speed.pruned import Pruned

QUICK = (  # a layer of each kind
    "conv2.conv", "inception3a.branch1x1", "inception3a.branch3x3.conv", "inception3b.branch5x5.conv", "inception4a.branch1x1",
    "inception4e.branch3x3.conv", "inception5b.branch1x1", "inception5b.branch3x3.conv",
)
DATA = Path(os.environ.get("MINIGOOG_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "pruned"
HEAD = "layer                             kernel        density       ms  GFLOP/s  of peak  of direct  x dense  max error"


def random_contest(layer: Conv, batch: int) -> "Contest":
    """The contest of random masks on a layer of GoogLeNet."""
    from minigoog.sparsity.speed import break_even, contest

    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, layer.h, layer.w, layer.cin), np.float32)
    conv = contest.dense_layer(rng, layer.cin, layer.cout, (layer.kh, layer.kw), layer.stride, layer.pad)
    return break_even.random_contest(layer.name, conv, x)


def timed_rows(flags: argparse.Namespace, peak: float, make: "Callable[..., Contest]", *what: Any) -> list[Row]:
    """The rows of the contest that `make` makes from `what`; its contestants take turns."""
    contest = make(*what)
    return contest.rows(turns.milliseconds(contest.runs, flags.rounds, min), peak)


def break_evens(rows: list[Row]) -> list[Row]:
    """For each layer the break-even density of each kernel."""
    from minigoog.sparsity.speed import break_even

    return [{"layer": layer, "best_dense": of_layer[0]["best_dense"]}
            | {kernel: break_even.break_even(of_layer, kernel) for kernel in break_even.FORMATS}
            for layer, of_layer in break_even.by_layer(rows).items()]


def print_break_evens(found: Sequence[Row]) -> None:
    """Prints `break_evens`."""
    from minigoog.sparsity.speed.break_even import DENSITIES, limit_text

    print(f"\n{'break-even density':<34}{'best dense':<12}" + "".join(f"{kernel:>14}" for kernel in DENSITIES))
    for row in found:
        limits = (limit_text(row[kernel], densities) for kernel, densities in DENSITIES.items())
        print(f"{row['layer']:<34}{row['best_dense']:<12}" + "".join(f"{limit:>14}" for limit in limits))


def model_errors(convolutions: Sequence[Conv], rows: list[Row], batch: int) -> dict[float, list[float]]:
    """{density: [what CSR took of the time of `direct` / what the model of `compile` says] for each layer}."""
    from minigoog.compile.sparse import dense_cost, rates_of, sparse_cost
    from minigoog.kernels.native.machine import current
    from minigoog.kernels.shapes import conv_shape

    rates = rates_of(current())
    errors: dict[float, list[float]] = {}
    for layer in convolutions:
        window = (layer.kh, layer.kw, layer.cin, layer.cout)
        s = conv_shape("benchmark", (batch, layer.h, layer.w, layer.cin), window, layer.stride, layer.pad, 1)
        mine = [row for row in rows if row["layer"] == layer.name]
        direct = next(row["ms"] for row in mine if row["kernel"] == "direct")
        for row in mine:
            if row["kernel"] == "CSR":
                model = sparse_cost(s, round(row["density"] * int(np.prod(window))), rates=rates) / dense_cost(s)
                errors.setdefault(row["density"], []).append(row["ms"] / direct / model)
    return errors


def print_model(errors: dict[float, list[float]]) -> None:
    """Prints `model_errors`: quartiles."""
    print("\nCSR's time / the model's (compile/sparse.py): quartiles over the layers")
    for density, ratios in errors.items():
        print(f"  density {density:<6g}" + "".join(f"{q:8.2f}" for q in np.quantile(ratios, (0.25, 0.5, 0.75))))


def pruned_layers(quick: bool) -> "Iterator[tuple[Pruned, Array]]":
    """The pruned layers whose files exist, each with its weights HWIO; prints which are missing."""
    from minigoog.sparsity.speed import pruned

    wanted = [p for p in pruned.LAYERS if not (quick and p.file == pruned.SQUEEZENET)]
    missing = sorted({p.file for p in wanted if not (DATA / p.file).exists()})
    if missing:
        print(f"\nskipped, not in {DATA} (set MINIGOOG_DATA): {', '.join(missing)}")
    return pruned.pruned_weights(DATA, wanted)


def print_totals(rows: list[Row]) -> None:
    """How long the pruned layers take together: dense, each kernel, and each layer with the faster of dense and CSR."""
    from minigoog.sparsity.speed.break_even import best_dense, by_layer
    from minigoog.sparsity.speed.pruned import totals

    best = sum(min(best_dense(of_layer)["ms"], *(row["ms"] for row in of_layer if row["kernel"] == "CSR"))
               for of_layer in by_layer(rows).values())
    print("together, ms:  " + "  ".join(f"{kernel} {ms:.2f}" for kernel, ms in (totals(rows) | {"CSR where it pays": best}).items()))


def line(row: Row) -> str:
    """A row as text."""
    error = "" if row["error"] is None else f"{row['error']:>11.1e}"
    return (f"{row['layer']:<34}{row['kernel']:<14}{row['density']:>7.3f}{row['ms']:>9.3f}{row['gflops']:>9.1f}{row['share']:>9.0%}"
            f"{row['per_operation']:>11.0%}{row['x_dense']:>9.2f}{error}")


def parse() -> argparse.Namespace:
    """The flags, checked and applied."""
    p = common.parser(__doc__)
    p.add_argument("--batch", type=common.positive, default=8)
    p.add_argument("--layers", default="", metavar="SUBSTRING", help="only layers of GoogLeNet with this in their name")
    p.add_argument("--quick", action="store_true", help="one layer of each kind, and no pruned SqueezeNet")
    p.add_argument("--isa", help="avx512, avx2, neon or plain instead of the best one")
    flags = p.parse_args()
    found = [layer for layer in layers.convolutions() if not flags.quick or layer.name in QUICK]
    flags.convolutions = common.choose(p, found, flags.layers)
    common.use(p, flags)
    return flags


def main() -> None:
    """Runs and prints what the flags select."""
    flags = parse()
    from minigoog.sparsity.speed.pruned import pruned_contest

    peak = machine.peak_gflops()
    print(f"peak {peak:.0f} GFLOP/s; batch {flags.batch}; {flags.threads} threads; {flags.isa}\n\n{HEAD}", flush=True)
    rows, pruned = [], []
    for layer in flags.convolutions:
        rows += (new := timed_rows(flags, peak, random_contest, layer, flags.batch))
        print(*map(line, new), sep="\n", flush=True)
    found = break_evens(rows)
    print_break_evens(found)
    print_model(model_errors(flags.convolutions, rows, flags.batch))
    for p, w in pruned_layers(flags.quick):
        pruned += (new := timed_rows(flags, peak, pruned_contest, p, w, flags.batch))
        print(*([] if len(pruned) > len(new) else [f"\n{HEAD.replace('layer  ', 'pruned ')}"]), *map(line, new), sep="\n", flush=True)
    if pruned:
        print_totals(pruned)
    if flags.json:
        facts = {"benchmark": "sparsity", "batch": flags.batch, "threads": flags.threads, "peak_gflops": peak}
        harness.write_json(flags.json, facts | {"rows": rows, "break_even": found, "pruned": pruned})


if __name__ == "__main__":
    common.run(main)
