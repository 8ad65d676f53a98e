"""The losses of a batch whose images are mixed in pairs."""

import numpy as np

from .. import losses
from ..array_types import Array, IntArray
from ..data.mixing import MIXINGS
from ..nn import Module
from ..tensor import Tensor, autocast
from .config import Config


def forward(
    model: Module, config: Config, images: Array, labels: IntArray, place: tuple[int, ...], class_weights: Array | None = None
) -> tuple[Array, Tensor, list[Tensor]]:
    """(the images that the network saw, logits, the loss of each head). place: of the batch in the run, which decides how it is mixed.

    class_weights [classes]: factors of the losses of each class's images, if any."""
    kind, partner, share = MIXINGS[config.mix], None, 1.0
    if kind is not None:
        images, partner, share = kind(config.mix_alpha)(images, np.random.default_rng((config.samplings, *place, 0x313)))
    with autocast(config.precision):
        outputs = model(Tensor(images))
    each = losses.googlenet_losses(outputs, labels, config.label_smoothing, class_weights)
    if partner is not None:
        others = losses.googlenet_losses(outputs, labels[partner], config.label_smoothing, class_weights)
        each = [share * own + (1 - share) * other for own, other in zip(each, others, strict=True)]
    return images, outputs[0] if isinstance(outputs, tuple) else outputs, each
