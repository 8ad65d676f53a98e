"""Image files and sizes, through Pillow (extra `images`). An image is uint8 [h, w, c], c = 1 or 3."""

import io
from contextlib import contextmanager

import numpy as np

ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)  # the EXIF tag, and its values for images that lie on their side
MOST_PIXELS = 100_000_000  # of a file: Pillow only warns of more, and a few kilobytes can claim them
FILTERS = {"nearest": "NEAREST", "bilinear": "BILINEAR", "area": "BOX", "cubic": "BICUBIC"}  # our names, and Pillow's


def _pillow():
    """The module PIL.Image; an ImportError that names the extra where Pillow is not installed."""
    try:
        from PIL import Image
    except ModuleNotFoundError:
        raise ImportError("images need Pillow: pip install 'minigoog[images]'") from None
    return Image


class DamagedImage(ValueError):
    """A file that cannot be read as an image; the message names it."""


def decode(file):
    """The image in a file (a path or bytes) of any format that Pillow reads, upright, as RGB; DamagedImage, naming it, if it cannot be."""
    with _opened(file) as image:
        from PIL import ImageOps

        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16"):  # Pillow would cut off at 255
            grey = (np.asarray(image).astype(np.uint32) + 128) // 257
            return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
        if image.mode in ("I", "F"):
            raise ValueError(f"its pixels are 32-bit numbers of Pillow's mode {image.mode} and no scale; expected 8 or 16 bits")
        return np.asarray(image.convert("RGB"))


def upright_size(file):
    """(height, width) of the image as `decode` gives it, from the file's header; DamagedImage as there."""
    with _opened(file) as image:
        size = image.height, image.width
        return size[::-1] if image.getexif().get(ORIENTATION, 1) in TURNED else size


@contextmanager
def _opened(file):
    """Within a with-block, the image in a file or in bytes; what goes wrong there is a DamagedImage."""
    image_module = _pillow()
    name = "image" if isinstance(file, bytes) else str(file)
    try:
        with image_module.open(io.BytesIO(file) if isinstance(file, bytes) else file) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"it has {image.width}x{image.height} pixels, expected at most {MOST_PIXELS:,}")
            yield image
    except FileNotFoundError:
        raise
    except (OSError, ValueError, SyntaxError, image_module.DecompressionBombError) as error:  # Pillow's errors about damaged files
        raise DamagedImage(f"{name}: cannot be read as an image ({error})") from None


def resize(image, size, interpolation="bilinear", box=None):
    """`image` at `size` (height, width), or the part of it in `box` (top, left, height, width); smoothed where it shrinks."""
    if interpolation not in FILTERS:
        raise ValueError(f"resize: `interpolation` is {interpolation!r}, expected one of {', '.join(FILTERS)}")
    image_module = _pillow()
    top, left, height, width = box or (0, 0, *image.shape[:2])
    source = image_module.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    how = image_module.Resampling[FILTERS[interpolation]]
    resized = source.resize((size[1], size[0]), how, box=(left, top, left + width, top + height))
    return np.asarray(resized).reshape(*size, image.shape[2])
