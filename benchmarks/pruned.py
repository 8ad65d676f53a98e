"""Plans of pruned networks against those of the same networks with all their weights.

python benchmarks/pruned.py [--batch 1 8] [--tune] [--only TEXT] [--threads N] [--rounds 15] [--json FILE]
GoogLeNet with random weights, every layer but the first pruned by magnitude to 5 to 80% of its weights: one by one, in blocks of 4, 8, 16
and 32 output channels, 2:4 and 4:8; the convolutions 2 to 5 of two AlexNets that training has pruned, with the pool between them; four of
GoogLeNet's layers at 10% on one thread, as operations a second that count: the time of the kernel, without what a call of a plan costs. The
plans of one kind take turns; a ratio is that of medians, and of the fastest turns. With --threads 1 the time of a network is that of the
processor, which other programs disturb less. "up to": the density below which a plan gains more than 3%. With --tune the program ends with
status 1 if a plan is more than 3% slower than the dense one."""

import argparse
import copy
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flags as common
import harness
import machine
import numpy as np
from harness import Row

if TYPE_CHECKING:
    from minigoog.nn import Module

DATA = Path(os.environ.get("MINIGOOG_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "pruned"
DENSITIES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.8)
KINDS: dict[str, dict[str, Any]] = {"weights": {}} | {f"blocks of {n}": {"block": n} for n in (4, 8, 16, 32)}
N_OF_M: dict[str, dict[str, Any]] = {"2:4": {"group": 4}, "4:8": {"group": 8}, "2:4, blocks of 16": {"group": 4, "block": 16}}
LAYERS = ((14, 480, 192, 1), (14, 160, 320, 3), (28, 192, 64, 1), (7, 832, 384, 1))  # side, inputs, outputs, window
ALEXNETS = ("alexnet_a", "alexnet_b")
SLOWER, GAIN = 1.03, 0.97


def ways(only: str = "") -> "dict[str, dict[str, tuple[float, dict[str, Any]]]]":
    """{kind: {name: (density, how)}} of the ways to prune whose name contains `only`."""
    found: dict[str, dict[str, tuple[float, dict[str, Any]]]] = {
        kind: {f"{kind}, {density:.0%}": (density, how) for density in DENSITIES} for kind, how in KINDS.items()
    }
    found["N:M"] = {f"{kind}, 50%": (0.5, how) for kind, how in N_OF_M.items()}
    chosen = {kind: {name: way for name, way in each.items() if only in name} for kind, each in found.items()}
    return {kind: each for kind, each in chosen.items() if each}


def googlenet(each: "dict[str, tuple[float, dict[str, Any]]]", shape: tuple[int, ...], tune: bool) -> dict[str, Any]:
    """{name: plan} of the dense network, and of it pruned in each way; a pruned network exists only until it is compiled."""
    import minigoog as mg

    mg.manual_seed(0)
    dense = mg.models.GoogLeNet().eval()
    first = next(name for name, module in dense.named_modules() if isinstance(module, mg.nn.Conv2d))
    plans = {"dense": mg.compile(dense, shape)}
    for name, (density, how) in each.items():
        plans[name] = mg.compile(mg.nn.prune(copy.deepcopy(dense), density, keep=[first], **how), shape, tune=tune)
    return plans


def alexnet(name: str) -> "Module":
    """The convolutions 2 to 5 of a pruned AlexNet, with the pool between them."""
    from minigoog import nn
    from minigoog.sparsity.speed.pruned import LAYERS as PRUNED
    from minigoog.sparsity.speed.pruned import pruned_weights

    layers: list[Module] = []
    for p, w in pruned_weights(DATA, [p for p in PRUNED if p.name.startswith(name)]):
        kh, kw, cin, cout = w.shape
        conv = nn.Conv2d(cin * p.groups, cout, (kh, kw), padding=p.padding, groups=p.groups, relu=True)
        conv.weight.data[...] = w
        layers += [conv, nn.MaxPool2d(3, 2)] if p.side == 27 else [conv]
    return nn.Sequential(*layers).eval()


def contest(plans: dict[str, Any], x: Any, rounds: int, seconds: "Callable[[Any, Any], float] | None" = None) -> list[Row]:
    """The rows of plans that take turns on `x`, each for so many seconds as the function says; the first is the dense one."""
    from minigoog.sparsity.speed.turns import take_turns

    times = take_turns({name: partial(seconds or _seconds, plan, x) for name, plan in plans.items()}, rounds)
    dense = next(iter(times.values()))
    return [
        {"plan": name, "ms": 1e3 * statistics.median(values), "ratio": statistics.median(values) / statistics.median(dense),
         "of_fastest": min(values) / min(dense), "algorithms": _count(plans[name])}
        for name, values in times.items()
    ]  # fmt: skip


def _seconds(plan: Any, x: Any) -> float:
    """The time of a call."""
    import minigoog as mg

    clock = time.process_time if mg.get_num_threads() == 1 else time.perf_counter
    start = clock()
    plan(x)
    return clock() - start


def _kernel_seconds(plan: Any, x: Any) -> float:
    """The time of its steps alone: a call takes about 20 microseconds more, a tenth of such a layer."""
    return float(plan.seconds(x, 8).sum())


def _count(plan: Any) -> dict[str, int]:
    """How many steps use each algorithm."""
    names = [step.algorithm for step in plan.steps if step.algorithm]
    return {name: names.count(name) for name in dict.fromkeys(names)}


def networks(flags: argparse.Namespace, batch: int) -> list[Row]:
    """The rows of GoogLeNet and of the AlexNets, which it prints, each against its dense plan."""
    import minigoog as mg

    x = np.random.default_rng(0).standard_normal((batch, 224, 224, 3)).astype(np.float32)
    rows: list[Row] = []
    for each in ways(flags.only).values():
        plans = googlenet(each, x.shape, flags.tune)
        rows += (new := [row | {"network": "GoogLeNet", "batch": batch} for row in contest(plans, x, flags.rounds)])
        print_rows(new)
    for name in ALEXNETS if (DATA / "skimcaffe_pruned_hwio_f32.npz").exists() else ():
        net, x = alexnet(name), np.maximum(np.random.default_rng(0).standard_normal((batch, 27, 27, 96)), 0).astype(np.float32)
        both = {"dense": mg.compile(net, x.shape, sparse=False), "pruned": mg.compile(net, x.shape, tune=flags.tune)}
        rows += (new := [row | {"network": name, "batch": batch} for row in contest(both, x, 3 * flags.rounds)])
        print_rows(new)
    return rows


def layer_rows(flags: argparse.Namespace, batch: int, peak: float, density: float = 0.1) -> list[Row]:
    """The same for each of LAYERS, and each way of pruning: useful GFLOP/s, and those as a share of the peak and of what `direct` makes."""
    import minigoog as mg
    from minigoog import nn

    mg.set_num_threads(1)
    rows: list[Row] = []
    for side, cin, cout, k in LAYERS:
        mg.manual_seed(0)
        dense, shape = nn.Conv2d(cin, cout, k, padding=k // 2).eval(), (batch, side, side, cin)
        plans = {"direct": mg.compile(dense, shape, algorithm="direct")}
        for kind, how in KINDS.items():
            plans[kind] = mg.compile(nn.prune(copy.deepcopy(dense), density, **how), shape, tune=flags.tune)
        x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        found = contest(plans, x, 2 * flags.rounds, _kernel_seconds)
        rates = [2e-6 * sum(step.multiply_adds for step in plans[row["plan"]].steps) / row["ms"] for row in found]
        rows += [
            row | {"network": f"{k}x{k}, {cin} to {cout} at {side}x{side}", "batch": batch, "gflops": rate, "of_peak": rate / peak,
                   "of_direct": rate / rates[0]}
            for row, rate in zip(found, rates, strict=True)
        ]  # fmt: skip
        print_rows(rows[-len(found) :])
    mg.set_num_threads(flags.threads)
    return rows


def break_even(rows: Sequence[Row], kind: str) -> float:
    """Up to which density plans of this kind gain more than 3%: linear between those that were measured; 0: never."""
    ratios: dict[str, float] = {row["plan"]: max(row["ratio"], row.get("of_fastest", 0)) for row in rows}
    points = [(density, ratios[name]) for density in DENSITIES if (name := f"{kind}, {density:.0%}") in ratios]
    best = 0.0
    for i, (density, ratio) in enumerate(points):
        if ratio > GAIN:
            before, lower = points[i - 1] if i else (0.0, 0.0)
            return before + (density - before) * (GAIN - lower) / (ratio - lower)
        best = density
    return best


def print_rows(rows: Sequence[Row]) -> None:
    """Prints rows of `contest`."""
    for row in rows:
        more = f"{row['gflops']:8.1f} GFLOP/s {row['of_peak']:5.0%} of peak {row['of_direct']:5.2f} of direct" if "gflops" in row else ""
        used = ", ".join(f"{n} {name}" for name, n in row["algorithms"].items())
        print(f"{row['network']:<30}{row['batch']:>3}  {row['plan']:<24}{row['ms']:9.2f} ms {row['ratio']:6.3f}{row['of_fastest']:7.3f}"
              f"{more}  {used}", flush=True)


def print_limits(rows: Sequence[Row], batch: int) -> None:
    """Prints `break_even` of each kind that was measured."""
    limits = {kind: break_even(rows, kind) for kind in KINDS if any(row["plan"].startswith(f"{kind}, ") for row in rows)}
    print(f"gains more than {1 - GAIN:.0%}, {batch} images, up to: " + ", ".join(f"{kind} {limit:.0%}" for kind, limit in limits.items()))


def parse() -> argparse.Namespace:
    """The flags, checked and applied."""
    p = common.parser(__doc__)
    p.add_argument("--batch", type=common.positive, nargs="+", default=[1, 8])
    p.add_argument("--tune", action="store_true", help="a trial chooses the algorithm of each pruned layer")
    p.add_argument("--only", default="", metavar="TEXT", help="only pruned GoogLeNets with this in their name, as 'blocks of 32' or '10%%'")
    p.add_argument("--isa", help="avx512, avx2, neon or plain instead of the best one")
    p.set_defaults(rounds=15)
    flags = p.parse_args()
    common.use(p, flags)
    return flags


def main() -> None:
    """Runs and prints what the flags select."""
    flags = parse()
    peak = machine.peak_gflops() / flags.threads
    chosen_by = "a trial" if flags.tune else "fixed rules"
    print(f"peak {peak:.1f} GFLOP/s a core; {flags.threads} threads; {flags.isa}; {chosen_by} for each layer")
    print("network, images, pruned; time, ratio of medians, of the fastest; steps by algorithm\n", flush=True)
    rows: list[Row] = []
    parts: tuple[Callable[[int], list[Row]], ...] = (partial(networks, flags), lambda batch: layer_rows(flags, batch, peak))
    for batch in flags.batch:
        for part in parts:
            rows += part(batch)
        print_limits([row for row in rows if (row["network"], row["batch"]) == ("GoogLeNet", batch)], batch)
    slow = [row for row in rows if min(row["ratio"], row["of_fastest"]) > SLOWER]
    print(f"{len(slow)} of {len(rows)} plans are more than {SLOWER - 1:.0%} slower than the dense one")
    if flags.json:
        facts = {"benchmark": "pruned", "threads": flags.threads, "peak_gflops": peak, "tune": flags.tune}
        harness.write_json(flags.json, facts | {"rows": rows})
    sys.exit(bool(slow) and flags.tune)


if __name__ == "__main__":
    common.run(main)
