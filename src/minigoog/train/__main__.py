"""python -m minigoog.train: trains a network.

  --tiny                           a small Inception network, on digits
  --model googlenet --data FOLDER  any network on any folder of images
  --weights FILE --data FOLDER     fine-tunes a trained network to other classes
  --config FILE                    a recipe or a TOML file of settings
  --resume RUN [--epochs N]        resumes a run; trains a finished one on
  find-lr [flags]                  tries learning rates, from low to high"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import Field, fields
from typing import Any

from ..cli import Parser, exit_codes, integer, number, with_flags
from ..parallel import RankLost
from ..parallel.together import ending_all
from . import find_lr
from .config import Config, from_file, recipes
from .errors import Interrupted, TrainingError
from .fit import fit, resume

PROG = "python -m minigoog.train"
GROUPS: dict[str, Sequence[str]] = {  # of flags in --help-all
    "data and output": ("data", "data_dir", "download", "skip_damaged", "validation", "output"),
    "fine-tuning": ("weights", "preprocess", "freeze", "freeze_norm", "head_lr"),
    "network": ("model", "size", "norm", "whiten", "width", "precision", "models", "seed", "sampling_seed"),
    "augmentation of training images": ("augment", "shift", "padding_mode", "mirror", "cutout", "interpolation"),
    "optimisation": (
        "epochs", "batch_size", "lr", "bias_rate", "schedule", "step_epochs", "step_factor", "warmup", "test_every", "stop_after",
        "start_epoch", "optimizer", "momentum", "nesterov", "beta2", "clip",
    ),
    "regularisation": ("weight_decay", "label_smoothing", "mix", "mix_alpha", "class_weights", "aux_weight", "average", "lookahead"),
    "pruning": ("prune", "prune_steps", "prune_begin", "prune_end", "prune_scope", "prune_block", "prune_group", "prune_keep"),
    "distillation": ("distill", "distill_temperature", "distill_weight"),
    "several processes": ("data_parallel", "micro_batches", "elastic", "staleness", "patience"),
    "asynchronous training, with servers": ("downpour", "servers", "fetch_every", "push_every", "warm_start", "replay"),
    "threads and checkpoints": ("threads", "workers", "checkpoint_minutes", "keep_every", "live", "tensorboard"),
}
FINE_TUNING = "finetune"  # the recipe that --weights starts from: what is good for new networks is not for trained ones
MOST_CHOICES = 10  # of a setting that the help lists; the error for a wrong one lists all
COMMON = ("data", "output", "model", "weights", "epochs", "batch_size", "lr", "threads")  # what --help shows


def parser(prog: str = PROG, everything: bool = True) -> Parser:
    """The flags of the main program; `commands` holds those of `find-lr`. everything: whether the help shows all of them."""
    p = _parser(prog, everything)
    p.commands["find-lr"] = _parser(f"{prog} find-lr", everything)
    return p


def _parser(prog: str, everything: bool) -> Parser:
    """The flags: one for each setting, and those that select a recipe or run."""
    usage = f"{prog} [--tiny | --config FILE | --resume RUN] [flags]"
    p = Parser(prog=prog, usage=usage, description=(__doc__ or "").split(": ", 1)[1], add_help=False)
    p.add_argument("-h", "--help", action="help", help="shows the most common flags")
    p.add_argument("--help-all", action="store_true", help="shows all flags")
    where = p.add_mutually_exclusive_group()
    where.add_argument("--tiny", action="store_const", const="tiny", dest="config", help="the same as --config tiny")
    where.add_argument("--config", metavar="FILE", help=f"{', '.join(recipes())}, or a file")
    where.add_argument("--resume", metavar="RUN", help="the folder of a run to resume")
    accept = "with --resume: resume although something has changed" if everything else argparse.SUPPRESS
    p.add_argument("--accept-changes", action="store_true", default=None, help=accept)
    settings = {setting.name: setting for setting in fields(Config)}
    hidden = {"": [name for name in settings if name not in COMMON]}
    for title, names in GROUPS.items() if everything else ({"common settings": COMMON} | hidden).items():
        group = p.add_argument_group(title)
        for name in names:
            _add(group, settings[name], everything or name in COMMON)
    return p


def _add(group: Any, setting: Field[Any], shown: bool) -> None:
    """The flag of a setting. It has no default: a setting that is not given comes from the file or from Config."""
    meta, flag = setting.metadata, "--" + setting.name.replace("_", "-")
    default = "" if setting.default is None or meta["kind"] in (bool, tuple) else f" (default: {setting.default})"
    text = meta["help"].replace("%", "%%") + default if shown else argparse.SUPPRESS
    if meta["kind"] is bool:
        group.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=text)
    else:
        kind = {int: integer(), float: number, str: str, tuple: str}[meta["kind"]]
        choices = meta.get("choices", ())
        listed = 0 < len(choices) <= MOST_CHOICES
        name = "|".join(choices) if listed else {int: "N", float: "X", str: "TEXT", tuple: "NAME"}[meta["kind"]]
        group.add_argument(flag, type=kind, metavar=name, help=text, nargs="+" if meta["kind"] is tuple else None)


def train(flags: argparse.Namespace, run: Callable[[Config], Any] = fit) -> Any:
    """run(the settings of the flags); with --resume, goes on with a run."""
    given = {name: value for name, value in vars(flags).items() if value is not None}
    folder, file = given.pop("resume", None), given.pop("config", None)
    if folder is None and "accept_changes" in given:
        raise ValueError("train: `accept_changes` is only for `resume`")
    if folder is not None and run is not fit:
        raise ValueError("train: `resume` is given, but find-lr takes the settings of a new run")
    if folder is not None:
        return resume(folder, **given)
    if not given and file is None:
        raise ValueError("nothing to train: pass --tiny, --config, --model and --data, or --weights and --data")
    if "weights" in given:
        file = file or FINE_TUNING
        for name in ("model", "norm", "whiten", "width", "aux_weight"):
            if name in given:
                raise ValueError(f"train: `{name}` is given, but the network is that of `weights`")
    if "start_epoch" in given:
        raise ValueError("train: `start_epoch` is given, but the schedule of a new run begins with it")
    given["start_epoch"] = 0  # that of a file is of a run that was trained longer
    config = from_file(file, **given) if file else Config(**given)
    config.check_used(given)
    return run(config)


def main(arguments: Sequence[str] | None = None, prog: str = PROG) -> None:
    """Trains with the settings of the flags. Exit codes: 0 done, 1 training failed, 2 wrong flags, 128 + signal stopped."""
    given = sys.argv[1:] if arguments is None else arguments
    search = given[:1] == ["find-lr"]
    p = parser(prog, everything=False)
    p = p.commands["find-lr"] if search else p
    flags = p.parse_args(given[1:] if search else given)
    if vars(flags).pop("help_all"):
        return parser(prog).print_help()
    reword = with_flags(**{name: "--" + name.replace("_", "-") for name in vars(flags)})
    with ending_all():
        _train(p, flags, reword, find_lr.search if search else fit)
    return None


def _train(p: Parser, flags: argparse.Namespace, reword: Callable[[str], str], run: Callable[[Config], Any]) -> None:
    """Trains, or what else `run` does with the settings; exits with a line about an error or a stop."""
    try:
        with exit_codes(p, reword=reword):
            train(flags, run)
    except Interrupted as stop:
        if not stop.said:
            print(f"\n{stop}", file=sys.stderr)
        sys.exit(128 + stop.signal)
    except (TrainingError, RankLost) as error:
        lost = "another process has died, before training began: " if isinstance(error, RankLost) else ""
        print(f"\n{p.prog}: {lost}{error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
