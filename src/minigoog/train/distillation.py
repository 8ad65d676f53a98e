"""Distillation: a trained network, the teacher, also says how likely each class is. (Hinton, Vinyals, Dean 2015, arXiv 1503.02531)"""

import zlib
from typing import Any

import numpy as np

from .. import kernels
from ..array_types import Array
from ..compile import compile as compile_model
from ..formats.saved_model import Info
from ..importing import ImportedNetwork
from ..loading import load
from ..losses import distillation
from ..nn import evaluation_mode
from ..tensor import Tensor, no_grad
from ..text import listed, printable
from . import fingerprint
from .config import Config


class Teacher:
    """The trained network that `config` names, for images that are prepared for the network of `info`.

    ValueError, naming the setting, if its classes or its images are others."""

    def __init__(self, config: Config, info: Info, colours: str) -> None:
        self.config, self.model = config, load(str(config.distill))
        where, pixels = f"train: `distill` is '{printable(self.model.path)}'", self.model.preprocess
        if self.model.classes != info.classes:
            raise ValueError(f"{where}, whose classes are {listed(self.model.classes)}, expected those of `data`: {listed(info.classes)}")
        if pixels.input_size != info.input_size:
            raise ValueError(f"{where}, which takes images {pixels.input_size}, expected {info.input_size}, as the network that is trained")
        if isinstance(self.model, ImportedNetwork):
            self.model.logits = True  # what goes into a Softmax at its end
        self.flipped = colours != pixels.colours
        own, theirs = [np.array(v, np.float32) for v in (info.std, info.mean)], [np.array(v, np.float32) for v in (pixels.std, pixels.mean)]
        if self.flipped:
            own = [v[::-1] for v in own]
        self.scale, self.shift = own[0] / theirs[0], (own[1] - theirs[1]) / theirs[0]
        self.plans: dict[tuple[int, ...], Any] = {}
        with no_grad(), evaluation_mode(self.model):
            self.logits(self.model(Tensor(np.zeros((1, *info.input_size), np.float32))))

    def facts(self) -> fingerprint.Facts:
        """What decides the bits of a run."""
        checksum = 0
        for name, array in self.model.state_dict().items():
            checksum = zlib.crc32(array.tobytes(), zlib.crc32(name.encode(), checksum))
        return {fingerprint.TEACHER: f"checksum {checksum:08x}"}

    def loss(self, logits: Tensor, images: Array) -> Tensor:
        """How far `logits` [n, classes] for `images` [n, h, w, c] are from what the teacher says."""
        return distillation(logits, self(images), self.config.distill_temperature)

    def __call__(self, images: Array) -> Array:
        """Its logits [n, classes]; the same bits for any number of threads."""
        x = np.ascontiguousarray((images[..., ::-1] if self.flipped else images) * self.scale + self.shift)
        if kernels.native is None:
            with no_grad(), evaluation_mode(self.model):
                return self.logits(self.model(Tensor(x)))
        if x.shape not in self.plans:
            self.plans[x.shape] = compile_model(self.model, x.shape)
        return self.logits(self.plans[x.shape](x))

    def logits(self, result: Any) -> Array:
        """The logits [n, classes] in what the network returned."""
        first = result[0] if isinstance(result, tuple) else result
        array: Array = first.data if isinstance(first, Tensor) else first
        flat = array.reshape(len(array), -1)
        if flat.shape[1] != len(self.model.classes):
            raise ValueError(f"train: `distill` is '{printable(self.model.path)}', no classifier: its first output is {array.shape}")
        return flat
