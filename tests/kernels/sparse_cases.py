"""Convolutions with random weights left out."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from minigoog.kernels.sparse_pattern import SparsePattern
from minigoog.nn.sparse import ungrouped
from tests.strategies import ConvCase, conv_cases, seeds

densities = st.sampled_from([0, 0.01, 0.1, 0.3, 1])
formats = st.sampled_from([1, 1, 16, 32, 48])


@dataclass
class SparseCase:
    """A convolution and the pattern of the weights that it has."""

    dense: ConvCase
    pattern: SparsePattern
    settings: dict

    @property
    def values(self):
        return self.pattern.gather(self.dense.w)

    @property
    def largest_row(self):
        return int(np.diff(self.pattern.crow_indices).max())

    def _repr_pretty_(self, printer, cycle):
        printer.text(f"SparseCase({self.pattern}, ")
        self.dense._repr_pretty_(printer, cycle)


def sparse_case(case, density, block=1, seed=0):
    """`case`, without groups, with random weights left out."""
    case.w = ungrouped(case.w, case.settings["groups"])
    settings = {name: value for name, value in case.settings.items() if name not in ("groups", "dilation")}
    mask = np.random.default_rng(seed).random(case.w.shape) < density
    return SparseCase(case, SparsePattern.from_mask(mask, block), settings)


@st.composite
def sparse_cases(draw, formats=formats, whole=False):
    """Convolutions of every kind, dense to empty."""
    return sparse_case(draw(conv_cases(whole=whole, plain=True)), draw(densities), draw(formats), draw(seeds))
