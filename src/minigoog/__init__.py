"""minigoog: a convolutional-network engine that a person can read. C kernels, a Python tape, NumPy between them; after GoogLeNet.

    >>> import minigoog as mg
    >>> x = mg.Tensor([1.0, -2.0], requires_grad=True)
    >>> y = mg.ops.relu(x).sum()
    >>> y.backward()
    >>> x.grad
    array([1., 0.], dtype=float32)
"""

from . import interrupts  # noqa: F401  first: all other imports take a moment, in which Ctrl-C may come

# isort: split
from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import kernels, losses, metrics, nn, ops, optim
from .compile import Plan, compile, load_plan
from .gradcheck import GradcheckError, gradcheck
from .kernels import get_num_threads, set_num_threads
from .op import Op
from .rng import manual_seed
from .tape import Tape
from .tensor import Tensor, autocast, no_grad

if TYPE_CHECKING:  # what a running program loads when it first asks for it, see __getattr__
    from . import data, formats, models
    from .config import show_config
    from .exporting import save_onnx
    from .features import extract
    from .inspection.summary.diff import diff
    from .inspection.summary.summary import summary
    from .inspection.trace.trace import trace
    from .loading import load, save

__version__ = "0.1.0"

__all__ = [
    "autocast", "compile", "data", "diff", "extract", "formats", "get_num_threads", "gradcheck", "GradcheckError", "kernels", "load",
    "load_plan", "losses", "manual_seed", "metrics", "models", "nn", "no_grad", "Op", "ops", "optim", "Plan", "save", "save_onnx",
    "set_num_threads", "show_config", "summary", "Tape", "Tensor", "trace",
]

_LATER = {  # name: its module, which is imported on first use, so that `import minigoog` is quick
    "data": "data", "formats": "formats", "inspection": "inspection", "models": "models", "show_config": "config",
    "load": "loading", "save": "loading", "extract": "features", "save_onnx": "exporting",
    "diff": "inspection", "summary": "inspection", "trace": "inspection",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f".{_LATER[name]}", __name__)
    value = globals()[name] = module if name == _LATER[name] else getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
