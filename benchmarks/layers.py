"""The layers of GoogLeNet as data: shapes/googlenet.txt (convolutions), shapes/googlenet_maps.txt (pooling, ReLU, softmax)."""

from pathlib import Path
from typing import Any, NamedTuple

SHAPES = Path(__file__).parent / "shapes"


class Conv(NamedTuple):
    """One convolution: a map [h, w, cin] and weights [kh, kw, cin, cout]."""

    name: str
    h: int
    w: int
    cin: int
    kh: int
    kw: int
    cout: int
    stride: int
    pad: int

    @property
    def out(self) -> tuple[int, int]:
        """(height, width) of the map that it makes."""
        return (self.h + 2 * self.pad - self.kh) // self.stride + 1, (self.w + 2 * self.pad - self.kw) // self.stride + 1

    def flops(self, batch: int) -> int:
        """Operations by the definition, a multiply-add counting as two: what `winograd` saves still counts."""
        return 2 * batch * self.out[0] * self.out[1] * self.kh * self.kw * self.cin * self.cout

    def bytes(self, batch: int) -> int:
        """Bytes that must cross the memory bus at least once: both maps and the weights, float32."""
        pixels = batch * (self.h * self.w * self.cin + self.out[0] * self.out[1] * self.cout)
        return 4 * (pixels + self.kh * self.kw * self.cin * self.cout)


class Map(NamedTuple):
    """A kernel that moves a map [h, w, c] and computes little: "max" or "average" (windows of `size`), "relu", "softmax"."""

    name: str
    kernel: str
    h: int
    w: int
    c: int
    size: int
    stride: int
    pad: int

    @property
    def out(self) -> tuple[int, int]:
        """(height, width) of the map that it makes; GoogLeNet's pools round up."""
        if not self.size:
            return self.h, self.w
        h, w = (-(-(size + 2 * self.pad - self.size) // self.stride) + 1 for size in (self.h, self.w))
        return h, w

    def bytes(self, batch: int) -> int:
        """One map read, one written, float32."""
        return 4 * batch * self.c * (self.h * self.w + self.out[0] * self.out[1])


def _read(kind: type, path: Path) -> list[Any]:
    lines = [line.split() for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return [kind(*(int(word) if word.isdigit() else word for word in words)) for words in lines]


def convolutions() -> list[Conv]:
    """GoogLeNet's 57 convolutions, and one for each auxiliary head."""
    return _read(Conv, SHAPES / "googlenet.txt")


def maps() -> list[Map]:
    """The layers of GoogLeNet that are limited by memory."""
    return _read(Map, SHAPES / "googlenet_maps.txt")


def parts(network: Any, prefix: str) -> list[tuple[str, Any]]:
    """(name, module) of the direct parts of a network whose name begins with `prefix`, in order."""
    return [(name, module) for name, module in network.named_modules() if name.startswith(prefix) and "." not in name]
