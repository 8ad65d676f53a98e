"""What a run is made of, as data."""

import os
from dataclasses import asdict, dataclass

from .. import __version__, kernels
from ..checks import check_int, check_real
from ..config import config as machine_config


@dataclass(frozen=True)
class Config:
    """The settings of a run; raises ValueError or TypeError, naming the setting, for one that cannot be.

    The defaults train the tiny network on the digits: seeds 0 to 4 reach 98.9% to 99.4% on the test digits."""

    seed: int = 0
    epochs: int = 20
    batch_size: int = 64
    lr: float = 0.03  # at the start; falls along a half cosine to 0 (Loshchilov, Hutter 2016)
    momentum: float = 0.9  # the paper's (section 6)
    weight_decay: float = 1e-3
    threads: int | None = None  # None: as many as the kernels use anyway
    output: str | os.PathLike | None = None  # the run's folder; None: a new one under runs/

    def __post_init__(self):
        check_int("train", "seed", self.seed, 0, 2**64 - 1)
        check_int("train", "epochs", self.epochs, 1)
        check_int("train", "batch_size", self.batch_size, 1)
        if check_real("train", "lr", self.lr, 0) == 0:
            raise ValueError("train: `lr` is 0, expected it above 0")
        check_real("train", "momentum", self.momentum, 0, 1)
        check_real("train", "weight_decay", self.weight_decay, 0)
        if self.output is not None and not os.fspath(self.output):
            raise ValueError("train: `output` is '', expected the name of a folder")
        if self.threads is not None:
            check_int("train", "threads", self.threads, 1, kernels.MOST_THREADS)

    def as_dict(self, **more):
        """The settings, `more` facts, and what they ran on: the content of config.json."""
        return asdict(self) | more | {"minigoog": __version__, "machine": machine_config()}
