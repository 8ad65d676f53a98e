"""Processes of a job that are killed at random moments: at its start, or while it trains."""

import json
import os
import random
import signal
import subprocess
import time

from minigoog.formats import safetensors

from . import processes

LONGEST = 30  # seconds in which a job has to end or to go on


def written(run):
    """When the last checkpoint was written."""
    try:
        return (run / "checkpoint.safetensors").stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def position(run):
    """The epoch and step of the last checkpoint, which is never half a file."""
    if not written(run):
        return 0, 0
    at = json.loads(safetensors.load(run / "checkpoint.safetensors")[1]["progress"])
    return at["epoch"], at["step"]


def until(seconds, happened):
    """Waits until something has happened; whether it has, in so many seconds."""
    end = time.monotonic() + seconds
    while not (found := happened()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


class Killer:
    """Runs jobs and kills a process of the one that runs, until it has killed `kills`: nothing behind a checkpoint may be lost.

    epochs: of the run; new: gives a job's number of processes and words."""

    def __init__(self, run, epochs, kills, new, ft=False):
        self.run, self.epochs, self.left, self.new, self.ft = run, epochs, kills, new, ft
        self.draw, self.job, self.at, self.output = random.Random(0), None, (0, 0), run.with_name("output")

    def kill_all(self):
        while self.left:
            if self.job is None or self.job.poll() is not None:
                self._begin()
            if self._wait() and self._kill():
                before = written(self.run)
                over = until(LONGEST, lambda before=before: self.job.poll() is not None or written(self.run) > before)
                assert over, f"hangs with {self.left} kills left: {self._stacks()}"
        if self.job.poll() is None:
            self.job.send_signal(signal.SIGTERM)
            self.job.wait(LONGEST)

    def _begin(self):
        before, self.at = self.at, position(self.run)
        assert before <= self.at < (self.epochs, 0), (before, self.at, self.left)
        n, words = self.new(self.draw)
        command = processes.command(n, *words, ft=self.ft)
        with open(self.output, "wb") as file:
            how = {"stdout": file, "stderr": file, "env": os.environ | processes.ENVIRONMENT}
            self.job = subprocess.Popen(command, cwd=processes.ROOT, **how)

    def _stacks(self):
        """What the job has printed, and at the end where its processes are."""
        for child in processes.children(self.job.pid):
            os.kill(child, signal.SIGUSR2)
        time.sleep(1)
        self.job.kill()
        return self.output.read_text(errors="replace")[-4000:]

    def _wait(self):
        """Until a random moment; whether the job is still there."""
        before = written(self.run)
        if self.draw.random() < 0.25:
            time.sleep(self.draw.uniform(0.2, 2))
        else:
            assert until(60, lambda: self.job.poll() is not None or written(self.run) > before), "no checkpoint in a minute"
            time.sleep(self.draw.uniform(0, 1))
        return self.job.poll() is None

    def _kill(self):
        children = processes.children(self.job.pid)
        if not children:
            return False
        os.kill(self.draw.choice(children), signal.SIGKILL)
        self.left -= 1
        return True
