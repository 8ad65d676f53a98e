"""What a run is made of, as data: the settings, each with its check and its help, and the files that hold them."""

import difflib
import json
import os
import tomllib
from dataclasses import asdict, dataclass, field, fields
from importlib import resources
from pathlib import Path

from .. import __version__, kernels
from ..checks import check_int, check_real
from ..models import MODELS
from .augmentation import AUGMENTATIONS
from .schedules import SCHEDULES

# what may change without changing a bit; of `data`, only where they are
BITLESS = ("threads", "workers", "data", "data_dir", "download", "checkpoint_minutes", "keep_every")


def whole(default, minimum, help, maximum=2**31 - 1):
    """A setting that is a whole number; None if its default is None."""
    return _setting(default, help, int, lambda name, value: check_int("train", name, value, minimum, maximum))


def real(default, minimum, help, maximum=float("inf"), above=False):
    """A setting that is a number."""

    def check(name, value):
        number = check_real("train", name, value, minimum, maximum)
        if above and number == minimum:
            raise ValueError(f"train: `{name}` is {minimum}, expected it above {minimum}")
        return number

    return _setting(default, help, float, check)


def choice(default, choices, help):
    """A setting that is one of a few words."""

    def check(name, value):
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"train: `{name}` is {value!r}, expected one of {', '.join(choices)}")
        return value

    return _setting(default, help, str, check, choices=tuple(choices))


def switch(default, help):
    """A setting that is on or off."""

    def check(name, value):
        if not isinstance(value, bool):
            raise TypeError(f"train: `{name}` is {value!r}, expected true or false")
        return value

    return _setting(default, help, bool, check)


def text(default, help):
    """A setting that is a name or a path; a path of another kind becomes text."""

    def check(name, value):
        if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
            raise ValueError(f"train: `{name}` is {os.fspath(value)!r}, expected a name" if isinstance(value, (str, os.PathLike))
                             else f"train: `{name}` is {value!r}, expected text")
        return os.fspath(value)

    return _setting(default, help, str, check)


def _setting(default, help, kind, check, **more):
    return field(default=default, metadata={"help": help, "kind": kind, "check": check, **more})


@dataclass(frozen=True)
class Config:
    """The settings of a run; raises ValueError or TypeError, naming the setting, for one that cannot be. None: left to the data,
    the model or the machine. Every setting is also a flag of `python -m minigoog.train` and a line of a TOML file."""

    model: str = choice("small", MODELS, "the network")
    data: str = text("digits", "digits, mnist, fashion-mnist, cifar10, cifar100, or a folder of images")
    data_dir: str | None = text(None, "folder where standard data sets lie (default: MINIGOOG_DATA, or ~/.cache/minigoog)")
    download: bool = switch(False, "get a standard data set from its source if it is not there")
    output: str | None = text(None, "folder of the run, new or empty (default: a new one under runs/)")
    models: int = whole(1, 1, "how many models to train: an ensemble has one initialisation and different samplings (section 7)")
    seed: int = whole(0, 0, "of the initialisation; same seed, same numbers", 2**64 - 1)
    sampling_seed: int | None = whole(None, 0, "of the order of images, augmentation and dropout (default: the seed)", 2**64 - 1)

    norm: bool = switch(False, "batch normalisation after every convolution, which the paper did not have (Ioffe, Szegedy 2015)")
    size: int | None = whole(None, 8, "height and width of the network's input (default: the model's, or that of the images)", 2**14)
    shift: int | None = whole(None, 0, "pixels by which `augment` shifts images of the network's own size at most (default: an eighth)")
    augment: str | None = choice(None, AUGMENTATIONS, "how training images vary (default: by the data set)")
    interpolation: str = choice("random", ("random", "bilinear", "box", "nearest", "bicubic"), "of resized crops (paper: drawn at random)")

    epochs: int = whole(20, 1, "passes over the training images")
    batch_size: int = whole(64, 1, "images in a step")
    lr: float = real(0.03, 0, "first learning rate", above=True)
    schedule: str = choice("cosine", SCHEDULES, "how the learning rate falls: paper is 4% every 8 epochs")
    step_epochs: int = whole(8, 1, "schedule step and paper: epochs between two falls")
    step_factor: float = real(0.1, 0, "schedule step: what the rate is multiplied with at a fall", 1)
    warmup: float = real(0.0, 0, "epochs in which the rate rises from 0 to its first value")
    momentum: float = real(0.9, 0, "of gradient descent (paper: 0.9)", 1)
    nesterov: bool = switch(False, "Nesterov's form of momentum (Sutskever et al. 2013)")
    weight_decay: float = real(1e-3, 0, "of weights; biases have none")
    clip: float | None = real(None, 0, "longest gradient that is left as it is", above=True)
    label_smoothing: float = real(0.0, 0, "share of the target that is spread over all classes", 1)
    aux_weight: float = real(0.3, 0, "weight of the auxiliary heads' losses (paper: 0.3); 0 lets them get no gradient")
    average: float = real(0.0, 0, "decay of Polyak's running average of the weights, such as 0.999; 0 keeps none", 1)

    threads: int | None = whole(None, 1, "of the C kernels (default: OMP_NUM_THREADS, or all cores)", kernels.MOST_THREADS)
    workers: int = whole(2, 0, "threads that prepare images beside the training; 0: none", 256)
    checkpoint_minutes: float = real(5.0, 0, "time between checkpoints within an epoch; each epoch ends with one")
    keep_every: int = whole(0, 0, "also keep the weights of every so many epochs")

    def __post_init__(self):
        for setting in fields(self):
            value = getattr(self, setting.name)
            if value is not None or setting.default is not None:
                object.__setattr__(self, setting.name, setting.metadata["check"](setting.name, value))

    def toml(self):
        """The settings as a TOML file that `read` reads, in the order of the class; those that are None are left out."""
        lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in asdict(self).items() if value is not None]
        return f"# minigoog {__version__}: the settings of a run, for --config or --resume\n" + "\n".join(lines) + "\n"


def read(name_or_path):
    """The settings in a TOML file, or in a recipe that ships with the package, as a dictionary for `Config(**settings)`."""
    shipped = resources.files(__package__) / "recipes" / f"{name_or_path}.toml"
    path = shipped if str(name_or_path) in recipes() else Path(name_or_path)
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"train: `config` is '{name_or_path}', expected a TOML file or one of {', '.join(recipes())}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"train: `config` is '{name_or_path}', which cannot be read ({error})") from None
    known = [setting.name for setting in fields(Config)]
    for name in settings.keys() - set(known):
        hint = "".join(f": is it {near}?" for near in difflib.get_close_matches(name, known, 1))
        raise ValueError(f"train: `config` '{name_or_path}' has a setting {name!r} that does not exist{hint}")
    return settings


def recipes():
    """The names of the settings that ship with the package."""
    return sorted(path.name.removesuffix(".toml") for path in (resources.files(__package__) / "recipes").iterdir())
