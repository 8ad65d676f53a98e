"""What all optimizers share: groups of parameters with settings, a state for each parameter, resuming."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from ..array_types import Array
from ..checks import check_bool, check_real
from ..tensor import Tensor
from ..text import short

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
        given = listed_tensors(self._name, "params", params)
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
        params = [group["params"]] if isinstance(group["params"], Tensor) else listed_tensors(self._name, "params", group["params"])
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
        _check_form(where, groups, state)
        if [len(group["params"]) for group in groups] != [len(group["params"]) for group in self.param_groups]:
            raise ValueError(f"{where}: `state_dict` has other groups of parameters than this optimizer")
        for i, own in enumerate(self.state):
            if _shapes(state.get(i, {})) != _shapes(own):
                raise ValueError(f"{where}: parameter {i} has the state {_shapes(state.get(i, {}))}, expected {_shapes(own)}")
        for i, group in enumerate(groups):
            _check_dict(f"{where}: `param_groups[{i}]`", group, self.defaults)
        settings = [self._checked({name: group[name] for name in self.defaults}) for group in groups]
        for group, loaded in zip(self.param_groups, settings, strict=True):
            group.update(loaded)
        for i, own in enumerate(self.state):
            for name, value in own.items():
                if isinstance(value, np.ndarray):
                    value[...] = state[i][name]
                else:
                    own[name] = state[i][name]


def _check_form(where: str, groups: Any, state: Any) -> None:
    """TypeError or ValueError unless `groups` is a list of dicts with `params`, and `state` a dict of dicts."""
    if not isinstance(groups, (list, tuple)):
        raise TypeError(f"{where}: `param_groups` is {type(groups).__name__}, expected a list of dicts")
    for i, group in enumerate(groups):
        _check_dict(f"{where}: `param_groups[{i}]`", group, ["params"])
    _check_dict(f"{where}: `state`", state)
    for i, each in state.items():
        _check_dict(f"{where}: `state[{short(i)}]`", each)


def _check_dict(what: str, given: Any, names: Iterable[str] = ()) -> None:
    """TypeError or ValueError unless `given` is a dict that has these names."""
    if not isinstance(given, Mapping):
        raise TypeError(f"{what} is {type(given).__name__}, expected a dict")
    if missing := [name for name in names if name not in given]:
        raise ValueError(f"{what} has no `{missing[0]}`")


def _shapes(state: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shape of each array in a parameter's state."""
    return {name: np.shape(value) for name, value in state.items()}


def decay_of(p: Tensor, settings: dict[str, Any]) -> float:
    """The weight decay of a parameter."""
    decay: float = settings["weight_decay"] if settings["decay_vectors"] or p.ndim > 1 else 0.0
    return decay


def listed_tensors(where: str, name: str, tensors: Any) -> list[Any]:
    """`tensors`, an iterable but not a string or a single tensor (whose rows are other tensors), as a list."""
    if isinstance(tensors, (Tensor, str)) or not isinstance(tensors, Iterable):
        hint = ": model.parameters()" if hasattr(tensors, "parameters") else ""
        raise TypeError(f"{where}: `{name}` is {type(tensors).__name__}, expected a list of Tensors{hint}")
    return list(tensors)
