"""Classic networks from ONNX files as plans, against ONNX Runtime: time and peak memory at batch 1 and 8.

python benchmarks/zoo.py [FOLDER] [--networks TEXT ...] [--batch 1 8] [--rounds 15] [--json FILE]
FOLDER holds the files; those that are missing are written first (zoo_files.py, which needs torchvision). Each network is a contest of its
own: the processes take turns, answers are compared, and the ratio of a round's times is ours divided by the peer's. "of peak": the
multiply-adds of the network's definition a second, as a share of what the machine can do. Memory is the peak of a process that imports the
library, loads the file, and runs it."""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import file_peers
import flags as common
import harness
import machine
import zoo_files
from harness import Entry, Row

LRN = ("bvlc_alexnet", "inception_v1", "zfnet512")  # networks with local response normalisation
PEER = "ONNX Runtime"
LIMIT = 1.1  # no ratio should be above it
# Relative L2 of probabilities. With 50 layers of random weights ONNX Runtime's own graph with and without optimisation is 8e-5 apart.
harness.BOUNDS["difference"] = 5e-4


def measured(path: Path, batch: int, flags: argparse.Namespace) -> list[Row]:
    """The rows of all contestants on one file."""
    entries = [Entry(name, name) for name in ("minigoog", *flags.peers)]
    file_peers.for_batch(str(path), batch)  # here, and not in a peer's process, whose memory is measured
    rows = harness.contest(entries, str(path), batch, flags.threads, flags.rounds)
    return [row | {"task": "inference", "network": path.stem} for row in rows]


def compared(rows: Sequence[Row], peak: float) -> Row | None:
    """One line of the table: this package against ONNX Runtime; None if that is absent."""
    by_name = {row["name"]: row for row in rows}
    if PEER not in by_name:
        return None
    ours, theirs = by_name["minigoog"], by_name[PEER]
    low, ratio, high = harness.quartiles([a / b for a, b in zip(ours["times_ms"], theirs["times_ms"], strict=True)])
    rate = 2e-6 * ours["multiply_adds"] / ours["ms"]
    return {"network": ours["network"], "batch": ours["batch"], "ms": ours["ms"], "peer_ms": theirs["ms"], "ratio": ratio,
            "quartiles": [low, high], "of_peak": rate / peak, "mib": memory(ours), "peer_mib": memory(theirs)}


def memory(row: Row) -> float:
    """The peak of a process, in MiB."""
    return float(max(row["building_mib"], row["peak_mib"]))


def line(found: Row) -> str:
    """A line of the table as text."""
    low, high = found["quartiles"]
    times = f"{found['ms']:9.2f} ms  {found['peer_ms']:9.2f} ms   {found['ratio']:5.2f} ({low:.2f} to {high:.2f})"
    return f"{found['network']:<28}{found['batch']:>5}{times}{found['of_peak']:8.0%}{found['mib']:8.0f}{found['peer_mib']:8.0f} MiB"


def summary(found: Sequence[Row]) -> str:
    """The geometric means, with and without the networks that have LRN, and what is above a limit."""
    lines = []
    for with_lrn, what in ((False, "without LRN"), (True, "with LRN")):
        chosen = [row for row in found if (row["network"].removeprefix("light_") in LRN) == with_lrn]
        ratios = {(row["network"], row["batch"]): row["ratio"] for row in chosen}
        if ratios:
            mean = math.exp(sum(map(math.log, ratios.values())) / len(ratios))
            above = [f"{name} at {batch}: {ratio:.2f}" for (name, batch), ratio in ratios.items() if ratio > LIMIT]
            largest = max(ratios.values())
            lines.append(f"{len(ratios)} {what}: geometric mean {mean:.3f}, largest {largest:.2f}; above {LIMIT}: {above or 'none'}")
    more = [row["network"] for row in found if row["mib"] > row["peer_mib"]]
    return "\n".join([*lines, f"more memory than {PEER}: {more or 'none'}"])


def parse() -> argparse.Namespace:
    """The flags, checked."""
    p = common.parser(__doc__ or "")
    p.add_argument("folder", type=Path, nargs="?", default=Path("zoo"), help="of the files (default: zoo)")
    p.add_argument("--networks", nargs="+", metavar="TEXT", help="only those with one of these texts in their name")
    p.add_argument("--batch", type=common.positive, nargs="+", default=[1, 8], help="batch sizes")
    p.add_argument("--peers", nargs="+", choices=list(file_peers.CONTESTANTS)[1:], default=[PEER], help=f"default: {PEER}")
    p.set_defaults(rounds=15)
    flags = p.parse_args()
    flags.names = [name for name in zoo_files.names() if any(text in name for text in flags.networks or [""])]
    if not flags.names:
        p.error(f"--networks: none of {', '.join(zoo_files.names())}")
    return flags


def main() -> None:
    """Runs the contests that the flags ask for."""
    flags = parse()
    flags.folder.mkdir(parents=True, exist_ok=True)
    paths = [zoo_files.write(flags.folder, name) for name in flags.names]
    peak, rows, found = machine.peak_gflops(), [], []
    print(f"{'network':<28}batch     minigoog  {PEER:>12}   ratio (quartiles)  of peak    peak memory")
    for path in paths:
        for batch in flags.batch:
            rows += (new := measured(path, batch, flags))
            if one := compared(new, peak):
                found.append(one)
                print(line(one), flush=True)
    print(summary(found))
    facts: dict[str, Any] = {"benchmark": "zoo", "threads": flags.threads, "peak_gflops": peak, "rows": rows, "comparisons": found}
    if flags.json:
        harness.write_json(flags.json, facts)


if __name__ == "__main__":
    common.run(main)
