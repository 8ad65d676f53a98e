"""The Inception module (chapter 8)."""

from collections.abc import Callable, Mapping

import numpy as np

from ... import ops
from ...array_types import Array
from ...kernels import reference
from ...tensor import Tensor
from ..exercise import Case, Exercise

Layers = Mapping[str, tuple[Array, Array]]
ORDER = ("1x1", "3x3", "5x5", "pool")


def inception(x: Array, layers: Layers) -> Tensor:
    """The Inception module of the paper's figure 2b: four branches side by side, on the maps x [n, height, width, cin].

    layers: the weights and bias (w, b) of each convolution, by name. The branches, in this order, are
    `1x1`; `3x3 reduce` (1x1), then `3x3`; `5x5 reduce` (1x1), then `5x5`; a max pool of 3x3, then `pool project` (1x1).
    Every convolution is followed by ReLU, and every map has the height and width of x.
    Returns their channels side by side: [n, height, width, channels]. Use ops.conv2d, ops.max_pool2d and ops.concat, or your own."""

    def conv(maps: Tensor, name: str, padding: int = 0) -> Tensor:
        w, b = layers[name]
        return ops.conv2d(maps, Tensor(w), Tensor(b), padding=padding, relu=True)

    maps = Tensor(x)
    pooled = ops.max_pool2d(maps, 3, stride=1, padding=1)
    b3 = conv(conv(maps, "3x3 reduce"), "3x3", padding=1)
    b5 = conv(conv(maps, "5x5 reduce"), "5x5", padding=2)
    return ops.concat([conv(maps, "1x1"), b3, b5, conv(pooled, "pool project")])


def _branches(
    x: Array, layers: Layers, relu: bool = True, relu_reduce: bool = True, pool: Callable[[Array], Array] | None = None
) -> list[Array]:
    """The four branches by the reference kernels."""

    def conv(maps: Array, name: str, relu: bool = relu) -> Array:
        w, b = layers[name]
        return reference.conv2d(maps, w, b, padding=len(w) // 2, relu=relu)

    pooled = pool(x) if pool else reference.max_pool2d(x, 3, stride=1, padding=1)[0]
    b3, b5 = (conv(conv(x, f"{name} reduce", relu_reduce), name) for name in ("3x3", "5x5"))
    return [conv(x, "1x1"), b3, b5, conv(pooled, "pool project")]


def _expected(x: Array, layers: Layers) -> Array:
    return np.concatenate(_branches(x, layers), axis=3)


def _in_order(*order: int) -> Callable[..., Array]:
    """A wrong answer: the branches in this order."""
    return lambda x, layers: np.concatenate([_branches(x, layers)[i] for i in order], axis=3)


def _case(about: str, shape: tuple[int, ...], channels: tuple[int, ...]) -> Case:
    """channels: of 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool project, as in the paper's table 1."""
    rng = np.random.default_rng(len(about))
    c, (one, r3, three, r5, five, project) = shape[3], channels
    sizes = {"1x1": (1, c, one), "3x3 reduce": (1, c, r3), "3x3": (3, r3, three), "5x5 reduce": (1, c, r5), "5x5": (5, r5, five),
             "pool project": (1, c, project)}  # fmt: skip
    layers = {name: (rng.integers(-2, 3, (k, k, i, o)).astype(np.float32), rng.integers(-2, 3, o).astype(np.float32))
              for name, (k, i, o) in sizes.items()}  # fmt: skip
    return Case(about, {"x": rng.integers(-4, 3, shape).astype(np.float32), "layers": layers})


def _pool_zeros(x: Array) -> Array:
    """The pool of a map with a ring of zeros, which wins over negative numbers."""
    return reference.max_pool2d(np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), 3, stride=1)[0]


def _projected_first(x: Array, layers: Layers) -> Array:
    w, b = layers["pool project"]
    last = reference.max_pool2d(reference.conv2d(x, w, b, relu=True), 3, stride=1, padding=1)[0]
    return np.concatenate([*_branches(x, layers)[:3], last], axis=3)


EXERCISE = Exercise(
    inception, _expected, title="the Inception module", chapter=8, given="import numpy as np\n\nfrom minigoog import Tensor, ops",
    cases=(
        _case("a map of 5x5 with 2 channels", (1, 5, 5, 2), (2, 2, 2, 1, 2, 2)),
        _case("a map of 6x7, each branch with another number of channels", (1, 6, 7, 3), (1, 2, 3, 2, 4, 5)),
        _case("two images", (2, 5, 6, 2), (3, 2, 4, 1, 2, 1)),
    ),
    mistakes={
        "ReLU is missing: negative numbers come out.": lambda x, layers: np.concatenate(_branches(x, layers, False, False), axis=3),
        "ReLU is missing after the 1x1 reductions: two convolutions in a row without it are only one.":
            lambda x, layers: np.concatenate(_branches(x, layers, True, False), axis=3),
        "ReLU is missing after the last convolution of each branch.":
            lambda x, layers: np.concatenate(_branches(x, layers, False, True), axis=3),
        "The branches are in another order: 1x1, pool, 3x3, 5x5. Expected 1x1, 3x3, 5x5, pool.": _in_order(0, 3, 1, 2),
        "The branches are in another order: 1x1, 5x5, 3x3, pool. Expected 1x1, 3x3, 5x5, pool.": _in_order(0, 2, 1, 3),
        "The branches are in another order: pool, 5x5, 3x3, 1x1. Expected 1x1, 3x3, 5x5, pool.": _in_order(3, 2, 1, 0),
        "The padding of the pool wins as 0 where all numbers of a window are negative: padding is never read, it is no number.":
            lambda x, layers: np.concatenate(_branches(x, layers, pool=_pool_zeros), axis=3),
        "The pool branch averages, expected the maximum.": lambda x, layers: np.concatenate(
            _branches(x, layers, pool=lambda x: reference.avg_pool2d(x, 3, stride=1, padding=1)), axis=3),
        "The pool branch projects first and pools then: pool first.": _projected_first,
        "The pool branch has no pool: it is a second 1x1 convolution.":
            lambda x, layers: np.concatenate(_branches(x, layers, pool=lambda x: x), axis=3),
    },
    hints=(
        "Which padding keeps a map's size? 0 for a window of 1x1, 1 for 3x3, 2 for 5x5.",
        "A convolution with ReLU: ops.conv2d(Tensor(x), Tensor(w), Tensor(b), padding=1, relu=True).",
        "The pool: ops.max_pool2d(Tensor(x), 3, stride=1, padding=1). Side by side: ops.concat([...]).",
    ),
)  # fmt: skip
