"""Image files and sizes, through Pillow (extra `images`). An image is uint8 [h, w, c], c = 1 or 3."""

import io

import numpy as np

MOST_PIXELS = 100_000_000  # of a file: Pillow only warns of more, and a few kilobytes can claim them
FILTERS = {"nearest": "NEAREST", "bilinear": "BILINEAR", "area": "BOX", "cubic": "BICUBIC"}  # our names, and Pillow's


def _pillow():
    """The module PIL.Image; an ImportError that names the extra where Pillow is not installed."""
    try:
        from PIL import Image
    except ModuleNotFoundError:
        raise ImportError("images need Pillow: pip install 'minigoog[images]'") from None
    return Image


def decode(file):
    """The image in a file (a path or bytes) of any format that Pillow reads, upright, as RGB; ValueError, naming it, if it is damaged."""
    image_module = _pillow()
    from PIL import ImageOps

    name = "image" if isinstance(file, bytes) else str(file)
    try:
        with image_module.open(io.BytesIO(file) if isinstance(file, bytes) else file) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"it has {image.width}x{image.height} pixels, expected at most {MOST_PIXELS:,}")
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, SyntaxError, image_module.DecompressionBombError) as error:  # Pillow's errors about damaged files
        raise ValueError(f"{name}: cannot be read as an image ({error})") from None


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
