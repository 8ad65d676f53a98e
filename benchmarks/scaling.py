"""GoogLeNet as a plan by threads and by image size: milliseconds, times the speed of one thread, share of the peak of so many threads.

python benchmarks/scaling.py [--sizes 112 224 448 896] [--batch 1] [--threads 2] [--rounds 7] [--json FILE]
Threads are 1, 2, 4, ... and --threads. The plans of one size take turns. The table is Markdown, with the processor below it."""

import argparse
from collections.abc import Sequence

import flags as common
import harness
import machine
import numpy as np
import peers
import turns
from harness import Row

from minigoog.sparsity.speed.turns import Run

SIZES = (112, 224, 448, 896)


def counts(most: int) -> list[int]:
    """1, 2, 4, ... and `most`."""
    return sorted({1 << i for i in range(most.bit_length())} | {most})


def peak(threads: int) -> float:
    """GFLOP/s of so many threads."""
    import minigoog as mg

    mg.set_num_threads(threads)
    return machine.peak_gflops()


def planned(size: int, batch: int, threads: int) -> tuple[Run, int]:
    """A run of a plan made for so many threads, and its multiply-adds."""
    import minigoog as mg

    mg.set_num_threads(threads)
    plan = mg.compile(peers.model(False), (batch, size, size, 3))
    x = np.random.default_rng(0).standard_normal((batch, size, size, 3), np.float32)

    def run() -> object:
        mg.set_num_threads(threads)
        return plan(x)

    return run, sum(step.multiply_adds for step in plan.steps)


def measured(size: int, flags: argparse.Namespace) -> list[Row]:
    """A row for each number of threads."""
    made = {threads: planned(size, flags.batch, threads) for threads in counts(flags.threads)}
    ms = turns.milliseconds({threads: run for threads, (run, _) in made.items()}, flags.rounds)
    return [{"size": size, "threads": threads, "ms": ms[threads], "speed": ms[1] / ms[threads],
             "share": 2e-6 * work / ms[threads] / flags.peaks[threads]} for threads, (_, work) in made.items()]


def table(rows: Sequence[Row], batch: int) -> str:
    """Markdown: a line for each size, for each number of threads milliseconds, speed and share."""
    threads = list(dict.fromkeys(row["threads"] for row in rows))
    lines = [f"| batch {batch} | " + " | ".join(f"{n} thread{'s' * (n > 1)}" for n in threads) + " |", "|---" * (len(threads) + 1) + "|"]
    for size in dict.fromkeys(row["size"] for row in rows):
        cells = [f"{row['ms']:.1f} ms, {row['speed']:.2f}x, {row['share']:.0%}" for row in rows if row["size"] == size]
        lines.append(f"| {size}x{size} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measures and prints the table."""
    p = common.parser(__doc__)
    p.add_argument("--sizes", type=common.positive, nargs="+", default=list(SIZES), help="pixels of a side")
    p.add_argument("--batch", type=common.positive, default=1)
    flags = p.parse_args()
    common.use(p, flags)
    flags.peaks = {threads: peak(threads) for threads in counts(flags.threads)}
    rows = [row for size in flags.sizes for row in measured(size, flags)]
    print(table(rows, flags.batch))
    peaks = ", ".join(f"{n:.0f}" for n in flags.peaks.values())
    print(f"\n{machine.facts()['cpu']}, {flags.isa}, float32; shares are of {peaks} GFLOP/s, measured.")
    if flags.json:
        harness.write_json(flags.json, {"benchmark": "scaling", "batch": flags.batch, "rows": rows, "peaks": list(flags.peaks.values())})


if __name__ == "__main__":
    common.run(main)
