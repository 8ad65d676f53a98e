"""A contest, not a stopwatch: each contestant in a process of its own, taking turns; wrong answers are not timed."""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

HERE = Path(__file__).parent
PAUSE = 0.25  # seconds; ONNX Runtime and OpenMP spin for some milliseconds after a run, and slow whoever comes next


class Contestant:
    """A worker process (worker.py) that builds one network, then runs it whenever it is told to."""

    def __init__(self, name, task, batch, threads, environment=None):
        self.name = name
        self.folder = tempfile.TemporaryDirectory()
        self.output = Path(self.folder.name, "output.npy")
        command = [sys.executable, str(HERE / "worker.py"), name, task, str(batch), str(threads), str(self.output)]
        settings = os.environ | {"OMP_NUM_THREADS": str(threads)} | (environment or {})
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=settings)
        self.absent = self.answer()
        self.times = []

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
        """Ends the worker; returns its peak memory in MiB."""
        self.process.stdin.close()
        memory = self.answer()["peak_mib"]
        self.process.wait()
        self.folder.cleanup()
        return memory


def race(names, task, batch, threads, rounds, environment=None):
    """Rows, one for each contestant that is installed: median and least milliseconds, difference of the outputs, peak memory.

    All take turns, `rounds` times after two that do not count. The first name is the judge of the others' outputs: relative L2
    difference below 1e-4, or the contest is off."""
    contestants = []
    try:
        for name in names:
            contestants.append(Contestant(name, task, batch, threads, environment))
        for absent in [c for c in contestants if c.absent.get("absent")]:
            print(f"{absent.name}: absent ({absent.absent['absent']})", file=sys.stderr)
        contestants = [c for c in contestants if not c.absent.get("absent")]
        differences = check_outputs(contestants)
        for _ in range(rounds + 2):
            for contestant in contestants:
                contestant.turn()
        rows = []
        for contestant, difference in zip(contestants, differences, strict=True):
            times = contestant.times[2:]
            row = {"name": contestant.name, "task": task, "batch": batch, "ms": median(times), "least_ms": min(times)}
            rows.append(row | {"difference": difference, "peak_mib": contestant.stop()})
        return rows
    finally:
        for contestant in contestants:
            contestant.process.kill()


def check_outputs(contestants):
    """Relative L2 difference of each contestant's output to the first one's; raises ValueError where it is too large."""
    outputs = [np.load(contestant.output) for contestant in contestants]
    differences = [float(np.linalg.norm(y - outputs[0]) / np.linalg.norm(outputs[0])) for y in outputs]
    for contestant, difference in zip(contestants, differences, strict=True):
        if not difference < 1e-4:
            raise ValueError(f"{contestant.name}: its output differs by {difference:.2g} (relative L2): a wrong answer is not timed")
    return differences


def machine():
    """What the numbers were measured on."""
    import minigoog

    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(":")[1].strip() for line in cpuinfo if line.startswith("model name")), platform.processor())
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=HERE).stdout.strip()
    return {"cpu": model, "cores": os.cpu_count(), "isa": minigoog.kernels.native.machine.isa(), "minigoog": commit,
            "python": platform.python_version(), "numpy": np.__version__}


def write_json(path, facts):
    """Writes `facts` and the machine to a file."""
    Path(path).write_text(json.dumps({"machine": machine()} | facts, indent=1) + "\n")
