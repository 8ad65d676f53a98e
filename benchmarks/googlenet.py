"""GoogLeNet against PyTorch, ONNX Runtime and OpenVINO: inference at batch 1, 8, 32 and a training step at batch 32.

python benchmarks/googlenet.py [--batch 1 8 32] [--train-batch 32] [--rounds 15] [--json FILE] [--plot FILE]
The peers that are installed take part: pip install 'minigoog[bench]'. --formats adds bf16 and int8 (training: bf16);
--latencies N percentiles of N single images; --peer-python PYTHON peers of another environment, such as DeepSparse, which wants NumPy 1.

python benchmarks/googlenet.py --against PYTHON [--rounds 30]
compares this build with another one: the minigoog that the interpreter PYTHON imports, for example an older commit in its own virtual
environment. Without --contestants no peers take part, so none need be installed. A ratio is this build's time divided by the other's
in the same round; its median and quartiles are printed. SLOWER: the median is above 1.03 and the lower quartile above 1. All processes
are started anew several times, and the two builds exchange places each time."""

import argparse
import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import flags as common
import formats
import harness
import numpy as np
import peers
import plots
from harness import Entry, Row

from minigoog import figures

# PyTorch's training step is several times slower if its large arrays are returned to the system after each step.
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(10**11), "MALLOC_MMAP_THRESHOLD_": str(10**11)}
AVX2 = {"MINIGOOG_ISA": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
DEFAULT_SETTINGS = ("minigoog", "minigoog compiled", "minigoog compiled, 1 thread", "minigoog bf16", "minigoog int8", "PyTorch default")
TRAINING = ("minigoog", "minigoog bf16", "PyTorch channels-last", "PyTorch default", "PyTorch autocast")
CONTESTANTS = [name for name in peers.CONTESTANTS if name != "minigoog compiled, 1 thread"]
OUTSIDE = {"DeepSparse": "float32", "ONNX Runtime": "float32", "DeepSparse int8": "int8"}  # what --peer-python adds, and its file
BUILDS = ["minigoog", "minigoog compiled"]  # what --against compares
OTHER = " (other)"
TOLERANCE = 1.03  # a build is slower if its median ratio is above this, and the lower quartile above 1
ROUNDS, ROUNDS_AGAINST = 15, 30
# With --against. The memory that a process happens to get, and its place in the order, make up to 10% at batch 32.
STARTS = 6


def contests(flags: argparse.Namespace) -> list[tuple[str, int]]:
    """(task, batch) of each table."""
    return [("inference", batch) for batch in flags.batch] + [("train", batch) for batch in flags.train_batch]


def entries(task: str, flags: argparse.Namespace) -> list[Entry]:
    """The contestants. minigoog and "PyTorch default" run with default settings; the others keep freed memory, which only helps them."""
    found = []
    for name in flags.contestants:
        if task == "inference" or name in TRAINING:
            environment = ({} if name in DEFAULT_SETTINGS else KEEP_MEMORY) | (AVX2 if flags.avx2 else {})
            found.append(Entry(name, name, environment=environment))
            if flags.against and name.startswith("minigoog"):
                found.append(Entry(name + OTHER, name, flags.against, environment))
    return found


@contextlib.contextmanager
def outside(task: str, batch: int, flags: argparse.Namespace) -> Iterator[list[Entry]]:
    """Contestants of another environment, which read GoogLeNet from files that exist within the with-block."""
    if not flags.peer_python or task != "inference":
        yield []
        return
    from onnx_googlenet import onnx_googlenet

    with tempfile.TemporaryDirectory() as folder:
        files = {kind: Path(folder, f"{kind}.onnx") for kind in set(OUTSIDE.values())}
        files["float32"].write_bytes(onnx_googlenet(peers.model(False), batch))
        files["int8"].write_bytes(formats.quantized(batch))
        yield [Entry(f"{name} (outside)", name.removesuffix(" int8"), flags.peer_python, KEEP_MEMORY, f"outside:{files[kind]}")
               for name, kind in OUTSIDE.items()]


def run_contest(task: str, batch: int, flags: argparse.Namespace) -> list[Row]:
    """The rows of one table; peers take a third of the rounds from batch 16 on."""
    found = entries(task, flags)
    if not flags.against:
        rounds, latencies = flags.rounds if batch < 16 else max(3, flags.rounds // 3), flags.latencies if batch == 1 else 0
        with outside(task, batch, flags) as others:
            return harness.contest([*found, *others], task, batch, flags.threads, rounds, latencies)
    rounds = [len(part) for part in np.array_split(range(flags.rounds), min(STARTS, flags.rounds))]
    parts = [harness.contest(found[:: 1 - 2 * (i % 2)], task, batch, flags.threads, n) for i, n in enumerate(rounds)]
    return joined(parts)


def joined(parts: Sequence[Sequence[Row]]) -> list[Row]:
    """The rows of several contests between the same contestants, in the order of the first, as one contest."""
    return [one_row([row for part in parts for row in part if row["name"] == first["name"]]) for first in parts[0]]


def one_row(rows: Sequence[Row]) -> Row:
    """The row of a contestant from those of several contests."""
    times = [ms for row in rows for ms in row["times_ms"]]
    most = {name: max(row[name] for row in rows) for name in rows[0] if name.endswith("_mib") or name in harness.BOUNDS}
    return rows[0] | most | {"ms": median(times), "least_ms": min(times), "rounds": len(times), "times_ms": times}


def comparisons(rows: list[Row]) -> list[Row]:
    """For each network with two builds: the ratio of this build's time to the other's, with the quartiles over the rounds."""
    by_name = {row["name"]: row for row in rows}
    found = []
    for name, row in by_name.items():
        if other := by_name.get(name + OTHER):
            ratios = [ours / theirs for ours, theirs in zip(row["times_ms"], other["times_ms"], strict=True)]
            low, ratio, high = harness.quartiles(ratios)
            found.append({"name": name, "task": row["task"], "batch": row["batch"], "ratio": ratio, "quartiles": [low, high],
                          "slower": ratio > TOLERANCE and low > 1})
    return found


def print_table(rows: list[Row]) -> None:
    """One table: the ratio is to the fastest peer that computes in the same numbers."""
    print(f"\n{rows[0]['task']}, batch {rows[0]['batch']}; peak memory while running, and how much of it on top of the network built")
    for row in rows:
        kind = row.get("format", "float32")
        others = [peer["ms"] for peer in rows if not peer["name"].startswith("minigoog") and peer.get("format", "float32") == kind]
        ratio = f"{row['ms'] / min(others):6.2f} x best {kind} peer  " if others else ""
        gradient = f", of a gradient {row['gradient_difference']:.1e}" if "gradient_difference" in row else ""
        low, _, high = harness.quartiles(row["times_ms"])
        memory = f"{row['peak_mib']:6.0f} MiB {row['peak_mib'] - row['built_mib']:6.0f}"
        print(f"  {row['name']:<28}{row['ms']:9.2f} ms  quartiles {low:9.2f} {high:9.2f}  least {row['least_ms']:9.2f}  {ratio}"
              f"{memory}  difference {row['difference']:.1e}{gradient}{more(row)}", flush=True)


def more(row: Row) -> str:
    """Percentiles of latency, packed weights and energy, of rows that have them."""
    text = "".join(f"  {name}% {ms:.2f} ms" for name, ms in row.get("percentiles_ms", {}).items())
    text += f"  packed {row['packed_mib']:.1f} MiB" if "packed_mib" in row else ""
    return text + (f"  {row['joules']:.2f} J" if "joules" in row else "")


def print_comparisons(found: list[Row]) -> None:
    """The ratios of two builds."""
    for row in found:
        low, high = row["quartiles"]
        print(f"  {row['name']:<28}takes {row['ratio']:.3f} x as long as the other build  quartiles {low:.3f} {high:.3f}"
              f"{'  SLOWER' * row['slower']}", flush=True)


def builds(rows: list[Row]) -> dict[str, str]:
    """The locations of the two builds, as text."""
    return {name: row["package"] for row in rows for name in ["other" if row["name"].endswith(OTHER) else "this"] if row["package"]}


def parse() -> argparse.Namespace:
    """The flags, checked."""
    p = common.parser(__doc__ or "")
    p.add_argument("--batch", type=common.positive, nargs="*", default=[1, 8, 32], help="batch sizes for inference")
    p.add_argument("--train-batch", type=common.positive, nargs="*", default=[32], help="batch sizes for training steps")
    known = [*peers.CONTESTANTS, *formats.CONTESTANTS]
    p.add_argument("--contestants", nargs="+", choices=known, help="default: those of float32 that are installed")
    p.add_argument("--formats", action="store_true", help="bf16 and int8 too")
    p.add_argument("--latencies", type=common.positive, default=0, metavar="N", help="percentiles of N single images")
    p.add_argument("--peer-python", metavar="PYTHON", help="peers of this interpreter's environment too (outside.py)")
    p.add_argument("--against", metavar="PYTHON", help="compare with the minigoog that this interpreter imports; without peers")
    p.add_argument("--avx2", action="store_true", help="AVX2 only: minigoog, and the peers that can be told to (oneDNN)")
    p.add_argument("--plot", type=figures.output, metavar="FILE", help="draw bars")
    p.set_defaults(rounds=None)  # a third of it from batch 16 on, without --against
    flags = p.parse_args()
    flags.rounds = flags.rounds or (ROUNDS_AGAINST if flags.against else ROUNDS)
    flags.contestants = flags.contestants or (BUILDS if flags.against else CONTESTANTS)
    flags.contestants = [*flags.contestants, *(name for name in formats.CONTESTANTS if flags.formats and name not in flags.contestants)]
    for flag in ("against", "peer_python"):
        if (program := getattr(flags, flag)) and not shutil.which(program):
            p.error(f"--{flag.replace('_', '-')}: there is no program {program}")
    if flags.against and not any(name.startswith("minigoog") for name in flags.contestants):
        p.error("--against compares builds of minigoog, expected one of them among --contestants")
    if not flags.batch and not (flags.train_batch and set(flags.contestants) & set(TRAINING)):
        p.error("nothing to run: no --batch, and no --train-batch with a contestant that trains")
    return flags


def main() -> None:
    """Runs the contests that the flags ask for."""
    flags, rows, compared = parse(), [], []
    for task, batch in contests(flags):
        rows += (new := run_contest(task, batch, flags))
        compared += (ratios := comparisons(new))
        if new:
            print_table(new)
            print_comparisons(ratios)
    of_rows = [{name: value for name, value in row.items() if name != "package"} for row in rows]  # where a build lies is of this machine
    facts: dict[str, Any] = {"benchmark": "googlenet", "threads": flags.threads, "rows": of_rows}
    if flags.against:
        facts |= {"builds": builds(rows), "comparisons": compared}
        print(f"\nthis build: {facts['builds']['this']}\nthe other:  {facts['builds']['other']}")
    if flags.avx2:
        facts["machine"] = {"isa": "avx2"}
    if flags.plot:
        plots.bars(facts, flags.plot)
    if flags.json:
        harness.write_json(flags.json, facts)


if __name__ == "__main__":
    common.run(main)
