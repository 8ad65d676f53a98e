"""Image files and sizes, through Pillow (extra `images`). An image is uint8 [h, w, c], c = 1 or 3."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[Any]  # [h, w, c], values from 0 to 255: uint8, or float32 after some transforms

ORIENTATION, ROTATED = 0x0112, (5, 6, 7, 8)  # the EXIF tag, and its values for images that are stored rotated by 90 degrees
MOST_PIXELS = 100_000_000  # of a file: Pillow only warns of more, and a few kilobytes can claim them
INTERPOLATIONS = ("nearest", "bilinear", "box", "bicubic")  # as torchvision's InterpolationMode; box averages areas


def _pillow() -> Any:
    """The module PIL.Image; an ImportError that names the extra where Pillow is not installed."""
    try:
        from PIL import Image
    except ModuleNotFoundError:
        raise ImportError("image files and sizes need Pillow: pip install 'minigoog[images]'") from None
    return Image


class DamagedImage(ValueError):
    """A file that cannot be read as an image; the message names it."""


def decode(file: str | os.PathLike[str] | bytes) -> NDArray[np.uint8]:
    """The image in a file (a path or bytes) of any format that Pillow reads, upright, as RGB; DamagedImage, naming it, if it cannot be."""
    with _opened(file) as opened:
        from PIL import ImageOps

        image = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I;16"):  # Pillow would clip at 255
            grey = (np.asarray(image).astype(np.uint32) + 128) // 257
            return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
        if image.mode in ("I", "F"):
            raise ValueError(f"its pixels are 32-bit numbers without a scale (Pillow's mode {image.mode}), expected 8 or 16 bits")
        return np.asarray(image.convert("RGB"), np.uint8)


def upright_size(file: str | Path | bytes) -> tuple[int, int]:
    """(height, width) of the image as `decode` gives it, from the file's header; DamagedImage as there."""
    with _opened(file) as image:
        rotated = image.getexif().get(ORIENTATION, 1) in ROTATED
        return (image.width, image.height) if rotated else (image.height, image.width)


@contextmanager
def _opened(file: str | os.PathLike[str] | bytes) -> Iterator[Any]:
    """Within a with-block, the image in a file or in bytes; errors of Pillow there become DamagedImage."""
    image_module = _pillow()
    name = f"{len(file)} bytes" if isinstance(file, bytes) else str(file)
    try:
        with image_module.open(io.BytesIO(file) if isinstance(file, bytes) else file) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"it has {image.width}x{image.height} pixels, expected at most {MOST_PIXELS:,}")
            yield image
    except FileNotFoundError:
        raise
    except (OSError, ValueError, SyntaxError, image_module.DecompressionBombError) as error:  # what Pillow raises for damaged files
        raise DamagedImage(f"{name}: cannot be read as an image ({error})") from None


def check_interpolation(where: str, interpolation: str, also: tuple[str, ...] = ()) -> str:
    """Returns `interpolation` if it is one of INTERPOLATIONS or of `also`."""
    if interpolation not in (*also, *INTERPOLATIONS):
        raise ValueError(f"{where}: `interpolation` is {interpolation!r}, expected one of {', '.join((*also, *INTERPOLATIONS))}")
    return interpolation


def resize(
    image: Image, size: tuple[int, int], interpolation: str = "bilinear", box: tuple[int, int, int, int] | None = None
) -> Image:  # fmt: skip
    """`image` uint8 at `size` (height, width), or the part of it in `box` (top, left, height, width); antialiased where it shrinks."""
    check_interpolation("resize", interpolation)
    image_module = _pillow()
    top, left, height, width = box or (0, 0, *image.shape[:2])
    source = image_module.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    resampling = image_module.Resampling[interpolation.upper()]
    resized = source.resize((size[1], size[0]), resampling, box=(left, top, left + width, top + height))
    return np.asarray(resized).reshape(*size, image.shape[2])
