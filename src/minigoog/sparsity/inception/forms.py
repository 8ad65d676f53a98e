"""One module of table 1 in all its forms, which compute one function in six ways."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import numpy as np

from ... import kernels
from ...array_types import Array, Shape
from ...compile import compile
from ...kernels.sparse_pattern import SparsePattern
from ..speed import cache
from ..speed.break_even import WIDTHS
from ..speed.contest import dense_runs, random_pattern
from ..speed.turns import Run
from .equivalence import composed, conv_of, error_of, exact_output, grouped_module, reduced_module, support_groups

Form: TypeAlias = str | tuple[str, str]  # a way, or (DENSE, kernel)

MODULES = {"3a": 28, "4e": 14, "5b": 7}  # height and width of the maps
PIXELS = 784  # of all images together: with only the 49 of one small image, every kernel would wait for its weights
DENSE, TEXTBOOK, CSR, BLOCKS = "5x5, dense", "5x5, textbook CSR", "5x5, CSR", "grouped by support, blocks"
NAIVE, REDUCED, RANDOM = "grouped by support = naive Inception", "reduced Inception", "random 5x5 CSR, as many multiply-adds as reduced"
WAYS = (DENSE, TEXTBOOK, CSR, BLOCKS, NAIVE, REDUCED, RANDOM)
SAME = WAYS[:-1]  # these compute the same function


class Forms:
    """A module of table 1 in all its forms. The 5x5 form has its channels shuffled, so that their groups must be found."""

    def __init__(self, row: str, seed: int):
        rng = np.random.default_rng(seed)
        cin, *widths = WIDTHS[row][:6]
        self.side, self.cin = MODULES[row], cin
        self.reduced = reduced_module(cin, widths, rng)
        w = composed(self.reduced).astype(np.float32)
        shuffled = rng.permutation(w.shape[3])
        self.w = w[..., shuffled]
        self.groups = support_groups(self.w)
        grouped = np.concatenate([channels for _, channels in self.groups])
        self.naive, self.w_grouped = grouped_module(self.w, self.groups), self.w[..., grouped]
        self.channels = dict.fromkeys(SAME, shuffled) | dict.fromkeys((BLOCKS, NAIVE), shuffled[grouped])  # those of the reduced module
        self.channels[REDUCED] = np.arange(len(shuffled))
        self.shuffled = shuffled
        self.x = rng.standard_normal((max(1, PIXELS // self.side**2), self.side, self.side, cin), np.float32)
        self.patterns = {CSR: SparsePattern.from_mask(self.w != 0), BLOCKS: SparsePattern.from_mask(self.w_grouped != 0, 32)}
        self.patterns[RANDOM] = random_pattern(w.shape, self.weights_of(REDUCED) / w.size, 1, rng)

    def weights_of(self, way: str) -> int:
        """The number of weights of a form, which is the number of multiply-adds for each pixel."""
        if way in (NAIVE, REDUCED):
            return sum(parameter.size for parameter in (self.naive if way == NAIVE else self.reduced).parameters())
        return self.w.size if way == DENSE else self.patterns[CSR if way == TEXTBOOK else way].n_weights

    def runs(self) -> dict[Form, Run]:
        """{way: function}; the dense 5x5 has several, (DENSE, kernel). A textbook's CSR gets one image: it is no faster with more."""
        naive, reduced = (compile(module, self.x.shape) for module in (self.naive, self.reduced))
        runs: dict[Form, Run] = {(DENSE, kernel): run for kernel, run in dense_runs(conv_of(self.w), self.x).items()}
        runs |= {TEXTBOOK: self.sparse_run(CSR, self.w, "textbook", 1), CSR: self.sparse_run(CSR, self.w)}
        runs |= {BLOCKS: self.sparse_run(BLOCKS, self.w_grouped), NAIVE: lambda: naive(self.x), REDUCED: lambda: reduced(self.x)}
        return runs | {RANDOM: self.sparse_run(RANDOM, np.ones_like(self.w))}

    def sparse_run(self, way: str, w: Array, algorithm: str = "auto", images: int | None = None) -> Run:
        """A function that convolves `images` images (all by default) with the weights of `w` that the pattern of `way` keeps."""
        pattern, x = self.patterns[way], self.x[:images]
        values = pattern.gather(w)
        return lambda: kernels.native.sparse_conv2d(x, values, pattern=pattern, padding=2, algorithm=algorithm)

    def in_order(self, way: str, y: Array) -> Array:
        """The output `y` of a way, its channels in the order of the reduced module's."""
        ordered = np.empty_like(y)
        ordered[..., self.channels[way]] = y
        return ordered

    def errors(self, runs: dict[Form, Run]) -> dict[Form, float]:
        """{way: largest error of the first image in units of its bound}, of the ways that compute one function."""
        exact, magnitude = exact_output(self.reduced, self.x[:1])
        ways = {key: key[0] if isinstance(key, tuple) else key for key in runs}
        outputs = {key: self.in_order(way, np.array(runs[key]()[:1])) for key, way in ways.items() if way in SAME}
        return {key: error_of(y, exact, magnitude, 25 * self.cin) for key, y in outputs.items()}

    def misses(self) -> dict[str, float]:
        """{way: simulated cache misses for 1,000 useful multiply-adds}; Winograd's transforms are not simulated: dense means `direct`."""

        def of(stream: Callable[..., Iterator[cache.Access]], way: str) -> float:
            return cache.misses(stream(self.side, self.side, self.patterns[way]))["misses"]

        shapes = {NAIVE: [w.shape for w in self.naive.parameters()], REDUCED: [w.shape for w in self.reduced.parameters()],
                  DENSE: [self.w.shape]}
        dense = {way: dense_misses(self.side, of_way) for way, of_way in shapes.items()}
        sparse = {TEXTBOOK: of(cache.textbook, CSR), CSR: of(cache.csr, CSR), RANDOM: of(cache.csr, RANDOM)}
        return dense | sparse | {BLOCKS: of(cache.tiles, BLOCKS)}


def dense_misses(side: int, shapes: Iterable[Shape]) -> float:
    """Simulated cache misses for 1,000 multiply-adds of dense convolutions with weights of these shapes, together."""
    whole = [SparsePattern.from_mask(np.ones(shape, bool), 32) for shape in shapes]
    each = [cache.misses(cache.tiles(side, side, pattern))["misses"] for pattern in whole]
    return float(np.average(each, weights=[pattern.n_weights for pattern in whole]))
