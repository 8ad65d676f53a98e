"""python -m tests.fuzz [READER ...]: reads random inputs, and keeps those that a reader takes in a wrong way.

Every input follows from --seed and its number alone, so a stopped run goes on
with --start. Exit codes: 0 nothing found, 1 something found."""

import argparse
import shutil
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from .check import Checker, memory
from .readers import READERS

PART = 2000  # inputs that a process reads before it reports
MOST_FAULTS = 100  # then the run stops

_checker: list[Checker] = []  # of this process


def begin(names: list[str], seed: int, folder: Path) -> None:
    """Called at the start of each process."""
    _checker[:] = [Checker(names, seed, folder)]


def part(start: int, stop: int) -> list[tuple[int, str, str, bytes]]:
    """(number, reader, fault, input) of those of the inputs that show a fault."""
    found = []
    for number in range(start, stop):
        name, fault, data = _checker[0].check(number)
        if fault:
            found.append((number, name, fault, data))
    return found


def found(flags: argparse.Namespace, names: list[str], folder: Path) -> Iterator[tuple[int, str, str, bytes]]:
    """The faults as they are found; prints progress on the way."""
    stop, began, printed = flags.start + flags.inputs, time.monotonic(), 0.0
    starts = list(range(flags.start, stop, PART))
    with ProcessPoolExecutor(flags.processes, initializer=begin, initargs=(names, flags.seed, folder)) as pool:
        for start, faults in zip(starts, pool.map(part, starts, [min(at + PART, stop) for at in starts]), strict=True):
            yield from faults
            done, seconds = min(start + PART, stop) - flags.start, time.monotonic() - began
            if seconds - printed > 10 or done == flags.inputs:
                printed = seconds
                left = seconds / done * (flags.inputs - done)
                print(f"{done:,} inputs, {done / seconds:,.0f} a second, {left:,.0f} s left; --start {start + PART}", flush=True)


def main() -> int:
    p = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.split(": ", 1)[1])
    p.add_argument("readers", nargs="*", choices=[*READERS, []], metavar="READER", help=f"of {', '.join(READERS)} (default: all)")
    p.add_argument("--inputs", type=int, default=100_000, metavar="N", help="how many, over all readers (default: 100,000)")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--start", type=int, default=0, metavar="N", help="the number of the first input")
    p.add_argument("--processes", type=int, default=1, metavar="N")
    p.add_argument("--keep", type=Path, default=Path("fuzz-found"), metavar="FOLDER", help="for inputs that show a fault")
    flags = p.parse_args()
    names, kinds = flags.readers or list(READERS), Counter()
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=memory()))
    try:
        for number, name, fault, data in found(flags, names, folder):
            kinds[name, fault.split(":")[0]] += 1
            (flags.keep / name).mkdir(parents=True, exist_ok=True)
            kept = flags.keep / name / f"{zlib.crc32(data):08x}"
            kept.write_bytes(data)
            if kinds[name, fault.split(":")[0]] <= 3:
                print(f"{name}, input {number}: {fault}\n    {kept}", flush=True)
            if sum(kinds.values()) >= MOST_FAULTS:
                break
    except BrokenProcessPool:
        print(f"a process crashed: its last input lies in {folder}", flush=True)
        return 1
    shutil.rmtree(folder)
    print("\n".join(f"{n:6} {name}: {fault}" for (name, fault), n in kinds.most_common()) or "no faults")
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
