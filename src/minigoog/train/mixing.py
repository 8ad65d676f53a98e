"""The losses of a batch whose images are mixed in pairs."""

import numpy as np

from .. import losses
from ..array_types import Array, IntArray
from ..data.mixing import MIXINGS
from ..nn import Module
from ..tensor import Tensor
from .config import Config


def forward(model: Module, config: Config, images: Array, labels: IntArray, place: tuple[int, ...]) -> tuple[Array, Tensor, list[Tensor]]:
    """(the images that the network saw, logits, the loss of each head). place: of the batch in the run, which decides how it is mixed."""
    kind, partner, share = MIXINGS[config.mix], None, 1.0
    if kind is not None:
        images, partner, share = kind(config.mix_alpha)(images, np.random.default_rng((config.samplings, *place, 0x313)))
    outputs = model(Tensor(images))
    each = losses.googlenet_losses(outputs, labels, config.label_smoothing)
    if partner is not None:
        others = losses.googlenet_losses(outputs, labels[partner], config.label_smoothing)
        each = [share * own + (1 - share) * other for own, other in zip(each, others, strict=True)]
    return images, outputs[0] if isinstance(outputs, tuple) else outputs, each
