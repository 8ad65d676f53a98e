"""GoogLeNet beside PyTorch, ONNX Runtime and OpenVINO: inference at batch 1, 8, 32 and a training step at batch 32.

python benchmarks/googlenet.py [--batch 1 8 32] [--train-batch 32] [--rounds 15] [--json FILE] [--plot FILE]
The peers that are installed take part: pip install 'minigoog[bench]'."""

import flags as common
import harness
import peers
import plots

# PyTorch's training step is several times slower when its big arrays go back to the system after each step.
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(10**11), "MALLOC_MMAP_THRESHOLD_": str(10**11)}
AVX2 = {"MINIGOOG_ISA": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
AS_THEY_COME = ("minigoog", "minigoog compiled", "minigoog compiled, 1 thread", "PyTorch default")
TRAINING = ("minigoog", "PyTorch channels-last", "PyTorch default")
DEFAULT = [name for name in peers.CONTESTANTS if name != "minigoog compiled, 1 thread"]


def contests(flags):
    """(task, batch) of each table."""
    return [("inference", batch) for batch in flags.batch] + [("train", batch) for batch in flags.train_batch]


def run_contest(task, batch, flags):
    """The rows of one table. minigoog and "PyTorch default" come as they are; the others keep their memory: it only helps them."""
    names = [name for name in flags.contestants if task == "inference" or name in TRAINING]
    environments = {name: ({} if name in AS_THEY_COME else KEEP_MEMORY) | (AVX2 if flags.avx2 else {}) for name in names}
    rounds = flags.rounds if batch < 16 else max(3, flags.rounds // 3)
    return harness.race(environments, task, batch, flags.threads, rounds)


def print_table(rows):
    """One table: the ratio is to the fastest peer."""
    others = [row["ms"] for row in rows if not row["name"].startswith("minigoog")]
    print(f"\n{rows[0]['task']}, batch {rows[0]['batch']}; memory while running, and of it for more than the network built")
    for row in rows:
        ratio = f"{row['ms'] / min(others):6.2f} x best peer" if others else ""
        gradient = f", of a gradient {row['gradient_difference']:.1e}" if "gradient_difference" in row else ""
        print(f"  {row['name']:<28}{row['ms']:9.2f} ms  least {row['least_ms']:9.2f}  {ratio}  {row['peak_mib']:6.0f} MiB"
              f" {row['peak_mib'] - row['built_mib']:6.0f}  difference {row['difference']:.1e}{gradient}", flush=True)


def parse():
    """The flags, checked."""
    p = common.parser(__doc__)
    p.add_argument("--batch", type=common.positive, nargs="*", default=[1, 8, 32], help="batch sizes for inference")
    p.add_argument("--train-batch", type=common.positive, nargs="*", default=[32], help="batch sizes for training steps")
    p.set_defaults(rounds=15)  # a third of it from batch 16 on
    p.add_argument("--contestants", nargs="+", choices=list(peers.CONTESTANTS), default=DEFAULT)
    p.add_argument("--avx2", action="store_true", help="AVX2 only: minigoog, and the peers that can be told to (oneDNN)")
    p.add_argument("--plot", metavar="FILE", help="draw bars")
    flags = common.parse(p)
    if not flags.batch and not (flags.train_batch and set(flags.contestants) & set(TRAINING)):
        p.error("there is nothing to run: no --batch, and no --train-batch with somebody who trains")
    return flags


def main():
    """Runs the contests that the flags ask for."""
    flags, rows = parse(), []
    for task, batch in contests(flags):
        rows += (new := run_contest(task, batch, flags))
        if new:
            print_table(new)
    facts = {"benchmark": "googlenet", "threads": flags.threads, "rows": rows}
    if flags.avx2:
        facts["machine"] = {"isa": "avx2"}
    if flags.plot:
        plots.bars(facts, flags.plot)
    if flags.json:
        harness.write_json(flags.json, facts)


if __name__ == "__main__":
    common.run(main)
