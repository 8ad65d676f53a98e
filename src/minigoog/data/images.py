"""Image files and sizes, through Pillow (extra `images`). An image is uint8 [h, w, c], c = 1 or 3."""

import errno
import io
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..reading import DamagedFile, known_kind, open_regular, reason
from ..text import printable

Image: TypeAlias = NDArray[Any]  # [h, w, c], values from 0 to 255: uint8, or float32 after some transforms

# Pillow's names of the formats that are read. It knows some 35 more, each of them a parser open to the files of strangers; one of them
# starts Ghostscript.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
MOST_PIXELS = 200_000_000  # of a file: the largest sensors of phones; a few kilobytes can claim any number
INTERPOLATIONS = ("nearest", "bilinear", "box", "bicubic")  # as torchvision's InterpolationMode; box averages areas

ORIENTATION, ROTATED = 0x0112, (5, 6, 7, 8)  # the EXIF tag, and its values for images that are stored rotated by 90 degrees
UPRIGHT: dict[int, Callable[[Image], Image]] = {  # by the value of the tag: from the stored image to what the camera saw
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: image[::-1].swapaxes(0, 1),
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: image[:, ::-1].swapaxes(0, 1),
}


class DamagedImage(DamagedFile):
    """A file that cannot be read as an image; the message names it."""


def decode(file: str | os.PathLike[str] | bytes) -> NDArray[np.uint8]:
    """The image in a file (a path or bytes) of one of FORMATS, upright, as RGB; DamagedImage, naming it, if it cannot be.

    Of several frames it is the first. 16 bits become 8 by scaling, transparency is dropped, and CMYK is converted without a colour
    profile: (255 - c) (255 - k) / 255."""
    with _opened(file) as image:
        turn = UPRIGHT.get(_orientation(image), np.asarray)
        return np.ascontiguousarray(turn(_rgb(image)))


def upright_size(file: str | os.PathLike[str] | bytes) -> tuple[int, int]:
    """(height, width) of the image as `decode` gives it, from the file's header; DamagedImage as there."""
    with _opened(file) as image:
        return (image.width, image.height) if _orientation(image) in ROTATED else (image.height, image.width)


@contextmanager
def _opened(file: str | os.PathLike[str] | bytes) -> Iterator[Any]:
    """Within a with-block, the image in a file or in bytes, as an object of Pillow.

    All that a decoder raises, there or in the block, becomes DamagedImage; an error of the system stays an OSError. Both name the file."""
    name = f"{len(file)} bytes" if isinstance(file, bytes) else os.fspath(file)
    pillow = _pillow()
    try:
        with io.BytesIO(file) if isinstance(file, bytes) else open_regular(file) as stream:
            image = _identified(pillow, stream)
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"it has {image.width}x{image.height} pixels, expected at most {MOST_PIXELS:,} in all")
            yield image
    except MemoryError:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), name) from None
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # EINVAL: a damaged file points before its start
            raise OSError(error.errno, error.strerror, name) from None
        raise DamagedImage(f"{printable(name)}: cannot be read as an image ({reason(error)})") from error


def _pillow() -> Any:
    """The module PIL.Image, with the parsers of FORMATS; an ImportError that names the extra where Pillow is not installed."""
    try:
        from PIL import (
            BmpImagePlugin,
            GifImagePlugin,
            Image,
            JpegImagePlugin,
            PngImagePlugin,
            PpmImagePlugin,
            TiffImagePlugin,
            WebPImagePlugin,
        )  # fmt: skip
    except ModuleNotFoundError:
        raise ImportError("image files and sizes need Pillow: pip install 'minigoog[images]'") from None
    # importing a parser registers it
    del BmpImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, PpmImagePlugin, TiffImagePlugin, WebPImagePlugin
    return Image


def _identified(pillow: Any, stream: BinaryIO) -> Any:
    """Pillow's object for the image in `stream`; ValueError if it has none of FORMATS.

    PIL.Image.open(stream, formats=FORMATS) does the same, but has a limit of its own, global and lower than MOST_PIXELS, and warns."""
    start = stream.read(16)
    stream.seek(0)
    for name in FORMATS:
        parser, accepts = pillow.OPEN[name]
        if accepts(start) is True:  # or False, or a text: Pillow was built without this format
            return parser(stream, "")
    kind = known_kind(start)
    found = f"it is {kind}" if kind else "its content has another format"
    raise ValueError(f"{found}, expected {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")


def _orientation(image: Any) -> int:
    """The value of the EXIF tag of this name, from 1 to 8; 1, upright, if there is none or the EXIF data is damaged."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except (SyntaxError, ValueError, TypeError, LookupError, EOFError, struct.error, Warning):  # Warning: where they are errors
        image.load()  # an error there is one of the image
        return 1


def _rgb(image: Any) -> Image:
    """The pixels of Pillow's object, as it is stored."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):  # Pillow would clip 16 bits at 255
        grey = (np.asarray(image).astype(np.uint32) + 128) // 257
        return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
    if image.mode in ("I", "F"):
        raise ValueError(f"its pixels are 32-bit numbers without a scale (Pillow's mode {image.mode}), expected 8 or 16 bits")
    image.load()
    image.info.pop("transparency", None)  # it is dropped in any case, and Pillow would warn that it is
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"), np.uint8)


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
    pillow = _pillow()
    top, left, height, width = box or (0, 0, *image.shape[:2])
    source = pillow.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    resampling = pillow.Resampling[interpolation.upper()]
    resized = source.resize((size[1], size[0]), resampling, box=(left, top, left + width, top + height))
    return np.asarray(resized).reshape(*size, image.shape[2])
