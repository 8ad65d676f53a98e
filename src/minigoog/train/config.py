"""The settings of a run, each with its check and its help, and the files that hold them."""

import difflib
import os
import tomllib
from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from importlib import resources
from inspect import signature
from pathlib import Path
from typing import Any

from .. import __version__, kernels
from ..data.families import FAMILIES
from ..data.mixing import MIXINGS
from ..data.transforms import PADDING_MODES
from ..models import MODELS
from ..nn.pruning import SCOPES
from ..reading import in_file, known_kind, reading, up_to
from ..tensor import PRECISIONS
from ..text import short
from .augmentation import AUGMENTATIONS, MIRRORS, UNMIRRORED, chosen
from .schedules import SCHEDULES
from .settings import LONGEST_LINE, choice, integer, names, real, switch, text, toml_value

# settings that may change when a run is resumed: they do not affect the result. `data`, `weights` and
# `distill` may only move to another place
BITLESS = ("threads", "workers", "data", "weights", "distill", "data_dir", "download", "checkpoint_minutes", "keep_every", "live",
           "tensorboard", "data_parallel", "elastic", "patience", "servers")  # fmt: skip
MICRO_BATCHES = 8  # with --data-parallel
CLASS_WEIGHTS = ("none", "balanced")
OPTIMIZERS = ("sgd", "adagrad", "adam", "adamw")
WITHOUT = {  # settings that --downpour has no use for
    "data_parallel": "no batch is shared",
    "elastic": "the others always go on without a replica",
    "staleness": "gradients are late by themselves",
    "prune": "no step is the same in all processes",
    "lookahead": "no step is the same in all processes",
}
HEADLESS = tuple(name for name, network in MODELS.items() if "aux_heads" not in signature(network).parameters)
USELESS = (  # a setting that does nothing while another one has one of these values
    ("mix_alpha", "mix", ("none",)),
    ("distill_weight", "distill", (None,)),
    ("distill_temperature", "distill", (None,)),
    ("beta2", "optimizer", ("sgd", "adagrad")),
    ("momentum", "optimizer", ("adagrad",)),
    ("nesterov", "optimizer", ("adagrad", "adam", "adamw")),
    ("step_factor", "schedule", ("paper", "cosine", "triangle", "constant")),
    ("step_epochs", "schedule", ("cosine", "triangle", "constant")),
    ("elastic", "data_parallel", (False,)),
    ("freeze_norm", "weights", (None,)),
    ("aux_weight", "model", HEADLESS),
    ("mirror", "augment", UNMIRRORED),
    ("shift", "augment", ("none", "scale", "paper")),
    ("padding_mode", "augment", ("none", "scale", "paper")),
    ("interpolation", "augment", ("none", "shift", "crop")),
    ("label_smoothing", "epochs", (0,)),
    ("mix", "epochs", (0,)),
    ("distill", "epochs", (0,)),
)
OF_RECIPES = {"mirror", "shift", "padding_mode", "momentum", "nesterov", "label_smoothing"}  # another setting may be changed beside them
MOST_SEED = 2**64 - 1
LONGEST_TOML = 1 << 14  # bytes of a file of settings


@dataclass(frozen=True)
class Config:
    """The settings of a run; ValueError or TypeError, naming the setting, if one is wrong. None: decided by the data, the model or the
    machine. Every setting is also a flag of `python -m minigoog.train` and a line of a TOML file."""

    model: str = choice("small", MODELS, "the network")
    data: str = text("digits", "digits, mnist, fashion-mnist, cifar10, cifar100, or a folder of images")
    data_dir: str | None = text(None, "folder that holds standard data sets (default: MINIGOOG_DATA, or ~/.cache/minigoog)")
    skip_damaged: bool = switch(False, "leave out images that cannot be decoded, and list them at the end; decodes all of them first")
    download: bool = switch(False, "download a standard data set if it is not there")
    validation: float = real(0.0, 0, "test on this share of the training images, such as 0.1, not on the test images: to search", 0.9)
    output: str | None = text(None, "folder of the run, new or empty (default: under runs/)")
    models: int = integer(1, 1, "how many models to train: an ensemble with one initialisation and different samplings (section 7)")
    seed: int = integer(0, 0, "seed of the initialisation; the same seed gives the same weights", MOST_SEED)
    sampling_seed: int | None = integer(None, 0, "seed of the order of images, augmentation and dropout (default: --seed)", MOST_SEED)

    whiten: bool = switch(False, "the first layer of --model quick decorrelates the training images' pixels and is not trained")
    norm: bool = switch(False, "batch normalisation after every convolution, which the paper did not have (Ioffe, Szegedy 2015)")
    width: int | None = integer(None, 4, "channels that --model small or quick begins with, all others in proportion (default: 32)", 1024)
    weights: str | None = text(None, "fine-tune this trained network (a run or a file)")
    preprocess: str | None = choice(None, FAMILIES, "how the network of --weights wants its images (default: what its file says)")
    freeze: tuple[str, ...] = names("modules that stay as they are, with --weights: names, or how names begin, such as conv1 inception3")
    freeze_norm: bool = switch(True, "with --weights: batch normalisation keeps its running mean and variance")
    head_lr: float | None = real(None, 0, "initial learning rate of the new classifier (default: that of the others)", above=True)

    size: int | None = integer(None, 8, "height and width of the network's input (default: the model's, or that of the images)", 2**14)
    augment: str | None = choice(None, AUGMENTATIONS, "how training images vary (default: by the data set)")
    shift: int | None = integer(None, 0, "largest shift, in pixels, of images of the network's own size (default: an eighth of it)")
    padding_mode: str = choice("constant", PADDING_MODES, "what a shift brings in: black, or the image mirrored at its edge")
    mirror: str = choice("random", MIRRORS, "mirror half of the images at random; or each image in every second epoch (arXiv 2404.00498)")
    cutout: int = integer(0, 0, "side, in pixels, of a square of each training image that is removed (DeVries, Taylor 2017); 0: none")
    interpolation: str = choice("random", ("random", "bilinear", "box", "nearest", "bicubic"), "interpolation of crops (paper: random)")

    epochs: int = integer(20, 0, "passes over the training images")
    batch_size: int = integer(64, 1, "images per step, at most")
    lr: float = real(0.03, 0, "initial learning rate", above=True)
    schedule: str = choice("cosine", SCHEDULES, "how the learning rate falls; paper: by 4% every 8 epochs")
    step_epochs: int = integer(8, 1, "epochs between two decreases, with --schedule step or paper")
    step_factor: float = real(0.1, 0, "factor of the learning rate at each decrease, with --schedule step", 1)
    warmup: float = real(0.0, 0, "epochs in which the learning rate rises from 0 to its initial value")
    precision: str = choice("float32", PRECISIONS, "products of convolutions, and maps between them; weights and sums stay float32")
    optimizer: str = choice("sgd", OPTIMIZERS, "gradient descent with momentum; or steps scaled for each weight")
    bias_rate: float = real(1.0, 0, "factor of the learning rate of biases (arXiv 2404.00498: 64)", above=True)
    test_every: int = integer(1, 1, "test after every so many epochs, and after the last; epochs that are kept or pruned are tested too")
    stop_after: int = integer(0, 0, "end the run at a test that comes so many epochs after the best one; 0: never")
    start_epoch: int = integer(0, 0, "epochs before the schedule began; set by --resume RUN --epochs N, 0 in a new run")
    momentum: float = real(0.9, 0, "momentum of gradient descent (paper: 0.9); the first beta of Adam", 1)
    beta2: float = real(0.999, 0, "the second beta of Adam", 1)
    nesterov: bool = switch(False, "Nesterov's form of momentum (Sutskever et al. 2013)")
    weight_decay: float = real(1e-3, 0, "weight decay; biases have none")
    clip: float | None = real(None, 0, "largest norm of the gradient; larger gradients are scaled down to it", above=True)
    label_smoothing: float = real(0.0, 0, "share of the target that is spread over all classes", 1)
    mix: str = choice("none", MIXINGS, "mix the images of a batch in pairs (Zhang et al. 2018; Yun et al. 2019)")
    mix_alpha: float = real(1.0, 0, "both parameters of the beta distribution of the shares, with --mix", 100, above=True)
    class_weights: str = choice("none", CLASS_WEIGHTS, "weights of the training images' losses; balanced: rare classes count as much")
    aux_weight: float = real(0.3, 0, "weight of the auxiliary heads' losses (paper: 0.3); 0 gives them no gradient")
    average: float = real(0.0, 0, "decay of Polyak's running average of the weights, such as 0.999; 0: no average", 1)
    lookahead: float = real(0.0, 0, "decay per step of an average that weights are set to every 5 steps, such as 0.95; 0: none", 1)

    prune: float = real(0.0, 0, "share of the weights that are left out at the end, such as 0.9, gradually (Zhu, Gupta 2017)", 0.9999)
    prune_steps: int = integer(50, 1, "in how many steps")
    prune_begin: float | None = real(None, 0, "epochs before the first of them (default: a tenth of all, or of those that --resume adds)")
    prune_end: float | None = real(None, 0, "epochs before the last of them (default: three quarters)")
    prune_scope: str = choice("global", SCOPES, "whether all layers lose the same share, or all weights are compared")
    prune_block: int = integer(1, 1, "leave out so many neighbouring output channels together")
    prune_group: int | None = integer(None, 1, "leave out the same number of every so many inputs: 2:4 is 0.5 in groups of 4")
    prune_keep: tuple[str, ...] = names("modules that are not pruned, such as conv1 classifier")
    distill: str | None = text(None, "also learn from the probabilities of this trained network (a run or a file; Hinton et al. 2015)")
    distill_temperature: float = real(4.0, 0, "temperature that softens them", above=True)
    distill_weight: float = real(0.5, 0, "share of that loss; the labels have the rest", 1)

    micro_batches: int = integer(0, 0, "cut each batch into so many parts and add up their gradients; 0: none", 4096)
    data_parallel: bool = switch(False, f"share each batch among the processes of mpiexec (as {MICRO_BATCHES} --micro-batches if not set)")
    elastic: bool = switch(False, "with --data-parallel: when a process dies, the others go on without it (mpiexec --with-ft ulfm)")
    staleness: int = integer(0, 0, "apply each gradient so many steps late, as asynchronous training does", 4096)
    downpour: bool = switch(False, "asynchronous training: replicas push gradients to servers and wait for nobody (Dean et al. 2012)")
    servers: int = integer(1, 1, "with --downpour: how many of the processes keep the weights, a part each; the others are replicas", 1024)
    fetch_every: int = integer(1, 1, "with --downpour: steps of a replica between two fetches of the weights", 4096)
    push_every: int = integer(1, 1, "with --downpour: steps of a replica whose gradients are pushed together", 4096)
    warm_start: float = real(0.0, 0, "with --downpour: epochs in which one replica trains alone, before the others join")
    replay: str | None = text(None, "with --downpour: repeat a run, with the same bits, from its arrivals.jsonl")
    patience: float = real(60.0, 0, "seconds after which a process that waits says so, or ends if MPI has not started", above=True)

    tensorboard: bool = switch(False, "also write the metrics as event files of TensorBoard, into the folder tensorboard of the run's")
    live: bool = switch(False, "write live.html into the run's folder: a page that shows how the run goes, and renews itself")
    threads: int | None = integer(None, 1, "threads of the C kernels (default: all cores)", kernels.MOST_THREADS)
    workers: int = integer(2, 0, "threads that prepare images during training; 0: none", 256)
    checkpoint_minutes: float = real(5.0, 0, "time between checkpoints within an epoch; each epoch ends with one")
    keep_every: int = integer(0, 0, "also keep the weights every N epochs; 0: never")

    def __post_init__(self) -> None:
        for setting in fields(self):
            value = getattr(self, setting.name)
            if value is not None or setting.default is not None:
                object.__setattr__(self, setting.name, setting.metadata["check"](setting.name, value))
        if self.downpour and not self.micro_batches:
            object.__setattr__(self, "micro_batches", 1)
        if self.data_parallel and not self.micro_batches:
            object.__setattr__(self, "micro_batches", MICRO_BATCHES)
        if self.micro_batches > self.batch_size:
            raise ValueError(f"train: `micro_batches` is {self.micro_batches}, expected at most the `batch_size` {self.batch_size}")
        if not self.weights:
            self._check_from_scratch()
        if self.optimizer in ("adam", "adamw") and max(self.momentum, self.beta2) == 1:
            betas = f"`momentum` is {self.momentum:g} and `beta2` {self.beta2:g}"
            raise ValueError(f"train: {betas}, expected both below 1 for {self.optimizer}")
        if self.start_epoch and self.start_epoch >= self.epochs:
            raise ValueError(f"train: `start_epoch` is {self.start_epoch}, expected less than `epochs` {self.epochs}")
        if self.samplings + self.models - 1 > MOST_SEED:
            seeds = f"`{'seed' if self.sampling_seed is None else 'sampling_seed'}` is {self.samplings} and `models` {self.models}"
            raise ValueError(f"train: {seeds}, expected a seed of at most {MOST_SEED} for the last model too")
        self._check_pruning()
        self._check_downpour()

    def _check_downpour(self) -> None:
        """Raises ValueError, naming the setting, for one that asynchronous training has no use for, or that only it has."""
        only = {name: getattr(self, name) for name in ("servers", "fetch_every", "push_every", "warm_start", "replay")}
        for name, value in only.items():
            if not self.downpour and value != self.__dataclass_fields__[name].default:
                raise ValueError(f"train: `{name}` is {short(value)}, but without `downpour` there are no servers and replicas")
        for name in WITHOUT:
            if self.downpour and getattr(self, name):
                raise ValueError(f"train: `{name}` is {short(getattr(self, name))}, but with `downpour` {WITHOUT[name]}")
        if self.servers > 1 and self.weights:
            raise ValueError(f"train: `servers` is {self.servers}, expected 1 with `weights`: one server has the new classifier")

    def _check_from_scratch(self) -> None:
        """Raises ValueError, naming the setting, for one that only fine-tuning has."""
        if self.epochs < 1:
            raise ValueError("train: `epochs` is 0, expected at least 1 (0 is for `weights`: the new classifier only)")
        for name, given in {"freeze": self.freeze, "head_lr": self.head_lr, "preprocess": self.preprocess}.items():
            if given:
                raise ValueError(f"train: `{name}` is {short(given)}, but without `weights` there is nothing to fine-tune")

    def _check_pruning(self) -> None:
        """Raises ValueError, naming the setting, for one that does not fit the others."""
        for name in (name for name in self.__dataclass_fields__ if name.startswith("prune_")):
            value = getattr(self, name)
            if value != self.__dataclass_fields__[name].default and not self.prune:
                raise ValueError(f"train: `{name}` is {short(value)}, but without `prune` nothing is pruned")
        begin, end = self.prune_begin or 0, self.epochs if self.prune_end is None else self.prune_end
        if self.prune and not (self.epochs and begin <= end <= self.epochs):
            raise ValueError(f"train: `prune_begin` is {begin:g} and `prune_end` {end:g}, expected times within `epochs` {self.epochs}")
        kept = (1 - self.prune) * (self.prune_group or 1)
        if self.prune_group and abs(kept - round(kept)) > 1e-6:
            raise ValueError(f"train: `prune` is {self.prune:g}, expected a multiple of 1/{self.prune_group}, for `prune_group`")

    def check_used(self, given: Collection[str] | None = None) -> None:
        """Raises ValueError, naming the setting, if one of those `given` has no effect with the others.

        Not part of the check of all settings, because recipes and earlier runs may have such. None: all but those of recipes."""
        values = vars(self) | {"augment": chosen(self)}
        names = values.keys() - OF_RECIPES if given is None else given
        for name, other, without in USELESS:
            has, value = values[other], values[name]
            if name in names and value != self.__dataclass_fields__[name].default and has in without:
                why = f"without `{other}`" if has is None or has is False else f"with `{other}` {has}"
                raise ValueError(f"train: `{name}` is {short(value)}, but has no effect {why}")

    @property
    def samplings(self) -> int:
        """The seed of the order of images, augmentation and dropout."""
        return self.seed if self.sampling_seed is None else self.sampling_seed

    def toml(self) -> str:
        """The settings as a TOML file that `read` reads, in the order of the class; those that are None are left out."""
        lines = [f"{name} = {toml_value(value)}" for name, value in asdict(self).items() if value is not None]
        return f"# minigoog {__version__}: the settings of a run, for --config or --resume\n" + "\n".join(lines) + "\n"


PRUNING = tuple(setting.name for setting in fields(Config) if setting.name.startswith("prune"))
# what may be given, beside `epochs`, when a finished run is trained longer
LONGER = ("lr", "head_lr", "weight_decay", "test_every", *PRUNING, "distill", "distill_temperature", "distill_weight")


def read(name_or_path: str | os.PathLike[str]) -> dict[str, Any]:
    """The settings in a TOML file, or in a recipe of the package, as a dictionary for `Config(**settings)`."""
    shipped = resources.files(__package__) / "recipes" / f"{name_or_path}.toml"
    file = shipped if str(name_or_path) in recipes() else Path(name_or_path)
    try:
        with reading(f"train: `config` is '{name_or_path}'", "not a TOML file of settings"), file.open("rb") as opened:
            text = up_to(opened, LONGEST_TOML + 1)
            if (kind := known_kind(text[:16])) and kind not in ("empty", "text"):
                raise ValueError(f"it is {kind}")
            if len(text) > LONGEST_TOML:
                raise ValueError(f"more than {LONGEST_TOML} bytes, expected at most that")
            if max(map(len, text.splitlines()), default=0) > LONGEST_LINE:
                raise ValueError(f"a line of more than {LONGEST_LINE} bytes")
            settings = tomllib.loads(text.decode())
    except FileNotFoundError:
        raise FileNotFoundError(f"train: `config` is '{name_or_path}', expected a TOML file or one of {', '.join(recipes())}") from None
    except OSError as error:
        raise ValueError(f"train: `config` is '{name_or_path}', which cannot be read ({error})") from None
    for name, value in settings.items():
        if not isinstance(value, (str, int, float)) and not (isinstance(value, list) and all(isinstance(each, str) for each in value)):
            has = f"{short(value)} as {short(name)}"
            raise ValueError(f"train: `config` '{name_or_path}' has {has}, expected text, a number, true, false or a list of texts")
    checks = {setting.name: setting.metadata["check"] for setting in fields(Config)}
    for name in sorted(settings.keys() - checks):
        hint = "".join(f": did you mean {near}?" for near in difflib.get_close_matches(name, checks, 1))
        raise ValueError(f"train: `config` '{name_or_path}' has a setting {short(name)} that does not exist{hint}")
    with in_file(name_or_path):
        for name, value in settings.items():
            checks[name](name, value)
    return settings


def from_file(name_or_path: str | os.PathLike[str], **changes: Any) -> Config:
    """The Config of a file or recipe, with some settings changed; ValueError, naming the setting, if one is wrong."""
    try:
        return Config(**read(name_or_path) | changes)
    except TypeError as error:  # a value of the wrong type
        raise ValueError(str(error)) from None


def recipes() -> list[str]:
    """The names of the recipes in the package."""
    return sorted(path.name.removesuffix(".toml") for path in (resources.files(__package__) / "recipes").iterdir())
