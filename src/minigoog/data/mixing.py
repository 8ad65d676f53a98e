"""Mixing the images of a batch in pairs: the network learns from what is between two images, labelled with both classes."""

from typing import NamedTuple

import numpy as np

from ..array_types import Array, IntArray
from ..checks import check_real


class Mixed(NamedTuple):
    """A batch in which image i is also part of image partner[i], of which it has the share 1 - share."""

    images: Array
    partner: IntArray
    share: float


def _above_0(where: str, alpha: float) -> float:
    """`alpha`, if it is a number above 0, as a Beta distribution needs."""
    if check_real(where, "alpha", alpha, 0) == 0:
        raise ValueError(f"{where}: `alpha` is 0, expected a number above 0")
    return float(alpha)


class MixUp:
    """share * image + (1 - share) * another image of the batch; the share is drawn from Beta(alpha, alpha). (Zhang et al., 1710.09412)"""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = _above_0("MixUp", alpha)

    def __call__(self, images: Array, generator: np.random.Generator) -> Mixed:
        """images: [n, h, w, c]."""
        share = generator.beta(self.alpha, self.alpha)
        partner = generator.permutation(len(images))
        kind = images.dtype.type
        return Mixed(kind(share) * images + kind(1 - share) * images[partner], partner, float(share))

    def __repr__(self) -> str:
        return f"MixUp({self.alpha:g})"


class CutMix:
    """A rectangle of each image comes from another image of the batch; it has the share 1 - share of the area, and the proportions of the
    image. The share is drawn from Beta(alpha, alpha), the centre anywhere in the image. (Yun et al., 1905.04899, algorithm 1)"""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = _above_0("CutMix", alpha)

    def __call__(self, images: Array, generator: np.random.Generator) -> Mixed:
        """images: [n, h, w, c]."""
        side = np.sqrt(1 - generator.beta(self.alpha, self.alpha))
        partner = generator.permutation(len(images))
        (top, bottom), (left, right) = (self._span(n, side, generator) for n in images.shape[1:3])
        mixed = images.copy()
        mixed[:, top:bottom, left:right] = images[partner, top:bottom, left:right]
        cut = (bottom - top) * (right - left) / (images.shape[1] * images.shape[2])
        return Mixed(mixed, partner, float(1 - cut))

    @staticmethod
    def _span(n: int, side: float, generator: np.random.Generator) -> tuple[int, int]:
        """The pixels of one axis, of n, that are replaced: `side` of them, less what is outside."""
        middle, half = int(generator.integers(n)), int(n * side) // 2
        return max(middle - half, 0), min(middle + half, n)

    def __repr__(self) -> str:
        return f"CutMix({self.alpha:g})"


MIXINGS = {"none": None, "mixup": MixUp, "cutmix": CutMix}
