"""Contests: each contestant runs in its own process, they take turns, and wrong answers are not timed."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

import machine
import numpy as np

from minigoog.array_types import Array
from minigoog.files import atomic_write
from minigoog.sparsity.speed.turns import WrongAnswer, take_turns

HERE = Path(__file__).parent
# Relative L2, of the logits and, in training, of the gradient of the first layer. At that depth rounding has
# flipped some ReLUs and maxima: PyTorch in float32 is 1.0e-3 from PyTorch in float64, minigoog 1.1e-3 (batch 2).
BOUNDS = {"difference": 1e-4, "gradient_difference": 2e-2}
COARSER = {"float32": 1, "bf16": 300, "int8": 3000}  # times BOUNDS: 3% and 30% of the logits
LARGEST = 0.5  # bound of any difference: that of the gradient in bf16, where PyTorch's autocast is 0.22 from float32
BLOCKS = 5  # in which contestants take turns with runs one after the other
PERCENTILES = (50, 95, 99)
PAUSE = 0.25  # seconds; ONNX Runtime and OpenMP spin for some milliseconds after a run, and slow the next contestant
WARM_UP_ROUNDS = 2  # not counted

Row = dict[str, Any]


class Entry(NamedTuple):
    """A contestant: a network of peers.CONTESTANTS, run by the interpreter `python`, with more variables in its environment.

    task: instead of that of the contest."""

    name: str
    network: str
    python: str = sys.executable
    environment: dict[str, str] = {}
    task: str = ""

    @property
    def own(self) -> bool:
        """Whether it runs in the environment of this program."""
        return self.python == sys.executable

    def variables(self, threads: int) -> dict[str, str]:
        """The environment of its process."""
        variables = os.environ | {"OMP_NUM_THREADS": str(threads)} | self.environment
        return {name: value for name, value in variables.items() if self.own or name not in ("PYTHONPATH", "PYTHONHOME")}


class Contestant:
    """A worker process (worker.py) that builds one network, then runs it whenever it is told to."""

    def __init__(self, entry: Entry, task: str, batch: int, threads: int):
        self.name, self.own = entry.name, entry.own
        self.folder = tempfile.TemporaryDirectory()
        self.output = Path(self.folder.name, "output.npz")
        command = [entry.python, str(HERE / "worker.py"), entry.network, entry.task or task, str(batch), str(threads), str(self.output)]
        # Its own session: Ctrl-C reaches only this process, and the worker ends when its input is closed.
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=entry.variables(threads), start_new_session=True)
        self.facts: dict[str, Any] = {}

    def answer(self) -> dict[str, Any]:
        """The next line of the worker, as JSON."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name}: the worker died with exit code {self.process.wait()}; see its message above")
        facts: dict[str, Any] = json.loads(line)
        return facts

    def turn(self) -> float:
        """One run; returns its milliseconds. First a pause: threads of the previous contestant may still spin on the cores."""
        return float(self._go("go")["ms"])

    def turns(self, n: int) -> dict[str, Any]:
        """`n` runs one after the other: the milliseconds of each, and the energy of one in joules, if it is known."""
        return self._go(f"go {n}")

    def _go(self, line: str) -> dict[str, Any]:
        assert self.process.stdin
        time.sleep(PAUSE)
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.answer()

    def stop(self) -> dict[str, Any]:
        """Ends the worker; returns its memory in MiB: after building the network, peak while building, peak while running."""
        assert self.process.stdin
        self.process.stdin.close()
        memory = self.answer()
        self.process.wait()
        self.folder.cleanup()
        return memory


def contest(entries: Sequence[Entry], task: str, batch: int, threads: int, rounds: int, latencies: int = 0) -> list[Row]:
    """Rows, one for each contestant that is installed: median and least milliseconds, each turn's, difference of the outputs, memory.

    All take turns, `rounds` times after two that do not count. The others' outputs are compared with the first's; a difference beyond
    its bound ends the contest. latencies: of so many more runs, in blocks one after the other, the percentiles."""
    contestants: list[Contestant] = []
    try:
        for entry in entries:
            contestants.append(contestant := Contestant(entry, task, batch, threads))
            contestant.facts = contestant.answer()  # one at a time: together they would slow each other down and need more memory
        present = installed(contestants)
        differences = check_outputs(present) if present else []
        times = take_turns({contestant.name: contestant.turn for contestant in present}, rounds + WARM_UP_ROUNDS)
        more = percentiles(present, latencies) if latencies else [{} for _ in present]
        return [_row(contestant, task, batch, times[contestant.name][WARM_UP_ROUNDS:]) | difference | latency | contestant.stop()
                for contestant, difference, latency in zip(present, differences, more, strict=True)]
    finally:
        for contestant in contestants:
            contestant.process.kill()


def percentiles(contestants: Sequence[Contestant], n: int) -> list[Row]:
    """Of each contestant the percentiles of the milliseconds of `n` runs, and the joules of one where the machine reports them."""
    blocks = [[contestant.turns(-(-n // BLOCKS)) for contestant in contestants] for _ in range(BLOCKS)]
    found = []
    for mine in zip(*blocks, strict=True):
        times, joules = np.concatenate([block["ms"] for block in mine]), [block["joules"] for block in mine]
        found.append({"percentiles_ms": dict(zip(map(str, PERCENTILES), np.percentile(times, PERCENTILES).tolist(), strict=True))}
                     | ({} if None in joules else {"joules": median(joules)}))
    return found


def installed(contestants: Sequence[Contestant]) -> list[Contestant]:
    """The contestants that could be built; prints which could not. RuntimeError if one of another environment is absent."""
    for contestant in contestants:
        if "absent" in contestant.facts:
            if not contestant.own and not contestant.facts.get("optional"):
                raise RuntimeError(f"{contestant.name}: {contestant.facts['absent']}")
            print(f"{contestant.name}: absent ({contestant.facts['absent']})", file=sys.stderr)
    return [contestant for contestant in contestants if "absent" not in contestant.facts]


def _row(contestant: Contestant, task: str, batch: int, times: list[float]) -> Row:
    facts = {"name": contestant.name, "task": task, "batch": batch, "ms": median(times), "least_ms": min(times), "rounds": len(times)}
    return contestant.facts | facts | {"times_ms": times}


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """(lower quartile, median, upper quartile)."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return low, middle, high


def check_outputs(contestants: Sequence[Contestant]) -> list[dict[str, float]]:
    """{name of a bound: difference} of each contestant's outputs to the first one's; raises WrongAnswer where one is too large."""
    outputs = [list(np.load(contestant.output).values()) for contestant in contestants]
    differences = [dict(zip(BOUNDS, map(difference_of, ys, outputs[0]), strict=False)) for ys in outputs]
    for contestant, found in zip(contestants, differences, strict=True):
        for name, difference in found.items():
            if not difference < min(BOUNDS[name] * COARSER[contestant.facts.get("format", "float32")], LARGEST):
                raise WrongAnswer(f"{contestant.name}: its {name} is {difference:.2g} (relative L2): a wrong answer is not timed")
    return differences


def difference_of(y: Array, judge: Array) -> float:
    """Relative L2."""
    return float(np.linalg.norm(y - judge) / np.linalg.norm(judge)) if y.shape == judge.shape else np.inf


def write_json(path: str, facts: dict[str, Any]) -> None:
    """Writes the facts about the machine, updated with `facts`, to a file."""
    described = machine.facts() | facts.pop("machine", {})
    with atomic_write(path) as file:
        file.write(json.dumps({"machine": described} | facts, indent=1).encode() + b"\n")
