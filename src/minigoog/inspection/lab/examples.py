"""The smallest functions that show each mistake; their source is printed as it is."""

# ruff: noqa: RET504  (the names of the values matter to the reader)

from ...ops import relu
from ...tensor import Tensor


def everything_twice(a: Tensor) -> Tensor:
    b = a + a
    c = b + b
    return c


def a_short_and_a_long_way(a: Tensor) -> Tensor:
    b = a + a
    c = b + b
    d = b + c
    return d


def one_of_two_used_again(a: Tensor, b: Tensor) -> Tensor:
    c = a + b
    d = c + a
    return d


def near_the_kink(a: Tensor) -> Tensor:
    c = relu(a)
    return c
