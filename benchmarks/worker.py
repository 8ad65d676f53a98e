"""One contestant: python worker.py NAME TASK BATCH THREADS OUTPUT. Builds GoogLeNet, writes its output, then waits for "go" lines.

The interpreter may be that of another environment (googlenet.py --against): this file, peers.py and timing.py use only what every
version of minigoog has.

Tasks: "inference" (logits), "train" (forward with both heads, loss, backward, SGD step), or the path of an ONNX file, whose network then
takes GoogLeNet's place, or "outside:" and such a path, for peers of an environment without minigoog. Each answer is a line of JSON: of
"go" the milliseconds of a run, of "go N" those of N runs one after the other, and the energy of one where the machine reports it."""

import contextlib
import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import energy
import numpy as np
import timing

MIB = 2**20
OUTSIDE = "outside:"


def peak() -> float:
    """The peak memory of this process so far, in MiB. On Linux not by getrusage, which begins with the peak of the parent process."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) * 1024 / MIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / MIB


def resident() -> float:
    """The memory in use now, in MiB; without /proc, the peak."""
    pages = Path("/proc/self/statm")
    return int(pages.read_text().split()[1]) * resource.getpagesize() / MIB if pages.exists() else peak()


def forget_peak() -> None:
    """Resets the peak on Linux; elsewhere it includes building the network."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def build(name: str) -> dict[str, str | None]:
    """The folder of minigoog and the instruction set that it uses here; None for other libraries."""
    if not name.startswith("minigoog"):
        return {"package": None, "isa": None}
    import minigoog

    return {"package": str(Path(minigoog.__file__).parent), "isa": minigoog.kernels.native.machine.isa()}


def contestant(name: str, task: str) -> tuple[Callable[[str, int, int], Any], str]:
    """The function that builds a network, and its task."""
    if task.startswith(OUTSIDE):
        return importlib.import_module("outside").CONTESTANTS[name], task.removeprefix(OUTSIDE)
    known = importlib.import_module("file_peers" if task.endswith(".onnx") else "peers").CONTESTANTS
    return (known if name in known else importlib.import_module("formats").CONTESTANTS)[name], task


def timed(run: Callable[[], Any]) -> float:
    """The milliseconds of one run."""
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1e3


def turn(run: Callable[[], Any], line: str) -> dict[str, Any]:
    """The answer to a line "go" or "go N"."""
    timing.warm_up(run)
    if line == "go":
        return {"ms": timed(run)}
    before, n = energy.joules(), int(line.split()[1])
    times = [timed(run) for _ in range(n)]
    return {"ms": times, "joules": energy.spent(before, energy.joules(), n)}


def main() -> None:
    name, task, batch, threads, output = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
    answers = os.fdopen(os.dup(1), "w")  # libraries may print to stdout, which must not mix with the answers
    os.dup2(2, 1)
    try:
        network, given = contestant(name, task)
        run = network(given, batch, threads)
    except ModuleNotFoundError as error:
        print(json.dumps({"absent": str(error), "optional": task.startswith(OUTSIDE)}), file=answers, flush=True)
        return
    memory = {"built_mib": resident(), "building_mib": peak()}
    forget_peak()
    y = run()
    np.savez(output, *(y if isinstance(y, tuple) else (y,)))
    print(json.dumps({"ready": name} | build(name) | getattr(run, "facts", {})), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(turn(run, line.strip())), file=answers, flush=True)
    print(json.dumps(memory | {"peak_mib": peak()}), file=answers, flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
