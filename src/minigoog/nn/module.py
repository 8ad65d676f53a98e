"""Module: a tree of parameters with a forward function."""

import numpy as np

from ..tensor import Tensor


class Parameter(Tensor):
    """A tensor that is learned: a Module finds it among its attributes."""

    def __init__(self, data):
        super().__init__(np.ascontiguousarray(data), requires_grad=True)


class Buffer:
    """An array that belongs to a module's state but is not learned, such as a running average; `data` is changed in place."""

    def __init__(self, data):
        self.data = np.ascontiguousarray(data)

    @property
    def shape(self):
        """Lengths of the axes."""
        return self.data.shape


def _elements(value):
    """The elements of a list, tuple, set or dict; nothing of anything else."""
    return value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple, set)) else ()


class Module:
    """Base of all layers and networks: attributes that are Parameters or Modules are its parts, named after the attribute.

    A subclass sets them in `__init__` and has `forward`; calling the module calls that."""

    training = True

    def __call__(self, *args, **kwargs):
        return self.forward(*args, **kwargs)

    def forward(self, x):
        """The output tensor from the input tensor."""
        raise NotImplementedError

    def children(self):
        """(name, module) of each direct part, in the order in which they were set."""
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value
            elif any(isinstance(v, (Module, Parameter)) for v in _elements(value)):
                where, kind = f"{type(self).__name__}.{name}", type(value).__name__
                raise TypeError(f"{where} is a {kind} of modules, whose parameters nobody would find: use Sequential")

    def named_modules(self, prefix=""):
        """(dotted name, module) of this module ("") and of all its parts, depth first."""
        yield prefix, self
        for name, child in self.children():
            yield from child.named_modules(f"{prefix}.{name}" if prefix else name)

    def named_parameters(self):
        """(dotted name, Parameter) of all parameters, each once."""
        return self._named(Parameter)

    def _named(self, kinds):
        """(dotted name, value) of all attributes of these kinds, here and in all parts, each once."""
        seen = set()
        for prefix, module in self.named_modules():
            for name, value in vars(module).items():
                if isinstance(value, kinds) and id(value) not in seen:
                    seen.add(id(value))
                    yield f"{prefix}.{name}" if prefix else name, value

    def parameters(self):
        """All parameters, in a list."""
        return [parameter for _, parameter in self.named_parameters()]

    def state_dict(self):
        """The arrays of all parameters and buffers by name: the arrays themselves, not copies."""
        return {name: value.data for name, value in self._named((Parameter, Buffer))}

    def load_state_dict(self, state, strict=True):
        """Copies the arrays of `state` into the parameters and buffers of the same names; nothing is changed if anything does not fit.

        `strict`: names missing from `state` or unknown here are errors too, not only wrong shapes."""
        own = dict(self._named((Parameter, Buffer)))
        wrong = []
        if strict:
            wrong += [f"missing `{name}`" for name in own if name not in state]
            wrong += [f"unknown `{name}`" for name in state if name not in own]
        for name in own.keys() & state.keys():
            shape, expected = np.shape(state[name]), own[name].shape
            if shape != expected:
                wrong.append(f"`{name}` has shape {shape}, expected {expected}")
            elif np.asarray(state[name]).dtype.kind != "f":
                wrong.append(f"`{name}` is {np.asarray(state[name]).dtype}, expected floats")
        if wrong:
            more = f" and {len(wrong) - 8} more" if len(wrong) > 8 else ""
            raise ValueError(f"load_state_dict: {type(self).__name__} does not fit: {'; '.join(sorted(wrong)[:8])}{more}")
        for name in own.keys() & state.keys():
            own[name].data[...] = state[name]
            if isinstance(own[name], Parameter):
                own[name].mark_written("load_state_dict")

    def train(self, mode=True):
        """Switches dropout and auxiliary heads on, here and in all parts; returns the module."""
        for _, module in self.named_modules():
            module.training = mode
        return self

    def eval(self):
        """Switches dropout and auxiliary heads off, here and in all parts; returns the module."""
        return self.train(False)

    def zero_grad(self):
        """Forgets all gradients."""
        for parameter in self.parameters():
            parameter.grad = None

    def multiply_adds(self, x_shape, y_shape):
        """Multiply-adds of this module itself (not its parts) for an input and an output of these shapes."""
        return 0

    def settings(self):
        """The module's settings, as its constructor would be given them, for printing."""
        return ""

    def __repr__(self):
        lines = [f"({name}): {child!r}".replace("\n", "\n  ") for name, child in self.children()]
        body = "".join(f"\n  {line}" for line in lines)
        return f"{type(self).__name__}({self.settings()}{body}{chr(10) if body else ''})"


class Sequential(Module):
    """Modules one after the other: Sequential(a, b) names them 0, 1; Sequential(reduce=a, conv=b) as it says."""

    def __init__(self, *modules, **named):
        if not modules and not named:
            raise ValueError("Sequential: no modules, expected at least one")
        for name, module in [*((str(i), m) for i, m in enumerate(modules)), *named.items()]:
            if not isinstance(module, Module):
                raise TypeError(f"Sequential: `{name}` is {type(module).__name__}, expected a Module")
            setattr(self, name, module)

    def forward(self, x, out=None):
        *first, last = (module for _, module in self.children())
        for module in first:
            x = module(x)
        return last(x) if out is None else last(x, out=out)
