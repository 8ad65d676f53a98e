"""Ctrl-C, by real signals, from the first import of a program to its last moment: exit code 130, no traceback."""

import os
import pty
import random
import select
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from minigoog import interrupts

STOP = """
import atexit, os, signal, sys, threading

def stop():
    os.kill(os.getpid(), signal.SIGINT)

def watch(event, arguments, seen=[]):
    if seen or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        seen.append(event)  # an import, a file that is opened, code that is run, ...
        if len(seen) == int(os.environ["STOP_AT"]):
            stop()

at = os.environ["STOP_AT"]
if at == "exit":
    atexit.register(stop)
elif at == "threads":  # while Python waits for its threads at the end
    threading._register_atexit(stop)
else:
    sys.addaudithook(watch)
"""  # from the first lines of the package on, Python's audit events are counted; at the one of this number the signal comes
PROGRAMS = {
    "train": ["-m", "minigoog.train", "--tiny", "--epochs", "1", "--output", "run"],
    "summary": ["-m", "minigoog", "inspect", "summary", "tiny"],
    "evaluate": ["-m", "minigoog.evaluate", "nowhere", "--data", "digits"],
    "classify": ["-m", "minigoog.classify", "nothing.png", "--weights", "nowhere"], "sparsity": ["-m", "minigoog.sparsity", "--list"],
    "command": ["minigoog", "completion", "bash"], "version": ["-m", "minigoog", "--version"],
}  # fmt: skip


def stopped(tmp_path, name, at):
    """(exit code, standard error) of a program that gets Ctrl-C at this moment."""
    (tmp_path / "sitecustomize.py").write_text(STOP)
    (tmp_path / "minigoog").write_text("import sys\nfrom minigoog.__main__ import main\nsys.exit(main())\n")  # as pip installs it
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "STOP_AT": str(at)}
    done = subprocess.run([sys.executable, *PROGRAMS[name]], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stderr


@pytest.mark.parametrize("name, at", [("train", 40), ("command", 5), ("summary", "threads"), ("version", "exit")])
def test_ctrl_c_at_the_start_and_at_the_end_of_a_program_is_silent(tmp_path, name, at):
    assert stopped(tmp_path, name, at) == (130, "\n")


@pytest.mark.slow
def test_ctrl_c_at_200_moments_gives_no_traceback(tmp_path):
    chance, codes = random.Random(0), []
    for _ in range(200):
        name, at = chance.choice(list(PROGRAMS)), round(10 ** chance.uniform(0, 3.8))
        code, error = stopped(tmp_path, name, at)
        codes.append(code)
        # a moment after the last event does not come: the program ends as always
        assert code in (130, 0, 2) and "Traceback" not in error and error.count("\n") <= 2, (name, at, code, error)
    assert codes.count(130) > 100


@pytest.mark.parametrize("argv, original, expected", [
    (["-m"], ["python", "-m", "minigoog.train", "--tiny"], True), (["-m"], ["python", "-Wd", "-mminigoog"], True),
    (["/usr/bin/minigoog"], ["python", "/usr/bin/minigoog"], True), (["-m"], ["python", "-m", "pytest", "minigoog.py"], False),
    (["-m"], ["python", "-m", "minigoogly"], False), (["-c"], ["python", "-c", "import minigoog"], False), ([""], ["python"], False),
    (["train_minigoog.py"], ["python", "train_minigoog.py"], False), ([], [], False),
])  # fmt: skip
def test_only_programs_of_the_package_are_changed(monkeypatch, argv, original, expected):
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(sys, "orig_argv", original)
    assert interrupts.is_program() == expected


def test_importing_the_package_changes_nothing():
    code = "import signal; before = signal.getsignal(2); import minigoog.train; print(signal.getsignal(2) is before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "True\n"


DESTRUCTOR = """
import signal, time
from minigoog import interrupts

class Last:
    def __del__(self):
        raise KeyboardInterrupt

interrupts.end_silently()
signal.signal(signal.SIGINT, signal.default_int_handler)
last = Last()
try:
    del last
    time.sleep(60)
except KeyboardInterrupt:
    print("raised")
"""


def test_an_interrupt_in_a_destructor_is_not_lost():
    done = subprocess.run([sys.executable, "-c", DESTRUCTOR], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "raised\n", "")


def test_ctrl_c_at_the_prompt_of_the_walk_clears_the_line():
    terminal, its_end = pty.openpty()
    command = [sys.executable, "-m", "minigoog.inspection", "step"]
    with subprocess.Popen(command, stdin=its_end, stdout=its_end, stderr=its_end, env=os.environ | {"TERM": "dumb"}) as process:
        os.close(its_end)

        def until(text, again=lambda: None):
            """What the terminal shows, up to `text`. `again` is called after each second without an answer."""
            seen = ""
            for _ in range(60):
                while select.select([terminal], [], [], 1)[0]:
                    seen += os.read(terminal, 4096).decode()
                    if text in seen:
                        return seen
                again()
            process.kill()  # else the with-block waits for its end for ever
            raise AssertionError(f"no {text!r} in {seen!r}")

        def interrupt():
            process.send_signal(signal.SIGINT)

        until("\n> ")
        for _ in range(3):
            os.write(terminal, b"nonsense")
            until("nonsense")
            interrupt()  # which is lost if it arrives just before the system call that reads
            until("\n> ", interrupt)
        os.write(terminal, b"help\n")
        assert "unknown command" not in until("leave", lambda: os.write(terminal, b"help\n"))  # an interrupt that is late clears this too
        for _ in range(60):
            os.write(terminal, b"quit\n")
            with suppress(subprocess.TimeoutExpired):
                process.wait(1)
                break
        process.kill()  # of one that has not ended, whose status is not 0
    assert process.returncode == 0
    os.close(terminal)
