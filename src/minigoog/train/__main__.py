"""python -m minigoog.train: trains a network.

  --tiny                                   a small Inception network on handwritten digits, in seconds
  --model googlenet --data FOLDER          any network on any folder of images
  --config RECIPE_OR_FILE                  with the settings of a TOML file; flags come before it
  --resume RUN                             goes on with a run that was stopped, to the same bits"""

import argparse
import re
import sys
from dataclasses import fields

from ..cli import Parser
from .config import Config, read, recipes
from .fit import fit, resume
from .loop import Interrupted, TrainingError


def parser():
    """The flags: one for each setting, and those that say where settings come from."""
    p = Parser(prog="python -m minigoog.train", description=__doc__.split(": ", 1)[1], allow_abbrev=False,
               formatter_class=argparse.RawDescriptionHelpFormatter)
    where = p.add_mutually_exclusive_group()
    where.add_argument("--tiny", action="store_const", const="tiny", dest="config", help="the same as --config tiny")
    where.add_argument("--config", metavar="RECIPE_OR_FILE", help=f"settings: {', '.join(recipes())}, or a TOML file")
    where.add_argument("--resume", metavar="RUN", help="the folder of a run to go on with")
    for setting in fields(Config):
        _add(p, setting)
    return p


def _add(p, setting):
    """The flag of a setting. It has no default here: what is not said comes from the file, or from Config."""
    meta, flag = setting.metadata, "--" + setting.name.replace("_", "-")
    default = "" if setting.default is None else f" (default: {setting.default})"
    if meta["kind"] is bool:
        p.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=meta["help"] + default)
    else:
        kinds = {"type": _number(meta["kind"])} if meta["kind"] is not str else {}
        name = "|".join(meta["choices"]) if "choices" in meta else {int: "N", float: "X", str: "TEXT"}[meta["kind"]]
        p.add_argument(flag, **kinds, metavar=name, help=meta["help"].replace("%", "%%") + default)


def _number(kind):
    """An argparse type: a number of this kind."""

    def parse(text):
        try:
            return kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} came, expected a {'whole ' if kind is int else ''}number") from None

    return parse


def with_flags(message):
    """The message of an error about a setting, with the setting called by its flag: `batch_size` becomes --batch-size."""
    return re.sub(r"`(\w+)`", lambda name: "--" + name[1].replace("_", "-"), message.removeprefix("train: "))


def train(flags, error):
    """Does what the flags say."""
    said = {name: value for name, value in vars(flags).items() if value is not None}
    folder, file = said.pop("resume", None), said.pop("config", None)
    if folder is not None:
        return resume(folder, **said)
    if not said and file is None:
        error("what shall be trained? Say --tiny, --config, or --model and --data")
    return fit(Config(**(read(file) if file else {}) | said))


def main():
    """Trains as the flags say. Exit codes: 0 done, 1 training failed, 2 wrong flags, 128 + signal stopped."""
    p = parser()
    try:
        train(p.parse_args(), p.error)
    except Interrupted as stop:
        print(f"\n{stop}", file=sys.stderr)
        sys.exit(128 + stop.signal)
    except KeyboardInterrupt:  # before the first step, after the last, or a second Ctrl-C
        print("\nstopped at once; the files that the run has written by now are whole, and --resume goes on from them", file=sys.stderr)
        sys.exit(130)
    except TrainingError as error:
        print(f"\n{p.prog}: {error}", file=sys.stderr)
        sys.exit(1)
    except (OSError, ValueError, TypeError, ImportError) as error:
        p.error(with_flags(str(error)))


if __name__ == "__main__":
    main()
