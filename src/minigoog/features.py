"""The features that images have at a layer inside a network, for another classifier, a search or a picture."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from difflib import get_close_matches
from itertools import chain, islice
from typing import Any, TypeAlias

import numpy as np

from . import kernels
from .array_types import Array, Shape
from .checks import check_int
from .compile import compile as compile_model
from .nn import Module, evaluation_mode
from .nn.module import check_module
from .op import Op
from .tape import Tape
from .tensor import Tensor, recording
from .text import listed, short

BATCH = 8  # images that go through the network together: for GoogLeNet 5% faster than 32
MOST_PLANS = 4  # at once: each has its own weights and maps
Runner: TypeAlias = Callable[[Array], Array]
Plans: TypeAlias = dict[tuple[Shape, int], list[Runner]]  # of one model, by the shape of their input and their threads


def extract(model: Module, images: Any, layer: str, *, batch_size: int = BATCH) -> Array:
    """The output of the module named `layer` for each image, as float32: [n, h, w, c] of a map, [n, features] of a vector.

    images: the network's input, float32 [n, h, w, c]; or, for a model from `load`, what its `preprocess` takes: files or uint8
    arrays. The network runs up to that layer only, in evaluation, in batches, compiled if the C kernels were built; nothing is
    pooled or flattened. ValueError, listing names that are near, if no module of the model has that name."""
    part = Part(check_module("extract", "model", model), layer)
    size = check_int("extract", "batch_size", batch_size, 1)
    found = list(outputs(part, _batches(model, images, size)))
    if not found:
        raise ValueError("extract: `images` has 0 images, expected at least 1")
    return np.concatenate(found)


def outputs(model: Module, batches: Iterable[Array], plans: Plans | None = None) -> Iterator[Array]:
    """What `model` computes in evaluation for each of `batches`, float32 [n, h, w, c].

    It is compiled for the shape of the first; a smaller batch is filled up with zeros, whose results are dropped. plans: what was compiled
    for earlier calls, while the model's parameters stay as they are; new ones are added."""
    batches, plans = iter(batches), {} if plans is None else plans
    first = list(islice(batches, 2))
    if kernels.native and len(first) == 2:
        yield from _together(model, first[0].shape, chain(first, batches), plans)
    elif first:
        key = (first[0].shape, kernels.get_num_threads())
        run = plans[key].pop() if plans.get(key) else _runner(model, first[0].shape)
        yield from (_filled(run, x, len(first[0])) for x in chain(first, batches))
        if key in plans or len(plans) < MOST_PLANS:
            plans.setdefault(key, []).append(run)


def _together(model: Module, shape: Shape, batches: Iterable[Array], plans: Plans) -> Iterator[Array]:
    """`outputs` of several batches at once, each by a plan of its own on a part of the threads: if they shared a batch, all would wait
    for the slowest at the end of each layer, and for steps that run in NumPy."""
    from concurrent.futures import Future, ThreadPoolExecutor  # slow to import

    teams = min(kernels.get_num_threads(), MOST_PLANS)
    members = kernels.get_num_threads() // teams
    free = plans.setdefault((shape, members), [])
    missing, pool = teams - len(free), ThreadPoolExecutor(teams, thread_name_prefix="minigoog-features")
    waiting = deque[Future[Array]]()

    def compute(x: Array) -> Array:
        run = free.pop()
        try:
            with kernels.native.machine.at_most(members):
                return _filled(run, x, shape[0])
        finally:
            free.append(run)

    try:
        for number, x in enumerate(batches):
            if number < missing:
                free.append(_runner(model, shape))
            waiting.append(pool.submit(copy_context().run, compute, x))
            if len(waiting) > 2 * teams:
                yield waiting.popleft().result()
        yield from (future.result() for future in waiting)
    finally:
        pool.shutdown(cancel_futures=True)


def _filled(run: Runner, x: Array, n: int) -> Array:
    """run(x), where `run` takes `n` images."""
    return run(x if len(x) == n else np.concatenate([x, np.zeros((n - len(x), *x.shape[1:]), np.float32)]))[: len(x)]


def _runner(model: Module, shape: Shape) -> Runner:
    if kernels.native:
        with recording():
            return compile_model(model, shape)

    def eager(x: Array) -> Array:
        with recording(), evaluation_mode(model):
            y: Array = model(Tensor(x, requires_grad=True)).data
        return y

    return eager


def _batches(model: Module, images: Any, size: int) -> Iterator[Array]:
    """`images` as network's inputs, `size` at a time."""
    ready = isinstance(images, np.ndarray) and images.dtype == np.float32
    if ready and images.ndim != 4:
        raise ValueError(f"extract: `images` has shape {images.shape}, expected [n, h, w, c]")
    if not ready and not hasattr(model, "preprocess"):
        given = f"{images.dtype}" if isinstance(images, np.ndarray) else type(images).__name__
        raise TypeError(f"extract: `images` is {given}, expected the network's input, a NumPy array float32 [n, h, w, c]")
    several = isinstance(images, (list, tuple)) or (isinstance(images, np.ndarray) and images.ndim == 4)
    images = images if several else [images]
    for start in range(0, len(images), size):
        part = images[start : start + size]
        yield np.ascontiguousarray(part) if ready else model.preprocess(part)


class Part(Module):
    """A network up to the output of one of its layers. No other thread may use the network while this runs."""

    def __init__(self, model: Module, layer: str) -> None:
        self.model, self.layer = model, layer.replace("/", ".") if isinstance(layer, str) else layer  # Caffe's paths
        modules = dict(model.named_modules())
        if not isinstance(layer, str) or self.layer not in modules:
            last = [name for name, module in modules.items() if not list(module.children())]
            near = get_close_matches(str(layer), modules, 5) or last
            raise ValueError(f"extract: `layer` is {short(layer)}, expected the name of a module, such as {listed(near)}")

    def forward(self, x: Tensor) -> Tensor:
        module = dict(self.model.named_modules())[self.layer]
        own: list[Any] = []
        parts: list[Any] = []  # of a module that only groups others, as those of imported networks do
        with ExitStack() as noting:
            for each in module.modules():
                noting.enter_context(_noting(each, own if each is module else parts))
            y = self.model(x)
        made: Any = own[-1] if own else parts[-1] if parts else _last_with_parameters(y, module)
        if not isinstance(made, Tensor):
            raise ValueError(f"extract: `layer` is '{self.layer}', which gave {type(made).__name__}, expected one that gives a Tensor")
        return made


@contextmanager
def _noting(module: Module, results: list[Any]) -> Iterator[None]:
    """Within a with-block, appends what `module` returns to `results`."""
    forward = module.forward

    def noting(*args: Any, **kwargs: Any) -> Any:
        results.append(forward(*args, **kwargs))
        return results[-1]

    vars(module)["forward"] = noting
    try:
        yield
    finally:
        vars(module).pop("forward", None)


def _last_with_parameters(y: Any, module: Module) -> Tensor | None:
    """The output of the last operation that reads a parameter of a `module` that is never called itself."""
    own = {id(parameter) for parameter in module.parameters()}
    tape = Tape(*(y if isinstance(y, tuple) else (y,)))
    found = [op for op in tape if any(id(x) in own for x in op.inputs)]
    return output_of(found[-1], tape) if found else None


def output_of(op: Op, tape: Tape) -> Tensor | None:
    """The tensor that `op` made, as an input of another operation of the tape or a result."""
    tensors = [*tape.results, *(x for other in tape for x in other.inputs)]
    return next((x for x in tensors if x.op is op), None)
