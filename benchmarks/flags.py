"""Flags that the programs in this folder share."""

import argparse
import os
import sys
from collections.abc import Callable
from typing import Any

import machine

from minigoog.cli import output_file
from minigoog.sparsity.speed.turns import WrongAnswer


def positive(text: str) -> int:
    """An integer from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected an integer from 1 on, got {text!r}")
    return int(text)


def parser(description: str) -> argparse.ArgumentParser:
    """A parser with the flags that all have."""
    p = argparse.ArgumentParser(description=description.split("\n")[0])
    threads = os.environ.get("OMP_NUM_THREADS") or os.cpu_count()
    p.add_argument("--threads", type=positive, default=threads, help="default: OMP_NUM_THREADS, or all cores")
    p.add_argument("--rounds", type=positive, default=7, help="turns of each contestant")
    p.add_argument("--json", type=output_file, metavar="FILE")
    return p


def choose(p: argparse.ArgumentParser, found: list[Any], substring: str) -> list[Any]:
    """The layers in `found` with the substring in their name; an error if there are none."""
    chosen = [layer for layer in found if substring in layer.name]
    if not chosen:
        p.error(f"--layers: no layer has {substring!r} in its name")
    return chosen


def use(p: argparse.ArgumentParser, flags: argparse.Namespace) -> None:
    """Sets the threads, also of BLAS, and the instruction set (`isa`, if the program has that flag) of this process."""
    machine.use_threads(flags.threads)
    import minigoog

    native = minigoog.kernels.native
    if native is None:
        p.error("the C kernels were not built: nothing to measure")
    native.machine.set_threads(flags.threads)
    if getattr(flags, "isa", None):
        if flags.isa not in native.machine.available_isas():
            p.error(f"--isa: {flags.isa!r} is not available here, expected one of {', '.join(native.machine.available_isas())}")
        native.machine.set_isa(flags.isa)
    flags.isa = native.machine.isa()


def run(main: Callable[[], None]) -> None:
    """Calls `main`; Ctrl-C ends the program silently, a wrong answer or a contestant that died with one line."""
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except (WrongAnswer, RuntimeError) as error:
        sys.exit(str(error))
