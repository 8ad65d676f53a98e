"""Ctrl-C while a program of this package starts or ends: it ends at once and silently, with exit code 130.

Python's own answer is an exception wherever the main thread happens to be: a traceback of imports, or of threads that are waited for.
Only `python -m minigoog...` and the command `minigoog` are changed, from the first line of the package on: `import minigoog` in any
other program changes nothing. This module imports next to nothing, so that it is ready at once."""

import _thread
import os
import signal
import sys

STOPPED = 128 + signal.SIGINT  # what a shell reports for a program that was stopped by Ctrl-C


def is_program() -> bool:
    """Whether this process is a program of this package. Only right while the package is being imported."""
    argv = getattr(sys, "argv", [])
    if argv[:1] != ["-m"]:  # so it is while Python imports the package of a module that it is to run
        return argv[:1] != [] and os.path.basename(argv[0]) in ("minigoog", "minigoog.exe")
    words = iter(sys.orig_argv[1:])
    module = next((word[2:] or next(words, "") for word in words if word.startswith("-m")), "")
    return module.split(".")[0] == "minigoog"


def end_silently() -> None:
    """From now on, Ctrl-C ends this process at once, unless its parent has it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end)
        sys.unraisablehook = _raise_again


def end(number: int, frame: object) -> None:
    """The handler of Ctrl-C that ends the process."""
    os.write(2, b"\n")
    os._exit(STOPPED)


def _raise_again(lost: "sys.UnraisableHookArgs") -> None:
    """What Python calls for an exception in a destructor, where a KeyboardInterrupt would be lost."""
    if lost.exc_type is KeyboardInterrupt:
        # sent from here, it would be raised here, and lost again
        _thread.start_new_thread(signal.pthread_kill, (_thread.get_ident(), signal.SIGINT))
    else:
        sys.__unraisablehook__(lost)


if is_program():
    end_silently()
