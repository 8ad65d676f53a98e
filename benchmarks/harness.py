"""A contest, not a stopwatch: each contestant in a process of its own, taking turns; wrong answers are not timed."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import machine
import numpy as np
from turns import WrongAnswer

HERE = Path(__file__).parent
# Relative L2, of the logits and, in training, of the gradient of the first layer. That far back rounding has turned some ReLUs and
# maxima the other way: PyTorch in float32 is 1.0e-3 from PyTorch in float64, minigoog 1.1e-3 (batch 2).
BOUNDS = {"difference": 1e-4, "gradient_difference": 2e-2}
PAUSE = 0.25  # seconds; ONNX Runtime and OpenMP spin for some milliseconds after a run, and slow whoever comes next


class Contestant:
    """A worker process (worker.py) that builds one network, then runs it whenever it is told to."""

    def __init__(self, name, task, batch, threads, environment=None):
        self.name = name
        self.folder = tempfile.TemporaryDirectory()
        self.output = Path(self.folder.name, "output.npz")
        command = [sys.executable, str(HERE / "worker.py"), name, task, str(batch), str(threads), str(self.output)]
        settings = os.environ | {"OMP_NUM_THREADS": str(threads)} | (environment or {})
        # A session of its own: Ctrl-C reaches us alone, and the worker ends when its input does.
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=settings, start_new_session=True)
        self.facts, self.times = {}, []

    def answer(self):
        """The next line of the worker, as JSON."""
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name}: the worker died with exit code {self.process.wait()}; see its message above")
        return json.loads(line)

    def turn(self):
        """One run; returns its milliseconds. First a pause: threads of the contestant before may still spin on the cores."""
        time.sleep(PAUSE)
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        self.times.append(self.answer()["ms"])
        return self.times[-1]

    def stop(self):
        """Ends the worker; returns its memory in MiB: after building the network, at most while building, at most while running."""
        self.process.stdin.close()
        memory = self.answer()
        self.process.wait()
        self.folder.cleanup()
        return memory


def race(environments, task, batch, threads, rounds):
    """Rows, one for each contestant that is installed: median and least milliseconds, difference of the outputs, memory.

    environments: {name: what its process finds in its environment besides ours}. All take turns, `rounds` times after two that do
    not count. The first name is the judge of the others' outputs: each difference within its bound, or the contest is off."""
    contestants = []
    try:
        for name, environment in environments.items():
            contestants.append(contestant := Contestant(name, task, batch, threads, environment))
            contestant.facts = contestant.answer()  # one at a time: they would slow each other, and the memory of building adds up
        for contestant in contestants:
            if "absent" in contestant.facts:
                print(f"{contestant.name}: absent ({contestant.facts['absent']})", file=sys.stderr)
        contestants = [contestant for contestant in contestants if "absent" not in contestant.facts]
        differences = check_outputs(contestants) if contestants else []
        for _ in range(rounds + 2):
            for contestant in contestants:
                contestant.turn()
        rows = []
        for contestant, difference in zip(contestants, differences, strict=True):
            times = contestant.times[2:]
            row = {"name": contestant.name, "task": task, "batch": batch, "ms": median(times), "least_ms": min(times)}
            row |= {"isa": contestant.facts["isa"], "rounds": rounds}
            rows.append(row | difference | contestant.stop())
        return rows
    finally:
        for contestant in contestants:
            contestant.process.kill()


def check_outputs(contestants):
    """{name of a bound: difference} of each contestant's outputs to the first one's; raises WrongAnswer where one is too large."""
    outputs = [list(np.load(contestant.output).values()) for contestant in contestants]
    differences = [dict(zip(BOUNDS, map(difference_of, ys, outputs[0]), strict=False)) for ys in outputs]
    for contestant, found in zip(contestants, differences, strict=True):
        for name, difference in found.items():
            if not difference < BOUNDS[name]:
                raise WrongAnswer(f"{contestant.name}: its {name} is {difference:.2g} (relative L2): a wrong answer is not timed")
    return differences


def difference_of(y, judge):
    """Relative L2."""
    return float(np.linalg.norm(y - judge) / np.linalg.norm(judge)) if y.shape == judge.shape else np.inf


def write_json(path, facts):
    """Writes the machine and `facts` to a file; `facts` may correct what it says of the machine."""
    described = machine.facts() | facts.pop("machine", {})
    Path(path).write_text(json.dumps({"machine": described} | facts, indent=1) + "\n")
