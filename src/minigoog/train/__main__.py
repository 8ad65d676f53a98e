"""python -m minigoog.train --tiny: trains a small Inception network on handwritten digits, in seconds."""

import argparse
import re
import sys

from ..kernels import MOST_THREADS
from .config import Config
from .loop import Interrupted, TrainingError, fit


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        print(f"{self.prog}: {message} (--help shows all flags)", file=sys.stderr)
        sys.exit(2)


def number(kind, minimum, maximum=float("inf"), exclusive=False):
    """An argparse type: a number of this kind within these limits."""
    limit = f"above {minimum}" if exclusive else f"of at least {minimum}"
    expected = f"a {'whole ' if kind is int else ''}number {limit}" + (f" and at most {maximum}" if maximum < float("inf") else "")

    def parse(text):
        try:
            value = kind(text)
            good = (value > minimum if exclusive else value >= minimum) and value <= maximum and value < float("inf")
        except ValueError:
            good = False
        if not good:
            raise argparse.ArgumentTypeError(f"{text!r} came, expected {expected}")
        return value

    return parse


def parser():
    """The flags."""
    p = Parser(prog="python -m minigoog.train", description=__doc__.split(": ", 1)[1], allow_abbrev=False)
    p.add_argument("--tiny", action="store_true", help="the tiny Inception network on the digits that ship with minigoog")
    p.add_argument("--seed", type=number(int, 0, 2**64 - 1), default=Config.seed, help="same seed, same numbers (default: %(default)s)")
    p.add_argument("--epochs", type=number(int, 1), default=Config.epochs, help="passes over the training digits (default: %(default)s)")
    p.add_argument("--batch-size", type=number(int, 1), default=Config.batch_size, help="images in a step (default: %(default)s)")
    p.add_argument("--lr", type=number(float, 0, exclusive=True), default=Config.lr, help="first learning rate (default: %(default)s)")
    p.add_argument("--threads", type=number(int, 1, MOST_THREADS), help="threads of the C kernels (default: OMP_NUM_THREADS, or all cores)")
    p.add_argument("--output", metavar="FOLDER", help="folder for weights, metrics and settings (default: a new one under runs/)")
    return p


def with_flags(message):
    """The message of an error about a setting, with the setting called by its flag: `batch_size` becomes --batch-size."""
    return re.sub(r"`(\w+)`", lambda name: "--" + name[1].replace("_", "-"), message.removeprefix("train: "))


def main():
    """Trains as the flags say. Exit codes: 0 done, 1 training failed, 2 wrong flags, 128 + signal stopped."""
    p = parser()
    flags = p.parse_args()
    if not flags.tiny:
        p.error("say --tiny: nothing else can be trained yet")
    try:
        fit(Config(flags.seed, flags.epochs, flags.batch_size, flags.lr, threads=flags.threads, output=flags.output))
    except Interrupted as stop:
        print(f"\n{stop}", file=sys.stderr)
        sys.exit(128 + stop.signal)
    except KeyboardInterrupt:  # before the first step, after the last, or a second Ctrl-C
        print("\nstopped at once; the files that the run has written by now are whole", file=sys.stderr)
        sys.exit(130)
    except TrainingError as error:
        print(f"\n{p.prog}: {error}", file=sys.stderr)
        sys.exit(1)
    except (OSError, ValueError) as error:
        p.error(with_flags(str(error)))


if __name__ == "__main__":
    main()
