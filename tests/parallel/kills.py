"""Processes of a job that are killed at random moments: at its start, or while it trains."""

import os
import random
import signal
import subprocess
import time

from . import processes

LONGEST = 30  # seconds in which a job has to end or to go on


def written(run):
    """When the last checkpoint was written."""
    try:
        return (run / "checkpoint.safetensors").stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def until(seconds, happened):
    """Waits until something has happened; whether it has, in so many seconds."""
    end = time.monotonic() + seconds
    while not (found := happened()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


class Killer:
    """Runs jobs and kills a process of the one that runs, until it has killed `kills`. new: gives a job's number of processes and words."""

    def __init__(self, run, kills, new, ft=False):
        self.run, self.left, self.new, self.ft = run, kills, new, ft
        self.draw, self.job = random.Random(0), None

    def kill_all(self, check=lambda: None):
        """check: called after each kill, when the job has ended or gone on."""
        while self.left:
            if self.job is None or self.job.poll() is not None:
                assert self.job is None or self.job.returncode != 0, f"the run has ended with {self.left} kills left: more epochs"
                self._begin()
            if not self._wait() or not self._kill():
                continue
            before = written(self.run)
            ends_or_goes_on = until(LONGEST, lambda before=before: self.job.poll() is not None or written(self.run) > before)
            assert ends_or_goes_on, f"hangs with {self.left} kills left"
            check()
        if self.job.poll() is None:
            self.job.send_signal(signal.SIGTERM)
            self.job.wait(LONGEST)

    def _begin(self):
        n, words = self.new(self.draw)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        command = processes.command(n, *words, ft=self.ft)
        self.job = subprocess.Popen(command, cwd=processes.ROOT, **quiet, env=os.environ | processes.ENVIRONMENT)

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
