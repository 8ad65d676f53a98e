"""Optimizers, the running average of weights, and the norm of gradients."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from . import kernels, writes
from .array_types import Array
from .checks import check_array, check_bool, check_real
from .tensor import Tensor, check_tensor

Group: TypeAlias = dict[str, Any]  # "params": a list of tensors; and the settings of their step
Params: TypeAlias = Iterable[Tensor | Mapping[str, Any]]  # tensors, or groups of them


class Optimizer:
    """Base class of the optimizers: groups of parameters, each with its own settings, and a state for each parameter.

    `params`: tensors, or groups {"params": tensors, "lr": ..., ...}; settings missing in a group default to the constructor's.
    param_groups: these groups, complete; settings may be changed between steps. A parameter without a gradient is not changed.
    A subclass has `new_state` and `update`, and lists the settings to check in `limits` and `flags`."""

    limits: dict[str, tuple[float, float]] = {}  # for each setting that is a number: (smallest, largest)
    flags: tuple[str, ...] = ()  # the settings that are True or False

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        if not isinstance(defaults, Mapping):
            raise TypeError(f"{self._name}: `defaults` is {type(defaults).__name__}, expected a dict of settings")
        self.defaults = self._checked(dict(defaults))
        self.param_groups: list[Group] = []
        self.state: list[dict[str, Any]] = []  # one for each parameter, in the order of the groups
        given = _listed(self._name, "params", params)
        if not given:
            raise ValueError(f"{self._name}: `params` is empty")
        for group in given if isinstance(given[0], Mapping) else [{"params": given}]:
            self.add_param_group(group)

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Adds a group with its own settings: {"params": tensors, "lr": ..., ...}."""
        if not isinstance(group, Mapping) or "params" not in group:
            raise TypeError(f"{self._name}: a group is {type(group).__name__}, expected a dict with `params`")
        if unknown := group.keys() - self.defaults.keys() - {"params"}:
            raise ValueError(f"{self._name}: a group has `{min(unknown)}`, expected {', '.join(self.defaults)}")
        params = [group["params"]] if isinstance(group["params"], Tensor) else _listed(self._name, "params", group["params"])
        self._check_params(params)
        settings = self._checked({name: group.get(name, value) for name, value in self.defaults.items()})
        self.param_groups.append({"params": params, **settings})
        self.state += [self.new_state(p) for p in params]

    def _check_params(self, params: list[Any]) -> None:
        """TypeError or ValueError unless all are Tensors and none occurs twice, in one group or several."""
        known = {id(p) for p in self.parameters}
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(f"{self._name}: `params` has {type(p).__name__}, expected Tensors")
            if id(p) in known:
                raise ValueError(f"{self._name}: `params` has a parameter twice, shape {p.shape}")
            known.add(id(p))

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _checked(self, settings: dict[str, Any]) -> dict[str, Any]:
        """`settings` with those of `limits` as numbers and of `flags` as bools; TypeError or ValueError, naming it, for one that is not."""
        checked = {name: check_real(self._name, name, settings[name], *limits) for name, limits in self.limits.items()}
        return settings | checked | {name: check_bool(self._name, name, settings[name]) for name in self.flags}

    @property
    def parameters(self) -> list[Tensor]:
        """The parameters of all groups."""
        return [p for group in self.param_groups for p in group["params"]]

    @property
    def lr(self) -> float:
        """The learning rate of the first group; setting it sets that of all groups."""
        rate: float = self.param_groups[0]["lr"]
        return rate

    @lr.setter
    def lr(self, rate: float) -> None:
        for group in self.param_groups:
            group["lr"] = rate

    def step(self) -> None:
        """Updates every parameter by its gradient."""
        each = [(p, settings) for settings in map(self._checked, self.param_groups) for p in settings["params"]]
        if len(each) != len(self.state):
            raise ValueError(f"{self._name}.step: the groups have {len(each)} parameters, expected {len(self.state)}: use add_param_group")
        for (p, settings), state in zip(each, self.state, strict=True):
            if p.grad is not None:
                self.update(p, p.grad, state, settings)
                p.mark_written(f"{self._name}.step")

    def new_state(self, p: Tensor) -> dict[str, Any]:
        """The state of a parameter before the first step."""
        raise NotImplementedError(f"{self._name} has no new_state()")

    def update(self, p: Tensor, grad: Array, state: dict[str, Any], settings: dict[str, Any]) -> None:
        """Changes `p.data` and `state` in place."""
        raise NotImplementedError(f"{self._name} has no update()")

    def zero_grad(self) -> None:
        """Sets the gradients of all parameters to None."""
        for p in self.parameters:
            p.grad = None

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to resume: "state" of each parameter by number (arrays themselves, not copies), "param_groups"."""
        groups, first = [], 0
        for group in self.param_groups:
            last = first + len(group["params"])
            groups.append({**group, "params": list(range(first, last))})
            first = last
        return {"state": {i: dict(state) for i, state in enumerate(self.state)}, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restores settings and state; ValueError, without any change, if they belong to other parameters."""
        where = f"{self._name}.load_state_dict"
        if not isinstance(state_dict, Mapping) or not {"param_groups", "state"} <= state_dict.keys():
            raise TypeError(f"{where}: `state_dict` is {type(state_dict).__name__}, expected a dict with `param_groups` and `state`")
        groups, state = state_dict["param_groups"], state_dict["state"]
        if [len(group["params"]) for group in groups] != [len(group["params"]) for group in self.param_groups]:
            raise ValueError(f"{where}: `state_dict` has other groups of parameters than this optimizer")
        for i, own in enumerate(self.state):
            if _shapes(state.get(i, {})) != _shapes(own):
                raise ValueError(f"{where}: parameter {i} has the state {_shapes(state.get(i, {}))}, expected {_shapes(own)}")
        settings = [self._checked({name: group[name] for name in self.defaults}) for group in groups]
        for group, loaded in zip(self.param_groups, settings, strict=True):
            group.update(loaded)
        for i, own in enumerate(self.state):
            for name, value in own.items():
                if isinstance(value, np.ndarray):
                    value[...] = state[i][name]
                else:
                    own[name] = state[i][name]


def _shapes(state: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shape of each array in a parameter's state."""
    return {name: np.shape(value) for name, value in state.items()}


class SGD(Optimizer):
    """Stochastic gradient descent: g = dw + weight_decay * w; v = momentum * v + g; w = w - lr * v. (Paper, section 6; PyTorch's form)

    nesterov: w = w - lr * (g + momentum * v) instead, Nesterov's momentum (Sutskever et al. 2013, which the paper cites).
    `decay_vectors` False: no weight decay for biases and other parameters with one axis, as for biases in Caffe's GoogLeNet."""

    limits = dict.fromkeys(("lr", "momentum", "weight_decay"), (0.0, math.inf))
    flags = ("nesterov", "decay_vectors")

    def __init__(
        self, params: Params, lr: float, momentum: float = 0.0, *,
        weight_decay: float = 0.0, nesterov: bool = False, decay_vectors: bool = True,
    ) -> None:
        settings = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(params, settings | {"nesterov": nesterov, "decay_vectors": decay_vectors})

    @property
    def velocities(self) -> list[Array]:
        """The velocity v of each parameter."""
        return [state["momentum_buffer"] for state in self.state]

    def new_state(self, p: Tensor) -> dict[str, Any]:
        return {"momentum_buffer": np.zeros_like(p.data)}

    def update(self, p: Tensor, grad: Array, state: dict[str, Any], settings: dict[str, Any]) -> None:
        how = {name: settings[name] for name in ("lr", "momentum", "nesterov")}
        kernels.sgd_step(p.data, grad, state["momentum_buffer"], weight_decay=_decay(p, settings), **how)


def _decay(p: Tensor, settings: dict[str, Any]) -> float:
    """The weight decay of a parameter."""
    decay: float = settings["weight_decay"] if settings["decay_vectors"] or p.ndim > 1 else 0.0
    return decay


class Adam(Optimizer):
    """Steps scaled by running means of the gradient and of its square. (Kingma, Ba, arXiv 1412.6980, algorithm 1)

    g = dw + weight_decay * w; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2, (b1, b2) = `betas`; after t steps
    w = w - lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps), as in PyTorch. `decay_vectors` as in SGD."""

    limits = {"lr": (0.0, math.inf), "eps": (0.0, math.inf), "weight_decay": (0.0, math.inf)}
    flags = ("decay_vectors",)
    decoupled = False  # whether the weight decay stays out of m and v

    def __init__(
        self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, *, decay_vectors: bool = True,
    ) -> None:
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, settings | {"decay_vectors": decay_vectors})

    def _checked(self, settings: dict[str, Any]) -> dict[str, Any]:
        betas = settings["betas"]
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise TypeError(f"{self._name}: `betas` is {betas!r}, expected a pair of numbers")
        b1, b2 = (check_real(self._name, "betas", b, 0, 1) for b in betas)
        if max(b1, b2) == 1:
            raise ValueError(f"{self._name}: `betas` is {betas}, expected two numbers below 1")
        return super()._checked(settings) | {"betas": (b1, b2)}

    def new_state(self, p: Tensor) -> dict[str, Any]:
        return {"step": 0, "exp_avg": np.zeros_like(p.data), "exp_avg_sq": np.zeros_like(p.data)}

    def update(self, p: Tensor, grad: Array, state: dict[str, Any], settings: dict[str, Any]) -> None:
        check_array(self._name, "grad", grad, dtype=p.dtype, shape=p.shape)
        (b1, b2), lr, decay = settings["betas"], settings["lr"], _decay(p, settings)
        m, v = state["exp_avg"], state["exp_avg_sq"]
        state["step"] = t = state["step"] + 1
        kind = p.dtype.type  # NumPy before version 2 would compute in float64 if scalars had another type than the arrays
        if self.decoupled:
            p.data *= kind(1 - lr * decay)
        elif decay:
            grad = grad + kind(decay) * p.data
        m += kind(1 - b1) * (grad - m)
        v += kind(1 - b2) * (grad * grad - v)
        scale = np.sqrt(v) / kind(math.sqrt(1 - b2**t)) + kind(settings["eps"])
        p.data -= kind(lr / (1 - b1**t)) * m / scale


class AdamW(Adam):
    """Adam whose weight decay acts on the weights alone: w = (1 - lr * weight_decay) w first, then Adam's step without it.

    (Loshchilov, Hutter, arXiv 1711.05101)"""

    decoupled = True

    def __init__(
        self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 1e-2, *, decay_vectors: bool = True,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, decay_vectors=decay_vectors)


class PolyakAverage:
    """A running average of arrays, used as the weights for inference. (Polyak, Juditsky 1992; paper, section 6)

    After each step: average = d * average + (1 - d) * array, d = min(decay, (1 + t) / (10 + t)) at step t, so that the first,
    untrained weights soon lose their influence. `arrays`: name -> array, as from `Module.state_dict`; `averages` has the same names."""

    def __init__(self, arrays: Mapping[str, Array], decay: float) -> None:
        if not isinstance(arrays, Mapping):
            raise TypeError(f"PolyakAverage: `arrays` is {type(arrays).__name__}, expected a dict of arrays: model.state_dict()")
        for name, array in arrays.items():
            check_array("PolyakAverage", f"arrays[{name!r}]", array)
        self.arrays = arrays
        self.decay = check_real("PolyakAverage", "decay", decay, 0, 1)
        self.averages = {name: array.copy() for name, array in arrays.items()}
        self.steps = 0

    def step(self) -> None:
        """Updates the averages with the current values of the arrays."""
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        for name, average in self.averages.items():
            kernels.average_step(average, self.arrays[name], decay=decay)
            writes.note(average, "PolyakAverage.step")


def _listed(where: str, name: str, tensors: Any) -> list[Any]:
    """`tensors`, an iterable but not a string or a single tensor (whose rows are other tensors), as a list."""
    if isinstance(tensors, (Tensor, str)) or not isinstance(tensors, Iterable):
        hint = ": model.parameters()" if hasattr(tensors, "parameters") else ""
        raise TypeError(f"{where}: `{name}` is {type(tensors).__name__}, expected a list of Tensors{hint}")
    return list(tensors)


def _checked_parameters(where: str, parameters: Iterable[Tensor]) -> list[Tensor]:
    """One tensor or several as a list of tensors."""
    several = [parameters] if isinstance(parameters, Tensor) else _listed(where, "parameters", parameters)
    return [check_tensor(where, f"parameters[{i}]", p) for i, p in enumerate(several)]


def gradient_norm(parameters: Iterable[Tensor]) -> float:
    """The Euclidean norm of all gradients of `parameters` together; 0 if there are none."""
    parameters = _checked_parameters("gradient_norm", parameters)
    squares = [np.square(p.grad, dtype=np.float64).sum() for p in parameters if p.grad is not None]
    return math.sqrt(sum(squares))


def clip_grad_norm_(parameters: Iterable[Tensor], max_norm: float) -> float:
    """Scales the gradients of `parameters`, in place, so that their total norm is at most `max_norm`; returns the norm before that.

    `max_norm` math.inf changes nothing: for the norm alone."""
    parameters = _checked_parameters("clip_grad_norm_", parameters)
    norm = gradient_norm(parameters)
    unlimited = isinstance(max_norm, (float, np.floating)) and max_norm == math.inf
    if not unlimited and norm > check_real("clip_grad_norm_", "max_norm", max_norm, 0):
        for p in parameters:
            if p.grad is not None:
                p.grad *= np.float32(max_norm / norm)
                writes.note(p.grad, "clip_grad_norm_")
    return norm
