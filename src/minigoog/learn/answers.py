"""What a learner's function answered: arrays, or the reason why there are none."""

import traceback
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..array_types import Array
from ..tensor import Tensor
from ..text import short

TOLERANCE = 1e-4  # of the largest number of a result: what float32 and another order of adding may cost, and no mistake hides in


@dataclass(frozen=True)
class Answer:
    """The arrays that a function returned for one case, or `fault`: why there are none. `error`: the exception, if there was one."""

    arrays: tuple[Array, ...] = ()
    fault: str = ""
    error: str = ""


def ask(function: Callable[..., Any], arguments: Mapping[str, Any], n_results: int) -> Answer:
    """What the function answers to these arguments, of which it gets copies."""
    given = deepcopy(dict(arguments))
    try:
        result = function(**given)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a learner's code may raise: sys.exit() too
        return Answer(fault=_fault(error, function, arguments), error=f"{type(error).__name__}: {error}")
    changed = [name for name, value in given.items() if not _same_argument(value, arguments[name])]
    if changed:
        return Answer(fault=f"Your function changes its argument `{changed[0]}`. Copy it first: {changed[0]} = {changed[0]}.copy()")
    return _arrays(result, n_results)


def raised(error: BaseException, file: str) -> str:
    """What was raised, and on which line of the learner's file."""
    line = next((f for f in reversed(traceback.extract_tb(error.__traceback__)) if f.filename == file), None)
    return f"{type(error).__name__}{f' in line {line.lineno}: {line.line}' if line else ''}\n{error}"


def _fault(error: BaseException, function: Callable[..., Any], arguments: Mapping[str, Any]) -> str:
    """What a function raised, and the shapes of the arguments."""
    if isinstance(error, NotImplementedError):
        return "The function is still empty: write your code in place of `raise NotImplementedError`."
    file = getattr(getattr(function, "__code__", None), "co_filename", "")
    shapes = ", ".join(f"{name} {_shape(value)}" for name, value in arguments.items())
    return f"{raised(error, file)}\nThe arguments were: {shapes}"


def _shape(value: Any) -> str:
    return f"of shape {value.shape}" if isinstance(value, np.ndarray) else short(value)


def _same_argument(a: Any, b: Any) -> bool:
    if isinstance(b, Mapping):
        return isinstance(a, Mapping) and a.keys() == b.keys() and all(_same_argument(a[key], b[key]) for key in b)
    if isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(map(_same_argument, a, b))
    return bool(np.array_equal(a, b))


def _arrays(result: Any, n: int) -> Answer:
    """The result as `n` arrays."""
    if result is None:
        return Answer(fault="Your function returns nothing: is the `return` missing?")
    if n > 1 and not (isinstance(result, (tuple, list)) and len(result) == n):
        count = f"{len(result)} results" if isinstance(result, (tuple, list)) else "one result"
        return Answer(fault=f"Your function returns {count}, expected {n}, separated by commas.")
    try:
        arrays = [np.asarray(a.data if isinstance(a, Tensor) else a, np.float64) for a in (result if n > 1 else (result,))]
    except (TypeError, ValueError):
        return Answer(fault=f"Your function returns {short(result)}, expected an array of numbers.")
    return Answer(tuple(arrays))


def same(a: Array, b: Array) -> bool:
    """Whether two arrays are equal, rounding errors aside."""
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=0, atol=allowed(b), equal_nan=True))


def allowed(right: Array) -> float:
    """The largest difference from a right result that is rounding."""
    return TOLERANCE * max(1.0, float(np.abs(right).max(initial=0)))


def alike(a: Answer, b: Answer) -> bool:
    """Whether two answers are the same arrays, or the same exception."""
    return a.error == b.error and len(a.arrays) == len(b.arrays) and all(map(same, a.arrays, b.arrays))
