"""A Rule: everything that inspection knows about an operation, found by the operation's class."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from ...array_types import Array, IntArray, Shape
from ...op import Op
from ...op import function_name as op_function_name
from .breakdown import Breakdown


class Window(NamedTuple):
    """The window of its first input that a pixel of the output looks at; each a pair (height, width), as of a convolution."""

    kernel: tuple[float, float]
    stride: tuple[float, float]
    padding: tuple[float, float]


ONE_PIXEL = Window((1, 1), (1, 1), (0, 0))


class Context(NamedTuple):
    """The place of an operation in its network: its name, whether it reads the image, and the operations that read its output."""

    name: str
    reads_image: bool
    readers: tuple[Op, ...]


class Rule:
    """What inspection knows about an operation; `rule_for` registers a subclass of it for the operation's class.

    `output` and `gradient` explain how a number was computed. The rest has defaults: printed names, the kernels that ran, how far a pixel
    looks, and what the page shows. Operations without a rule use this base class, which explains nothing."""

    function = ""  # the name of its steps, as of the function in `ops` (default: made from the name of the class)
    inputs: tuple[str, ...] = ()  # names of its inputs (default: input, or input0, input1, ...)
    kernel = "NumPy"  # the kernel that computes its output,
    gradient_kernels: tuple[str, ...] = ()  # and the gradient of each input
    joins = False  # whether it concatenates the channels of its inputs
    derived = False  # whether the page computes its output from its input, and the gradient of the input from that of the output
    runs = False  # whether its rule in JavaScript computes its map where the kernels in C do not
    kind = "other"  # of its box on the page: conv, pool, concat, loss or other
    javascript = ""  # its rule in page/web/rules/ (none: the page explains the strongest number of each map only)
    back = "The gradient of the output, passed on to the inputs by the chain rule."  # what its gradients mean, in a sentence or two

    def output(self, op: Any, index: Shape) -> Breakdown:
        """How the number at `index` of the output was computed."""
        raise NotImplementedError(f"explain: {_no_rule(op)}")

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        """How the number at `index` of the gradient of input `k` was computed; `dy` is the gradient of the output."""
        raise NotImplementedError(f"explain_gradient: {_no_rule(op)}")

    def window(self, op: Any) -> Window | None:
        """The window that a pixel of the output looks at; None if unknown: then it may depend on every pixel."""
        return None

    def multiply_adds(self, op: Any) -> int:
        """Multiply-adds of the forward pass, if it is a matrix product; each gradient takes as many."""
        return 0

    def algorithm(self, op: Any, kernel: str) -> str:
        """The algorithm of `kernel` that ran, if it has several; else ""."""
        return ""

    def settings(self, op: Any) -> dict[str, Any]:
        """Settings for its JavaScript rule: numbers, booleans, lists."""
        return {}

    def weights(self, op: Any, k: int) -> Array:
        """Input `k` as the page shows it, if it is not a map."""
        array: Array = op.inputs[k].data
        return array

    def indices(self, op: Any) -> dict[str, IntArray]:
        """Arrays of integers [h, w, c] of the first image that its JavaScript rule needs."""
        return {}

    def title(self, op: Any) -> str:
        """The label of its box in the page, a word or two."""
        return self.function.replace("_", " ") or type(op).__name__

    def words(self, op: Any, context: Context) -> str:
        """What it does, in a sentence or two, with its actual numbers."""
        return ""

    def words_back(self, op: Any) -> str:
        """What its gradients mean, in a sentence or two."""
        return self.back


def _no_rule(op: Op) -> str:
    name = type(op).__name__
    return f"{name} has no rule that explains its numbers: register one with @minigoog.inspection.rule_for({name})"


class Pointwise(Rule):
    """The rule of an operation whose output at a pixel depends on that pixel of its inputs; or, where it is a vector, on all pixels."""

    def window(self, op: Any) -> Window | None:
        before, after = op.inputs[0].shape, op.y.shape
        if len(before) == 4 and len(after) < 4:
            return Window(before[1:3], before[1:3], (0, 0))
        is_same = before[:3] == after[:3] or len(before) < 4 > len(after)
        return ONE_PIXEL if is_same else None


RULES: dict[type[Op], Rule] = {}  # keyed by the exact class, not by name and not by base class
_UNKNOWN = Rule()
R = TypeVar("R", bound=type[Rule])


def rule_for(operation: type[Op]) -> Callable[[R], R]:
    """A decorator that registers a subclass of Rule for the class `operation`, in place of an earlier rule.

    Subclasses of `operation` do not get it, because they may compute something else."""
    if not (isinstance(operation, type) and issubclass(operation, Op)):
        raise TypeError(f"rule_for: `operation` is {operation!r}, expected a subclass of Op")

    def register(rule: R) -> R:
        RULES[operation] = rule()
        return rule

    return register


def rule_of(op: Op) -> Rule:
    """The rule of an operation; the base Rule if it has none."""
    return RULES.get(type(op), _UNKNOWN)


def has_rule(op: Op) -> bool:
    """Whether a rule is registered for the class of an operation."""
    return type(op) in RULES


def function_name(op: Op) -> str:
    """The name of an operation's steps: max_pool2d."""
    return rule_of(op).function or op_function_name(type(op))


def input_names(op: Op) -> tuple[str, ...]:
    """The names of an operation's inputs: "input", "weight", "bias"."""
    n = len(op.inputs)
    names = ("input",) if n == 1 else tuple(f"input{i}" for i in range(n))
    return (rule_of(op).inputs or names)[:n]
