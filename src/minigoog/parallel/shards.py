"""The parameters and buffers of a network, cut into runs of neighbouring ones: each server keeps one."""

from collections.abc import Sequence

import numpy as np

from ..array_types import Array
from ..nn.module import Buffer, Parameter


class Shards:
    """Which of `named`, the parameters and then the buffers of a network by name, each of `servers` keeps.

    Values are one float32 array of a shard's arrays; a gradient is the same, with the new values of buffers, which replaced the old ones,
    and a number for each parameter: above 0 if it has a gradient."""

    def __init__(self, named: Sequence[tuple[str, Parameter | Buffer]], servers: int) -> None:
        ends = np.cumsum([each.data.size for _, each in named])
        owners = [int((end - each.data.size / 2) * servers / ends[-1]) for end, (_, each) in zip(ends, named, strict=True)]
        self.parts = [[pair for pair, owner in zip(named, owners, strict=True) if owner == server] for server in range(servers)]

    def names(self, server: int) -> set[str]:
        """The names of what a server keeps."""
        return {name for name, _ in self.parts[server]}

    def parameters(self, server: int) -> list[Parameter]:
        """The parameters that a server keeps."""
        return [each for _, each in self.parts[server] if isinstance(each, Parameter)]

    def buffers(self, server: int) -> dict[str, Array]:
        """Copies of the buffers that a server keeps, by name."""
        return {name: each.data.copy() for name, each in self.parts[server] if isinstance(each, Buffer)}

    def values(self, server: int) -> Array:
        """The values of a shard."""
        return _flat([each.data for _, each in self.parts[server]])

    def set_values(self, server: int, flat: Array) -> None:
        """Changes a shard to these values."""
        for (_, each), part in zip(self.parts[server], self._views(server, flat), strict=False):
            each.data[...] = part.reshape(each.data.shape)
            each.mark_written("weights of a server")

    def gradient(self, server: int, gradients: dict[int, Array]) -> Array:
        """The gradient of a shard; gradients: by id of their parameter, without those that have none."""
        arrays = [each.data if isinstance(each, Buffer) else gradients.get(id(each), np.zeros_like(each.data))
                  for _, each in self.parts[server]]  # fmt: skip
        has = [id(p) in gradients for p in self.parameters(server)]
        return _flat([*arrays, np.array(has, np.float32)])

    def set_gradient(self, server: int, flat: Array) -> None:
        """Gives the parameters of a shard their gradients, and its buffers their new values."""
        views, parts = self._views(server, flat), self.parts[server]
        has = iter(views[-1])
        for (_, each), part in zip(parts, views, strict=False):
            if isinstance(each, Parameter):
                each.grad = part.reshape(each.shape) if next(has) else None
            else:
                each.data[...] = part.reshape(each.data.shape)
                each.mark_written("the step of a replica")

    def _views(self, server: int, flat: Array) -> list[Array]:
        """The part of each array, and what is left at the end."""
        return np.split(flat, np.cumsum([each.data.size for _, each in self.parts[server]]))


def _flat(arrays: Sequence[Array]) -> Array:
    return np.concatenate([np.empty(0, np.float32), *(array.reshape(-1) for array in arrays)])
