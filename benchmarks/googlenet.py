"""GoogLeNet beside PyTorch, ONNX Runtime and OpenVINO: inference at batch 1, 8, 32 and a training step at batch 32.

python benchmarks/googlenet.py [--batch 1 8 32] [--train-batch 32] [--rounds 15] [--json FILE] [--plot FILE]
The peers that are installed take part: pip install 'minigoog[bench]'."""

import argparse
import sys
from pathlib import Path

import harness
import peers

# PyTorch's training step is several times slower when its big arrays go back to the system after each step.
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(10**11), "MALLOC_MMAP_THRESHOLD_": str(10**11)}


INFERENCE_ONLY = ("minigoog compiled", "ONNX Runtime", "OpenVINO")


def contests(flags):
    """(task, batch) of each table."""
    return [("inference", batch) for batch in flags.batch] + [("train", batch) for batch in flags.train_batch]


def run_contest(task, batch, flags):
    """The rows of one table. All contestants, minigoog and "PyTorch default" too, run with an allocator that keeps memory."""
    names = [name for name in flags.contestants if task == "inference" or name not in INFERENCE_ONLY]
    environment = KEEP_MEMORY | ({"MINIGOOG_ISA": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"} if flags.avx2 else {})
    rounds = flags.rounds if batch < 16 else max(3, flags.rounds // 3)
    return harness.race(names, task, batch, flags.threads, rounds, environment)


def print_table(rows):
    """One table: the ratio is to the fastest peer."""
    others = [row["ms"] for row in rows if not row["name"].startswith("minigoog")]
    print(f"\n{rows[0]['task']}, batch {rows[0]['batch']}")
    for row in rows:
        ratio = f"{row['ms'] / min(others):6.2f} x best peer" if others else ""
        print(f"  {row['name']:<22} {row['ms']:9.2f} ms  least {row['least_ms']:9.2f}  {ratio}  {row['peak_mib']:7.0f} MiB"
              f"  difference {row['difference']:.1e}", flush=True)


def plot(rows, path):
    """Bars of milliseconds an image, a group for each table."""
    try:
        import matplotlib.figure
    except ModuleNotFoundError:
        sys.exit("benchmarks/googlenet.py: --plot needs matplotlib: pip install 'minigoog[plots]'")
    tables = sorted({(row["task"], row["batch"]) for row in rows})
    figure = matplotlib.figure.Figure(figsize=(3.2 * len(tables), 3.6), layout="constrained")
    for axes, (task, batch) in zip(figure.subplots(1, len(tables), squeeze=False)[0], tables, strict=True):
        group = [row for row in rows if (row["task"], row["batch"]) == (task, batch)]
        colors = ["tab:red" if row["name"].startswith("minigoog") else "tab:gray" for row in group]
        axes.bar([row["name"].replace(" ", "\n") for row in group], [row["ms"] / batch for row in group], color=colors)
        axes.set(title=f"{task}, batch {batch}", ylabel="ms an image")
        axes.tick_params(axis="x", labelsize=7)
    figure.savefig(path)


def main():
    """Runs the contests that the flags ask for."""
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--batch", type=int, nargs="*", default=[1, 8, 32], help="batch sizes for inference")
    p.add_argument("--train-batch", type=int, nargs="*", default=[32], help="batch sizes for training steps")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rounds", type=int, default=15, help="turns of each contestant (a third of it from batch 16 on)")
    p.add_argument("--contestants", nargs="+", choices=list(peers.CONTESTANTS), default=list(peers.CONTESTANTS))
    p.add_argument("--avx2", action="store_true", help="AVX2 only: minigoog, and the peers that can be told to (oneDNN)")
    p.add_argument("--json", metavar="FILE")
    p.add_argument("--plot", metavar="FILE")
    flags = p.parse_args()
    for path in filter(None, (flags.json, flags.plot)):
        if not Path(path).absolute().parent.is_dir():
            p.error(f"the folder of {path} does not exist")
    rows = []
    for task, batch in contests(flags):
        rows += run_contest(task, batch, flags)
        print_table(rows[-sum(row["task"] == task and row["batch"] == batch for row in rows) :])
    if flags.json:
        harness.write_json(flags.json, {"threads": flags.threads, "rows": rows})
    if flags.plot:
        plot(rows, flags.plot)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
